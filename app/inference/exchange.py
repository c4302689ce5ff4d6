"""What the service and the network's process share: a piece of memory, and short messages.

    service: images into a place ─ Asked ─▶ the network's process: classify
    scores out of that place     ◀─ Told ─

Pixels and scores stay where both processes see them; through the socket go only numbers. There is a
place for each batch that the network may have; what is asked is told in the same order.
"""

from __future__ import annotations

import mmap
import os
import sys
import tempfile
from struct import Struct
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE
from app.inference.contract import CLASSES, Scores
from app.inference.manifest import Manifest
from app.inference.sizes import MOST_BATCHES, MOST_IMAGES

ASKED: Final = Struct("=III")
"""Number of the version that is to read, place, images."""

TOLD: Final = Struct("=Id")
"""Images that have been read, 0 when the network failed; seconds that it took."""

LAYOUT: Final = np.dtype(
    [
        ("images", np.float32, (MOST_IMAGES, IMAGE_SIDE, IMAGE_SIDE)),
        ("probabilities", np.float32, (MOST_IMAGES, CLASSES)),
        ("novelty", np.float32, (MOST_IMAGES,)),
    ]
)


class ToLoad(NamedTuple):
    """A version that the network's process is to load, and those that are not served any more."""

    version_dir: str
    let_go: list[int]


class Verified(NamedTuple):
    """A version that can be asked, by which number, and what it says of itself."""

    number: int
    manifest: Manifest


class Refused(NamedTuple):
    """Why a version must not be served."""

    why: str


def new_memory() -> int:
    """Return a file descriptor of as much memory as is shared, which no path leads to."""
    if sys.platform == "linux":
        memory = os.memfd_create("rowscan")
    else:
        with tempfile.TemporaryFile() as file:
            memory = os.dup(file.fileno())
    os.truncate(memory, MOST_BATCHES * LAYOUT.itemsize)
    return memory


class Exchange:
    """The memory, as either process sees it. Places are numbered from 0 to MOST_BATCHES - 1."""

    def __init__(self, memory: int) -> None:
        """Map the memory of a file descriptor, and close that."""
        shared = np.frombuffer(mmap.mmap(memory, MOST_BATCHES * LAYOUT.itemsize), LAYOUT)
        os.close(memory)
        self._images: NDArray[np.float32] = shared["images"]  # (places, MOST_IMAGES, 28, 28)
        self._probabilities: NDArray[np.float32] = shared["probabilities"]
        self._novelty: NDArray[np.float32] = shared["novelty"]

    def put_images(self, place: int, images: NDArray[np.float32]) -> None:
        """Leave images (n, 28, 28), at most MOST_IMAGES, for the network."""
        self._images[place, : len(images)] = images

    def images(self, place: int, count: int) -> NDArray[np.float32]:
        """Return so many images that were left, (count, 28, 28), where they lie."""
        return self._images[place, :count]

    def put_scores(self, place: int, scores: Scores, count: int) -> None:
        """Leave the scores of so many images; raises ValueError when they are of others."""
        if {len(each) for each in scores} != {count}:
            raise ValueError(f"the scores are not of {count} images")
        self._probabilities[place, :count], self._novelty[place, :count] = scores

    def scores(self, place: int, count: int) -> Scores:
        """Return a copy of the scores of so many images."""
        return Scores(
            self._probabilities[place, :count].copy(), self._novelty[place, :count].copy()
        )
