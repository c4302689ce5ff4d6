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
    if preset.shuffle_buffer is not None:
        source = tf.data.Dataset.from_tensor_slices((train.scaled(), train.labels.astype(np.int32)))
        return (
            source.repeat()
            .shuffle(preset.shuffle_buffer, seed=seed + epoch)
            .batch(preset.batch_size)
            .prefetch(1)
        )
    order = np.random.default_rng([seed, epoch]).permutation(len(train))[
        : steps * preset.batch_size
    ]
    images = tf.constant(train.images)

    def load(step: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        batch = tf.cast(tf.gather(images, indices), tf.float32) / 255
        if preset.distortion is not None:
            batch = distort(batch, tf.stack([seed, epoch * steps + step]), preset.distortion)
        return batch, tf.gather(labels, indices)

    labels = tf.constant(train.labels.astype(np.int32))
    batches = tf.data.Dataset.from_tensor_slices(
        (np.arange(steps, dtype=np.int32), order.reshape(steps, -1))
    )
    return batches.map(load, num_parallel_calls=1).prefetch(PREFETCHED)
