"""Logits → what a version answers: probabilities and novelty, in two signatures over one network.

network ─ SavedModel ─▶ folder ─ read back (`read_back`) ─▶ the same scores, or an error.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE
from app.inference.contract import (
    CLASSES,
    DEFAULT_SIGNATURE,
    INPUT,
    NOVELTY,
    NOVELTY_SIGNATURE,
    PROBABILITIES,
    Scores,
)
from training.errors import TrainingError
from training.read_back import Answers

# Float32 kernels of other processors and of XLA differ from Keras's by some 1e-6; a wrong weight by
# far more.
TOLERANCE = 1e-3

Tensor = Any  # TensorFlow carries no types


def digit_logits(logits: Tensor) -> Tensor:
    """Return the logits of the ten digits, (n, 10), of those of a network with or without a head.

    A head for what is no digit adds an eleventh column, the strangeness.
    """
    return logits[:, :CLASSES]


def score_logits(logits: Tensor, temperature: float) -> tuple[Tensor, Tensor]:
    """Return probabilities (n, 10) and novelty (n,), 0..1, of float32 logits (n, 10) or (n, 11).

    The probabilities are the softmax of the digits' logits over `temperature`. The novelty is the
    sigmoid of the strangeness; without such a column, what the likeliest digit lacks of being sure.
    """
    probabilities = tf.nn.softmax(digit_logits(logits) / temperature)  # (n, 10)
    if logits.shape[-1] == CLASSES:
        return probabilities, 1 - tf.reduce_max(probabilities, axis=1)
    return probabilities, tf.sigmoid(logits[:, CLASSES])


def scores_of(logits: NDArray[np.float32], temperature: float) -> Scores:
    """Return what a version with these logits, (n, 10) or (n, 11), answers."""
    probabilities, novelty = score_logits(tf.constant(logits), temperature)
    return Scores(probabilities.numpy(), novelty.numpy())


def save_network(network: keras.Model, temperature: float, folder: Path) -> None:
    """Write `network` as a SavedModel with the two signatures of the contract.

    Both take `image` float32 (batch, 28, 28), 0..1. `serving_default` gives `probabilities` float32
    (batch, 10), `serving_novelty` these and `novelty` float32 (batch,). The loop over time stays a
    loop, the operations are ordinary ones, and the weights are kept once.
    """
    spec = [tf.TensorSpec((None, IMAGE_SIDE, IMAGE_SIDE), tf.float32, INPUT.name)]

    @tf.function(input_signature=spec)
    def with_novelty(image: Tensor) -> dict[str, Tensor]:
        scores = score_logits(network(image, training=False), temperature)
        return dict(zip((PROBABILITIES.name, NOVELTY.name), scores, strict=True))

    @tf.function(input_signature=spec)
    def probabilities_only(image: Tensor) -> dict[str, Tensor]:
        probabilities, _ = score_logits(network(image, training=False), temperature)
        return {PROBABILITIES.name: probabilities}

    root = tf.Module()
    root.weights = [weight.value for weight in network.weights]
    signatures = {DEFAULT_SIGNATURE: probabilities_only, NOVELTY_SIGNATURE: with_novelty}
    tf.saved_model.save(root, str(folder), signatures=signatures)


def check_parity(found: Answers, expected: Scores) -> None:
    """Raise `TrainingError` when what was read back, by either signature, is not `expected`."""
    for name, scores in (
        (NOVELTY_SIGNATURE, found.scores),
        (DEFAULT_SIGNATURE, expected._replace(probabilities=found.plain)),
    ):
        error = scores.off_by(expected)
        if not error <= TOLERANCE:
            raise TrainingError(
                "The exported version answers otherwise than the network: "
                f"{name} is off by {error:.2g}."
            )
