"""The samples of images: what the sentences say is where they say it, and the same is drawn again."""

import importlib.util
import json
import random
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from seqattn.alignment.pointing import read_boxes
from seqattn.data.images import Images
from seqattn.data.pixels import Shape

SAMPLES = Path(__file__).parent.parent / "samples"
FEW = {"train": 30, "valid": 5, "test": 10}


def generator(name):
    spec = importlib.util.spec_from_file_location(f"{name}_generate", SAMPLES / name / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def made(name, out, monkeypatch, *arguments):
    """The corpus of a generator, with few images."""
    module = generator(name)
    monkeypatch.setattr(module, "SIZES", FEW)
    monkeypatch.setattr(sys, "argv", ["generate.py", *map(str, arguments), "--out", str(out)])
    module.main()
    return module


@pytest.fixture
def digits(tmp_path):
    """A file like that of the real digits: each digit a bar of its own height."""
    images, labels = np.zeros((1400, 8, 8), np.uint8), np.arange(1400) % 10
    for image, label in zip(images, labels, strict=True):
        image[: 1 + label * 7 // 9, 2:6] = 16
    path = tmp_path / "digits.npz"
    np.savez(path, images=images, labels=labels)
    return path


def arguments(name, request):
    return [request.getfixturevalue("digits")] if name == "digits" else []


@pytest.mark.parametrize(
    ("name", "shape"),
    [
        ("shapes", Shape(64, True, 8, 8)),
        ("digits", Shape(24, False, 8, 4)),
        ("lines", Shape(32, False, 32, 4)),
    ],
)
def test_a_generator_writes_a_corpus_the_same_every_time(name, shape, tmp_path, monkeypatch, request):
    given = arguments(name, request)
    for out in (tmp_path / "one", tmp_path / "two"):
        made(name, out, monkeypatch, *given)
    images = Images(shape)
    seen = set()
    for split, size in FEW.items():
        one, other = (images.read_corpus(str(tmp_path / out / f"{split}.npz")) for out in ("one", "two"))
        assert one.fingerprint == other.fingerprint and len(one.complete) == size
        assert all(" ".join(pair.target.split()) == pair.target for pair in one.pairs)
        for image in images.encode_all(pair.source for pair in one.pairs):
            assert image.size[1] == shape.height and image.pixels.std() > 5
        seen |= {pair.target for pair in one.pairs}
    assert name != "lines" or len(seen) == sum(FEW.values())
    if name != "lines":
        boxes = read_boxes(tmp_path / "one" / "test.boxes.jsonl", one.pairs)
        assert [each for each in boxes if not each] == []


def test_the_words_of_a_scene_are_where_its_boxes_say(tmp_path, monkeypatch):
    shapes = made("shapes", tmp_path, monkeypatch)
    with np.load(tmp_path / "test.npz") as data:
        images, texts = data["images"], data["texts"]
    lines = (tmp_path / "test.boxes.jsonl").read_text().splitlines()
    for image, text, line in zip(images, texts, lines, strict=True):
        words = text.split()
        found = [(words[word], box) for word, *box in json.loads(line)]
        assert [word for word, _ in found] == [w for w in words if w in shapes.COLOURS or w in shapes.KINDS]
        for word, (left, top, right, bottom) in found:
            inside = image[top:bottom, left:right].reshape(-1, 3).astype(int)
            if word in shapes.COLOURS:
                near = abs(inside - shapes.COLOURS[word]).max(-1) <= 16
                assert near.mean() > 0.1, (word, text)
            assert 8 <= right - left <= 24 and 8 <= bottom - top <= 24


def test_a_sentence_says_where_each_shape_is_from_the_next():
    shapes = generator("shapes")
    chance = random.Random(3)
    for _ in range(300):
        drawn, relations = shapes.scene(chance)
        text, boxes = shapes.sentence(drawn, relations)
        assert 2 <= len(drawn) <= 4 and len(boxes) == 2 * len(drawn)
        assert text == " ".join(text.split()) and text.count(" is ") == len(relations)
        for (one, other), said in zip(pairwise(drawn), relations, strict=True):
            assert one.x + shapes.APART <= other.x
            across, down = other.x - one.x, other.y - one.y
            assert {"left of": across > abs(down), "above": down > across, "below": -down > across}[said]
            apart = max(abs(across), abs(down))
            assert apart >= one.radius + other.radius
        for shape in drawn:
            left, top, right, bottom = shape.box
            assert 0 <= left < right <= shapes.SIDE and 0 <= top < bottom <= shapes.SIDE
            low, high = shapes.RADII[shape.size]
            assert low <= shape.radius <= high


def test_a_strip_has_the_digits_it_names_in_its_boxes(tmp_path, monkeypatch, digits):
    module = made("digits", tmp_path / "out", monkeypatch, digits)
    with np.load(tmp_path / "out" / "test.npz") as data:
        images, widths, texts = data["images"], data["widths"], data["texts"]
    lines = (tmp_path / "out" / "test.boxes.jsonl").read_text().splitlines()
    for image, width, text, line in zip(images, widths, texts, lines, strict=True):
        words, boxes = text.split(), json.loads(line)
        assert 2 <= len(words) <= module.MOST and [box[0] for box in boxes] == list(range(len(words)))
        assert not image[:, width:].any()
        outside = image.copy()
        for word, (_, left, top, right, bottom) in zip(words, boxes, strict=True):
            assert bottom - top == pytest.approx(2 * (1 + int(word) * 7 // 9), abs=1.5)
            assert image[top:bottom, left:right].mean() > 120
            outside[top:bottom, left:right] = 0
        assert outside.max() < 70


def test_test_digits_are_not_trained_on(tmp_path, monkeypatch):
    images = np.full((1797, 8, 8), 16, np.uint8)
    labels = np.where(np.arange(1797) < 1300, np.arange(1797) % 5, 5 + np.arange(1797) % 5)
    np.savez(tmp_path / "digits.npz", images=images, labels=labels)
    made("digits", tmp_path, monkeypatch, tmp_path / "digits.npz")
    for split, allowed in (("train", "01234 "), ("valid", "01234 "), ("test", "56789 ")):
        with np.load(tmp_path / f"{split}.npz") as data:
            assert set("".join(data["texts"])) <= set(allowed)


def test_the_scripts_are_small():
    for name in ("shapes", "lines", "digits"):
        assert sum(path.stat().st_size for path in (SAMPLES / name).iterdir() if path.is_file()) < 10_000
