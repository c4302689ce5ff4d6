"""Degradations: seeded, within range, each doing what its name says, on the share that is asked."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import tensorflow as tf

from training.degrade import (
    add_noise,
    change_tone,
    coarsen,
    degrade,
    draw_line,
    fog,
    outline,
    patch,
)

SQUARE = np.zeros((30, 28, 28), np.float32)
SQUARE[:, 8:20, 10:18] = 1
SEED = tf.constant([1, 2])

Step = Callable[[tf.Tensor, tf.Tensor], tf.Tensor]


def test_every_third_image_is_degraded() -> None:
    """The others stay as they are, to the bit."""
    found = degrade(tf.constant(SQUARE), SEED, 3).numpy()
    changed = (found != SQUARE).any(axis=(1, 2))
    assert not changed[np.arange(30) % 3 != 0].any()
    assert changed[::3].sum() >= 6


def test_the_seed_decides() -> None:
    """Same seed, same images; another seed, others."""
    first = degrade(tf.constant(SQUARE), SEED, 1)
    np.testing.assert_array_equal(first, degrade(tf.constant(SQUARE), SEED, 1))
    assert not np.array_equal(first, degrade(tf.constant(SQUARE), SEED + 1, 1))


def test_values_stay_in_range() -> None:
    """0..1, whatever comes together."""
    found = degrade(tf.constant(SQUARE), SEED, 1).numpy()
    assert found.min() >= 0
    assert found.max() <= 1


@pytest.mark.parametrize("step", [outline, coarsen, change_tone, draw_line, patch, fog, add_noise])
def test_each_step_changes_each_image_in_its_own_way(step: Step) -> None:
    """Twins come out different, and still as pictures of the same size."""
    found = step(tf.constant(SQUARE), SEED).numpy()
    assert found.shape == SQUARE.shape
    assert np.isfinite(found).all()
    assert len({image.tobytes() for image in found}) >= 20


def test_an_outline_is_hollow() -> None:
    """The edges of the ink stay, what lies between them becomes paper."""
    found = outline(tf.constant(SQUARE), SEED).numpy()
    assert found[:, 11:17, 13:15].max() < 0.05
    assert (found[:, 6:10, 13:15].max(axis=1) > 0.2).all()


def test_a_coarse_picture_keeps_its_ink() -> None:
    """Sampling coarsely moves ink about, but the middle stays ink and the corners paper."""
    found = coarsen(tf.constant(SQUARE), SEED).numpy()
    assert found[:, 13:15, 13:15].mean() > 0.95
    assert found[:, :3, :3].max() < 0.01


def test_a_line_adds_ink_only() -> None:
    """Nothing becomes lighter under a line."""
    assert (draw_line(tf.constant(SQUARE), SEED).numpy() >= SQUARE).all()


def test_half_of_the_lines_are_zigzags() -> None:
    """A straight line's ink lies on one line but for its width; a zigzag's does not."""
    blank = tf.zeros((200, 28, 28))
    found = draw_line(blank, SEED).numpy()
    spreads = []
    for image in found[(found > 0.1).sum(axis=(1, 2)) > 12]:
        places = np.argwhere(image > 0.1)
        spreads.append(np.linalg.svd(places - places.mean(axis=0), compute_uv=False)[1])
        spreads[-1] /= np.sqrt(len(places))
    assert 0.3 < (np.array(spreads) > 1.0).mean() < 0.7


def test_fog_leaves_the_ink_above_the_paper() -> None:
    """The veil lies on the paper; full ink stays full."""
    found = fog(tf.constant(SQUARE), SEED).numpy()
    np.testing.assert_allclose(found[:, 13, 13], 1, atol=1e-6)
    assert 0.05 < found[:, :5].mean() < 0.5
