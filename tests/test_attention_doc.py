"""docs/attention.md refers only to what exists, and its examples print the output it shows."""

import ast
import contextlib
import io
import re
import shlex
from itertools import pairwise

import click
import pytest
from seqattn_cli.main import cli

from seqattn.errors import InputError
from seqattn.models import BASELINES
from seqattn.options import parse_settings
from seqattn.runs.presets import compose

from documents import ROOT, check, commands_in

PAGE = ROOT / "docs" / "attention.md"
TEXT = PAGE.read_text(encoding="utf-8")
LINKS = sorted(set(re.findall(r"\[([^\]]+)\]\(([^)\s]+)\)", TEXT)))
SPANS = sorted(set(re.findall(r"`([^`\n]+)`", TEXT)))
EXAMPLES = re.findall(r"^```python\n(.*?)^```\n\n((?: {4}[^\n]*\n)+)", TEXT, re.MULTILINE | re.DOTALL)
TRAININGS = [arguments for _, arguments in commands_in(PAGE) if arguments[0] == "train"]


def names_in(path):
    """The names a module defines: functions, classes, constants, and methods and fields as `Class.name`."""

    def within(body, prefix=""):
        for node in body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                yield prefix + node.name
            if isinstance(node, ast.ClassDef):
                yield from within(node.body, f"{node.name}.")
            if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                yield prefix + node.target.id
            if isinstance(node, ast.Assign):
                yield from (prefix + target.id for target in node.targets if isinstance(target, ast.Name))

    return set(within(ast.parse(path.read_text(encoding="utf-8")).body))


def problem(label, target):
    """The problem with a link: no such file, or no such name in a module; empty if there is none."""
    path = PAGE.parent / target
    if not path.is_file():
        return f"there is no file {target}"
    if path.suffix == ".py" and label.strip("`") not in names_in(path):
        return f"there is no {label} in {target}"
    return ""


@pytest.mark.parametrize(("label", "target"), LINKS)
def test_a_link_leads_to_the_function_class_or_option_that_it_names(label, target):
    assert problem(label, target) == ""


@pytest.mark.parametrize(
    ("label", "target"),
    [
        ("`dot_scores`", "../seqattn/attentions.py"),
        ("`dot_score`", "../seqattn/models/attention.py"),
        ("`LSTMDecoder.steer`", "../seqattn/models/decoders/lstm.py"),
        ("`decode`", "../seqattn/models/decoders/lstm.py"),
        ("`LSTMDecoderOptions.wings`", "../seqattn/models/decoders/lstm.py"),
    ],
)
def test_a_link_to_something_missing_would_be_detected(label, target):
    assert problem(label, target)


def test_every_function_and_module_of_attention_is_in_the_page():
    shown = {label.strip("`") for label, target in LINKS if target == "../seqattn/models/attention.py"}
    defined = names_in(ROOT / "seqattn" / "models" / "attention.py")
    # The return type of `attend` is not an equation.
    assert {name for name in defined if "." not in name} - shown == {"Attended"}


@pytest.mark.parametrize("span", [one for one in SPANS if one.startswith("seqattn")])
def test_a_command_in_the_text_is_one_the_program_accepts(span):
    _, name, *rest = shlex.split(span)
    assert name in cli.commands
    if rest:
        check([name, *rest])


@pytest.mark.parametrize("span", [one for one in SPANS if one.startswith("--")])
def test_an_option_in_the_text_is_one_that_a_command_has(span):
    option, *value = span.split()
    having = [
        parameter for one in cli.commands.values() for parameter in one.params if option in parameter.opts
    ]
    assert having
    choices = {choice for one in having if isinstance(one.type, click.Choice) for choice in one.type.choices}
    assert not choices or set(value) <= choices


def settings_of(words):
    return [value for option, value in pairwise(words) if option == "--set"]


@pytest.mark.parametrize("arguments", TRAININGS, ids=" ".join)
def test_a_setting_of_a_training_exists(arguments):
    architecture = arguments[arguments.index("--arch") + 1]
    compose(architecture, "tiny", parse_settings(settings_of(arguments)))


@pytest.mark.parametrize("setting", [one for span in SPANS for one in settings_of(span.split())])
def test_a_setting_in_the_text_is_one_of_a_model(setting):
    errors = []
    for architecture in ("lstm", "transformer"):
        try:
            compose(architecture, "tiny", parse_settings([setting]))
        except InputError as error:
            errors.append(error)
    assert len(errors) < 2, errors


@pytest.mark.parametrize(("code", "output"), EXAMPLES)
def test_an_example_prints_the_output_below_it(code, output):
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})
    assert out.getvalue() == "".join(f"{line[4:]}\n" for line in output.splitlines())


@pytest.mark.parametrize("span", [one for one in SPANS if one.startswith("python -c")])
def test_python_in_the_text_prints_something(span, capsys):
    exec(shlex.split(span)[2], {})
    assert capsys.readouterr().out


def test_a_run_in_a_command_is_one_that_a_command_of_the_page_makes():
    commands = [arguments for _, arguments in commands_in(PAGE)]
    commands += [shlex.split(span)[1:] for span in SPANS if span.startswith("seqattn ")]
    made = {f"runs/compare/{system}/seed-1" for system in BASELINES}
    made |= {value for each in commands for option, value in pairwise(each) if option == "--out"}
    used = {word for each in commands for word in each if word.startswith("runs/")}
    assert used <= made and len(used) > 5


def test_there_are_examples_commands_and_settings_to_test():
    assert EXAMPLES and TRAININGS and any(map(settings_of, TRAININGS))
