"""The loop: batches → the weights after one more epoch. The state of a run, and its steps.

Network, averaged twin, optimizer and schedule live here, and the compiled loop over them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import keras
import numpy as np
import tensorflow as tf

from app.imaging import IMAGE_SIDE
from training.batches import Batches, steps_per_epoch
from training.checkpoint import Recipe
from training.loss import batch_figures
from training.network import build_network, compile_predict
from training.progress import Progress

CHUNK_STEPS = 50  # in one call of the compiled loop, between two updates of the progress line


class Loop:
    """The state of one run: network, averaged twin, optimizer, and the compiled loop over them."""

    def __init__(self, recipe: Recipe, teachers: Sequence[keras.Model] = ()) -> None:
        """Begin with random weights. `teachers` give their answers to each batch in turn."""
        preset, self.seed = recipe.preset, recipe.seed
        keras.utils.set_random_seed(self.seed)
        self.preset = preset
        self.epochs = preset.total_epochs
        self.steps_per_epoch = steps_per_epoch(preset, recipe.training_images)
        self.total_steps = self.epochs * self.steps_per_epoch
        self.network = build_network(preset, unroll=True)
        self.averaged = build_network(preset, unroll=False)
        self.averaged.set_weights(self.network.get_weights())
        self.optimizer = keras.optimizers.Adam(self._schedule(), global_clipnorm=preset.clip_norm)
        self.optimizer.build(self.network.trainable_variables)
        self.teachers = teachers
        self.run_steps = tf.function(self._run_steps)
        self.predict = compile_predict(self.averaged)

    def _schedule(self) -> float | keras.optimizers.schedules.LearningRateSchedule:
        """Return the learning rate: constant, or a linear rise followed by a cosine to zero."""
        preset = self.preset
        if preset.warmup_fraction is None:
            return preset.peak_learning_rate
        warmup_steps = int(preset.warmup_fraction * self.total_steps)
        return keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=0.0,
            decay_steps=self.total_steps - warmup_steps,
            warmup_target=preset.peak_learning_rate,
            warmup_steps=warmup_steps,
        )

    def learning_rate(self) -> float:
        """Return the learning rate of the next step."""
        return float(self.optimizer.learning_rate)

    def variables(self, after_epochs: int) -> list[keras.Variable]:
        """What is to be kept after so many epochs.

        All that changes in training: weights, dropout's state, moments, averages. After the last
        epoch the averages, which are what the run gives.
        """
        if after_epochs == self.epochs:
            return list(self.averaged.variables)
        return [*self.network.variables, *self.optimizer.variables, *self.averaged.variables]

    def train_epoch(self, data: Batches, epoch: int, progress: Progress) -> tuple[float, float]:
        """Run one epoch; return the mean training loss and accuracy (0..1) over its batches."""
        preset = self.preset
        batches = iter(data.stream(epoch))
        chunk = preset.log_every_steps or CHUNK_STEPS
        sums = np.zeros(2)
        for start in range(0, self.steps_per_epoch, chunk):
            steps = min(chunk, self.steps_per_epoch - start)
            chunk_sums, images, labels = self.run_steps(batches, tf.constant(steps))
            sums += chunk_sums.numpy()
            progress.note_figures(epoch + 1, *(sums / (start + steps)))
            progress.advance(steps)
            if preset.log_every_steps:
                progress.log_step(start + steps, *self._measure(images, labels))
        loss, accuracy = sums / self.steps_per_epoch
        return float(loss), float(accuracy)

    def _run_steps(
        self, batches: Iterator[tuple[tf.Tensor, tf.Tensor]], steps: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """Take `steps` optimizer steps inside one graph.

        Returns the sums of the batches' (loss, accuracy), each before its step, float32 (2,); and
        the images and labels of the last batch.
        """
        batch = self.preset.batch_size
        sums = tf.zeros(2)
        images, labels = tf.zeros((batch, IMAGE_SIDE, IMAGE_SIDE)), tf.zeros(batch, tf.int32)
        for _ in tf.range(steps):
            images, labels = next(batches)
            sums += self._step(images, labels)
        return sums, images, labels

    def _measure(self, images: tf.Tensor, labels: tf.Tensor) -> tuple[float, float]:
        """Return the (loss, accuracy) of a batch by the averaged network as it is now."""
        logits = tf.constant(self.predict(images.numpy()))
        loss, accuracy = batch_figures(logits, labels, self.preset.label_smoothing).numpy()
        return float(loss), float(accuracy)

    @tf.autograph.experimental.do_not_convert  # nothing in it asks for it
    def _step(self, images: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """Take one optimizer step; return the batch's (loss, accuracy) before it, float32 (2,)."""
        preset, teacher_logits = self.preset, self._ask_teacher(images)
        with tf.GradientTape() as tape:
            logits = self.network(images, training=True)
            figures = batch_figures(
                logits, labels, preset.label_smoothing, teacher_logits, preset.teacher_share
            )
            loss = figures[0]
        gradients = tape.gradient(loss, self.network.trainable_variables)
        self.optimizer.apply(gradients)
        self._average()
        return figures

    def _ask_teacher(self, images: tf.Tensor) -> tf.Tensor | None:
        """Return the logits of the teacher whose turn it is.

        The loss is linear in the targets, so that over all turns the mean of the probabilities of
        all teachers is taught, for one forward pass a step however many there are (Hinton et al.
        2015, arXiv:1503.02531, on ensembles as teachers).
        """
        if not self.teachers:
            return None
        turn = tf.cast(self.optimizer.iterations.value, tf.int32) % len(self.teachers)
        answers = [partial(teacher, images, training=False) for teacher in self.teachers]
        return tf.switch_case(turn, answers)

    def _average(self) -> None:
        """Move the averaged weights towards the current ones; young averages move faster."""
        step = tf.cast(self.optimizer.iterations.value, tf.float32)
        keep = tf.minimum(self.preset.average_decay, (1 + step) / (10 + step))
        for average, weight in zip(
            self.averaged.trainable_variables, self.network.trainable_variables, strict=True
        ):
            average.assign(keep * average + (1 - keep) * weight)
