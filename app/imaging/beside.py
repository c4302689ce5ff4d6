"""Parts of the ink → those that make up the digit, and none of what people draw beside it.

    labels (rows, columns) of cells, 0 paper; weights (parts + 1,), the ink of each
    ─ frames ─ intruders ─ strays ─ underline ─▶ the weights, 0 for parts that are none of the digit

A part is told by where it lies to the others: around them, in from an edge, far off, below.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

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

MIN_FRAME_WIDTH: Final = 0.85
"""Of its height: what is narrower and runs around something is a zero with a slash in it."""

MIN_FRAMING_SIDE: Final = 64
"""Pixels: in smaller pictures it is the outline of a digit, which runs around that of a hole."""

MIN_CONVEXITY: Final = 0.955
"""Of its convex hull: boxes and circles fill theirs, outlines of digits do not, but for zeros."""

FRAMED_SHARE, MIN_FRAMED_SIDE = 0.8, 0.25
"""Of a part, that lies within a frame, and of the frame's height: smaller ones are dots."""

MAX_PARTS: Final = 16
"""Of about equal ink; real pictures have three at most. What has more is no digit with something
beside it, and to look at each takes some 0.15 ms."""

UNDERLINE_WIDTH: Final = 6
"""Of its height, and ..."""

BEYOND_DIGIT: Final = 1.5
"""... of the width of all that is above it: the base of a two is shorter. That of a one may go."""


def weights_of_digit(
    labels: NDArray[np.intp], weights: NDArray[np.float64], shorter_side: int
) -> NDArray[np.float64]:
    """The weights, 0 for the parts that are none of the digit; the picture's side is in pixels."""
    if np.count_nonzero(are_real(weights)) > MAX_PARTS:
        return weights
    if shorter_side >= MIN_FRAMING_SIDE:
        weights = _without_frames(labels, weights)
    for without in (_without_intruders, _without_strays, _without_underline):
        weights = without(labels, weights)
    return weights


def are_real(weights: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which parts are no specks; (parts + 1,)."""
    real: NDArray[np.bool_] = (weights >= MIN_SHARE * weights.max()) & (weights > 0)
    return real


def _without_frames(labels: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the parts, 0 for those that run all around another: a box, a circle."""
    free = weights.copy()
    sizes = np.bincount(labels.ravel())
    for part in np.flatnonzero(are_real(weights)):
        top, left, bottom, right = _box(labels, int(part))
        if right - left < MIN_FRAME_WIDTH * (bottom - top):
            continue
        outline = labels == part
        surrounded = _surrounded(outline)
        if not _is_convex(outline | surrounded):
            continue
        within = np.bincount(labels[surrounded], minlength=sizes.size)
        within[0] = 0
        for inner in np.flatnonzero(within > FRAMED_SHARE * sizes):
            above, before, below, beyond = _box(labels, int(inner))
            if max(below - above, beyond - before) > MIN_FRAMED_SIDE * (bottom - top):
                free[part] = 0
    return free


def _surrounded(part: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The cells from which the part is met to all four sides; the same shape."""
    inside = ~part
    for turn in range(4):
        turned = np.rot90(part, turn)
        inside &= np.rot90(np.logical_or.accumulate(turned, axis=0), -turn)
    return inside


def _is_convex(filled: NDArray[np.bool_]) -> bool:
    """Whether a shape of cells, without holes, nearly fills its convex hull."""
    shape = filled[filled.any(axis=1)]
    left = _lower_hull(shape.argmax(axis=1))
    right = shape.shape[1] - 1 - _lower_hull(shape[:, ::-1].argmax(axis=1))
    hull = float((right - left + 1).sum())
    return bool(np.count_nonzero(shape) >= MIN_CONVEXITY * hull)


def _lower_hull(heights: NDArray[np.intp]) -> NDArray[np.float64]:
    """The largest convex function that is nowhere above the heights, (n,)."""
    chain: list[tuple[int, int]] = []
    for place, height in enumerate(heights.tolist()):
        while len(chain) > 1:
            (before, level), (last, turn) = chain[-2:]
            if (turn - level) * (place - before) < (height - level) * (last - before):
                break
            chain.pop()
        chain.append((place, height))
    places, turns = zip(*chain, strict=True)
    hull: NDArray[np.float64] = np.interp(np.arange(len(heights)), places, turns)
    return hull


def _without_intruders(
    labels: NDArray[np.intp], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights of the parts, 0 for those that reach in from an edge beside a digit that does not."""
    real = are_real(weights)
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
    top, left, bottom, right = _box(labels, largest)
    longer = max(bottom - top, right - left)
    return free if longer >= MIN_DIGIT_SIDE * min(labels.shape) else weights


def _without_strays(labels: NDArray[np.intp], weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Weights of the parts, 0 for small ones far from the largest: punched holes, dots of ink."""
    near = weights.copy()
    top, left, bottom, right = _box(labels, int(weights.argmax()))
    longer = max(bottom - top, right - left)
    for part in np.flatnonzero(are_real(weights)):
        above, before, below, beyond = _box(labels, int(part))
        gap = max(above - bottom, top - below, before - right, left - beyond)
        if gap > longer and max(below - above, beyond - before) < STRAY_SIDE * longer:
            near[part] = 0
    return near


def _without_underline(
    labels: NDArray[np.intp], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weights of the parts, 0 for a line that is drawn below all others and is longer than they."""
    parts = np.flatnonzero(are_real(weights))
    boxes = np.array([_box(labels, part) for part in parts.tolist()])  # (real parts, 4)
    free = weights.copy()
    for place, (top, left, bottom, right) in enumerate(boxes.tolist()):
        others = np.delete(boxes, place, axis=0)
        if not len(others) or right - left < UNDERLINE_WIDTH * (bottom - top):
            continue
        width = others[:, 3].max() - others[:, 1].min()
        if top >= others[:, 2].max() and right - left > BEYOND_DIGIT * width:
            free[parts[place]] = 0
    return free


def _box(labels: NDArray[np.intp], part: int) -> tuple[int, int, int, int]:
    """Top, left, bottom, right of a part, half-open, in cells."""
    rows, columns = np.nonzero(labels == part)
    return int(rows.min()), int(columns.min()), int(rows.max()) + 1, int(columns.max()) + 1
