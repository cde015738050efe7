"""Pointing: whether what a word attends to most is where a box is, in the pixels of the original image."""

import numpy as np
import pytest
import torch

from seqattn.alignment.pointing import Box, Pointing, peak, pointing, points_at
from seqattn.alignment.reading import Attention
from seqattn.data.pixels import Image, Shape

SHAPE = Shape(8, False, 4, 2)
IMAGE = Image(np.zeros((1, 8, 6), np.uint8), size=(12, 16))
"""Twice as large as it is read: a cell is 4 pixels wide and 8 high; they are 0 2 4 above 1 3 5."""


def weights(**cells):
    found = torch.zeros(6)
    for name, weight in cells.items():
        found[int(name[1:])] = weight
    return found


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({"c0": 1}, (2, 4)),
        ({"c3": 1}, (6, 12)),
        ({"c4": 1}, (10, 4)),
        ({"c0": 0.5, "c2": 0.5}, (4, 4)),
        ({"c0": 0.6, "c1": 0.4}, (2, 7.2)),
        ({"c0": 0.4, "c1": 0.2, "c2": 0.2, "c3": 0.2}, (3.6, 7.2)),
        # What is not beside the largest does not move the maximum.
        ({"c0": 0.6, "c4": 0.4}, (2, 4)),
    ],
)
def test_the_maximum_is_the_centre_of_mass_of_the_largest_weight_and_those_around_it(given, expected):
    assert peak(weights(**given), IMAGE, SHAPE) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("box", "right"),
    [
        ((3, 3, 5, 5), True),
        ((4, 4, 5, 5), True),
        ((0, 0, 4, 8), False),
        ((0, 0, 12, 4), False),
        ((0, 5, 12, 16), False),
        ((20, 0, 30, 16), False),
    ],
)
def test_a_word_points_right_if_the_maximum_is_in_the_box(box, right):
    assert points_at(weights(c0=0.5, c2=0.5), IMAGE, SHAPE, Box(0, *box)) == right


def test_a_row_of_cells_as_high_as_the_image_says_nothing_of_heights():
    image, shape = Image(np.zeros((1, 8, 6), np.uint8), size=(6, 8)), Shape(8, False, 8, 2)
    assert points_at(torch.tensor([0.0, 1, 0]), image, shape, Box(0, 2, 0, 4, 1))
    assert not points_at(torch.tensor([0.0, 1, 0]), image, shape, Box(0, 4, 0, 6, 8))


def test_words_without_a_box_do_not_count_and_one_box_of_several_is_enough():
    seen = Attention(SHAPE.names(IMAGE), list("abcd"), torch.eye(6)[[0, 3, 3, 1]])
    boxes = [
        Box(0, 4, 0, 8, 8),
        Box(0, 0, 0, 4, 8),
        Box(1, 4, 8, 8, 16),
        Box(3, 4, 8, 8, 16),
    ]
    found = pointing([seen, seen], [IMAGE, IMAGE], SHAPE, [boxes, []])
    assert found == Pointing(2, 3) and found.share == pytest.approx(66.67, abs=0.01)
    assert Pointing(0, 0).share == 0
