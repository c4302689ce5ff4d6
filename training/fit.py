"""Fit: a preset and a training split → trained weights, by way of checkpoints.

Every random choice is a function of the seed and of the step, so a run that is killed and resumed
ends with the weights of one that was not.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from training.batches import Batches
from training.checkpoint import (
    EpochFigures,
    Recipe,
    load_checkpoint,
    refuse_to_overwrite,
    save_checkpoint,
)
from training.data import Split
from training.loop import Loop
from training.network import Predict
from training.presets import Preset
from training.progress import Progress
from training.revision import source_revision
from training.signatures import digit_logits


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
    teachers: Sequence[keras.Model] = (),
) -> Fitted:
    """Train `preset` on `train`; after each epoch validate, then write the checkpoint in `run_dir`.

    `teachers` are the networks that the preset is taught by. `resume` goes on from that checkpoint
    with the same schedule. Raises `CheckpointError` when there is none, or when it is of another
    preset, seed or data size; and without `resume`, when there is one that is not finished.
    """
    if len(teachers) != len(preset.teacher_seeds):
        raise ValueError(f"preset {preset.name} is taught by {len(preset.teacher_seeds)} networks")
    recipe = Recipe(preset, seed, len(train))
    loop = Loop(recipe, teachers)
    if resume:
        revision, history = load_checkpoint(run_dir, loop.variables, recipe)
    else:
        refuse_to_overwrite(run_dir)
        revision, history = source_revision(), []
    if len(history) == loop.epochs:
        return Fitted(loop.averaged, history, revision)
    done_steps = len(history) * loop.steps_per_epoch
    progress.note_drawing(preset.drawn)
    batches = Batches(train, preset, seed)
    with progress.shown(total_steps=loop.total_steps, done_steps=done_steps):
        for epoch in range(len(history), loop.epochs):
            history.append(_run_epoch(loop, batches, validation, epoch, progress))
            save_checkpoint(run_dir, loop.variables(epoch + 1), recipe, revision, history)
            progress.finish_epoch(history[-1], loop.epochs)
    return Fitted(loop.averaged, history, revision)


def _run_epoch(
    loop: Loop, batches: Batches, validation: Split, epoch: int, progress: Progress
) -> EpochFigures:
    """Train one epoch, then validate."""
    started = time.monotonic()
    loss, accuracy = loop.train_epoch(batches, epoch, progress)
    validation_loss, validation_accuracy = validate(loop.predict, validation)
    return EpochFigures(
        epoch=epoch + 1,
        loss=loss,
        accuracy=accuracy,
        validation_loss=validation_loss,
        validation_accuracy=validation_accuracy,
        learning_rate=loop.learning_rate(),
        duration_s=time.monotonic() - started,
    )


def restore(preset: Preset, train: Split, *, seed: int, run_dir: Path) -> Fitted:
    """Return what the checkpoint holds, trained to the end or not; raises `CheckpointError`."""
    recipe = Recipe(preset, seed, len(train))
    loop = Loop(recipe)
    revision, history = load_checkpoint(run_dir, loop.variables, recipe)
    return Fitted(loop.averaged, history, revision)


def validate(predict: Predict, split: Split) -> tuple[float, float]:
    """Return the mean cross-entropy and the accuracy (0..1), counted over the whole split."""
    logits = digit_logits(predict(split.scaled()))
    log_probabilities = logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)
    loss = -log_probabilities[np.arange(len(split)), split.labels].mean()
    return float(loss), float((logits.argmax(axis=1) == split.labels).mean())
