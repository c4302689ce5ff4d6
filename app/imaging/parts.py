"""Ink → the ink of the digit alone: specks and the edges of the sheet are dropped.

    ink (height, width) 0..1 ─ keep_digit ─▶ the same, 0 where something else was drawn

Works on a coarse grid of cells, so that the broken line of a pencil or a nearly closed gap still
counts as one part, and so that large pictures cost no more than small ones.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.imaging.beside import are_real, weights_of_digit

T = TypeVar("T", bound=np.generic)

HALF_INK: Final = 0.5
"""The edge of a stroke: half way between paper and full ink."""

GRID_SIDE: Final = 64
"""Cells along the longer side: of a 512-pixel picture each is 8 pixels wide."""

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
    """The cells of those parts that make up the digit."""
    amounts = each_cell(np.add, np.where(ink >= HALF_INK, ink, np.float32(0)), side)
    weights = np.bincount(labels.ravel(), amounts.ravel()).astype(np.float64)  # (parts + 1,)
    weights[0] = 0  # paper
    along_edge = _along_an_edge(labels, weights.size)
    if weights[~along_edge].any():
        weights[along_edge] = 0
    kept: NDArray[np.bool_] = are_real(weights_of_digit(labels, weights, min(ink.shape)))[labels]
    return kept


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


def each_cell(join: np.ufunc, picture: NDArray[T], side: int) -> NDArray[T]:
    """Join the pixels of each cell: (h, w) → (ceil(h / side), ceil(w / side))."""
    if side == 1:
        return picture
    rows = join.reduceat(picture, range(0, picture.shape[0], side), axis=0)
    cells: NDArray[T] = join.reduceat(rows, range(0, picture.shape[1], side), axis=1)
    return cells
