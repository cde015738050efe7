"""Texts and names that are meant to do harm: every view shows them, none obeys them."""

import io
import json
import os
import re
import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.console import Console
from seqattn_cli.views.live import LiveView, preparing
from seqattn_cli.views.messages import say

from seqattn.as_json import as_json
from seqattn.pictures.legible import caption, harmless, in_code, in_markdown, visible
from seqattn.training.schedule import TrainingOptions

from commands import TRAIN, error_of, seqattn, sizes
from runs import write_tsv

HOSTILE = "\x1b[31m\x9b1m\u202e\u2028[red]:smile:`<b>"
"""Escape sequences in both forms, a right-to-left override, a line separator, markup, an emoji code, HTML."""
texts = st.text(
    st.one_of(
        st.characters(codec=None), st.sampled_from("\x1b\x9b\x85\u2028\u2029\u202e\u2066\ud800\n\r`*[]")
    )
)
values = st.recursive(texts | st.integers(), lambda some: st.lists(some) | st.dictionaries(texts, some))


def obeyed(text):
    """The characters of a text that a terminal obeys, that end a line or change the direction of others."""
    directions = ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
    return [
        char
        for char in text
        if unicodedata.category(char) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(char) in directions
    ]


@given(value=values, indent=st.sampled_from([None, 2]))
@example(value=HOSTILE, indent=None)
def test_json_keeps_every_text_and_holds_nothing_that_a_terminal_or_a_reader_of_lines_obeys(value, indent):
    written = as_json(value, indent)
    assert json.loads(written) == value
    assert not obeyed(written.replace("\n", "") if indent else written)
    assert written.splitlines() == written.split("\n")
    written.encode()


@given(texts)
@example(HOSTILE)
def test_a_text_in_markdown_stays_in_its_line_and_in_its_code(text):
    assert not obeyed(in_markdown(text)) and not obeyed(in_code(text))
    code = in_code(text)
    fence = re.match("`+", code)[0]
    assert code.endswith(fence) and fence not in re.findall("`+", code[len(fence) : -len(fence)])


@given(texts)
@example(HOSTILE)
def test_a_terminal_obeys_nothing_of_a_text_that_is_shown_on_it_and_all_else_stays_as_it_is(text):
    shown = harmless(text)
    assert not obeyed(shown) and harmless(shown) == shown
    if not obeyed(text):
        assert shown == text


@given(texts, st.sampled_from("\u0301\u0489\u200c\ufe0f\u0e49"), st.integers(0, 40))
def test_every_word_and_name_is_shown_without_what_a_terminal_obeys_and_without_floods(text, mark, count):
    for show in (visible, caption):
        shown = show(text + "a" + count * mark + "b")
        assert shown and not obeyed(shown)
        assert ("…" in shown.removeprefix(show(text + "a"))) == (count > 16)
        assert shown.count(mark) <= 16 + text.count(mark)


def test_a_flood_of_marks_of_different_classes_is_shown_at_once():
    # NFC sorts them by insertion: of so many it would take minutes.
    assert len(visible("a" + 500_000 * "\u0301\u0316")) <= 18
    assert len(visible("क" + 500_000 * "\u094d\u200d")) <= 18


@pytest.mark.parametrize("terminal", [False, True])
def test_a_message_is_shown_as_it_is_without_markup_emoji_codes_or_escape_sequences(terminal):
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200, _environ={})
    say(console, f"Written to {HOSTILE}.")
    assert console.file.getvalue() == "Written to ␛[31m\\x9b1m\\u202e\\u2028[red]:smile:`<b>.\n"


def test_views_of_progress_show_names_harmlessly():
    console = Console(file=io.StringIO(), force_terminal=True, color_system=None, width=200, _environ={})
    console.print(LiveView(HOSTILE, TrainingOptions()))
    with preparing(console) as report:
        report(f"reading {HOSTILE}", 0.5)
    shown = re.sub(r"\x1b\[[0-9?]*[A-Za-ln-z]|[\r\n]", "", console.file.getvalue())
    assert not obeyed(shown)
    assert "[red]:smile:" in shown.partition("reading")[0] and "[red]:smile:" in shown.partition("reading")[2]


@pytest.mark.parametrize(
    "arguments",
    [["--no\x1b[31m"], ["\x1b[31m"], ["translate", "run", "--beam", "\x1b[31m"], ["info", "\x1b[31m"]],
)
def test_an_error_of_usage_quotes_arguments_harmlessly(arguments):
    shown = seqattn(*arguments, status=1 if arguments[0] == "info" else 2).stderr
    assert r"\x1b[31m" in shown and "\x1b" not in shown


def named(folder, name):
    """A path with a name of any bytes; skips where files cannot have it."""
    path = folder / os.fsdecode(name)
    try:
        path.write_bytes(b"")
    except OSError:
        pytest.skip("file names cannot have these bytes here")
    path.unlink()
    return path


def test_runs_and_corpora_may_have_names_that_are_not_utf8_or_look_like_markup(work, tmp_path):
    run = named(tmp_path, b"\x1b[31m:smile:[red]caf\xe9")
    corpus = named(tmp_path, b"\x1b[31m`caf\xe9.tsv")
    write_tsv(corpus, TRAIN)
    made = ("train", "--train", corpus, "--arch", "lstm", "--out", run, *sizes("lstm"))
    results = [
        seqattn(*made, "--max-updates", 8),
        seqattn("train", "--resume", "--out", run, "--max-updates", 10),
        seqattn("info", run),
        seqattn("evaluate", run, "--test", corpus, "--json", "-"),
        seqattn("check", corpus, "--json", "-"),
        seqattn("translate", run, work.source, "--output", named(tmp_path, b"\xe9")),
        seqattn("align", run, "red dog", "dog red", "--format", "html"),
        seqattn("compare", run, "--test", corpus, "--report", named(tmp_path, b"r\xe9"), "--markdown", "-"),
    ]
    assert "␛[31m:smile:[red]caf\\udce9" in results[0].stderr.splitlines()[-1]
    for result in results:
        assert not obeyed(result.output.replace("\n", ""))
    assert str(corpus) == json.loads(results[3].stdout)["test"]
    assert "␛[31m`caf\\udce9.tsv" in (run / "README.md").read_text()
    error = error_of(seqattn("info", named(tmp_path, b"\xff\x1b"), status=1))
    assert r"\udcff\x1b: does not exist" in error


FLOOD = "e" + 40 * "\u0301\u0489" + "\u200b\u2060\u200c" * 50
SENTENCES = [
    f"red {HOSTILE} dog",
    f"{FLOOD} </title><script>alert(1)</script> %$#_{{}}\\input~^&|",
    "[link=x]dog[/link]",
]
VIEWS = {
    "translate --attention": ["translate", "{run}", "{sources}", "--attention"],
    "translate --format jsonl": ["translate", "{run}", "{sources}", "--attention", "--format", "jsonl"],
    "align": ["align", "{run}", "{one}", "{two}"],
    "align, its translation": ["align", "{run}", "{one}"],
    "align, several runs": ["align", "{run}", "{other}", "{two}", "{one}"],
    "align --heads": ["align", "{other}", "{one}", "{two}", "--heads"],
    "align --unit pieces": ["align", "{run}", "{one}", "{two}", "--unit", "pieces"],
    "align --step": ["align", "{run}", "{one}", "--step", "--pause", "0"],
    "align --self-attention": ["align", "{other}", "{one}", "{two}", "--self-attention", "decoder"],
    **{
        f"align --format {form}": ["align", "{run}", "--pairs", "{corpus}", "--format", form]
        for form in ("heatmap", "html", "svg", "jsonl")
    },
    "evaluate --json": ["evaluate", "{run}", "--test", "{corpus}", "--json", "-"],
    "check": ["check", "{corpus}"],
    "check --json": ["check", "{corpus}", "--json", "-"],
}
"""Every command that shows texts, in every form."""


@pytest.fixture
def hostile(work, tmp_path):
    """The names of runs, and of a corpus and a text of hostile sentences."""
    corpus, sources = tmp_path / "corpus.jsonl", tmp_path / "sources"
    pairs = zip(SENTENCES, reversed(SENTENCES), strict=True)
    corpus.write_text("".join(json.dumps({"source": one, "target": two}) + "\n" for one, two in pairs))
    sources.write_bytes("".join(f"{one}\n" for one in SENTENCES).encode())
    runs = {"run": work.run("lstm"), "other": work.run("transformer")}
    return {**runs, "corpus": corpus, "sources": sources, "one": SENTENCES[0], "two": SENTENCES[1]}


def check_view(shown, form):
    """Nothing in a view is obeyed; JSON holds texts as they are, though escaped."""
    assert shown and not obeyed(shown.replace("\n", "")) and "😄" not in shown
    assert "json" in form or not re.search("[\u0300-\u036f\u0483-\u0489\u200c]{40}", shown)
    assert form not in ("html", "svg", "report", "markdown") or "<script>alert" not in shown


@pytest.mark.parametrize("view", list(VIEWS))
def test_no_view_of_a_hostile_text_obeys_it(hostile, view):
    command = [part.format(**hostile) for part in VIEWS[view]]
    # What check finds here would spoil a training.
    shown = seqattn(*command, status=int(view.startswith("check"))).output
    if view == "translate --attention":
        # Into a file or a pipe translations go as they are; the maps below them are a view.
        translations = seqattn("translate", hostile["run"], hostile["sources"]).stdout.split("\n")
        shown = "\n".join(line for line in shown.split("\n") if line not in translations)
    check_view(shown, view.rpartition("-")[2].rpartition(" ")[2])


def test_no_form_of_a_comparison_of_hostile_texts_obeys_them(hostile, tmp_path):
    forms = ("report", "markdown", "latex", "json")
    options = [word for form in forms for word in (f"--{form}", tmp_path / form)]
    systems = (hostile["run"], hostile["other"], "--system", f"x={hostile['sources']}")
    check_view(seqattn("compare", *systems, "--test", hostile["corpus"], *options).output, "")
    for form in forms:
        check_view((tmp_path / form).read_text(encoding="utf-8"), form)
