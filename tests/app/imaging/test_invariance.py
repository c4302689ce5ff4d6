"""The same digit comes out the same, however it was drawn, coloured, placed, scaled and saved."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from app.imaging import decode, normalise, read_digit
from tests.app.imaging.drawn import WAYS, Way, difference, draw, on_grid

MAX_DIFFERENCE = 0.25
"""Of the ink; that of another digit is above 0.7. A pen of half the width gives 0.2."""


@pytest.fixture(scope="module")
def references() -> list[NDArray[np.float32]]:
    """Each digit, (28, 28), in black on white."""
    return [read_digit(draw(digit, Way())).pixels for digit in range(10)]


@pytest.mark.parametrize("name", [name for name in WAYS if "pen" not in name])
def test_the_way_does_not_matter(name: str, references: list[NDArray[np.float32]]) -> None:
    """Scale 0.25 to 8, place, polarity, colour, contrast, margin, format, alpha."""
    differences = [
        difference(read_digit(draw(digit, WAYS[name])).pixels, reference)
        for digit, reference in enumerate(references)
    ]
    assert max(differences) < MAX_DIFFERENCE


def test_digits_differ(references: list[NDArray[np.float32]]) -> None:
    """The tolerance tells digits apart."""
    pairs = [difference(references[a], references[b]) for a in range(10) for b in range(a)]
    assert min(pairs) > 2 * MAX_DIFFERENCE


def frame_of_a_cell(pixels: NDArray[np.uint8]) -> None:
    """Dark lines on all four sides."""
    pixels[3:6] = pixels[-6:-3] = 20
    pixels[:, 3:6] = pixels[:, -6:-3] = 20


def ruled_lines(pixels: NDArray[np.uint8]) -> None:
    """Grey lines from side to side, over the digit too."""
    for top in range(11, len(pixels) - 2, 30):
        pixels[top : top + 2] = np.minimum(pixels[top : top + 2], 140)


def neighbour(pixels: NDArray[np.uint8]) -> None:
    """A stroke of the next digit at the right edge."""
    pixels[40:90, -9:] = 0


def specks(pixels: NDArray[np.uint8]) -> None:
    """Crumbs in two corners."""
    pixels[10:14, 8:12] = pixels[-12:-8, -14:-10] = 30


def box(pixels: NDArray[np.uint8]) -> None:
    """Lines around the digit that touch no edge of the picture."""
    pixels[8:11, 8:-8] = pixels[-11:-8, 8:-8] = 60
    pixels[8:-8, 8:11] = pixels[8:-8, -11:-8] = 60


def ring(pixels: NDArray[np.uint8]) -> None:
    """A circle around the digit."""
    y, x = np.indices(pixels.shape)
    off = np.hypot(y - pixels.shape[0] / 2, x - pixels.shape[1] / 2)
    pixels[np.abs(off - pixels.shape[0] / 2 + 5) < 2] = 30


def underline(pixels: NDArray[np.uint8]) -> None:
    """A line below the digit, from nowhere to nowhere."""
    pixels[-12:-9, 8:-8] = 30


@pytest.mark.parametrize(
    "put", [frame_of_a_cell, ruled_lines, neighbour, specks, box, ring, underline]
)
def test_what_lies_around_does_not_matter(
    put: Callable[[NDArray[np.uint8]], None], references: list[NDArray[np.float32]]
) -> None:
    """Lines, borders and strokes beside a digit are dropped; strokes they cross are kept."""
    for digit, reference in enumerate(references):
        pixels = read_digit(on_grid(draw(digit, Way()), put)).pixels
        assert difference(pixels, reference) < MAX_DIFFERENCE, digit


def test_punched_holes(references: list[NDArray[np.float32]]) -> None:
    """The holes of a folder, as dark as the pen, are not taken for strokes of a digit."""
    for digit, reference in enumerate(references):
        pixels = decode(draw(digit, Way(margin=(2, 0.5, 0.2, 0.5)))).copy()
        for top in (10, 160):
            pixels[top : top + 26, 10:36] = 20
        assert difference(normalise(pixels).pixels, reference) < MAX_DIFFERENCE, digit


def page(tone: int, is_squared: bool, digit: NDArray[np.uint8], tilt: float) -> NDArray[np.uint8]:
    """A sheet with lines 2 pixels wide, with a digit an eighth as high, turned by some degrees."""
    sheet = np.full((900, 900), 245, np.uint8)
    for lines in (sheet, sheet.T) if is_squared else (sheet,):
        for start in range(20, 898, 45):
            lines[start : start + 2] = tone
    height, width = digit.shape
    under = sheet[300 : 300 + height, 500 : 500 + width]
    under[:] = np.minimum(under, digit)
    turned = Image.fromarray(sheet).rotate(tilt, Image.Resampling.BICUBIC)
    return np.asarray(turned)[20:-20, 20:-20]


@pytest.mark.parametrize("tilt", [0, 1])
@pytest.mark.parametrize(
    ("tone", "is_squared"),
    [(200, False), (200, True), (140, True), (40, False)],
    ids=["ruled", "squared", "dark squares", "black lines"],
)
def test_a_printed_page(
    tone: int, is_squared: bool, tilt: int, references: list[NDArray[np.float32]]
) -> None:
    """A small digit on a whole page of printed lines comes out as one on plain paper."""
    for digit, reference in enumerate(references):
        small = decode(draw(digit, Way(scale=1.1)))
        pixels = normalise(page(tone, is_squared, small, tilt)).pixels
        assert difference(pixels, reference) < MAX_DIFFERENCE, digit


def printed_text(sheet: NDArray[np.float32]) -> None:
    """Rows of small marks, which end before the right edge."""
    for top in range(10, 590, 20):
        for below in range(4):
            sheet[top + below, 8:-60:3] *= 0.75


def folds(sheet: NDArray[np.float32]) -> None:
    """Two dark folds, and quarters of different tones."""
    for turned, fold in ((sheet, 380), (sheet.T, 400)):
        turned[fold:] *= 0.9
        turned[fold - 2 : fold + 2] *= 0.8


def lamp_on_a_board(sheet: NDArray[np.float32]) -> None:
    """A soft bright spot beside the digit; everything else is darker."""
    y, x = np.mgrid[:600, :600]
    sheet *= 0.5 + 0.45 * np.exp(-((x - 450) ** 2 + (y - 180) ** 2) / 60**2).astype(np.float32)


@pytest.mark.parametrize("put", [printed_text, folds, lamp_on_a_board])
def test_what_is_on_the_sheet(
    put: Callable[[NDArray[np.float32]], None], references: list[NDArray[np.float32]]
) -> None:
    """Text, folds and reflections are none of the digit."""
    for digit, reference in enumerate(references):
        sheet = np.full((600, 600), 240, np.float32)
        small = decode(draw(digit, Way(scale=1.5)))
        height, width = small.shape
        put(sheet)
        sheet[250 : 250 + height, 150 : 150 + width] *= 0.2 + 0.8 * small.astype(np.float32) / 255
        pixels = normalise(sheet.astype(np.uint8)).pixels
        assert difference(pixels, reference) < MAX_DIFFERENCE, digit


def test_a_hollow_digit_keeps_its_outline() -> None:
    """The outline of a wide six runs around that of its hole, and is no frame."""
    pen = np.asarray(Image.open(io.BytesIO(draw(6, Way(scale=2, pen=16)))).convert("L")) < 128
    inner = pen.copy()
    for axis in (0, 1):
        for shift in (-6, 6):
            inner &= np.roll(pen, shift, axis)
    hollow = np.where(pen & ~inner, 0, 255).astype(np.uint8).repeat(3, axis=1)[:, ::2]
    left, _, right, _ = normalise(hollow).box
    outline = np.flatnonzero((hollow < 128).any(axis=0))
    assert right - left > 0.9 * np.ptp(outline)


def test_a_soft_light_digit_with_a_dark_speck_stays_light() -> None:
    """A speck is no pen beside a reflection."""
    for digit in range(10):
        soft = Image.open(io.BytesIO(draw(digit, Way(scale=2, pen=16)))).convert("L")
        light = 230 - np.asarray(soft.filter(ImageFilter.GaussianBlur(14)), np.float32) * 2 / 3
        light[6:10, 6:10] = 10
        assert not normalise(light.astype(np.uint8)).inverted, digit


@pytest.mark.parametrize("factor", [2, 5])
def test_repeated_pixels(factor: int) -> None:
    """A small picture enlarged by repeating its pixels gives what the small one gives."""
    small = decode(draw(5, Way(scale=0.16)))
    large = small.repeat(factor, axis=0).repeat(factor, axis=1)
    assert np.array_equal(normalise(large).pixels, normalise(small).pixels)
    assert normalise(large).box[2] == factor * normalise(small).box[2]
