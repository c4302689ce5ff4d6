"""Pictures that are in the MNIST frame already, as those of programs mostly are, read in no time.

    grey (28, 28) or (n, 28, 28), 0..255 ─ framed_digit, read_framed ─▶ ink 0..1, where it is sure

The rule is that of `app.imaging.frame.is_framed`, which asks of one picture what takes a third of
the time of its whole request. Here it is told from sums: of one picture in a few calls, of a stack
without a step of Python for each. Both keep a margin: whatever is in doubt is left to `normalise`,
which has the last word, so that a picture is read alike whichever way it came.
"""

from __future__ import annotations

from operator import mul
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.imaging.frame import (
    BOX_SIDE,
    FROM_CENTRE,
    IMAGE_SIDE,
    MAX_FRAMED_OFFSET,
    MIN_FRAMED_INK,
    MIN_FRAMED_SIDE,
)
from app.imaging.normalise import Digit

SURE_OFFSET: Final = MAX_FRAMED_OFFSET - 1e-3
"""Pixels: `is_framed` has float32 sums of 784 values, which are good to 1e-5."""

_FROM_CENTRE: Final[list[float]] = FROM_CENTRE.tolist()
_ONES: Final = np.ones(IMAGE_SIDE, np.float32)
_AMOUNT_AND_MOMENT: Final = np.stack([np.ones(IMAGE_SIDE), FROM_CENTRE], axis=1).astype(np.float32)


def framed_digit(light: NDArray[np.uint8]) -> Digit | None:
    """The light-on-dark picture (28, 28) as it is, when it is surely framed; else None."""
    rows: list[int] = light.sum(axis=1).tolist()
    columns: list[int] = light.sum(axis=0).tolist()
    total = sum(rows)
    if rows[0] or rows[-1] or columns[0] or columns[-1] or not total:
        return None
    if total == 255 * np.count_nonzero(light) or light.max() < MIN_FRAMED_INK:
        return None
    (left, right), (top, bottom) = _ends(columns), _ends(rows)
    if not MIN_FRAMED_SIDE <= max(right - left, bottom - top) <= BOX_SIDE:
        return None
    for lines in (rows, columns):
        if abs(sum(map(mul, lines, _FROM_CENTRE))) > SURE_OFFSET * total:
            return None
    return Digit(light.astype(np.float32) / np.float32(255), False, (left, top, right, bottom))


def _ends(lines: list[int]) -> tuple[int, int]:
    """Where the ink begins and ends, half-open, by the ink of each line; there must be some."""
    inked = [place for place, amount in enumerate(lines) if amount]
    return inked[0], inked[-1] + 1


def read_framed(
    grey: NDArray[np.uint8],
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """(n, 28, 28), 0..255 → pixels (n, 28, 28), 0 paper .. 1 ink, and for which they hold (n,).

    Light on dark first, then dark on light, as `normalise` does.
    """
    ink = grey.astype(np.float32)
    framed = surely_framed(grey, ink)  # (n,)
    if not framed.all():
        rest = np.flatnonzero(~framed)
        light = 255 - grey[rest]
        light_ink = light.astype(np.float32)
        swapped = surely_framed(light, light_ink)
        ink[rest[swapped]] = light_ink[swapped]
        framed[rest[swapped]] = True
    ink /= np.float32(255)
    return ink, framed


def surely_framed(light: NDArray[np.uint8], ink: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which of the light-on-dark pictures (n, 28, 28) are surely in the MNIST frame, (n,).

    `ink` has the same values. Sums of pixels are whole numbers below 2²⁴ and moments are halves,
    which float32 has exactly.
    """
    count = len(light)
    lines = np.concatenate([_ONES @ ink, ink @ _ONES])  # (2n, 28): all columns, then all rows
    amounts, moments = (lines @ _AMOUNT_AND_MOMENT).T  # (2n,) each
    central = np.abs(moments) <= SURE_OFFSET * amounts
    extents = _extents(lines)
    longer = np.maximum(extents[:count], extents[count:])
    flat = light.reshape(count, IMAGE_SIDE * IMAGE_SIDE)
    # Neither 0 nor 255, told in one comparison: 0 - 1 is 255. Hard strokes have to be measured.
    soft = (flat - np.uint8(1) < np.uint8(254)).any(axis=1)
    framed: NDArray[np.bool_] = (
        soft
        & (flat.max(axis=1) >= MIN_FRAMED_INK)
        & (longer >= MIN_FRAMED_SIDE)
        & (longer <= BOX_SIDE)
        & central[:count]
        & central[count:]
    )
    return framed


def _extents(lines: NDArray[np.float32]) -> NDArray[np.intp]:
    """From the first place that holds ink to the last, by the ink of each: (k, 28) → (k,)."""
    inked = lines > 0
    extents: NDArray[np.intp] = IMAGE_SIDE - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1)
    return extents
