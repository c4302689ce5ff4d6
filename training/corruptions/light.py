"""Corruptions of the light: brightness, stripe, fog. See the package."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]  # (n, 28, 28), 0..1

BRIGHTER_BY: Final = 0.5  # severity 5
STRIPE_WIDTH: Final = 7  # pixels, a quarter of the width; there is one severity

FOG_AMOUNT, FOG_DECAY = 3.0, 1.4  # severity 5
QUARTER: Final = np.float32(0.25)
FOG_SIDE: Final = 256  # of the height map, of which the image covers a corner


def brightness(images: Images, random: np.random.Generator) -> Images:  # noqa: ARG001 - nothing is drawn
    """Severity 5: 0.5 is added to every pixel."""
    return images + np.float32(BRIGHTER_BY)


def stripe(images: Images, random: np.random.Generator) -> Images:  # noqa: ARG001 - nothing is drawn
    """One severity: the left and the right quarter are inverted."""
    striped = images.copy()
    for columns in (slice(None, STRIPE_WIDTH), slice(-STRIPE_WIDTH, None)):
        striped[:, :, columns] = 1 - striped[:, :, columns]
    return striped


def fog(images: Images, random: np.random.Generator) -> Images:
    """Severity 5: 3 times a fractal haze is laid over, then all is dimmed to the old maximum."""
    side = images.shape[1]
    haze = FOG_AMOUNT * _plasma(random, len(images))[:, :side, :side]
    brightest = images.max(axis=(1, 2), keepdims=True)
    hazy: Images = (images + haze) * brightest / (brightest + np.float32(FOG_AMOUNT))
    return hazy


def _plasma(random: np.random.Generator, count: int) -> Images:
    """Return height maps (count, 256, 256), 0..1, by the diamond-square method on a torus.

    Each place in the middle of four known ones gets their mean and a random displacement, which
    the published generator makes smaller by FOG_DECAY² with each halving of the distance.
    """
    heights = np.zeros((count, FOG_SIDE, FOG_SIDE), np.float32)
    step, reach = FOG_SIDE, 1.0
    while step >= 2:
        half = step // 2
        corners = heights[:, ::step, ::step]
        centres = _displaced(_middles(corners), random, reach)
        heights[:, half::step, half::step] = centres
        heights[:, ::step, half::step] = _displaced(_edges(corners, centres, axis=2), random, reach)
        heights[:, half::step, ::step] = _displaced(_edges(corners, centres, axis=1), random, reach)
        step, reach = half, reach / FOG_DECAY**2
    heights -= heights.min(axis=(1, 2), keepdims=True)
    heights /= heights.max(axis=(1, 2), keepdims=True)
    return heights


def _middles(corners: Images) -> Images:
    """Return the mean of each square's four corners."""
    down = corners + np.roll(corners, -1, axis=1)
    return (down + np.roll(down, -1, axis=2)) * QUARTER


def _edges(corners: Images, centres: Images, axis: int) -> Images:
    """Return the mean of the two corners along `axis` and the two centres across it."""
    along = corners + np.roll(corners, -1, axis=axis)
    across = centres + np.roll(centres, 1, axis=3 - axis)
    return (along + across) * QUARTER


def _displaced(means: Images, random: np.random.Generator, reach: float) -> Images:
    """Move every height up or down by up to `reach`."""
    return means + np.float32(reach) * (2 * random.random(means.shape, np.float32) - 1)
