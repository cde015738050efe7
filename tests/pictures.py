"""Small images at random, and tiny models that read them."""

import numpy as np

from seqattn.data.pixels import Image, Shape
from seqattn.models import ModelOptions, build, default_options, parts_of
from seqattn.models.base import Vocabulary
from seqattn.options import apply

from helpers import TINY

SHAPE = Shape(8, True, 4, 2)
READING = {"image_height": 8, "cell_height": 4, "cell_width": 2}
TINY_IMAGES = {
    "grid": {**READING, "width": 8, "dropout": 0.0},
    "patches": {**READING, **TINY["transformer"]},
}
PAIRS = [f"{encoder}+{decoder}" for encoder in TINY_IMAGES for decoder in TINY]
"""Every pair of an encoder of images and a decoder."""


def random_image(columns: int, seed: int = 1, shape: Shape = SHAPE) -> Image:
    """An image of so many columns of cells."""
    size = shape.channels, shape.height, columns * shape.cell_width
    pixels = np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)
    return Image(pixels, f"image {seed}", (size[2], size[1]))


def tiny_images_options(architecture: str, **options) -> ModelOptions:
    """The options of a tiny model of images without dropout."""
    encoder, decoder = parts_of(architecture)
    base = {f"encoder.{key}": value for key, value in TINY_IMAGES[encoder].items()}
    base |= {f"decoder.{key}": value for key, value in TINY[decoder].items()}
    (tiny,) = apply(base, default_options(architecture))
    (tiny,) = apply(options, tiny)
    return tiny


def tiny_images_model(architecture: str, **options):
    """A tiny model of images in evaluation mode, in float64."""
    model = build(architecture, tiny_images_options(architecture, **options), Vocabulary(0, 13, shared=False))
    return model.double().eval()
