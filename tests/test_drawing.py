"""The SVG picture of attention, and the colours that it shares with the web page."""

import colorsys
import itertools
import re
import unicodedata
import xml.etree.ElementTree as ET

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqattn.alignment.reading import Attention
from seqattn.pictures.legible import fit, visible
from seqattn.pictures.ramp import COLOURS, DARK, LIGHT, STEPS, ramp, step
from seqattn.pictures.svg import WORD, drawing, extent

from commands import error_of, seqattn

SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = [
    "<script>alert(1)</script>",
    "&amp;",
    "]]>",
    '"quo\'tes"',
    "\x1b[31m",
    "\u202eabc",
    "\ufffe",
    "\ud800",
    "",
]
words = st.lists(st.one_of(st.text(max_size=8), st.sampled_from(HOSTILE)), min_size=1, max_size=5)


def attention(source, target, seed=1):
    chance = torch.Generator().manual_seed(seed)
    weights = (3 * torch.randn(len(target), len(source), generator=chance)).softmax(-1)
    return Attention(list(source), list(target), weights)


def parsed(*rows):
    return ET.fromstring(drawing([[("run", one) for one in row] for row in rows]).encode())


def cells(root):
    """The labels of a picture's cells, with their colours."""
    return [
        (cell.find(f"{SVG}title").text, cell.get("fill")) for cell in root.iter(f"{SVG}rect") if len(cell)
    ]


def texts(root):
    return ["".join(text.itertext()) for text in root.iter(f"{SVG}text")]


def test_every_weight_is_a_labelled_cell_in_its_colour():
    one = attention(["a", "red", "dog", "</s>"], ["ein", "Hund"])
    light = [fill for fill, _ in ramp(dark=False)]
    assert cells(parsed([one])) == [
        (f"{word} ← {other}: {100 * one.weights[t, s]:.1f} %", light[step(one.weights[t, s].item())])
        for t, word in enumerate(one.target)
        for s, other in enumerate(one.source)
    ]


def test_words_are_on_both_axes():
    one = attention(["a", "red", "dog"], ["ein", "Hund"])
    assert texts(parsed([one]))[:6] == ["run", "a", "red", "dog", "ein", "Hund"]


@given(words, words)
def test_text_of_a_sentence_is_shown_and_never_interpreted(source, target):
    root = parsed([attention(source, target)])
    tags = {element.tag.removeprefix(SVG) for element in root.iter()}
    assert tags <= {"svg", "title", "desc", "style", "rect", "g", "text"}
    # Two characters cannot be represented in XML.
    shown = [
        re.sub("[\ufffe\uffff]", "\ufffd", fit(visible(word), WORD, extent)) for word in [*source, *target]
    ]
    assert texts(root)[1 : len(shown) + 1] == shown
    hidden = {unicodedata.category(char) for text in texts(root) for char in text}
    assert hidden.isdisjoint({"Cc", "Zl", "Zp", "Cs"})


def test_a_word_has_the_room_of_its_visible_signs_and_none_for_its_joiners():
    assert extent("\u06dd") == extent("\u0639")
    assert extent("\u0930\u094d\u200d\u092f") == extent("\u0930\u092f")


def test_it_has_a_description_for_screen_readers():
    one = Attention(["red", "dog", "</s>"], ["rot"], torch.tensor([[0.1, 0.7, 0.2]]))
    root = parsed([one])
    assert root.get("role") == "img"
    assert [child.tag for child in root][:2] == [f"{SVG}title", f"{SVG}desc"]
    assert "rot to dog" in root[1].text


def test_runs_are_side_by_side_and_pairs_below_each_other():
    def places(root):
        found = [group.get("transform") for group in root.findall(f"{SVG}g")][:-1]
        return [tuple(map(float, place.removeprefix("translate(")[:-1].split())) for place in found]

    one = attention(["a", "dog"], ["ein", "Hund"])
    (x, y), (right, beside), (left, below), _ = places(parsed([one, one], [one, one]))
    assert right > x and beside == y and left == x and below > y


def test_an_empty_translation_is_a_picture_too():
    assert cells(parsed([attention(["dog", "</s>"], [])])) == []


def test_it_is_light_without_style_sheets_and_dark_for_readers_who_prefer_dark():
    root = parsed([attention(["dog"], ["Hund"])])
    style = root.find(f"{SVG}style").text
    for k, (fill, _) in enumerate(ramp(dark=True)):
        assert f".w{k}{{fill:{fill}}}" in style
    assert style.startswith("@media (prefers-color-scheme: dark)")
    assert {text.get("fill") for text in root.iter(f"{SVG}text")} == {LIGHT[1]}


def test_align_draws_runs_side_by_side(work):
    runs = [work.run("lstm"), work.run("transformer")]
    root = ET.fromstring(seqattn("align", *runs, "red dog", "dog red", "--format", "svg").stdout)
    assert len(cells(root)) == 2 * 2 * 3
    for name in ("lstm: ", "transformer: "):
        assert sum(text.startswith(name) for text in texts(root)) == 1


def test_align_draws_a_few_pairs_and_the_error_for_many_gives_a_remedy(work, tmp_path):
    def drawn(count, status=0):
        corpus = tmp_path / "corpus.tsv"
        corpus.write_text("red dog\tdog\n" * count, encoding="utf-8")
        return seqattn("align", work.run("lstm"), "--pairs", corpus, "--format", "svg", status=status)

    assert len(cells(ET.fromstring(drawn(20).stdout))) == 20 * 3
    refused = error_of(drawn(21, status=1))
    assert "at most 20 pairs" in refused and "html" in refused


LONG = [
    ["Donaudampfschifffahrt", "WWWWMMMM", "@@@@", "i", "</s>"],
    ["한국어", "中文字幕很長", "日本語テキスト", "</s>"],
    ["שלום", "עולם!", "(abc)", "</s>"],
    ["ذهب", "الولد", "إلى", "المدرسة", "</s>"],
    ["e\u0301e\u0301e\u0301", "नमस्ते", "สวัสดี", "😀😀", "</s>"],
]


@pytest.mark.parametrize("source", LONG, ids=[line[0] for line in LONG])
@pytest.mark.parametrize("target", [LONG[0][:-1], LONG[2][:-1]], ids=["left to right", "right to left"])
def test_no_label_is_cut_or_overlaps_a_cell(browser, tmp_path, source, target):
    picture = tmp_path / "picture.svg"
    picture.write_text(drawing([[("run", attention(source, target))]]), encoding="utf-8")
    browser.open(picture)
    box = "(e => { const r = e.getBoundingClientRect(); return [r.left, r.top, r.right, r.bottom] })"
    whole = browser.run(f"{box}(document.documentElement)")
    labels = browser.run(f"[...document.querySelectorAll('text')].map({box})")
    squares = browser.run(f"[...document.querySelectorAll('rect > title')].map(t => {box}(t.parentElement))")
    for left, top, right, bottom in labels:
        assert whole[0] <= left < right <= whole[2] and whole[1] <= top < bottom <= whole[3]
    for label, square in itertools.product(labels[: len(source) + len(target) + 1], squares):
        apart = [label[2] <= square[0], label[0] >= square[2], label[3] <= square[1], label[1] >= square[3]]
        assert any(apart)


def test_a_source_read_from_right_to_left_runs_from_right_to_left(browser, tmp_path):
    def order(source):
        picture = tmp_path / "picture.svg"
        picture.write_text(drawing([[("run", attention(source, ["x"]))]]), encoding="utf-8")
        browser.open(picture)
        lefts = "[...document.querySelectorAll('text')].map(text => text.getBoundingClientRect().left)"
        _, *columns, row, _, _ = browser.run(lefts)
        return columns, row

    columns, row = order(["שלום", "עולם", "גדול"])
    assert columns == sorted(columns, reverse=True) and row > max(columns)
    columns, row = order(["hello", "big", "world"])
    assert columns == sorted(columns) and row < min(columns)


def luminance(colour, seen_by=((1, 0, 0), (0, 1, 0), (0, 0, 1))):
    parts = [part / 255 for part in bytes.fromhex(colour[1:])]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    seen = [sum(share * part for share, part in zip(row, linear, strict=True)) for row in seen_by]
    return sum(share * part for share, part in zip((0.2126, 0.7152, 0.0722), seen, strict=True))


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


# Linear red, green and blue as seen without one kind of cone (Viénot, Brettel and Mollon 1999).
PROTANOPE = ((0.1124, 0.8876, 0.0), (0.1124, 0.8876, 0.0), (0.0040, -0.0040, 1.0))
DEUTERANOPE = ((0.2927, 0.7073, 0.0), (0.2927, 0.7073, 0.0), (-0.0223, 0.0223, 1.0))


@pytest.mark.parametrize("eyes", [(), (PROTANOPE,), (DEUTERANOPE,)], ids=["all cones", "no red", "no green"])
def test_more_weight_is_darker_on_light_and_lighter_on_dark_for_all_colour_vision(eyes):
    light, dark = ([luminance(fill, *eyes) for fill, _ in ramp(dark=dark)] for dark in (False, True))
    assert light == sorted(set(light), reverse=True)
    assert dark == sorted(set(dark))


def test_neighbouring_colours_are_about_equally_far_apart():
    grey = [luminance(colour) ** (1 / 3) for colour in COLOURS]
    steps = [upper - lower for lower, upper in itertools.pairwise(grey)]
    assert max(steps) < 1.6 * min(steps)


def test_text_on_every_colour_is_readable():
    for dark, (ground, text) in ((False, LIGHT), (True, DARK)):
        assert contrast(ground, text) > 12
        assert all(contrast(*pair) > 4.5 for pair in ramp(dark=dark))
        fill, _ = ramp(dark=dark)[STEPS]
        assert contrast(ground, fill) > 12


def test_colours_are_not_greys():
    saturation = [colorsys.rgb_to_hls(*(part / 255 for part in bytes.fromhex(c[1:])))[2] for c in COLOURS]
    assert min(saturation[:16]) > 0.25


def test_steps_range_from_zero_to_one():
    assert [step(weight) for weight in (-1e-9, 0.0, 0.024, 0.026, 0.5, 1.0, 1.0000001)] == [
        *(0, 0, 0, 1, STEPS // 2, STEPS, STEPS)
    ]
