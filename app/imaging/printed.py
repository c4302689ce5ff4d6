"""Ink → how strong what is printed all over the paper is: lines, squares, dots.

What is spread from edge to edge and paler than the pen is the paper's own. Taken off the ink it
needs no bridging where a stroke crosses it, whichever way it runs. Darker lines are left to
`lines.py`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.imaging.parts import each_cell, grow

CELLS: Final = 16
"""Along the shorter side: a digit a seventh as high as the picture takes several."""

PEN_CELLS: Final = 3
"""The pen is at its darkest in so many cells at least; a speck is not."""

PALE: Final = 0.7
"""Of the pen: what is darker is the pen, also where it is pressed less."""

MARKED: Final = 0.15
"""Of the cells of each column, or else of each row, that are printed on: of sixteen, three."""

ROOM: Final = 0.25
"""Of the cells of a column without the pen: where there are fewer, none need be printed on."""

SPREAD: Final = 1.4
"""Of the median: how dark printed lines are where they are darkest. Shrunk, thin ones vary."""


def measure_print(strength: NDArray[np.float32], faintest: float) -> float:
    """How much darker than paper the print is; 0 when there is none, or hardly paler than the pen.

    strength: (height, width) in grey levels, 0 paper; up to `faintest` all is paper.
    """
    darkest = each_cell(np.maximum, strength, -(-min(strength.shape) // CELLS))  # (rows, columns)
    pen = float(np.partition(darkest, -PEN_CELLS, axis=None)[-PEN_CELLS])
    free = ~grow(darkest > PALE * pen)
    marked = free & (darkest > faintest)
    if not (_runs_through(marked, free) or _runs_through(marked.T, free.T)):
        return 0.0
    level = SPREAD * float(np.median(darkest[marked]))
    return level if level <= PALE * pen else 0.0


def _runs_through(marked: NDArray[np.bool_], free: NDArray[np.bool_]) -> bool:
    """Whether each column of cells is printed on, but for those that the pen fills."""
    printed = marked.sum(axis=0) >= MARKED * len(marked)
    filled = free.sum(axis=0) < ROOM * len(free)
    return bool(printed[0] and printed[-1] and (printed | filled).all())
