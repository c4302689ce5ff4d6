"""Who is told what the network does: `app.metrics.Metrics` when the service runs, nobody in tests.

Called once a batch in the event loop and once a version in the thread that loads, so whoever
listens must be quick and safe between threads.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from app.inference.readings import Reading


class BatchObserver(Protocol):
    """Is told of each batch that the network has read."""

    def batch_read(self, images: int, infer_s: float) -> None:
        """So many images took so many seconds."""

    def answered(self, readings: Sequence[Reading]) -> None:
        """This is what it says of the pictures whose answers are complete with the batch."""


class VersionObserver(Protocol):
    """Is told of each version that was tried."""

    def version_loaded(self) -> None:
        """One has passed every check."""

    def version_refused(self) -> None:
        """One must not be served."""
