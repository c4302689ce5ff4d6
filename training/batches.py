"""Batches: a split and a preset → the stream of (images, labels) that one epoch trains on."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

from training.augment import distort
from training.data import Split
from training.presets import Preset

PREFETCHED = 4  # batches that are made ready while the network works


def stream_batches(
    train: Split, preset: Preset, seed: int, epoch: int, steps: int
) -> tf.data.Dataset:
    """Return one epoch's (images, labels): float32 (batch, 28, 28), 0..1, and int32 (batch,).

    With a shuffle buffer the split repeats endlessly and is shuffled as a stream; without one, each
    epoch has a permutation of its own, a function of seed and epoch, and drops the last incomplete
    batch.
    """
    labels = train.labels.astype(np.int32)
    if preset.shuffle_buffer is not None:
        stream = tf.data.Dataset.from_tensor_slices((train.images, labels)).repeat()
        stream = stream.shuffle(preset.shuffle_buffer, seed=seed + epoch)
        return stream.batch(preset.batch_size, drop_remainder=True).map(_scale).prefetch(1)

    order = np.random.default_rng([seed, epoch]).permutation(len(train))
    order = order[: steps * preset.batch_size].reshape(steps, preset.batch_size)
    all_images, all_labels = tf.constant(train.images), tf.constant(labels)

    def load(step: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        images, labels = _scale(tf.gather(all_images, indices), tf.gather(all_labels, indices))
        if preset.distortion is not None:
            images = distort(images, tf.stack([seed, epoch * steps + step]), preset.distortion)
        return images, labels

    batches = tf.data.Dataset.from_tensor_slices((np.arange(steps, dtype=np.int32), order))
    return batches.map(load, num_parallel_calls=1).prefetch(PREFETCHED)


def _scale(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Bring uint8 images (batch, 28, 28) to float32, 0..1: a batch at a time, not all at once."""
    return tf.cast(images, tf.float32) / 255, labels
