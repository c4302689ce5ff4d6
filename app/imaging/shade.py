"""Grey values → the shadow that lies across a sheet with a straight, hard edge, where there is one.

    grey (height, width) 0..255 ─ find_shade ─▶ Shade, or None

No smooth surface of light follows such an edge. It shows on the picture's border: going once
around, the tone steps down where the shadow begins and up by as much where it ends, nowhere else.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

MIN_STEP: Final = 0.2
"""Of the light, as a logarithm, at the edge of a shadow; a fainter one is left to the surface."""

MAX_STEP: Final = 0.8
"""What is darker than e^-0.8, 0.45 of the light, is the table beside the sheet."""

MAX_OTHER_STEP: Final = 0.5
"""Of the shadow's own: with a larger one elsewhere, lines or strokes cross the border."""

MIN_RUN: Final = 0.08
"""Of the way around: what covers less of it is a stroke."""

REACH, BLUR = 1 / 24, 1 / 60
"""Of the shorter side: how far to each side of a place the tones are compared there, but for the
nearest, which the edge's blur may take."""

MAX_BEND: Final = 0.08
"""Of the shorter side: how far the edge may stray from the straight line between its ends."""

CHECKED: Final = np.linspace(0.1, 0.9, 33)
"""Where along the edge it is looked at whether the tones differ; strokes may lie on half of it."""


class Shade(NamedTuple):
    """A shadow: how much light it leaves, and where it lies."""

    level: float  # of the light beside it, 0..1
    depth: NDArray[np.float32]  # (height, width), pixels from its edge; below 0 out of the shadow

    def light(self, slack: float = 0.0) -> NDArray[np.float32]:
        """The share of the light on each pixel, (height, width); the shadow larger by `slack`."""
        return np.where(self.depth > -slack, np.float32(self.level), np.float32(1))


def find_shade(grey: NDArray[np.float32]) -> Shade | None:
    """The shadow across a picture of (height, width), each side 64 pixels or more."""
    side = min(grey.shape)
    reach, blur = round(REACH * side), round(BLUR * side)
    steps = _steps(_tones(_clockwise(grey)), reach, blur)
    begin, end = int(steps.argmin()), int(steps.argmax())
    down, up = -float(steps[begin]), float(steps[end])
    step = (down + up) / 2
    run = (end - begin) % steps.size / steps.size
    if not MIN_STEP < step < MAX_STEP or not MIN_RUN < run < 1 - MIN_RUN:
        return None
    if max(abs(down - up) / 2, _largest_beside(steps, (begin, end), reach)) > MAX_OTHER_STEP * step:
        return None
    ends = _place(begin, grey.shape), _place(end, grey.shape)
    if _step_across(grey, *ends) < MAX_OTHER_STEP * step:
        return None
    return Shade(float(np.exp(-step)), _depth(grey.shape, *ends))


def _tones(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Grey values as logarithms, so that a shadow is the same step in all light."""
    return np.log(np.maximum(grey, 1))


def _largest_beside(steps: NDArray[np.float64], places: tuple[int, int], reach: int) -> float:
    """The largest step farther than `reach` from two places on the way around."""
    sizes = np.abs(steps)
    for place in places:
        sizes[np.arange(place - reach, place + reach + 1) % sizes.size] = 0
    return float(sizes.max())


def _step_across(
    grey: NDArray[np.float32], begin: tuple[float, float], end: tuple[float, float]
) -> float:
    """By how much it is usually darker on the clockwise side of the line between two places."""
    height, width = grey.shape
    (left, top), (right, bottom) = begin, end
    length = max(1.0, float(np.hypot(right - left, bottom - top)))
    aside = MAX_BEND * min(grey.shape) / length
    across, down = aside * (bottom - top), aside * (left - right)  # into the shadow
    x, y = left + CHECKED * (right - left), top + CHECKED * (bottom - top)
    lit, shaded = (
        grey[
            (y + way * down).round().clip(0, height - 1).astype(np.intp),
            (x + way * across).round().clip(0, width - 1).astype(np.intp),
        ]
        for way in (-1, 1)
    )
    return float(np.median(_tones(lit) - _tones(shaded)))


def _clockwise(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """The pixels one from the edge, once around from the upper left."""
    return np.concatenate([picture[1], picture[:, -2], picture[-2, ::-1], picture[::-1, 1]])


def _steps(tones: NDArray[np.float32], reach: int, blur: int) -> NDArray[np.float64]:
    """By how much what follows each place is brighter than what comes before it, (once around,)."""
    wrapped = np.concatenate([tones[-reach:], tones, tones[:reach]])
    sums = np.concatenate([[0], np.cumsum(wrapped, dtype=np.float64)])
    width = reach - blur
    means = (sums[width:] - sums[:-width]) / width  # from each place on
    steps: NDArray[np.float64] = means[reach + blur :][: tones.size] - means[: tones.size]
    return steps


def _place(along: int, shape: tuple[int, ...]) -> tuple[float, float]:
    """The x, y of a place on the way around."""
    height, width = shape
    for x, y, step_x, step_y, length in (
        (0, 0, 1, 0, width),
        (width - 1, 0, 0, 1, height),
        (width - 1, height - 1, -1, 0, width),
    ):
        if along < length:
            return x + along * step_x, y + along * step_y
        along -= length
    return 0, height - 1 - along


def _depth(
    shape: tuple[int, ...], begin: tuple[float, float], end: tuple[float, float]
) -> NDArray[np.float32]:
    """How far each pixel lies from the line between two places: above 0 on its clockwise side."""
    (left, top), (right, bottom) = begin, end
    across, down = right - left, bottom - top
    rows = np.arange(shape[0], dtype=np.float32)[:, None] - top
    columns = np.arange(shape[1], dtype=np.float32) - left
    length = max(1.0, float(np.hypot(across, down)))
    depth: NDArray[np.float32] = ((columns * down - rows * across) / length).astype(np.float32)
    return depth
