"""Sources that are images: read from files, archives and arrays, kept on disk, and errors that say where."""

import io
import json
import os
import random
import struct
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image as Pillow

from seqattn.data import image_files
from seqattn.data.batching import Example
from seqattn.data.corpus import Pair, hold_out, identity
from seqattn.data.image_files import checked, decoded, shaped
from seqattn.data.images import ImageExamples, Images, sources_of
from seqattn.data.pixels import Shape
from seqattn.data.sources import TEXTS
from seqattn.errors import InputError
from seqattn.runs.preparation import load_data

from pictures import SHAPE, random_image

GREY = Shape(8, False, 4, 4)
IMAGES = Images(SHAPE)


def noise(height, width, colours=3, seed=1):
    size = (height, width, colours) if colours else (height, width)
    return np.random.default_rng(seed).integers(0, 256, size, dtype=np.uint8)


def encoded(pixels, form="PNG", **options):
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, form, **options)
    return file.getvalue()


@pytest.mark.parametrize("colours", [0, 3])
def test_a_file_has_the_pixels_that_were_written(colours):
    pixels = noise(5, 7, colours)
    assert (decoded(encoded(pixels)) == pixels).all()
    assert (
        decoded(encoded(pixels, "WEBP", lossless=True))[..., : colours or None]
        == (pixels if colours else pixels[..., None])
    ).all()
    smooth = np.linspace(0, 255, 400).astype(np.uint8).reshape(20, 20)
    assert abs(decoded(encoded(smooth, "JPEG", quality=95)).astype(int) - smooth).max() < 20


@pytest.mark.parametrize(
    ("tag", "turned"),
    [
        (1, lambda x: x),
        (2, lambda x: x[:, ::-1]),
        (3, lambda x: x[::-1, ::-1]),
        (4, lambda x: x[::-1]),
        (5, lambda x: x.transpose(1, 0, 2)),
        (6, lambda x: np.rot90(x, -1)),
        (7, lambda x: x[::-1, ::-1].transpose(1, 0, 2)),
        (8, np.rot90),
        (9, lambda x: x),
    ],
)
def test_the_orientation_in_exif_data_is_obeyed(tag, turned):
    exif = Pillow.Exif()
    exif[0x0112] = tag
    pixels = noise(4, 6)
    assert (decoded(encoded(pixels, exif=exif.tobytes())) == turned(pixels)).all()


def exif_data(*entries):
    """EXIF data of entries (tag, type, value of four bytes)."""
    fields = b"".join(struct.pack("<HHL4s", tag, kind, 1, value) for tag, kind, value in sorted(entries))
    return b"Exif\0\0II*\0" + struct.pack("<LH", 8, len(entries)) + fields + bytes(4)


TURNED = (0x0112, 3, b"\x06\0\0\0")


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize(
    "odd",
    [(0x0100, 11, b"\0\0\xc0\x3f"), (0x011A, 2, b"ab\0\0"), (0x010F, 11, b"\0\0\xc0\x7f")],
    ids=["a width that is a fraction", "a resolution that is a text", "a maker that is no number"],
)
def test_other_exif_data_of_unusual_types_does_not_matter(form, odd):
    assert decoded(encoded(noise(4, 6), form, exif=exif_data(TURNED, odd))).shape == (6, 4, 3)


@pytest.mark.parametrize("exif", [exif_data((0x0112, 2, b"up\0\0")), b"Exif\0\0II*\0", b"Exif\0\0I"])
def test_an_orientation_that_cannot_be_read_is_none(exif):
    pixels = noise(4, 6)
    assert (decoded(encoded(pixels, exif=exif)) == pixels).all()


def test_what_is_transparent_is_white():
    pixels = noise(2, 2, 4)
    pixels[..., 3] = [[0, 255], [51, 255]]
    found = decoded(encoded(pixels))
    assert found[0, 0].tolist() == [255] * 3 and (found[0, 1] == pixels[0, 1, :3]).all()
    assert abs(found[1, 0] - (0.2 * pixels[1, 0, :3] + 204)).max() <= 0.5


def test_sixteen_bits_of_grey_and_palettes_are_read():
    wide = np.array([[0, 257, 65535]], dtype=np.uint16)
    assert decoded(encoded(wide)).tolist() == [[0, 1, 255]]
    pixels = np.array([[[255, 0, 0], [0, 0, 255]]], dtype=np.uint8)
    file = io.BytesIO()
    Pillow.fromarray(pixels).quantize(2).save(file, "PNG")
    assert (decoded(file.getvalue()) == pixels).all()


@given(st.integers(1, 40), st.integers(1, 60), st.sampled_from([0, 3]), st.sampled_from([SHAPE, GREY]))
def test_images_get_their_height_in_proportion_and_whole_cells(height, width, colours, shape):
    image = shaped(noise(height, width, colours), shape)
    assert image.pixels.shape[:2] == (shape.channels, shape.height) and image.size == (width, height)
    exact = max(1, round(width * shape.height / height))
    assert exact <= image.pixels.shape[2] < exact + shape.cell_width
    assert image.pixels.shape[2] % shape.cell_width == 0
    assert (image.pixels[..., exact - 1 :] == image.pixels[..., exact - 1 : exact]).all()


def test_an_image_of_the_height_that_is_read_keeps_its_pixels():
    pixels = noise(8, 6)
    assert (shaped(pixels, SHAPE).pixels == pixels.transpose(2, 0, 1)).all()
    grey = shaped(pixels, Shape(8, False, 8, 2)).pixels[0]
    assert abs(grey - pixels @ [0.299, 0.587, 0.114]).max() <= 0.51
    assert (grey == np.asarray(Pillow.fromarray(pixels).convert("L"))).mean() > 0.95
    assert (shaped(grey, SHAPE).pixels == grey).all()


def corpus(tmp_path, count=4, form="tsv"):
    folder = tmp_path / "pictures"
    folder.mkdir(exist_ok=True)
    for number in range(count):
        (folder / f"{number}.png").write_bytes(encoded(noise(8, 6 + number, seed=number)))
    pairs = [(f"pictures/{number}.png", f"number {number}") for number in range(count)]
    path = tmp_path / f"images.{form}"
    lines = {
        "tsv": "".join(f"{name}\t{text}\n" for name, text in pairs),
        "jsonl": "".join(json.dumps({"source": name, "target": text}) + "\n" for name, text in pairs),
    }
    path.write_text(lines[form], encoding="utf-8")
    return path


def archive(tmp_path, count=4, **more):
    path = tmp_path / "images.npz"
    images = np.zeros((count, 8, 6 + count - 1, 3), np.uint8)
    for number in range(count):
        images[number, :, : 6 + number] = noise(8, 6 + number, seed=number)
    arrays = {
        "images": images,
        "widths": np.arange(count) + 6,
        "texts": np.array([f"number {n}" for n in range(count)]),
    }
    np.savez_compressed(path, **{**arrays, **more})
    return path


@pytest.mark.parametrize("form", ["tsv", "jsonl", "npz"])
def test_a_corpus_names_images_beside_it(tmp_path, monkeypatch, form):
    path = archive(tmp_path) if form == "npz" else corpus(tmp_path, form=form)
    monkeypatch.chdir(tmp_path.parent)
    found = IMAGES.read_corpus(str(path))
    assert [pair.target for pair in found.pairs] == [f"number {n}" for n in range(4)]
    for number, image in enumerate(IMAGES.encode_all(pair.source for pair in found.pairs)):
        wanted = shaped(noise(8, 6 + number, seed=number), SHAPE)
        assert (image.pixels == wanted.pixels).all() and image.size == wanted.size
    (again,) = IMAGES.encode_all([str(found.pairs[2].source)])
    assert (again.pixels == shaped(noise(8, 8, seed=2), SHAPE).pixels).all()


def test_two_text_files_may_name_images(tmp_path):
    corpus(tmp_path)
    (tmp_path / "a.names").write_text("pictures/1.png\n\n")
    (tmp_path / "a.texts").write_text("one\nnone\n")
    found = IMAGES.read_corpus(f"{tmp_path / 'a.names'},{tmp_path / 'a.texts'}")
    assert [bool(pair.source) for pair in found.pairs] == [True, False]
    assert [pair.target for pair in found.complete] == ["one"]


def test_the_fingerprint_is_of_pixels_and_texts_not_of_names(tmp_path):
    first, second = tmp_path / "first", tmp_path / "second"
    for folder in (first, second):
        folder.mkdir()
        corpus(folder)
    one, other = (IMAGES.read_corpus(str(folder / "images.tsv")) for folder in (first, second))
    assert one.fingerprint == other.fingerprint
    (second / "pictures" / "2.png").write_bytes(encoded(noise(8, 9, seed=77)))
    assert IMAGES.read_corpus(str(second / "images.tsv")).fingerprint != one.fingerprint


def test_equal_images_under_several_names_are_held_out_together(tmp_path):
    corpus(tmp_path, 40)
    lines = [f"pictures/{n}.png\tnumber {n}" for n in range(40)]
    for number in range(40):
        (tmp_path / "pictures" / f"copy{number}.png").write_bytes(
            (tmp_path / "pictures" / f"{number}.png").read_bytes()
        )
    copies = [f"pictures/copy{n}.png\tagain {n}" for n in range(40)]
    path = tmp_path / "all.tsv"
    path.write_text("\n".join([*lines, *copies]) + "\n")
    split = hold_out(IMAGES.read_corpus(str(path)).pairs)
    assert len(split.valid) == 4 and split.duplicates == 4 and len(split.train) == 72
    held = {identity(pair.source) for pair in split.valid}
    assert not held & {identity(pair.source) for pair in split.train}
    data = load_data([str(path)], str(path), sources=IMAGES)
    assert data.record.valid_also_in_train == 80


def make_folder(path):
    path.unlink()
    path.mkdir()


def make_pipe(path):
    if not hasattr(os, "mkfifo"):
        pytest.skip("no pipes have names here")
    path.unlink()
    os.mkfifo(path)


def link_to(path, target):
    if not Path(target).exists():
        pytest.skip(f"no {target} here")
    path.unlink()
    path.symlink_to(target)


BROKEN = [
    (lambda folder: (folder / "2.png").unlink(), "2.png cannot be read: No such file"),
    (lambda folder: (folder / "2.png").write_text("no picture"), "2.png is not a PNG, JPEG or WebP image"),
    (lambda folder: (folder / "2.png").write_bytes(b""), "2.png is not a PNG, JPEG or WebP image"),
    (lambda folder: (folder / "2.png").write_bytes((folder / "1.png").read_bytes()[:70]), "2.png is damaged"),
    (lambda folder: (folder / "2.png").write_bytes(encoded(noise(4, 4), "GIF")), "2.png is not a PNG"),
    (lambda folder: make_folder(folder / "2.png"), "2.png cannot be read: Is a directory"),
    (lambda folder: make_pipe(folder / "2.png"), "2.png is a device or a pipe, a file is needed"),
    (lambda folder: link_to(folder / "2.png", "/dev/zero"), "2.png is a device or a pipe"),
]


@pytest.mark.parametrize(("breaking", "message"), BROKEN)
def test_an_image_that_cannot_be_read_is_named_with_its_line(tmp_path, breaking, message):
    path = corpus(tmp_path)
    breaking(tmp_path / "pictures")
    with pytest.raises(InputError) as caught:
        list(IMAGES.encode_all(pair.source for pair in IMAGES.read_corpus(str(path)).pairs))
    assert str(caught.value).startswith(
        f"{path}, line 3: the image {tmp_path / 'pictures' / '2.png'}".rsplit("/", 1)[0]
    )
    assert message in str(caught.value) and caught.value.line == 3


def test_an_image_that_is_named_alone_is_the_place_of_its_error(tmp_path):
    path = tmp_path / "x.png"
    path.write_text("nothing")
    with pytest.raises(InputError, match=r"x\.png: is not a PNG, JPEG or WebP image$"):
        IMAGES.encode(str(path))
    with pytest.raises(InputError, match=r"y\.png: cannot be read: No such file"):
        IMAGES.encode(tmp_path / "y.png")


def test_names_of_images_that_are_read_as_texts_are_warned_of(tmp_path):
    path = corpus(tmp_path)
    warning = "the sources are names of images, but are read as texts: --encoder grid reads images"
    assert load_data([str(path)], str(path)).warnings[-1] == warning
    assert load_data([str(path)], str(path), sources=IMAGES).warnings == ()
    path.write_text(path.read_text() + "a sentence\tx\n")
    assert warning not in load_data([str(path)], str(path)).warnings


def test_a_name_that_no_file_can_have_is_an_error_of_its_line(tmp_path):
    (tmp_path / "x.tsv").write_text("a\0b.png\tx\n")
    with pytest.raises(InputError, match=r"x\.tsv, line 1: the image .*cannot be read"):
        IMAGES.read_corpus(str(tmp_path / "x.tsv"))
    with pytest.raises(InputError, match="cannot be read"):
        IMAGES.encode("a\0b.png")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("images.npz[9]", r"has 4 images, the last is \[3\]"),
        ("none.npz[0]", "No such file"),
        ("images.npz", r"is an archive of images, not one \(name one of them, as in images\.npz\[0\]\)"),
    ],
)
def test_an_image_that_an_archive_has_not_is_an_error_of_its_line(tmp_path, name, message):
    archive(tmp_path)
    (tmp_path / "x.tsv").write_text(f"images.npz[1]\ta\n{name}\tb\n")
    with pytest.raises(InputError, match=rf"x\.tsv, line 2: the image .*{message}"):
        IMAGES.read_corpus(str(tmp_path / "x.tsv"))


def test_images_of_too_many_cells_are_refused():
    assert shaped(noise(1, 500), SHAPE).pixels.shape[1:] == (8, 4000)
    with pytest.raises(InputError, match=r"has 40,000 cells when it is scaled to a height of 8, more than"):
        shaped(noise(1, 5000), SHAPE)


def test_large_images_take_no_more_than_a_few_bytes_for_each_pixel():
    pixels = noise(1000, 1000, 4)
    tracemalloc.start()
    try:
        checked(pixels)
        shaped(pixels[..., :3], GREY)
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert most < 16 * 1000 * 1000


def test_opacity_blends_with_white_to_the_nearest_whole_number():
    pixels = np.stack(np.meshgrid(*[np.arange(256, dtype=np.uint8)] * 2), axis=-1)[..., [0, 0, 0, 1]]
    share = pixels[..., 3:] / 255
    assert (checked(pixels) == (pixels[..., :3] * share + 255 * (1 - share)).round()).all()


def test_huge_images_are_refused_before_they_are_decoded(tmp_path, monkeypatch):
    bomb = Pillow.new("1", (30_000, 30_000))
    file = io.BytesIO()
    bomb.save(file, "PNG")
    assert len(file.getvalue()) < 200_000
    with pytest.raises(InputError, match="pixels"):
        decoded(file.getvalue())
    monkeypatch.setattr(image_files, "MOST_PIXELS", 100)
    with pytest.raises(InputError, match=r"has 20 × 10 pixels, more than 100"):
        decoded(encoded(noise(10, 20)))
    with pytest.raises(InputError, match=r"has 800 × 8 pixels"):
        shaped(noise(1, 100), SHAPE)


def test_without_pillow_an_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "PIL", None)
    with pytest.raises(
        InputError, match=r'Pillow, which is not installed \(pip install "seqattn\[images\]"\)'
    ):
        decoded(b"")
    assert shaped(noise(8, 4), SHAPE).pixels.shape == (3, 8, 4)


NONE = {
    "images": np.zeros((0, 8, 9, 3), np.uint8),
    "texts": np.array([], "U1"),
    "widths": np.array([], int),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"images": np.zeros((4, 8, 9, 3), np.float32)}, "its images are float32"),
        ({"images": np.zeros((4, 8), np.uint8)}, r"not uint8 \(N, height, width\)"),
        ({"texts": np.array(["a"])}, r"has 4 images, but texts \(1,\)"),
        ({"texts": np.arange(4)}, "its texts are int64, not text"),
        (
            {"texts": np.array(["a", None, 1, 2], dtype=object)},
            "the array texts cannot be read: Python objects",
        ),
        ({"widths": np.array([1, 2, 0, 4])}, "the width 0 of image 2 is not between 1 and 9"),
        ({"widths": np.array([1.0, 2, 3, 4])}, "its widths are float64, not whole numbers"),
        ({"widths": np.array(["1", "2", "3", "4"])}, "its widths are <U1, not whole numbers"),
        ({"widths": np.array([True] * 4)}, "its widths are bool, not whole numbers"),
        ({"texts": np.array([b"a"] * 4)}, r"its texts are \|S1, not text \(write numpy.array of str"),
        ({"images": np.asfortranarray(np.zeros((4, 8, 9, 3), np.uint8))}, "numpy.ascontiguousarray"),
        (NONE, "is empty, it holds no image"),
    ],
)
def test_archives_that_hold_something_else_are_refused(tmp_path, changes, message):
    with pytest.raises(InputError, match=message):
        IMAGES.read_corpus(str(archive(tmp_path, **changes)))


def test_archives_that_are_none_are_refused(tmp_path):
    path = tmp_path / "x.npz"
    for data, message in ((b"PK nothing", "is a damaged zip file"), (None, "cannot be read: No such file")):
        if data is not None:
            path.write_bytes(data)
        else:
            path.unlink()
        with pytest.raises(InputError, match=message):
            IMAGES.read_corpus(str(path))
    np.savez(path, pictures=np.zeros(3))
    with pytest.raises(InputError, match="has no images"):
        IMAGES.read_corpus(str(path))
    np.savez(path, images=noise(8, 8)[None])
    with pytest.raises(InputError, match="has no texts"):
        IMAGES.read_corpus(str(path))
    with pytest.raises(InputError, match=r"has 1 image, the last is"):
        IMAGES.encode(f"{path}[3]")
    assert IMAGES.encode(f"{path}[0]").pixels.shape == (3, 8, 8)


def stored(path, header, compression=zipfile.ZIP_STORED):
    """An archive with this header of its images."""
    with zipfile.ZipFile(path, "w", compression) as file:
        written = header.encode()
        size = len(written).to_bytes(2, "little")
        file.writestr("images.npy", b"\x93NUMPY\x01\x00" + size + written + bytes(48))
    return path


@pytest.mark.parametrize(
    "shape", ["(1, 99999999999999999999, 2)", "(1e400, 2, 2)", "(-1, 2, 2)", f"({'-' * 9000}1, 2, 2)"]
)
def test_headers_of_arrays_that_cannot_be_are_refused(tmp_path, shape):
    path = stored(tmp_path / "x.npz", f"{{'descr': '|u1', 'fortran_order': False, 'shape': {shape}}}")
    with pytest.raises(InputError, match=r"x\.npz: the array images (is damaged|cannot be read)"):
        IMAGES.read_corpus(str(path))


def test_encrypted_and_damaged_archives_are_refused(tmp_path):
    path = archive(tmp_path)
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.find(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    with pytest.raises(InputError, match="is encrypted"):
        IMAGES.read_corpus(str(path))
    data = bytearray(stored(path, "{}" + " " * 400, zipfile.ZIP_LZMA).read_bytes())
    data[50:70] = b"\xff" * 20
    path.write_bytes(data)
    with pytest.raises(InputError, match="is a damaged zip file"):
        IMAGES.read_corpus(str(path))


def test_arrays_are_images_too():
    assert (IMAGES.encode(noise(8, 6)).pixels == noise(8, 6).transpose(2, 0, 1)).all()
    assert (IMAGES.encode(noise(8, 6, 1)).pixels == noise(8, 6, 1)[..., 0]).all()
    image = random_image(3)
    assert IMAGES.encode(image) is image
    assert IMAGES.encode("  ") is None and IMAGES.is_empty(None)
    for wrong, message in (
        (noise(8, 6).astype(float), "holds float64"),
        (noise(8, 6, 2), r"has the shape \(8, 6, 2\)"),
        (np.zeros((0, 3), np.uint8), "has the shape"),
    ):
        with pytest.raises(InputError, match=message):
            IMAGES.encode(wrong)


def test_pairs_are_given_as_names_and_arrays(tmp_path):
    path = corpus(tmp_path).parent / "pictures" / "1.png"
    found = IMAGES.given([(path, "a"), (str(path), "b"), (noise(8, 7, seed=1), "c"), (random_image(2), "d")])
    assert [pair.target for pair in found] == list("abcd")
    assert found[0].source == found[1].source == str(path) and found[2].source == "image 3"
    first, _, third, fourth = IMAGES.encode_all(pair.source for pair in found)
    assert (first.pixels == third.pixels).all()
    assert (fourth.pixels == random_image(2).pixels).all()
    assert identity(found[0].source) == identity(found[1].source)
    for wrong in ("ab", (path,), (path, 3)):
        with pytest.raises(ValueError, match="no pair of an image and a text"):
            IMAGES.given([wrong])
    assert all(map(IMAGES.is_one, ["a", path, noise(8, 6), noise(8, 6, 0), random_image(1)]))
    assert not any(map(IMAGES.is_one, [["a"], noise(8, 6)[None], np.stack([noise(8, 6, 0)] * 2)]))


def test_examples_are_kept_on_disk():
    chance = random.Random(1)
    examples = [
        Example(random_image(chance.randint(1, 5), seed), [chance.randrange(9) for _ in range(seed % 4)])
        for seed in range(20)
    ]
    kept = ImageExamples(examples, SHAPE)
    assert len(kept) == 20 and len(kept[3:7]) == 4
    for one, other in zip(examples, kept, strict=True):
        assert (one.source.pixels == other.source.pixels).all() and one.target == other.target
        assert one.source.size == other.source.size
    assert (kept[-1].source.pixels == examples[-1].source.pixels).all()
    assert len(ImageExamples([], SHAPE)) == 0


def test_the_kind_of_sources_follows_from_the_shape():
    assert sources_of(None) is TEXTS and sources_of(SHAPE) == IMAGES
    assert str(IMAGES) == "colour images 8 pixels high in cells of 4 × 2"
    with pytest.raises(InputError, match="images can only be sources"):
        IMAGES.turned()
    with pytest.raises(InputError, match="images have no words to guide"):
        load_data(["nowhere.tsv"], None, "links", sources=IMAGES)
    assert Pair("a", "b") in TEXTS.given([("a", "b")])
