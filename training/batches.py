"""Batches: a split and a preset → the stream of (images, labels) that one epoch trains on."""

from __future__ import annotations

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from training.augment import distort
from training.data import Split
from training.degrade import degrade
from training.drawn import draw_printed, draw_strangers, draw_written
from training.presets import Preset

PREFETCHED = 4  # batches that are made ready while the network works
LIGHT_STRENGTH = 0.5  # of the distortions in the last epochs


def batch_counts(preset: Preset) -> list[int]:
    """Return how many images of a batch are of MNIST, printed, written by others, strangers."""
    if preset.drawn is None:
        return [preset.batch_size]
    shares = preset.drawn.printed_share, preset.drawn.written_share, preset.drawn.stranger_share
    drawn = [round(share * preset.batch_size) for share in shares]
    return [preset.batch_size - sum(drawn), *drawn]


def steps_per_epoch(preset: Preset, training_images: int) -> int:
    """Return the batches in which every training image is seen once, or what the preset says."""
    return preset.steps or training_images // batch_counts(preset)[0]


class Batches:
    """What a run trains on: the training split, and with it what its preset has drawn."""

    def __init__(self, train: Split, preset: Preset, seed: int) -> None:
        """Draw what there is to draw: a millisecond or two a picture."""
        self._preset, self._seed = preset, seed
        self._steps = steps_per_epoch(preset, len(train))
        self._sources = [train]
        if preset.drawn is not None:
            self._sources += [
                draw_printed(preset.drawn.printed, seed),
                draw_written(preset.drawn.written, seed),
                draw_strangers(preset.drawn.strangers, seed),
            ]
        self._images = tf.constant(np.concatenate([source.images for source in self._sources]))
        labels = np.concatenate([source.labels for source in self._sources])
        self._labels = tf.constant(labels.astype(np.int32))
        self._load = tf.function(self._distorted)  # traced once, not once an epoch

    def stream(self, epoch: int) -> tf.data.Dataset:
        """Return one epoch's (images, labels): float32 (batch, 28, 28), 0..1, and int32 (batch,).

        With a shuffle buffer the split repeats endlessly and is shuffled as a stream; without one,
        each epoch has a permutation of its own, a function of seed and epoch, and drops the last
        incomplete batch.
        """
        if self._preset.shuffle_buffer is not None:
            return self._stream_shuffled(self._preset.shuffle_buffer, epoch)
        epochs, light_epochs = self._preset.epochs, self._preset.light_epochs
        light = epochs is not None and epoch >= epochs - light_epochs
        strength = tf.constant(LIGHT_STRENGTH if light else 1.0)
        first = epoch * self._steps
        steps = np.arange(first, first + self._steps, dtype=np.int32)

        def load(step: tf.Tensor, indices: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            images, labels = self._load(step, indices, strength)
            return images, labels

        batches = tf.data.Dataset.from_tensor_slices((steps, self._order(epoch)))
        return batches.map(load, num_parallel_calls=1).prefetch(PREFETCHED)

    def _stream_shuffled(self, buffer: int, epoch: int) -> tf.data.Dataset:
        train = self._sources[0]
        labels = train.labels.astype(np.int32)
        stream = tf.data.Dataset.from_tensor_slices((train.images, labels)).repeat()
        stream = stream.shuffle(buffer, seed=self._seed + epoch)
        return stream.batch(self._preset.batch_size, drop_remainder=True).map(_scale).prefetch(1)

    def _order(self, epoch: int) -> NDArray[np.int32]:
        """Return which images of the joined sources make up each batch: (steps, batch)."""
        random = np.random.default_rng([self._seed, epoch])
        columns, first = [], 0
        for source, count in zip(self._sources, batch_counts(self._preset), strict=True):
            wanted = self._steps * count
            rounds = -(-wanted // len(source))
            order = np.concatenate([random.permutation(len(source)) for _ in range(rounds)])
            columns.append(first + order[:wanted].reshape(self._steps, count))
            first += len(source)
        return np.hstack(columns).astype(np.int32)

    def _distorted(
        self, step: tf.Tensor, indices: tf.Tensor, strength: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Return the images and labels at `indices`, distorted as is the lot of this step."""
        images, labels = _scale(tf.gather(self._images, indices), tf.gather(self._labels, indices))
        distortion = self._preset.distortion
        if distortion is None:
            return images, labels
        seeds = tf.random.split(tf.stack([self._seed, step]), 2)
        images = distort(images, seeds[0], distortion, strength)
        if distortion.degrade_every is not None:
            every = tf.cast(distortion.degrade_every / strength, tf.int32)
            images = degrade(images, seeds[1], every)
        return images, labels


def _scale(images: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Bring uint8 images (batch, 28, 28) to float32, 0..1: a batch at a time, not all at once."""
    return tf.cast(images, tf.float32) / 255, labels
