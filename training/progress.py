"""Progress of a run: a line an epoch, on a terminal a live bar with figures and the time left.

Where a board is given, the figures of each epoch go there too.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, TextColumn
from rich.progress import Progress as Bar

from training.board import Board
from training.checkpoint import EpochFigures
from training.presets import Drawn


class Progress:
    """Shows how far a run is. `advance` as steps are taken, while it is `shown`."""

    def __init__(self, console: Console, board: Board | None = None) -> None:
        self._console = console
        self._board = board
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[figures]}{task.completed}/{task.total} steps"),
            TextColumn("{task.fields[rate]}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task("training", total=None, figures="", rate="compiling …")

    @contextmanager
    def shown(self, *, total_steps: int, done_steps: int) -> Iterator[None]:
        """Show the bar while the run goes on; `done_steps` are those of the run that is resumed."""
        self._total_steps, self._first_step, self._done_steps = total_steps, done_steps, done_steps
        self._started = time.monotonic()
        self._bar.update(self._task, total=total_steps, completed=done_steps)
        with self._bar:
            yield

    def note_drawing(self, drawn: Drawn | None) -> None:
        """Say why nothing happens for a while."""
        if drawn is not None:
            pictures = drawn.printed + drawn.written + drawn.strangers
            self._console.print(f"Drawing {pictures:,} pictures …", style="dim", highlight=False)

    def note_figures(self, epoch: int, loss: float, accuracy: float) -> None:
        """Show the epoch that goes on, with its mean loss and accuracy (0..1) so far."""
        figures = f"loss {loss:.4f} · accuracy {accuracy:.2%} · "
        self._bar.update(self._task, description=f"epoch {epoch}", figures=figures)

    def advance(self, steps: int) -> None:
        """Note that `steps` more have been taken."""
        self._done_steps += steps
        self._bar.update(self._task, completed=self._done_steps, rate=self._rate())

    def log_step(self, step: int, loss: float, accuracy: float) -> None:
        """Print the line of the recurrent-network example for the batch of `step`."""
        self._console.print(
            f"step: {step}, loss: {loss:f}, accuracy: {accuracy:f}", highlight=False
        )

    def finish_epoch(self, figures: EpochFigures, epochs: int) -> None:
        """Print one line with what the epoch gave, and log it."""
        if self._board is not None:
            self._board.log_epoch(figures)
        self._console.print(
            f"epoch {figures.epoch}/{epochs}  "
            f"loss {figures.loss:.4f}  accuracy {figures.accuracy:.2%}  "
            f"validation loss {figures.validation_loss:.4f}  "
            f"accuracy {figures.validation_accuracy:.2%}  "
            f"{self._rate()}",
            highlight=False,
        )

    def _rate(self) -> str:
        """Return "35.1 steps/s, 12:03 left"."""
        steps_per_s = (self._done_steps - self._first_step) / max(
            time.monotonic() - self._started, 1e-9
        )
        minutes, seconds = divmod(
            round((self._total_steps - self._done_steps) / max(steps_per_s, 1e-9)), 60
        )
        return f"{steps_per_s:.1f} steps/s, {minutes}:{seconds:02d} left"
