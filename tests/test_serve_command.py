"""seqattn serve: the program in its own process, its errors, and the languages that training records."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from seqattn.runs.folder import RunFolder

from commands import TEST, TRAIN, error_of, seqattn, sizes

PROGRAM = [sys.executable, "-m", "seqattn_cli.main"]


@contextmanager
def serving(*arguments):
    """The program on a free port, and its address; it must still run when it is ended."""
    process = subprocess.Popen(
        [*PROGRAM, "serve", "--port", "0", "--workers", "1", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        start_new_session=True,
    )
    try:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if found := re.search(r"http://\S+:\d+", line):
                break
        assert found, "".join(lines)
        yield process, found[0]
    finally:
        process.kill()
        # Returns once the processes that it started have ended too.
        process.communicate(timeout=60)


def ask(address, **parameters):
    """The answer to a request for a translation."""
    kind = {"content-type": "application/json"}
    request = urllib.request.Request(f"{address}/translate", json.dumps(parameters).encode(), kind)
    with urllib.request.urlopen(request) as response:
        return json.loads(response.read())


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be sent SIGTERM there")
@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_the_program_answers_and_ends_by_sigterm(taught, precision):
    run = taught.run("transformer")
    with serving(run, "--languages", "en,de", "--precision", precision) as (process, address):
        found = ask(address, q="red dog", source="en", target="de")
        expected = seqattn("translate", run, "--precision", precision, input="red dog\n").stdout
        assert found == {"translatedText": expected.removesuffix("\n")}
        process.send_signal(signal.SIGTERM)
        out, rest = process.communicate()
        assert process.returncode == 0, rest
        assert out == "" and "Traceback" not in rest


@pytest.mark.skipif(os.name != "posix", reason="a process cannot be sent SIGTERM there")
def test_what_was_accepted_before_sigterm_reaches_all_processes_is_answered(taught):
    with (
        serving(taught.run("lstm"), "--languages", "en,de") as (process, address),
        ThreadPoolExecutor(4) as pool,
    ):
        lines = "red dog one\n" * 500
        # Numbers of alternatives that differ, so that they are not computed together.
        answers = [
            pool.submit(ask, address, q=lines, source="en", target="de", alternatives=number)
            for number in range(4)
        ]
        figures = ""
        while not re.search(r"^seqattn_waiting 3", figures, re.MULTILINE):
            assert not all(answer.done() for answer in answers), "nothing waited"
            with urllib.request.urlopen(f"{address}/metrics") as response:
                figures = response.read().decode()
        os.killpg(process.pid, signal.SIGTERM)
        for answer in answers:
            assert answer.result()["translatedText"].count("\n") == 500
        assert process.wait() == 0


def test_a_server_of_several_processes_answers_each_request_with_its_own_translation(taught):
    run, lines = taught.run("lstm"), [pair.source for pair in TEST]
    expected = seqattn("translate", run, input="".join(f"{line}\n" for line in lines)).stdout.splitlines()
    with (
        serving(run, "--languages", "en,de", "--workers", "2") as (_, address),
        ThreadPoolExecutor(8) as pool,
    ):
        found = pool.map(lambda line: ask(address, q=line, source="en", target="de"), lines)
        assert [one["translatedText"] for one in found] == expected


def test_libretranslates_own_client_works(taught):
    client = pytest.importorskip("libretranslatepy", reason="needs the package libretranslatepy")
    run = taught.run("lstm")
    with serving(run, "--languages", "en,de") as (_, address):
        api = client.LibreTranslateAPI(address)
        expected = seqattn("translate", run, input="red dog\n").stdout.removesuffix("\n")
        assert api.translate("red dog", "en", "de") == expected
        assert [language["code"] for language in api.languages()] == ["en", "de"]
        assert api.detect("red dog")[0]["language"] == "en"


def test_keys_are_read_from_a_file(taught, tmp_path):
    keys = tmp_path / "keys"
    keys.write_text("one\n\n two \n")
    with serving(taught.run("lstm"), "--languages", "en,de", "--api-keys", keys) as (_, address):
        asked = {"q": "red", "source": "en", "target": "de"}
        assert ask(address, **asked, api_key="two")["translatedText"]
        with pytest.raises(urllib.error.HTTPError, match="403") as refused:
            ask(address, **asked)
        refused.value.close()
    keys.write_text("\n")
    message = error_of(seqattn("serve", taught.run("lstm"), "--api-keys", keys, status=1))
    assert "has no keys" in message


def test_a_run_without_languages_a_missing_run_and_a_used_port_are_one_sentence(taught, tmp_path):
    assert "--languages en,de" in error_of(seqattn("serve", taught.run("lstm"), "--port", 0, status=1))
    assert "does not exist" in error_of(seqattn("serve", tmp_path / "none", "--port", 0, status=1))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        message = error_of(seqattn("serve", taught.run("lstm"), "--port", port, status=1))
    assert f"cannot listen on 127.0.0.1, port {port}" in message
    assert "cannot listen" in error_of(seqattn("serve", taught.run("lstm"), "--host", "nowhere..", status=1))


@pytest.mark.parametrize("wrong", ["en", "en,en", "en,de,fr", "en,", "en,d/e", ""])
def test_languages_are_two_codes(taught, wrong):
    for command in (["serve", taught.run("lstm")], ["train", "--train", taught.train, "--arch", "lstm"]):
        assert "two codes" in seqattn(*command, "--languages", wrong, status=2).stderr
    found = seqattn("serve", taught.run("lstm"), *(3 * ["--languages", "en,de"]), status=2)
    assert "once, or for each" in found.stderr


def test_a_missing_package_is_named_with_what_to_install(taught, monkeypatch):
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    message = error_of(seqattn("serve", taught.run("lstm"), "--languages", "en,de", status=1))
    assert "uvicorn" in message and 'pip install "seqattn[serve]"' in message


def train(out, corpus, *more):
    seqattn(
        "train", "--train", corpus, "--arch", "lstm", "--out", out, "--max-updates", 8, *sizes("lstm"), *more
    )
    return RunFolder(out).read_config().data


def test_languages_are_recorded_in_the_direction_of_the_run(taught, tmp_path):
    there = train(tmp_path / "there", taught.train, "--languages", "en,pt-BR")
    back = train(tmp_path / "back", taught.train, "--languages", "en,pt-BR", "--swap")
    assert there.languages == ("en", "pt-BR") and back.languages == ("pt-BR", "en")
    assert there.language == "en" and back.direction == "from pt-BR to en"
    assert "from en to pt-BR" in " ".join(seqattn("info", tmp_path / "there").stdout.split())
    refused = seqattn("train", "--resume", "--out", tmp_path / "there", "--languages", "en,de", status=2)
    assert "--languages" in refused.stderr
    seqattn("train", "--resume", "--out", tmp_path / "there", "--max-updates", 10)
    assert RunFolder(tmp_path / "there").read_config().data.languages == ("en", "pt-BR")


def test_languages_are_those_of_the_names_of_corpora_unless_they_are_named(taught, tmp_path):
    from seqattn.runs.run import load_run
    from seqattn.serving.served import serve_runs

    for at, side in enumerate(("aa", "bb")):
        (tmp_path / f"train.{side}").write_text("".join(f"{pair[at]}\n" for pair in TRAIN))
    corpus = f"{tmp_path / 'train.aa'},{tmp_path / 'train.bb'}"
    train(tmp_path / "unnamed", corpus)
    named = train(tmp_path / "named", corpus, "--languages", "en,de")
    assert named.sides == ("aa", "bb")
    runs = [load_run(tmp_path / name) for name in ("unnamed", "named")]
    assert [(one.source, one.target) for one in serve_runs(runs)] == [("aa", "bb"), ("en", "de")]
    assert [one.name for one in serve_runs(runs)] == ["unnamed", "named"]
