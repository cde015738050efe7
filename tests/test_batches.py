"""Batches of records are translated record by record, also when a worker dies."""

import json
import subprocess
import sys
from importlib.util import find_spec

import numpy as np
import pytest

from seqattn.runs.batches import BatchTranslator

from commands import seqattn

JOB = """
import json, os, signal, sys
from pathlib import Path
import ray, ray.data
from seqattn.runs.batches import BatchTranslator

run, lines, marker, answers = sys.argv[1:]

class Mortal(BatchTranslator):
    def __call__(self, batch):
        if "row 17" in batch["name"] and not Path(marker).exists():
            Path(marker).write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return super().__call__(batch)

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, object_store_memory=80_000_000)
records = [{"name": f"row {at}", "text": line} for at, line in enumerate(json.loads(lines))]
dataset = ray.data.from_items(records, override_num_blocks=6)
found = dataset.map_batches(Mortal, fn_constructor_args=[run], batch_size=5, concurrency=2).take_all()
Path(answers).write_text(json.dumps(found))
"""


def translated(run, lines):
    return seqattn("translate", run, input="\n".join(lines)).stdout.splitlines()


def test_a_batch_gets_a_column_of_translations_and_keeps_the_others(work):
    lines = ["red dog", "", "blue cat"]
    translator = BatchTranslator(work.run("lstm"), column="en", into="ko")
    found = translator({"en": np.array(lines, dtype=object), "id": np.arange(3)})
    assert found["ko"] == translated(work.run("lstm"), lines)
    assert list(found) == ["en", "id", "ko"] and found["id"].tolist() == [0, 1, 2]


def test_what_is_no_text_is_refused(work):
    translator = BatchTranslator(work.run("lstm"))
    with pytest.raises(ValueError, match="column text must have texts alone"):
        translator({"text": ["red dog", None]})
    with pytest.raises(KeyError, match="text"):
        translator({"en": ["red dog"]})
    with pytest.raises(ValueError, match="no run"):
        BatchTranslator()


@pytest.mark.skipif(find_spec("ray") is None, reason="needs ray: pip install 'seqattn[ray]'")
def test_a_ray_job_loses_and_doubles_no_line_when_a_worker_is_killed(work, tmp_path):
    lines = [f"{colour} {animal}" for colour in ("red", "blue", "big") for animal in ("dog", "cat", "")] * 7
    marker = tmp_path / "killed"
    answers = tmp_path / "answers.json"
    given = work.run("lstm"), json.dumps(lines), marker, answers
    command = [sys.executable, "-c", JOB, *map(str, given)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert marker.exists()
    records = json.loads(answers.read_text())
    found = {record["name"]: record for record in records}
    expected = translated(work.run("lstm"), lines)
    assert len(records) == len(lines) == len(found)
    for at, (line, answer) in enumerate(zip(lines, expected, strict=True)):
        assert (found[f"row {at}"]["text"], found[f"row {at}"]["translation"]) == (line, answer)
