"""What is recognised as framed in passing is read as it would be with all care."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.documentation import SEVEN
from app.imaging import normalise
from app.imaging.frame import is_framed
from app.imaging.framed import framed_digit, read_framed, surely_framed

SOFT_SEVEN = SEVEN.copy()
SOFT_SEVEN[8, 7:21] = 200


def variations() -> NDArray[np.uint8]:
    """A soft seven at every place, faint, cut off, on noise, hard: (n, 28, 28)."""
    moved = [np.roll(SOFT_SEVEN, (dy, dx), (0, 1)) for dy in range(-4, 5) for dx in range(-4, 5)]
    noise = np.random.default_rng(3).integers(0, 256, (20, 28, 28), np.uint8)
    faint = [(SOFT_SEVEN // k).astype(np.uint8) for k in (2, 3)]
    shorter = [np.vstack([SOFT_SEVEN[: 28 - k], np.zeros((k, 28), np.uint8)]) for k in range(12)]
    return np.stack([*moved, *noise, *faint, *shorter, SEVEN, np.zeros((28, 28), np.uint8)])


@pytest.mark.parametrize("invert", [False, True])
def test_framed_as_alone(invert: bool) -> None:
    """What a stack takes for framed comes out as `normalise` has it, to the bit."""
    grey = 255 - variations() if invert else variations()
    pixels, framed = read_framed(grey)
    assert framed.any()
    assert not framed.all()
    for place in np.flatnonzero(framed):
        np.testing.assert_array_equal(pixels[place], normalise(grey[place]).pixels)


def test_hardly_anything_is_left_in_doubt() -> None:
    """All that is framed and has soft strokes is recognised."""
    pictures = variations()
    soft = [bool(((picture > 0) & (picture < 255)).any()) for picture in pictures]
    alone = [is_framed(picture) and has for picture, has in zip(pictures, soft, strict=True)]
    assert sum(alone) > 5
    assert surely_framed(pictures, pictures.astype(np.float32)).tolist() == alone


def test_one_picture_is_read_as_with_all_care() -> None:
    """Pixels, polarity and box of what is recognised are those of `normalise`."""
    digits = [(framed_digit(picture), picture) for picture in variations()]
    found = [(digit, normalise(picture)) for digit, picture in digits if digit is not None]
    assert len(found) > 5
    for digit, careful in found:
        np.testing.assert_array_equal(digit.pixels, careful.pixels)
        assert (digit.inverted, digit.box) == (careful.inverted, careful.box)


def test_one_picture_is_recognised_as_in_a_stack() -> None:
    """What touches no border is recognised in both ways or in neither."""
    pictures = variations()
    inner = np.zeros((28, 28), np.bool_)
    inner[1:-1, 1:-1] = True
    clear = ~(pictures.astype(np.bool_) & ~inner).any(axis=(1, 2))
    alone = [framed_digit(picture) is not None for picture in pictures]
    assert alone == (surely_framed(pictures, pictures.astype(np.float32)) & clear).tolist()
