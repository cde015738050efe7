"""The HTML page of attention: its content, and its behaviour in a browser."""

import base64
import hashlib
import math
import re
import unicodedata

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqattn.alignment.measures import coverage, entropy
from seqattn.alignment.reading import Heads
from seqattn.data.corpus import Pair
from seqattn.errors import InputError
from seqattn.models.base import Reading
from seqattn.pictures.legible import SIGNS, caption, visible
from seqattn.pictures.maps import AttentionMap
from seqattn.pictures.page import MOST_PAIRS, page
from seqattn.pictures.ramp import DARK, ramp, step

from commands import seqattn
from markup import Document

HOSTILE = '<script>alert(1)</script> & "quo\'tes" </title> --> \x1b[31m \u202eabc $title &amp; \u2028'
texts = st.one_of(st.text(max_size=20), st.sampled_from([HOSTILE, "שלום לך", "한국어 문장 .", ""]))


def saw(source, target, layers=2, heads=3, run="run", reading=None, own=None, seed=1):
    """A panel with random weights for two texts; its own reading is the mean of the last layer."""
    own = own or Reading(layers)
    words = [*source.split(), "</s>"], target.split()
    chance = torch.Generator().manual_seed(seed)
    weights = (3 * torch.randn(layers, heads, len(words[1]), len(words[0]), generator=chance)).softmax(-1)
    return AttentionMap(run, Pair(source, target), Heads(*words, weights), reading or own, own)


def test_the_data_of_a_page_are_the_weights_of_every_layer_and_head():
    pairs = [
        [saw("a red dog", "ein Hund"), saw("a red dog", "rot", 1, 1)],
        [saw("b", "c d"), saw("b", "", 1, 1)],
    ]
    data = Document(page(pairs)).data
    for several, flat in zip(pairs, data["pairs"], strict=True):
        for seen, numbers in zip(several, flat, strict=True):
            found = torch.tensor(numbers).reshape(seen.heads.weights.shape) / data["whole"]
            torch.testing.assert_close(found, seen.heads.weights, atol=1e-5, rtol=0)
    assert [(run["layers"], run["heads"]) for run in data["runs"]] == [(2, 3), (1, 1)]


def test_without_a_script_there_is_a_table_of_the_requested_reading():
    seen = saw("a red dog", "ein Hund", reading=Reading(1, 2))
    document = Document(page([[seen]]))
    assert [e["text"] for e in document.all("th", scope="col")] == seen.heads.source
    assert [e["text"] for e in document.all("th", scope="row")] == seen.heads.target
    weights = seen.heads.weights[0, 1].flatten().tolist()
    cells = [(e["attributes"]["class"], e["text"]) for e in document.all("td") if e["attributes"]]
    assert cells == [(f"w{step(weight)}", f"{100 * weight:.0f}") for weight in weights]
    (shown,) = document.all("span", class_="which")
    assert shown["text"] == "layer 1, head 2, produced"


@pytest.mark.parametrize("consumed", [False, True])
def test_the_runs_own_reading_is_marked_if_it_is_the_one_shown(consumed):
    def marked(reading):
        (mark,) = Document(page([[saw("a", "b", reading=reading, own=own)]])).all("span", class_="own")
        return "hidden" not in mark["attributes"]

    own = Reading(2, 1, consumed)
    assert marked(own)
    assert not marked(Reading(2, 2, consumed)) and not marked(Reading(2, 1, not consumed))


@given(texts, texts, texts)
def test_text_is_shown_and_never_interpreted(source, target, run):
    seen = saw(source, target, run=run)
    plain = Document(page([[saw("a", "b")]]))
    text = page([[seen]])
    document = Document(text)
    assert {e["tag"] for e in document.elements} == {e["tag"] for e in plain.elements}
    names = {name for e in document.elements for name in e["attributes"]}
    assert names <= {name for e in plain.elements for name in e["attributes"]} | {"hidden"}
    words = [e["text"] for e in document.all("th")]
    assert words == [visible(word) for word in [*seen.heads.source, *seen.heads.target]]
    assert document.all("summary")[0]["text"] == f"1 {caption(source)}"
    assert document.all("p", class_="target-text")[0]["text"] == caption(target)
    assert document.all("title")[0]["text"].startswith(caption(source))
    assert document.all("h2")[0]["text"] == caption(run)
    shown = re.sub(f"[\n\u200c\u200d{SIGNS}]", "", text)
    assert {unicodedata.category(char) for char in shown}.isdisjoint({"Cc", "Cf", "Zl", "Zp", "Cs"})


def test_a_page_requests_nothing_and_its_policy_allows_only_its_own_script_and_style():
    text = page([[saw(HOSTILE, "x")]])
    document = Document(text)
    # The only address is the namespace of SVG, which is not fetched.
    assert set(re.findall(r"https?:[^\s\"']*", text)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in text and "@import" not in text
    asking = {"src", "href", "srcset", "action", "style", "data", "poster"}
    for element in document.elements:
        assert asking.isdisjoint(element["attributes"])
        assert not any(name.startswith("on") for name in element["attributes"])
    (policy,) = document.all("meta", http_equiv="Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy["attributes"]["content"].split("; "))
    assert rules["default-src"] == "'none'"
    (style,) = document.all("style")
    script = document.all("script")[-1]
    for rule, element in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(element["text"].encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_a_page_grows_by_a_few_bytes_per_weight():
    few, many = (page([[saw("w " * 20, "w " * 20, 3, 8)]] * count) for count in (1, 11))
    assert len(many) - len(few) < 10 * 20 * 21 * (3 * 8 * 4 + 30)


def test_a_page_with_too_many_pairs_is_refused():
    with pytest.raises(InputError, match="at most 1,000 pairs"):
        page([[saw("a", "b", 1, 1)]] * (MOST_PAIRS + 1))


def test_align_writes_a_page_of_runs_or_of_pairs(work):
    runs = [work.run("lstm"), work.run("transformer")]
    document = Document(seqattn("align", *runs, "red dog", "dog red", "--format", "html").stdout)
    assert [e["text"] for e in document.all("h2")] == ["lstm", "transformer"]
    result = seqattn("align", runs[1], "--pairs", work.test, "--format", "html")
    document = Document(result.stdout)
    lines = work.test.read_text(encoding="utf-8").splitlines()
    assert [e["text"].split(" ", 1)[1] for e in document.all("summary")] == [
        line.split("\t")[0] for line in lines
    ]
    assert [e["attributes"].get("open", "closed") for e in document.all("details")] == [
        *(None, *["closed"] * (len(lines) - 1))
    ]


@pytest.fixture
def shown(browser, tmp_path):
    """A function that shows panels in the browser, a list for each pair."""

    def show(*pairs, **options):
        path = tmp_path / "page.html"
        path.write_text(page(pairs), encoding="utf-8")
        browser.open(path, **options)
        return browser

    yield show
    assert browser.messages == []
    assert [url for url in browser.requests if not url.startswith("file:")] == []


def shown_sentences(browser):
    sentences = browser.run("[...document.querySelectorAll('.said')].map(e => e.textContent)")
    return [sentence.replace("\u00a0", " ") for sentence in sentences]


def button(side, index, run=0):
    return f"document.querySelectorAll('.run')[{run}].querySelectorAll('.{side} button')[{index}]"


def figures(browser, side, run=0):
    """The figure next to each word of a side."""
    found = f"document.querySelectorAll('.run')[{run}].querySelectorAll('.{side} .figure')"
    return [text.replace("\u00a0", " ") for text in browser.run(f"[...{found}].map(e => e.textContent)")]


def percents(weights):
    return [f"{100 * weight:.0f} %" if weight >= 0.01 else "" for weight in weights]


SEEN = saw("the red dog barks", "der rote Hund")
WEIGHTS = SEEN.weights


def test_the_script_leaves_the_percentages_of_the_table_as_they_are(shown):
    seen = saw("the red dog barks at a cat " * 3, "der rote Hund bellt eine Katze an " * 3)
    without_script = [e["text"] for e in Document(page([[seen]])).all("td")]
    browser = shown([seen])
    assert browser.run("[...document.querySelectorAll('td')].map(e => e.textContent)") == without_script


def test_pointing_at_a_target_word_shows_what_it_attends_to(shown):
    browser = shown([SEEN])
    browser.point(button("target", 1))
    row = WEIGHTS[1]
    assert figures(browser, "source") == percents(row.tolist())
    (sentence,) = shown_sentences(browser)
    best = SEEN.heads.source[row.argmax()]
    assert sentence.startswith(f"“rote” attends to {best} {100 * row.max():.1f} %")
    assert sentence.endswith(f"entropy {entropy(row).item():.2f} bits.")
    assert browser.run(
        "[...document.querySelectorAll('td:not(.off):not(:empty)')].map(e => e.dataset.target)"
    ) == ["1"] * len(row)
    lit = browser.run("[...document.querySelectorAll('path:not(.off)')].length")
    assert lit == (row >= 0.01).sum().item()


def test_pointing_at_a_source_word_shows_which_words_attend_to_it(shown):
    browser = shown([SEEN])
    browser.point(button("source", 2))
    column = WEIGHTS[:, 2]
    assert figures(browser, "target") == percents(column.tolist())
    (sentence,) = shown_sentences(browser)
    assert sentence.startswith(f"“dog” is attended to by {SEEN.heads.target[column.argmax()]} ")
    total = float(re.search(r"; in total (\d+) %\.$", sentence)[1])
    assert total == pytest.approx(100 * column.sum().item(), abs=0.51)


def test_pointing_at_a_cell_shows_its_weight_and_leaving_shows_nothing(shown):
    browser = shown([SEEN])
    browser.point('document.querySelector(\'td[data-source="1"][data-target="2"]\')')
    assert shown_sentences(browser) == [f"“Hund” gives {100 * WEIGHTS[2, 1]:.1f} % to “red”."]
    browser.point("document.querySelector('h1')")
    assert shown_sentences(browser)[0].startswith("Point at a word")
    assert browser.run("document.querySelectorAll('.off, .chosen').length") == 0


def test_the_keyboard_reaches_every_word(shown):
    browser = shown([SEEN])
    focused = "document.activeElement.textContent"
    browser.run("document.querySelector('summary').focus()")
    browser.press("Tab")
    assert browser.run(focused) == "the"
    assert shown_sentences(browser)[0].startswith("“the” is attended to by")
    walked = []
    for key in ("ArrowDown", "ArrowDown", "End", "ArrowDown", "ArrowUp", "Home", "ArrowUp"):
        browser.press(key)
        walked.append(browser.run(focused))
    assert walked == ["red", "dog", "</s>", "</s>", "barks", "the", "the"]
    browser.press("ArrowRight")
    assert browser.run(focused) == SEEN.heads.target[WEIGHTS[:, 0].argmax()]
    browser.press("ArrowLeft")
    assert browser.run(focused) == SEEN.heads.source[WEIGHTS[WEIGHTS[:, 0].argmax()].argmax()]
    assert browser.run("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press("Tab")
    assert browser.run("document.activeElement.closest('ol').className") == "target"
    browser.press("Escape")
    assert shown_sentences(browser)[0].startswith("Point at a word")
    browser.press("Tab")
    assert browser.run("document.activeElement.className") == "scroll"


def test_a_touched_word_stays_highlighted(shown):
    browser = shown([SEEN])
    browser.point(button("target", 2), click=True)
    browser.point("document.querySelector('h1')")
    assert shown_sentences(browser)[0].startswith("“Hund” attends to")
    browser.point("document.querySelector('h1')", click=True)
    assert shown_sentences(browser)[0].startswith("Point at a word")


def test_choosing_a_head_shows_its_weights_and_whether_it_is_the_runs_own(shown):
    browser = shown([SEEN])
    options = browser.run("[...document.querySelector('select').options].map(e => e.text)")
    assert options == [
        f"layer {layer}, {head}, produced{own}"
        for layer in (1, 2)
        for head in ("mean of 3 heads", "head 1", "head 2", "head 3")
        for own in [" ★ the run's own" if (layer, head) == (2, "mean of 3 heads") else ""]
    ]
    cells = "[...document.querySelectorAll('td:not(:empty)')].map(e => +e.textContent)"
    marked = "!document.querySelector('.own').hidden"
    assert browser.run("document.querySelector('select').selectedIndex") == 4 and browser.run(marked)
    browser.run("document.querySelector('select').focus()")
    browser.press("ArrowUp")
    shown_weights = torch.tensor(browser.run(cells)).reshape(WEIGHTS.shape) / 100
    torch.testing.assert_close(shown_weights, SEEN.heads.weights[0, 2], atol=0.0056, rtol=0)
    assert browser.run("document.querySelector('.which').textContent") == "layer 1, head 3, produced"
    assert not browser.run(marked)


def test_a_run_with_one_reading_offers_no_choice(shown):
    browser = shown([saw("a b", "c", 1, 1)])
    assert browser.run("document.querySelectorAll('select').length") == 0


def test_entropy_and_unattended_words_are_as_in_the_measures(shown):
    # The second row does not sum to one, as those of attention=local-p.
    weights = torch.tensor([[[[0.05, 0.9, 0.05, 0.0], [0.1, 0.2, 0.2, 0.1]]]])
    heads = Heads(["the", "red", "dog", "</s>"], ["rot", "Hund"], weights)
    one = Reading(1)
    browser = shown([AttentionMap("run", Pair("the red dog", "rot Hund"), heads, one, one)])
    assert coverage(weights)[0, 0].tolist() == pytest.approx([0.15, 1.1, 0.25, 0.1])
    assert browser.run("document.querySelector('.figures').textContent") == (
        f"Entropy {entropy(weights).mean():.2f} bits a word on average, {math.log2(4):.2f} at most. "
        "Unattended: the."
    )
    assert browser.run("[...document.querySelectorAll('.unattended')].map(e => e.textContent)") == ["the"]


def test_the_last_cell_of_an_image_may_be_unattended(shown):
    cells = ["r1c1", "r1c2", "r1c3"]
    weights = torch.tensor([[[[0.9, 0.1, 0.0]] * 3]])
    one = Reading(1)
    browser = shown(
        [AttentionMap("run", Pair("x.png", ""), Heads(cells, cells, weights, "encoder"), one, one)]
    )
    assert browser.run("document.querySelector('.figures').textContent").endswith("Unattended: r1c3.")


def test_the_same_word_is_highlighted_in_both_runs_and_another_is_not(shown):
    browser = shown([SEEN, saw("the red dog barks", "der Hund bellt", run="other", seed=2)])
    browser.point(button("source", 1))
    assert all(sentence.startswith("“red” is attended to by") for sentence in shown_sentences(browser))
    browser.point(button("target", 1))
    first, second = shown_sentences(browser)
    assert first.startswith("“rote” attends to") and second.startswith("Point at")
    browser.point(button("target", 0, run=1))
    assert all(sentence.startswith("“der” attends to") for sentence in shown_sentences(browser))


def test_a_choice_applies_to_one_run_and_all_its_pairs(shown):
    pairs = [
        [SEEN, saw("the red dog barks", "der Hund", run="other")],
        [saw("a", "b"), saw("a", "c", run="other")],
    ]
    browser = shown(*pairs)
    browser.run(
        "const s = document.querySelectorAll('select')[1]; s.selectedIndex = 1;"
        "s.dispatchEvent(new Event('change'))"
    )
    browser.point("document.querySelectorAll('summary')[1]", click=True)
    readings = browser.run("[...document.querySelectorAll('.which')].map(e => e.textContent)")
    assert readings == ["layer 2, mean of 3 heads, produced", "layer 1, head 1, produced"] * 2


def test_closed_pairs_are_opened_by_a_key(shown):
    browser = shown([SEEN], [saw("cat", "Katze")])
    lines = "document.querySelectorAll('.pair')[1].querySelectorAll('path').length"
    assert browser.run(lines) == 0
    browser.run("document.querySelectorAll('summary')[1].focus()")
    browser.press("Enter")
    assert browser.run(lines) > 0


def test_hostile_text_is_shown_in_a_browser_too(shown):
    browser = shown([saw(HOSTILE, HOSTILE, run=HOSTILE)])
    words = [visible(word) for word in HOSTILE.split()]
    assert browser.run("[...document.querySelectorAll('.target button')].map(e => e.textContent)") == words
    assert browser.run("document.querySelectorAll('script').length") == 2
    browser.point(button("target", 0))
    assert shown_sentences(browser)[0].startswith("“<script>alert(1)</script>” attends to ")


def test_an_empty_translation_is_a_page_too(shown):
    browser = shown([saw("red dog", "")])
    browser.point(button("source", 0))
    browser.run(f"{button('source', 0)}.focus()")
    browser.press("ArrowRight")
    assert shown_sentences(browser) == ["“red” is attended to by no word; in total 0 %."]


@pytest.mark.parametrize("source", ["שלום עולם גדול", "ذهب الولد إلى"])
def test_a_table_has_the_direction_of_its_source(shown, source):
    lefts = "[...document.querySelectorAll('thead th, tbody th')].map(e => e.getBoundingClientRect().left)"
    *columns, row = shown([saw(source, "go")]).run(lefts)
    assert columns == sorted(columns, reverse=True) and row > max(columns)
    *columns, row = shown([saw("a b c", "שלום")]).run(lefts)
    assert columns == sorted(columns) and row < min(columns)


@pytest.mark.parametrize("width", [320, 600, 1400])
def test_no_width_makes_the_page_scroll_sideways(shown, width):
    long = saw(
        "word " * 30 + "Donaudampfschifffahrtsgesellschaft" * 4, "wort " * 25, run="a/long/name/of/a/run" * 3
    )
    browser = shown([long, long], width=width)
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_dark_if_the_reader_prefers_it(shown):
    def colours(dark):
        browser = shown([SEEN], dark=dark)
        style = "(e => [getComputedStyle(e).backgroundColor, e.className])"
        ground, _ = browser.run(f"{style}(document.documentElement)")
        return ground, browser.run(f"{style}(document.querySelector('td.w0, td[class]'))")

    def rgb(colour):
        return f"rgb({', '.join(str(part) for part in bytes.fromhex(colour[1:]))})"

    ground, (fill, kind) = colours(dark=True)
    assert ground == rgb(DARK[0]) and fill == rgb(ramp(dark=True)[int(kind[1:])][0])
    ground, (fill, kind) = colours(dark=False)
    assert ground == "rgb(255, 255, 255)" and fill == rgb(ramp(dark=False)[int(kind[1:])][0])


def test_the_page_has_named_parts_for_screen_readers(shown):
    browser = shown([SEEN, saw("the red dog", "rot", run="other")])
    assert browser.run("document.documentElement.lang") == "en"
    assert browser.run("document.querySelectorAll('[aria-live=polite]').length") == 2
    names = browser.run(
        "[...document.querySelectorAll('ol, .scroll')].map(e => e.getAttribute('aria-label'))"
    )
    assert names == [
        *("source words", "target words", "Table of run"),
        *("source words", "target words", "Table of other"),
    ]
    labels = browser.run("[...document.querySelectorAll('select')].map(e => e.labels[0].firstChild.data)")
    assert labels == ["run", "other"]
    assert browser.run("document.querySelectorAll('table > caption').length") == 2
