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
