"""The tables of a comparison as text, in Markdown and in LaTeX."""

import re
import unicodedata
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seqattn.comparison import tables
from seqattn.comparison.conclusion import costs_in_words, notes, spread_lines, verdicts
from seqattn.comparison.findings import Alignment
from seqattn.comparison.tables import PAIRS, differences_of, latex, markdown, rows_of
from seqattn.evaluation.significance import spread
from seqattn.pictures.legible import caption, duration

from compared import FOUR, HOSTILE, TWO, comparison, hostile

ONE_SEED = comparison(seeds=1, other="Moses")
AGREEING = replace(
    FOUR,
    alignment=Alignment(
        None,
        (
            (100.0, 78.31, 65.4, None),
            (78.31, 100.0, 59.06, None),
            (65.4, 59.06, 100.0, None),
            (None, None, None, None),
        ),
    ),
)
COMMANDS = {
    r"\textbackslash{}": "\\",
    r"\textasciitilde{}": "~",
    r"\textasciicircum{}": "^",
    r"\textasciigrave{}": "`",
    r"\textless{}": "<",
    r"\textgreater{}": ">",
    r"\textbar{}": "|",
    r"\textendash{}": "–",
    r"$\pm$": "±",
    r"$\alpha$": "α",
    "{[}": "[",
    "{*}": "*",
    "{}": "",
    **{f"\\{mark}": mark for mark in "&%$#_{}"},
}
marked = st.text(st.sampled_from("\\`*_{}[]<>()#+-=.!|&~^%$'\",@: \n1aé–±α漢\u202e"), max_size=12)
texts = marked | st.text(max_size=12) | st.sampled_from([HOSTILE, "---", "# a", "1. a", r"\\[1cm]", "a || b"])


def row(findings, label):
    (found,) = (one for one in rows_of(findings) if one.label == label)
    return found


def shown_by_latex(text):
    """What LaTeX shows; every character that it would not show as it is must be escaped."""
    pattern = "|".join(re.escape(one) for one in sorted(COMMANDS, key=len, reverse=True))
    rest = re.sub(pattern, "", text)
    assert not re.search(r"[\\{}$&#%_^~`<>|\[*±–α]|--|''|,,", re.sub(pattern, "\0", text)), rest
    return re.sub(pattern, lambda found: COMMANDS[found[0]], text)


def shown_by_markdown(text):
    """What Markdown shows of a text within a block."""
    escaped = re.compile(r"\\([!-/:-@\[-`{-~])")
    assert not re.search(r"[\\`*_\[\]<>|&~$]", escaped.sub("", text))
    return escaped.sub(r"\1", text)


def shown_by_markdown_at_first(text):
    """What Markdown shows of the text of a block, which must be no heading, list or line."""
    assert not re.match(r"(#{1,6}|[-+]|\d{1,9}[.)])(\s|$)|(-\s*){3,}$", text)
    return shown_by_markdown(text)


def cells_of(line):
    """The cells of a row of a table in Markdown."""
    found = re.split(r"(?<!\\)(?:\\\\)*\|", line)
    assert found[0] == found[-1] == ""
    return [cell.removeprefix(" ").removesuffix(" ") for cell in found[1:-1]]


def markdown_tables(text):
    blocks = [block.splitlines() for block in text.split("\n\n") if block.startswith("| ")]
    return [[cells_of(line) for line in block] for block in blocks]


def latex_rows(text):
    """Cells of every row of every table in LaTeX."""
    lines = [line for line in text.splitlines() if line.endswith(r" \\")]
    return [re.split(r" (?<!\\)& ", line.removesuffix(r" \\")) for line in lines]


def test_the_rows_have_every_cost_of_every_system_and_a_dash_where_there_is_none():
    found = {one.label: one.cells for one in rows_of(FOUR)}
    assert found["architecture"] == ("another tool",) * 4
    assert found["models"] == ("3", "3", "3", "–")
    assert found["parameters"] == ("3,412,994", "3,412,999", "3,413,004", "–")
    assert found["in embeddings"] == ("1,048,576",) * 3 + ("–",)
    assert found["updates"] == ("4,002", "4,007", "4,012", "–")
    assert found["tokens trained on"] == ("9,876,543",) * 3 + ("–",)
    assert found["training time"] == ("12:36", "12:41", "12:46", "–")
    assert found["training tokens/s"] == ("14,109",) * 3 + ("–",)
    assert found["peak memory, MB"] == ("1,235",) * 3 + ("–",)
    assert found["size, MB"] == ("14",) * 3 + ("–",)
    speeds = [system.mean(lambda one: one.sentences_per_second) for system in FOUR.systems[:3]]
    assert found["decoding sentences/s"] == (*(f"{one:.1f}" for one in speeds), "–")
    assert found["alignment error rate, %"][3] == "–"


def test_a_figure_that_no_system_has_has_no_row():
    (other,) = FOUR.systems[3:]
    alone = replace(FOUR, systems=(other,), contrasts=(), differing=(), breakdowns=(), alignment=None)
    labels = [one.label for one in rows_of(alone)]
    assert labels == ["architecture", "test BLEU", "test chrF", "test exact match, %"]
    assert [len(table) for table in markdown_tables(markdown(alone))] == [6]


@pytest.mark.parametrize(("metric", "unit"), [("BLEU", ""), ("chrF", ""), ("exact match", ", %")])
def test_a_score_has_a_deviation_only_if_there_are_several_models(metric, unit):
    for findings in (FOUR, ONE_SEED):
        cells = row(findings, f"test {metric}{unit}").cells
        for cell, system in zip(cells, findings.systems, strict=True):
            one = system.spread(metric)
            several = len(system.members) > 1
            assert cell == (f"{one.mean:.2f} ± {one.deviation:.2f}" if several else f"{one.mean:.2f}")


def rated(*rates):
    systems = tuple(replace(TWO.systems[0], name=f"s{at}") for at in range(len(rates)))
    spreads = tuple(None if rate is None else spread([rate]) for rate in rates)
    return replace(
        TWO, systems=systems, contrasts=(), differing=(), breakdowns=(), alignment=Alignment(spreads, None)
    )


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ((20.0, 10.0, 30.0), {1}),
        ((20.0, 10.0, 10.0), {1, 2}),
        ((None, 10.0, 30.0), {1}),
        ((10.001, 10.004, 30.0), {0, 1}),
        ((10.0, 10.0, 10.0), set()),
        ((10.001, 10.004), set()),
        ((None, 10.0), set()),
    ],
)
def test_the_best_score_is_marked_only_if_the_scores_differ_as_written(rates, best):
    findings = rated(*rates)
    assert row(findings, "alignment error rate, %").best == best
    # The systems are alike in all else.
    assert row(findings, "test BLEU").best == frozenset()
    bold = [any(r"\textbf" in cell for cell in cells) for cells in latex_rows(latex(findings))[1:]]
    assert bold == [at in best for at in range(len(rates))]


def test_of_scores_the_highest_is_best_and_of_error_rates_the_lowest():
    means = [system.spread("BLEU").mean for system in FOUR.systems]
    assert row(FOUR, "test BLEU").best == {means.index(max(means))}
    rates = [one.mean for one in FOUR.alignment.error_rates if one]
    assert row(FOUR, "alignment error rate, %").best == {rates.index(min(rates))}


def test_links_shared_by_attention_are_between_every_two_systems_that_have_it():
    found = {one.label: one.cells for one in rows_of(AGREEING) if one.label.startswith("links")}
    assert found == {
        "links shared with LSTM, %": ("–", "78.3", "65.4", "–"),
        "links shared with Transformer, %": ("78.3", "–", "59.1", "–"),
        "links shared with hybrid, %": ("65.4", "59.1", "–", "–"),
    }
    alone = Alignment(None, ((100.0, None), (None, None)))
    assert not any(one.label.startswith("links") for one in rows_of(replace(TWO, alignment=alone)))


@pytest.mark.parametrize(
    "findings", [TWO, FOUR, ONE_SEED, AGREEING], ids=["two", "four", "one seed", "links"]
)
def test_every_sentence_and_figure_of_the_findings_is_in_markdown(findings):
    text = markdown(findings)
    said = [
        shown_by_markdown_at_first(line[2:].strip("*")) for line in text.splitlines() if line.startswith("- ")
    ]
    concluded = [*verdicts(findings), *costs_in_words(findings), *notes(findings)]
    assert said == [*concluded, *findings.cautions, *findings.terms]
    systems, apart, *parts = markdown_tables(text)
    assert [list(map(shown_by_markdown, cells)) for cells in apart[2:]] == differences_of(findings)
    names = [system.name for system in findings.systems]
    assert systems[0] == ["", *names]
    rows = [[one.label, *one.cells] for one in rows_of(findings)]
    assert [list(map(shown_by_markdown, cells)) for cells in systems[2:]] == rows
    assert len(parts) == len(findings.breakdowns)
    for table, found in zip(parts, findings.breakdowns, strict=True):
        assert table[0] == [found.grouped_by, found.counted, *names]
        assert [list(map(shown_by_markdown, cells)) for cells in table[2:]] == list(map(groups, found.groups))


def groups(group):
    values = ["–" if value is None else f"{value:.2f}" for value in group.values]
    return [group.name, f"{group.count:,}", *values]


@pytest.mark.parametrize(
    "findings", [TWO, FOUR, ONE_SEED, AGREEING], ids=["two", "four", "one seed", "links"]
)
def test_scores_and_breakdowns_are_in_latex(findings):
    text = latex(findings)
    rows = [
        [shown_by_latex(re.sub(r"\\textbf\{(.*)\}$", r"\1", cell)) for cell in cells]
        for cells in latex_rows(text)
    ]
    chosen = [one for one in rows_of(findings) if one.score or one.label in ("parameters", "training time")]
    names = [system.name for system in findings.systems]
    count = len(names) + 1
    assert rows[0] == ["", *(one.label.removeprefix("test ") for one in chosen)]
    assert rows[1:count] == [[name, *(one.cells[at] for one in chosen)] for at, name in enumerate(names)]
    expected = [list(PAIRS), *differences_of(findings)]
    for found in findings.breakdowns:
        expected += [[found.grouped_by, found.counted, *names], *map(groups, found.groups)]
    assert rows[count:] == expected


@settings(max_examples=100)
@given(texts)
def test_any_text_is_shown_by_markdown_as_it_is(text):
    findings = hostile(text)
    shown = caption(text.strip())
    *_, cautions, terms, _, _, title, _ = markdown(findings).split("\n\n")
    assert shown_by_markdown(cautions.removeprefix("- **").removesuffix("**")) == shown
    assert shown_by_markdown_at_first(terms.removeprefix("- ")) == shown
    (found,) = findings.breakdowns
    assert shown_by_markdown_at_first(title) == caption(tables._title(found).strip())
    systems, apart, parts = markdown_tables(markdown(findings))
    names = [caption(f"{text}{at}".strip()) for at in (0, 1)]
    assert list(map(shown_by_markdown, systems[0])) == ["", *names]
    assert list(map(shown_by_markdown, parts[0])) == [shown, shown, *names]
    for table in (systems, apart, parts):
        assert {len(cells) for cells in table} == {len(table[0])}


@pytest.mark.parametrize("write", [markdown, latex])
def test_no_text_controls_where_a_table_is_shown(write):
    shown = write(hostile(HOSTILE)).replace("\n", "")
    assert {unicodedata.category(char) for char in shown}.isdisjoint({"Cc", "Cf", "Zl", "Zp", "Cs"})


@settings(max_examples=100)
@given(texts)
def test_any_text_is_shown_by_latex_as_it_is(text):
    findings = hostile(text)
    shown = caption(text.strip())
    names = [caption(f"{text}{at}".strip()) for at in (0, 1)]
    rows = latex_rows(latex(findings))
    assert [shown_by_latex(cells[0]) for cells in rows[1:3]] == names
    head = rows[4 + len(differences_of(findings))]
    assert list(map(shown_by_latex, head)) == [shown, shown, *names]
    captions = re.findall(r"^\\caption\{(.*)\}$", latex(findings), re.MULTILINE)
    (found,) = findings.breakdowns
    said = " ".join([tables.legend(findings), *findings.cautions, *findings.terms])
    titles = [said, " ".join(notes(findings)), tables._title(found)]
    assert list(map(shown_by_latex, captions)) == [caption(title.strip()) for title in titles]


def test_the_differences_of_every_two_systems_are_in_a_table():
    rows = differences_of(FOUR)
    assert len(rows) == 3 * len(FOUR.contrasts) == 18
    for one, row in zip(FOUR.contrasts, rows[::3], strict=True):
        found = one.differences[0]
        assert row[:4] == [one.first, one.second, "BLEU", f"{found.gain:.2f}"]
        assert row[4] == f"{found.low:.2f} to {found.high:.2f}" and row[6] == f"{one.corrected[0]:.3f}"


@pytest.mark.parametrize(
    ("p", "shown"), [(0.0, "< 0.001"), (0.0004, "< 0.001"), (0.001, "0.001"), (1, "1.000")]
)
def test_no_p_value_is_zero(p, shown):
    (one,) = TWO.contrasts
    differences = tuple(replace(each, p=p) for each in one.differences)
    found = replace(TWO, contrasts=(replace(one, differences=differences, corrected=(p,) * 3),))
    assert [row[-2:] for row in differences_of(found)] == [[shown, shown]] * 3


def test_spreads_are_told_only_of_systems_with_several_models():
    assert spread_lines(ONE_SEED) == []
    told = spread_lines(FOUR)
    assert len(told) == 3
    for line, system in zip(told, FOUR.systems[:3], strict=True):
        one = system.spread("BLEU")
        assert line == (
            f"{system.name}: BLEU {one.mean:.2f} ± {one.deviation:.2f} over 3 models "
            f"(95 % interval of the mean {one.low:.2f} to {one.high:.2f})"
        )


def test_the_costs_of_a_run_are_said_for_every_system_that_was_trained():
    lines = costs_in_words(FOUR)
    trained = [one for one in FOUR.systems if one.cost("seconds") is not None]
    assert len(lines) == len(trained) < len(FOUR.systems)
    for line, system in zip(lines, trained, strict=True):
        assert line.startswith(
            f"Cost of a run of {system.name}: {duration(system.cost('seconds'))} of training"
        )


def test_notes_name_the_test_and_its_uncertainties():
    (first, *rest) = notes(FOUR)
    assert first == (
        "p by Student's t over test sentences and seeds, corrected for 6 pairs of systems by Holm's "
        "method; α = 0.05."
    )
    assert rest == []  # six pairs are too many to say the uncertainty of each
    two = notes(TWO)
    assert "corrected" not in two[0] and two[1] == TWO.contrasts[0].uncertainty("BLEU") and len(two) == 2
    assert notes(replace(TWO, contrasts=())) == []


def test_one_model_of_a_system_is_noted():
    assert notes(comparison(seeds=1))[-1].startswith("One model of a system does not show")


def test_the_verdict_is_by_every_metric_on_two_systems_and_by_the_deciding_one_on_more():
    (contrast,) = TWO.contrasts
    for metric in ("BLEU", "chrF", "exact match"):
        said = verdicts(replace(TWO, metric=metric))
        assert said[0] == contrast.in_words(metric) and len(said) == 3
        assert verdicts(replace(FOUR, metric=metric)) == [one.in_words(metric) for one in FOUR.contrasts]
