"""Augmentation: a batch of images → the same digits as other hands might have put them.

Pure functions of a batch and a seed: the same seed gives the same distortion, in whatever order and
on however many threads the pipeline runs them, which is what makes a resumed run equal to an
uninterrupted one.
"""

from __future__ import annotations

import tensorflow as tf

from app.imaging import IMAGE_SIDE
from training.presets import Distortion

CENTRE = (IMAGE_SIDE - 1) / 2  # of the pixel grid, in the convention where pixel i lies at i


def distort(images: tf.Tensor, seed: tf.Tensor, distortion: Distortion) -> tf.Tensor:
    """Map every image through its own random affine distortion about the centre of the frame.

    Args:
        images: float32 (batch, 28, 28), 0..1.
        seed: int (2,); the same seed, the same distortions.
        distortion: the bounds; scale and shift are drawn for each axis apart.

    Returns:
        float32 (batch, 28, 28), 0..1; bilinear, empty where the source ends.
    """
    batch = tf.shape(images)[0]
    low, high = distortion.scale
    bounds = [
        (-distortion.rotation_rad, distortion.rotation_rad),
        (-distortion.shear, distortion.shear),
        (low, high),
        (low, high),
        (-distortion.shift_px, distortion.shift_px),
        (-distortion.shift_px, distortion.shift_px),
    ]
    unit = tf.random.stateless_uniform((len(bounds), batch), seed)  # (6, batch)
    angle, shear, scale_x, scale_y, shift_x, shift_y = (
        minimum + (maximum - minimum) * unit[row] for row, (minimum, maximum) in enumerate(bounds)
    )
    # Output pixel (x, y) takes the source's (a x + b y + c, d x + e y + f).
    a, b = tf.cos(angle) / scale_x, (shear * tf.cos(angle) - tf.sin(angle)) / scale_x
    d, e = tf.sin(angle) / scale_y, (shear * tf.sin(angle) + tf.cos(angle)) / scale_y
    c = CENTRE - a * (CENTRE + shift_x) - b * (CENTRE + shift_y)
    f = CENTRE - d * (CENTRE + shift_x) - e * (CENTRE + shift_y)
    zero = tf.zeros_like(a)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=images[..., tf.newaxis],  # (batch, 28, 28, 1)
        transforms=tf.stack([a, b, c, d, e, f, zero, zero], axis=1),  # (batch, 8)
        output_shape=(IMAGE_SIDE, IMAGE_SIDE),
        fill_value=0.0,
        interpolation="BILINEAR",
        fill_mode="CONSTANT",
    )[..., 0]  # (batch, 28, 28)
