"""How much faster the `tutorial` preset trains than the example that it is taken from.

The example calls its network eagerly, operation by operation, for 1000 steps. The preset takes the
same steps in one compiled graph with the timesteps laid out. Each runs in a process of its own and
is timed from the data's arrays to the last step, with tracing (and, for the preset, validation and
the checkpoint) counted in and the import of TensorFlow left out.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

from training.data import Split, open_mnist


def measure(data_dir: Path | None, pairs: int) -> dict[str, float]:
    """Return the medians of both loops, in seconds, and the ratio pair by pair."""
    training, validation = open_mnist(data_dir).training()
    eager_s: list[float] = []
    preset_s: list[float] = []
    for _ in range(pairs):
        for times, loop in ((eager_s, train_eagerly), (preset_s, train_preset)):
            with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
                times.append(fresh.submit(loop, training, validation).result())
    ratios = [eager / preset for eager, preset in zip(eager_s, preset_s, strict=True)]
    return {
        "eager_loop_s": statistics.median(eager_s),
        "preset_s": statistics.median(preset_s),
        "times_faster": statistics.median(ratios),
        "times_faster_least": min(ratios),
    }


def train_preset(training: Split, validation: Split) -> float:
    """Train the preset; return the seconds, with validation and checkpoint."""
    import tensorflow as tf
    from rich.console import Console

    from training.fit import fit
    from training.presets import TUTORIAL
    from training.progress import Progress

    tf.zeros(1)
    with tempfile.TemporaryDirectory() as folder:
        started = time.monotonic()
        progress = Progress(Console(stderr=True, quiet=True))
        fit(
            TUTORIAL, training, validation, seed=1, run_dir=Path(folder), resume=False,
            progress=progress,
        )  # fmt: skip
        return time.monotonic() - started


def train_eagerly(training: Split, _: Split) -> float:
    """Train the same network as the example does, one eager call after another; the seconds."""
    import keras
    import tensorflow as tf

    from training.presets import TUTORIAL

    class Network(keras.Model):
        """An LSTM over the rows and a dense layer, as a model to call."""

        def __init__(self) -> None:
            super().__init__()
            self.lstm = keras.layers.LSTM(TUTORIAL.units)
            self.logits = keras.layers.Dense(10)

        def call(self, images: tf.Tensor) -> tf.Tensor:
            """Return logits (batch, 10)."""
            return self.logits(self.lstm(images))

    network = Network()
    optimizer = keras.optimizers.Adam(TUTORIAL.peak_learning_rate)
    started = time.monotonic()
    data = tf.data.Dataset.from_tensor_slices((training.scaled(), training.labels.astype("int64")))
    batches = data.repeat().shuffle(TUTORIAL.shuffle_buffer).batch(TUTORIAL.batch_size).prefetch(1)
    for images, labels in batches.take(TUTORIAL.steps):
        with tf.GradientTape() as tape:
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, network(images))
            loss = tf.reduce_mean(losses)
        weights = network.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
    return time.monotonic() - started
