"""Corruptions that draw over the digit: dotted line, zigzag. See the package."""

from __future__ import annotations

from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]  # (n, 28, 28), 0..1
Drawing = NDArray[np.float32]  # (height, width), 0..1

SIDE: Final = 28
STROKE: Final = 2.3  # pixels above and below the line at which nothing is left of it
DASH: Final = 2  # columns drawn, then as many left out

ZIGZAG_FROM, ZIGZAG_TO = 2, 25  # columns
ZIGZAG_STEP, ZIGZAG_HEIGHT = 2.0, 2.0  # pixels, along and across
ZIGZAG_DROP: Final = (-5, 5)  # rows from its start to its end, the latter excluded


def dotted_line(images: Images, random: np.random.Generator) -> Images:
    """One severity: a dotted line from a row of the left edge to one of the right."""
    rows = random.integers(0, SIDE - 1, (len(images), 2))
    return images + np.stack([_dotted(int(start), int(end)) for start, end in rows])


def zigzag(images: Images, random: np.random.Generator) -> Images:
    """One severity: a zigzag, 2 pixels to either side of a line that falls or rises a little."""
    starts = random.integers(0, SIDE - 1, len(images))
    drops = random.integers(*ZIGZAG_DROP, len(images))
    pairs = zip(starts, drops, strict=True)
    return np.minimum(
        images + np.stack([_zigzag(int(start), int(drop)) for start, drop in pairs]), 1
    )


@cache
def _dotted(start: int, end: int) -> Drawing:
    """Draw the dotted line between rows `start` and `end`."""
    drawing = _stroke(0, start, SIDE - 1, end)
    drawing[:, np.arange(SIDE) // DASH % 2 == 0] = 0
    return drawing


@cache
def _zigzag(start: int, drop: int) -> Drawing:
    """Draw the zigzag from row `start` to row `start + drop`."""
    slope = np.arctan(drop / (ZIGZAG_TO - ZIGZAG_FROM))
    along, across = _zigzag_corners((ZIGZAG_TO - ZIGZAG_FROM) / np.cos(slope))
    columns = ZIGZAG_FROM + along * np.cos(slope) - across * np.sin(slope)
    rows = start + along * np.sin(slope) + across * np.cos(slope)
    ends = zip(columns[:-1], rows[:-1], columns[1:], rows[1:], strict=True)
    drawing: Drawing = np.sum([_stroke(*each) for each in ends], axis=0, dtype=np.float32)
    return drawing


def _zigzag_corners(length: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners of a zigzag of this length: places along its axis, heights across it."""
    turns = int((length - ZIGZAG_STEP) // (2 * ZIGZAG_STEP)) + 1
    number = np.arange(turns)
    heights = (-1.0) ** number * ZIGZAG_HEIGHT
    rest = length - 2 * ZIGZAG_STEP * (length // (2 * ZIGZAG_STEP))
    last = heights[-1] / (2 * rest)  # as published; there is always a rest between 22 and 24
    along = np.concatenate([[0], (2 * number + 1) * ZIGZAG_STEP, [length]])
    return along, np.concatenate([[0], heights, [last]])


def _stroke(left: float, start: float, right: float, end: float) -> Drawing:
    """Draw a line from column `left`, row `start` to column `right`, row `end`.

    A pixel d rows from it has log(1 - d / 2.3) + 1, at least 0.
    """
    columns = np.arange(SIDE)
    line = start + (end - start) / (right - left) * (columns - left)  # row at each column
    distance = np.abs(np.arange(SIDE)[:, None] - line)  # (28, 28)
    drawing = np.clip(np.log(np.maximum(1 - distance / STROKE, 1e-9)) + 1, 0, 1)
    drawing[:, : int(np.floor(left))] = 0
    drawing[:, int(np.ceil(right)) :] = 0
    return np.asarray(drawing, np.float32)
