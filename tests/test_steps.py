"""align --step: decoding shown one step at a time, in a terminal and in plain output."""

import io
import json
import os
import re
import select
import shutil
import subprocess
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text
from seqattn_cli.views.steps import Row, Scene, perform, picture

from seqattn.decoding.search import SearchOptions
from seqattn.decoding.stepping import steps
from seqattn.models.base import Reading
from seqattn.runs.folder import RunFolder
from seqattn.runs.run import load_run

from commands import BOTH, error_of, seqattn
from terminal import rendered

PROGRAM = [sys.executable, "-m", "seqattn_cli.main"]


def played(run, *arguments):
    """The blocks of the output: the heading, then the lines of each step."""
    output = seqattn("align", run, *arguments, "--step").stdout
    heading, *blocks = re.split(r"\n\n(?=step \d+ of)", output)
    return heading, [block.splitlines() for block in blocks]


def taken(lines):
    """The piece that a step takes and its probability."""
    (line,) = [line for line in lines if line.startswith("> ")]
    return line.split()[2], float(line.split()[1])


def attended(lines):
    """The source pieces shown and their weights."""
    (start,) = [at for at, line in enumerate(lines) if line.startswith("attends to")]
    rows = [line.split() for line in lines[start + 1 : lines.index("proposes") - 1]]
    scored = "weight and score" in lines[start]
    return [(row[1 + scored], float(row[0]), float(row[1]) if scored else None) for row in rows]


@BOTH
def test_the_steps_printed_are_those_of_greedy_translation(work, architecture):
    run = work.run(architecture)
    _, found = played(run, "red dog one two cat")
    translation = seqattn("translate", run, "--beam", 1, input="red dog one two cat").stdout.strip()
    assert (found[-1][1] or "∅") == (translation or "∅")
    assert [lines[0].split("  ")[0] for lines in found] == [
        f"step {number} of {len(found)}" for number in range(1, len(found) + 1)
    ]
    pieces = [taken(lines)[0] for lines in found]
    assert pieces[-1] == "</s>"
    assert [lines[0].split("reads ")[1] for lines in found] == ["<s>", *pieces[:-1]]


def test_along_a_target_the_steps_take_its_pieces_and_show_their_probabilities(work):
    run = work.run("lstm")
    loaded = load_run(run)
    ids = loaded.tokenizer.target.encode("cat cat bird bird")
    source = loaded.tokenizer.source.encode("red dog")
    _, found = played(run, "red dog", "cat cat bird bird")
    assert found[-1][1] == "cat cat bird bird"
    expected = list(steps(loaded.model, source, SearchOptions(), ids))
    for lines, step in zip(found, expected, strict=True):
        piece, probability = taken(lines)
        assert piece == {2: "</s>"}.get(step.taken.id) or loaded.tokenizer.target.pieces([step.taken.id])[0]
        assert probability == pytest.approx(step.taken.probability, abs=6e-4)
        assert any(line.endswith(f"rank {step.taken.rank}") for line in lines) == (step.taken.rank > 5)
    assert any(step.taken.rank > 5 for step in expected)


@pytest.mark.parametrize("head", [0, 1, 2])
def test_attention_and_context_vector_are_of_the_requested_head(work, head):
    run = work.run("transformer")
    loaded = load_run(run)
    expected = steps(
        loaded.model,
        loaded.tokenizer.source.encode("red dog"),
        SearchOptions(),
        loaded.tokenizer.target.encode("dog red"),
    )
    heading, found = played(run, "red dog", "dog red", "--head", head)
    assert (f"head {head}" if head else "mean of 2 heads") in heading and "produced" in heading
    for lines, step in zip(found, expected, strict=True):
        weights = Reading(1, head).weights(step.attention.unsqueeze(-2))[0].tolist()
        assert [weight for _, weight, _ in attended(lines)] == pytest.approx(weights, abs=6e-4)
        scores = [score for _, _, score in attended(lines)]
        if head:
            assert scores == pytest.approx(step.scores[0, head - 1].tolist(), abs=6e-3)
        else:
            # The mean of several softmaxes has no scores.
            assert scores == [None] * len(weights)
        vector = step.context[0, head - 1] if head else step.context[0].flatten()
        (summary,) = [line for line in lines if line.startswith("attends to")]
        assert f"{'|c|' if head else '|[c1 … c2]|'} {vector.norm():.2f}" in summary


def test_the_producing_step_is_shown_even_if_the_run_reads_the_consuming_one(work, tmp_path):
    shown = []
    for consumed in (False, True):
        run = shutil.copytree(work.run("lstm"), tmp_path / str(consumed) / "run")
        config = json.loads((run / "config.json").read_text())
        config["alignment"] = {"layer": 1, "head": 0, "consumed": consumed}
        (run / "config.json").write_text(json.dumps(config))
        assert RunFolder(run).read_config().alignment == Reading(1, 0, consumed)
        shown.append(played(run, "red dog", "dog red"))
    (plain, found), (noted, same) = shown
    assert found == same
    assert "the step after" in noted and noted.startswith(plain) and "the step after" not in plain


def test_a_missing_layer_is_an_error(work):
    message = error_of(seqattn("align", work.run("lstm"), "red dog", "--step", "--layer", 2, status=1))
    assert "there is no layer 2" in message


@pytest.mark.parametrize(
    "more",
    [
        ["red dog", "--pause", "1"],
        ["red dog", "--step", "--pause", "-1"],
        ["red dog", "--step", "--heads"],
        ["red dog", "--step", "--at", "consumed"],
        ["red dog", "--step", "--unit", "words"],
        ["red dog", "--step", "--format", "jsonl"],
        ["--step", "--pairs", "y.tsv"],
        ["--step"],
    ],
)
def test_invalid_combinations_with_step_are_usage_errors(work, more):
    assert "Error: " in seqattn("align", work.run("lstm"), *more, status=2).stderr


def test_steps_are_of_one_run(work):
    runs = [work.run("lstm"), work.run("transformer")]
    assert "one RUN" in seqattn("align", *runs, "red dog", "--step", status=2).stderr


def scene(shares=(0.1, 0.6, 0.3), name="step 1 of 9", text="dog", pieces=None):
    pieces = pieces or [f"p{at}" for at in range(len(shares))]
    proposed = [Row(0.5, "dog", True), Row(0.25, "cat")]
    rows = [Row(share, piece) for share, piece in zip(shares, pieces, strict=True)]
    return Scene(name, "<s>", text, rows, ["entropy 1.30 bits", "|c| 2.00"], proposed)


def drawn(one, width=80, most=12):
    return rendered(picture(one, width, most)).splitlines()


def test_a_step_is_drawn():
    assert drawn(scene()) == [
        "step 1 of 9  reads <s>",
        "dog",
        "",
        "attends to  entropy 1.30 bits  |c| 2.00",
        "  0.100  p0   ████",
        "  0.600  p1   ████████████████████████",
        "  0.300  p2   ████████████",
        "",
        "proposes",
        "> 0.500  dog  ████████████████████",
        "  0.250  cat  ██████████",
    ]


def test_pieces_that_need_more_lines_than_there_are_are_in_columns():
    lines = drawn(scene([0.05, 0.3, 0.02, 0.5, 0.13]), most=2)
    assert lines[4:7] == [
        "  0.050  p0  ░░░    0.020  p2   ·     0.130  p4  ░░░",
        "  0.300  p1  ▒▒▒    0.500  p3  ▓▓▓",
        "",
    ]


def test_a_piece_has_one_place_in_all_steps_and_the_part_with_the_peak_is_shown():
    def places(peak):
        shares = [0.01] * 30
        shares[peak] = 0.71
        lines = drawn(scene(shares), width=60, most=3)[4:8]
        found = {
            piece: (at, line.index(piece))
            for at, line in enumerate(lines)
            for piece in re.findall(r"p\d+", line)
        }
        return found, lines[3]

    (first, remaining), (same, _), (other, elsewhere) = places(1), places(8), places(25)
    assert first == same and set(first) == {f"p{at}" for at in range(9)}
    assert remaining == "  0.210  elsewhere; these are 1–9 of 30 pieces"
    assert set(other) == {f"p{at}" for at in range(18, 27)}
    assert elsewhere == "  0.210  elsewhere; these are 19–27 of 30 pieces"


def test_scores_are_between_shares_and_pieces():
    one = scene()
    one = one._replace(
        attended=[
            row._replace(score=score) for row, score in zip(one.attended, (-1.5, 12.25, 0.0), strict=True)
        ]
    )
    lines = drawn(one)
    assert lines[3] == "attends to  entropy 1.30 bits  |c| 2.00  weight and score"
    assert lines[4].startswith("  0.100    -1.50  p0 ") and lines[5].startswith("  0.600    12.25  p1 ")


def test_a_long_translation_shows_its_end():
    line = drawn(scene(text="a" * 50 + " the end"), width=30)[1]
    assert cell_len(line) == 30 and line.startswith("…a") and line.endswith("a the end")


def test_a_share_is_before_its_piece_so_that_a_terminal_does_not_reverse_it():
    line = drawn(scene([1.0], pieces=["שלום"]))[4]
    assert re.fullmatch(r"  1\.000  שלום +█+", line)


def test_shares_that_are_not_numbers_have_no_bar():
    assert drawn(scene([float("nan")] * 2))[4] == "  nan  p0"


pieces = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["[red]x[/]", "\x1b[31m", "שלום", "\u202e", "한국어" * 9, "👨\u200d👩\u200d👧"]),
)


@given(st.lists(pieces, min_size=1, max_size=20), pieces, st.integers(20, 120), st.integers(1, 12))
def test_no_line_is_wider_than_requested_and_no_text_is_interpreted(source, text, width, most):
    shares = [1 / len(source)] * len(source)
    output = rendered(picture(scene(shares, text=text, pieces=source), width, most))
    assert max(cell_len(line) for line in output.split("\n")) <= width
    assert {unicodedata.category(char) for char in output if char != "\n"}.isdisjoint(
        {"Cc", "Zl", "Zp", "Cs"}
    )


def performed(*keys, scenes=None, pause=None):
    """The output to a terminal while `keys` are pressed, or with a pause after each scene.

    An exception among the keys is raised at its turn.
    """
    console = Console(
        force_terminal=True, width=60, height=24, file=io.StringIO(), color_system=None, _environ={}
    )
    pressed = iter(keys)

    def key():
        one = next(pressed)
        if isinstance(one, type):
            raise one
        return one

    scenes = scenes or [scene(name=f"step {number} of 3") for number in (1, 2, 3)]
    try:
        perform(console, scenes, [Text("heading")], key if pause is None else pause)
    finally:
        performed.sent = console.file.getvalue()
    assert next(pressed, None) is None, "the play ended before all keys were pressed"
    return performed.sent


def order(sent):
    """The steps in the order shown, without the repeated last one."""
    found = [int(number) for number in re.findall(r"step (\d+) of", sent)]
    return [number for at, number in enumerate(found) if at == 0 or number != found[at - 1]]


@pytest.mark.parametrize(
    ("keys", "shown"),
    [
        ([" ", "\r", "x"], [1, 2, 3]),
        ([" ", "\x1b[D", " ", " ", " "], [1, 2, 1, 2, 3]),
        (["b", " ", "q"], [1, 2]),
        (["\x1b"], [1]),
        ([" ", EOFError], [1, 2]),
    ],
)
def test_keys_go_forward_and_back_and_quit(keys, shown):
    sent = performed(*keys)
    assert order(sent) == shown
    after = sent.rpartition("any key")[2]
    assert f"step {shown[-1]} of" in after, "the last step stays, without what only keys need"
    assert sent.rfind("\x1b[?25h") > sent.rfind("\x1b[?25l")


def test_without_keys_all_scenes_are_shown_and_no_keys_are_named():
    sent = performed(pause=0)
    assert order(sent) == [1, 2, 3] and "any key" not in sent and "quit" not in sent


def test_an_interruption_shows_the_cursor_again_and_is_raised():
    with pytest.raises(KeyboardInterrupt):
        performed(" ", KeyboardInterrupt)
    assert performed.sent.rfind("\x1b[?25h") > performed.sent.rfind("\x1b[?25l") >= 0


def test_a_long_source_does_not_push_a_step_out_of_the_terminal():
    one = scene([1 / 40] * 40)
    one = one._replace(proposed=[*[Row(0.1, "cat")] * 5, Row(0.01, "dog", True, "rank 9")])
    sent = performed("q", scenes=[one])
    assert "elsewhere" in sent and "rank 9" in sent
    assert sent.split("any key")[0].count("\n") < 23


@pytest.mark.parametrize(("key", "status"), [(b"q", 0), (b"\x03", 130)])
def test_the_terminal_is_left_as_it_was(work, key, status):
    pty, termios = pytest.importorskip("pty"), pytest.importorskip("termios")
    leader, follower = pty.openpty()
    before = termios.tcgetattr(follower)
    arguments = ["align", work.run("lstm"), "red dog", "dog red", "--step"]
    process = subprocess.Popen(
        [*PROGRAM, *map(str, arguments)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, "TERM": "xterm"},
        start_new_session=True,
    )
    sent = b""
    while process.poll() is None:
        if select.select([leader], [], [], 0.1)[0]:
            sent += os.read(leader, 65536)
        elif b"any key" in sent:
            # Keys pressed before the program listens are lost.
            os.write(leader, key)
    while select.select([leader], [], [], 0)[0]:
        sent += os.read(leader, 65536)
    after = termios.tcgetattr(follower)
    os.close(follower)
    os.close(leader)
    assert process.returncode == status, sent
    assert after == before
    assert b"\x1b[?25h" in sent.split(b"any key")[-1]
