"""Pointing: whether a cell is where a box is, in the pixels of the original image."""

import numpy as np
import pytest
import torch

from seqattn.alignment.pointing import Box, Pointing, pointing, points_at
from seqattn.alignment.reading import Attention
from seqattn.data.pixels import Image, Shape

SHAPE = Shape(8, False, 4, 2)
IMAGE = Image(np.zeros((1, 8, 6), np.uint8), size=(12, 16))
"""Twice as large as it is read: a cell is 4 pixels wide and 8 high."""


@pytest.mark.parametrize(
    ("box", "cells"),
    [
        ((0, 0, 4, 8), {0}),
        ((0, 0, 12, 16), {0, 1, 2, 3, 4, 5}),
        ((4, 8, 8, 16), {3}),
        ((5, 9, 6, 10), {3}),
        ((2.5, 0, 10, 8), {2}),
        ((2, 0, 10.5, 8), {0, 2, 4}),
        ((5, 0, 6, 16), {2, 3}),
        ((20, 0, 30, 16), set()),
    ],
)
def test_a_cell_is_in_a_box_if_across_and_down_a_centre_of_one_is_in_the_other(box, cells):
    assert {cell for cell in range(6) if points_at(cell, IMAGE, SHAPE, Box(0, *box))} == cells


def test_words_without_a_box_do_not_count_and_one_box_of_several_is_enough():
    weights = torch.eye(6)[[0, 3, 3, 1]]
    seen = Attention(SHAPE.names(IMAGE), list("abcd"), weights)
    boxes = [
        Box(0, 4, 0, 8, 8),
        Box(0, 0, 0, 4, 8),
        Box(1, 4, 8, 8, 16),
        Box(3, 4, 8, 8, 16),
    ]
    found = pointing([seen, seen], [IMAGE, IMAGE], SHAPE, [boxes, []])
    assert found == Pointing(2, 3) and found.share == pytest.approx(66.67, abs=0.01)
    assert Pointing(0, 0).share == 0
