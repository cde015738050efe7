"""The web page of a comparison in a browser: its controls, its looks, and its accessibility."""

import json
from pathlib import Path

import pytest
from test_report import attention_of, hostile_attention, reported

from seqattn.comparison.report import report
from seqattn.pictures.ramp import DARK

from browser import NEEDS_AXE, violations
from compared import FOUR, HOSTILE, TWO, comparison, hostile

ROOT = Path(__file__).parents[1]
SHEET = 718
"""Pixels between the margins of A4, which are a centimetre each."""


@pytest.fixture
def shown(browser, tmp_path):
    """A function that shows a page in the browser."""

    def show(text, **options):
        path = tmp_path / "report.html"
        path.write_text(text, encoding="utf-8")
        browser.open(path, **options)
        return browser

    yield show
    assert browser.messages == []
    assert [url for url in browser.requests if not url.startswith("file:")] == []


def texts(browser, selector):
    found = browser.run(f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.textContent)")
    return [text.replace("\u00a0", " ") for text in found]


def heading(column):
    return (
        "[...document.querySelectorAll('.sortable')[0].querySelectorAll('thead th')]"
        f".find(e => e.textContent === {json.dumps(column)})"
    )


def order(browser):
    return texts(browser, ".sortable:first-of-type tbody th")[:4]


def test_a_table_is_sorted_by_pointer_and_by_key_with_missing_figures_last(shown):
    browser = shown(reported(FOUR))
    names = [system.name for system in FOUR.systems]
    assert order(browser) == names
    by_bleu = sorted(FOUR.systems, key=lambda one: -one.spread("BLEU").mean)
    browser.point(f"{heading('BLEU')}.firstChild", click=True)
    assert order(browser) == [one.name for one in by_bleu]
    assert browser.run(f"{heading('BLEU')}.ariaSort") == "descending"
    browser.press("Enter")
    assert order(browser) == [one.name for one in by_bleu[::-1]]
    assert browser.run(f"{heading('BLEU')}.ariaSort") == "ascending"
    trained = [one for one in FOUR.systems if one.cost("updates")]
    for upwards in (False, True):
        browser.point(f"{heading('updates')}.firstChild", click=True)
        wanted = sorted(trained, key=lambda one: one.cost("updates"), reverse=not upwards)
        assert order(browser) == [*(one.name for one in wanted), "Moses"]
    assert browser.run(f"{heading('BLEU')}.ariaSort") is None
    browser.point(f"{heading('system')}.firstChild", click=True)
    assert order(browser) == sorted(names, key=str.lower)


def choose(browser, label, value):
    """Choose in the list of a label that is seen."""
    browser.run(
        "(() => { const l = [...document.querySelectorAll('label')]"
        f".find(e => e.firstChild.data === {json.dumps(label)} && e.checkVisibility());"
        f"const s = l.querySelector('select'); s.value = {json.dumps(value)};"
        "s.dispatchEvent(new Event('change')) })()"
    )


PLOT = "document.querySelector('.chart:not([hidden]) .plot')"


def value(metric, system, at):
    field = {"BLEU": "bleu", "loss": "loss"}[metric]
    figures = [getattr(one.curve[at], field) for one in system.members]
    digits = 3 if metric == "loss" else 2
    mean, low, high = (
        format(one, f".{digits}f") for one in (sum(figures) / len(figures), min(figures), max(figures))
    )
    return f"{mean} ({low} to {high})" if low != high else mean


def test_values_of_curves_are_read_off_by_arrow_keys_and_said(shown):
    browser = shown(reported(TWO))
    browser.run(f"{PLOT}.focus()")
    first, second = TWO.systems

    def said():
        (text,) = texts(browser, "#read")
        return text

    def wanted(at, metric="BLEU"):
        lstm, transformer = (value(metric, system, at) for system in (first, second))
        return f"Update {500 * (at + 1):,} · LSTM {lstm} · Transformer {transformer}"

    assert browser.run("document.querySelector('#read').ariaLive") == "polite"
    assert said() == wanted(7)
    for key, at in (
        ("ArrowLeft", 6),
        ("ArrowLeft", 5),
        ("ArrowRight", 6),
        ("Home", 0),
        ("ArrowLeft", 0),
        ("End", 7),
    ):
        browser.press(key)
        assert said() == wanted(at)
        assert browser.run(f"[{PLOT}.role, {PLOT}.ariaValueNow, {PLOT}.ariaValueText]") == [
            *("slider", str(at), f"Update {500 * (at + 1):,}")
        ]
    choose(browser, "Score", "loss")
    assert said().startswith("Point at the chart")
    browser.run(f"{PLOT}.focus()")
    browser.press("Home")
    assert said() == wanted(0, "loss")


def test_values_of_curves_are_read_off_by_pointer(shown):
    browser = shown(reported(TWO))
    browser.point(f"{PLOT}.querySelector('.area')")
    assert texts(browser, "#read")[0].startswith("Update 2,000 · LSTM ")
    choose(browser, "Against", "minutes")
    assert texts(browser, "figure:not([hidden]) figcaption") == ["BLEU against minutes"]
    browser.point(f"{PLOT}.querySelector('.area')")
    assert " minutes · LSTM " in texts(browser, "#read")[0]
    assert browser.run("document.querySelectorAll('figure:not([hidden]) .ring').length") == 2


def test_a_system_can_be_taken_out_of_the_charts(shown):
    browser = shown(reported(TWO))
    visible = f"[...{PLOT}.querySelectorAll('[data-system]')].map(e => getComputedStyle(e).display)"
    assert browser.run(visible) == ["inline", "inline"]
    browser.point("document.querySelector('.legend input')", click=True)
    assert browser.run(visible) == ["none", "inline"]
    browser.point(f"{PLOT}.querySelector('.area')")
    assert "LSTM" not in texts(browser, "#read")[0] and "Transformer" in texts(browser, "#read")[0]


def listed(browser):
    """The numbers of the sentences on the page, from 0."""
    return [int(text.split()[1].replace(",", "")) - 1 for text in texts(browser, ".sentence h3")]


def gains(findings):
    """chrF of the first system less the second's, of each sentence: from the page's own data."""
    data = json.loads(reported(findings).split('id="data">')[1].split("</script>")[0])
    first, second = (
        [
            sum(figures) / len(figures)
            for figures in zip(*(one["chrf"] for one in system["members"]), strict=True)
        ]
        for system in data["systems"][:2]
    )
    return [one - other for one, other in zip(first, second, strict=True)]


def test_sentences_are_listed_by_the_largest_difference_in_pages(shown):
    browser = shown(reported(TWO))
    gained = gains(TWO)
    ranked = sorted(range(40), key=lambda row: -abs(gained[row]))
    assert [abs(gained[row]) for row in listed(browser)] == pytest.approx(
        [abs(gained[row]) for row in ranked[:25]]
    )
    assert texts(browser, ".count") == ["40 of 40 sentences; 1 to 25"]
    browser.point("document.querySelectorAll('.paging button')[1]", click=True)
    assert len(listed(browser)) == 15 and texts(browser, ".count") == ["40 of 40 sentences; 26 to 40"]
    assert browser.run("document.activeElement.className") == "count"
    choose(browser, "Sort by", "test")
    assert listed(browser) == list(range(25))


def test_searching_finds_sources_references_and_every_translation(shown):
    findings = comparison(seeds=2, count=30)
    browser = shown(reported(findings))
    members = [one for system in findings.systems for one in system.members]
    choose(browser, "Sort by", "test")
    browser.run("document.querySelector('input[type=search]').focus()")
    browser.type("mÄdchen ")
    wanted = [
        row
        for row, pair in enumerate(findings.pairs)
        if any("mädchen" in text.lower() for text in (*pair, *(one.hypotheses[row] for one in members)))
    ]
    assert 0 < len(wanted) < 30
    assert listed(browser) == wanted[:25]
    assert texts(browser, ".count")[0].startswith(f"{len(wanted)} of 30 sentences")
    browser.type("nowhere")
    assert listed(browser) == [] and texts(browser, ".count") == ["0 of 30 sentences"]


def test_filters_are_by_difference_by_the_better_system_and_by_length(shown):
    browser = shown(reported(TWO))
    gained = gains(TWO)
    options = texts(browser, "#browser select:first-of-type option")
    assert "where LSTM is better" in options and "where Transformer is better" in options
    first, second = (system.members[0].hypotheses for system in TWO.systems)
    rows = range(40)
    for chosen, wanted in (
        ("first", [row for row in rows if gained[row] > 0.05]),
        ("second", [row for row in rows if gained[row] < -0.05]),
        ("differ", [row for row in rows if first[row] != second[row]]),
    ):
        choose(browser, "Show", chosen)
        assert texts(browser, ".count")[0].split()[0] == str(len(wanted)) and wanted
        assert set(listed(browser)) <= set(wanted)
    choose(browser, "Show", "all")
    counts = []
    for third in ("short", "middle", "long"):
        choose(browser, "Length of the source", third)
        counts.append(int(texts(browser, ".count")[0].split()[0]))
    assert sum(counts) == 40 and min(counts) > 5


def test_a_pair_of_several_systems_can_be_chosen(shown):
    browser = shown(reported(FOUR))
    assert browser.run("[...document.querySelectorAll('.pair')].filter(e => e.checkVisibility()).length") == 1
    choose(browser, "Systems", "5")
    assert "hybrid and Moses" in browser.run("document.querySelector('.pair:not(.off)').textContent")
    choose(browser, "Compare", "5")
    assert "where Moses is better" in texts(browser, "#browser option")


def test_a_sentence_has_its_texts_marks_scores_and_folded_translations(shown):
    browser = shown(reported(TWO))
    choose(browser, "Sort by", "test")
    pair = TWO.pairs[0]
    assert texts(browser, ".sentence:first-child > .line > .text") == [
        pair.source,
        pair.target,
        *(system.members[0].hypotheses[0] for system in TWO.systems),
    ]
    hypotheses = TWO.systems[1].members[0].hypotheses
    exact = [hypotheses[row] == TWO.pairs[row].target for row in range(25)]
    line = "e.querySelectorAll(':scope > .line')[3]"
    found = browser.run(
        "[...document.querySelectorAll('#browser .sentence')]"
        f".map(e => !!{line}.querySelector(':scope > .chrf [aria-label]'))"
    )
    assert found == exact and any(exact)
    browser.point("document.querySelectorAll('.sentence summary')[1]", click=True)
    assert texts(browser, ".sentence:first-child .more .text") == [
        one.hypotheses[0] for one in TWO.systems[0].members
    ]


def test_opening_attention_shows_the_weights_of_the_first_model(shown):
    attention = attention_of(TWO)
    browser = shown(report(TWO, attention))
    choose(browser, "Sort by", "test")
    browser.run("document.querySelector('.sentence summary').focus()")
    browser.press("Enter")
    seen = attention[0][0]
    assert texts(browser, ".attention thead th") == seen.source
    assert texts(browser, ".attention tbody th") == seen.target
    percents = (100 * seen.weights).round().int().flatten().tolist()
    cells = "[...document.querySelectorAll('.attention tbody td')].map(e => [e.textContent, e.className])"
    assert browser.run(cells) == [[str(one), f"w{int(20 * one / 100 + 0.5)}"] for one in percents]
    assert "LSTM, seed 1" in browser.run("document.querySelector('.attention caption').textContent")
    assert browser.run("document.querySelector('.sentence .scroll').ariaLabel") == (
        "Attention of LSTM, seed 1, sentence 1"
    )


def test_a_score_of_a_breakdown_is_chosen(shown):
    browser = shown(reported(TWO))
    visible = "[...document.querySelectorAll('.tabs table')].map(e => e.checkVisibility())"
    assert browser.run(visible) == [True, False, False]
    browser.point("document.querySelectorAll('.tabs input')[1]", click=True)
    assert browser.run(visible) == [False, True, False]


def test_hostile_text_is_shown_in_a_browser_too(shown):
    browser = shown(report(hostile(HOSTILE), hostile_attention(HOSTILE)))
    browser.run("document.querySelector('.sentence summary').click()")
    assert browser.run("document.querySelectorAll('script').length") == 2
    assert "<script>alert(1)</script>" in texts(browser, ".sentence .text")[0]
    assert "<script>alert(1)</script>" in texts(browser, ".attention thead th")
    assert "\u202e" not in browser.run("document.body.innerText")


@pytest.mark.parametrize("width", [360, 700, 1300])
def test_no_width_makes_the_page_scroll_sideways(shown, width):
    for text in (reported(FOUR), report(hostile("long" * 60), hostile_attention("long" * 60))):
        browser = shown(text, width=width)
        browser.run("document.querySelectorAll('details').forEach(e => (e.open = true))")
        assert browser.run("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize("findings", [TWO, FOUR], ids=["two", "four"])
def test_the_tables_of_systems_fit_a_usual_screen_and_those_of_models_too_a_sheet_of_a4(shown, findings):
    browser = shown(reported(findings), width=1280)
    tables = "[...document.querySelectorAll('.sortable')]"
    room = ".map(e => e.offsetWidth <= e.closest('.scroll').clientWidth)"
    assert browser.run(f"{tables}{room}[0]")
    browser = shown(reported(findings), width=SHEET)
    browser.medium("print")
    try:
        assert browser.run(tables + room) == [True, True]
        small = f"{tables}.flatMap(e => [...e.querySelectorAll('th, td, small')])"
        sizes = browser.run(f"{small}.map(e => parseFloat(getComputedStyle(e).fontSize))")
        assert min(sizes) >= 0.55 * 16
    finally:
        browser.medium("")


def test_dark_if_the_reader_prefers_it(shown):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert shown(reported(TWO)).run(ground) == "rgb(255, 255, 255)"
    dark = f"rgb({', '.join(str(part) for part in bytes.fromhex(DARK[0][1:]))})"
    assert shown(reported(TWO), dark=True).run(ground) == dark


def test_in_print_every_table_is_seen_and_no_control(shown):
    browser = shown(reported(TWO), dark=True)
    browser.medium("print")
    try:
        assert browser.run("[...document.querySelectorAll('.tabs table')].every(e => e.checkVisibility())")
        controls = "select, input, .paging button, nav a"
        assert not browser.run(f"[...document.querySelectorAll('{controls}')].some(e => e.checkVisibility())")
        assert (
            browser.run("getComputedStyle(document.documentElement).backgroundColor") == "rgb(255, 255, 255)"
        )
    finally:
        browser.medium("")


@NEEDS_AXE
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (360, False)])
@pytest.mark.parametrize("findings", [TWO, FOUR], ids=["two", "four"])
def test_axe_finds_no_violation(shown, findings, width, dark):
    browser = shown(reported(findings), width=width, dark=dark)
    browser.run("document.querySelectorAll('details').forEach(e => (e.open = true))")
    browser.run(f"{PLOT}.focus()")
    browser.run("new Promise(done => setTimeout(done, 50))")
    assert violations(browser) == []


def test_a_report_without_texts_works_without_its_browser_of_sentences(shown):
    browser = shown(report(FOUR, texts=False))
    assert browser.messages == []
    assert browser.run("document.getElementById('browser') === null")
    assert browser.run("document.querySelectorAll('#chart-choices select').length") > 0
