"""normalise: one digit, however it was drawn and photographed, comes out in the MNIST frame."""

from __future__ import annotations

import contextlib
import gzip
import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from app.errors import BlankImageError
from app.imaging import IMAGE_SIDE, normalise, read_digit
from app.imaging.beside import MAX_PARTS, weights_of_digit
from tests.app.imaging.drawn import difference
from tests.tiny import real_mnist_dir

PAPER, INK = 225, 40


def four(height: int = 240, width: int = 200, pen: float = 0.09) -> NDArray[np.uint8]:
    """A 4, light on dark without grain: (height, width), 0 and 255 and smooth edges between."""
    large = Image.new("L", (width * 2, height * 2), 0)
    draw = ImageDraw.Draw(large)
    side = min(width, height) * 2
    for line in ([(0.45, 0.2), (0.3, 0.6), (0.7, 0.6)], [(0.6, 0.4), (0.58, 0.82)]):
        points = [(x * side, y * side) for x, y in line]
        draw.line(points, fill=255, width=max(2, round(pen * side)), joint="curve")
    return np.asarray(large.resize((width, height), Image.Resampling.BOX))


def on_paper(ink: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Dark ink on light paper from light ink on black."""
    grey = PAPER - (PAPER - INK) * (ink / 255)
    return grey.round().astype(np.uint8)


def centre_of_mass(pixels: NDArray[np.float32]) -> tuple[float, float]:
    """The x and y with the middle of pixel i at i + 0.5."""
    places = np.arange(IMAGE_SIDE) + 0.5
    total = pixels.sum()
    return float(pixels.sum(0) @ places / total), float(pixels.sum(1) @ places / total)


REFERENCE = normalise(four()).pixels


def test_frame() -> None:
    """The longer side takes 20 pixels, the centre of mass lies on the centre, the ink reaches 1."""
    digit = normalise(four())
    rows = np.flatnonzero((digit.pixels > 0.5).any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(20, abs=1)
    assert centre_of_mass(digit.pixels) == pytest.approx((14, 14), abs=0.02)
    assert digit.pixels.max() == 1
    assert digit.pixels.dtype == np.float32


def test_polarity() -> None:
    """Dark ink on light paper gives what light on dark gives, and the answer says which it was."""
    dark = normalise(on_paper(four()))
    assert difference(dark.pixels, REFERENCE) < 0.03
    assert dark.inverted
    assert not normalise(four()).inverted


@pytest.mark.parametrize("scale", [0.15, 0.5, 3, 10])
def test_scale(scale: float) -> None:
    """The size of the picture does not matter, from 30 pixels to 2400."""
    scaled = four(int(240 * scale), int(200 * scale))
    assert difference(normalise(scaled).pixels, REFERENCE) < 0.2


@pytest.mark.parametrize("shift", [(-35, -40), (50, 60), (0, 90)])
def test_shift(shift: tuple[int, int]) -> None:
    """Where on the paper the digit stands does not matter; the box says where it was."""
    wide = np.pad(on_paper(four()), 60, constant_values=PAPER)
    moved = normalise(np.roll(wide, shift, axis=(0, 1)))
    assert difference(moved.pixels, REFERENCE) < 0.03
    still = normalise(wide).box
    # A picture this large is worked on at half its size.
    assert moved.box[0] - still[0] == pytest.approx(shift[1], abs=2)
    assert moved.box[3] - still[3] == pytest.approx(shift[0], abs=2)


def test_box() -> None:
    """The box encloses the ink, right and bottom one beyond."""
    picture = np.full((100, 90), PAPER, np.uint8)
    picture[20:71, 30:41] = INK
    assert normalise(picture).box == (30, 20, 41, 71)


def test_contrast() -> None:
    """A faint pencil gives what black ink gives."""
    pale = 200 - (four() / 255 * 30).round().astype(np.uint8)
    assert difference(normalise(pale).pixels, REFERENCE) < 0.05


@pytest.mark.parametrize("light", ["slope", "corners"])
@pytest.mark.parametrize("polarity", ["dark ink", "light ink"])
def test_uneven_light_and_grain(light: str, polarity: str) -> None:
    """A lamp at the side, dark corners and a camera's grain are taken off."""
    y, x = np.mgrid[-1:1:240j, -1:1:200j]
    shade = 0.8 + 0.2 * x if light == "slope" else 1 - 0.2 * (x * x + y * y)
    grain = np.random.default_rng(4).normal(0, 3, shade.shape)
    photo = (on_paper(four()) * shade + grain).clip(0, 255).astype(np.uint8)
    if polarity == "light ink":
        photo = 255 - photo
    digit = normalise(photo)
    assert difference(digit.pixels, REFERENCE) < 0.15
    assert digit.inverted == (polarity == "dark ink")


def test_specks_are_dropped() -> None:
    """Crumbs away from the digit move neither the box nor the centre."""
    picture = on_paper(four())
    picture[4:8, 4:8] = INK
    picture[230:235, 180:184] = INK
    assert difference(normalise(picture).pixels, REFERENCE) < 0.03


def test_edge_of_the_sheet_is_dropped() -> None:
    """A dark table along one edge of the photo is no part of the digit."""
    picture = on_paper(four())
    picture[:, :8] = 70
    assert difference(normalise(picture).pixels, REFERENCE) < 0.06


def leaning_four(lean: float) -> NDArray[np.uint8]:
    """A 4 that leans to the right by so many pixels for each pixel up."""
    wide = np.pad(four(), ((0, 0), (150, 150)))
    return np.stack([np.roll(row, round(lean * (120 - y))) for y, row in enumerate(wide)])


def test_a_lean_is_taken_out() -> None:
    """Scripts that lean far come out alike, no more than a little slanted and 20 pixels tall."""
    one, other = (normalise(leaning_four(lean)).pixels for lean in (0.8, 1.1))
    rows = np.flatnonzero((other > 0.5).any(axis=1))
    assert rows[-1] - rows[0] + 1 == pytest.approx(20, abs=1)
    assert difference(one, other) < 0.15


def test_thin_pen_is_thickened() -> None:
    """A line one pixel wide in 500 comes out about as wide as MNIST's strokes, not as a hair."""
    thin = normalise(four(600, 500, pen=0.004)).pixels
    assert thin.sum() > 0.6 * REFERENCE.sum()


def test_mnist_frame_goes_through() -> None:
    """What is in the frame already comes back exactly, in either polarity."""
    framed = np.zeros((28, 28), np.uint8)
    framed[4:24, 8:20] = np.random.default_rng(5).integers(100, 256, (20, 12))
    framed[4, 8:20] = framed[23, 8:20] = 255
    expected = framed.astype(np.float32) / np.float32(255)
    assert np.array_equal(normalise(framed).pixels, expected)
    assert np.array_equal(normalise(255 - framed).pixels, expected)
    assert normalise(255 - framed).box == (8, 4, 20, 24)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("shape", [(1, 1), (28, 28), (1, 300), (700, 900)])
def test_blank(shape: tuple[int, int], level: int) -> None:
    """A picture of one tone is blank."""
    with pytest.raises(BlankImageError):
        normalise(np.full(shape, level, np.uint8))


def test_grain_alone_is_blank() -> None:
    """A photo of empty paper is blank, for all its grain and shade."""
    shade = np.linspace(160, 220, 300)
    grain = np.random.default_rng(6).normal(0, 3, (300, 300))
    with pytest.raises(BlankImageError):
        normalise((shade + grain).astype(np.uint8))


@pytest.mark.parametrize("shape", [(1, 2), (2, 1), (1, 5000), (5000, 1), (3, 3), (28, 1), (65, 64)])
def test_odd_shapes_and_noise(shape: tuple[int, int]) -> None:
    """Noise of any shape is refused as blank or framed; it never crashes or makes a NaN."""
    noise = np.random.default_rng(7).integers(0, 256, shape).astype(np.uint8)
    with contextlib.suppress(BlankImageError):
        pixels = normalise(noise).pixels
        assert pixels.shape == (28, 28)
        assert np.isfinite(pixels).all()


def test_faint_mark_in_the_brightest_light() -> None:
    """A mark just dark enough to count is found where the paper is brighter than on average."""
    picture = np.tile(np.linspace(60, 240, 200), (200, 1))
    picture[90:110, 165:172] -= 13
    left, top, right, bottom = normalise(picture.round().astype(np.uint8)).box
    assert (left, top, right, bottom) == pytest.approx((165, 90, 172, 110), abs=1)


def shaded_picture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paper in some light, up to three darker or lighter blocks on it, perhaps grain."""
    height, width = rng.choice([28, 63, 64, 65, 100, 200], 2)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    slope_x, slope_y = rng.normal(0, 60, 2)
    bend_x, bend_y = rng.normal(0, 40, 2)
    picture = rng.uniform(0, 255) + slope_x * x + slope_y * y + bend_x * x * x + bend_y * y * y
    for _ in range(rng.integers(0, 4)):
        top, bottom = sorted(rng.integers(0, height, 2))
        left, right = sorted(rng.integers(0, width, 2))
        picture[top : bottom + 1, left : right + 1] += rng.choice([-1, 1]) * rng.choice(
            [13, 20, 99]
        )
    picture += rng.normal(0, rng.choice([0, 0, 1, 5]), picture.shape)
    shaded: NDArray[np.uint8] = picture.clip(0, 255).astype(np.uint8)
    return shaded


def test_shaded_pictures_never_surprise() -> None:
    """Whatever light and marks, a picture is framed with values of 0..1 or refused as blank."""
    rng = np.random.default_rng(8)
    for _ in range(600):
        with contextlib.suppress(BlankImageError):
            pixels = normalise(shaded_picture(rng)).pixels
            assert pixels.min() >= 0
            assert pixels.max() == 1


def test_source_is_left_alone() -> None:
    """The caller's array is not written to."""
    picture = four()
    before = picture.copy()
    normalise(picture)
    assert np.array_equal(picture, before)


def mnist_test_images() -> NDArray[np.uint8]:
    """The 10,000 test images (10000, 28, 28); skips where there are none."""
    folder = real_mnist_dir()
    if folder is None:
        pytest.skip("needs MNIST: set ROWSCAN_DATA_DIR to the folder of its four .gz files")
    file = folder / "t10k-images-idx3-ubyte.gz"
    images = np.frombuffer(gzip.decompress(file.read_bytes()), np.uint8, offset=16)
    return images.reshape(-1, IMAGE_SIDE, IMAGE_SIDE)


def test_mnist_goes_through() -> None:
    """Every one of the 10,000 test images, sent as a PNG, is the array that MNIST holds."""
    images = mnist_test_images()
    changed = 0
    for image in images:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "PNG", compress_level=1)
        expected = image.astype(np.float32) / np.float32(255)
        changed += not np.array_equal(read_digit(file.getvalue()).pixels, expected)
    assert len(images) == 10_000
    assert changed == 0


def test_countless_parts_are_left_as_they_are() -> None:
    """None is looked at to find what was drawn beside it: there is no digit among them."""
    labels = np.arange(2 * (MAX_PARTS + 1)) % 2 * (1 + np.arange(2 * (MAX_PARTS + 1)) // 2)
    weights = np.bincount(labels, minlength=MAX_PARTS + 2).astype(float)
    weights[0] = 0
    assert weights_of_digit(labels[None], weights, 256) is weights
