"""A run's folder: saving and loading, errors that name damaged files, and atomic writes."""

import ast
import json
import os
import re
from pathlib import Path

import pytest
import torch
from safetensors import safe_open

import seqattn
from seqattn.data.batching import Example, collate
from seqattn.errors import InputError
from seqattn.runs import folder as checkpoint
from seqattn.runs.folder import RunFolder
from seqattn.runs.metrics import FinishedLine, UpdatedLine, ValidatedLine
from seqattn.runs.records import TrainedRecord
from seqattn.runs.run import load_run
from seqattn.writing import write_aside

from helpers import VARIANT_NAMES, VARIANTS
from runs import PROSE, prose_tokenizer, random_run


def outputs(model, tokenizer):
    """Logits of the prose as source and target."""
    side = tokenizer.target
    source, target = collate([Example(tokenizer.source.encode(t), side.encode(t)[:20]) for t in PROSE[:2]])
    with torch.no_grad():
        memory, state = model.encode(source[:, :30])
        return model.logits(model.decode(target[:, :-1], memory, state).hidden)


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("joint", [True, False], ids=["joint", "separate"])
@pytest.mark.parametrize(("architecture", "options"), VARIANTS, ids=VARIANT_NAMES)
def test_a_saved_run_loads_to_the_same_outputs(architecture, options, joint, tmp_path):
    _, model = random_run(tmp_path / "run", architecture, joint=joint, **options)
    torch.manual_seed(1234)
    run = load_run(tmp_path / "run")
    assert torch.equal(outputs(run.model, run.tokenizer), outputs(model, prose_tokenizer(joint)))
    assert not run.model.training
    assert run.tokenizer.joint is joint
    assert run.config.architecture == architecture
    assert run.trained == TrainedRecord(7, bleu=12.5)


def test_the_config_survives_the_round_trip(tmp_path):
    folder, _ = random_run(tmp_path / "run", "lstm", score="general")
    config = folder.read_config()
    assert config.model.decoder.score == "general"
    assert config.training.seed == 5
    assert config.tokenizer.vocab_size == 330
    folder.write_config(config)
    assert folder.read_config() == config


def test_the_folder_of_a_run_can_be_moved(tmp_path):
    random_run(tmp_path / "run", "transformer")
    before = outputs(*_model_and_tokenizer(tmp_path / "run"))
    (tmp_path / "run").rename(tmp_path / "elsewhere")
    assert torch.equal(before, outputs(*_model_and_tokenizer(tmp_path / "elsewhere")))


def _model_and_tokenizer(path):
    run = load_run(path)
    return run.model, run.tokenizer


@pytest.mark.parametrize("kind", ["folder", "file", "dangling link"])
def test_an_existing_path_is_refused_and_unchanged(kind, tmp_path):
    taken = tmp_path / "taken"
    if kind == "file":
        taken.write_text("mine")
    elif kind == "dangling link":
        taken.symlink_to(tmp_path / "nowhere")
    else:
        taken.mkdir()
        if kind == "folder":
            (taken / "config.json").write_text("mine")
    before = contents(tmp_path)
    with pytest.raises(InputError, match="already exists") as caught:
        RunFolder(taken).refuse_existing()
    assert caught.value.path == str(taken)
    assert contents(tmp_path) == before
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_that_cannot_be_created_is_an_error(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="cannot be created"):
        random_run(tmp_path / "file" / "run", "lstm")


@pytest.mark.parametrize("kind", ["missing", "file", "folder"])
def test_the_error_for_a_path_that_is_not_a_run_names_it(kind, tmp_path):
    path = tmp_path / "given"
    if kind == "file":
        path.write_text("text")
    elif kind == "folder":
        path.mkdir()
    expected = {"missing": "does not exist", "file": "is not a folder", "folder": "is not a run"}
    with pytest.raises(InputError, match=expected[kind]) as caught:
        load_run(path)
    assert caught.value.path == str(path)


def changed(values, **changes):
    return json.dumps(values | changes).encode()


DAMAGED_CONFIGS = {
    "empty": lambda values: b"",
    "cut short": lambda values: json.dumps(values).encode()[:-20],
    "not UTF-8": lambda values: b'{"architecture": "\xe9"}',
    "a list": lambda values: b"[]",
    "a text": lambda values: b'"config"',
    "another format": lambda values: changed(values, format=3),
    "no format": lambda values: json.dumps({k: v for k, v in values.items() if k != "format"}).encode(),
    "another architecture": lambda values: changed(values, architecture="mamba"),
    "an unknown option": lambda values: changed(values, model=values["model"] | {"wings": 2}),
    "an impossible option": lambda values: changed(
        values, model=values["model"] | {"encoder": values["model"]["encoder"] | {"hidden": 7}}
    ),
    "options that are no object": lambda values: changed(values, model=3),
    "an unknown field": lambda values: changed(values, colour="red"),
}


@pytest.mark.parametrize("damage", DAMAGED_CONFIGS.values(), ids=DAMAGED_CONFIGS.keys())
def test_the_error_for_a_damaged_config_names_it(damage, tmp_path):
    random_run(tmp_path / "run", "lstm")
    config = tmp_path / "run" / "config.json"
    config.write_bytes(damage(json.loads(config.read_text(encoding="utf-8"))))
    with pytest.raises(InputError, match=re.escape(str(config))):
        load_run(tmp_path / "run")


DAMAGES = {
    "missing": lambda data: None,
    "empty": lambda data: b"",
    "cut short": lambda data: data[: len(data) // 2],
    "noise": lambda data: bytes(range(256)) * 8,
}


@pytest.mark.parametrize("name", ["model.safetensors", "tokenizer.model", "tokenizer.target.model"])
@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_the_error_for_a_damaged_model_or_tokenizer_names_it(damage, name, tmp_path):
    random_run(tmp_path / "run", "lstm", joint=False)
    path = tmp_path / "run" / name
    data = damage(path.read_bytes())
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    with pytest.raises(InputError, match=re.escape(str(path))):
        load_run(tmp_path / "run")


def test_the_error_for_weights_of_another_shape_names_the_parameter(tmp_path):
    random_run(tmp_path / "small", "lstm")
    random_run(tmp_path / "large", "lstm", width=10)
    (tmp_path / "small" / "model.safetensors").write_bytes(
        (tmp_path / "large" / "model.safetensors").read_bytes()
    )
    with pytest.raises(InputError, match=r"model\.safetensors: does not fit .* shape"):
        load_run(tmp_path / "small")


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_the_error_for_a_damaged_training_state_names_it(damage, tmp_path):
    folder, _ = random_run(tmp_path / "run", "lstm")
    folder.write_last({"weights.a": torch.ones(2)}, {"progress": {}})
    path = tmp_path / "run" / "last" / "state.safetensors"
    data = damage(path.read_bytes())
    if data is None:
        path.unlink()
    else:
        path.write_bytes(data)
    with pytest.raises(InputError, match=re.escape(str(path))):
        folder.read_last()


def test_the_error_for_weights_in_place_of_a_training_state_names_the_file(tmp_path):
    folder, _ = random_run(tmp_path / "run", "lstm")
    path = tmp_path / "run" / "last" / "state.safetensors"
    path.parent.mkdir()
    path.write_bytes((tmp_path / "run" / "model.safetensors").read_bytes())
    with pytest.raises(InputError, match=re.escape(str(path))):
        folder.read_last()


def test_the_training_state_survives_the_round_trip_bit_for_bit(tmp_path):
    folder, _ = random_run(tmp_path / "run", "lstm")
    tensors = {
        "a.b": torch.randn(3, 2),
        "step": torch.tensor(7.0),
        "transposed": torch.randn(4, 5).t(),
        "random.cpu": torch.get_rng_state(),
    }
    values = {"progress": {"seconds": 0.1 + 0.2, "tokens": 2**60}, "standing": {"best": float("-inf")}}
    folder.write_last(tensors, values)
    read, written = folder.read_last()
    assert read.keys() == tensors.keys()
    assert all(torch.equal(read[name], tensors[name]) for name in tensors)
    assert written == values


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()], ids=type)
def test_a_write_that_fails_leaves_the_old_file_unchanged(error, tmp_path, monkeypatch):
    path = tmp_path / "file"
    write_aside(path, b"old")

    def fail(_):
        raise error

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(InputError if isinstance(error, OSError) else KeyboardInterrupt) as caught:
        write_aside(path, b"new and longer")
    assert path.read_bytes() == b"old"
    if isinstance(error, OSError):
        assert str(path) in str(caught.value) and "No space left" in str(caught.value)
    monkeypatch.undo()
    write_aside(path, b"new and longer")
    assert path.read_bytes() == b"new and longer"
    assert list(tmp_path.iterdir()) == [path]


def test_a_write_that_fails_leaves_no_temporary_file(tmp_path):
    (tmp_path / "taken").mkdir()
    with pytest.raises(InputError, match="is a directory"):
        write_aside(tmp_path / "taken", b"data")
    assert list(tmp_path.iterdir()) == [tmp_path / "taken"]


def test_a_neighbour_whose_name_ends_in_part_stays(tmp_path):
    (tmp_path / "file.part").write_text("mine")
    write_aside(tmp_path / "file", b"data")
    assert (tmp_path / "file.part").read_text() == "mine"


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs symbolic links and named pipes")
def test_a_link_stays_a_link_and_a_pipe_a_pipe(tmp_path):
    (tmp_path / "target").write_text("old")
    (tmp_path / "link").symlink_to(tmp_path / "target")
    write_aside(tmp_path / "link", b"new")
    assert (tmp_path / "link").is_symlink() and (tmp_path / "target").read_text() == "new"
    os.mkfifo(tmp_path / "pipe")
    reader = os.open(tmp_path / "pipe", os.O_RDONLY | os.O_NONBLOCK)
    try:
        write_aside(tmp_path / "pipe", b"through")
        assert os.read(reader, 100) == b"through"
    finally:
        os.close(reader)
    assert (tmp_path / "pipe").is_fifo()


def test_lines_of_metrics_that_are_not_events_are_skipped(tmp_path):
    folder, _ = random_run(tmp_path / "run", "lstm")
    (tmp_path / "run" / checkpoint.METRICS).write_text('3\n{"event": "updated"}\n[]\n')
    assert folder.metrics.read() == []


def test_writing_to_a_missing_folder_is_an_error(tmp_path):
    with pytest.raises(InputError, match="cannot be written"):
        write_aside(tmp_path / "nowhere" / "file", b"data")


def test_the_model_file_is_safetensors(tmp_path):
    folder, model = random_run(tmp_path / "run", "lstm")
    folder.write_last({"a": torch.ones(1)}, {})
    for path in (tmp_path / "run").rglob("*.safetensors"):
        with safe_open(path, framework="pt") as file:
            assert list(file.keys())
    with safe_open(tmp_path / "run" / "model.safetensors", framework="pt") as file:
        assert set(file.keys()) == {name for name, _ in model.named_parameters()}


def test_nothing_in_the_package_reads_or_writes_pickles():
    for path in Path(seqattn.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = {alias.name for alias in node.names} | {getattr(node, "module", None)}
                assert not names & {"pickle", "dill", "cloudpickle", "joblib", "shelve"}, path
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                assert (node.value.id, node.attr) not in {("torch", "load"), ("torch", "save")}, path


UPDATE = (1.5, 0.001, 9, 0.25)
SCORES = (1.25, 30.0, 50.0, 10.0, True)
EVENTS = [
    UpdatedLine(1, 0, 9, 0.25, *UPDATE),
    UpdatedLine(2, 0, 18, 0.5, *UPDATE),
    ValidatedLine(2, 0, 18, 0.75, *SCORES, False),
    UpdatedLine(3, 0, 27, 1.0, *UPDATE),
    ValidatedLine(3, 0, 27, 1.25, *SCORES, False),
    ValidatedLine(3, 0, 27, 1.5, *SCORES, True),
    FinishedLine(3, 0, 27, 1.5, "3 updates made"),
]


@pytest.mark.parametrize(("update", "kept"), [(0, 0), (1, 1), (2, 3), (3, 5), (9, 5)])
def test_rewinding_drops_the_events_that_resuming_repeats(update, kept, tmp_path):
    folder, _ = random_run(tmp_path / "run", "lstm")
    for event in EVENTS:
        folder.metrics.add(event)
    assert folder.metrics.read() == EVENTS
    folder.metrics.rewind(update, update)
    assert folder.metrics.read() == EVENTS[:kept]


def test_a_line_of_metrics_truncated_by_a_crash_does_not_prevent_resuming(tmp_path):
    folder, _ = random_run(tmp_path / "run", "lstm")
    for event in EVENTS[:3]:
        folder.metrics.add(event)
    with (tmp_path / "run" / checkpoint.METRICS).open("a", encoding="utf-8") as file:
        file.write('{"event": "upda')
    folder.metrics.rewind(2, 2)
    assert folder.metrics.read() == EVENTS[:3]


def test_a_run_without_metrics_has_no_events(tmp_path):
    random_run(tmp_path / "run", "lstm")
    assert RunFolder(tmp_path / "run").metrics.read() == []
