"""Fit: a preset and a training split → trained weights, by way of checkpoints.

The schedule (warm-up, cosine), weight averaging and validation live here. Every random choice is a
function of the seed and of the step, so a run that is killed and resumed ends with the weights of
one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from app.imaging import IMAGE_SIDE
from training.batches import Batches, steps_per_epoch
from training.checkpoint import (
    EpochFigures,
    Recipe,
    load_checkpoint,
    refuse_to_overwrite,
    save_checkpoint,
)
from training.data import Split
from training.network import CLASSES, Predict, build_network, carry_over, compile_predict
from training.presets import Preset
from training.progress import Progress
from training.revision import source_revision
from training.signatures import digit_logits

STRANGER_WEIGHT = 0.3  # of telling strangers apart, beside telling digits apart
CHUNK_STEPS = 50  # in one call of the compiled loop, between two updates of the progress line


@dataclass(frozen=True)
class Fitted:
    """What a run gives: the averaged network, with its loop over time kept; and its history."""

    network: keras.Model
    history: list[EpochFigures]
    source_revision: str  # of the source that the run was started with

    @property
    def duration_s(self) -> float:
        """Seconds spent in training and validation, over all the sessions of the run."""
        return sum(epoch.duration_s for epoch in self.history)


def fit(
    preset: Preset,
    train: Split,
    validation: Split,
    *,
    seed: int,
    run_dir: Path,
    resume: bool,
    progress: Progress,
    start: keras.Model | None = None,
) -> Fitted:
    """Train `preset` on `train`; after each epoch validate, then write the checkpoint in `run_dir`.

    A new run begins with the weights of `start`, if given. `resume` goes on from that checkpoint
    with the same schedule. Raises `CheckpointError` when there is none, or when it is of another
    preset, seed or data size; and without `resume`, when there is one that is not finished.
    """
    recipe = Recipe(preset, seed, len(train))
    run = _Run(recipe)
    if resume:
        revision, history = load_checkpoint(run_dir, run.variables(), recipe)
    else:
        refuse_to_overwrite(run_dir, run.epochs)
        revision, history = source_revision(), []
        if start is not None:
            run.start_from(start)
    if len(history) == run.epochs:
        return Fitted(run.averaged, history, revision)
    done_steps = len(history) * run.steps_per_epoch
    progress.note_drawing(preset.drawn)
    batches = Batches(train, preset, seed)
    with progress.shown(total_steps=run.total_steps, done_steps=done_steps):
        for epoch in range(len(history), run.epochs):
            history.append(_run_epoch(run, batches, validation, epoch, progress))
            save_checkpoint(run_dir, run.variables(), recipe, revision, history)
            progress.finish_epoch(history[-1], run.epochs)
    return Fitted(run.averaged, history, revision)


def _run_epoch(
    run: _Run, batches: Batches, validation: Split, epoch: int, progress: Progress
) -> EpochFigures:
    """Train one epoch, then validate."""
    started = time.monotonic()
    loss, accuracy = run.train_epoch(batches, epoch, progress)
    validation_loss, validation_accuracy = validate(run.predict, validation)
    return EpochFigures(
        epoch=epoch + 1,
        loss=loss,
        accuracy=accuracy,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        learning_rate=run.learning_rate(),
        duration_s=time.monotonic() - started,
    )


def restore(preset: Preset, train: Split, *, seed: int, run_dir: Path) -> Fitted:
    """Return what the checkpoint holds, trained to the end or not; raises `CheckpointError`."""
    recipe = Recipe(preset, seed, len(train))
    run = _Run(recipe)
    revision, history = load_checkpoint(run_dir, run.variables(), recipe)
    return Fitted(run.averaged, history, revision)


def validate(predict: Predict, split: Split) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy (0..1), counted over the whole split."""
    logits = digit_logits(predict(split.scaled()))
    log_probabilities = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    loss = -log_probabilities[np.arange(len(split)), split.labels].mean()
    return float(loss), float((logits.argmax(axis=1) == split.labels).mean())


def batch_figures(logits: tf.Tensor, labels: tf.Tensor, smoothing: float) -> tf.Tensor:
    """Return the mean (loss, accuracy) of a batch, float32 (2,).

    Of logits (batch, 10) the loss is the cross-entropy. Of logits (batch, 11) the last one says
    whether it is a stranger, label 10: its binary cross-entropy over all counts STRANGER_WEIGHT
    beside the digits' own; the accuracy is the digits'. `smoothing`, 0..1, moves that share of each
    target evenly to all classes (Szegedy et al. 2016, arXiv:1512.00567).
    """
    digits = tf.cast(labels < CLASSES, tf.float32)  # (batch,)
    count = tf.maximum(tf.reduce_sum(digits), 1.0)
    targets = tf.one_hot(labels, CLASSES) * (1 - smoothing) + smoothing / CLASSES
    of_digits = digit_logits(logits)
    losses = tf.nn.softmax_cross_entropy_with_logits(targets, of_digits)
    loss = tf.reduce_sum(digits * losses) / count
    if logits.shape[-1] > CLASSES:
        strange = tf.nn.sigmoid_cross_entropy_with_logits(1 - digits, logits[:, CLASSES])
        loss += STRANGER_WEIGHT * tf.reduce_mean(strange)
    hits = tf.cast(tf.argmax(of_digits, axis=1, output_type=labels.dtype) == labels, tf.float32)
    return tf.stack([loss, tf.reduce_sum(digits * hits) / count])


class _Run:
    """The state of one run: network, averaged twin, optimizer, and the compiled loop over them."""

    def __init__(self, recipe: Recipe) -> None:
        preset, self.seed = recipe.preset, recipe.seed
        keras.utils.set_random_seed(self.seed)
        self.preset = preset
        self.epochs = preset.epochs or 1
        self.steps_per_epoch = steps_per_epoch(preset, recipe.training_images)
        self.total_steps = self.epochs * self.steps_per_epoch
        self.network = build_network(preset, unroll=True)
        self.averaged = build_network(preset, unroll=False)
        self.averaged.set_weights(self.network.get_weights())
        self.optimizer = keras.optimizers.Adam(self._schedule(), global_clipnorm=preset.clip_norm)
        self.optimizer.build(self.network.trainable_variables)
        self.run_steps = tf.function(self._run_steps)
        self.predict = compile_predict(self.averaged)

    def start_from(self, source: keras.Model) -> None:
        """Begin with the weights of another network, averages and all."""
        carry_over(source, self.network)
        self.averaged.set_weights(self.network.get_weights())

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

    def variables(self) -> list[keras.Variable]:
        """All that changes in training: weights, dropout's state, moments, averages."""
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
        with tf.GradientTape() as tape:
            logits = self.network(images, training=True)
            figures = batch_figures(logits, labels, self.preset.label_smoothing)
            loss = figures[0]
        gradients = tape.gradient(loss, self.network.trainable_variables)
        self.optimizer.apply(gradients)
        self._average()
        return figures

    def _average(self) -> None:
        """Move the averaged weights towards the current ones; young averages move faster."""
        step = tf.cast(self.optimizer.iterations.value, tf.float32)
        keep = tf.minimum(self.preset.average_decay, (1 + step) / (10 + step))
        for average, weight in zip(
            self.averaged.trainable_variables, self.network.trainable_variables, strict=True
        ):
            average.assign(keep * average + (1 - keep) * weight)
