"""What the batcher needs of a network: images (n, 28, 28) in, scores of n images out.

`saved_model.SavedModelClassifier` is the one that serves, `fake.FakeClassifier` the one for tests.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.inference.contract import Scores
from app.inference.manifest import Manifest


class Network(Protocol):
    """Turns images into scores. Blocking, and for one calling thread."""

    @property
    def batch_sizes(self) -> tuple[int, ...]:
        """The sizes that run without padding, ascending; the last is the most one call takes."""

    def classify(self, images: NDArray[np.float32]) -> Scores:
        """Return the scores of images float32 (n, 28, 28), 0..1.

        At least one image and at most `batch_sizes[-1]`.
        """


class Classifier(Network, Protocol):
    """A network that is a published version."""

    @property
    def manifest(self) -> Manifest:
        """What the version says of itself."""
