"""The web page of a comparison: what it says of the findings, and that no text can harm it."""

import base64
import hashlib
import re
import unicodedata
from dataclasses import replace
from itertools import combinations, pairwise

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from seqattn.alignment.reading import Attention
from seqattn.comparison.charts import ticks
from seqattn.comparison.conclusion import notes, verdicts
from seqattn.comparison.differing import marked
from seqattn.comparison.findings import Alignment
from seqattn.comparison.marks import HUES
from seqattn.comparison.report import report
from seqattn.comparison.report_sentences import MOST_SENTENCES, rows_to_show
from seqattn.data.corpus import Pair, short_name
from seqattn.evaluation.metrics import metrics_for
from seqattn.pictures.document import PERCENTS, packed
from seqattn.pictures.legible import SIGNS, caption, visible
from seqattn.pictures.ramp import DARK, LIGHT

from compared import FOUR, HOSTILE, TWO, comparison, hostile
from markup import Document
from systems import differing

texts = st.one_of(st.text(max_size=20), st.sampled_from([HOSTILE, "שלום לך", "한국어 문장 .", ""]))


def attention_of(findings):
    """Random attention of every system with costs, of its first member."""
    chance = torch.Generator().manual_seed(1)

    def seen(pair, hypothesis):
        source, target = [*pair.source.split(), "</s>"], hypothesis.split()
        weights = (4 * torch.randn(len(target), len(source), generator=chance)).softmax(-1)
        return Attention(source, target, weights)

    return [
        dict(enumerate(map(seen, findings.pairs, system.members[0].hypotheses)))
        if system.members[0].costs
        else None
        for system in findings.systems
    ]


def reported(findings):
    return report(findings, attention_of(findings))


def column(findings, name):
    """The cells of a column of the table of systems, in HTML without elements."""
    text = reported(findings).replace("\xa0", " ")
    table = text[text.index('<table class="sortable">') : text.index("</table>")]
    head = re.findall(r'<th scope="col">(.*?)</th>', table)
    rows = [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in table.split("<tr>")[2:]]
    return [re.sub("<.*?>", " ", row[head.index(name)]).strip() for row in rows]


@pytest.mark.parametrize("metric", ["BLEU", "chrF"])
def test_the_verdict_on_two_systems_is_led_by_the_deciding_metric(metric):
    findings = replace(TWO, metric=metric)
    document = Document(reported(findings))
    (lead,) = document.all("p", class_="lead")
    assert lead["text"] == TWO.contrasts[0].in_words(metric)
    for sentence in (*verdicts(findings), *notes(findings)):
        assert sentence in document.text


def test_the_verdict_on_several_systems_is_a_list_of_every_two():
    document = Document(reported(FOUR))
    assert not document.all("p", class_="lead")
    (listed,) = document.all("ul", class_="others")
    assert listed["text"] == "".join(found.in_words("BLEU") for found in FOUR.contrasts)


def test_cautions_and_conditions_are_in_the_page():
    text = Document(reported(TWO)).text
    for sentence in (*TWO.cautions, *TWO.terms):
        assert sentence in text
    assert "Cautions" in text
    assert "Cautions" not in Document(reported(replace(TWO, cautions=()))).text


def test_the_table_of_systems_has_means_deviations_and_intervals_of_the_scores():
    for metric, label in (("BLEU", "BLEU"), ("chrF", "chrF"), ("exact match", "exact match, %")):
        spreads = [system.spread(metric) for system in FOUR.systems]
        expected = [
            f"{one.mean:.2f} ± {one.deviation:.2f} {one.low:.2f} to {one.high:.2f}".replace("-", "−")
            if one.deviation is not None
            else f"{one.mean:.2f}"
            for one in spreads
        ]
        assert column(FOUR, label) == expected


def test_the_table_of_systems_has_what_training_cost_and_dashes_for_another_tool():
    lstm = FOUR.systems[0]
    assert column(FOUR, "parameters") == ["3,412,994", "3,412,999", "3,413,004", "–"]
    assert column(FOUR, "updates")[0] == f"{lstm.cost('updates'):,.0f}" == "4,002"
    assert column(FOUR, "training time")[0] == "12:36"
    assert column(FOUR, "training tokens/s")[0] == f"{lstm.cost('tokens_per_second'):,.0f}"
    assert column(FOUR, "peak memory, MB") == ["1,235", "1,235", "1,235", "–"]
    assert column(FOUR, "size, MB")[0] == "14"
    speeds = [system.mean(lambda one: one.sentences_per_second) for system in FOUR.systems]
    assert column(FOUR, "decoding sentences/s") == ["–" if one is None else f"{one:.1f}" for one in speeds]
    assert column(FOUR, "models") == ["3", "3", "3", "–"]
    rates = FOUR.alignment.error_rates
    assert column(FOUR, "alignment error rate, %")[0].startswith(f"{rates[0].mean:.2f} ± ")
    assert column(FOUR, "alignment error rate, %")[3] == "–"


def test_without_gold_links_the_page_says_how_far_attention_agrees():
    agreements = ((100.0, 78.31), (78.31, 100.0))
    text = Document(reported(replace(TWO, alignment=Alignment(None, agreements)))).text
    assert "LSTM and Transformer agree in 78.3 %" in text
    assert "agree in" not in Document(reported(replace(TWO, alignment=None))).text


def test_every_model_has_a_line_in_a_table_of_its_own():
    for findings in (TWO, comparison(seeds=1)):
        text = reported(findings)
        (summary,) = Document(text).all("summary")
        assert summary["text"] == "Every model"
        folded = text[text.index("<summary>") : text.index("</details>")]
        assert "in embeddings" in folded and "tokens trained on" in folded
        for one in (one for system in findings.systems for one in system.members):
            score = f'<td data-number="{one.scores.bleu:.12g}">{one.scores.bleu:.2f}</td>'
            assert f">{one.name}</th>{score}" in folded


def test_a_figure_that_no_system_has_has_no_column():
    systems = tuple(
        replace(one, members=tuple(replace(m, costs=replace(m.costs, memory=None)) for m in one.members))
        for one in TWO.systems
    )
    assert "memory" in reported(TWO) and "memory" not in reported(replace(TWO, systems=systems))


def test_a_ratio_has_no_best_direction():
    remarks = {one["text"] for one in Document(reported(TWO)).all("caption") if "is better" in one["text"]}
    assert sorted(remark[:6] for remark in remarks) == ["Copied", "Faults"]


def test_every_figure_of_the_breakdowns_is_in_a_table():
    document = Document(reported(FOUR))
    tables = document.all("table", class_="bars")
    assert len(tables) == len(FOUR.breakdowns) > 3
    for table, found in zip(
        sorted(tables, key=lambda e: e["text"].lower()),
        sorted(FOUR.breakdowns, key=lambda b: b.title.lower()),
        strict=True,
    ):
        assert table["text"].lower().startswith(found.title.lower())
        for group in found.groups:
            values = "".join(
                f"{system.name}{'–' if value is None else format(value, '.1f' if found.unit else '.2f')}"
                for system, value in zip(FOUR.systems, group.values, strict=True)
            )
            assert values in table["text"] and group.name in table["text"]


@pytest.mark.parametrize("metric", ["BLEU", "chrF", "exact match"])
def test_the_score_by_length_that_is_shown_first_is_the_deciding_one(metric):
    document = Document(reported(replace(TWO, metric=metric)))
    panels = [e["text"].lower() for e in document.all("div", class_="panel0")]
    assert len(panels) == 1 and panels[0].startswith(f"{metric} by source length".lower())


def test_a_bar_is_as_long_as_its_share_of_the_largest_value():
    found = TWO.breakdowns[0]
    (table, *_) = re.findall(r'<table class="bars">.*?</table>', reported(TWO))
    widths = [float(width) for width in re.findall(r'<rect width="([\d.]+)%"', table)]
    values = [value for group in found.groups for value in group.values]
    assert widths == pytest.approx([100 * value / max(values) for value in values], abs=0.051)


def test_n_grams_of_every_two_systems_are_listed_with_their_figures():
    document = Document(reported(FOUR))
    rows = [re.sub(r"\s+", " ", e["text"]) for e in document.all("tr")]
    for found in FOUR.differing:
        for one in (*found.first_right, *found.second_right):
            assert f"{' '.join(one.words)}{one.first:.3g}{one.second:.3g}{one.references}" in rows


def test_of_several_systems_every_two_differ_where_they_do_alone():
    both = combinations(FOUR.systems, 2)
    assert list(FOUR.differing) == [differing(one, other, FOUR.pairs, 5, 3) for one, other in both]


def test_without_a_script_the_sentences_that_differ_most_are_in_the_page():
    document = Document(reported(TWO))
    articles = [e["text"] for e in document.all("article")]
    (found,) = TWO.differing
    listed = (*found.first_better, *found.second_better)
    assert len(articles) == len(listed) > 2
    for text, one in zip(articles, listed, strict=True):
        pair = TWO.pairs[one.row]
        first, second = (system.members[0].hypotheses[one.row] for system in TWO.systems)
        assert text.startswith(
            f"Sentence {one.row + 1}source{pair.source}reference{pair.target}LSTM{first}{one.first:.1f}"
        )
        assert f"Transformer{second}{one.second:.1f}" in text
    assert "With JavaScript" in document.all("noscript")[0]["text"]


def test_a_curve_is_drawn_through_the_means_of_the_models_at_each_validation():
    first = next(chart for chart in Document(reported(TWO)).data["charts"])
    assert (first["metric"], first["axis"]) == ("BLEU", "updates")
    for line, system in zip(first["lines"], TWO.systems, strict=True):
        for at, (x, *figures) in enumerate(line):
            scores = [one.curve[at].bleu for one in system.members]
            assert x == system.members[0].curve[at].update
            assert figures == pytest.approx([sum(scores) / 3, min(scores), max(scores)], abs=0.0051)
    (left, right), (bottom, top) = first["across"], first["up"]
    path = re.findall(r'class="mean" stroke-dasharray="[^"]*" d="M([\d. ]+)"', reported(TWO))[0]
    numbers = [float(number) for number in path.split()]
    drawn = [
        (left + (right - left) * x / 100, top - (top - bottom) * y / 100)
        for x, y in zip(numbers[::2], numbers[1::2], strict=True)
    ]
    for (x, y), (wanted_x, wanted_y, *_) in zip(drawn, first["lines"][0], strict=True):
        assert (x, y) == pytest.approx((wanted_x, wanted_y), abs=0.3)


def test_a_mean_is_only_of_validations_that_all_models_have():
    first, second = TWO.systems
    shorter = replace(
        first, members=(replace(first.members[0], curve=first.members[0].curve[:3]), *first.members[1:])
    )
    lines = Document(reported(replace(TWO, systems=(shorter, second)))).data["charts"][0]["lines"]
    assert [len(line) for line in lines] == [3, 8]
    none = replace(first, members=(replace(first.members[0], curve=()), *first.members[1:]))
    lines = Document(reported(replace(TWO, systems=(none, second)))).data["charts"][0]["lines"]
    assert [len(line) for line in lines] == [8, 8]


@pytest.mark.parametrize(("bleu", "metric"), [(1.0, "BLEU"), (0.0, "chrF")])
def test_without_a_script_the_charts_of_the_first_metric_are_seen_even_if_another_decides(bleu, metric):
    systems = tuple(
        replace(
            one,
            members=tuple(
                replace(m, curve=tuple(replace(point, bleu=bleu * point.bleu) for point in m.curve))
                for m in one.members
            ),
        )
        for one in TWO.systems
    )
    figures = Document(reported(replace(TWO, systems=systems))).all("figure", class_="chart")
    seen = [one["text"] for one in figures if "hidden" not in one["attributes"]]
    assert len(seen) == 2 and all(text.startswith(f"{metric} against") for text in seen)


def test_without_curves_there_are_no_charts():
    systems = tuple(
        replace(one, members=tuple(replace(m, curve=()) for m in one.members)) for one in TWO.systems
    )
    text = reported(replace(TWO, systems=systems))
    assert not Document(text).all("figure") and "Training</h2>" not in text


@given(st.floats(0, 1e6), st.floats(1e-3, 1e6))
def test_ticks_are_a_few_round_numbers_within_their_range(low, extent):
    found = ticks(low, low + extent)
    assert 1 <= len(found) <= 12
    assert all(low - 1e-6 * extent <= one <= low + extent * (1 + 1e-6) for one in found)


def embedded_translations(data, system, member):
    return ["".join(parts) for parts in data["systems"][system]["members"][member]["parts"]]


def test_the_embedded_data_are_the_findings():
    data = Document(reported(FOUR)).data
    references = [pair.target for pair in FOUR.pairs]
    assert data["rows"] == list(range(len(FOUR.pairs)))
    assert data["sources"] == [pair.source for pair in FOUR.pairs] and data["references"] == references
    metrics = metrics_for("13a")
    for at, system in enumerate(FOUR.systems):
        assert data["systems"][at]["name"] == system.name
        for seed, one in enumerate(system.members):
            member = data["systems"][at]["members"][seed]
            assert member["name"] == one.name
            assert tuple(embedded_translations(data, at, seed)) == one.hypotheses
            pairs = list(zip(one.hypotheses, references, strict=True))
            chrf = [metrics["chrF"].sentence_score(text, [wanted]).score for text, wanted in pairs]
            assert member["chrf"] == pytest.approx(chrf, abs=0.051)
            assert [bool(int(flag)) for flag in member["exact"]] == [text == wanted for text, wanted in pairs]
            for parts, (text, wanted) in zip(member["parts"], pairs, strict=True):
                lacking = [part for part, known in marked(text, wanted, "13a") if not known]
                assert parts[1::2] == lacking


@pytest.mark.parametrize(
    ("translation", "reference"),
    [("กินข้าว", "กินขาว"), ("a \u0e31b", "a"), ("\u0301b c", "\u0301d c"), ("", "a")],
)
def test_a_translation_is_shown_as_a_whole_however_it_is_marked(translation, reference):
    findings = hostile(translation)
    findings = replace(findings, pairs=tuple(Pair("x", reference) for _ in findings.pairs))
    data = Document(report(findings, [None, None])).data
    shown = [caption(one) if one else "" for one in findings.systems[0].members[0].hypotheses]
    assert embedded_translations(data, 0, 0) == shown


def test_the_chrf_of_sentences_is_that_of_the_most_different():
    data = Document(reported(TWO)).data
    for one in TWO.differing[0].first_better:
        for system, figure in zip(data["systems"], (one.first, one.second), strict=True):
            found = [member["chrf"][one.row] for member in system["members"]]
            assert sum(found) / len(found) == pytest.approx(figure, abs=0.051)


def unpacked(text):
    found, characters = [], iter(text)
    for character in characters:
        percent = PERCENTS.index(character)
        found += [percent] if percent else [0] * PERCENTS.index(next(characters))
    return found


def test_attention_is_embedded_in_percent():
    attention = attention_of(FOUR)
    data = Document(report(FOUR, attention)).data
    assert [system["attention"] is None for system in data["systems"]] == [False, False, False, True]
    for at, each in enumerate(attention[:3]):
        for row, seen in each.items():
            weights, target, source = data["systems"][at]["attention"][row]
            assert unpacked(weights) == (100 * seen.weights).round().flatten().tolist()
            assert (target or embedded_translations(data, at, 0)[row].split(" ")) == seen.target
            assert (source or [*data["sources"][row].split(" "), "</s>"]) == seen.source


@given(st.lists(st.integers(0, 100), min_size=1, max_size=300), st.booleans())
def test_packed_weights_can_be_unpacked(percents, sparse):
    percents = [0 if sparse and percent < 95 else percent for percent in percents]
    weights = torch.tensor([percents]) / 100
    words = [f"s{at}" for at in range(len(percents))]
    packed_weights, target, source = packed(Attention(words, ["t\u202e"], weights), "other", "t\u202e")
    assert unpacked(packed_weights) == percents
    assert target is None or target == [visible("t\u202e")]
    assert source == words


def hostile_attention(text):
    words = [*text.split(), "</s>"]
    one = Attention(words, text.split(), torch.full((len(words) - 1, len(words)), 1 / len(words)))
    return [dict.fromkeys(range(3), one), None]


@settings(max_examples=15)
@given(texts)
def test_text_is_shown_and_never_interpreted(text):
    document = Document(found := report(hostile(text), hostile_attention(text)))
    plain = Document(report(hostile("x"), hostile_attention("x")))
    wanted = {"article", "mark", "h4", "p", "bdi", "small"}
    assert {e["tag"] for e in document.elements} | wanted == {e["tag"] for e in plain.elements} | wanted
    names = {name for e in document.elements for name in e["attributes"]}
    assert names <= {name for e in plain.elements for name in e["attributes"]}
    assert document.all("h1")[0]["text"] == caption(f"{text}0 and {text}1 on {short_name(text)}")
    assert document.data["sources"] == [caption(text)] * 3
    words = document.data["systems"][0]["attention"][0][2] or [*caption(text).split(" "), "</s>"]
    assert words == [visible(word) for word in [*text.split(), "</s>"]]
    shown = re.sub(f"[\n\u200c\u200d{SIGNS}]", "", found)
    assert {unicodedata.category(char) for char in shown}.isdisjoint({"Cc", "Cf", "Zl", "Zp", "Cs"})


def test_a_page_requests_nothing_and_its_policy_allows_only_its_own_script_and_style():
    text = report(hostile(HOSTILE), hostile_attention(HOSTILE))
    document = Document(text)
    # The only address is the namespace of SVG, which is not fetched.
    assert set(re.findall(r"https?:[^\s\"']*", text)) == {"http://www.w3.org/2000/svg"}
    assert "url(" not in text and "@import" not in text
    asking = {"src", "srcset", "action", "style", "data", "poster"}
    for element in document.elements:
        assert asking.isdisjoint(element["attributes"])
        assert element["attributes"].get("href", "#").startswith("#")
        assert not any(name.startswith("on") for name in element["attributes"])
    (policy,) = document.all("meta", http_equiv="Content-Security-Policy")
    rules = dict(rule.split(" ", 1) for rule in policy["attributes"]["content"].split("; "))
    assert rules["default-src"] == "'none'"
    (style,) = document.all("style")
    for rule, element in (("style-src", style), ("script-src", document.all("script")[-1])):
        digest = base64.b64encode(hashlib.sha256(element["text"].encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{digest}'"


def test_identifiers_are_unique_and_links_lead_to_them():
    document = Document(reported(FOUR))
    identifiers = [e["attributes"]["id"] for e in document.elements if "id" in e["attributes"]]
    assert len(set(identifiers)) == len(identifiers)
    for element in document.elements:
        for name in ("href", "aria-labelledby"):
            if name in element["attributes"]:
                assert element["attributes"][name].removeprefix("#") in identifiers


def test_headings_descend_one_level_at_a_time():
    for findings in (TWO, FOUR, comparison(seeds=1)):
        levels = [
            int(e["tag"][1])
            for e in Document(reported(findings)).elements
            if re.fullmatch("h[1-6]", e["tag"])
        ]
        assert levels[0] == 1 and levels.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.fixture(scope="module")
def large():
    """A comparison with more sentences than a page holds."""
    return comparison(names=("a", "b"), seeds=1, count=MOST_SENTENCES + 200, words=3)


def test_of_a_large_test_set_those_with_the_largest_difference_and_an_even_sample_are_shown(large):
    rows = rows_to_show(large)
    assert len(set(rows)) == MOST_SENTENCES and rows == sorted(rows)
    chrf = metrics_for("13a")["chrF"]

    def apart(row):
        scores = [
            chrf.sentence_score(s.members[0].hypotheses[row], [large.pairs[row].target]).score
            for s in large.systems
        ]
        return abs(scores[0] - scores[1])

    order = sorted(range(len(large.pairs)), key=lambda row: (-apart(row), row))
    assert set(order[: MOST_SENTENCES // 2]) <= set(rows)
    others = sorted(order[MOST_SENTENCES // 2 :])
    left_out = [at for at, row in enumerate(others) if row not in set(rows)]
    assert all(later - earlier <= 4 for earlier, later in pairwise(left_out))
    text = reported(large)
    assert "1,000 of the 1,200 test sentences: the 500 with the largest difference in chrF" in text
    assert Document(text).data["rows"] == rows
    assert "of the 40 test sentences" not in reported(TWO)


def test_a_comparison_of_three_systems_with_three_seeds_and_1000_sentences_is_below_2_mb():
    findings = comparison(("LSTM", "Transformer", "hybrid"), count=1000, words=13)
    assert len(reported(findings).encode()) < 2_000_000


def test_colours_of_systems_contrast_with_the_background():
    def luminance(colour):
        parts = [part / 255 for part in bytes.fromhex(colour[1:])]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))

    for light, dark in HUES:
        for colour, ground in ((light, LIGHT[0]), (dark, DARK[0])):
            low, high = sorted((luminance(colour), luminance(ground)))
            assert (high + 0.05) / (low + 0.05) >= 4.5


def test_one_system_has_a_page_too():
    one = replace(TWO, systems=TWO.systems[:1], contrasts=(), differing=(), breakdowns=(), alignment=None)
    document = Document(reported(one))
    assert [e["text"] for e in document.all("h2")] == ["Verdict", "Systems", "Training", "Sentences"]


def test_a_report_without_texts_has_every_figure_and_nothing_of_the_test_set():
    text = report(FOUR, texts=False)
    document = Document(text)
    assert not document.all("article") and document.data["sources"] == []
    for pair in FOUR.pairs:
        assert caption(pair.source) not in text and caption(pair.target) not in text
    assert len(document.all("table", class_="bars")) == len(FOUR.breakdowns)
    assert any(pair.source in reported(FOUR) for pair in FOUR.pairs)
