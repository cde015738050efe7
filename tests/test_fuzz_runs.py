"""Random damage to the files of a run: it opens as before, or a single sentence names the file.

`make fuzz` tries many more cases, and others at each call.
"""

import json
import struct

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqattn.errors import InputError
from seqattn.runs.experiment import Experiment
from seqattn.runs.folder import RunFolder
from seqattn.runs.preparation import Data
from seqattn.runs.records import DataRecord
from seqattn.runs.run import load_run

from runs import random_run, reversal_pairs, train_toy

CPU = torch.device("cpu")
FEW = settings(max_examples=settings.default.max_examples // 2)
"""Half as many cases as other tests of properties have."""

NUMBERS = st.one_of(
    st.sampled_from([0, -1, 1, 2, 3, 2**31, 2**63 - 1, 2**63, 2**64, 10**4000, 1e300, 1e-300, 0.5, -0.0]),
    st.integers(),
    st.floats(),
)
VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), NUMBERS, st.text(max_size=8), st.sampled_from(["auto", "lstm", "bpe"])
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
DTYPES = ["F32", "F16", "BF16", "F64", "I8", "U8", "I64", "BOOL", "F8_E4M3", "F4", "C64", "U16", "", "float"]


def places(value, path=()):
    """The paths of everything within a JSON value."""
    held = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [place for key, one in held for place in [(*path, key), *places(one, (*path, key))]]


@st.composite
def changed(draw, value, values=VALUES):
    """A JSON value of which one or two parts are replaced, removed, or named otherwise."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(1, 2))):
        found = places(value)
        if not found:
            break
        *path, last = draw(st.sampled_from(found))
        holder = value
        for key in path:
            holder = holder[key]
        how = draw(st.sampled_from(["replaced", "replaced", "removed", "renamed"]))
        if how == "replaced":
            holder[last] = draw(values)
        else:
            taken = holder.pop(last)
            if how == "renamed" and isinstance(holder, dict):
                holder[draw(st.text(max_size=6))] = taken
    return value


@st.composite
def damaged(draw, data):
    """Bytes of which some are others, missing, or there twice."""
    data = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(0, len(data) - 1)))
        length = draw(st.integers(1, 64))
        how = draw(st.sampled_from(["flipped", "replaced", "removed", "repeated", "cut"]))
        if how == "flipped" and data:
            data[at] ^= 1 << draw(st.integers(0, 7))
        elif how == "replaced":
            data[at : at + length] = draw(st.binary(max_size=16))
        elif how == "removed":
            del data[at : at + length]
        elif how == "repeated":
            data[at:at] = data[at : at + length]
        else:
            del data[at:]
    return bytes(data)


@st.composite
def lying(draw, data):
    """A file of tensors with another header: names, types, shapes, places, metadata."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    sizes = st.one_of(st.integers(0, 40), st.sampled_from([2**31, 2**32, 2**62, 2**63, 2**64 - 1, -1]))
    values = st.one_of(VALUES, st.sampled_from(DTYPES), sizes, st.lists(sizes, max_size=3))
    text = json.dumps(draw(changed(header, values))).encode()
    claimed = draw(st.sampled_from([len(text)] * 6 + [0, 7, len(text) - 1, len(text) + 9, 2**40, 2**64 - 1]))
    return struct.pack("<Q", claimed) + text + data[8 + length :]


@st.composite
def recorded(draw, data, key):
    """A file of tensors with another record under a key of its metadata."""
    (length,) = struct.unpack("<Q", data[:8])
    header = json.loads(data[8 : 8 + length])
    record = json.loads(header["__metadata__"][key])
    record.pop("checksum", None)
    text = draw(st.one_of(changed(record).map(json.dumps), st.text(max_size=20)))
    header["__metadata__"] = {key: text}
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data[8 + length :]


@pytest.fixture(scope="session")
def victim(tmp_path_factory):
    """A run that may be damaged: its folder, and the files as they were."""
    path = tmp_path_factory.mktemp("fuzz") / "run"
    random_run(path, "transformer", joint=False, positions="learned")
    return path


@pytest.fixture(scope="session")
def interrupted(tmp_path_factory):
    """A run that can be resumed."""
    path = tmp_path_factory.mktemp("fuzz") / "toy"
    train_toy(path, "lstm", max_updates=4, ema=0.5)
    return path


def opens(path, name, data):
    """Whether a run opens with other contents of a file; else the error is one line that names the file."""
    own = (path / name).read_bytes()
    (path / name).write_bytes(data)
    try:
        run = load_run(path)
        if run.max_ratio <= 2:
            run.translate("the fox", beam=1)
        return True
    except InputError as error:
        message = str(error)
        assert str(path) in message and "\n" not in message.replace(str(path), "") and len(message) < 900
        return False
    finally:
        (path / name).write_bytes(own)


@FEW
@given(data=st.data())
def test_a_config_with_other_values_opens_or_is_an_error_of_one_line(victim, data):
    config = json.loads((victim / "config.json").read_text())
    opens(victim, "config.json", data.draw(changed(config).map(json.dumps)).encode())


@FEW
@given(data=st.data())
def test_a_damaged_config_opens_or_is_an_error_of_one_line(victim, data):
    opens(victim, "config.json", data.draw(damaged((victim / "config.json").read_bytes())))


@FEW
@given(data=st.data())
def test_a_header_of_weights_that_lies_is_an_error_of_one_line(victim, data):
    own = (victim / "model.safetensors").read_bytes()
    opens(victim, "model.safetensors", data.draw(st.one_of(lying(own), recorded(own, "trained"))))


@FEW
@given(data=st.data())
def test_damaged_weights_are_an_error_of_one_line(victim, data):
    own = (victim / "model.safetensors").read_bytes()
    made = data.draw(damaged(own))
    header = 8 + struct.unpack("<Q", own[:8])[0]
    opened = opens(victim, "model.safetensors", made)
    assert not opened or made[header:] == own[header:]


@FEW
@given(data=st.data(), name=st.sampled_from(["tokenizer.model", "tokenizer.target.model"]))
def test_a_damaged_tokenizer_opens_or_is_an_error_of_one_line(victim, data, name):
    opens(victim, name, data.draw(damaged((victim / name).read_bytes())))


@FEW
@given(data=st.data())
def test_metrics_of_any_values_are_read_or_skipped(victim, data):
    known = {"event": "updated", "update": 1, "epoch": 0, "all_tokens": 9, "all_seconds": 1.0, "loss": 1.0}
    line = data.draw(st.one_of(VALUES, changed(known | {"learning_rate": 0.1, "tokens": 3, "seconds": 0.5})))
    text = json.dumps(line) + data.draw(st.text(max_size=3))
    (victim / "metrics.jsonl").write_text(text + "\n", encoding="utf-8", errors="replace")
    assert len(RunFolder(victim).metrics.read()) <= 1


def resumes(path, data):
    """Whether a run goes on from another state; else the error is one line that names the folder."""
    state = path / "last" / "state.safetensors"
    own = state.read_bytes()
    state.write_bytes(data)
    pairs = reversal_pairs(112)
    record = DataRecord(("toy",), "toy", train_fingerprint="a", valid_fingerprint="b")
    try:
        resumed = Experiment.resume(path, {}, CPU, lambda *_: Data(pairs[:100], pairs[100:], record))
        next(resumed.run())
        return True
    except InputError as error:
        assert str(path) in str(error) and "\n" not in str(error)
        return False
    finally:
        state.write_bytes(own)


@FEW
@given(data=st.data())
def test_a_training_state_of_any_values_resumes_or_is_an_error_of_one_line(interrupted, data):
    own = (interrupted / "last" / "state.safetensors").read_bytes()
    resumes(interrupted, data.draw(st.one_of(lying(own), recorded(own, "state"))))
