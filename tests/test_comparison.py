"""Comparison of systems: figures are those of their folders, and what was not alike is said."""

import dataclasses
from pathlib import Path

import pytest
import sacrebleu

from seqattn.alignment.links import Gold, agreement
from seqattn.comparison.conditions import cautions_of, deciding_metric, terms_of
from seqattn.comparison.differing import representative
from seqattn.comparison.findings import alignment_of, attention_of, find, training_words
from seqattn.comparison.folder import Task
from seqattn.comparison.results import System
from seqattn.comparison.systems import EvaluationSet, Search, member
from seqattn.comparison.tables import rows_of
from seqattn.data.corpus import Pair
from seqattn.decoding.search import SearchOptions
from seqattn.decoding.translation import TranslationOptions, Translator
from seqattn.evaluation.scores import score
from seqattn.files import unique_names
from seqattn.runs.folder import RunFolder
from seqattn.runs.preparation import load_data
from seqattn.runs.run import load_run

from runs import random_run, reversal_pairs, train_toy, write_tsv
from systems import outputs

PAIRS = reversal_pairs(20, seed=9)
LONG = Pair("green bird " * 9, "red"), Pair("red", "green bird " * 9)
TEST = EvaluationSet("test.tsv", PAIRS)
FEW = EvaluationSet("few.tsv", PAIRS[:2])


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return train_toy(tmp_path_factory.mktemp("runs") / "toy", "lstm")


@pytest.fixture(scope="module")
def found(run):
    return member(run, TEST, "seed 1", Search(beam=2))


def test_the_costs_of_a_model_are_those_of_its_metrics_and_files(run, found):
    events = RunFolder(run.path).metrics.read()
    updates = [event for event in events if event.event == "updated"]
    costs = found.costs
    assert costs.updates == len(updates) == 10
    assert costs.tokens == sum(event.tokens for event in updates)
    assert costs.updating == pytest.approx(sum(event.seconds for event in updates))
    assert costs.seconds == events[-1].all_seconds >= costs.updating - 0.1
    assert costs.tokens_per_second == pytest.approx(costs.tokens / costs.updating)
    assert costs.parameters == sum(parameter.numel() for parameter in run.model.parameters())
    table = run.model.encoder.embedding.weight.numel()
    assert costs.embeddings == table and costs.other_parameters == costs.parameters - table
    needed = ["model.safetensors", "config.json", "tokenizer.model"]
    assert costs.size == sum((run.path / name).stat().st_size for name in needed)
    assert costs.ended == events[-1].reason != ""


def test_the_curve_of_a_model_has_its_validations_without_the_average(run, found):
    events = [event for event in RunFolder(run.path).metrics.read() if event.event == "validated"]
    assert any(event.averaged for event in events)
    expected = [(e.update, e.all_seconds, *e.all) for e in events if not e.averaged]
    assert [dataclasses.astuple(point) for point in found.curve] == expected
    assert [point.update for point in found.curve] == [4, 8, 10]


def test_a_model_is_scored_on_what_it_translates(run, found):
    search = SearchOptions(beam=2, length_penalty=1.0, max_ratio=run.config.max_ratio)
    translator = Translator(run.model, run.tokenizer, TranslationOptions(search))
    translations = list(translator.translate(pair.source for pair in PAIRS))
    hypotheses = [translation.text for translation in translations]
    references = [pair.target for pair in PAIRS]
    assert list(found.hypotheses) == hypotheses
    assert found.scores == score(hypotheses, references)
    assert found.scores.chrf == sacrebleu.corpus_chrf(hypotheses, [references]).score
    ids = sum(len(t.candidates[0].hypotheses[0].ids) for t in translations)
    assert found.output_ids == ids > 0
    assert found.sentences_per_second * found.decoding_seconds == pytest.approx(len(PAIRS))


def test_of_a_run_without_metrics_the_costs_of_training_are_unknown_and_not_zero(tmp_path, found):
    random_run(tmp_path / "run", "lstm")
    bare = member(load_run(tmp_path / "run"), FEW, "bare", Search(1))
    costs = bare.costs
    assert (costs.updates, costs.tokens, costs.seconds, costs.tokens_per_second) == (None,) * 4
    assert bare.curve == () and costs.ended == "" and costs.memory is None and costs.size > 0
    assert cautions_of([System("bare", (bare,))]) == []
    assert System("both", (bare, found)).cost("updates") == found.costs.updates
    rows = {one.label: one.cells for one in rows_of(find([System("bare", (bare,))], FEW, Search(1)))}
    assert rows["parameters"] == (f"{costs.parameters:,}",)
    assert not rows.keys() & {"updates", "tokens trained on", "training time", "training tokens/s"}


def test_an_empty_source_is_assessed_as_an_empty_translation(run):
    found = run.evaluate([Pair("", "nothing"), *PAIRS[:1]], beam=1)
    assert found.hypotheses[0] == ""
    assert found.scores.sentences == 2


def changed(found, name, training=None, data=None, costs=None):
    """A system with the model of another whose config or costs differ."""
    config = found.run.config
    config = dataclasses.replace(
        config,
        training=dataclasses.replace(config.training, **(training or {})),
        data=dataclasses.replace(config.data, **(data or {})),
    )
    run = dataclasses.replace(found.run, config=config)
    costs = dataclasses.replace(found.costs, **(costs or {}))
    return System(name, (dataclasses.replace(found, run=run, costs=costs),))


def test_models_trained_alike_need_no_caution_and_share_their_conditions(found):
    systems = [changed(found, "a"), changed(found, "b"), outputs("tool", found.hypotheses, found.scores)]
    assert cautions_of(systems) == []
    terms = " ".join(terms_of(systems, "test.tsv", 20, Search(2)))
    assert "Budget of each run: 10 updates" in terms and "One order of batches" in terms
    assert "beam 2" in terms and found.scores.bleu_signature in terms


def test_runs_that_were_not_trained_are_named_by_system_and_seed(found):
    missing = [Task(name, seed, Path(name)) for name, seed in (("a", 2), ("b", 1), ("b", 3))]
    assert cautions_of([changed(found, "a"), changed(found, "c")], missing) == [
        "a has not been trained with seed 2.",
        "b has not been trained with the seeds 1, 3.",
    ]


def test_how_was_searched_is_said_only_of_models(found):
    one, tool = changed(found, "one"), outputs("tool", found.hypotheses, found.scores)
    searched = "beam 2, length penalty 0.5"
    for systems, said in (
        ([one], f"test.tsv, {searched};"),
        ([one, tool], f"test.tsv, the models with {searched};"),
        ([tool], "test.tsv;"),
    ):
        tested = terms_of(systems, "data/test.tsv", 20, Search(2, 0.5))[-1]
        assert tested == f"Tested on 20 sentences of {said} BLEU {found.scores.bleu_signature}."


def test_an_order_of_batches_is_that_of_the_same_texts_and_seeds(found):
    def seeded(name, *seeds, **changes):
        each = [changed(found, name, training={"seed": seed}, **changes).members[0] for seed in seeds]
        return System(name, tuple(each))

    tool = outputs("tool", found.hypotheses, found.scores)
    for systems, said in (
        ([seeded("a", 1), seeded("b", 1), tool], "One order of batches."),
        ([seeded("a", 1, 2), seeded("b", 2, 1)], "One order of batches for each seed."),
        ([seeded("a", 1, 2), tool], "One order of batches for each seed."),
        ([seeded("a", 1), seeded("b", 2)], None),
        ([seeded("a", 1, 2), seeded("b", 1)], None),
        ([seeded("a", 1), seeded("b", 1, data={"train_fingerprint": "other"})], None),
    ):
        terms = terms_of(systems, "test.tsv", 20, Search())
        assert [one for one in terms if "order" in one] == ([said] if said else [])


def test_the_conditions_name_the_optimizer_of_every_system_that_was_trained(found):
    def named(*by):
        systems = [changed(found, name, training={"optimizer": used}) for name, used in by]
        terms = terms_of(
            [*systems, outputs("tool", found.hypotheses, found.scores)], "test.tsv", 20, Search()
        )
        return [one for one in terms if "Optimizer" in one]

    assert named(("a", "adam"), ("b", "adam")) == ["Optimizer: Adam."]
    assert named(("a", "adam"), ("b", "muon"), ("c", "adam")) == ["Optimizer: Adam (a, c), Muon (b)."]
    assert named() == []


@pytest.mark.parametrize(
    ("change", "caution"),
    [
        ({"training": {"patience": 99}}, "different budgets"),
        ({"data": {"train_fingerprint": "other"}}, "trained on different pairs"),
        ({"data": {"synthetic_fingerprint": "other"}}, "trained on different pairs"),
        ({"data": {"train_pairs": 9}}, "trained on different pairs"),
        ({"data": {"initialised_from": "runs/a"}}, "b was initialised with the weights of runs/a"),
        (
            {"data": {"guide": "links.txt", "guide_fingerprint": "other"}},
            "The attention of b was guided by the links of links.txt",
        ),
        ({"data": {"valid_fingerprint": "other"}}, "validated on different texts"),
        ({"costs": {"ended": ""}}, "b was interrupted"),
        ({"costs": {"ended": "1.7 minutes passed"}}, "for different reasons (a: 10 updates made; b: 1.7"),
        ({"costs": {"parameters": 10**9}}, "differ in size"),
        ({"costs": {"updates": 9}}, "b was trained for 9 of 10 updates: 10 updates made"),
    ],
    ids=str,
)
def test_what_was_not_alike_is_said(found, change, caution):
    systems = [changed(found, "a"), changed(found, "b", **change)]
    (said,) = cautions_of(systems)
    assert caution in said
    alike = {"different pairs": "Trained on", "different texts": "Validated on", "budgets": "Budget of"}
    terms = " ".join(terms_of(systems, "test.tsv", 20, Search()))
    for differing, condition in alike.items():
        assert (condition in terms) == (differing not in caution)


def test_models_differ_in_size_if_the_largest_is_more_than_five_percent_larger(found):
    embeddings = found.costs.embeddings
    for parameters, alike in ((1050, True), (1051, False), (951, False)):
        sized = [{"parameters": embeddings + one} for one in (1000, parameters)]
        said = cautions_of([changed(found, str(one), costs=one) for one in sized])
        assert (said == []) == alike


def test_models_that_begin_or_attend_alike_need_no_caution(found):
    one, other = (
        {"initialised_from": name, "initial_fingerprint": "one"} for name in ("runs/a", "/home/runs/a")
    )
    assert cautions_of([changed(found, "a", data=one), changed(found, "b", data=other)]) == []
    again = one | {"initial_fingerprint": "another"}
    assert len(cautions_of([changed(found, "a", data=one), changed(found, "b", data=again)])) == 2
    for data in ({"initialised_from": "runs/a"}, {"guide": "links", "guide_fingerprint": "one"}):
        assert cautions_of([changed(found, "a", data=data), changed(found, "b", data=data)]) == []


def test_synthetic_pairs_are_among_those_that_all_were_trained_on(found):
    data = {
        "train": ("data/train.tsv",),
        "train_pairs": 800,
        "synthetic": "runs/d.synthetic.jsonl",
        "synthetic_fingerprint": "one",
    }
    systems = [changed(found, name, data=data) for name in "ab"]
    terms = terms_of(systems, "test.tsv", 20, Search())
    assert terms[0] == "Trained on 800 pairs of train.tsv + d.synthetic.jsonl."


@pytest.mark.parametrize(
    ("chosen", "metric"),
    [
        (("exact", "exact"), "exact match"),
        (("chrf",), "chrF"),
        (("loss",), "BLEU"),
        (("exact", "bleu"), "BLEU"),
    ],
)
def test_the_metric_that_selected_the_weights_decides(found, chosen, metric):
    systems = [changed(found, str(at), training={"best_by": by}) for at, by in enumerate(chosen)]
    assert deciding_metric([*systems, outputs("tool", [])]) == metric


def test_attention_is_scored_against_gold_links_or_else_against_that_of_others(run, found):
    one, tool = System("one", (found, found)), outputs("tool", found.hypotheses)
    links = run.align(PAIRS)
    gold = [Gold(each, each) for each in links[::-1]]
    rates = alignment_of([one, tool], PAIRS, gold).error_rates
    assert rates[0].values == (agreement(links, gold).error_rate,) * 2 and rates[1] is None
    shared = alignment_of([one, tool, one], PAIRS, None).agreements
    assert shared == ((100, None, 100), (None, None, None), (100, None, 100))
    assert alignment_of([tool], PAIRS, None) is None


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    """A run with positions for all of `PAIRS`, but not for `LONG`."""
    path = tmp_path_factory.mktemp("runs") / "short"
    return load_run(random_run(path, "transformer", positions="learned", max_positions=30)[0].path)


def systems_on(test, *runs):
    """A system of each run, with its translations of a test set."""
    return [System(run.path.name, (member(run, test, "seed 1", Search(1)),)) for run in runs]


def test_attention_is_measured_on_pairs_that_every_model_can_hold_and_the_others_are_counted(run, short):
    test = EvaluationSet("test.tsv", (LONG[0], *PAIRS, LONG[1]))
    systems = systems_on(test, short, run)
    right = [Gold(links, links) for links in short.align(PAIRS)]
    wrong = Gold(frozenset({(0, 0)}), frozenset({(0, 0)}))
    found = find(systems, test, Search(1), [wrong, *right, wrong])
    assert found.alignment == alignment_of(systems, PAIRS, right)
    assert found.alignment.error_rates[0].values == (0,)
    said = "Attention is measured without 2 test sentences of more pieces than a model can hold."
    assert said in found.cautions
    assert find(systems, test, Search(1)).alignment == alignment_of(systems, PAIRS, None)
    test = EvaluationSet("long.tsv", LONG)
    assert find(systems_on(test, short, run), test, Search(1)).alignment is None


def test_attention_is_shown_of_sentences_that_a_model_can_hold(run, short):
    test = EvaluationSet("test.tsv", (LONG[0], *PAIRS[:2]))
    one, other = systems_on(test, short, run)
    assert 0 not in attention_of(one, test.pairs, range(3))
    assert attention_of(other, test.pairs, range(3)).keys() == {0, 1, 2}
    translated = (LONG[0].target, PAIRS[0].target, "x")
    both = [
        System(each.name, (dataclasses.replace(each.members[0], hypotheses=translated),))
        for each in (one, other)
    ]
    assert attention_of(both[0], test.pairs, range(3)).keys() == {1, 2}
    assert representative(both, test.pairs) == 1


def test_training_words_are_counted_only_if_the_training_corpus_is_the_same(found):
    assert training_words([changed(found, "a")], ["red"]) is None
    assert training_words([outputs("tool", [])], ["red"]) is None


@pytest.mark.parametrize("swapped", [False, True])
def test_training_words_are_those_of_the_pairs_that_were_trained_on(found, tmp_path, swapped):
    every = tuple(Pair(f"s{n}", f"t{n}") for n in range(40))
    corpus = write_tsv(tmp_path / "train.tsv", (*every, Pair("", "t1"), Pair("s1", "")))
    made = write_tsv(tmp_path / "made.tsv", (Pair("s100", "t100"),))
    data = load_data([str(corpus)], None, held_out=10, synthetic=str(made))
    recorded = {**vars(data.record), "valid_pairs": 10, "swapped": swapped}
    counts = training_words([changed(found, name, data=recorded) for name in "ab"], ["red"])
    assert counts == {(pair.source if swapped else pair.target): 1 for pair in data.train}
    assert len(counts) == 31
    others = changed(found, "b", data={**recorded, "train_pairs": 9})
    assert training_words([changed(found, "a", data=recorded), others], ["red"]) is None
    made.write_text("s100\tother\n")
    assert training_words([changed(found, "a", data=recorded)], ["red"]) is None


@pytest.mark.parametrize(
    ("paths", "names"),
    [
        (["runs/a", "runs/b"], ["a", "b"]),
        (["x/lstm", "y/lstm"], ["x/lstm", "y/lstm"]),
        (["one/x/lstm", "two/x/lstm", "b"], ["one/x/lstm", "two/x/lstm", "b"]),
        (["a", "b/a"], ["a", "b/a"]),
        (["same", "same"], ["same (1)", "same (2)"]),
        (["only/this"], ["this"]),
    ],
)
def test_names_are_as_short_as_distinguishes_the_runs(paths, names):
    assert unique_names([Path(path) for path in paths]) == names
