"""Comparisons that train: alike for all systems, each run in its own process, continued after any end."""

import json
import multiprocessing
import os
import re
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
import torch
from seqattn_cli.views.comparing import ComparisonView

from seqattn.comparison import workers
from seqattn.comparison.folder import ComparisonFolder, Evaluation, Task, interrupted
from seqattn.comparison.jointly import Jointly
from seqattn.comparison.plan import Plan, Recipe
from seqattn.comparison.starting import start
from seqattn.comparison.workers import Began, Failed
from seqattn.errors import NO_MEMORY, InputError
from seqattn.hardware import peak_memory
from seqattn.options import parse_settings
from seqattn.ranks import ALONE
from seqattn.runs.experiment import Experiment
from seqattn.runs.folder import RunFolder
from seqattn.training.events import Finished, Updated
from seqattn.training.schedule import Progress, TrainingOptions

from commands import BUDGET, SIZED, compared_runs, comparing, contents, seqattn, setting, weights_of
from terminal import rendered

PROGRAM = [sys.executable, "-m", "seqattn_cli.main"]
posix = pytest.mark.skipif(os.name != "posix", reason="signals are sent that only POSIX systems have")


def test_all_runs_have_one_tokenizer_one_budget_and_for_each_seed_one_order_of_batches(compared):
    out, result = compared
    runs = compared_runs(out)
    configs = {which: RunFolder(path).read_config() for which, path in runs.items()}
    assert {config.training.max_updates for config in configs.values()} == {8}
    assert {which: config.training.seed for which, config in configs.items()} == {w: w[1] for w in runs}
    assert len({config.data.train_fingerprint for config in configs.values()}) == 1
    assert len({(path / "tokenizer.model").read_bytes() for path in runs.values()}) == 1
    tokens = {
        which: [line.tokens for line in RunFolder(path).metrics.read() if line.event == "updated"]
        for which, path in runs.items()
    }
    assert tokens["lstm", 1] == tokens["transformer", 1] != tokens["lstm", 2] == tokens["transformer", 2]
    assert all(RunFolder(path).finished for path in runs.values())
    assert "Budget of each run: 8 updates" in " ".join(result.stdout.split())


def test_the_memory_of_every_training_is_recorded(compared):
    last = [RunFolder(path).metrics.read()[-1] for path in compared_runs(compared[0]).values()]
    if sys.platform != "win32":
        assert all(10**8 < line.memory < 10**11 for line in last)


def test_the_end_of_a_run_is_one_line_in_a_log(compared):
    ends = [line for line in compared[1].stderr.splitlines() if "8 updates in" in line]
    assert len(ends) == 4 and all(re.search(r"; best .*exact [\d.]+ %$", line) for line in ends)


def test_several_seeds_are_shown_with_their_spread_and_both_uncertainties(compared):
    out, result = compared
    text = " ".join(result.stdout.split())
    assert "over 2 models" in text and "±" in text and "seeds ±" in text and "test sentences ±" in text
    assert "system 2 of 2, seed 1 of 2" in result.stderr
    # Shown again from what is kept: nothing is trained, and times of decoding stay the same.
    again = seqattn("compare", out)
    assert again.stdout == result.stdout
    assert "update" not in again.stderr and "translating" not in again.stderr


def test_a_systems_own_setting_counts_however_general_its_name_is(work, tmp_path):
    own = ("--set", "transformer.dropout=0.4", "--no-baselines", "--system", "transformer")
    seqattn(
        *comparing(work, tmp_path / "c", *own, "--system", "other:arch=transformer,dropout=0.2", updates=1)
    )
    for system, dropout in {"transformer": 0.4, "other": 0.2}.items():
        assert RunFolder(tmp_path / "c" / system / "seed-1").read_config().model.decoder.dropout == dropout


def test_epochs_are_those_of_all_processes_and_stay_when_a_comparison_goes_on_with_others(work, tmp_path):
    def trainings(name, accumulate, processes, seeds=(1,)):
        settings = {"batch_tokens": 64, "accumulate": accumulate}
        plan = Plan((str(work.train),), None, (Recipe("lstm", "lstm"),), seeds, "tiny", settings)
        folder = ComparisonFolder(tmp_path / name)
        with folder.alone():
            tasks = start(plan, Evaluation(str(work.test)), folder, processes=processes).tasks
        return [replace(task.run.read_config().training, seed=0, accumulate=1) for task in tasks]

    (one,), (two,) = trainings("one", 2, 1), trainings("two", 1, 2)
    assert one == two and one.max_updates > 0
    assert trainings("two", 1, 1, (1, 2)) == [two, two]
    assert trainings("alone", 1, 1) != [one]


def test_a_comparison_goes_on_with_what_is_missing_and_with_nothing_else(work, compared, tmp_path):
    out = tmp_path / "more"
    shutil.copytree(compared[0], out)
    shutil.rmtree(out / "lstm" / "seed-2")
    before = contents(out / "transformer" / "seed-1")
    result = seqattn(*comparing(work, out, "--seeds", "1,2"))
    assert "3 of 4 runs are trained already" in result.stderr
    assert weights_of(out / "lstm" / "seed-2") == weights_of(compared[0] / "lstm" / "seed-2")
    assert contents(out / "transformer" / "seed-1") == before


def test_a_comparison_without_a_name_is_continued_until_it_has_been_shown(work, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    command = [word for word in comparing(work, "OUT", updates=2) if word not in ("--out", "OUT")]
    first = seqattn(*command)
    (folder,) = (tmp_path / "runs").iterdir()
    assert f"The comparison is in runs/{folder.name}" in " ".join(first.stderr.split())
    (folder / "lstm" / "seed-1.json").unlink()
    result = seqattn(*command)
    assert f"Continuing runs/{folder.name}" in " ".join(result.stderr.split())
    assert "2 of 2 runs are trained already" in result.stderr
    rows = [
        [line.split() for line in one.stdout.splitlines() if line[:5] == "test "] for one in (first, result)
    ]
    assert rows[0] == rows[1] and len(rows[0]) == 3


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_comparison_that_is_trained_but_was_not_shown_is_shown_by_the_same_command(
    work, tmp_path, monkeypatch, error
):
    def fail(*_):
        raise error

    monkeypatch.chdir(tmp_path)
    command = [word for word in comparing(work, "OUT", updates=2) if word not in ("--out", "OUT")]
    with monkeypatch.context() as patch:
        patch.setattr("seqattn.comparison.findings.find", fail)
        stopped = seqattn(*command, status=130 if error is KeyboardInterrupt else 1)
    (folder,) = (tmp_path / "runs").iterdir()
    if error is KeyboardInterrupt:
        assert f"or: seqattn compare --out runs/{folder.name}" in " ".join(stopped.stderr.split())
    plan, _ = ComparisonFolder(folder).read()
    assert interrupted(tmp_path / "runs", plan).path == folder
    shown = seqattn(*command)
    assert "2 of 2 runs are trained already" in shown.stderr and "translating" not in shown.stderr
    assert "test BLEU" in shown.stdout and list((tmp_path / "runs").iterdir()) == [folder]
    assert interrupted(tmp_path / "runs", plan) is None


def test_a_comparison_whose_record_does_not_say_whether_it_was_shown_counts_as_shown(compared, tmp_path):
    folder = ComparisonFolder(tmp_path / "compare-1")
    shutil.copytree(compared[0], folder.path)
    record, plan = json.loads(folder.record.read_text()), folder.read()[0]
    del record["shown"]
    folder.record.write_text(json.dumps(record))
    assert interrupted(tmp_path, plan) is None
    (folder.path / "lstm" / "seed-1.json").unlink()
    assert interrupted(tmp_path, plan).path == folder.path


@posix
def test_an_interrupted_and_a_killed_comparison_go_on_to_the_same_weights(work, compared, tmp_path):
    out = tmp_path / "cut"
    command = list(map(str, comparing(work, out, "--seeds", "1,2")))
    for sent, status in ((signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)):
        process = subprocess.Popen(
            [*PROGRAM, *command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
        seen = ""
        for line in process.stderr:
            seen += line
            if "validation: loss" in line or "until 8 updates" in line:
                break
        if sent == signal.SIGTERM:
            # Reaches the processes of the trainings too.
            os.killpg(process.pid, sent)
        else:
            process.send_signal(sent)
        shown, rest = process.communicate()
        assert process.returncode == status, seen + rest
        assert shown == "" and "Traceback" not in seen + rest
        if sent == signal.SIGTERM:
            assert f"seqattn compare --out {out}" in " ".join(rest.split())
    children = subprocess.run(["ps", "-A", "-o", "args"], capture_output=True, text=True, check=True)
    assert str(out) not in children.stdout
    result = seqattn("compare", "--out", out, "--threads", 1)
    assert "over 2 models" in " ".join(result.stdout.split())
    for which, path in compared_runs(out).items():
        assert weights_of(path) == weights_of(compared_runs(compared[0])[which])
        lines = [line.update for line in RunFolder(path).metrics.read() if line.event == "updated"]
        assert lines == list(range(1, 9))


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_run_that_cannot_be_trained_is_named_and_the_others_are_trained_and_compared(work, tmp_path, jobs):
    out, wild = tmp_path / "out", setting("lstm.learning_rate=1e30", "lstm.clip=0")
    result = seqattn(*comparing(work, out, *wild, "--seeds", "1,2", "--jobs", jobs), status=1)
    said = " ".join(result.stderr.split())
    for seed in (1, 2):
        assert f"lstm, seed {seed}: {out}/lstm/seed-{seed}: training stopped at update" in said
    assert f"Error: {out}: 2 of 4 runs did not finish training" in said
    assert "(choose other settings, and another folder by --out; what" in said
    assert f"what is trained is compared by: seqattn compare {out}" in said
    assert {which for which, path in compared_runs(out).items() if RunFolder(path).finished} == {
        ("transformer", 1),
        ("transformer", 2),
    }
    again = seqattn("compare", "--out", out, status=1)
    assert "2 of 4 runs are trained already" in again.stderr
    shown = seqattn("compare", out, "--json", tmp_path / "found.json").stdout
    assert "over 2 models" in " ".join(shown.split())
    missing = "lstm has not been trained with the seeds 1, 2."
    assert json.loads((tmp_path / "found.json").read_text())["cautions"][0] == missing
    beside = seqattn(
        *("compare", out, work.run("lstm"), "--test", work.test),
        *("--json", "-", "--latex", tmp_path / "t.tex"),
    )
    assert [one["name"] for one in json.loads(beside.stdout)["systems"]] == ["transformer", "lstm"]
    assert missing in " ".join((tmp_path / "t.tex").read_text().split())


def test_where_no_run_could_be_trained_there_is_nothing_to_compare(work, tmp_path):
    wild = setting("learning_rate=1e30", "clip=0")
    said = " ".join(seqattn(*comparing(work, tmp_path / "out", *wild), status=1).stderr.split())
    assert "2 of 2 runs did not finish training (choose other settings, and another folder by --out)" in said


def test_several_processes_train_the_runs_after_one_that_cannot_be_trained(work, tmp_path):
    settings = parse_settings([*SIZED, *BUDGET, "max_updates=20", "lstm.learning_rate=1e30", "lstm.clip=0"])
    recipes = Recipe("lstm", "lstm"), Recipe("transformer", "transformer")
    plan = Plan((str(work.train),), None, recipes, (1,), "tiny", settings)
    folder = ComparisonFolder(tmp_path / "out")
    with folder.alone():
        wild, tame = start(plan, Evaluation(str(work.test)), folder).tasks
        events = list(Jointly([wild, tame], torch.device("cpu"), ALONE))
    ends = [event for task, event in events if task == wild][-1], events[-1][1]
    assert isinstance(ends[0], Failed) and ends[0].error.path == str(wild.path)
    assert isinstance(ends[1], Finished) and tame.run.finished


def test_a_training_that_is_damaged_is_an_error_that_names_the_file(work, compared, tmp_path):
    out = tmp_path / "out"
    shutil.copytree(compared[0], out)
    run = out / "lstm" / "seed-1"
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:-1]))
    (run / "last" / "state.safetensors").write_bytes(b"damaged")
    result = seqattn("compare", "--out", out, status=1)
    assert f"{run / 'last' / 'state.safetensors'}: " in " ".join(result.stderr.split())
    said = " ".join(result.stderr.split())
    assert "1 of 4 runs did not finish training (the same command tries again;" in said


@posix
def test_a_training_that_dies_is_an_error_that_names_the_run(tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_train", dies)
    tasks = [Task("a", 1, tmp_path / "a"), Task("a", 2, tmp_path / "b")]
    with workers.Workers(tasks, torch.device("cpu"), 1) as trainings:
        events = list(trainings)
    assert [task for task, _ in events] == tasks
    assert [str(event.error).partition(" (the")[0] for _, event in events] == [
        f"{task.path}: its training was ended by SIGKILL" for task in tasks
    ]


def dies(*_):
    os.kill(os.getpid(), signal.SIGKILL)


@posix
def test_a_training_that_dies_after_its_end_has_not_failed(compared, tmp_path, monkeypatch):
    monkeypatch.setattr(workers, "_train", finishes_and_dies)
    shutil.copytree(compared[0] / "lstm" / "seed-1", tmp_path / "a.finished")
    with workers.Workers([Task("a", 1, tmp_path / "a")], torch.device("cpu"), 1) as trainings:
        assert list(trainings) == []


def finishes_and_dies(connection, path, *_):
    path.with_name(f"{path.name}.finished").rename(path)
    dies()


def sent_when_failing_by(error, path, monkeypatch):
    """What a training in a process of its own sends when it fails by an error."""

    def fail(*_):
        raise error

    monkeypatch.setattr(Experiment, "resume", fail)
    ours, theirs = multiprocessing.Pipe()
    with ours, theirs:
        workers._train(theirs, path, "cpu", 1)
        return ours.recv()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError(f"{NO_MEMORY[0]}: 9 bytes"), "there is not enough memory (a smaller model"),
        (MemoryError(), "there is not enough memory (a smaller model"),
        (InputError("is damaged"), "is damaged"),
    ],
)
def test_a_training_that_lacks_memory_says_so_as_it_says_what_is_wrong_in_its_input(
    tmp_path, monkeypatch, error, said
):
    found = sent_when_failing_by(error, tmp_path, monkeypatch)
    assert str(found.error).startswith(f"{tmp_path}: {said}")


def test_a_training_does_not_take_a_mistake_of_the_program_for_a_lack_of_memory(tmp_path, monkeypatch):
    with pytest.raises(RuntimeError, match="shapes"):
        sent_when_failing_by(RuntimeError("shapes differ"), tmp_path, monkeypatch)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux measures a peak anew")
def test_the_peak_of_memory_of_a_run_does_not_count_earlier_runs_of_one_process(work, tmp_path):
    settings = parse_settings([*SIZED, *BUDGET, "max_updates=1"])
    plan = Plan((str(work.train),), None, (Recipe("lstm", "lstm"),), (1, 2), "tiny", settings)
    folder, on = ComparisonFolder(tmp_path / "out"), torch.device("cpu")
    with folder.alone():
        first, second = start(plan, Evaluation(str(work.test)), folder).tasks
        for task, event in Jointly([first, second], on, ALONE):
            if task == first and isinstance(event, Finished):
                torch.ones(10**8)
                before = peak_memory(on)
    assert second.run.metrics.read()[-1].memory < before - 3 * 10**8


class StillWaiting:
    def __init__(self, *tasks):
        self.waiting, self.jobs = list(tasks), 1


def test_the_view_says_how_many_runs_are_trained_and_the_time_left_in_all(tmp_path):
    tasks = [Task(system, seed, tmp_path) for system in ("a", "b") for seed in (1, 2)]
    waiting = StillWaiting(*tasks)
    view = ComparisonView(tasks, waiting)
    waiting.waiting = tasks[1:]
    began = Began(Progress(), TrainingOptions(max_updates=10), 1234, 8.0)
    assert view.begun(tasks[3], began).startswith("b, seed 2 (system 2 of 2, seed 2 of 2): 1,234 parameters")
    view.add(tasks[0], began)
    assert view.seconds_left() is None and "0 of 4 runs trained" in rendered(view)
    view.add(tasks[0], Updated(Progress(5, seconds=50.0), 1.0, 1.0, 1, 1.0))
    # Half of the first run, and three that take as long as it.
    assert view.seconds_left() == pytest.approx(350) and "5:50 left in all" in rendered(view)
    view.add(tasks[0], Finished(Progress(10, seconds=100.0), "10 updates made"))
    waiting.waiting = tasks[2:]
    view.add(tasks[1], began)
    view.add(tasks[1], Updated(Progress(5, seconds=20.0), 1.0, 1.0, 1, 1.0))
    # 20 seconds of the second, and two of the other system at the mean of 100 and 40.
    assert view.seconds_left() == pytest.approx(160) and "1 of 4 runs trained" in rendered(view)
    waiting.jobs = 2
    assert view.seconds_left() == pytest.approx(80)


def test_without_a_corpus_the_bundled_sample_is_compared_with_its_gold_alignments(tmp_path):
    out = tmp_path / "both"
    asked = ["--beam", 1, "--threads", 1, *setting(*SIZED, "seed=3", "validate_every=2")]
    told = seqattn("compare", "--max-updates", 2, "--out", out, "--json", "-", *asked)
    assert "The bundled sample" in told.stderr
    assert (out / "lstm" / "seed-3").is_dir() and (out / "transformer" / "seed-3").is_dir()
    found = json.loads(told.stdout)
    sample = Path(str(files("seqattn_samples"))) / "en-ko"
    assert len(found["references"]) == len((sample / "test.tsv").read_text("utf-8").splitlines())
    assert len(found["alignment"]["error_rates"]) == 2


def test_a_seed_is_given_once():
    told = seqattn("compare", "--seeds", "1,2", *setting("seed=3"), status=2)
    assert "Give --seeds or the setting seed, not both" in told.stderr
