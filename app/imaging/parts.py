"""Ink → the ink of the digit alone: specks and the edges of the sheet are dropped.

    ink (height, width) 0..1 ─ keep_digit ─▶ the same, 0 where something else was drawn

Works on a coarse grid of cells, so that the broken line of a pencil or a nearly closed gap still
counts as one part, and so that large pictures cost no more than small ones.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

T = TypeVar("T", bound=np.generic)

HALF_INK: Final = 0.5
"""The edge of a stroke: half way between paper and full ink."""

GRID_SIDE: Final = 64
"""Cells along the longer side: of a 512-pixel picture each is 8 pixels wide."""

MIN_SHARE: Final = 0.1
"""Parts with less ink than this share of the largest are specks. The top bar of a five that was
drawn apart has 0.15 or more."""

MIN_DIGIT_SIDE: Final = 0.25
"""Of the picture's side: with a part as large as this inside, what reaches in from an edge is a
neighbour's stroke, a shadow or the table. A digit that is cut out tightly has no such part."""

MAX_REACH: Final = 0.3
"""Of the picture's side: what reaches in from an edge farther than this is the digit."""

STRAY_SIDE: Final = 0.5
"""Of the largest part's longer side: what is smaller, and farther away than that side, is no part
of the digit."""

SHEET_EDGE_SHARE: Final = 0.6
"""What lies along more than this share of one edge of the picture is the table or the scanner."""


def keep_digit(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Keep the parts that make up the digit, each with its soft edge: (height, width) 0..1."""
    strokes = ink >= HALF_INK
    side = -(-max(ink.shape) // GRID_SIDE)  # pixels along a cell
    cells = each_cell(np.logical_or, strokes, side)
    labels = label_parts(cells)
    kept = cells if labels.max() == labels[cells].min() else _heavy(labels, ink, side)
    # One cell more all around holds the soft edges, but not of what was dropped.
    grown = grow(kept) & (kept | ~cells)
    if side == 1:
        return ink * grown
    fine = grown.repeat(side, axis=0).repeat(side, axis=1)[: ink.shape[0], : ink.shape[1]]
    return ink * fine


def _heavy(labels: NDArray[np.intp], ink: NDArray[np.float32], side: int) -> NDArray[np.bool_]:
    """The cells of those parts that are neither specks nor come in from an edge."""
    amounts = each_cell(np.add, np.where(ink >= HALF_INK, ink, np.float32(0)), side)
    weights = np.bincount(labels.ravel(), weights=amounts.ravel())  # (parts + 1,)
    weights[0] = 0  # paper
    along_edge = _along_an_edge(labels, weights.size)
    if weights[~along_edge].any():
        weights[along_edge] = 0
    weights = _without_intruders(labels, weights)
    weights = _without_strays(labels, weights)
    heavy: NDArray[np.bool_] = (weights >= MIN_SHARE * weights.max()) & (weights > 0)
    return heavy[labels]


def label_parts(cells: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Number the connected parts, 8 neighbours: (rows, columns) bool → 0 empty, 1.. by part.

    Each row is a few runs of full cells; a run joins those of the row above that it touches. The
    numbers have gaps.
    """
    width = cells.shape[1] + 1  # an empty column keeps the rows apart when they are laid end to end
    line = np.zeros(cells.shape[0] * width + 1, np.int8)
    line[1:].reshape(-1, width)[:, :-1] = cells
    changes = np.flatnonzero(line[1:] != line[:-1])
    joined = _join_runs(changes[::2].tolist(), changes[1::2].tolist(), width)
    labels = np.zeros(cells.shape, np.intp)
    labels[cells] = np.repeat(joined, changes[1::2] - changes[::2])
    return labels


def _join_runs(starts: list[int], stops: list[int], width: int) -> list[int]:
    """The number, 1.., of the part of each run; starts and stops count along the whole picture."""
    parents = list(range(len(starts)))

    def root(run: int) -> int:
        while parents[run] != run:
            parents[run] = run = parents[parents[run]]
        return run

    first = 0
    for run, (start, stop) in enumerate(zip(starts, stops, strict=True)):
        while stops[first] + width < start:  # lies too far left, or more than a row above
            first += 1
        above = first
        while starts[above] + width <= stop:
            parents[root(above)] = root(run)
            above += 1
    return [root(run) + 1 for run in range(len(starts))]


def grow(cells: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """One cell more on every side; the same shape."""
    rows = cells.copy()
    rows[1:] |= cells[:-1]
    rows[:-1] |= cells[1:]
    grown = rows.copy()
    grown[:, 1:] |= rows[:, :-1]
    grown[:, :-1] |= rows[:, 1:]
    return grown


def _along_an_edge(labels: NDArray[np.intp], count: int) -> NDArray[np.bool_]:
    """Which parts cover most of one edge of the picture: (rows, columns) labels → (count,) bool."""
    found = np.zeros(count, bool)
    for edge in (labels[0], labels[-1], labels[:, 0], labels[:, -1]):
        found |= np.bincount(edge, minlength=count) > SHEET_EDGE_SHARE * edge.size
    found[0] = False
    return found


def _without_intruders(labels: NDArray[np.intp], weights: NDArray[T]) -> NDArray[T]:
    """Weights of the parts, 0 for those that reach in from an edge beside a digit that does not."""
    real = weights >= MIN_SHARE * weights.max()
    if real[labels[0]].any() and real[labels[-1]].any():  # a digit from top to bottom
        return weights
    free = weights.copy()
    for turn in range(4):
        turned = np.rot90(labels, turn)
        reaches = np.zeros(weights.size, bool)
        reaches[turned[0]] = True
        reaches[turned[round(MAX_REACH * len(turned)) :]] = False
        free[reaches] = 0
    largest = int(free.argmax())
    if not free[largest]:
        return weights
    rows, columns = np.nonzero(labels == largest)
    longer = max(np.ptp(rows), np.ptp(columns)) + 1
    return free if longer >= MIN_DIGIT_SIDE * min(labels.shape) else weights


def _without_strays(labels: NDArray[np.intp], weights: NDArray[T]) -> NDArray[T]:
    """Weights of the parts, 0 for small ones far from the largest: punched holes, dots of ink."""
    near = weights.copy()
    top, left, bottom, right = _box(labels, int(weights.argmax()))
    longer = max(bottom - top, right - left)
    for part in np.flatnonzero(weights >= MIN_SHARE * weights.max()):
        above, before, below, beyond = _box(labels, int(part))
        gap = max(above - bottom, top - below, before - right, left - beyond)
        if gap > longer and max(below - above, beyond - before) < STRAY_SIDE * longer:
            near[part] = 0
    return near


def _box(labels: NDArray[np.intp], part: int) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of a part, half-open, in cells."""
    rows, columns = np.nonzero(labels == part)
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1


def each_cell(join: np.ufunc, picture: NDArray[T], side: int) -> NDArray[T]:
    """Join the pixels of each cell: (h, w) → (ceil(h / side), ceil(w / side))."""
    if side == 1:
        return picture
    rows = join.reduceat(picture, range(0, picture.shape[0], side), axis=0)
    cells: NDArray[T] = join.reduceat(rows, range(0, picture.shape[1], side), axis=1)
    return cells
