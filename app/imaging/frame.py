"""The ink of a digit → the MNIST frame.

    ink (height, width) 0..1 ─ ink_box ─ frame ─▶ (28, 28) 0..1

MNIST's makers cut out the box around the ink, brought its longer side to 20 pixels by area means,
and placed it so that the centre of mass lies on the centre of 28 × 28 (Y. LeCun's page;
facebookresearch/qmnist). Pixel i spans i to i + 1, so the centre is at 14.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.imaging.paper import percentile
from app.imaging.parts import HALF_INK

IMAGE_SIDE: Final = 28
BOX_SIDE: Final = 20
CENTRE: Final = IMAGE_SIDE / 2
MARGIN: Final = (IMAGE_SIDE - BOX_SIDE) // 2

MIN_FRAMED_SIDE: Final = BOX_SIDE - 1
"""Pixels of the ink's longer side: MNIST has 20, but for 3 in 20,000, which have 19."""

MAX_FRAMED_OFFSET: Final = 1.0
"""Pixels from the centre to the centre of mass, both ways: what placing by whole pixels leaves."""

MIN_FRAMED_INK: Final = 250
"""Grey levels of the strongest pixel: MNIST's makers made it full."""

MNIST_STROKE: Final = 2.4
"""Pixels: the median of `stroke_width` over MNIST training images (1% below 1.5, 99% below 4.7)."""

MIN_HARD_STROKE: Final = 2.0
"""MNIST's few pictures without a soft edge have strokes of 2.2 pixels or more; a thinner one that
stands in the frame was drawn pixel by pixel."""

FULL_INK_PERCENTILE: Final = 85
"""Of the framed ink: what is lighter is full. Of MNIST's pixels above 0.1 a quarter is full ink."""

MAX_SLANT: Final = 0.2
"""Pixels to the right for each pixel up. MNIST's median is 0.1, 90% lie between -0.3 and 0.57, and
what leans far is read worse; half of the church records of a century ago lean 0.55 or more."""

MAX_SCRIPT_SLANT: Final = 1.5
"""What seems to lean farther is a flat stroke, such as a dash, and stays as it is."""

MIN_APERTURE: Final = 1.0
"""Source pixels: looking through less shows the pixels of a small source as blocks."""

OUTLINE_DETOUR: Final = 4 / np.pi
"""Length along the pixel grid over true length, the mean over all directions."""

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom are the first beyond."""

FRAME_BOX: Final[Box] = (MARGIN, MARGIN, MARGIN + BOX_SIDE, MARGIN + BOX_SIDE)
"""Where a digit stands in the frame, but for what its centre of mass moves it."""


def ring(inset: int) -> NDArray[np.intp]:
    """The places, in the flat picture, of the pixels so far from the edge, once around."""
    places = np.arange(IMAGE_SIDE**2).reshape(IMAGE_SIDE, IMAGE_SIDE)
    rest = places[inset : IMAGE_SIDE - inset, inset : IMAGE_SIDE - inset]
    return np.concatenate([np.rot90(rest, turn)[0, :-1] for turn in range(4)])


EDGE: Final = ring(0)  # (108,)
FROM_CENTRE: Final = np.arange(IMAGE_SIDE) + 0.5 - CENTRE  # (28,), the middle of each pixel


def frame(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale the ink's box to 20 pixels, centre its mass: (height, width) → (28, 28), largest 1.

    All of it is 0 when there is less than a target pixel sees. Each target pixel is the mean of the
    ink over a square aperture, one target pixel wide; for a pen thinner than MNIST's it is wider by
    what the pen lacks, which thickens the stroke. A script that leans farther than most of MNIST's
    is set more upright.
    """
    x, y, slant = _moments(ink)
    lean = max(0.0, slant - MAX_SLANT) if slant < MAX_SCRIPT_SLANT else 0.0
    # A lone pixel of half ink has no extent of its own.
    step = max(*_extents(ink, y, lean), 1.0) / BOX_SIDE  # source pixels to a target pixel
    pen = stroke_width(ink) / step  # in target pixels
    aperture = max(step * (1 + max(0.0, MNIST_STROKE - pen)), MIN_APERTURE)  # in source pixels
    offsets = FROM_CENTRE * step  # (28,), from the centre of mass
    # Across first: each row is set upright at its own height, before rows are mixed.
    middles = x + offsets
    if lean:
        middles = middles - lean * (np.arange(ink.shape[0])[:, None] + (0.5 - y))  # (height, 28)
    columns = _means(ink, middles, aperture)  # (height, 28)
    pixels = _means(columns.T, y + offsets, aperture).T  # (28, 28)
    inked = pixels[pixels > 0.1 * pixels.max()]
    if not inked.size:
        return pixels
    full = percentile(inked, FULL_INK_PERCENTILE)
    framed: NDArray[np.float32] = np.minimum(pixels / np.float32(full), np.float32(1))
    return framed


def ink_box(ink: NDArray[np.float32], edge: float = HALF_INK) -> Box:
    """The box around all ink of at least `edge`; there must be some."""
    strokes = ink >= edge
    rows, columns = np.flatnonzero(strokes.any(axis=1)), np.flatnonzero(strokes.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _extents(ink: NDArray[np.float32], y: float, lean: float) -> tuple[float, float]:
    """Width and height of the strokes when `lean` is taken out of them, to a part of a pixel.

    A pixel at the end counts as far as it is inked: of an 8 × 8 picture each is 2.5 pixels of the
    frame. `y` is the height that stays in its place.
    """
    strokes = ink >= HALF_INK
    rows = np.flatnonzero(strokes.any(axis=1))  # (rows with strokes,)
    inked, strokes = ink[rows], strokes[rows]
    left, right = _starts(inked, strokes), _starts(inked[:, ::-1], strokes[:, ::-1])
    moved = lean * (rows + (0.5 - y))
    width = ink.shape[1] - float((left + moved).min()) - float((right - moved).min())
    above, below = int(rows[0]), ink.shape[0] - 1 - int(rows[-1])  # rows without strokes
    ends = float(inked[0].max()) + float(inked[-1].max())
    ends += float(ink[above - 1].max()) if above else 0.0
    ends += float(ink[-below].max()) if below else 0.0
    return width, ink.shape[0] - above - below - 2 + ends


def _starts(ink: NDArray[np.float32], strokes: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Where each row's strokes begin: (rows, width) → (rows,), to a part of a pixel."""
    first = strokes.argmax(axis=1)
    row = np.arange(first.size)
    before = ink[row, first - 1] * (first > 0)
    begin: NDArray[np.float32] = first + 1 - ink[row, first] - before
    return begin


def stroke_width(ink: NDArray[np.float32]) -> float:
    """The mean width of the strokes in pixels: twice the ink's area over its outline's length."""
    outline = ink[0].sum() + ink[-1].sum() + ink[:, 0].sum() + ink[:, -1].sum()
    outline += np.abs(ink[1:] - ink[:-1]).sum() + np.abs(ink[:, 1:] - ink[:, :-1]).sum()
    return float(2 * OUTLINE_DETOUR * ink.sum() / outline)


def is_framed(ink: NDArray[np.uint8]) -> bool:
    """Whether a light-on-dark picture, 0..255, is in the MNIST frame already, as MNIST's own are.

    Of (28, 28), as the caller has seen to: the longer side of the ink as long as MNIST's, which
    leaves most of the edge 0, the centre of mass in the middle; no hard and thin strokes.
    """
    if ink.max() < MIN_FRAMED_INK:
        return False
    amount = ink.astype(np.float32) / np.float32(255)
    left, top, right, bottom = ink_box(amount, edge=1 / 255)
    if not MIN_FRAMED_SIDE <= max(right - left, bottom - top) <= BOX_SIDE:
        return False
    is_hard = not ((amount > 0) & (amount < 1)).any()
    if is_hard and stroke_width(amount) < MIN_HARD_STROKE:
        return False
    x, y, _ = _moments(amount)
    return max(abs(x - CENTRE), abs(y - CENTRE)) <= MAX_FRAMED_OFFSET


def _moments(ink: NDArray[np.float32]) -> tuple[float, float, float]:
    """The centre of mass x, y in pixels, the middle of pixel i being at i + 0.5; the slant.

    The slant is how far the ink leans to the right for each pixel up.
    """
    columns, rows = ink.sum(axis=0), ink.sum(axis=1)
    across, down = (np.arange(side, dtype=np.float32) + 0.5 for side in ink.shape[::-1])
    total = float(columns.sum())
    x, y = float(columns @ across) / total, float(rows @ down) / total
    across, down = across - np.float32(x), down - np.float32(y)
    tall = float(rows @ (down * down))
    slant = -float(down @ (ink @ across)) / tall if tall else 0.0
    return x, y, slant


def _means(
    lines: NDArray[np.float32], middles: NDArray[np.floating], aperture: float
) -> NDArray[np.float32]:
    """The mean of each line over an aperture around each middle; beyond the ends there is no ink.

    lines (n, length), middles (n, m) or, for all lines, (m,) in pixels → (n, m). From running sums,
    which are linear within a pixel, so that the cost does not grow with the aperture.
    """
    count, length = lines.shape
    sums = np.zeros((count, length + 2), np.float64)
    np.cumsum(lines, axis=1, out=sums[:, 1:-1])
    sums[:, -1] = sums[:, -2]
    ends = np.concatenate([middles - aperture / 2, middles + aperture / 2], axis=-1)  # (.., 2m)
    places = np.minimum(np.maximum(ends, 0), length)
    before = places.astype(np.intp)
    places -= before
    if middles.ndim == 1:
        low, high = sums.take(before, axis=1), sums.take(before + 1, axis=1)
    else:
        before += np.arange(0, sums.size, length + 2)[:, None]
        low, high = sums.take(before), sums.take(before + 1)
    read = low + places * (high - low)  # (n, 2m)
    starts, stops = read[:, : middles.shape[-1]], read[:, middles.shape[-1] :]
    means: NDArray[np.float32] = ((stops - starts) / aperture).astype(np.float32)
    return means
