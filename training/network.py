"""The network: (batch, 28, 28) images in, logits out, read by LSTMs only.

A *reading* is the image as a sequence of 28 timesteps of 28 features: its rows from top to bottom,
or its columns from left to right. Each reading has an LSTM of its own, and maybe a second one above
it that reads the first one's states two timesteps at a time, as the pyramid of Chan et al. 2015
(arXiv:1508.01211) does. The pooled states of all LSTMs are the features, and one dense layer turns
them into logits: ten of the digits and, where strangers are drawn, an eleventh for what is no
digit. Softmax belongs to the exported signature.
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE
from training.presets import Preset

CLASSES = 10
STRIDE = 2  # timesteps of the lower LSTM that make one of the upper
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
    """Run one reading's LSTMs over (batch, 28, 28); pool their states, each (batch, states)."""
    states = _lstm(sequence, preset, preset.units, reading, unroll=unroll)
    if preset.pooling == "last":
        return [states]
    pooled = _pool(states, reading)
    if preset.upper_units is not None:
        pairs = layers.AveragePooling1D(STRIDE, name=f"{reading}_pairs")(states)
        name = f"{reading}_upper"
        upper = _lstm(pairs, preset, preset.upper_units, name, unroll=unroll)
        pooled += _pool(upper, name)
    return pooled


def _lstm(
    sequence: keras.KerasTensor, preset: Preset, units: int, name: str, *, unroll: bool
) -> keras.KerasTensor:
    """Return all states, (batch, timesteps, states), or the last, (batch, states)."""
    lstm: layers.Layer = layers.LSTM(
        units,
        return_sequences=preset.pooling != "last",
        unroll=unroll,
        use_cudnn=False,
        name=f"{name}_lstm",
    )
    if preset.bidirectional:
        lstm = layers.Bidirectional(lstm, name=name)
    return lstm(sequence)


def _pool(states: keras.KerasTensor, name: str) -> list[keras.KerasTensor]:
    """Return the largest value and the mean over time of (batch, timesteps, states)."""
    return [
        layers.GlobalMaxPooling1D(name=f"{name}_max")(states),
        layers.GlobalAveragePooling1D(name=f"{name}_mean")(states),
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
    sizes = [(IMAGE_SIDE, IMAGE_SIDE, preset.units)]  # timesteps, features, units of each LSTM
    if preset.upper_units is not None:
        sizes.append((IMAGE_SIDE // STRIDE, directions * preset.units, preset.upper_units))
    streams = len(preset.readings) * directions
    products = sum(
        streams * timesteps * GATES * units * (features + units)
        for timesteps, features, units in sizes
    )
    pools = 1 if preset.pooling == "last" else 2
    features = pools * streams * sum(units for _, _, units in sizes)
    return FLOPS_PER_WEIGHT * (products + features * output_count(preset))
