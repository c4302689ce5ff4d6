"""Corruptions that smear: glass blur, motion blur. See the package."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter1d

Images = NDArray[np.float32]  # (n, 28, 28), 0..1

GLASS_SIGMA, GLASS_REACH, GLASS_ROUNDS = 0.7, 1, 2  # pixels, pixels, times; severity 1

MOTION_RADIUS, MOTION_SIGMA = 10, 3.0  # pixels; severity 1
MOTION_MAX_ANGLE: Final = np.pi / 4
MOTION_TAPS: Final = 2 * MOTION_RADIUS + 1


def glass_blur(images: Images, random: np.random.Generator) -> Images:
    """Severity 1: blur by 0.7 pixels; pixels change places with a neighbour, twice over; blur.

    The published generator blurs along the columns only: scikit-image took the rows' pixels for
    colour channels. So does this.
    """
    side = images.shape[1]
    mixed = _blur_columns(images)
    everyone = np.arange(len(images))
    inside = range(side - GLASS_REACH, GLASS_REACH, -1)
    for row, column in [(row, column) for row in inside for column in inside] * GLASS_ROUNDS:
        moved = random.random(len(images)) < 0.5
        # Up, left, both or neither: the published range leaves out the upper end.
        up, left = moved * random.integers(0, GLASS_REACH + 1, (2, len(images)))
        there = (everyone, row - up, column - left)
        mixed[:, row, column], mixed[there] = mixed[there], mixed[:, row, column].copy()
    return _blur_columns(mixed)


def _blur_columns(images: Images) -> Images:
    """Blur (n, height, width) along the height."""
    blurred: Images = gaussian_filter1d(images, GLASS_SIGMA, axis=1, mode="nearest")
    return blurred


def motion_blur(images: Images, random: np.random.Generator) -> Images:
    """Severity 1: radius 10, sigma 3, an angle of -45° to 45°.

    As ImageMagick, which made the published images, defines it: each pixel is a mean of those along
    a line that begins at it, with the weights of half a Gaussian.
    """
    count, side, _ = images.shape
    angles = random.uniform(-MOTION_MAX_ANGLE, MOTION_MAX_ANGLE, count)
    steps = np.arange(MOTION_TAPS)
    weights = np.exp(-(steps**2) / (2 * MOTION_SIGMA**2))
    weights /= weights.sum()
    everyone, places = np.arange(count)[:, None, None], np.arange(side)
    blurred = np.zeros_like(images)
    for step, weight in zip(steps, weights, strict=True):
        across = np.ceil(step * np.cos(angles) - 0.5).astype(int)  # (n,)
        down = np.ceil(step * np.sin(angles) - 0.5).astype(int)
        columns = np.clip(places + across[:, None], 0, side - 1)  # (n, 28)
        rows = np.clip(places + down[:, None], 0, side - 1)
        blurred += np.float32(weight) * images[everyone, rows[:, :, None], columns[:, None, :]]
    return blurred
