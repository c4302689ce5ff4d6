"""The network: shapes, sizes, and what stays the same when the graph changes."""

from __future__ import annotations

from dataclasses import replace

import keras
import numpy as np
import pytest

from tests.tiny import TINY
from training.network import build_network, compile_predict, forward_flops
from training.presets import DEFAULT, TUTORIAL, Preset

IMAGES = np.random.default_rng(0).random((7, 28, 28), np.float32)


def test_unrolled_and_looped_networks_agree() -> None:
    """What is trained unrolled is what is served as a loop."""
    unrolled = build_network(TINY, unroll=True)
    looped = build_network(TINY, unroll=False)
    looped.set_weights(unrolled.get_weights())
    np.testing.assert_allclose(
        compile_predict(looped)(IMAGES), compile_predict(unrolled)(IMAGES), atol=1e-5
    )


def test_an_image_is_read_alike_alone_and_among_others() -> None:
    """No image looks at its neighbours in the batch."""
    network = build_network(TINY, unroll=False)
    predict = compile_predict(network)
    together = predict(IMAGES)
    alone = np.concatenate([predict(image[None]) for image in IMAGES])
    np.testing.assert_allclose(alone, together, atol=1e-5)


def test_more_images_than_a_batch_are_all_read() -> None:
    """507 images in batches of 500: the last seven are those of a batch of their own."""
    predict = compile_predict(build_network(TINY, unroll=False))
    images = np.random.default_rng(1).random((507, 28, 28), np.float32)
    np.testing.assert_allclose(predict(images)[500:], predict(images[500:]), atol=1e-5)


def test_columns_are_the_rows_of_the_transposed_image() -> None:
    """The second reading sees what the first would see of the image turned over."""
    rows = build_network(replace(TINY, readings=("rows",)), unroll=False)
    columns = build_network(replace(TINY, readings=("columns",)), unroll=False)
    columns.set_weights(rows.get_weights())
    np.testing.assert_allclose(
        compile_predict(columns)(IMAGES.transpose(0, 2, 1)),
        compile_predict(rows)(IMAGES),
        atol=1e-5,
    )


@pytest.mark.parametrize(("preset", "parameters"), [(TUTORIAL, 8_138), (DEFAULT, 205_643)])
def test_sizes(preset: Preset, parameters: int) -> None:
    """LSTM weights: 4 units (28 + units + 1) a direction; and the dense layer."""
    assert build_network(preset, unroll=False).count_params() == parameters


def test_flops_of_the_tutorial_by_hand() -> None:
    """28 steps of 4 gates of 32 units over 28 + 32 inputs, and 32 x 10 at the end."""
    assert forward_flops(TUTORIAL) == 2 * (28 * 4 * 32 * (28 + 32) + 32 * 10)


def test_layers_are_recurrent_only() -> None:
    """Nothing convolutional."""
    network = build_network(DEFAULT, unroll=False)
    kinds = {type(layer) for layer in network.layers}
    assert keras.layers.Bidirectional in kinds
    assert not any("Conv" in kind.__name__ for kind in kinds)
