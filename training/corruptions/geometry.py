"""Corruptions that move the digit: shear, scale, rotate, translate. See the package.

Each is a matrix from places in the result to places in the source, about the image's centre; what
comes from outside is black.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]  # (n, 28, 28), 0..1

SHEAR_RAD: Final = 0.4  # severity 2
ROTATION_RAD: Final = 0.4  # severity 2
SCALE: Final = 0.7  # severity 3
SHIFT_PX: Final = 3  # severity 3


def shear(images: Images, random: np.random.Generator) -> Images:
    """Severity 2: the vertical axis leans by 0.4 rad, to either side, and keeps its length."""
    angles = SHEAR_RAD * _signs(random, len(images))
    return _warp(images, across=(1.0, -np.sin(angles)), down=(0.0, np.cos(angles)))


def rotate(images: Images, random: np.random.Generator) -> Images:
    """Severity 2: by 0.4 rad (23°), to either side."""
    angles = ROTATION_RAD * _signs(random, len(images))
    return _warp(
        images,
        across=(np.cos(angles), -np.sin(angles)),
        down=(np.sin(angles), np.cos(angles)),
    )


def scale(images: Images, random: np.random.Generator) -> Images:  # noqa: ARG001 - nothing is drawn
    """Severity 3: to 70% of the size."""
    return _warp(images, across=(1 / SCALE, 0.0), down=(0.0, 1 / SCALE))


def translate(images: Images, random: np.random.Generator) -> Images:
    """Severity 3: by 3 pixels along both axes, each to either side."""
    moved = np.zeros_like(images)
    side = images.shape[1]
    padded = np.pad(images, ((0, 0), (SHIFT_PX, SHIFT_PX), (SHIFT_PX, SHIFT_PX)))
    down = SHIFT_PX + SHIFT_PX * _signs(random, len(images))
    across = SHIFT_PX + SHIFT_PX * _signs(random, len(images))
    for index, (top, left) in enumerate(zip(down, across, strict=True)):
        moved[index] = padded[index, top : top + side, left : left + side]
    return moved


def _signs(random: np.random.Generator, count: int) -> NDArray[np.int64]:
    """Return -1 or 1 for each of `count` images."""
    return 2 * random.integers(0, 2, count) - 1


Factor = float | NDArray[np.float64]  # of x or y, one for all images or one each, (n,)


def _warp(images: Images, across: tuple[Factor, Factor], down: tuple[Factor, Factor]) -> Images:
    """Take the pixel at (x, y) from the centre from (across · (x, y), down · (x, y)), bilinear."""
    count, side, _ = images.shape
    centre = (side - 1) / 2
    y, x = np.mgrid[:side, :side] - centre
    source_x = _column(across[0]) * x + _column(across[1]) * y + centre  # (n or 1, 28, 28)
    source_y = _column(down[0]) * x + _column(down[1]) * y + centre
    left, top = np.floor(source_x).astype(int), np.floor(source_y).astype(int)
    right_share, lower_share = source_x - left, source_y - top
    padded = np.pad(images, ((0, 0), (1, 1), (1, 1)))  # whatever lies outside reads the black rim
    everyone = np.arange(count)[:, None, None]
    warped = np.zeros(images.shape, np.float64)
    for lower in (0, 1):
        for right in (0, 1):
            weight = (lower_share if lower else 1 - lower_share) * (
                right_share if right else 1 - right_share
            )
            rows = np.clip(top + lower + 1, 0, side + 1)
            columns = np.clip(left + right + 1, 0, side + 1)
            warped += weight * padded[everyone, rows, columns]
    return warped.astype(np.float32)


def _column(factor: Factor) -> NDArray[np.float64]:
    """Bring a factor into the shape (n, 1, 1) or (1, 1, 1)."""
    return np.asarray(factor, np.float64).reshape(-1, 1, 1)
