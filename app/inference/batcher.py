"""Concurrent requests → batches → the network → each request its own scores.

All in the event loop, beside which the network reads. A lone request goes at once: nothing waits
for company. While a batch is read the next one forms from what has come meanwhile, so batches grow
with the load and need no tuning. One that is full already is handed over ahead, so that the network
need not wait for the event loop between two of them.

    images (n, 28, 28) ─ submit ─▶ fair queue ─▶ shares of a batch ─ begin … end ─▶
    each request its scores ─▶ Answer
"""

from __future__ import annotations

import asyncio
import logging
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.errors import DeadlineExceededError, DrainingError
from app.inference.classifier import AsyncClassifier, Read
from app.inference.fair_queue import Answer, Batch, FairQueue, Request
from app.inference.observer import BatchObserver
from app.inference.outcomes import Outcome, answered, failed
from app.inference.sizes import MOST_BATCHES

logger = logging.getLogger(__name__)


class Batcher:
    """Runs a classifier for many callers at once. Made inside the event loop that it serves."""

    def __init__(
        self,
        classifier: AsyncClassifier,
        max_queue_images: int,
        observer: BatchObserver | None = None,
    ) -> None:
        self._queue = FairQueue(classifier, max_queue_images)
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._open: set[Request] = set()  # not answered yet
        self._due = False  # whether a batch is to be begun in the next turn of the event loop
        self._begun = 0  # batches that the network has
        self._finished = asyncio.Event()  # all that was accepted, after `close`

    @property
    def queued_images(self) -> int:
        """Images that wait for the network now."""
        return self._queue.images

    def replace(self, classifier: AsyncClassifier) -> None:
        """Answer with this classifier from the next batch on, whatever waits already included.

        The one before is let go with the last request that it has begun.
        """
        self._queue.replace(classifier)

    def check_room(self) -> None:
        """Raise QueueFullError when nothing may be submitted now."""
        self._queue.check_room()

    def submit(
        self, images: NDArray[np.float32], deadline: float, one_picture: bool = False
    ) -> asyncio.Future[Answer]:
        """The answer to images (n, 28, 28) float32 0..1, n ≥ 1, to be awaited.

        With one_picture all but the last are stages of it, of which the observer is not told.

        Raises QueueFullError and DrainingError at once. The answer is a DeadlineExceededError when
        `time.monotonic()` passes the deadline first, an InferenceError when the network fails.
        An answer that is cancelled or set by the caller, or whose deadline passes, frees its places
        in the queue.
        """
        answer = self._loop.create_future()
        request = Request(images, deadline, answer, one_picture)
        self._queue.put(request)
        self._open.add(request)
        self._begin_soon()
        # One timer and one future a request: a timeout around each wait costs three times as much.
        alarm = self._loop.call_later(deadline - request.submitted, _expire, answer)

        def forget(_: asyncio.Future[Answer]) -> None:
            alarm.cancel()
            self._open.discard(request)
            if request.waiting:
                self._queue.withdraw(request)

        answer.add_done_callback(forget)
        return answer

    async def drain(self, timeout_s: float) -> None:
        """Refuse new work and finish what was accepted.

        Whatever is unanswered after timeout_s fails with DrainingError.
        """
        self._queue.close()
        self._begin_soon()
        try:
            async with asyncio.timeout(timeout_s):
                await self._finished.wait()
        except TimeoutError:
            logger.warning("The time to stop ran out; %d requests go unanswered", len(self._open))
            self._abandon()

    def _abandon(self) -> None:
        stopped = "The service stopped before it could answer."
        for request in self._open:
            self._queue.withdraw(request)
        _deliver([(request, DrainingError(stopped)) for request in self._open])

    def _begin_soon(self) -> None:
        """Begin a batch when all that has come in this turn of the event loop is in the queue."""
        if not self._due:
            self._due = True
            self._loop.call_soon(self._begin)

    def _begin(self) -> None:
        """Give the network what waits: one batch if it has none, full ones also ahead."""
        self._due = False
        while not self._begun or (self._begun < MOST_BATCHES and self._queue.fills_a_batch):
            batch = self._queue.take()
            if batch is None:
                if self._queue.closed and not self._begun:
                    self._finished.set()
                return
            self._begun += 1
            try:
                images = np.concatenate([share.images for share in batch.shares])  # (n, 28, 28)
                batch.classifier.begin(images, partial(self._end, batch))
            except Exception as error:
                self._loop.call_soon(self._end, batch, error)

    def _end(self, batch: Batch, read: Read | Exception) -> None:
        """Answer a batch. The network has its next one first, and reads it meanwhile."""
        self._begun -= 1
        self._begin()
        _deliver(self._outcomes(batch, read))

    def _outcomes(self, batch: Batch, read: Read | Exception) -> list[Outcome]:
        if isinstance(read, Exception):
            return failed(batch, read)
        try:
            outcomes = answered(batch, read)
        except Exception as error:
            return failed(batch, error)
        self._tell_observer(batch, read, outcomes)
        return outcomes

    def _tell_observer(self, batch: Batch, read: Read, outcomes: list[Outcome]) -> None:
        """Have the batch counted; what goes wrong over it takes no answer with it."""
        if self._observer is None:
            return
        try:
            self._observer.batch_read(batch.images, read.infer_s)
            self._observer.answered(
                [
                    reading
                    for request, answer in outcomes
                    if isinstance(answer, Answer)
                    for reading in answer.readings[-1 if request.one_picture else 0 :]
                ]
            )
        except Exception:
            logger.exception("A batch of %d images could not be counted", batch.images)


def _deliver(outcomes: list[Outcome]) -> None:
    """Wake the callers of a batch. Those who have left meanwhile are passed over."""
    for request, outcome in outcomes:
        if request.answer.done():
            continue
        if isinstance(outcome, Answer):
            request.answer.set_result(outcome)
        else:
            request.answer.set_exception(outcome)


def _expire(answer: asyncio.Future[Answer]) -> None:
    if not answer.done():
        answer.set_exception(
            DeadlineExceededError(
                "The answer was not ready in time. Try again, or allow more time."
            )
        )
