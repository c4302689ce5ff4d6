"""Requests that wait for the network, handed out in shares: bounded and fair.

Requests of one or many images go in; shares of them, as many as are to be read now, come out.
Counted in images throughout, since these are what the network's time goes by.

When the classifier is replaced, requests that wait are read by the new one. A request whose first
images the old one has read is read to its end by the old one, so that no answer is of two versions.
"""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import DrainingError, QueueFullError
from app.inference.classifier import AsyncClassifier
from app.inference.contract import Scores
from app.inference.manifest import Manifest
from app.inference.readings import Reading
from app.inference.sizes import batch_images

# Images that a request may put into a batch before the next request has its turn: a picture that
# waits behind a request of hundreds rides in the next batch that is begun.
TURN_IMAGES = 8


class Answer(NamedTuple):
    """What the network said about the images of one request."""

    scores: Scores  # in the order of the images
    readings: list[Reading]  # likewise
    manifest: Manifest  # of the version that read them
    queue_ms: float  # from submit to the answer, without infer_ms
    infer_ms: float  # sum over the batches that carried the request
    batch_size: int  # images in the last of these batches, neighbours included
    finished: float  # the last of them, on time.monotonic()


@dataclass(eq=False, slots=True)
class Request:
    """The images of one caller, and how far they have come."""

    images: NDArray[np.float32]  # (n, 28, 28)
    deadline: float  # on time.monotonic()
    answer: asyncio.Future[Answer]
    one_picture: bool = False  # all images but the last are stages of it
    submitted: float = field(default_factory=time.monotonic)
    classifier: AsyncClassifier | None = None  # the one that reads it, from its first image on
    taken: int = 0  # images already given to the network
    read: int = 0  # images that the network is through with
    scores: list[Scores] = field(default_factory=list)  # of each share that has been read
    readings: list[Reading] = field(default_factory=list)  # of each image of these shares
    infer_ms: float = 0.0
    in_doubt: bool = False  # a batch that carried it gave scores that are not all sound

    @property
    def waiting(self) -> int:
        """Images that have not been given to the network yet."""
        return len(self.images) - self.taken


class Share(NamedTuple):
    """The images of one request that ride together in one batch."""

    request: Request
    images: NDArray[np.float32]


class Batch(NamedTuple):
    """Shares that one classifier reads at once."""

    classifier: AsyncClassifier
    shares: list[Share]

    @property
    def images(self) -> int:
        """Images in all shares."""
        return sum(len(share.images) for share in self.shares)

    @property
    def requests(self) -> list[Request]:
        """The requests that have shares, each once."""
        return list(dict.fromkeys(share.request for share in self.shares))


class FairQueue:
    """First come, first served, but only TURN_IMAGES at a time while others wait."""

    def __init__(self, classifier: AsyncClassifier, max_images: int) -> None:
        self._max_images = max_images
        self._classifier = classifier
        self._requests: OrderedDict[Request, None] = OrderedDict()
        self._images = 0
        self.closed = False

    @property
    def images(self) -> int:
        """Images that wait now."""
        return self._images

    @property
    def fills_a_batch(self) -> bool:
        """Whether the largest batch could be made of what waits, were it all for one version."""
        return self._images >= self._classifier.most_images

    def check_room(self) -> None:
        """Raise QueueFullError when no image more may wait."""
        self._check_room(1)

    def put(self, request: Request) -> None:
        """Let a request wait. Raises DrainingError when closed, QueueFullError without room."""
        if self.closed:
            raise DrainingError("The service is stopping. Send the request again elsewhere.")
        self._check_room(request.waiting)
        self._images += request.waiting
        self._requests[request] = None

    def _check_room(self, images: int) -> None:
        if self._images + images > self._max_images:
            raise QueueFullError("Too many images are waiting. Try again in a moment.")

    def withdraw(self, request: Request) -> None:
        """Take out what still waits of a request, if anything does."""
        if request in self._requests:
            del self._requests[request]
            self._images -= request.waiting

    def replace(self, classifier: AsyncClassifier) -> None:
        """Let this classifier read every request that has not been begun."""
        self._classifier = classifier

    def close(self) -> None:
        """Refuse what comes from now on."""
        self.closed = True

    def take(self) -> Batch | None:
        """The next batch, for one classifier; None when nothing waits.

        Goes round the requests until it is full. Those that are too late, or gone, are dropped;
        those that another classifier reads keep their place.
        """
        now = time.monotonic()
        batch: Batch | None = None
        passed_over: list[Request] = []
        room = 0
        while self._requests and (room or batch is None):
            request, _ = self._requests.popitem(last=False)
            if request.deadline <= now or request.answer.done():
                self._images -= request.waiting
                continue
            classifier = request.classifier or self._classifier
            if batch is None:
                batch = Batch(classifier, [])
                room = self._room(classifier.most_images)
            elif batch.classifier is not classifier:
                passed_over.append(request)
                continue
            request.classifier = classifier
            turn = TURN_IMAGES if self._requests else room
            room -= self._share_out(request, min(request.waiting, turn, room), batch)
        for request in reversed(passed_over):
            self._requests[request] = None
            self._requests.move_to_end(request, last=False)
        return batch

    def _room(self, most: int) -> int:
        """How many images to read now: of one request that waits alone, all, up to the most."""
        alone = not self._requests
        return min(self._images, most) if alone else batch_images(self._images, most)

    def _share_out(self, request: Request, size: int, batch: Batch) -> int:
        """Put so many images of a request into the batch, and the request behind the others."""
        share = request.images[request.taken : request.taken + size]
        batch.shares.append(Share(request, share))
        request.taken += size
        self._images -= size
        if request.waiting:
            self._requests[request] = None
        return size
