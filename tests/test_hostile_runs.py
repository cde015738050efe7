"""A run's folder from a stranger: whatever its files hold, one sentence names what is wrong with it."""

import json
import os
import re
import shutil
import struct
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import seqattn
from seqattn.errors import InputError
from seqattn.models import build
from seqattn.runs import building
from seqattn.runs.folder import RunFolder
from seqattn.runs.run import load_run
from seqattn.runs.tensors import checksum

from commands import contents, error_of
from commands import seqattn as command
from runs import random_run, train_toy

MODEL, STATE = "model.safetensors", Path("last") / "state.safetensors"


@pytest.fixture(scope="module")
def toy(tmp_path_factory):
    """A run that was trained, with checksums and a state."""
    path = tmp_path_factory.mktemp("toy") / "run"
    train_toy(path, "transformer", max_updates=4, validate_every=2)
    return path


@pytest.fixture
def run(toy, tmp_path):
    return shutil.copytree(toy, tmp_path / "run")


def edit(run, **values):
    """Change config.json; a name with dots is of a part."""
    path = run / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    for name, value in values.items():
        *parts, last = name.split("__")
        holder = config
        for part in parts:
            holder = holder[part]
        holder[last] = value
    path.write_text(json.dumps(config), encoding="utf-8")


WRONG = {
    "a later format": ({"format": 3}, "has format 3, which a later version of seqattn wrote"),
    "a format that is no number": ({"format": "2"}, 'format is "2"'),
    "a format before the first": ({"format": 0}, "format is 0"),
    "an unknown field": ({"colour": 1}, 'there is no field "colour"'),
    "an unknown architecture": ({"architecture": "../../etc"}, "there is no architecture '../../etc'"),
    "an architecture that is no text": ({"architecture": []}, "architecture is []"),
    "options that are no object": ({"training": [1]}, "training is [1], not an object"),
    "an unknown option": ({"training__wings": 2}, "training: there is no setting 'wings'"),
    "a number as text": ({"training__seed": "1"}, 'training: seed is "1"'),
    "a truth as a number": ({"model__tied": 1}, "model: tied is 1"),
    "a fraction of layers": ({"model__decoder__layers": 1.5}, "decoder.layers must be a whole number"),
    "too wide": ({"model__encoder__width": 2**17}, "width must be between 1 and 65536"),
    "too many layers": ({"model__encoder__layers": 10**9}, "layers must be between 1 and 1000"),
    "a number of very many digits": ({"training__seed": 10**4200}, "training: seed must be a whole number"),
    "a weight that overflows": ({"training__r_drop": 1e300}, "r_drop must be between 0 and 1e+06"),
    "a ratio without end": ({"max_ratio": 1e300}, "max_ratio is 1e+300, not a number from 0 to 10,000"),
    "a ratio that is not a number": ({"max_ratio": float("nan")}, "max_ratio is NaN"),
    "a count below zero": ({"data__train_pairs": -1}, "train_pairs must be 0 or more"),
    "a count as text": ({"data__train_pairs": "many"}, 'data: train_pairs is "many"'),
    "corpora that are no texts": ({"data__train": [3]}, "data: train is 3"),
    "languages that are no codes": ({"data__languages": ["en", '">']}, "languages are ('en', '\">')"),
    "a command that is a text": ({"command": "rm -r"}, 'command is "rm -r", not a list of texts'),
    "versions that are no texts": ({"versions": {"torch": 3}}, "not an object of texts"),
    "attention before the first layer": ({"alignment": {"layer": 0}}, "alignment: layer must be 1 or more"),
}


@pytest.mark.parametrize(("values", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_field_of_the_config_is_named(run, values, message):
    edit(run, **values)
    said = error_of(command("info", run, status=1))
    assert f"{run}/config.json: " in said and message in said and len(said) < 700


TEXTS = {
    "deep": (b"[" * 200_000, "is not JSON: too deep or too large"),
    "of many digits": (b'{"format": 1' + b"0" * 5000 + b"}", "is not JSON: too deep or too large"),
    "a list": (b"[]", "it is no JSON object"),
    "not UTF-8": (b'{"\xff": 1}', "is not JSON"),
    "a flood of a field": (b'{"format": 2, "' + b"x" * 100_000 + b'": 1}', "there is no field"),
}


@pytest.mark.parametrize(("data", "message"), TEXTS.values(), ids=TEXTS.keys())
def test_a_config_that_is_no_config_is_an_error_of_one_line(run, data, message):
    (run / "config.json").write_bytes(data)
    said = error_of(command("info", run, status=1))
    assert message in said and len(said) < 700


LARGE = {
    "wider than the memory": ({"width": 65_536, "hidden": 65_536, "layers": 40}, "of memory"),
    "wider than the weights": ({"width": 2048}, "does not fit the config"),
    "of more layers than the weights": ({"layers": 60}, "does not fit the config"),
}


@pytest.mark.parametrize(("sizes", "message"), LARGE.values(), ids=LARGE.keys())
def test_sizes_that_the_weights_do_not_have_are_refused_before_a_model_takes_memory(
    work, tmp_path, monkeypatch, sizes, message
):
    run = shutil.copytree(work.run("lstm"), tmp_path / "run")
    built = []

    def noted(*arguments):
        model = build(*arguments)
        built.append(next(model.parameters()).device.type)
        return model

    monkeypatch.setattr(building, "build", noted)
    edit(run, **{f"model__encoder__{name}": size for name, size in sizes.items()})
    assert message in error_of(command("info", run, status=1))
    assert message in command("train", "--resume", "--out", run, "--max-updates", 42, status=1).stderr
    assert built == ["meta", "meta"]


def test_a_model_larger_than_the_memory_is_one_sentence(run, monkeypatch):
    monkeypatch.setattr(building, "physical_memory", lambda: 1000)
    assert "1,000 of memory" in error_of(command("info", run, status=1))


def test_tied_weights_stay_tied_and_opening_a_run_draws_no_random_number(run):
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    opened = load_run(run).model
    assert torch.equal(torch.rand(3), expected)
    assert opened.decoder.output.weight is opened.encoder.embedding.tokens.weight
    assert not any(parameter.is_meta for parameter in opened.parameters())


def rewrite(path, change):
    """Write a file of tensors anew, without what was recorded of them but the identity of their run."""
    tensors = load_file(path)
    metadata = json.loads(header_of(path)[0]["__metadata__"][key := key_of(path)])
    metadata.pop("checksum", None)
    changed = change({name: tensor.clone() for name, tensor in tensors.items()})
    save_file(changed, path, {key: json.dumps(metadata)})


def key_of(path):
    return "state" if path.name == STATE.name else "trained"


def header_of(path):
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    return json.loads(data[8 : 8 + length]), data[8 + length :]


def with_header(path, header, claimed=None):
    text, values = json.dumps(header).encode(), header_of(path)[1]
    path.write_bytes(struct.pack("<Q", len(text) if claimed is None else claimed) + text + values)


@pytest.mark.parametrize("kind", [torch.float16, torch.float64, torch.bfloat16, torch.int32])
def test_weights_of_another_type_are_refused(run, kind):
    rewrite(run / MODEL, lambda tensors: {name: tensor.to(kind) for name, tensor in tensors.items()})
    name = str(kind).removeprefix("torch.")
    assert f"is {name} where float32 is needed" in error_of(command("info", run, status=1))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_no_numbers_are_refused(run, value):
    name = "decoder.norm.weight"
    rewrite(run / MODEL, lambda tensors: tensors | {name: torch.full_like(tensors[name], value)})
    assert "infinite or not a number" in error_of(command("info", run, status=1))


def test_a_missing_an_unknown_and_a_misshapen_tensor_are_named(run):
    path = run / MODEL
    own, bias = path.read_bytes(), "encoder.norm.bias"
    for change, message in (
        (lambda held: {name: one for name, one in held.items() if name != bias}, bias),
        (lambda held: held | {"more": torch.zeros(2)}, "do not match: more"),
        (lambda held: held | {bias: torch.zeros(3)}, "has shape (3,) where"),
    ):
        rewrite(path, change)
        said = error_of(command("info", run, status=1))
        assert f"{path}: does not fit the config beside it" in said and message in said
        path.write_bytes(own)


@pytest.mark.parametrize("name", [MODEL, STATE], ids=["model", "state"])
def test_a_header_that_lies_about_its_tensors_is_one_sentence(run, name):
    path = run / name
    own = path.read_bytes()
    header, _ = header_of(path)
    first = next(key for key in header if key != "__metadata__")
    one = header[first]
    for lie in (
        {**one, "shape": [2**40, 2**40]},
        {**one, "data_offsets": [0, 2**62]},
        {**one, "data_offsets": [4, 0]},
        {**one, "dtype": "F4"},
        {**one, "dtype": "OBJECT"},
        [],
    ):
        with_header(path, header | {first: lie})
        with pytest.raises(InputError, match=re.escape(str(path))):
            RunFolder(run).read_model() if name == MODEL else RunFolder(run).read_last()
        path.write_bytes(own)
    with_header(path, header, claimed=2**63)
    with pytest.raises(InputError, match="is damaged"):
        RunFolder(run).read_model() if name == MODEL else RunFolder(run).read_last()


@pytest.mark.parametrize(
    "record",
    [
        "[" * 100_000,
        "3",
        "[]",
        '{"update": "7"}',
        '{"bleu": [1]}',
        '{"update": 1' + "0" * 5000 + "}",
        '{"run": 3}',
    ],
)
def test_a_record_of_the_weights_with_wrong_types_is_one_sentence(run, record):
    header, _ = header_of(run / MODEL)
    with_header(run / MODEL, header | {"__metadata__": {"trained": record}})
    assert f"{run / MODEL}: is damaged" in error_of(command("info", run, status=1))


def test_metrics_with_wrong_types_are_skipped(run):
    finished = {
        "event": "finished",
        "update": 1,
        "epoch": 0,
        "all_tokens": 1,
        "all_seconds": 1.0,
        "reason": "x",
    }
    lines = [
        "[" * 100_000,
        '{"event": []}',
        json.dumps(finished | {"update": 10**400}),
        json.dumps(finished | {"all_seconds": "long"}),
        json.dumps(finished | {"update": None}),
        '{"event": "finished", "update": 1' + "0" * 5000 + "}",
    ]
    (run / "metrics.jsonl").write_text("\n".join(lines), encoding="utf-8")
    assert RunFolder(run).metrics.read() == []
    assert "unknown" in command("info", run).stdout


def test_text_of_a_stranger_does_not_control_the_terminal(run):
    edit(
        run,
        command=["\x1b[2Jgone", "[red]\u202e"],
        versions={"\x1b]0;x\x07": "\x9b1m"},
        data__train=["\x1b[31m"],
    )
    shown = command("info", run).stdout
    assert not set("\x1b\x07\x9b\u202e") & set(shown) and "[red]" in shown


def test_texts_of_a_stranger_that_are_no_unicode_do_no_harm(work, tmp_path):
    run = shutil.copytree(work.run("lstm"), tmp_path / "run")
    edit(run, command=["\ud800"], versions={"\udfff": "1"}, data__sides=["\ud800", "en"])
    assert command("translate", run, work.source).stdout
    command("train", "--resume", "--out", run, "--max-updates", 41)
    assert r"\ud800" in (run / "README.md").read_text(encoding="utf-8")
    command("info", run)


def test_any_bit_of_the_weights_that_changed_is_revealed(run):
    path = run / MODEL
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(data)
    assert f"{path}: is damaged: its checksum differs" in error_of(command("info", run, status=1))


def test_weights_of_another_run_with_the_same_sizes_are_revealed(run, tmp_path):
    train_toy(tmp_path / "other", "transformer", max_updates=4, validate_every=2, seed=2)
    (run / MODEL).write_bytes((tmp_path / "other" / MODEL).read_bytes())
    assert "belongs to another run" in error_of(command("info", run, status=1))
    shutil.copy(tmp_path / "other" / STATE, run / STATE)
    with pytest.raises(InputError, match="belongs to another run"):
        RunFolder(run).read_last(RunFolder(run).read_config())


def test_another_tokenizer_is_revealed_whatever_its_size(run, tmp_path):
    path = run / "tokenizer.model"
    for data in (path.read_bytes() + b"\n\x03\n\x01a", other_tokenizer(tmp_path)):
        path.write_bytes(data)
        said = error_of(command("info", run, status=1))
        assert f"{path}: is not the tokenizer of this run: its checksum differs" in said


def other_tokenizer(tmp_path):
    random_run(tmp_path / "prose", "lstm")
    return (tmp_path / "prose" / "tokenizer.model").read_bytes()


def test_without_checksums_a_tokenizer_of_another_size_does_not_fit_the_weights(run, tmp_path):
    edit(run, checksums={})
    (run / "tokenizer.model").write_bytes(other_tokenizer(tmp_path))
    assert "does not fit the config beside it" in error_of(command("info", run, status=1))


@pytest.mark.parametrize("data", [b"", b"\n\x00", b"noise", b"\n\x05\n\x03abc"])
def test_a_tokenizer_that_is_none_is_one_sentence(run, data, capfd):
    edit(run, checksums={})
    (run / "tokenizer.model").write_bytes(data)
    assert f"{run / 'tokenizer.model'}: " in error_of(command("info", run, status=1))
    assert capfd.readouterr() == ("", "")


def test_a_run_that_recorded_no_checksums_opens(run):
    edit(run, checksums={}, identity="")
    for name in (MODEL, STATE):
        tensors, header = load_file(run / name), header_of(run / name)[0]
        key = key_of(run / name)
        values = json.loads(header["__metadata__"][key])
        assert values.pop("checksum") == checksum(tensors) and values.pop("run")
        save_file(tensors, run / name, {key: json.dumps(values)})
    load_run(run)
    RunFolder(run).read_last(RunFolder(run).read_config())


NAMES = ["config.json", MODEL, "tokenizer.model", "metrics.jsonl"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", ["pipe", "device", "link out", "loop", "folder"])
def test_what_is_no_file_in_the_folder_is_refused_at_once(run, name, kind, tmp_path):
    path = run / name
    taken = tmp_path / "taken"
    path.rename(taken)
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to({"device": "/dev/zero", "link out": taken, "loop": path}[kind])
    result = command("info", run, status=0 if (name, kind) == ("metrics.jsonl", "folder") else 1)
    if result.exit_code:
        assert str(run) in error_of(result)


def test_a_link_within_the_folder_is_followed(run):
    (run / MODEL).rename(run / "weights")
    (run / MODEL).symlink_to("weights")
    load_run(run)
    (run.parent / "link").symlink_to(run)
    load_run(run.parent / "link")


@pytest.mark.parametrize("name", ["README.md", "metrics.jsonl", "last", "config.json", MODEL, str(STATE)])
def test_nothing_is_written_through_a_link_out_of_the_folder(work, tmp_path, name):
    run = shutil.copytree(work.run("lstm"), tmp_path / "run")
    own = tmp_path / "home" / "own"
    own.parent.mkdir()
    path = run / name
    path.rename(own)
    path.symlink_to(own)
    edit(run, command=["ssh-ed25519 AAAA stranger"])
    before = contents(own.parent)
    result = command("train", "--resume", "--out", run, "--max-updates", 42, status=1)
    errors = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1 and "is a symbolic link out of the folder" in errors[0]
    assert contents(own.parent) == before


MOMENTS = {
    "a moment that is too small": ("lstm", "exp_avg", lambda one: one.flatten()[:1], "has shape"),
    "a moment of another type": ("lstm", "exp_avg_sq", torch.Tensor.double, "is float64 where"),
    "a step of many numbers": ("lstm", "step", lambda one: torch.zeros(2), "has shape (2,) where ()"),
    "a momentum that is too small": ("transformer", "momentum_buffer", lambda one: one[:1], "has shape"),
}


@pytest.mark.parametrize(("architecture", "key", "change", "message"), MOMENTS.values(), ids=MOMENTS.keys())
def test_moments_that_do_not_fit_the_weights_are_refused(work, tmp_path, architecture, key, change, message):
    run = shutil.copytree(work.run(architecture), tmp_path / "run")

    def spoil(tensors):
        name = next(name for name in tensors if name.startswith("optimizer.") and name.endswith(f".{key}"))
        return tensors | {name: change(tensors[name]).contiguous()}

    rewrite(run / STATE, spoil)
    before = contents(run)
    result = command("train", "--resume", "--out", run, "--max-updates", 42, status=1)
    assert f"{run / STATE}: its saved state does not fit" in result.stderr and message in result.stderr
    assert contents(run) == before


STATES = {
    "no progress": lambda values: values.pop("progress"),
    "progress that is a list": lambda values: values.update(progress=[]),
    "an update that is a text": lambda values: values["progress"].update(update="7"),
    "an update before the first": lambda values: values["progress"].update(update=-1),
    "an update of very many digits": lambda values: values["progress"].update(update=10**4000),
    "a pool without weights": lambda values: values["standing"].update(pool=[[1.0, 2]] * 9),
    "a pool of texts": lambda values: values["standing"].update(pool=["ab"]),
    "a score that is a list": lambda values: values["standing"].update(best=[]),
}


@pytest.mark.parametrize("change", STATES.values(), ids=STATES.keys())
def test_a_training_state_with_wrong_types_is_one_sentence(work, tmp_path, change):
    run = shutil.copytree(work.run("lstm"), tmp_path / "run")
    header, _ = header_of(run / STATE)
    values = json.loads(header["__metadata__"]["state"])
    change(values)
    with_header(run / STATE, header | {"__metadata__": {"state": json.dumps(values)}})
    result = command("train", "--resume", "--out", run, "--max-updates", 42, status=1)
    assert f"{run / STATE}: its saved state does not fit its config: " in result.stderr


def test_a_damaged_state_of_random_numbers_is_one_sentence(work, tmp_path):
    run = shutil.copytree(work.run("lstm"), tmp_path / "run")
    right = torch.get_rng_state()
    for damaged in (right[:3], right.float(), torch.zeros_like(right)):
        rewrite(run / STATE, lambda tensors, held=damaged: tensors | {"random.cpu": held})
        result = command("train", "--resume", "--out", run, "--max-updates", 42, status=1)
        assert "the state of the random numbers is damaged" in result.stderr


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_run_that_names_a_device_as_its_corpus_is_refused(work, tmp_path):
    run = shutil.copytree(work.run("lstm"), tmp_path / "run")
    os.mkfifo(tmp_path / "endless.tsv")
    for corpus in ("/dev/zero,/dev/zero", str(tmp_path / "endless.tsv")):
        edit(run, data__train=[corpus])
        result = command("train", "--resume", "--out", run, "--max-updates", 42, status=1)
        assert "is a device or a pipe" in result.stderr


@pytest.mark.parametrize("name", ["comparison.json", "lstm/seed-1.txt", "lstm/seed-1.json", "lstm/seed-1"])
def test_a_comparison_writes_nothing_through_a_link_out_of_its_folder(compared, tmp_path, name):
    out = shutil.copytree(compared[0], tmp_path / "both")
    own = tmp_path / "home" / "own"
    own.parent.mkdir()
    (out / name).rename(own)
    (out / name).symlink_to(own)
    before = contents(own.parent)
    result = command("compare", "--out", out, "--seeds", 1, "--beam", 1, status=1)
    assert "is a symbolic link out of the folder" in result.stderr
    assert contents(own.parent) == before


def test_no_module_can_unpickle():
    """`numpy.load` is called only without pickles, `torch.load` and its like never (test_checkpoint)."""
    for path in Path(seqattn.__file__).parent.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert "allow_pickle=True" not in text and "weights_only=False" not in text, path
