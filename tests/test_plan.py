"""What is to be compared, as it is named on the command line, and the budget of every run."""

import json
import math
from dataclasses import asdict

import pytest

from seqattn.comparison.folder import Evaluation
from seqattn.comparison.plan import (
    Given,
    Plan,
    Recipe,
    budget_in_words,
    parse_seeds,
    parse_system,
    parse_systems,
    with_budget,
)
from seqattn.errors import InputError
from seqattn.runs.records import read_record


@pytest.mark.parametrize(
    ("argument", "system"),
    [
        ("hybrid", Recipe("hybrid", "hybrid")),
        ("lstm+transformer", Recipe("lstm+transformer", "lstm+transformer")),
        ("none:arch=lstm,score=none", Recipe("none", "lstm", {"score": "none"})),
        ("deep: arch=transformer , encoder.layers=6", Recipe("deep", "transformer", {"encoder.layers": "6"})),
        ("lstm:dropout=0.5", Recipe("lstm", "lstm", {"dropout": "0.5"})),
        ("google=out.txt", Given("google", ("out.txt",))),
        ("mine=runs/a,runs/b", Given("mine", ("runs/a", "runs/b"))),
        ("there=C:\\runs\\a", Given("there", ("C:\\runs\\a",))),
    ],
)
def test_a_system_is_trained_or_given(argument, system):
    assert parse_system(argument) == system


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("=out.txt", "no name"),
        ("../up=out.txt", "no name"),
        ("two words=out.txt", "no name"),
        ("", "no name"),
        ("empty=", "names no run"),
        ("rnn", "no architecture 'rnn'"),
        ("x:arch=rnn", "no architecture 'rnn'"),
        ("x:arch=lstm,score", "not of the form key=value"),
        ("x:arch=lstm,seed=3", "sets a seed"),
        ("x:arch=lstm,arch=hybrid", "a setting twice"),
        ("x" * 101 + "=out.txt", "1 to 100 letters"),
        ("Comparison.json:arch=lstm", "no name"),
    ],
)
def test_a_malformed_system_is_an_error_that_says_why(argument, message):
    with pytest.raises(InputError, match=message):
        parse_system(argument)


def test_systems_are_added_to_the_baselines_and_may_replace_one():
    recipes, given = parse_systems(["hybrid", "lstm:arch=lstm,layers=2", "tool=out.txt"])
    assert [one.name for one in recipes] == ["lstm", "transformer", "hybrid"]
    assert recipes[0].settings == {"layers": "2"} and [one.name for one in given] == ["tool"]
    assert [one.name for one in parse_systems(["lstm=out.txt"])[0]] == ["transformer"]
    with pytest.raises(InputError, match="two systems with the name 'hybrid'"):
        parse_systems(["hybrid", "hybrid=out.txt"])
    for names in (["LSTM:arch=lstm"], ["a=x", "A=y"]):
        with pytest.raises(InputError, match="two systems with the name"):
            parse_systems(names)


def test_seeds_are_different_whole_numbers():
    assert parse_seeds("1, 20,3") == (1, 20, 3)
    for wrong in ("", " ", "1,,2", "-1", "1.5", "x", "1,1", str(2**63), "9" * 5000):
        with pytest.raises(InputError):
            parse_seeds(wrong)


@pytest.mark.parametrize(
    ("budget", "settings", "expected"),
    [
        (None, {}, {"max_updates": 300}),
        ("updates", {}, {"max_updates": 300}),
        ("tokens", {}, {"max_tokens": 3000}),
        ("minutes", {}, {"max_minutes": 20.0}),
        ("minutes", {"max_minutes": 5}, {"max_minutes": 5}),
        (None, {"max_updates": "7", "max_minutes": 5}, {"max_updates": "7", "max_minutes": 5}),
        ("tokens", {"max_updates": 0}, {"max_tokens": 3000, "max_updates": 0}),
    ],
    ids=str,
)
def test_the_budget_is_what_is_asked_for_or_thirty_epochs(budget, settings, expected):
    assert with_budget(Plan(budget=budget, settings=settings), 10, 100) == expected


def test_a_budget_of_one_kind_excludes_limits_of_another():
    with pytest.raises(InputError, match="excludes --max-updates and --max-minutes"):
        with_budget(Plan(budget="tokens", settings={"max_updates": 5, "max_minutes": 1.0}), 10, 100)


def test_a_budget_is_said_in_words():
    assert budget_in_words({"max_updates": 1900}) == "1,900 updates"
    both = budget_in_words({"max_updates": "1900", "max_minutes": 1.7})
    assert both == "1,900 updates or 1.7 minutes, whichever is reached first"


PLAN = Plan(("a.tsv",), None, (Recipe("lstm", "lstm", {"layers": "2"}),), (1, 2), "tiny", {"max_updates": 9})


def test_a_plan_survives_its_record():
    assert Plan.from_json(json.loads(json.dumps(PLAN.to_json()))) == PLAN


def test_a_record_cannot_name_a_folder_elsewhere():
    values = PLAN.to_json()
    values["recipes"][0]["name"] = "../../elsewhere"
    with pytest.raises(ValueError, match="the name"):
        Plan.from_json(values)


@pytest.mark.parametrize(
    "change",
    [
        {"preset": "huge"},
        {"budget": "dollars"},
        {"budget": []},
        *({"seeds": seeds} for seeds in ([], [-1], [1.9], [1, 1], [math.inf], ["1"], 1)),
        *({"train": train} for train in ("a.tsv", [1], None)),
        *({"valid": valid} for valid in (5, ["v.tsv"])),
        *({"settings": settings} for settings in ([], {"max_updates": [9]}, {"max_updates": None})),
        {"recipes": [{"name": "a", "architecture": "lstm", "settings": {}}] * 2},
        {"recipes": [{"name": "a", "architecture": "lstm"}]},
        {"recipes": [{"name": "comparison.json", "architecture": "lstm", "settings": {}}]},
        {"recipes": ["lstm"]},
    ],
    ids=str,
)
def test_a_record_with_an_impossible_value_is_no_plan(change):
    with pytest.raises(ValueError, match=r"."):
        Plan.from_json(PLAN.to_json() | change)


EVALUATION = Evaluation("test.tsv", None, (Given("tool", ("out.txt",)),), 4, 0.5)


def test_an_evaluation_survives_its_record_and_one_with_an_impossible_value_is_none():
    values = json.loads(json.dumps(asdict(EVALUATION)))
    assert read_record(Evaluation, values) == EVALUATION
    for change in (
        *({"test": test} for test in (5, [])),
        {"gold": 5},
        *({"beam": beam} for beam in ("x", 0, 2.5, True, 101)),
        *({"length_penalty": penalty} for penalty in ("x", math.nan, -1)),
        *(
            {"given": [one]}
            for one in ({"name": "a"}, {"name": "a", "paths": []}, {"name": "a", "paths": "ab"})
        ),
    ):
        with pytest.raises(ValueError, match=r"."):
            read_record(Evaluation, values | change)


def test_only_seeds_and_systems_may_be_added_to_a_plan():
    more = Plan(**{**vars(PLAN), "seeds": (3,), "recipes": (*PLAN.recipes, Recipe("hybrid", "hybrid"))})
    assert PLAN.differences_from(more) == []
    for field, value in (
        ("train", ("b.tsv",)),
        ("valid", "v.tsv"),
        ("preset", "small"),
        ("budget", "updates"),
    ):
        assert PLAN.differences_from(Plan(**{**vars(PLAN), field: value})) == [field]
    assert PLAN.differences_from(Plan(**{**vars(PLAN), "settings": {"max_updates": 10}})) == ["settings"]
    other = Plan(**{**vars(PLAN), "recipes": (Recipe("lstm", "lstm", {"layers": "3"}),)})
    assert PLAN.differences_from(other) == ["system lstm"]
