"""Settings from text and TOML to options, and all errors reported at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from seqattn.errors import InputError
from seqattn.models import ARCHITECTURES, BASELINES, build, default_options, parts_of
from seqattn.models.base import Vocabulary
from seqattn.models.decoders.lstm import LSTMDecoderOptions
from seqattn.models.encoders.lstm import LSTMEncoderOptions
from seqattn.models.encoders.transformer import TransformerEncoderOptions
from seqattn.models.size import size_of
from seqattn.options import apply, convert, override, parse_settings, read_settings, settings_for
from seqattn.runs.presets import PRESETS, WITH_MUON, check_alike, compose, suitable_presets
from seqattn.text.learning import TokenizerOptions
from seqattn.training.schedule import TrainingOptions

Norm = Literal["pre", "post"]


@dataclass(frozen=True)
class Left:
    width: int = 8
    rate: float = 0.5
    norm: Norm = "pre"
    fast: bool = False


@dataclass(frozen=True)
class Right:
    beam: int = 5

    def __post_init__(self) -> None:
        if self.beam < 1:
            raise ValueError(f"beam {self.beam} is out of range")


@pytest.mark.parametrize(
    ("value", "hint", "expected"),
    [
        ("12", int, 12),
        (12, int, 12),
        ("0", int, 0),
        ("1_000", int, 1000),
        ("0.25", float, 0.25),
        ("1e-3", float, 1e-3),
        (3, float, 3.0),
        (0.5, float, 0.5),
        ("post", Norm, "post"),
        ("true", bool, True),
        ("Yes", bool, True),
        ("on", bool, True),
        ("1", bool, True),
        (True, bool, True),
        ("FALSE", bool, False),
        ("no", bool, False),
        ("off", bool, False),
        (0, bool, False),
        (False, bool, False),
    ],
)
def test_values_become_the_hinted_type(value, hint, expected):
    converted = convert(value, hint)
    assert converted == expected
    assert type(converted) is type(expected)


@pytest.mark.parametrize(
    ("value", "hint", "message"),
    [
        ("1.5", int, "whole number"),
        (1.5, int, "whole number"),
        ("-1", int, "0 or more"),
        ("many", int, "whole number"),
        ("", int, "whole number"),
        (True, int, "whole number"),
        ([1], int, "whole number"),
        ("-0.1", float, "0 or more"),
        ("nan", float, "a number"),
        ("inf", float, "a number"),
        ("x", float, "a number"),
        (True, float, "a number"),
        ("middle", Norm, "one of pre, post"),
        ("Pre", Norm, "one of pre, post"),
        ("maybe", bool, "true or false"),
        ("2", bool, "true or false"),
    ],
)
def test_values_of_another_type_or_out_of_range_are_refused(value, hint, message):
    with pytest.raises(ValueError, match=message):
        convert(value, hint)


@given(st.integers(0, 10**9))
def test_whole_numbers_survive_conversion_to_text(number):
    assert convert(str(number), int) == number


@given(st.floats(0, 1e12))
def test_numbers_survive_conversion_to_text(number):
    assert convert(str(number), float) == number


def test_settings_reach_the_options_that_have_their_field():
    left, right = apply({"width": "16", "norm": "post", "beam": 2, "fast": "on"}, Left(rate=0.1), Right())
    assert left == Left(width=16, rate=0.1, norm="post", fast=True)
    assert right == Right(beam=2)


def test_without_settings_the_options_are_unchanged():
    assert apply({}, Left(), Right()) == (Left(), Right())


def test_the_given_options_are_not_changed():
    left = Left()
    apply({"width": 3}, left)
    assert left == Left()


def test_the_error_for_an_unknown_setting_has_the_nearest_known_one_and_the_list():
    with pytest.raises(InputError) as caught:
        apply({"widht": 3}, Left(), Right())
    assert "no setting 'widht', did you mean 'width'?" in str(caught.value)
    assert "beam, fast, norm, rate, width" in caught.value.remedy


def test_an_unknown_setting_unlike_any_other_gets_no_suggestion():
    with pytest.raises(InputError, match="no setting 'zzzzz'") as caught:
        apply({"zzzzz": 3}, Left())
    assert "did you mean" not in str(caught.value)


def test_all_errors_are_reported_at_once():
    with pytest.raises(InputError) as caught:
        apply(
            {"bean": 1, "width": "wide", "rate": "-1", "norm": "mid", "fast": "x", "beam": 0}, Left(), Right()
        )
    message = str(caught.value)
    for problem in (
        "no setting 'bean', did you mean 'beam'?",
        "width must be a whole number, 0 or more, not 'wide'",
        "rate must be a number, 0 or more, not '-1'",
        "norm must be one of pre, post, not 'mid'",
        "fast must be true or false, not 'x'",
        "beam 0 is out of range",
    ):
        assert problem in message


def test_an_error_in_a_value_does_not_list_all_settings():
    with pytest.raises(InputError) as caught:
        apply({"width": "wide"}, Left())
    assert caught.value.remedy == ""


def test_a_refused_combination_of_options_is_an_input_error():
    with pytest.raises(InputError, match="hidden 7 must be even"):
        apply({"hidden": "7"}, LSTMEncoderOptions())
    with pytest.raises(InputError, match="width 100 must be an even multiple of heads 8"):
        apply({"heads": "8", "width": "100"}, TransformerEncoderOptions())


@pytest.mark.parametrize(
    ("architecture", "setting"),
    [
        ("transformer", {"heads": 0}),
        ("transformer", {"width": 0}),
        ("transformer", {"encoder_layers": 0}),
        ("transformer", {"decoder_layers": 0}),
        ("transformer", {"feed_forward": 0}),
        ("transformer", {"attention_dropout": 2}),
        ("transformer", {"positions": "learned", "max_positions": 0}),
        ("lstm", {"hidden": 0}),
        ("lstm", {"width": 0}),
        ("lstm", {"encoder_layers": 0}),
        ("lstm", {"decoder_layers": 0}),
        ("lstm", {"dropout": 1.5}),
        ("lstm", {"label_smoothing": 2}),
        ("lstm", {"accumulate": 0}),
    ],
    ids=str,
)
def test_an_impossible_value_is_an_input_error_that_names_it(architecture, setting):
    name, value = list(setting.items())[-1]
    name = name.removeprefix("encoder_").removeprefix("decoder_")
    with pytest.raises(InputError, match=f"{name}.*{value}"):
        compose(architecture, "tiny", setting)


OPTIONS = [
    LSTMEncoderOptions,
    LSTMDecoderOptions,
    TransformerEncoderOptions,
    TokenizerOptions,
    TrainingOptions,
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda kind: kind.__name__)
def test_every_option_can_be_set_to_its_default_as_text(options):
    values = {name: str(value) for name, value in vars(options()).items()}
    assert apply(values, options()) == (options(),)


def test_arguments_are_split_at_the_first_equals_sign():
    assert parse_settings(["a=1", " b = x=y ", "c="]) == {"a": "1", "b": "x=y", "c": ""}
    assert parse_settings(["a=1", "a=2"]) == {"a": "2"}


@pytest.mark.parametrize("argument", ["width", "=3", " =3", ""])
def test_an_argument_without_key_or_value_is_refused(argument):
    with pytest.raises(InputError, match="key=value"):
        parse_settings(["a=1", argument])


def test_toml_tables_become_prefixes(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text(
        '\ufeffwidth = 64\r\n[lstm]\r\nscore = "dot"\r\ntied = true\r\n[transformer]\nheads = 2\n'
    )
    assert read_settings(path) == {
        "width": 64,
        "lstm.score": "dot",
        "lstm.tied": True,
        "transformer.heads": 2,
    }


def test_a_dotted_toml_key_is_the_same_as_a_table(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("lstm.hidden = 64\n")
    assert read_settings(path) == {"lstm.hidden": 64}


def test_what_is_not_toml_is_an_input_error_with_the_file_and_the_place(tmp_path):
    path = tmp_path / "x.toml"
    path.write_text("width = 64\nheads = = 2\n")
    with pytest.raises(InputError, match=r"is not TOML.*line 2") as caught:
        read_settings(path)
    assert caught.value.path == str(path)
    with pytest.raises(InputError, match="No such file"):
        read_settings(tmp_path / "none.toml")


@pytest.mark.parametrize("value", ["[1, 2]", "2026-11-26", "[[1]]", "12:30:00", "[{ a = 1 }]"])
def test_a_setting_in_a_file_is_no_list_and_no_time(tmp_path, value):
    path = tmp_path / "settings.toml"
    path.write_text(f"dropout = 0.1\n[hybrid]\nwidth = {value}\n")
    with pytest.raises(
        InputError, match=r"settings.toml: hybrid.width must be text, a number, true or false"
    ):
        read_settings(path)


def test_settings_with_a_prefix_are_only_for_their_architecture():
    settings: dict[str, Any] = {"width": 8, "lstm.width": 16, "lstm.score": "dot", "transformer.heads": 2}
    names = ("lstm", "transformer")
    assert settings_for("lstm", names, settings) == {"width": 16, "score": "dot"}
    assert settings_for("transformer", names, settings) == {"width": 8, "heads": 2}


def test_a_prefixed_setting_takes_precedence_in_any_order():
    assert settings_for("lstm", ["lstm"], {"lstm.width": 16, "width": 8}) == {"width": 16}


@pytest.mark.parametrize(
    ("weaker", "stronger", "lstm", "transformer"),
    [
        ("lstm.layers=2", "layers=3", (3, 3), (3, 3)),
        ("encoder.layers=2", "layers=3", (3, 3), (3, 3)),
        ("encoder_layers=2", "layers=3", (3, 3), (3, 3)),
        ("lstm.encoder.layers=2", "lstm.layers=3", (3, 3), (1, 1)),
        ("lstm.encoder_layers=2", "encoder.layers=3", (3, 1), (3, 1)),
        ("layers=2", "encoder.layers=3", (3, 2), (3, 2)),
        ("lstm.layers=2", "encoder.layers=3", (3, 2), (3, 1)),
        ("layers=2", "lstm.encoder_layers=3", (3, 2), (2, 2)),
        ("encoder.layers=2", "lstm.layers=3", (3, 3), (2, 1)),
        ("encoder.layers=2", "lstm.layers=4,lstm.encoder_layers=3", (3, 4), (2, 1)),
        ("transformer.layers=2", "lstm.layers=3", (3, 3), (2, 2)),
    ],
)
def test_a_stronger_source_of_settings_counts_however_general_its_names_are(
    weaker, stronger, lstm, transformer
):
    settings = override(*(parse_settings(source.split(",")) for source in (weaker, stronger)))
    plain = {"encoder_layers": 1, "decoder_layers": 1}
    for architecture, layers in (("lstm", lstm), ("transformer", transformer)):
        own = settings_for(architecture, ("lstm", "transformer"), settings)
        (model,) = apply(own, *apply(plain, default_options(architecture)))
        assert (model.encoder.layers, model.decoder.layers) == layers


def test_a_prefix_that_is_not_an_architecture_is_an_unknown_setting():
    with pytest.raises(InputError, match=r"no setting 'rnn\.width'"):
        compose("lstm", "tiny", {"rnn.width": 8})


@pytest.mark.parametrize(
    ("architecture", "key", "owners"),
    [
        ("transformer", "score", "lstm and hybrid, not of transformer"),
        ("lstm", "norm", "transformer and hybrid, not of lstm"),
        ("lstm", "encoder.heads", "transformer and hybrid, not of lstm"),
        ("hybrid", "encoder_hidden", "lstm, not of hybrid"),
        ("lstm", "transformer.score", "lstm and hybrid, not of transformer"),
    ],
)
def test_a_setting_of_other_architectures_is_refused_with_their_names(architecture, key, owners):
    with pytest.raises(InputError, match=f"is a setting of {owners}"):
        compose(architecture, "tiny", {key: "1"})


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_preset_composes_for_every_architecture(preset, architecture):
    model, tokenizer, training = compose(architecture, preset, {})
    for side, name in zip(("encoder", "decoder"), parts_of(architecture), strict=True):
        part = getattr(model, side)
        assert part.width == PRESETS[preset][name]["width"]
        for key, value in PRESETS[preset][name].items():
            changed = PRESETS[preset][architecture].get(f"{side}.{key}", value)
            assert not hasattr(part, key) or getattr(part, key) == changed
    trained = PRESETS[preset][parts_of(architecture)[0]] | PRESETS[preset][architecture]
    trained |= WITH_MUON.get(preset, {}).get(architecture, {})
    assert training.learning_rate == trained.get("learning_rate", TrainingOptions.learning_rate)
    assert tokenizer == TokenizerOptions()


def test_an_unknown_preset_is_an_input_error_that_lists_those_there_are():
    with pytest.raises(InputError, match=r"no preset 'huge' \(the presets are low-resource, tiny, mini"):
        compose("lstm", "huge", {})


def test_settings_override_the_preset():
    model, tokenizer, training = compose(
        "lstm",
        "tiny",
        {"width": "32", "lstm.hidden": "48", "transformer.heads": "2", "pieces": "bpe", "seed": 9},
    )
    for part in (model.encoder, model.decoder):
        assert (part.width, part.hidden) == (32, 48)
    assert (tokenizer.pieces, training.seed) == ("bpe", 9)
    assert training.batch_tokens == PRESETS["tiny"]["lstm"]["batch_tokens"]


@pytest.mark.parametrize("preset", PRESETS)
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_preset_has_a_rate_for_each_optimizer_that_is_asked_for(preset, architecture):
    adam, muon, open_choice = (
        compose(architecture, preset, settings)[2]
        for settings in ({"optimizer": "adam"}, {"optimizer": "muon"}, {})
    )
    with_muon = architecture in WITH_MUON.get(preset, {})
    assert (adam.optimizer, muon.optimizer) == ("adam", "muon")
    assert open_choice == (muon if with_muon else adam)
    own = PRESETS[preset][parts_of(architecture)[0]] | PRESETS[preset][architecture]
    chosen = {name: value for name, value in own.items() if hasattr(TrainingOptions, name)}
    assert adam == replace(TrainingOptions(), **chosen)
    assert compose(architecture, preset, {"optimizer": "adam", "warmup": 7})[2] == replace(adam, warmup=7)
    assert with_muon or muon == replace(adam, optimizer="muon")


def test_an_error_in_the_other_architectures_settings_is_reported():
    with pytest.raises(InputError, match="hidden is a setting of lstm and hybrid, not of transformer"):
        compose("lstm", "tiny", {"transformer.hidden": "48"})
    with pytest.raises(InputError, match="width"):
        compose("lstm", "tiny", {"transformer.width": "wide"})


def test_the_preset_follows_the_number_and_the_kind_of_pairs():
    for pairs, presets in {
        1: ["tiny"],
        19_999: ["tiny"],
        20_000: ["mini", "tiny"],
        59_999: ["mini", "tiny"],
        60_000: ["small", "mini", "tiny"],
        1_000_000: ["base", "small", "mini", "tiny"],
    }.items():
        natural = ["low-resource"] if presets == ["tiny"] else presets
        assert suitable_presets(pairs, natural=True) == natural
        others = [name for name in presets if name not in ("mini", "small")]
        regular = ["regular"] if "mini" in presets else []
        assert suitable_presets(pairs, natural=False) == [*others[:-1], *regular, "tiny"]


@pytest.mark.parametrize(
    ("preset", "like", "dropout", "decay"),
    [("low-resource", "tiny", 0.3, 0.3), ("regular", "mini", 0.1, 0.0)],
)
def test_low_resource_and_regular_differ_from_other_presets_by_regularisation_alone(
    preset, like, dropout, decay
):
    for architecture in ARCHITECTURES:
        one, other = (compose(architecture, name, {}) for name in (preset, like))
        # Models that read images have none.
        decayed = decay if other[2].weight_decay else 0.0
        own = replace(other[2], word_dropout=one[2].word_dropout, weight_decay=decayed)
        assert one[1:] == (other[1], own)
        assert one[0].decoder.dropout == one[0].encoder.dropout == dropout != other[0].decoder.dropout
        assert apply({"dropout": other[0].decoder.dropout}, one[0]) == (other[0],)


def recipes_of(preset, settings, architectures=BASELINES):
    return {name: compose(name, preset, settings) for name in architectures}


@pytest.mark.parametrize("preset", PRESETS)
def test_the_architectures_of_a_preset_share_tokenizer_batches_and_budget(preset):
    recipes = recipes_of(preset, {"max_updates": 7, "lstm.learning_rate": "0.5"}, ARCHITECTURES)
    check_alike(recipes)
    assert recipes["lstm"][2].learning_rate == 0.5 != recipes["transformer"][2].learning_rate


@pytest.mark.parametrize(
    "settings", [{"lstm.max_updates": 7}, {"transformer.vocab_size": 500}, {"lstm.batch_tokens": 9}], ids=str
)
def test_an_unfair_comparison_is_refused_with_what_differs(settings):
    (name,) = (key.partition(".")[2] for key in settings)
    with pytest.raises(InputError, match=f"differ in {name}: a comparison needs one tokenizer"):
        check_alike(recipes_of("tiny", settings))


def test_what_is_no_condition_of_a_comparison_may_differ():
    check_alike(recipes_of("tiny", {"lstm.label_smoothing": 0, "transformer.warmup": 9}))


@pytest.mark.parametrize("pieces", [500, 32_000])
@pytest.mark.parametrize("preset", PRESETS)
def test_the_models_of_a_preset_have_equally_many_parameters_within_five_percent(preset, pieces):
    found = []
    for architecture in (*ARCHITECTURES, "lstm+transformer"):
        with torch.device("meta"):
            options = compose(architecture, preset, {})[0]
            found.append(size_of(build(architecture, options, Vocabulary(pieces, pieces, shared=True))))
    assert len({size.embeddings for size in found}) == 1
    for figures in ([size.parameters for size in found], [s.parameters - s.embeddings for s in found]):
        assert max(figures) <= 1.05 * min(figures)


@pytest.mark.parametrize("positions", ["learned", "sinusoidal"])
@pytest.mark.parametrize("architecture", ["lstm", "transformer", "hybrid", "patches+transformer"])
def test_what_doubles_with_the_vocabulary_is_counted_as_embeddings_and_nothing_else(architecture, positions):
    has_positions = architecture != "lstm"
    (options,) = apply({"positions": positions} if has_positions else {}, default_options(architecture))
    source = 0 if architecture.startswith("patches") else 600
    with torch.device("meta"):
        one, two = (
            size_of(build(architecture, options, Vocabulary(k * source, k * 500, shared=False)))
            for k in (1, 2)
        )
    assert one.embeddings == two.parameters - one.parameters and two.embeddings == 2 * one.embeddings


def test_a_setting_without_a_prefix_applies_to_every_part_and_one_with_a_prefix_overrides_it():
    (model,) = apply({"encoder.layers": 3, "layers": 2, "dropout": 0.3}, default_options("hybrid"))
    assert (model.encoder.layers, model.decoder.layers) == (3, 2)
    assert (model.encoder.dropout, model.decoder.dropout) == (0.3, 0.3)
    (model,) = apply({"decoder_layers": "4", "score": "general", "heads": 2}, model)
    assert (model.encoder.layers, model.decoder.layers, model.encoder.heads) == (3, 4, 2)
    assert model.decoder.score == "general"


def test_an_unnamed_pair_has_the_preset_of_each_part():
    model, _, training = compose("lstm+transformer", "tiny", {})
    assert (model.encoder.width, model.decoder.feed_forward) == (128, 512)
    assert training.learning_rate == PRESETS["tiny"]["lstm"]["learning_rate"]
