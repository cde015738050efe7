"""The documentation mentions only commands and options that exist, and every command."""

import re
from xml.etree import ElementTree

import click
import pytest
from seqattn_cli.main import cli

from documents import ROOT, calls, check, code_blocks, commands_in

PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "samples").rglob("*.md")])
COMMANDS = [command for page in PAGES for command in commands_in(page)]


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
def test_a_missing_command_or_option_would_be_detected(arguments):
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


@pytest.mark.parametrize("page", PAGES, ids=[page.name for page in PAGES])
def test_files_that_a_page_links_to_exist(page):
    for target in re.findall(r"\]\(([^)\s#]+)", page.read_text(encoding="utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_the_picture_of_a_comparison_is_complete_and_needs_nothing_from_elsewhere():
    text = (ROOT / "docs" / "compare.svg").read_text(encoding="utf-8")
    shown = " ".join("".join(ElementTree.fromstring(text).itertext()).replace("\xa0", " ").split())
    for part in ("seqattn compare", "BLEU", "alignment error rate", "by source length", "attended to"):
        assert part in shown
    assert "url(http" not in text and "@import" not in text and "/train.tsv" not in shown
