"""Pictures that are in the MNIST frame already, as those of programs mostly are, read in no time.

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

from app.imaging import IMAGE_SIDE, Digit
from app.imaging.frame import BOX_SIDE, CENTRE

FULL_INK: Final = 250
MARGIN: Final = 1e-3  # pixels; float32 sums of 784 values are good to 1e-5


FROM_CENTRE: Final = tuple(line + 0.5 - CENTRE for line in range(IMAGE_SIDE))


def framed_digit(light: NDArray[np.uint8]) -> Digit | None:
    """The light-on-dark picture (28, 28) as it is, when it is surely framed; else None."""
    rows: list[int] = light.sum(axis=1).tolist()
    columns: list[int] = light.sum(axis=0).tolist()
    total = sum(rows)
    if rows[0] or rows[-1] or columns[0] or columns[-1] or not total:
        return None
    if total == 255 * np.count_nonzero(light) or light.max() < FULL_INK:
        return None
    (left, right), (top, bottom) = _ends(columns), _ends(rows)
    if not BOX_SIDE - 1 <= max(right - left, bottom - top) <= BOX_SIDE:
        return None
    for lines in (rows, columns):
        if abs(sum(map(mul, lines, FROM_CENTRE))) > (1 - MARGIN) * total:
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
    framed = surely_framed(grey)  # (n,)
    rest = np.flatnonzero(~framed)
    swapped = rest[surely_framed(255 - grey[rest])]
    ink = grey
    if len(swapped):
        ink = grey.copy()
        ink[swapped] = 255 - grey[swapped]
        framed[swapped] = True
    return ink.astype(np.float32) / np.float32(255), framed


def surely_framed(light: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Which of the light-on-dark pictures (n, 28, 28) are surely in the MNIST frame, (n,)."""
    inked: NDArray[np.bool_] = light > 0  # (n, 28, 28)
    rows: NDArray[np.intp] = inked.sum(axis=2)  # (n, 28)
    columns: NDArray[np.intp] = inked.sum(axis=1)  # (n, 28)
    edges = rows[:, 0] + rows[:, -1] + columns[:, 0] + columns[:, -1]
    longer = np.maximum(_extent(rows), _extent(columns))
    soft = (inked & (light < 255)).any(axis=(1, 2))  # hard strokes have to be measured
    framed: NDArray[np.bool_] = (
        soft
        & (light.max(axis=(1, 2)) >= FULL_INK)
        & (edges <= 2 * IMAGE_SIDE)
        & (longer >= BOX_SIDE - 1)
        & (longer <= BOX_SIDE)
        & _is_central(light.sum(axis=1, dtype=np.int64))
        & _is_central(light.sum(axis=2, dtype=np.int64))
    )
    return framed


def _extent(counts: NDArray[np.intp]) -> NDArray[np.intp]:
    """From the first line that holds ink to the last, by their inked pixels: (n, 28) → (n,)."""
    inked = counts > 0
    extent: NDArray[np.intp] = IMAGE_SIDE - inked.argmax(axis=1) - inked[:, ::-1].argmax(axis=1)
    return extent


def _is_central(amounts: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Whether the centre of mass lies near the middle, by the ink of each line: (n, 28) → (n,)."""
    moments = amounts @ np.array(FROM_CENTRE)
    central: NDArray[np.bool_] = np.abs(moments) <= (1 - MARGIN) * amounts.sum(axis=1)
    return central
