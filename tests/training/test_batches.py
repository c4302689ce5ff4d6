"""Batches: every image its turn, drawn pictures their share, the same again for the same seed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.tiny import TINY, tiny_split
from training.batches import Batches, batch_counts, steps_per_epoch
from training.drawn import STRANGER
from training.presets import Drawn

TRAINING = tiny_split(400, seed=3)
MIXED = replace(TINY, drawn=Drawn(30, 0.1, 25, 0.05, 40, 0.2))


def test_an_epoch_sees_every_image_once() -> None:
    """Without a buffer, an epoch is a permutation; the next one is another."""
    batches = Batches(TRAINING, TINY, 1)
    epochs = [np.concatenate([labels for _, labels in batches.stream(epoch)]) for epoch in (0, 1)]
    np.testing.assert_array_equal(np.sort(epochs[0]), np.sort(TRAINING.labels))
    assert not np.array_equal(epochs[0], epochs[1])


def test_drawn_pictures_have_their_share_of_every_batch() -> None:
    """13 of the data set, 2 printed, 1 written, 4 strangers in 20; batches as the set needs."""
    assert batch_counts(MIXED) == [13, 2, 1, 4]
    labels = np.stack([labels for _, labels in Batches(TRAINING, MIXED, 1).stream(0)])
    assert labels.shape == (steps_per_epoch(MIXED, len(TRAINING)), 20) == (30, 20)
    assert ((labels == STRANGER).sum(axis=1) == 4).all()


def test_the_last_epochs_are_distorted_less() -> None:
    """With light epochs at the end, the last one is nearer to the pictures as they are."""
    still = Batches(TRAINING, replace(TINY, distortion=None), 1)
    full, light = Batches(TRAINING, TINY, 1), Batches(TRAINING, replace(TINY, light_epochs=1), 1)

    def distance(batches: Batches, epoch: int) -> float:
        images, _ = next(iter(batches.stream(epoch)))
        as_they_are, _ = next(iter(still.stream(epoch)))
        return float(np.abs(images - as_they_are).mean())

    assert distance(light, 2) < 0.9 * distance(full, 2)
    assert distance(light, 0) == distance(full, 0)
