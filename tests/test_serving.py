"""The server's interface: LibreTranslate's requests and answers, limits and refusals."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser

import anyio
import pytest
from hypothesis import given
from hypothesis import strategies as st

from seqattn.errors import InputError
from seqattn.runs.run import load_run
from seqattn.serving.batcher import Batcher, BusyError
from seqattn.serving.engines import local
from seqattn.serving.passages import passages_of_html, passages_of_text
from seqattn.serving.served import ONE_BATCH, Attending, Translating, serve_runs

from commands import TEST, seqattn
from runs import random_run
from serving import asking, client_of

SOURCES = [pair.source for pair in TEST]


@pytest.fixture(scope="module")
def client(taught):
    with client_of(taught.run("lstm")) as client:
        yield client


@pytest.fixture(scope="module")
def expected(taught):
    """The translation of each test source by the command."""
    lines = seqattn("translate", taught.run("lstm"), taught.source).stdout.splitlines()
    assert all(lines) and len(set(lines)) == len(lines)
    return dict(zip(SOURCES, lines, strict=True))


def error_in(response, status):
    """The sentence of a refusal, which is all that is told."""
    assert response.status_code == status, response.text
    (message,) = response.json().values()
    assert list(response.json()) == ["error"] and "Traceback" not in message and "/" not in message
    return message


def test_a_text_in_gives_a_text_out_and_a_list_gives_a_list_in_order(client, expected):
    one = client.post("/translate", json=asking(SOURCES[0]))
    assert one.status_code == 200 and one.json() == {"translatedText": expected[SOURCES[0]]}
    several = client.post("/translate", json=asking(SOURCES)).json()
    assert several == {"translatedText": [expected[source] for source in SOURCES]}
    assert client.post("/translate", json=asking([SOURCES[0]])).json() == {
        "translatedText": [expected[SOURCES[0]]]
    }


@pytest.mark.parametrize("how", ["form", "multipart", "query", "json"])
def test_json_forms_and_queries_are_read_alike(client, expected, how):
    asked = asking(SOURCES[1])
    given = {
        "form": {"data": asked},
        "multipart": {"files": {name: (None, value) for name, value in asked.items()}},
        "query": {"params": asked},
        "json": {"content": json.dumps(asked)},
    }
    assert client.post("/translate", **given[how]).json() == {"translatedText": expected[SOURCES[1]]}


def test_several_texts_of_a_form_are_a_list(client, expected):
    found = client.post("/translate", data=asking(SOURCES[:2])).json()
    assert found == {"translatedText": [expected[source] for source in SOURCES[:2]]}


def test_each_of_64_clients_at_once_gets_its_own_answer(client, expected):
    begin = threading.Barrier(64)

    def ask(number):
        begin.wait()
        source = SOURCES[number % len(SOURCES)]
        return source, client.post("/translate", json=asking(source)).json()["translatedText"]

    with ThreadPoolExecutor(64) as pool:
        for source, found in pool.map(ask, range(64)):
            assert found == expected[source]


def test_alternatives_are_other_translations_best_first(client, taught):
    best = seqattn("translate", taught.run("lstm"), taught.source, "--nbest", 4, "--format", "jsonl").stdout
    texts = [[one["text"] for one in json.loads(line)["translations"]] for line in best.splitlines()]
    wanted = [list(dict.fromkeys(text for text in own if text != own[0])) for own in texts]
    found = client.post("/translate", json=asking(SOURCES, alternatives=3)).json()
    assert found["translatedText"] == [own[0] for own in texts]
    assert found["alternatives"] == wanted
    assert any(wanted)
    single = client.post("/translate", data=asking(SOURCES[0], alternatives="3")).json()
    assert single["alternatives"] == wanted[0]


def test_lines_of_a_text_are_translated_one_by_one_and_the_space_around_them_is_kept(client, expected):
    one, two = SOURCES[:2]
    text = f"  {one}\r\n\n\t{two} \n"
    found = client.post("/translate", json=asking(text)).json()["translatedText"]
    assert found == f"  {expected[one]}\r\n\n\t{expected[two]} \n"
    assert client.post("/translate", json=asking(" \n")).json()["translatedText"] == " \n"


def test_tags_of_html_are_kept_and_the_texts_between_them_translated(client, expected):
    one, two = SOURCES[:2]
    page = (
        '<!DOCTYPE html><p Class="a&amp;b">{}</P ><br/><!-- red <b> --> <style>p > a {{}}</style>'
        '<script>if (1 < 2) "red dog"</script><b>{}</b>\n'
    )
    found = client.post("/translate", json=asking(page.format(one, two), format="html")).json()
    assert found["translatedText"] == page.format(expected[one], expected[two])


def test_a_text_of_html_is_unescaped_to_be_translated_and_escaped_again():
    passages = passages_of_html("<p>a &lt; b &amp;amp; c</p> <")
    assert passages.texts == ("a < b &amp; c", "<")
    assert passages.join(["x < y", "&"]) == "<p>x &lt; y</p> &amp;"


@pytest.mark.parametrize("space", ["&nbsp;", "&#160;", "&#xA0;", "&ensp;", "&thinsp;", "&nbsp", " &emsp; "])
def test_spaces_around_a_text_of_html_are_kept_however_they_are_written(space):
    page = f"A man{space}<b>{space}rides</b>{space}<td>{space}</td>"
    passages = passages_of_html(page)
    assert passages.texts == ("A man", "rides")
    assert passages.join(passages.texts) == page


class Tags(HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.found = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, attributes))

    def handle_endtag(self, tag):
        self.found.append(tag)


PARTS = ["<p>", "</p>", '<a href="x>y">', "<br/>", "<", ">", "&", "&lt;", "&amp;lt;", "a", " ", "\n", "<!--"]
PARTS += ["&nbsp;", "&nbsp", "&#160", "&#x20;", "&emsp;"]
PARTS += ["-->", "<script>", "</script>", "<style>", "</style >", "<?x", "<!d", "é", "</", "<b", "'", '"']
MARKUP = st.lists(st.sampled_from(PARTS), max_size=14).map("".join)


@given(MARKUP)
def test_translating_texts_to_themselves_keeps_the_tags_of_any_html(text):
    passages = passages_of_html(text)
    assert len(passages.between) == len(passages.texts) + 1
    assert all(passage == passage.strip() for passage in passages.texts)
    whole = passages.join(passages.texts)
    assert Tags(whole).found == Tags(text).found
    assert Tags(passages.join(["<i>"] * len(passages.texts))).found == Tags(text).found


@given(st.text(alphabet="ab \n\r\t\u2028\x0b", max_size=30))
def test_a_text_consists_of_its_passages_and_what_is_between_them(text):
    passages = passages_of_text(text)
    assert passages.join(passages.texts) == text
    assert all(passage and not set(passage) & set("\r\n") for passage in passages.texts)


def test_languages_are_those_of_the_runs(taught):
    there, back = taught.run("lstm"), taught.back("lstm")
    with client_of(there, back, languages=[("en", "de"), ("de", "en")]) as client:
        assert client.get("/languages").json() == [
            {"code": "en", "name": "English", "targets": ["de"]},
            {"code": "de", "name": "German", "targets": ["en"]},
        ]
        found = client.post("/translate", json=asking("red dog", source="de", target="en"))
        assert found.status_code == 200
        assert "name the source" not in found.text
        same = client.post("/translate", json=asking("red dog", source="en_US", target="DE"))
        assert same.json() == client.post("/translate", json=asking("red dog")).json()
        message = error_in(client.post("/translate", json=asking("red dog", target="fr")), 400)
        assert "en to de, de to en" in message


def test_the_source_language_may_be_left_open_if_there_is_one(client, taught):
    found = client.post("/translate", json=asking("red dog", source="auto")).json()
    assert found["detectedLanguage"] == {"language": "en", "confidence": 0.0}
    several = client.post("/translate", json=asking(["red dog", "cat"], source="auto")).json()
    assert several["detectedLanguage"] == 2 * [{"language": "en", "confidence": 0.0}]
    for response in (client.post("/detect", data={"q": "red"}), client.get("/detect", params={"q": "red"})):
        assert response.json() == [{"language": "en", "confidence": 0.0}]
    with client_of(taught.run("lstm"), taught.run("lstm"), languages=[("en", "de"), ("fr", "de")]) as unclear:
        assert "name the source" in error_in(unclear.post("/translate", json=asking("x", source="auto")), 400)


def test_the_first_run_that_fits_is_used(taught):
    runs = taught.run("transformer"), taught.run("lstm")
    with client_of(*runs) as client:
        found = client.post("/translate", json=asking(SOURCES)).json()["translatedText"]
    lines = seqattn("translate", runs[0], taught.source).stdout.splitlines()
    assert found == lines != seqattn("translate", runs[1], taught.source).stdout.splitlines()


@pytest.mark.parametrize("codes", [("pt", "pt-BR"), ("pt-BR", "pt")])
def test_a_run_for_a_locale_answers_its_requests_and_one_for_the_language_all_others(taught, codes):
    runs = dict(zip(codes, (taught.run("transformer"), taught.run("lstm")), strict=True))
    with client_of(*runs.values(), languages=[("en", code) for code in codes]) as client:
        for asked, code in {"pt-BR": "pt-BR", "PT_br": "pt-BR", "pt": "pt", "pt-PT": "pt"}.items():
            found = client.post("/translate", json=asking(SOURCES[0], target=asked, source="en-US")).json()
            assert found["translatedText"] == load_run(runs[code]).translate(SOURCES[0]).text


def test_attention_is_that_of_align(client, taught):
    shown = seqattn("align", taught.run("lstm"), "red dog", "--format", "jsonl").stdout
    found = client.get("/attention", params=asking("red dog")).json()
    assert found.pop("translation") == load_run(taught.run("lstm")).translate("red dog").text
    assert found == json.loads(shown)
    given = client.post("/attention", json=asking("red dog", translation="dog two")).json()
    assert given["target"] == ["dog", "two"] and given["translation"] == "dog two"
    assert "more than 400 pieces" in error_in(client.get("/attention", params=asking("x" * 401)), 400)


def test_attention_is_that_of_the_servers_translation(tmp_path):
    path = random_run(tmp_path / "run", "lstm")[0].path
    with client_of(path, beam=1, length_penalty=0) as client:
        for source in SOURCES[:4]:
            found = client.get("/attention", params=asking(source)).json()["translation"]
            assert found == client.post("/translate", json=asking(source)).json()["translatedText"]
            assert found == load_run(path).translate(source, beam=1, length_penalty=0).text


def test_settings_health_and_figures(client):
    settings = client.get("/frontend/settings").json()
    assert settings["charLimit"] == 10_000 and settings["keyRequired"] is False
    assert settings["language"]["source"] == {"code": "en", "name": "English"}
    assert client.get("/health").json() == {"status": "ok"}

    def figure(name):
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    texts, refused = figure("seqattn_texts_total"), figure("seqattn_requests_total{")
    client.post("/translate", json=asking(["red", "dog"]))
    client.get("/nowhere-at-all")
    assert figure("seqattn_texts_total") == texts + 2
    assert figure("seqattn_requests_total{") >= refused + 2
    assert "nowhere-at-all" not in client.get("/metrics").text


def test_what_clients_invent_has_no_figures_of_its_own(taught):
    with client_of(taught.run("lstm"), origins=("https://b.example",)) as client:
        client.get("/health///")
        headers = {"origin": "https://b.example", "access-control-request-method": "GET"}
        client.options("/invented", headers=headers)
        text = client.get("/metrics").text
    assert "/health/" not in text and "invented" not in text and 'path="other"' in text


@pytest.mark.parametrize("key", [{}, {"api_key": ""}, {"api_key": "thre"}, {"api_key": ["three"]}])
def test_without_a_key_nothing_is_translated_where_one_is_needed(taught, key):
    with client_of(taught.run("lstm"), api_keys=("one", "three", "schlüssel")) as client:
        for path in ("/translate", "/attention", "/detect"):
            error_in(client.post(path, json=asking("red dog", **key)), 403)
        for right in ("three", "schlüssel"):
            assert client.post("/translate", data=asking("red dog", api_key=right)).status_code == 200
            raw = f"q=red dog&source=en&target=de&api_key={right}".encode()
            form = {"content-type": "application/x-www-form-urlencoded"}
            assert client.post("/translate", content=raw, headers=form).status_code == 200
        assert client.get("/frontend/settings").json()["keyRequired"] is True


def test_more_characters_than_the_limit_are_refused(taught):
    with client_of(taught.run("lstm"), max_characters=10) as client:
        assert client.post("/translate", json=asking("red dog ab")).status_code == 200
        for q in ("red dog abc", ["red", "dog", "abcde"], [""] * 11):
            assert "limit of 10" in error_in(client.post("/translate", json=asking(q)), 400)
        error_in(client.post("/translate", json=asking("x" * 100_000)), 413)
        error_in(client.post("/translate", data=asking("x" * 100_000)), 413)
        error_in(client.get("/attention", params=asking("x" * 11)), 400)


def test_html_has_a_limit_of_its_own(taught):
    with client_of(taught.run("lstm"), max_characters=100_000) as client:
        long = asking("<b>" * 7000, format="html")
        assert "of HTML" in error_in(client.post("/translate", json=long), 400)
        assert client.post("/translate", json={**long, "q": "<b>" * 5000}).json() == {
            "translatedText": "<b>" * 5000
        }


def test_a_long_text_of_several_batches_is_translated_as_by_the_command(client, taught):
    lines = SOURCES * 15
    asked = "\n".join(lines)
    assert len(asked) > ONE_BATCH
    found = client.post("/translate", json=asking(asked)).json()["translatedText"].split("\n")
    assert found == seqattn("translate", taught.run("lstm"), input=asked).stdout.splitlines()


class Held:
    """The translations are held back until they are let go."""

    def __init__(self, monkeypatch):
        self.begun, self.free = threading.Event(), threading.Event()
        self.computed = []
        own = Translating.__call__

        def held(work, runs, items):
            self.begun.set()
            self.free.wait()
            self.computed += [line for item in items for line in item]
            return own(work, runs, items)

        monkeypatch.setattr(Translating, "__call__", held)


def test_beyond_the_queue_requests_are_refused_and_those_in_it_answered(taught, expected, monkeypatch):
    held = Held(monkeypatch)
    with client_of(taught.run("lstm"), max_waiting=2) as client, ThreadPoolExecutor(4) as pool:

        def ask(number):
            return client.post("/translate", json=asking(SOURCES[number]))

        first = pool.submit(ask, 0)
        held.begun.wait()
        waiting = [pool.submit(ask, number) for number in (1, 2)]
        while "seqattn_waiting 2.0" not in client.get("/metrics").text:
            pass
        refused = ask(3)
        error_in(refused, 503)
        assert int(refused.headers["retry-after"]) >= 1
        held.free.set()
        for number, answer in enumerate([first, *waiting]):
            assert answer.result().json()["translatedText"] == expected[SOURCES[number]]


def test_a_request_that_takes_too_long_is_answered_with_504_and_not_computed_later(taught, monkeypatch):
    held = Held(monkeypatch)
    with client_of(taught.run("lstm"), timeout=0.01) as client:
        assert "0.01 seconds" in error_in(client.post("/translate", json=asking("red")), 504)
        # The engine is held by an attempt that it has begun.
        while not held.begun.is_set():
            client.post("/translate", json=asking("red"))
        assert "0.01 seconds" in error_in(client.post("/translate", json=asking("cat")), 504)
        held.free.set()
    assert "cat" not in held.computed


def test_a_failure_is_answered_without_its_reason_and_spoils_no_other_request(taught, expected, monkeypatch):
    own = Translating.__call__

    def fails(work, runs, items):
        if any("bad" in line for item in items for line in item):
            raise InputError("is secret", path="/secret/path")
        return own(work, runs, items)

    monkeypatch.setattr(Translating, "__call__", fails)
    with client_of(taught.run("lstm")) as client, ThreadPoolExecutor(8) as pool:
        asked = [SOURCES[0], "bad", SOURCES[1]] * 5
        answers = list(pool.map(lambda text: client.post("/translate", json=asking(text)), asked))
    for text, answer in zip(asked, answers, strict=True):
        if text == "bad":
            assert "secret" not in error_in(answer, 400)
        else:
            assert answer.json()["translatedText"] == expected[text]


def test_an_error_in_the_program_is_answered_in_one_sentence(taught, monkeypatch):
    from starlette.testclient import TestClient

    def fails(work, runs, items):
        raise RuntimeError("/secret/path")

    monkeypatch.setattr(Attending, "__call__", fails)
    with client_of(taught.run("lstm")) as client:
        quiet = TestClient(client.app, raise_server_exceptions=False)
        assert "secret" not in error_in(quiet.get("/attention", params=asking("red")), 500)


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)
    ),
    max_leaves=6,
)
NAMES = ["q", "source", "target", "format", "alternatives", "api_key", "translation"]
USUAL = [["red dog", "", "\ud800", "\x00 </s> ▁"], ["en", "auto"], ["de"], ["text", "html"], [0, 2, "1", -1]]
BODIES = st.fixed_dictionaries(
    {},
    optional={
        name: st.one_of(st.sampled_from(usual), JSON)
        for name, usual in zip(NAMES, [*USUAL, ["k"], ["dog", ""]], strict=True)
    },
)
FORM, PARTED = "application/x-www-form-urlencoded", "multipart/form-data"
TYPES = st.sampled_from(["application/json", "", FORM, f"{FORM}; charset=x", PARTED]) | st.sampled_from(
    [f"{PARTED}; boundary=b", f"{PARTED}; boundary=é"]
)
PATHS = st.sampled_from(["/translate", "/detect", "/attention"])


@given(PATHS, BODIES)
def test_no_json_makes_the_server_fail(client, path, body):
    response = client.post(path, content=json.dumps(body))
    assert response.status_code in (200, 400), response.text
    if response.status_code == 400:
        error_in(response, 400)


@given(PATHS, TYPES, st.binary(max_size=60), st.sampled_from([b"", b"q=", b"--b\r\n", b'{"q":', b"[[[["]))
def test_no_bytes_make_the_server_fail(client, path, kind, body, begin):
    response = client.post(path, content=begin + body, headers={"content-type": kind.encode()})
    assert response.status_code in (200, 400), response.text


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"q":' + b"9" * 5000 + b"}", b'{"q": NaN}', b"\xff\xfe{}", b"null", b"", b'"q"'],
)
def test_json_that_cannot_be_read_is_refused(client, body):
    error_in(client.post("/translate", content=body), 400)


def test_a_client_that_leaves_before_its_request_is_complete_is_no_failure(client):
    async def leaves():
        sent, messages = [], iter([{"type": "http.request", "body": b"{", "more_body": True}])

        async def receive():
            return next(messages, {"type": "http.disconnect"})

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/translate", "headers": [], "query_string": b""}
        await client.app(scope, receive, send)
        return sent

    assert client.portal.call(leaves)[0]["status"] == 400


def test_a_client_that_sends_its_request_too_slowly_is_told_so(taught):
    async def waits(app):
        sent = []

        async def receive():
            await anyio.sleep_forever()

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/translate", "headers": [], "query_string": b""}
        await app(scope, receive, send)
        return sent

    with client_of(taught.run("lstm"), timeout=0.01) as client:
        begin, body = client.portal.call(waits, client.app)
    assert begin["status"] == 408
    assert "within 0.01 seconds" in json.loads(body["body"])["error"]


def test_a_queue_that_is_closed_first_finishes_what_waits_but_what_was_cancelled():
    begun, free, done = threading.Event(), threading.Event(), []

    def work(runs, items):
        begun.set()
        free.wait()
        done.extend(items)
        return items

    batcher = Batcher([local([])], 3)
    first = batcher.submit(work, 0)
    begun.wait()
    waiting = [batcher.submit(work, number) for number in (1, 2, 3)]
    with pytest.raises(BusyError):
        batcher.submit(work, 4)
    assert waiting[1].cancel() and not first.cancel()
    free.set()
    batcher.close()
    assert done == [0, 1, 3]
    assert [one.result() for one in (first, waiting[0], waiting[2])] == [0, 1, 3]
    with pytest.raises(BusyError):
        batcher.submit(work, 5)


def test_works_of_another_kind_are_not_computed_together_and_the_oldest_is_first():
    begun, free, batches = threading.Event(), threading.Event(), []

    def one(runs, items):
        begun.set()
        free.wait()
        batches.append(list(items))
        return items

    def other(runs, items):
        batches.append(list(items))
        return items

    batcher = Batcher([local([])], 10)
    batcher.submit(one, 0)
    begun.wait()
    for work, item in ((other, 1), (one, 2), (other, 3), (one, 4)):
        batcher.submit(work, item)
    free.set()
    batcher.close()
    assert batches == [[0], [1, 3], [2, 4]]


def test_engines_compute_side_by_side():
    both = threading.Barrier(2)

    def work(runs, items):
        both.wait(60)
        return items

    batcher = Batcher([local([]), local([])], 10)
    found = [batcher.submit(work, number) for number in range(2)]
    assert [one.result(60) for one in found] == [0, 1]
    batcher.close()


def test_other_paths_and_methods_are_refused_in_the_same_form(client):
    assert client.get("/nowhere").json() == {"error": "Not Found"}
    assert client.get("/translate").json() == {"error": "Method Not Allowed"}
    assert client.get("/../etc/passwd").status_code == 404


def test_only_pages_of_named_sites_may_use_the_server(client, taught):
    def allowed(client):
        asked = {"origin": "https://a.example", "access-control-request-method": "POST"}
        before = client.options("/translate", headers=asked).headers
        after = client.post("/translate", json=asking("red"), headers={"origin": asked["origin"]}).headers
        assert before.get("access-control-allow-origin") == after.get("access-control-allow-origin")
        return after.get("access-control-allow-origin")

    assert allowed(client) is None
    with client_of(taught.run("lstm"), origins=("https://a.example",)) as named:
        assert allowed(named) == "https://a.example"
    with client_of(taught.run("lstm"), origins=("https://b.example",)) as other:
        assert allowed(other) is None


def test_languages_are_those_recorded_unless_they_are_given(taught, tmp_path):
    run = load_run(taught.run("lstm"))
    with pytest.raises(InputError, match="does not record the languages"):
        serve_runs([run])
    with pytest.raises(ValueError, match="2 times for 3"):
        serve_runs([run] * 3, [("en", "de")] * 2)
    both = [(one.source, one.target) for one in serve_runs([run] * 2, [("en", "de"), ("de", "en")])]
    assert both == [("en", "de"), ("de", "en")]
