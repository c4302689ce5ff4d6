"""Concurrent requests → batches → the network → each request its own rows.

Between the event loop, where requests wait, and one inference thread, where the network runs.
A lone request goes at once: nothing waits for company. While a batch runs the next one forms from
whatever has come meanwhile, so batches grow with the load and need no tuning.

                 submit (event loop)                    inference thread
    images (n, 28, 28) ─▶ waiting, oldest first ─▶ shares of a batch ─▶ classify ─▶ rows back to
    their requests ─▶ one call into the event loop per batch ─▶ Answer
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import (
    DeadlineExceededError,
    DrainingError,
    InferenceError,
    QueueFullError,
    RequestError,
)
from app.inference.classifier import Classifier

logger = logging.getLogger(__name__)

# Images that a request may put into a batch before the next request has its turn: a picture that
# waits behind a request of hundreds rides in the same batch or the one after.
TURN_IMAGES = 8


class Answer(NamedTuple):
    """What the network said about the images of one request."""

    probabilities: NDArray[np.float32]  # (n, 10), in the order of the images
    model_version: int
    queue_ms: float  # from submit to the answer, without infer_ms
    infer_ms: float  # sum over the batches that carried the request
    batch_size: int  # images in the last of these batches, neighbours included


@dataclass(eq=False)
class _Request:
    """The images of one caller, and how far they have come."""

    images: NDArray[np.float32]  # (n, 28, 28)
    deadline: float  # on time.monotonic()
    answer: asyncio.Future[Answer]
    submitted: float = field(default_factory=time.monotonic)
    taken: int = 0  # images already given to the network
    rows: list[NDArray[np.float32]] = field(default_factory=list)  # each (share, 10)
    infer_ms: float = 0.0

    @property
    def waiting(self) -> int:
        """Images that have not been given to the network yet."""
        return len(self.images) - self.taken


class _Share(NamedTuple):
    """The images of one request that ride together in one batch."""

    request: _Request
    images: NDArray[np.float32]


_Outcome = tuple[_Request, Answer | RequestError]


class Batcher:
    """Runs a classifier for many callers at once. Made inside the event loop that it serves."""

    def __init__(self, classifier: Classifier, max_queue_images: int) -> None:
        self._classifier = classifier
        self._max_queue_images = max_queue_images
        self._loop = asyncio.get_running_loop()
        self._open: set[asyncio.Future[Answer]] = set()  # touched in the event loop only
        self._stopped = asyncio.Event()
        # Both sides touch these three, holding the lock of the condition.
        self._changed = threading.Condition()
        self._waiting: OrderedDict[_Request, None] = OrderedDict()
        self._queued_images = 0
        self._draining = False
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the inference thread runs, so that a request would be answered."""
        return self._thread.is_alive()

    @property
    def queued_images(self) -> int:
        """Images that wait for the network now."""
        return self._queued_images

    async def submit(self, images: NDArray[np.float32], deadline: float) -> Answer:
        """Wait for the answer to images (n, 28, 28) float32 0..1, n ≥ 1.

        Raises QueueFullError and DrainingError at once, DeadlineExceededError when
        `time.monotonic()` passes the deadline first, InferenceError when the network fails.
        A caller who is cancelled, or whose deadline passes, frees its places in the queue.
        """
        request = _Request(images, deadline, self._loop.create_future())
        self._admit(request)
        self._open.add(request.answer)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await request.answer
        except TimeoutError:
            raise DeadlineExceededError(
                "The answer was not ready in time. Try again, or allow more time."
            ) from None
        finally:
            self._open.discard(request.answer)
            self._withdraw(request)

    async def drain(self, timeout_s: float) -> None:
        """Refuse new work, finish what was accepted, stop the thread.

        Whatever is unanswered after timeout_s fails with DrainingError.
        """
        with self._changed:
            self._draining = True
            self._changed.notify()
        try:
            async with asyncio.timeout(timeout_s):
                await self._stopped.wait()
            self._thread.join()  # it has said its last word
        except TimeoutError:
            self._abandon()

    # In the event loop

    def _admit(self, request: _Request) -> None:
        with self._changed:
            if self._draining:
                raise DrainingError("The service is stopping. Send the request again elsewhere.")
            if self._queued_images + request.waiting > self._max_queue_images:
                raise QueueFullError("Too many images are waiting. Try again in a moment.")
            self._queued_images += request.waiting
            self._waiting[request] = None
            self._changed.notify()

    def _withdraw(self, request: _Request) -> None:
        """Take the caller's images out of the queue, if any are still there."""
        with self._changed:
            if request in self._waiting:
                del self._waiting[request]
                self._queued_images -= request.waiting

    def _abandon(self) -> None:
        with self._changed:
            self._waiting.clear()
            self._queued_images = 0
        unanswered = [answer for answer in self._open if not answer.done()]
        logger.error("The time to stop ran out; %d requests go unanswered", len(unanswered))
        for answer in unanswered:
            answer.set_exception(DrainingError("The service stopped before it could answer."))

    def _deliver(self, outcomes: list[_Outcome]) -> None:
        """Wake the callers of a batch. Those who have left meanwhile are passed over."""
        for request, outcome in outcomes:
            if request.answer.done():
                continue
            if isinstance(outcome, Answer):
                request.answer.set_result(outcome)
            else:
                request.answer.set_exception(outcome)

    # In the inference thread

    def _run(self) -> None:
        while batch := self._take():
            if not self._tell_loop(self._deliver, self._serve(batch)):
                return
        self._tell_loop(self._stopped.set)

    def _tell_loop(self, callback: Callable[..., None], *args: object) -> bool:
        """Have the event loop call this; False when it is closed, and with it all callers gone."""
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            logger.warning("The event loop was closed before the last batch was answered")
            return False
        return True

    def _take(self) -> list[_Share]:
        """The next batch, waiting for one if need be; empty when drained."""
        with self._changed:
            while True:
                if batch := self._form_batch():
                    return batch
                if self._draining:
                    return []
                self._changed.wait()

    def _form_batch(self) -> list[_Share]:
        """Round robin over the waiting requests, TURN_IMAGES a turn, until the batch is full."""
        now = time.monotonic()
        room = self._classifier.batch_sizes[-1]
        batch = []
        while room and self._waiting:
            request, _ = self._waiting.popitem(last=False)
            if request.deadline <= now:  # submit tells its caller
                self._queued_images -= request.waiting
                continue
            size = min(request.waiting, TURN_IMAGES, room)
            batch.append(_Share(request, request.images[request.taken : request.taken + size]))
            request.taken += size
            self._queued_images -= size
            room -= size
            if request.waiting:
                self._waiting[request] = None
        return batch

    def _serve(self, batch: list[_Share]) -> list[_Outcome]:
        """Run the network on a batch; the requests that are complete with it, or failed."""
        requests = dict.fromkeys(share.request for share in batch)
        images = np.concatenate([share.images for share in batch])  # (batch, 28, 28)
        started = time.monotonic()
        try:
            probabilities = self._classifier.classify(images)  # (batch, 10)
        except Exception:
            logger.exception("The network failed on a batch of %d images", len(images))
            return [(request, _failure()) for request in requests]
        finished = time.monotonic()

        first = 0
        for share in batch:
            last = first + len(share.images)
            share.request.rows.append(probabilities[first:last])
            first = last
        for request in requests:
            request.infer_ms += 1e3 * (finished - started)
        return [
            (request, self._conclude(request, finished, len(images)))
            for request in requests
            if not request.waiting
        ]

    def _conclude(
        self, request: _Request, finished: float, batch_size: int
    ) -> Answer | RequestError:
        probabilities = np.concatenate(request.rows)  # (n, 10)
        if len(probabilities) != len(request.images) or not np.isfinite(probabilities).all():
            logger.error("The network gave rows that are missing or not finite")
            return _failure()
        return Answer(
            probabilities=probabilities,
            model_version=self._classifier.manifest.version,
            queue_ms=1e3 * (finished - request.submitted) - request.infer_ms,
            infer_ms=request.infer_ms,
            batch_size=batch_size,
        )


def _failure() -> InferenceError:
    return InferenceError("The network could not answer. The service goes on; try again.")
