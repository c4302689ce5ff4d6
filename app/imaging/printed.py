"""Ink → how strong what is on the paper besides the pen's is: lines, squares, text, folds.

What is spread from edge to edge and paler than the pen is the paper's own, and so is what reaches
in from the edges and is much paler. Taken off the ink it needs no bridging where a stroke crosses
it, whichever way it runs. Darker lines are left to `lines.py`.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.imaging.paper import percentile
from app.imaging.parts import each_cell, grow, label_parts

CELLS: Final = 16
"""Along the shorter side: a digit a seventh as high as the picture takes several."""

PEN_CELLS: Final = 3
"""The pen is at its darkest in so many cells at least; a speck is not."""

PALE: Final = 0.7
"""Of the pen: what is darker is the pen, also where it is pressed less."""

PALER: Final = 0.4
"""The same for what reaches in from the edges: the border of a cell may be 0.7 times as dark."""

MARKED: Final = 0.15
"""Of the cells of each column, or else of each row, that are printed on: of sixteen, three."""

ROOM: Final = 0.25
"""Of the cells of a column without the pen: where there are fewer, none need be printed on."""

SPREAD: Final = 1.4
"""Of the median: how dark printed lines are where they are darkest. Shrunk, thin ones vary."""

EDGE_SPREAD: Final = 1.1
"""Of the 90th percentile: the same for folds and text, whose cells differ more."""


def measure_print(strength: NDArray[np.float32], faintest: float) -> float:
    """How much darker than paper the print is; 0 when there is none, or hardly paler than the pen.

    strength: (height, width) in grey levels, 0 paper; up to `faintest` all is paper.
    """
    darkest = each_cell(np.maximum, strength, -(-min(strength.shape) // CELLS))  # (rows, columns)
    pen = float(np.partition(darkest, -PEN_CELLS, axis=None)[-PEN_CELLS])
    free = ~grow(darkest > PALE * pen)
    marked = free & (darkest > faintest)
    if _runs_through(marked, free) or _runs_through(marked.T, free.T):
        level = SPREAD * float(np.median(darkest[marked]))
    else:
        level = _level_from_edges(darkest, marked & (darkest <= PALER * pen))
    return level if level <= PALE * pen else 0.0


def _runs_through(marked: NDArray[np.bool_], free: NDArray[np.bool_]) -> bool:
    """Whether each column of cells is printed on, but for those that the pen fills."""
    printed = marked.sum(axis=0) >= MARKED * len(marked)
    filled = free.sum(axis=0) < ROOM * len(free)
    return bool(printed[0] and printed[-1] and (printed | filled).all())


def _level_from_edges(darkest: NDArray[np.float32], marked: NDArray[np.bool_]) -> float:
    """How dark the marks are that reach in from the edges of the picture; 0 for a few of them."""
    if np.count_nonzero(marked) < CELLS:
        return 0.0
    labels = label_parts(marked)
    reaching = np.zeros(labels.max() + 1, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        reaching[edge] = True
    reaching[0] = False  # paper
    levels = darkest[reaching[labels]]
    return EDGE_SPREAD * percentile(levels, 90) if levels.size >= CELLS else 0.0
