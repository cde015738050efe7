"""The commands in the code of the documentation's pages, for tests to check."""

import re
import shlex
from pathlib import Path

import click
from seqattn_cli.main import cli

ROOT = Path(__file__).parent.parent
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


def commands_in(page):
    """The location and the arguments of each command of a page."""
    return [
        (f"{page.relative_to(ROOT)}:{number}", arguments)
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
        # A synopsis, not a command: its options must exist.
        known = {option for parameter in command.params for option in parameter.opts}
        for word in re.findall(r"(?<![\w-])--[a-z-]+", " ".join(rest)):
            if word not in known:
                raise click.NoSuchOption(word)
        return
    command.make_context(name, list(rest))
