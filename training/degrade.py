"""Degradation: clean digits → digits as they come out of poor pictures.

    images (batch, 28, 28) ─ outlines ─ coarser or blurred ─ tone
        ─ lines ─ patches ─ fog ─ noise ─▶ (batch, 28, 28)

Everything that scanners, cameras, pens and other people's files do to ink and paper and that the
imaging path cannot undo. Each image goes through a few of the steps, drawn at random; as in
`augment`, a pure function of a batch and a seed.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE
from training.augment import ZOOM, enlarge, largest_nearby, spline_matrix

SHARES = (0.2, 0.4, 0.4, 0.25, 0.25, 0.15, 0.2)  # of the degraded images that go through each step

COARSE_SIDES = (7, 8, 9, 10, 11, 12, 14, 16, 18, 20)  # an 8 × 8 source is 20 pixels of 28 here
BLUR_SIGMAS_PX = (0.4, 0.6, 0.8, 1.0, 1.2)
BINARY_SLOPE = 16.0  # of the threshold through which half of the coarse pictures go
FOG_POINTS = 5
MARGINS_APART_PX = 8.0  # more than the band between them is wide: 11 to 20 pixels
APART, BLACK_AND_WHITE = 0.6, 0.8  # shares of the outlines


def degrade(images: tf.Tensor, seed: tf.Tensor, every: int | tf.Tensor) -> tf.Tensor:
    """Degrade every so many of images float32 (batch, 28, 28), 0..1; the others stay."""
    places = tf.range(0, tf.shape(images)[0], every)
    found = tf.gather(images, places)
    for step, share, own_seed in zip(
        (outline, coarsen, change_tone, draw_line, patch, fog, add_noise),
        SHARES,
        tf.unstack(tf.random.split(seed, len(SHARES))),
        strict=True,
    ):
        choice, chance = tf.unstack(tf.random.split(own_seed, 2))
        drawn = tf.random.stateless_uniform((tf.size(places), 1, 1), choice) < share
        found = tf.where(drawn, step(found, chance), found)
    found = tf.clip_by_value(found, 0.0, 1.0)
    return tf.tensor_scatter_nd_update(images, places[:, tf.newaxis], found)


def _uniform(
    seed: tf.Tensor, images: tf.Tensor, low: list[float], high: list[float]
) -> list[tf.Tensor]:
    """Return for each pair of bounds a number an image, each (batch, 1, 1)."""
    unit = tf.random.stateless_uniform((len(low), tf.shape(images)[0], 1, 1), seed)
    return [
        minimum + (maximum - minimum) * unit[row]
        for row, (minimum, maximum) in enumerate(zip(low, high, strict=True))
    ]


def outline(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Leave of each stroke a rim a pixel wide around it, of most half a pixel away from its edge.

    Hollow letters, traced drawings; most of them thinned and black and white.
    """
    gap, level, binary = _uniform(seed, images, [0.0, 0.25, 0.0], [1.0, 0.45, 1.0])
    inner = enlarge(images)  # (batch, 56, 56)
    grown = largest_nearby(inner)
    inner = tf.where(gap < APART, grown, inner)
    outer = largest_nearby(largest_nearby(inner))
    rim = tf.nn.avg_pool2d((outer - inner)[..., tf.newaxis], ZOOM, ZOOM, "VALID")[..., 0]
    sharp = tf.sigmoid(BINARY_SLOPE * (rim - level))
    return tf.where(binary < BLACK_AND_WHITE, sharp, rim)


def coarsen(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Sample more coarsely and enlarge again, half of them as black and white; or blur."""
    seeds = tf.random.split(seed, 2)
    down, up = (tf.constant(matrices) for matrices in _coarse_matrices())  # (kinds, 28, 28)
    kind = tf.random.stateless_uniform((tf.shape(images)[0],), seeds[0], 0, down.shape[0], tf.int32)
    small = _both_axes(tf.gather(down, kind), images)
    level, chance = _uniform(seeds[1], images, [0.3, 0.0], [0.6, 1.0])
    binary = tf.sigmoid(BINARY_SLOPE * (small - level))
    return _both_axes(tf.gather(up, kind), tf.where(chance < 0.5, binary, small))


def _both_axes(matrices: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Apply (batch, 28, 28) matrices to rows and columns of images (batch, 28, 28)."""
    return tf.matmul(tf.matmul(matrices, images), matrices, transpose_b=True)


@cache
def _coarse_matrices() -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return (kinds, 28, 28) each: to a coarse grid by area means, and back by linear steps.

    A grid of fewer pixels lies in the first rows; a blur is a kind that has no way back to go.
    """
    pixel = np.arange(IMAGE_SIDE)
    down, up = [], []
    for side in COARSE_SIDES:
        step = IMAGE_SIDE / side
        edges = np.arange(side)[:, None] * step
        shared = np.minimum(edges + step, pixel + 1) - np.maximum(edges, pixel)
        middle = np.clip((pixel[:, None] + 0.5) / step - 0.5, 0, side - 1)
        down.append(np.pad(np.clip(shared, 0, None) / step, ((0, IMAGE_SIDE - side), (0, 0))))
        linear = np.clip(1 - np.abs(middle - np.arange(side)), 0, None)
        up.append(np.pad(linear, ((0, 0), (0, IMAGE_SIDE - side))))
    for sigma in BLUR_SIGMAS_PX:
        bell = np.exp(-0.5 * ((pixel[:, None] - pixel) / sigma) ** 2)
        down.append(bell / bell.sum(axis=1, keepdims=True))
        up.append(np.eye(IMAGE_SIDE))
    return np.stack(down).astype(np.float32), np.stack(up).astype(np.float32)


def change_tone(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Fainter or fuller ink, and a curve between paper and ink."""
    gain, bend = _uniform(seed, images, [0.5, -0.7], [1.8, 0.7])
    return tf.clip_by_value(images * gain, 1e-4, 1.0) ** tf.exp(bend)


def draw_line(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Draw a line across, straight or zigzag, whole or dotted: ruled paper, a border, a scratch."""
    angle, offset, width, ink, pitch, dotted, bend, period = _uniform(
        seed,
        images,
        [0.0, -12.0, 0.4, 0.4, 1.5, 0.0, -4.0, 4.0],
        [2 * np.pi, 12.0, 1.5, 1.0, 4.0, 1.0, 4.0, 12.0],
    )
    y, x = np.mgrid[:IMAGE_SIDE, :IMAGE_SIDE].astype(np.float32) - (IMAGE_SIDE - 1) / 2
    along = tf.cos(angle) * y - tf.sin(angle) * x  # (batch, 28, 28)
    height = tf.maximum(bend, 0.0)  # of the zigzag; half of the lines are straight
    wave = height * (tf.abs(4 * tf.math.floormod(along / period, 1.0) - 2) - 1)
    steepness = 4 * height / period
    across = (tf.cos(angle) * x + tf.sin(angle) * y - offset - wave) * tf.math.rsqrt(
        1 + steepness**2
    )
    line = ink * tf.clip_by_value(width + 0.5 - tf.abs(across), 0.0, 1.0)
    gaps = tf.where((dotted < 0.5) & (tf.sin(2 * np.pi * along / (2 * pitch)) < 0), 0.0, line)
    return tf.maximum(images, gaps)


def patch(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Erase a rectangle, or invert it; or invert a band from edge to edge, or all beside it."""
    x, y, wide, high, kind, beside = _uniform(
        seed, images, [0.0, 0.0, 3.0, 3.0, 0.0, 0.0], [28.0, 28.0, 12.0, 12.0, 1.0, 1.0]
    )
    rows, columns = np.mgrid[:IMAGE_SIDE, :IMAGE_SIDE].astype(np.float32) + 0.5
    band = kind > 0.6
    margins = band & (beside < 0.5) & (tf.abs(columns - x) > wide / 2 + MARGINS_APART_PX / 2)
    inside = (tf.abs(columns - x) < wide / 2) & (band | (tf.abs(rows - y) < high / 2))
    inside = tf.where(band & (beside < 0.5), margins, inside)
    inside = tf.where(kind > 0.8, tf.transpose(inside, (0, 2, 1)), inside)
    return tf.where(inside, tf.where(kind < 0.5, 0.0, 1 - images), images)


def fog(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Lay an uneven veil over the picture: what is left of shade, stains or bad paper."""
    seeds = tf.random.split(seed, 2)
    control = tf.random.stateless_normal((tf.shape(images)[0], FOG_POINTS, FOG_POINTS), seeds[0])
    spread = tf.constant(spline_matrix(FOG_POINTS))  # (28, 5)
    uneven, level = _uniform(seeds[1], images, [0.0, 0.0], [0.25, 0.5])
    veil = level + uneven * tf.einsum("ik,bkl,jl->bij", spread, control, spread)
    veil = tf.clip_by_value(veil, 0.0, 0.8)
    return images + veil * (1 - images)


def add_noise(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
    """Add grain, and pixels that are fully black or white."""
    seeds = tf.random.split(seed, 4)
    grain, dead = _uniform(seeds[0], images, [0.0, -0.1], [0.3, 0.15])
    noisy = images + grain * tf.random.stateless_normal(tf.shape(images), seeds[1])
    chance = tf.random.stateless_uniform(tf.shape(images), seeds[2])
    value = tf.round(tf.random.stateless_uniform(tf.shape(images), seeds[3]))
    return tf.where(chance < dead, value, noisy)
