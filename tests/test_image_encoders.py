"""Encoders of images: cells become states, padding changes nothing, positions have two dimensions."""

import numpy as np
import pytest
import torch

from seqattn.data.batching import Limits
from seqattn.data.pixels import PADDING, Image, Shape
from seqattn.errors import InputError
from seqattn.models import build, default_options, image_shape
from seqattn.models.base import Vocabulary
from seqattn.models.encoders.images import (
    Augmentation,
    ImageOptions,
    column_mask,
    grid_sinusoids,
    scaled,
    warped,
)
from seqattn.models.encoders.patches import cells_of
from seqattn.models.size import size_of
from seqattn.models.sublayers import sinusoids
from seqattn.options import apply
from seqattn.runs.presets import PRESETS, check_alike, compose
from seqattn.symbols import BOS

from helpers import close, random_target
from pictures import PAIRS, SHAPE, random_image, tiny_images_model

OPTIONS = [
    *((pair, {}) for pair in PAIRS),
    ("grid+lstm", {"row_lstm": True}),
    ("grid+transformer", {"blocks": 0, "cell_height": 8, "cell_width": 1}),
    ("grid+lstm", {"cell_height": 1, "cell_width": 1, "score": "location"}),
    ("patches+lstm", {"encoder.positions": "learned", "colour": False}),
    ("patches+transformer", {"norm": "post", "cell_height": 8, "cell_width": 3}),
]


def shape_of(model):
    return model.encoder.image_shape(model.encoder.options)


@pytest.mark.parametrize(("architecture", "options"), OPTIONS)
def test_an_image_in_a_batch_of_wider_ones_gives_the_same_as_alone(architecture, options):
    model = tiny_images_model(architecture, **options)
    shape = shape_of(model)
    images = [random_image(columns, columns, shape) for columns in (3, 1, 6)]
    target = random_target(1)
    with torch.no_grad():
        together = model.encoder(shape.stack(images, 0))
        logits = model(shape.stack(images, 40), target.expand(3, -1), attention=True)
        for row, image in enumerate(images):
            alone = model.encoder(shape.stack([image], 0))
            size = shape.positions(image)
            assert together.mask[row].tolist() == [at < size for at in range(together.mask.shape[1])]
            close(together.states[row, :size], alone.states[0])
            close(together.summary[row], alone.summary[0])
            own = model(shape.stack([image], 0), target, attention=True)
            close(logits.logits[row], own.logits[0])
            close(logits.attention[row, ..., :size], own.attention[0])
            assert not logits.attention[row, ..., size:].any()


@pytest.mark.parametrize(("architecture", "options"), OPTIONS)
def test_every_parameter_gets_a_gradient(architecture, options):
    model = tiny_images_model(architecture, **options).train()
    shape = shape_of(model)
    images = [random_image(columns, columns, shape) for columns in (3, 5)]
    model(shape.stack(images, 0), random_target(2)).logits.square().sum().backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and parameter.grad.any(), name


@pytest.mark.parametrize(("architecture", "options"), OPTIONS)
def test_decoding_tokens_in_one_call_equals_one_call_for_each(architecture, options):
    model = tiny_images_model(architecture, **options)
    shape = shape_of(model)
    source, target = shape.stack([random_image(3, 1, shape), random_image(5, 2, shape)], 0), random_target(2)
    with torch.no_grad():
        memory, state = model.encode(source)
        whole = model.logits(model.decode(target, memory, state).hidden)
        for at in range(target.shape[1]):
            decoded = model.decode(target[:, at : at + 1], memory, state)
            state = decoded.state
            close(model.logits(decoded.hidden)[:, 0], whole[:, at])


def test_a_state_for_each_cell_column_by_column():
    shape = Shape(4, False, 2, 3)
    pixels = np.arange(24, dtype=np.uint8).reshape(1, 4, 6)
    source = shape.stack([Image(pixels)], 0)
    assert cells_of(source, shape).tolist() == [
        [
            [0, 1, 2, 6, 7, 8],
            [12, 13, 14, 18, 19, 20],
            [3, 4, 5, 9, 10, 11],
            [15, 16, 17, 21, 22, 23],
        ]
    ]
    assert shape.positions(Image(pixels)) == 4
    assert shape.names(Image(pixels)) == ["r1c1", "r2c1", "r1c2", "r2c2"]


def test_colours_are_part_of_a_cell():
    shape = Shape(2, True, 2, 1)
    pixels = np.array([[[1, 2], [3, 4]], [[5, 6], [7, 8]], [[9, 10], [11, 12]]], dtype=np.uint8)
    cells = cells_of(shape.stack([Image(pixels)], 0), shape)
    assert cells.tolist() == [[[1, 3, 5, 7, 9, 11], [2, 4, 6, 8, 10, 12]]]


def test_the_map_of_patches_reads_pixels_from_minus_one_to_one():
    model = tiny_images_model("patches+lstm")
    image = random_image(2)
    source = SHAPE.stack([image], 0)
    patch = torch.from_numpy(image.pixels[:, 4:8, 2:4].astype(np.float64)).flatten() / 127.5 - 1
    patches = model.encoder.patches
    wanted = patch @ patches.map.weight.T + patches.map.bias
    wanted += torch.cat([sinusoids(1, 1, 4), sinusoids(1, 1, 4)], dim=-1)[0]
    torch.testing.assert_close(patches(scaled(source, patches))[0, 3], wanted, rtol=1e-6, atol=1e-6)


def test_batches_are_padded_to_whole_columns():
    images = [random_image(2), random_image(5)]
    assert SHAPE.stack(images, 0).shape == (2, 3, 8, 10)
    assert SHAPE.stack(images, 11).shape == (2, 3, 8, 12)
    batch = SHAPE.stack(images, 0)
    assert (batch[0, :, :, 4:] == PADDING).all() and (batch[:, :, :, :4] != PADDING).all()
    assert column_mask(batch, SHAPE).tolist() == [[True, True, False, False, False], [True] * 5]
    assert not scaled(batch, torch.nn.Linear(1, 1))[0, :, :, 4:].any()


def test_a_white_and_a_black_pixel_are_no_padding():
    shape = Shape(1, False, 1, 1)
    source = shape.stack([Image(np.array([[[0, 255]]], dtype=np.uint8)), random_image(3, 1, shape)], 0)
    assert column_mask(source, shape).tolist() == [[True, True, False], [True, True, True]]
    assert scaled(source, torch.nn.Linear(1, 1))[0].flatten().tolist() == [-1, 1, 0]


def test_half_of_a_position_is_of_the_row_and_half_of_the_column():
    found = grid_sinusoids(2, 3, 8).unflatten(0, (3, 2))
    for column in range(3):
        for row in range(2):
            wanted = torch.cat([sinusoids(row, 1, 4), sinusoids(column, 1, 4)], dim=-1)[0]
            torch.testing.assert_close(found[column, row], wanted)


@pytest.mark.parametrize("pair", PAIRS)
def test_the_same_cell_elsewhere_has_another_state(pair):
    model = tiny_images_model(pair)
    image = Image(np.tile(random_image(1).pixels[:, :4], (1, 2, 5)))
    with torch.no_grad():
        states = model.encoder(SHAPE.stack([image], 0)).states[0]
    assert (torch.cdist(states, states) + torch.eye(len(states)) > 1e-3).all()


def test_learned_positions_limit_the_columns():
    model = tiny_images_model("patches+lstm", **{"encoder.positions": "learned", "encoder.max_positions": 3})
    assert model.longest == Limits(6, None)
    with pytest.raises(ValueError, match="4 columns requested, 3 learned"):
        model.encoder(SHAPE.stack([random_image(4)], 0))


def test_an_lstm_along_rows_sees_the_whole_row_and_no_other():
    model = tiny_images_model("grid+lstm", row_lstm=True, blocks=0)
    states = model.encoder(SHAPE.stack([random_image(9)], 0)).states
    read = torch.randn(1, 18, 8, dtype=torch.float64, requires_grad=True)
    out = model.encoder._along_rows(read, torch.tensor([9]))
    assert out.shape == states.shape
    out[0, 4].sum().backward()
    reached = read.grad[0].abs().sum(-1) > 0
    assert reached.tolist() == [at % 2 == 0 for at in range(18)]


@pytest.mark.parametrize(("height", "width"), [(8, 8), (8, 4), (4, 8), (2, 2), (1, 4)])
def test_a_state_of_the_grid_is_centred_on_its_cell(height, width):
    size = {"image_height": 8 * height, "cell_height": height, "cell_width": width}
    model = tiny_images_model("grid+lstm", blocks=0, **size)
    shape = shape_of(model)
    pixels = shape.stack([random_image(8, 1, shape)], 0).double().requires_grad_()
    x = pixels / 255
    for stage in model.encoder.stages:
        x = stage(x, torch.ones(1, 8, dtype=torch.bool))
    row, column = 4, 3
    x[0, :, row, column].sum().backward()
    for axis, place, cell in ((2, row, height), (1, column, width)):
        reached = pixels.grad[0].abs().sum(0).sum(axis - 1).nonzero().flatten()
        assert (reached[0] + reached[-1]) / 2 == (place + 0.5) * cell - 0.5


def drawn(**options):
    module = Augmentation(ImageOptions(image_height=8, cell_height=4, cell_width=2, **options))
    return module.train()


def test_images_are_changed_in_training_alone_and_padding_never():
    source = SHAPE.stack([random_image(3), random_image(6)], 0)
    module = drawn(shift=2, rotation=10, brightness=0.3)
    torch.manual_seed(1)
    first, second = module(source), module(source)
    assert first.dtype == source.dtype and not first.equal(source) and not first.equal(second)
    assert (first == PADDING).equal(source == PADDING)
    torch.manual_seed(1)
    assert module(source).equal(first)
    assert module.eval()(source).equal(source)
    assert drawn()(source).equal(source)


def test_an_image_is_moved_and_turned_within_itself():
    x = torch.arange(12.0).view(1, 1, 3, 4)
    still, one = torch.zeros(1), torch.ones(1)
    width = torch.tensor([4])
    torch.testing.assert_close(warped(x, width, still, still, still), x)
    right = warped(x, width, still, one, still)[0, 0]
    assert right[0].tolist() == pytest.approx([0, 0, 1, 2], abs=1e-4)
    down = warped(x, width, still, still, one)[0, 0]
    assert down[:, 1].tolist() == pytest.approx([1, 1, 5], abs=1e-4)
    half = warped(x, width, torch.tensor([torch.pi]), still, still)
    torch.testing.assert_close(half, x.flip(2, 3), atol=1e-4, rtol=0)
    narrow = warped(x, torch.tensor([2]), torch.tensor([torch.pi]), still, still)[0, 0, :, :2]
    torch.testing.assert_close(narrow, x[0, 0, :, :2].flip(0, 1), atol=1e-4, rtol=0)
    quarter = warped(
        torch.arange(9.0).view(1, 1, 3, 3), torch.tensor([3]), torch.tensor([torch.pi / 2]), still, still
    )
    torch.testing.assert_close(quarter[0, 0], torch.arange(9.0).view(3, 3).rot90(-1), atol=1e-4, rtol=0)


def test_brightness_stays_within_its_share():
    source = torch.full((64, 3, 8, 4), 100, dtype=torch.int16)
    torch.manual_seed(1)
    found = drawn(brightness=0.2)(source)
    assert 80 <= found.min() < 90 and 110 < found.max() <= 120
    assert all(len(one.unique()) == 1 for one in found)


@pytest.mark.parametrize(
    ("architecture", "options", "message"),
    [
        ("grid+lstm", {"image_height": 30}, "height 30 must be a multiple of cell_height 8"),
        ("grid+lstm", {"cell_width": 3}, "cell_width 3 must be a power of two"),
        ("patches+lstm", {"encoder.width": 18, "heads": 3}, "18 must be a multiple of 4"),
        ("grid+lstm", {"brightness": 2}, "brightness must be between 0 and 1"),
        ("patches+transformer", {"cell_height": 0}, "cell_height must be between 1"),
    ],
)
def test_options_that_fit_no_image_are_refused(architecture, options, message):
    with pytest.raises(InputError, match=message):
        apply(options, default_options(architecture))


def test_the_first_id_depends_on_the_image():
    for pair in PAIRS:
        model = tiny_images_model(pair)
        with torch.no_grad():
            logits = model(
                SHAPE.stack([random_image(3, 1), random_image(3, 2)], 0), torch.tensor([[BOS]] * 2)
            )
        assert not torch.allclose(logits.logits[0], logits.logits[1])


@pytest.mark.parametrize("preset", PRESETS)
def test_the_models_of_a_preset_have_as_many_parameters_as_those_of_texts(preset):
    found = []
    for architecture in ("lstm", "transformer", *PAIRS):
        options = compose(architecture, preset, {})[0]
        texts = image_shape(architecture, options) is None
        with torch.device("meta"):
            model = build(architecture, options, Vocabulary(500 if texts else 0, 500, shared=texts))
        size = size_of(model)
        found.append(size.parameters - size.embeddings)
    assert max(found) <= 1.05 * min(found)


def test_systems_of_images_share_batches_in_every_preset():
    for preset in PRESETS:
        check_alike({pair: compose(pair, preset, {}) for pair in PAIRS})
