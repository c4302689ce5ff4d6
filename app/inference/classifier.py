"""What others need of a network: images (n, 28, 28) in, scores of n images out.

Two ways to ask: `Classifier` blocks, for whoever has nothing else to do; `AsyncClassifier` reads
while the event loop goes on, for the batcher.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from app.inference.contract import Scores
from app.inference.manifest import Manifest


class Network(Protocol):
    """Turns images into scores. Blocking, and for one calling thread."""

    @property
    def most_images(self) -> int:
        """How many `classify` takes at most."""

    def classify(self, images: NDArray[np.float32]) -> Scores:
        """Return the scores of images float32 (n, 28, 28), 0..1.

        At least one image and at most `most_images`.
        """


class Classifier(Network, Protocol):
    """A network that is a published version."""

    @property
    def manifest(self) -> Manifest:
        """What the version says of itself."""


class Read(NamedTuple):
    """What came of a batch."""

    scores: Scores
    infer_s: float  # that the network took for it


Done = Callable[[Read | Exception], None]


class AsyncClassifier(Protocol):
    """A published version that reads beside the event loop, one batch after the other."""

    @property
    def manifest(self) -> Manifest:
        """What the version says of itself."""

    @property
    def most_images(self) -> int:
        """As of a `Network`."""

    def begin(self, images: NDArray[np.float32], done: Done) -> None:
        """Begin to read images float32 (n, 28, 28), 0..1, as many as a `Network` takes.

        At most `MOST_BATCHES` at a time, of all versions together; they are done in their order
        as long as they are read.
        Called in the event loop, in which `done` is called later, once, with what came of it. A
        `RequestError` is for those who asked; any other exception is told as an `InferenceError`.
        """
