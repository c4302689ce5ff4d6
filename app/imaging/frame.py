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

from app.imaging.parts import HALF_INK

IMAGE_SIDE: Final = 28
BOX_SIDE: Final = 20
CENTRE: Final = IMAGE_SIDE / 2

MNIST_STROKE: Final = 2.4
"""Pixels: the median of `stroke_width` over MNIST training images (1% below 1.5, 99% below 4.7)."""

OUTLINE_DETOUR: Final = 4 / np.pi
"""Length along the pixel grid over true length, the mean over all directions."""

Box = tuple[int, int, int, int]
"""left, top, right, bottom in pixels; right and bottom are the first beyond."""


def frame(ink: NDArray[np.float32], box: Box) -> NDArray[np.float32]:
    """Scale `box` to 20 pixels, centre the ink's mass: (height, width) → (28, 28), largest 1.

    Each target pixel is the mean of the ink over a square aperture, one target pixel wide; for a
    pen thinner than MNIST's it is wider by what the pen lacks, which thickens the stroke.
    """
    left, top, right, bottom = box
    step = max(right - left, bottom - top) / BOX_SIDE  # source pixels to a target pixel
    pen = stroke_width(ink) / step  # in target pixels
    aperture = 1 + max(0.0, MNIST_STROKE - pen)  # in target pixels
    x, y = _centre_of_mass(ink)
    down = _apertures(ink.shape[0], y, step, aperture * step)  # (28, height)
    across = _apertures(ink.shape[1], x, step, aperture * step)  # (28, width)
    pixels: NDArray[np.float32] = (down @ ink @ across.T).astype(np.float32)
    pixels /= pixels.max()
    return pixels


def ink_box(ink: NDArray[np.float32], edge: float = HALF_INK) -> Box:
    """The box around all ink of at least `edge`; there must be some."""
    strokes = ink >= edge
    rows, columns = np.flatnonzero(strokes.any(axis=1)), np.flatnonzero(strokes.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def stroke_width(ink: NDArray[np.float32]) -> float:
    """The mean width of the strokes in pixels: twice the ink's area over its outline's length."""
    padded = np.pad(ink, 1)
    outline = np.abs(np.diff(padded, axis=0)).sum() + np.abs(np.diff(padded, axis=1)).sum()
    return float(2 * OUTLINE_DETOUR * ink.sum() / outline)


def is_framed(ink: NDArray[np.uint8]) -> bool:
    """Whether a light-on-dark picture, 0..255, is in the MNIST frame already, as MNIST's own are.

    28 × 28, the border mostly 0, the longer side of the ink 20 pixels (19 in 3 of 20,000), the
    centre of mass within the pixel that placing by whole pixels leaves.
    """
    if ink.shape != (IMAGE_SIDE, IMAGE_SIDE) or ink.max() < 250:
        return False
    edges = (ink[0], ink[-1], ink[:, 0], ink[:, -1])
    if sum(int(np.count_nonzero(edge)) for edge in edges) > 2 * IMAGE_SIDE:
        return False
    amount = ink.astype(np.float32)
    left, top, right, bottom = ink_box(amount, edge=1)
    if not BOX_SIDE - 1 <= max(right - left, bottom - top) <= BOX_SIDE:
        return False
    return all(abs(centre - CENTRE) <= 1 for centre in _centre_of_mass(amount))


def _centre_of_mass(ink: NDArray[np.float32]) -> tuple[float, float]:
    """x, y in pixels, the middle of pixel i being at i + 0.5."""
    columns, rows = ink.sum(axis=0, dtype=np.float64), ink.sum(axis=1, dtype=np.float64)
    total = columns.sum()
    x = columns @ (np.arange(columns.size) + 0.5) / total
    y = rows @ (np.arange(rows.size) + 0.5) / total
    return float(x), float(y)


def _apertures(length: int, centre: float, step: float, aperture: float) -> NDArray[np.float32]:
    """How much of each source pixel each target pixel sees, along one axis: (28, length), 0..1."""
    middles = centre + (np.arange(IMAGE_SIDE) + 0.5 - CENTRE) * step
    start, stop = middles - aperture / 2, middles + aperture / 2
    pixels = np.arange(length)
    shared = np.minimum(stop[:, None], pixels + 1) - np.maximum(start[:, None], pixels)
    seen: NDArray[np.float32] = np.clip(shared / aperture, 0, 1).astype(np.float32)
    return seen
