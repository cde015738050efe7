"""The documentation names only commands and options that exist, and every command there is."""

import re
import shlex
from pathlib import Path

import click
import pytest
from seqattn_cli.main import cli

ROOT = Path(__file__).parent.parent
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "samples").rglob("*.md")])
OPERATORS = {"|", "||", "&", "&&", ";", ">", ">>", "<", "2>", "2>&1"}
FENCE = re.compile(r"^(```|~~~)")


def code_blocks(text):
    """The lines of fenced and indented code, with their line numbers, continued lines joined."""
    fenced = False
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        if FENCE.match(line.strip()):
            fenced = not fenced
            continue
        if not fenced and not line.startswith(("    ", "\t")):
            continue
        start = start if joined else number
        joined += line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        yield start, joined
        joined = ""


def calls(line):
    """The arguments of each `seqattn …` on a line of shell."""
    reader = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars="|&;<>")
    reader.whitespace_split = True
    try:
        words = list(reader)
    except ValueError:
        return
    found = None
    first = True
    for word in words:
        if word in OPERATORS or re.fullmatch(r"[|&;<>]+", word):
            if found is not None:
                yield found
            found, first = None, word[0] not in "<>"
        elif found is not None:
            found.append(word)
        elif first and re.fullmatch(r"\w+=.*", word):
            continue
        else:
            found, first = ([] if first and word == "seqattn" else None), False
    if found is not None:
        yield found


COMMANDS = [
    (f"{page.relative_to(ROOT)}:{number}", arguments)
    for page in PAGES
    for number, line in code_blocks(page.read_text(encoding="utf-8"))
    for arguments in calls(line)
]


def check(arguments):
    """Parse a command line as the program would, without running it; UsageError when it would be refused."""
    if not arguments or arguments[0].startswith("-"):
        assert set(arguments) <= {"--help", "-h", "--version"}
        return
    name, *rest = arguments
    command = cli.commands.get(name)
    if command is None:
        raise click.UsageError(f"no command {name!r}")
    if "--help" in rest or "-h" in rest:
        return
    if any("…" in word or word.startswith("[") for word in rest):
        # A synopsis rather than a command: its options must exist.
        known = {option for parameter in command.params for option in parameter.opts}
        for word in re.findall(r"(?<![\w-])--[a-z-]+", " ".join(rest)):
            if word not in known:
                raise click.NoSuchOption(word)
        return
    command.make_context(name, list(rest))


@pytest.mark.parametrize(("place", "arguments"), COMMANDS, ids=[place for place, _ in COMMANDS])
def test_a_documented_command_is_one_the_program_accepts(place, arguments):
    check(arguments)


@pytest.mark.parametrize("name", cli.commands)
def test_every_command_is_shown_in_the_readme(name):
    shown = {arguments[0] for place, arguments in COMMANDS if place.startswith("README.md") and arguments}
    assert name in shown


@pytest.mark.parametrize("name", cli.commands)
def test_the_examples_in_a_commands_help_are_ones_the_program_accepts(name):
    command = cli.commands[name]
    examples = [arguments for line in (command.help or "").splitlines() for arguments in calls(line.strip())]
    for arguments in examples:
        check(arguments)
    assert examples or name in {"info", "evaluate"}


@pytest.mark.parametrize(
    "arguments",
    [["fly"], ["train", "--wings", "2"], ["train", "[--wings N]", "…"], ["translate"], ["align", "--beam"]],
)
def test_what_does_not_exist_would_be_seen(arguments):
    with pytest.raises(click.UsageError):
        check(arguments)


def test_commands_are_found_in_fenced_and_indented_code_and_nowhere_else():
    text = """
Here `seqattn fly` is prose.

    seqattn info runs/a

```sh
$ echo "seqattn swim" | seqattn translate runs/a > out.txt  # seqattn jump
NO_COLOR=1 seqattn compare \\
    --seed 2 && seqattn info b
pip install seqattn
```
"""
    found = [arguments for _, line in code_blocks(text) for arguments in calls(line)]
    assert found == [["info", "runs/a"], ["translate", "runs/a"], ["compare", "--seed", "2"], ["info", "b"]]
