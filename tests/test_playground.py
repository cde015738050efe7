"""The playground: what its server answers, and the page in a browser."""

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqattn.pictures.legible import caption
from seqattn.runs.run import load_run
from seqattn.symbols import EOS

from browser import NEEDS_AXE, violations
from commands import TEST
from markup import Document
from runs import random_run
from serving import address_of, client_of

SOURCES = [pair.source for pair in TEST]
LONG = "red green blue one two"


@pytest.fixture(scope="module")
def client(taught):
    with client_of(taught.run("lstm"), taught.run("transformer")) as client:
        yield client


def play(client, q, prefix="", run=0):
    response = client.post("/playground/translate", json={"run": run, "q": q, "prefix": prefix})
    assert response.status_code == 200, response.text
    return response.json()


@pytest.mark.parametrize("number", [0, 1])
def test_candidates_are_those_of_translate(client, taught, number):
    run = load_run(taught.run(["lstm", "transformer"][number]))
    expected = run.translate(LONG, nbest=5)
    found = play(client, LONG, run=number)
    assert [one["text"] for one in found["candidates"]] == [one.text for one in expected.candidates]
    assert [one["score"] for one in found["candidates"]] == pytest.approx(
        [one.score for one in expected.candidates], abs=1e-5
    )


def test_every_piece_has_its_candidates_and_the_product_of_probabilities_is_the_translations(client, taught):
    run = load_run(taught.run("lstm"))
    found = play(client, LONG)
    pieces = found["pieces"]
    (hypothesis,) = run.translate(LONG).candidates[0].hypotheses
    assert len(pieces) == len(hypothesis.ids) and hypothesis.ids[-1] == EOS and pieces[-1]["end"]
    product = 1.0
    for piece in pieces:
        product *= piece["probability"]
        shown = [one["probability"] for one in piece["candidates"]]
        assert shown == sorted(shown, reverse=True) and len(shown) == 8
        if piece["rank"] <= 8:
            assert piece["candidates"][piece["rank"] - 1]["text"] == piece["text"]
    assert math.log(product) == pytest.approx(found["candidates"][0]["log_probability"], abs=1e-3)


def test_a_candidates_prefix_gives_translations_that_begin_with_it(client):
    pieces = play(client, LONG)["pieces"]
    tried = 0
    for place, piece in enumerate(pieces):
        for one in piece["candidates"][:4]:
            if one["prefix"] is None:
                continue
            tried += 1
            found = play(client, LONG, one["prefix"])
            assert all(each["text"].startswith(one["prefix"]) for each in found["candidates"])
            assert len(found["pieces"]) > place
    assert tried > 4


def test_a_score_is_that_of_the_search(client, taught):
    best = play(client, LONG)["candidates"][0]
    asked = {"run": 0, "q": LONG, "translation": best["text"]}
    found = client.post("/playground/score", json=asked).json()
    assert found["score"] == pytest.approx(best["score"], abs=1e-4)
    other = client.post("/playground/score", json={**asked, "translation": "zebra"}).json()
    assert other["score"] < best["score"]
    run = load_run(taught.run("lstm"))
    assert other["log_probability"] == pytest.approx(run.score(LONG, "zebra"), abs=1e-4)


@pytest.mark.parametrize("source", [LONG, "red dog. blue cat.", "red ☃ dog", "☃"])
def test_scores_are_said_to_be_of_the_whole_text_only_if_they_are(client, source):
    found = play(client, source)
    best = found["candidates"][0]
    asked = {"run": 0, "q": source, "translation": best["text"]}
    alone = client.post("/playground/score", json=asked).json()
    assert found["whole"] == (alone["score"] == pytest.approx(best["score"], abs=1e-4)) == (source == LONG)


def test_the_attention_is_that_of_align(client, taught):
    attention = play(client, "red dog")["attention"]
    run = load_run(taught.run("lstm"))
    heads = run.attention("red dog").heads.weights
    assert attention["weights"] == (100_000 * heads).round().int().flatten().tolist()
    assert attention["html"].count("<td") == heads.shape[-1] * heads.shape[-2] + 1


def test_a_run_without_attention_has_pieces_and_no_panel(tmp_path):
    random_run(tmp_path / "none", "lstm", score="none")
    with client_of(tmp_path / "none") as client:
        found = play(client, "the dog")
        assert found["attention"] is None and found["pieces"]
        assert client.get("/attention", params={"q": "a", "source": "en", "target": "de"}).status_code == 400


def test_several_sentences_are_translated_in_parts(client):
    found = play(client, "red dog. blue cat.")
    assert found["parts"] == 2 and found["pieces"] == [] and found["attention"]


TEXTS = st.text(max_size=8) | st.just("x" * 501)


@given(st.text(max_size=12), TEXTS, st.integers() | st.text(max_size=3))
def test_no_text_makes_the_playground_fail(client, q, text, run):
    for path in ("translate", "score"):
        asked = {"q": q, "prefix": text, "translation": text, "run": run}
        response = client.post(f"/playground/{path}", content=json.dumps(asked))
        assert response.status_code in (200, 400), response.text


def test_the_playground_needs_the_key_and_keeps_the_limits(taught):
    with client_of(taught.run("lstm"), api_keys=("k",), max_characters=20) as client:
        for path in ("translate", "score"):
            assert client.post(f"/playground/{path}", json={"q": "red"}).status_code == 403
            assert client.post(f"/playground/{path}", json={"q": "red", "api_key": "k"}).status_code == 200
            long = {"q": "red", "prefix": "x" * 18, "translation": "x" * 18, "api_key": "k"}
            assert client.post(f"/playground/{path}", json=long).status_code == 400
        assert client.get("/").status_code == 200


def test_the_page_asks_nobody_but_its_server(client):
    page = client.get("/")
    assert "default-src 'none'; connect-src 'self'; style-src 'sha256-" in page.text
    assert page.headers["content-security-policy"] == "frame-ancestors 'none'"
    assert "http" not in page.text.replace("http://www.w3.org/2000/svg", "").replace("http-equiv", "")


@pytest.mark.parametrize("name", ['"><img src=x onerror=alert(1)>', "a b' x=1&amp;", "\udce9"])
def test_names_of_sides_are_shown_and_never_interpreted(tmp_path, name):
    folder, _ = random_run(tmp_path / "run", "lstm")
    config = folder.read_config()
    folder.write_config(replace(config, data=replace(config.data, sides=("en", name))))
    with client_of(tmp_path / "run", languages=()) as client:
        page = Document(client.get("/").text)
    assert page.all("img") == []
    (option,), (system,), (best,) = page.all("option"), page.all("section"), page.all("p", class_="best")
    assert option["attributes"] == {"value": f"en,{caption(name)}"}
    assert system["attributes"]["data-direction"] == option["attributes"]["value"]
    assert best["attributes"] == {"class": "best", "lang": caption(name), "dir": "auto"}
    assert option["text"] == f"English to {caption(name)}"


@pytest.fixture(scope="module")
def address(taught):
    runs = taught.run("lstm"), taught.run("transformer"), taught.back("lstm")
    with address_of(*runs, languages=[("en", "de"), ("en", "de"), ("de", "en")]) as address:
        yield address


@pytest.fixture
def page(browser, address):
    def opened(**how):
        browser.open(f"{address}/", **how)
        return browser

    yield opened
    assert browser.messages == []
    assert {request.rsplit("/", 1)[0].removesuffix("/playground") for request in browser.requests} == {
        address
    }


def text_of(selector):
    return f"[...document.querySelectorAll('{selector}')].map(e => e.textContent)"


def type_text(browser, text):
    """Type a text and wait until both runs have answered."""
    browser.run("document.getElementById('text').focus(); document.getElementById('text').select()")
    browser.type(text)
    settle(browser)


READY = "[...document.querySelectorAll('.system:not([hidden])')].every(e => !e.matches('.waiting'))"


def settle(browser):
    """Wait until what was typed has been asked and answered."""
    browser.run("new Promise(done => setTimeout(done, 2 * PAUSE))")
    browser.wait(READY)


def test_what_is_typed_is_translated_by_each_run_with_its_alternatives_and_attention(page, taught):
    browser = page()
    assert browser.run("document.activeElement.id") == "text"
    type_text(browser, "red dog")
    expected = [load_run(taught.run(name)).translate("red dog", nbest=5) for name in ("lstm", "transformer")]
    shown = ".system:not([hidden])"
    assert browser.run(text_of(f"{shown} h2[id]")) == ["lstm", "transformer"]
    assert browser.run(text_of(f"{shown} .best")) == [one.text for one in expected]
    alternatives = browser.run(text_of(f"{shown} .alternatives bdi"))
    assert alternatives == [one.text for each in expected for one in each.candidates]
    scores = [f"{one.score:.2f}".replace("-", "\u2212") for each in expected for one in each.candidates]
    assert browser.run(text_of(f"{shown} .alternatives span")) == scores
    assert browser.run("document.querySelectorAll('.attention svg').length") == 2
    words = browser.run(text_of(".system:first-child .attention .source bdi"))
    assert words == ["red", "dog", "</s>"]
    type_text(browser, " ")
    assert browser.run("document.querySelectorAll('.result:not([hidden])').length") == 0


def test_a_piece_shows_its_candidates_and_a_candidate_is_forced(page):
    browser = page()
    type_text(browser, LONG)
    system = "document.querySelector('.system')"
    browser.run(f"{system}.querySelector('.pieces button').focus()")
    browser.press("Enter")
    expanded = f"{system}.querySelector('.pieces [aria-expanded=true]')"
    assert browser.run(f"{expanded} === document.activeElement")
    assert browser.run(f"{system}.querySelectorAll('.others button').length") == 8
    wanted = f"[...{system}.querySelectorAll('.others button:not(:disabled):not([aria-current])')][0]"
    chosen = browser.run(f"{wanted}.firstChild.textContent")
    browser.point(wanted, click=True)
    browser.wait(f"!{system}.querySelector('.forced').hidden && {READY}")
    assert browser.run(f"{system}.querySelector('.best').textContent").startswith(chosen)
    assert browser.run(f"{system}.querySelector('.forced bdi').textContent") == chosen
    assert browser.run(f"document.activeElement === {system}.querySelectorAll('.pieces button')[1]")
    browser.point(f"{system}.querySelector('.forced button')", click=True)
    browser.wait(f"{system}.querySelector('.forced').hidden && {READY}")


@NEEDS_AXE
@pytest.mark.parametrize(("width", "dark"), [(1200, False), (1200, True), (360, False)])
def test_axe_finds_no_violation(page, width, dark):
    browser = page(width=width, dark=dark)
    type_text(browser, LONG)
    browser.run("document.querySelector('.system .pieces button').focus()")
    browser.press("Enter")
    assert violations(browser) == []


def test_pieces_are_reached_by_arrows_and_candidates_closed_by_escape(page):
    browser = page()
    type_text(browser, LONG)
    browser.run("document.querySelector('.pieces button').focus()")
    at = "[...document.activeElement.parentElement.children].indexOf(document.activeElement)"
    walked = []
    for key in ("ArrowRight", "ArrowRight", "ArrowLeft", "End", "Home", "ArrowLeft"):
        browser.press(key)
        walked.append(browser.run(at))
    last = browser.run("document.querySelector('.pieces').children.length") - 1
    assert walked == [1, 2, 1, last, 0, 0]
    browser.press("Enter")
    browser.press("Tab")
    assert browser.run("document.activeElement.closest('.others') !== null")
    browser.press("Escape")
    assert browser.run("document.activeElement.closest('.pieces') !== null")
    assert browser.run("document.querySelectorAll('.others:not([hidden])').length") == 0


def test_a_translation_that_is_edited_shows_its_score(page, taught):
    browser = page()
    type_text(browser, "red dog")
    browser.run("document.querySelector('.edit input').focus(); document.activeElement.select()")
    browser.type("dog one")
    browser.wait("document.querySelector('.scored').textContent")
    total = load_run(taught.run("lstm")).score("red dog", "dog one")
    shown = browser.run("document.querySelector('.scored').textContent")
    assert shown.startswith("Score") and f"{total:.2f}".replace("-", "\u2212") in shown and "best" in shown


def test_a_score_of_the_whole_text_is_not_compared_with_those_of_parts(page):
    browser = page()
    type_text(browser, "red dog. blue cat.")
    browser.run("document.querySelector('.edit input').focus()")
    browser.type(" one")
    browser.wait("document.querySelector('.scored').textContent")
    shown = browser.run("document.querySelector('.scored').textContent")
    assert shown.startswith("Score") and "best" not in shown and "unlike those above" in shown


def test_only_runs_of_the_chosen_direction_are_shown(page):
    browser = page()
    assert browser.run(text_of(".system:not([hidden]) h2")) == ["lstm", "transformer"]
    browser.run(
        "document.getElementById('direction').selectedIndex = 1;"
        "document.getElementById('direction').dispatchEvent(new Event('change'))"
    )
    assert browser.run(text_of(".system:not([hidden]) h2")) == ["lstm-back"]
    type_text(browser, "red dog")
    assert browser.run("document.querySelectorAll('.result:not([hidden])').length") == 1


def test_the_same_word_is_lit_in_both_runs(page):
    browser = page()
    type_text(browser, "red dog")
    browser.point("document.querySelector('.attention .source button')")
    said = browser.run(text_of(".said"))
    assert len(said) == 2 and all(sentence.startswith("“red” is attended to by") for sentence in said)


def test_a_refusal_is_said(browser, taught):
    with address_of(taught.run("lstm"), api_keys=("secret",)) as address:
        browser.open(f"{address}/")
        type_text(browser, "red dog")
        assert browser.run("document.getElementById('status').textContent") == "An API key is needed"
        browser.run("document.getElementById('key').focus()")
        browser.type("secret")
        settle(browser)
        assert browser.run("document.getElementById('status').textContent") == ""
        assert browser.run("document.querySelector('.best').textContent")


def test_the_refusal_of_one_run_stays_when_another_has_an_answer(browser, taught, tmp_path):
    # Of the other run, each character of this text is several pieces.
    random_run(tmp_path / "bytes", "lstm")
    with address_of(tmp_path / "bytes", taught.run("lstm")) as address:
        browser.open(f"{address}/")
        type_text(browser, "red " * 101)
        said = browser.run("document.getElementById('status').textContent")
        assert said == "Texts of more than 400 pieces are refused here"
        assert browser.run("document.querySelectorAll('.result:not([hidden])').length") == 1


@pytest.mark.parametrize("width", [320, 700, 1400])
def test_no_width_makes_the_playground_scroll_sideways(page, width):
    browser = page(width=width)
    type_text(browser, " ".join(SOURCES[:4]))
    browser.point("document.querySelector('.pieces button')", click=True)
    assert browser.run("document.documentElement.scrollWidth") <= width


def test_the_playground_is_dark_if_the_reader_prefers_it(page):
    ground = "getComputedStyle(document.documentElement).backgroundColor"
    assert page(dark=True).run(ground) != page().run(ground) == "rgb(255, 255, 255)"


def test_every_control_has_a_name(page):
    browser = page()
    type_text(browser, LONG)
    nameless = browser.run(
        "[...document.querySelectorAll('textarea, input, select')].filter(e => !e.labels.length).length"
        " + [...document.querySelectorAll('button')].filter(e => !e.textContent.trim()).length"
    )
    assert nameless == 0
    assert browser.run("document.querySelectorAll('[role=status]').length") >= 2
