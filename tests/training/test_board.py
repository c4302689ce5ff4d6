"""TensorBoard finds the figures of each epoch."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import tensorflow as tf
from rich.console import Console

from tests.tiny import printed, silent_console
from training.board import Board
from training.checkpoint import EpochFigures
from training.data import Mnist
from training.job import Job
from training.presets import find_preset
from training.progress import Progress

SECOND = EpochFigures(2, 0.5, 0.875, 0.25, 0.9375, 0.001, 3.0)


def logged(folder: Path) -> dict[tuple[str, int], Any]:
    """All that the event files in a folder hold, by tag and step; scalars only."""
    found = {}
    for file in sorted(folder.iterdir()):
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event = tf.compat.v1.Event.FromString(record)
            for value in event.summary.value:
                assert value.metadata.plugin_data.plugin_name == "scalars"
                found[value.tag, event.step] = tf.make_ndarray(value.tensor).item()
    return found


def test_figures_are_logged_by_epoch(tmp_path: Path) -> None:
    """Losses, accuracies and the learning rate, at once readable."""
    board = Board(tmp_path)
    board.log_epoch(SECOND)
    found = logged(tmp_path)
    assert found["loss/training", 2] == 0.5
    assert found["loss/validation", 2] == 0.25
    assert found["accuracy/training", 2] == 0.875
    assert found["accuracy/validation", 2] == 0.9375
    assert found["learning rate", 2] == pytest.approx(0.001)


def test_progress_logs_each_epoch(tmp_path: Path) -> None:
    """As it prints its line."""
    progress = Progress(silent_console(), Board(tmp_path))
    with progress.shown(total_steps=20, done_steps=10):
        progress.advance(10)
        progress.finish_epoch(SECOND, epochs=2)
    assert logged(tmp_path)["loss/validation", 2] == 0.25


def test_each_run_has_a_folder_of_its_own(mnist: Mnist, tmp_path: Path) -> None:
    """Those that come first too, so that TensorBoard shows them side by side."""
    job = Job(find_preset("default"), 3, mnist, tmp_path / "run", tmp_path, tmp_path / "logs")
    folders = [each.board_dir for each in (job, *job.teachers)]
    names = ["default-3", *(each.run_dir.name for each in job.teachers)]
    assert folders == [tmp_path / "logs" / name for name in names]
    assert replace(job, boards_dir=None).board_dir is None


def test_the_bar_shows_the_epoch_that_goes_on() -> None:
    """On a terminal its loss and accuracy so far stand beside the steps and the time left."""
    console = Console(file=io.StringIO(), width=160, force_terminal=True)
    progress = Progress(console)
    with progress.shown(total_steps=100, done_steps=0):
        progress.note_figures(3, 0.25, 0.9125)
        progress.advance(40)
    assert "loss 0.2500 · accuracy 91.25% · 40/100 steps" in (text := printed(console))
    assert "epoch 3" in text
    assert " left" in text
