"""TensorBoard's logs: the figures of each epoch → an event file that `tensorboard` draws.

TensorFlow writes them by itself. What the package tensorboard adds to `tf.summary.scalar` is the
metadata below, so that it is needed to look at the logs only.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import tensorflow as tf

from training.checkpoint import EpochFigures

SCALARS: Final = "scalars"  # the part of TensorBoard that draws curves


class Board:
    """The logs of one run; one that is resumed goes on in another file of the same folder."""

    def __init__(self, folder: Path) -> None:
        self._writer = tf.summary.create_file_writer(str(folder))
        self._metadata = tf.compat.v1.SummaryMetadata(
            plugin_data=tf.compat.v1.SummaryMetadata.PluginData(plugin_name=SCALARS)
        )

    def log_epoch(self, figures: EpochFigures) -> None:
        """Add an epoch's figures, by the number of the epoch; they are on disk afterwards."""
        with self._writer.as_default():
            for tag, value in (
                ("loss/training", figures.loss),
                ("loss/validation", figures.validation_loss),
                ("accuracy/training", figures.accuracy),
                ("accuracy/validation", figures.validation_accuracy),
                ("learning rate", figures.learning_rate),
                ("seconds an epoch", figures.duration_s),
            ):
                tensor = tf.constant(value, tf.float32)
                tf.summary.write(tag, tensor, figures.epoch, metadata=self._metadata)
        self._writer.flush()
