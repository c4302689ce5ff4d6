"""Checkpoints: the state of a run in one file, replaced atomically after every epoch.

All that it takes to go on; at the end of the run, what it gives.
"""

from __future__ import annotations

import dataclasses
import json
import os
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.errors import CheckpointError
from training.presets import Preset

CHECKPOINT_NAME = "checkpoint.npz"
RUN_KEY = "run"  # the JSON beside the arrays


@dataclass(frozen=True)
class EpochFigures:
    """What one epoch gave: mean cross-entropies in nats, accuracies 0..1.

    Those of validation are the averaged weights'.
    """

    epoch: int
    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    duration_s: float


@dataclass(frozen=True)
class Recipe:
    """What decides the result of a run; a checkpoint goes on only with the same."""

    preset: Preset
    seed: int
    training_images: int


class Variable(Protocol):
    """The part of a Keras variable that a checkpoint needs."""

    shape: tuple[int, ...]

    def numpy(self) -> NDArray[np.generic]:
        """Return the value as an array."""
        ...

    def assign(self, value: NDArray[np.generic]) -> object:
        """Replace the value."""
        ...


def save_checkpoint(
    run_dir: Path,
    variables: Sequence[Variable],
    recipe: Recipe,
    source_revision: str,
    history: Sequence[EpochFigures],
) -> None:
    """Write the state after an epoch; a reader, or a kill, never sees half of it."""
    run = {
        "recipe": dataclasses.asdict(recipe),
        "source_revision": source_revision,
        "history": [dataclasses.asdict(epoch) for epoch in history],
    }
    run_dir.mkdir(parents=True, exist_ok=True)
    partial = run_dir / f".{CHECKPOINT_NAME}.part"
    with partial.open("wb") as file:
        arrays = {str(index): variable.numpy() for index, variable in enumerate(variables)}
        np.savez(file, allow_pickle=False, **{RUN_KEY: np.array(json.dumps(run)), **arrays})
        file.flush()
        os.fsync(file.fileno())
    partial.replace(run_dir / CHECKPOINT_NAME)


def load_checkpoint(
    run_dir: Path, variables_after: Callable[[int], Sequence[Variable]], recipe: Recipe
) -> tuple[str, list[EpochFigures]]:
    """Put the saved state into the variables; return the source revision and the history so far.

    `variables_after` gives those that were saved after so many epochs. Raises `CheckpointError`
    when there is no checkpoint, or it is damaged, or of another recipe.
    """
    path = run_dir / CHECKPOINT_NAME
    try:
        with np.load(path) as archive:
            run = json.loads(str(archive[RUN_KEY]))
            arrays = [archive[str(index)] for index in range(len(archive.files) - 1)]
    except FileNotFoundError:
        raise _no_checkpoint(run_dir) from None
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise CheckpointError(
            f"{path} is damaged ({error}). Delete it and start afresh."
        ) from error
    _check_same_recipe(path, run["recipe"], recipe)
    variables = variables_after(len(run["history"]))
    if [array.shape for array in arrays] != [tuple(variable.shape) for variable in variables]:
        raise CheckpointError(f"{path} is of another network. Delete it and start afresh.")
    for variable, array in zip(variables, arrays, strict=True):
        variable.assign(array)
    return run["source_revision"], [EpochFigures(**epoch) for epoch in run["history"]]


def has_checkpoint(run_dir: Path) -> bool:
    """Return whether a run has left a checkpoint in `run_dir`, finished or not."""
    return (run_dir / CHECKPOINT_NAME).exists()


def require_checkpoint(run_dir: Path) -> None:
    """Raise `CheckpointError` when no run has left one."""
    if not has_checkpoint(run_dir):
        raise _no_checkpoint(run_dir)


def _no_checkpoint(run_dir: Path) -> CheckpointError:
    return CheckpointError(
        f"{run_dir} holds no checkpoint. Train first: train without --resume begins a run."
    )


@dataclass(frozen=True)
class Past:
    """What a run was that has left a checkpoint."""

    preset: dict[str, Any]
    seed: int
    source_revision: str
    epochs: int
    duration_s: float

    @property
    def total_epochs(self) -> int:
        """How many it has when it is whole; see `Preset.total_epochs`."""
        return self.preset["epochs"] or 1


def read_past(run_dir: Path) -> Past | None:
    """Return what the checkpoint in `run_dir` tells of its run, without its weights; None: none."""
    try:
        with np.load(run_dir / CHECKPOINT_NAME) as archive:
            run = json.loads(str(archive[RUN_KEY]))
            return Past(
                preset=run["recipe"]["preset"],
                seed=run["recipe"]["seed"],
                source_revision=run["source_revision"],
                epochs=len(run["history"]),
                duration_s=round(sum(epoch["duration_s"] for epoch in run["history"]), 1),
            )
    except (OSError, EOFError, ValueError, KeyError, zipfile.BadZipFile):
        return None  # or none that anyone could go on from


def is_whole(run_dir: Path, preset: Preset, seed: int) -> bool:
    """Return whether such a run has been trained to its end there."""
    past = read_past(run_dir)
    return (
        past is not None
        and (past.preset, past.seed) == (_in_json(preset), seed)
        and past.epochs == preset.total_epochs
    )


def refuse_to_overwrite(run_dir: Path) -> None:
    """Raise `CheckpointError` when a run that is not finished lies in `run_dir`."""
    past = read_past(run_dir)
    if past is not None and past.epochs < past.total_epochs:
        raise CheckpointError(
            f"{run_dir / CHECKPOINT_NAME} holds {past.epochs} of {past.total_epochs} epochs. "
            "Go on with --resume, or delete it."
        )


def _check_same_recipe(path: Path, saved: dict[str, Any], recipe: Recipe) -> None:
    """Refuse to go on with another recipe than the one the checkpoint was made with."""
    if saved["preset"]["name"] != recipe.preset.name:
        raise CheckpointError(
            f"{path} was made with --preset {saved['preset']['name']}. Use that preset, or another "
            "--run-dir."
        )
    if saved["seed"] != recipe.seed:
        raise CheckpointError(f"{path} was made with --seed {saved['seed']}. Use that seed.")
    if saved["training_images"] != recipe.training_images:
        raise CheckpointError(
            f"{path} was made with {saved['training_images']} training images, "
            f"not {recipe.training_images}. Use the same data."
        )
    if saved["preset"] != _in_json(recipe.preset):
        raise CheckpointError(
            f"{path} was made with other settings of preset {saved['preset']['name']}. "
            "Delete it and start afresh."
        )


def _in_json(preset: Preset) -> dict[str, Any]:
    """The preset as a checkpoint tells of it."""
    written: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(preset)))
    return written
