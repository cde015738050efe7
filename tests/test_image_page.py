"""Attention over images as a page, in a browser too, and as a picture for a paper."""

import io
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from seqattn.alignment.reading import Heads
from seqattn.data.corpus import Pair
from seqattn.data.pixels import Image, Shape
from seqattn.errors import InputError
from seqattn.models.base import Reading
from seqattn.pictures.image_map import ImageMap
from seqattn.pictures.image_page import MOST_IMAGES, image_page
from seqattn.pictures.image_panel import grid
from seqattn.pictures.image_svg import VEIL, image_drawing
from seqattn.pictures.legible import caption, visible
from seqattn.pictures.png import png
from seqattn.pictures.svg import MOST_PAIRS

from markup import Document
from pictures import random_image

SHAPE = Shape(8, True, 4, 2)
HOSTILE = '<script>alert(1)</script> & "quo\'tes" </title> --> \x1b[31m \u202eabc'
texts = st.one_of(st.text(max_size=20), st.sampled_from([HOSTILE, "שלום לך", ""]))


def saw(target="a red dog", columns=3, layers=2, heads=2, run="run", source="x.png", reading=None):
    """A panel with random weights over an image of two rows of cells."""
    image = random_image(columns, 1, SHAPE)
    words = target.split()
    chance = torch.Generator().manual_seed(len(words))
    weights = (3 * torch.randn(layers, heads, len(words), 2 * columns, generator=chance)).softmax(-1)
    found = Heads(SHAPE.names(image), words, weights)
    own = Reading(layers)
    return ImageMap(run, Pair(source, target), found, reading or own, own, image, SHAPE)


@given(st.integers(1, 9), st.integers(1, 9), st.sampled_from([1, 3]))
def test_pixels_are_written_as_png(height, width, channels):
    pixels = np.random.default_rng(height).integers(0, 256, (channels, height, width), dtype=np.uint8)
    with Pillow.open(io.BytesIO(png(pixels))) as read:
        found = np.asarray(read).reshape(height, width, channels)
    assert (found == pixels.transpose(1, 2, 0)).all()


def test_weights_are_put_in_the_places_of_their_cells():
    weights = torch.arange(6.0)
    assert grid(weights, SHAPE).tolist() == [[0, 2, 4], [1, 3, 5]]
    seen = saw()
    assert seen.grids.shape == (3, 2, 3)
    assert seen.grids[1, 1, 2] == seen.weights[1, seen.source.index("r2c3")]


def test_the_data_of_a_page_are_the_weights_of_every_layer_and_head():
    pairs = [[saw(), saw(layers=1, heads=1, run="other")], [saw("b c", 500), saw("b c", 500, 1, 1)]]
    data = Document(image_page(pairs)).data
    for several, flat in zip(pairs, data["pairs"], strict=True):
        for seen, numbers in zip(several, flat, strict=True):
            found = torch.tensor(numbers).reshape(seen.heads.weights.shape) / data["whole"]
            torch.testing.assert_close(found, seen.heads.weights, atol=1e-5, rtol=0)
            torch.testing.assert_close(found.sum(-1), torch.ones(found.shape[:-1]), atol=1e-3, rtol=0)


def test_without_a_script_each_word_has_the_cell_that_it_attends_to_most():
    seen = saw(reading=Reading(1, 2))
    document = Document(image_page([[seen]]))
    assert [e["text"] for e in document.all("button")] == seen.target
    most = seen.heads.weights[0, 1].max(-1)
    assert [e["text"] for e in document.all("span", class_="figure")] == [
        f"{seen.source[cell]} {100 * weight:.0f} %"
        for cell, weight in zip(most.indices.tolist(), most.values.tolist(), strict=True)
    ]
    (shown,) = document.all("img")
    assert shown["attributes"]["src"].startswith("data:image/png;base64,")
    assert shown["attributes"]["alt"] == "x.png"


@given(texts, texts, texts)
def test_text_is_shown_and_never_interpreted(source, target, run):
    seen = saw(target, source=source, run=run)
    text = image_page([[seen]])
    document = Document(text)
    assert {e["tag"] for e in document.elements} <= {
        e["tag"] for e in Document(image_page([[saw()]])).elements
    }
    assert [e["text"] for e in document.all("button")] == list(map(visible, seen.target))
    assert document.all("summary")[0]["text"] == f"1 {caption(source)}"
    assert document.all("img")[0]["attributes"]["alt"] == caption(source)
    ElementTree.fromstring(image_drawing([[seen]]))


def test_a_page_requests_nothing_and_its_policy_allows_images_that_are_data():
    text = image_page([[saw()]])
    (policy,) = Document(text).all("meta", http_equiv="Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy["attributes"]["content"].split("; "))
    assert rules["default-src"] == "'none'" and rules["img-src"] == "data:"
    assert set(re.findall(r"https?:[^\s\"']*", text)) == {"http://www.w3.org/2000/svg"}
    assert not any("style" in e["attributes"] for e in Document(text).elements)


def test_too_many_images_are_refused():
    with pytest.raises(InputError, match="at most 1,000 images"):
        image_page([[saw("a", 1, 1, 1)]] * (MOST_IMAGES + 1))
    with pytest.raises(InputError, match="at most 20 images"):
        image_drawing([[saw("a", 1, 1, 1)]] * (MOST_PAIRS + 1))


SVG = "{http://www.w3.org/2000/svg}"


def test_a_picture_veils_what_a_word_does_not_attend_to():
    seen = saw()
    root = ElementTree.fromstring(seen.to_svg())
    assert len(root.findall(f".//{SVG}image")) == 1 and len(root.findall(f".//{SVG}use")) == 3
    veils = root.findall(f".//{SVG}rect[@class='veil']")
    opacities = torch.tensor([float(one.get("fill-opacity")) for one in veils]).reshape(3, 2, 3)
    largest = seen.grids.amax((1, 2), keepdim=True)
    torch.testing.assert_close(opacities, VEIL * (1 - seen.grids / largest), atol=0.002, rtol=0)
    marked = root.findall(f".//{SVG}rect[@class='most']")
    for one, plan in zip(marked, opacities, strict=True):
        row, column = divmod(int(plan.argmin()), 3)
        assert float(one.get("x")) == pytest.approx(column * float(one.get("width")), rel=1e-3)
        assert float(one.get("y")) == pytest.approx(row * float(one.get("height")), rel=1e-3)
    title, *words = [e.text for e in root.findall(f".//{SVG}text")]
    assert title == "run: layer 2, mean of 2 heads, produced" and words == ["a", "red", "dog"]


def test_each_run_of_a_picture_shows_the_image_as_it_reads_it():
    root = ElementTree.fromstring(image_drawing([[saw("w", 3), saw("w", 5), saw("w", 3)]]))
    images = {f"#{one.get('id')}": one.get("width") for one in root.findall(f".//{SVG}image")}
    used = [images[one.get("href")] for one in root.findall(f".//{SVG}use")]
    assert len(images) == 2 and used[0] == used[2] != used[1]


@pytest.mark.parametrize("columns", [1, 4, 90])
def test_frames_stay_within_the_picture_and_apart(columns):
    root = ElementTree.fromstring(image_drawing([[saw("w " * 9, columns), saw("w " * 9, columns)]]))
    width, height = float(root.get("width")), float(root.get("height"))
    (image,) = root.findall(f".//{SVG}image")
    w, h = float(image.get("width")), float(image.get("height"))
    places = set()
    for outer in root.findall(f"{SVG}g"):
        left, top = map(float, re.findall(r"[\d.]+", outer.get("transform")))
        for frame in outer.findall(f"{SVG}g"):
            x, y = map(float, re.findall(r"[\d.]+", frame.get("transform")))
            assert left + x + w <= width and top + y + h <= height
            places.add((left + x, top + y))
    assert len(places) == 18
    for x, y in places:
        for a, b in places - {(x, y)}:
            assert abs(x - a) >= w or abs(y - b) >= h


@pytest.fixture
def shown(browser, tmp_path):
    """A function that shows panels in the browser, a list for each image."""

    def show(*pairs, **options):
        path = tmp_path / "page.html"
        path.write_text(image_page(pairs), encoding="utf-8")
        browser.open(path, **options)
        return browser

    yield show
    assert browser.messages == []
    assert [url for url in browser.requests if not url.startswith(("file:", "data:"))] == []


def veils(browser):
    return browser.run(
        "[...document.querySelectorAll('.lit rect')].map(e => +getComputedStyle(e).fillOpacity)"
    )


def word(at):
    return f"document.querySelectorAll('.words button')[{at}]"


def test_the_script_leaves_the_cells_and_percentages_beside_words_as_they_are(shown):
    seen = saw("a red dog " * 60)
    figures = [e["text"] for e in Document(image_page([[seen]])).all("span", class_="figure")]
    found = shown([seen]).run("[...document.querySelectorAll('.figure')].map(e => e.textContent)")
    assert [figure.replace("\u00a0", " ") for figure in found] == figures


def test_the_word_under_the_pointer_lights_the_image(shown):
    seen = saw()
    browser = shown([seen])
    assert veils(browser) == [0] * 6
    browser.point(word(1))
    weights = seen.weights[1]
    assert veils(browser) == pytest.approx((VEIL * (1 - weights / weights.max())).tolist(), abs=0.003)
    cell = seen.source[int(weights.argmax())]
    said = browser.run("document.querySelector('.said').textContent").replace("\u00a0", " ")
    assert said == f"“red” attends most to {cell}, with {100 * weights.max():.0f} %."
    browser.point("document.querySelector('h1')")
    assert veils(browser) == [0] * 6


def test_the_keyboard_moves_along_the_words(shown):
    seen = saw()
    browser = shown([seen])
    browser.run("document.querySelectorAll('select').forEach(e => e.remove())")
    for key in ("Tab", "Tab"):
        browser.press(key)
        if browser.run(f"document.activeElement === {word(0)}"):
            break
    browser.press("ArrowRight")
    assert browser.run(f"document.activeElement === {word(1)}")
    weights = seen.weights[1]
    assert veils(browser) == pytest.approx((VEIL * (1 - weights / weights.max())).tolist(), abs=0.003)
    browser.press("End")
    assert browser.run(f"document.activeElement === {word(2)}")
    browser.press("Escape")
    assert veils(browser) == [0] * 6


def test_a_cell_under_the_pointer_names_the_words_that_attend_to_it(shown):
    seen = saw()
    browser = shown([seen])
    browser.point("document.querySelectorAll('.lit rect')[3]")
    said = browser.run("document.querySelector('.said').textContent").replace("\u00a0", " ")
    assert said.startswith("r2c2 is attended to by ")
    for name, weight in zip(seen.target, seen.weights[:, 3].tolist(), strict=True):
        assert (f"“{name}” {100 * weight:.0f} %" in said) == (weight >= 0.01)


def test_another_head_can_be_chosen(shown):
    seen = saw()
    browser = shown([seen])
    browser.run(
        "(e => { e.selectedIndex = 2; e.dispatchEvent(new Event('change')) })"
        "(document.querySelector('select'))"
    )
    browser.point(word(0))
    weights = seen.heads.weights[0, 1, 0]
    assert veils(browser) == pytest.approx((VEIL * (1 - weights / weights.max())).tolist(), abs=0.003)
    assert browser.run("document.querySelector('.which').textContent") == "layer 1, head 2, produced"


def test_a_page_fits_a_small_screen(shown):
    browser = shown([saw("w " * 30, 60)], width=360)
    assert browser.run("document.documentElement.scrollWidth") <= 360


def test_an_image_is_shown_in_its_proportions(shown):
    image = Image(np.zeros((3, 8, 80), np.uint8), size=(80, 8))
    seen = saw("a", 40)
    wide = ImageMap("run", seen.pair, seen.heads, seen.reading, seen.own, image, SHAPE)
    browser = shown([wide], width=600)
    width, height = browser.run(
        "(r => [r.width, r.height])(document.querySelector('.lit img').getBoundingClientRect())"
    )
    assert width / height == pytest.approx(10, rel=0.02)
