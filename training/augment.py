"""Augmentation: a batch of images → the same digits as other hands might have put them.

    images (batch, 28, 28) ─ enlarge ─ thicken or thin ─ warp ─▶ (batch, 28, 28) ─ degrade ─▶

Pure functions of a batch and a seed: the same seed gives the same distortion, in whatever order and
on however many threads the pipeline runs them, which is what makes a resumed run equal to an
uninterrupted one. What happens to ink and paper, not to the shape, is in `degrade`.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE
from training.presets import Distortion

CENTRE = (IMAGE_SIDE - 1) / 2  # of the pixel grid, in the convention where pixel i lies at i
ZOOM = 2  # strokes grow and points are looked up on a grid this much finer: less blur
FINE_SIDE = ZOOM * IMAGE_SIDE
CONTROL_POINTS = 7  # along a side of the elastic sheet; 7 px apart, about Simard's sigma of 4 px


def distort(
    images: tf.Tensor, seed: tf.Tensor, distortion: Distortion, strength: float | tf.Tensor = 1.0
) -> tf.Tensor:
    """Give every image a stroke width, an affine map and an elastic distortion of its own.

    Args:
        images: float32 (batch, 28, 28), 0..1.
        seed: int (2,); the same seed, the same distortions.
        distortion: the bounds; scale and shift are drawn for each axis apart.
        strength: 0..1, by which every bound is multiplied.

    Returns:
        float32 (batch, 28, 28), 0..1; empty where the source ends.
    """
    seeds = tf.random.split(seed, 3)  # (3, 2)
    fine = enlarge(images)  # (batch, 56, 56)
    if distortion.stroke:
        fine = change_strokes(fine, seeds[0], strength * distortion.stroke)
    rows, columns = affine_sources(tf.shape(images)[0], seeds[1], distortion, strength)
    if distortion.elastic_px:
        drift = elastic_drift(tf.shape(images)[0], seeds[2], strength * distortion.elastic_px)
        rows, columns = rows + drift[:, 0], columns + drift[:, 1]
    return look_up(fine, rows, columns)


def enlarge(images: tf.Tensor) -> tf.Tensor:
    """Return (batch, 56, 56) of (batch, 28, 28), by cubic interpolation, kept within 0..1."""
    spread = tf.constant(_cubic_matrix())  # (56, 28)
    fine = tf.einsum("ik,bkl,jl->bij", spread, images, spread)
    return tf.clip_by_value(fine, 0.0, 1.0)


@cache
def _cubic_matrix() -> NDArray[np.float32]:
    """Return the Catmull-Rom weights of the 28 pixels for each of the 56 fine ones: (56, 28)."""
    places = (np.arange(FINE_SIDE) + 0.5) / ZOOM - 0.5
    distance = np.abs(places[:, None] - np.arange(IMAGE_SIDE))
    near = 1.5 * distance**3 - 2.5 * distance**2 + 1
    far = -0.5 * distance**3 + 2.5 * distance**2 - 4 * distance + 2
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    return weights.astype(np.float32)


def change_strokes(fine: tf.Tensor, seed: tf.Tensor, bound: float | tf.Tensor) -> tf.Tensor:
    """Thicken or thin the strokes of (batch, 56, 56): by up to `bound` of a pixel on each side.

    A share of the way to the largest value within a pixel, or to the smallest within half of one:
    MNIST's strokes are 2.4 pixels wide, and a whole one off each side would leave nothing.
    """
    change = tf.random.stateless_uniform((tf.shape(fine)[0], 1, 1), seed, -bound, bound)
    thicker = largest_nearby(largest_nearby(fine))
    thinner = -largest_nearby(-fine)
    return (
        fine
        + tf.maximum(change, 0.0) * (thicker - fine)
        + tf.maximum(-change, 0.0) * (thinner - fine)
    )


def largest_nearby(images: tf.Tensor) -> tf.Tensor:
    """Return the largest value of each 3 × 3 neighbourhood, (batch, side, side)."""
    before = tf.concat([images[:, :1], images[:, :-1]], axis=1)
    after = tf.concat([images[:, 1:], images[:, -1:]], axis=1)
    images = tf.maximum(images, tf.maximum(before, after))
    before = tf.concat([images[:, :, :1], images[:, :, :-1]], axis=2)
    after = tf.concat([images[:, :, 1:], images[:, :, -1:]], axis=2)
    return tf.maximum(images, tf.maximum(before, after))


def affine_sources(
    batch: tf.Tensor, seed: tf.Tensor, distortion: Distortion, strength: float | tf.Tensor
) -> tuple[tf.Tensor, tf.Tensor]:
    """Return where each target pixel looks in the source: rows and columns, (batch, 28, 28)."""
    low, high = (1 + strength * (bound - 1) for bound in distortion.scale)
    bounds = [
        (strength * distortion.rotation_rad,) * 2,
        (strength * distortion.shear,) * 2,
        (-low, high),
        (-low, high),
        (strength * distortion.shift_px,) * 2,
        (strength * distortion.shift_px,) * 2,
    ]
    unit = tf.random.stateless_uniform((len(bounds), batch, 1, 1), seed)
    angle, shear, scale_x, scale_y, shift_x, shift_y = (
        -minus + (plus + minus) * unit[row] for row, (minus, plus) in enumerate(bounds)
    )
    y, x = np.mgrid[:IMAGE_SIDE, :IMAGE_SIDE].astype(np.float32) - np.float32(CENTRE)  # (28, 28)
    x, y = x - shift_x, y - shift_y  # (batch, 28, 28)
    cosine, sine = tf.cos(angle), tf.sin(angle)
    columns = (cosine * x + (shear * cosine - sine) * y) / scale_x
    rows = (sine * x + (shear * sine + cosine) * y) / scale_y
    return rows + CENTRE, columns + CENTRE


def elastic_drift(batch: tf.Tensor, seed: tf.Tensor, bound_px: float | tf.Tensor) -> tf.Tensor:
    """Return a smooth random displacement of each pixel: (batch, 2, 28, 28), in pixels.

    After Simard, Steinkraus and Platt 2003: smoothed noise. Here it is drawn on a few control
    points and spread by cubic B-splines. An image's standard deviation is between 0 and `bound_px`.
    """
    seeds = tf.random.split(seed, 2)
    control = tf.random.stateless_normal((batch, 2, CONTROL_POINTS, CONTROL_POINTS), seeds[0])
    control *= tf.random.stateless_uniform((batch, 1, 1, 1), seeds[1], 0.0, bound_px)
    spread = tf.constant(spline_matrix(CONTROL_POINTS))  # (28, 7)
    return tf.einsum("ik,bckl,jl->bcij", spread, control, spread)


@cache
def spline_matrix(points: int) -> NDArray[np.float32]:
    """Return cubic B-spline weights, (28, points): unit noise in, unit variance out on average."""
    places = np.linspace(1, points - 2, IMAGE_SIDE)  # between the second and the last but one
    distance = np.abs(places[:, None] - np.arange(points))
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = (2 - distance) ** 3 / 6
    weights = np.where(distance < 1, near, np.where(distance < 2, far, 0))
    weights /= np.sqrt((weights**2).sum(axis=1).mean())
    return weights.astype(np.float32)


def look_up(fine: tf.Tensor, rows: tf.Tensor, columns: tf.Tensor) -> tf.Tensor:
    """Read (batch, 56, 56) at places given in pixels of 28, bilinearly: (batch, 28, 28).

    Places outside are drawn in to the border, which is empty in nearly all pictures of MNIST's
    frame: the digit ends 4 pixels from the edge, or a little less where its mass lies to one side.
    """
    last = FINE_SIDE - 1
    y = tf.clip_by_value((rows + 0.5) * ZOOM - 0.5, 0.0, last - 1e-3)
    x = tf.clip_by_value((columns + 0.5) * ZOOM - 0.5, 0.0, last - 1e-3)
    top, left = tf.floor(y), tf.floor(x)
    y, x = y - top, x - left
    at = tf.cast(top * FINE_SIDE + left, tf.int32)
    flat = tf.reshape(fine, (-1, FINE_SIDE * FINE_SIDE))

    def value(offset: int) -> tf.Tensor:
        places = tf.reshape(at + offset, (-1, IMAGE_SIDE * IMAGE_SIDE))
        found = tf.gather(flat, places, batch_dims=1)
        return tf.reshape(found, (-1, IMAGE_SIDE, IMAGE_SIDE))

    above = value(0) * (1 - x) + value(1) * x
    below = value(FINE_SIDE) * (1 - x) + value(FINE_SIDE + 1) * x
    return above * (1 - y) + below * y
