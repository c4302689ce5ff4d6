"""A 28 × 28 picture that is MNIST's frame with damage on it is read as it is, and no other is."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from app.imaging import normalise, read_digit
from app.imaging.frame import FRAME_BOX
from tests.app.imaging.drawn import Way, draw

Grey = NDArray[np.uint8]
ROWS, COLUMNS = np.mgrid[:28, :28]


def in_the_frame(digit: int) -> Grey:
    """A digit of our own in MNIST's frame, light on dark."""
    return (255 * read_digit(draw(digit, Way())).pixels).round().astype(np.uint8)


def noise(picture: Grey) -> Grey:
    """A sixth of the pixels turn black or white."""
    rng = np.random.default_rng(1)
    levels = np.where(rng.random(picture.shape) < 0.5, 0, 255)
    salted: Grey = np.where(rng.random(picture.shape) < 0.17, levels, picture).astype(np.uint8)
    return salted


def fog(picture: Grey) -> Grey:
    """A haze, brighter to one side and in clouds, that leaves a quarter of the contrast."""
    haze = 60 + 2 * COLUMNS + 10 * np.sin(COLUMNS / 2) * np.sin(ROWS / 2)
    foggy: Grey = (picture / 4 + haze).astype(np.uint8)
    return foggy


def mud(picture: Grey) -> Grey:
    """Grey blots here and there, on the strokes too."""
    return np.where(np.sin(COLUMNS) + np.sin(ROWS * 0.8) > 1.2, 63, picture).astype(np.uint8)


def bands(picture: Grey) -> Grey:
    """The left and the right quarter inverted."""
    return np.where(abs(COLUMNS - 13.5) > 7, 255 - picture, picture).astype(np.uint8)


def zigzag(picture: Grey) -> Grey:
    """A zigzag from margin to margin, two pixels up and down."""
    line = 15 + 2 * abs(COLUMNS % 4 - 2)
    drawn = (abs(ROWS - line) < 2) & (COLUMNS > 1) & (COLUMNS < 25)
    return np.where(drawn, 255, picture).astype(np.uint8)


DAMAGES = [noise, fog, mud, bands, zigzag]


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_frame_goes_through(damage: Callable[[Grey], Grey]) -> None:
    """Every digit stays as it is, in either polarity, and its box is the frame's."""
    for digit in range(10):
        damaged = damage(in_the_frame(digit))
        expected = damaged.astype(np.float32) / np.float32(255)
        light, dark = normalise(damaged), normalise(255 - damaged)
        assert np.array_equal(light.pixels, expected), digit
        assert np.array_equal(dark.pixels, expected), digit
        assert (light.inverted, dark.inverted, dark.box) == (False, True, FRAME_BOX)


@pytest.mark.parametrize("damage", [noise, fog, mud])
def test_damage_does_not_hide_that_the_digit_is_off_centre(damage: Callable[[Grey], Grey]) -> None:
    """A digit at the side of the same damaged paper is framed."""
    moved = damage(np.roll(in_the_frame(7), -4, axis=1))
    assert not np.array_equal(normalise(moved).pixels, moved.astype(np.float32) / np.float32(255))


def test_a_tight_crop_is_framed() -> None:
    """A digit that touches all sides comes out with the frame's margins."""
    pixels = in_the_frame(2)
    crop = pixels[4:24, 4:24].repeat(7, axis=0).repeat(7, axis=1)[::5, ::5]
    assert crop.shape == (28, 28)
    assert normalise(crop).pixels[:, :3].max() == 0
    assert normalise(255 - crop).pixels[:3].max() == 0


def test_a_bright_shape_between_dark_sides_is_no_band() -> None:
    """A block from top to bottom is drawn on the picture, not the paper between two bands."""
    block = np.zeros((28, 28), np.uint8)
    block[:, 8:20] = 255
    assert not normalise(block).inverted
