"""The network: (batch, 28, 28) images in, logits out, read by LSTMs only.

A *reading* is the image as a sequence of 28 timesteps of 28 features: its rows from top to bottom,
or its columns from left to right. Each reading has an LSTM of its own; the pooled states of all
readings are the features, and one dense layer turns them into logits: ten of the digits and, where
strangers are drawn, an eleventh for what is no digit. Softmax belongs to the exported signature.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE
from app.inference.contract import CLASSES
from training.presets import Preset

GATES = 4  # input, forget, cell, output
FLOPS_PER_WEIGHT = 2  # a multiply and an add
PREDICT_BATCH = 500


def build_network(preset: Preset, *, unroll: bool) -> keras.Model:
    """Build the network of `preset`: float32 (batch, 28, 28), 0..1, to float32 logits.

    The logits are (batch, 10), or (batch, 11) with the stranger's in the last place.

    `unroll=True` lays the 28 timesteps out in the graph, which trains faster; `unroll=False` keeps
    the loop, which XLA compiles in a tenth of the time. The weights are the same and can be carried
    over. `use_cudnn=False`, since a graph traced with cuDNN's kernel fails on a machine without a
    GPU.
    """
    image = keras.Input((IMAGE_SIDE, IMAGE_SIDE), name="image")  # (batch, 28, 28)
    pooled = []
    for reading in preset.readings:
        sequence = image if reading == "rows" else layers.Permute((2, 1), name="transpose")(image)
        pooled += _read(sequence, preset, reading, unroll=unroll)
    features = layers.Concatenate(name="features")(pooled) if len(pooled) > 1 else pooled[0]
    if preset.dropout:
        features = layers.Dropout(preset.dropout, name="dropout")(features)
    logits = layers.Dense(output_count(preset), name="logits")(features)
    return keras.Model(image, logits, name=preset.name)


def output_count(preset: Preset) -> int:
    """Return how many logits there are: one for each digit, and one for strangers if drawn."""
    return CLASSES + (preset.drawn is not None)


def _read(
    sequence: keras.KerasTensor, preset: Preset, reading: str, *, unroll: bool
) -> list[keras.KerasTensor]:
    """Run one reading's LSTM over (batch, 28, 28); pool its states over time, (batch, states)."""
    lstm: layers.Layer = layers.LSTM(
        preset.units,
        return_sequences=preset.pooling != "last",
        unroll=unroll,
        use_cudnn=False,
        name=f"{reading}_lstm",
    )
    if preset.bidirectional:
        lstm = layers.Bidirectional(lstm, name=reading)
    states = lstm(sequence)  # (batch, 28, states), or (batch, states) for the last one
    if preset.pooling == "last":
        return [states]
    return [
        layers.GlobalMaxPooling1D(name=f"{reading}_max")(states),
        layers.GlobalAveragePooling1D(name=f"{reading}_mean")(states),
    ]


Predict = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def compile_predict(network: keras.Model) -> Predict:
    """Return a function from images (n, 28, 28), 0..1, to logits (n, 10 or 11), without dropout.

    It is traced once: keep it where it is called again. `network.predict` costs far more a call.
    """
    signature = [tf.TensorSpec((None, IMAGE_SIDE, IMAGE_SIDE), tf.float32)]
    forward = tf.function(lambda batch: network(batch, training=False), signature)

    def predict(images: NDArray[np.float32]) -> NDArray[np.float32]:
        starts = range(0, len(images), PREDICT_BATCH)
        return np.concatenate(
            [forward(tf.constant(images[at : at + PREDICT_BATCH])) for at in starts]
        )

    return predict


def forward_flops(preset: Preset) -> int:
    """Return the operations of one image's matrix products; a multiply and an add are two."""
    directions = 2 if preset.bidirectional else 1
    lstm_weights = GATES * preset.units * (IMAGE_SIDE + preset.units)
    states = len(preset.readings) * directions * preset.units
    features = states if preset.pooling == "last" else 2 * states
    products = IMAGE_SIDE * len(preset.readings) * directions * lstm_weights
    return FLOPS_PER_WEIGHT * (products + features * output_count(preset))
