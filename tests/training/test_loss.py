"""The loss: by hand, of digits and of strangers."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from training.loss import STRANGER_WEIGHT, batch_figures


def test_smoothed_loss_by_hand() -> None:
    """Two sure answers, one wrong, logits 0 and 10 ten ways: targets 0.91 and 0.01."""
    logits = tf.constant(10 * np.eye(10, dtype=np.float32)[[3, 4]])
    loss, accuracy = batch_figures(logits, tf.constant([3, 5]), 0.1).numpy()
    rest = np.log(np.exp(10) + 9)  # of both rows
    right, wrong = rest - 0.91 * 10, rest - 0.01 * 10
    assert loss == pytest.approx((right + wrong) / 2, rel=1e-5)
    assert accuracy == 0.5


def test_strangers_count_for_the_eleventh_output_alone() -> None:
    """A stranger adds nothing to the digits' loss and accuracy; it is a target of its own."""
    logits = np.zeros((2, 11), np.float32)
    logits[0, 3] = 50
    logits[:, 10] = -50, 3
    loss, accuracy = batch_figures(tf.constant(logits), tf.constant([3, 10]), 0.0).numpy()
    assert loss == pytest.approx(STRANGER_WEIGHT * np.log1p(np.exp(-3)) / 2, rel=1e-4)
    assert accuracy == 1


def test_a_teacher_moves_the_targets() -> None:
    """Half of the target is what the teacher says, of digits and of strangers."""
    logits = np.zeros((1, 11), np.float32)
    taught = np.full((1, 11), -50, np.float32)
    taught[0, 4] = taught[0, 10] = 50
    logits[0, 3], logits[0, 10] = 2, 1
    loss, accuracy = batch_figures(
        tf.constant(logits), tf.constant([3]), 0.0, tf.constant(taught), 0.5
    ).numpy()
    of_digits = np.log(np.exp(2) + 9) - 0.5 * 2
    of_stranger = np.log1p(np.exp(1)) - 0.5 * 1
    assert loss == pytest.approx(of_digits + STRANGER_WEIGHT * of_stranger, rel=1e-5)
    assert accuracy == 1
