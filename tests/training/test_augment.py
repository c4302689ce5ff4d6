"""Distortions: seeded, bounded, and each doing what its name says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray

from training.augment import distort, elastic_drift
from training.presets import DEFAULT, Distortion

STILL = Distortion(rotation_rad=0.0, shear=0.0, scale=(1.0, 1.0), shift_px=0.0)
IMAGES = np.random.default_rng(0).random((5, 28, 28), np.float32)


def distorted(
    distortion: Distortion, seed: int = 0, images: NDArray[np.float32] = IMAGES
) -> NDArray[np.float32]:
    """Distort as training does."""
    found: NDArray[np.float32] = distort(
        tf.constant(images), tf.constant([1, seed]), distortion
    ).numpy()
    return found


def test_without_bounds_nothing_moves() -> None:
    """The identity map is the identity, but for a little blur."""
    y, x = np.mgrid[:28, :28].astype(np.float32)
    smooth = np.exp(-((x - 12) ** 2 + (y - 15) ** 2) / 20)[None]
    np.testing.assert_allclose(distorted(STILL, images=smooth), smooth, atol=0.02)


def test_strength_shrinks_every_bound() -> None:
    """At strength 0 every distortion is the identity."""
    assert DEFAULT.distortion is not None
    still = distorted(STILL)
    found = distort(tf.constant(IMAGES), tf.constant([1, 0]), DEFAULT.distortion, 0.0).numpy()
    np.testing.assert_allclose(found, still, atol=1e-5)


def test_strokes_grow_and_shrink() -> None:
    """A line of two pixels becomes up to two wider and up to one narrower, by the seed."""
    line = np.zeros((200, 28, 28), np.float32)
    line[:, :, 13:15] = 1
    widths = distorted(replace(STILL, stroke=1.0), images=line)[:, 14].sum(axis=1)
    assert 1 <= widths.min() < 1.3
    assert 3.7 < widths.max() <= 4.1


def test_the_elastic_drift_has_the_spread_it_says() -> None:
    """The standard deviation is even between 0 and the bound: on average a third of its square."""
    drift = elastic_drift(tf.constant(2000), tf.constant([1, 2]), 1.2).numpy()
    assert drift.shape == (2000, 2, 28, 28)
    assert drift.var() == pytest.approx(1.2**2 / 3, rel=0.1)
    assert np.abs(np.diff(drift, axis=-1)).mean() < 0.3  # smooth


def test_the_seed_decides() -> None:
    """Same seed, same images; another seed, others."""
    assert DEFAULT.distortion is not None
    first = distorted(DEFAULT.distortion, seed=1)
    np.testing.assert_array_equal(first, distorted(DEFAULT.distortion, seed=1))
    assert not np.array_equal(first, distorted(DEFAULT.distortion, seed=2))


def test_images_of_a_batch_move_apart() -> None:
    """Each image has its own distortion."""
    assert DEFAULT.distortion is not None
    twins = np.stack([IMAGES[0], IMAGES[0]])
    first, second = distorted(DEFAULT.distortion, images=twins)
    assert not np.array_equal(first, second)


def test_brightness_stays_in_range() -> None:
    """Bilinear resampling invents no ink."""
    assert DEFAULT.distortion is not None
    found = distorted(DEFAULT.distortion)
    assert found.min() >= 0
    assert found.max() <= 1


def test_a_shift_is_bounded() -> None:
    """A dot in the centre stays within the bound on either axis."""
    dot = np.zeros((50, 28, 28), np.float32)
    dot[:, 14, 14] = 1
    found = distorted(replace(STILL, shift_px=2.0), images=dot)
    rows, columns = np.nonzero(found.max(axis=0) > 0.1)
    assert abs(rows - 14).max() <= 3  # two pixels, and one of blur
    assert abs(columns - 14).max() <= 3
    assert len(set(rows)) > 3


def test_scale_keeps_the_centre() -> None:
    """A square grows about the centre of the frame, by the factor that was asked for."""
    square = np.zeros((1, 28, 28), np.float32)
    square[:, 9:19, 9:19] = 1
    found = distorted(replace(STILL, scale=(1.2, 1.2)), images=square)[0]
    assert abs(found.sum() / 100 - 1.44) < 0.02
    np.testing.assert_allclose(found, found[::-1, ::-1], atol=1e-5)


def test_rotation_turns_the_picture() -> None:
    """A quarter turn is numpy's quarter turn, one way or the other."""
    turned = distorted(
        replace(STILL, rotation_rad=np.pi / 2), seed=3, images=np.repeat(IMAGES[:1], 200, 0)
    )
    errors = [min(abs(t - np.rot90(IMAGES[0], k)).mean() for k in (1, -1)) for t in turned]
    assert min(errors) < 0.1 < max(errors)
