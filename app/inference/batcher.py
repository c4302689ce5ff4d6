"""Concurrent requests → batches → the network → each request its own scores.

Between the event loop, where requests wait, and one inference thread, where the network runs.
A lone request goes at once: nothing waits for company. While a batch runs the next one forms from
whatever has come meanwhile, so batches grow with the load and need no tuning.

               submit (event loop)               inference thread
    images (n, 28, 28) ─▶ fair queue ─▶ shares of a batch ─▶ classify ─▶ each request its scores
    ─▶ one call into the event loop per batch ─▶ Answer
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from app.errors import DeadlineExceededError, DrainingError, InferenceError, RequestError
from app.inference.classifier import Classifier
from app.inference.contract import join
from app.inference.fair_queue import Answer, Batch, FairQueue, Request
from app.inference.manifest import Manifest
from app.inference.observer import BatchObserver
from app.inference.readings import read_out

logger = logging.getLogger(__name__)

Outcome = tuple[Request, Answer | RequestError]


class Batcher:
    """Runs a classifier for many callers at once. Made inside the event loop that it serves."""

    def __init__(
        self,
        classifier: Classifier,
        max_queue_images: int,
        observer: BatchObserver | None = None,
    ) -> None:
        self._queue = FairQueue(classifier, max_queue_images)
        self._observer = observer
        self._loop = asyncio.get_running_loop()
        self._open: set[Request] = set()  # not answered yet; touched in the event loop only
        self._stopped = asyncio.Event()
        # A daemon: a network that hangs cannot keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether the inference thread runs, so that a request would be answered."""
        return self._thread.is_alive()

    @property
    def queued_images(self) -> int:
        """Images that wait for the network now."""
        return self._queue.images

    def replace(self, classifier: Classifier) -> None:
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
        """Refuse new work, finish what was accepted, stop the thread.

        Whatever is unanswered after timeout_s fails with DrainingError.
        """
        self._queue.close()
        try:
            async with asyncio.timeout(timeout_s):
                await self._stopped.wait()
            self._thread.join()  # it has said its last word
        except TimeoutError:
            logger.warning("The time to stop ran out; %d requests go unanswered", len(self._open))
            self._abandon()

    def _abandon(self) -> None:
        stopped = "The service stopped before it could answer."
        for request in self._open:
            self._queue.withdraw(request)
        self._deliver([(request, DrainingError(stopped)) for request in self._open])

    def _deliver(self, outcomes: list[Outcome]) -> None:
        """Wake the callers of a batch. Those who have left meanwhile are passed over."""
        for request, outcome in outcomes:
            if request.answer.done():
                continue
            if isinstance(outcome, Answer):
                request.answer.set_result(outcome)
            else:
                request.answer.set_exception(outcome)

    # From here on in the inference thread.

    def _run(self) -> None:
        while self._run_batch():
            pass
        self._tell_loop(self._stopped.set)

    def _run_batch(self) -> bool:
        """Wait for a batch and answer it; False when no other follows.

        A function of its own, so that nothing of the batch before, its classifier among it, is
        held while it waits.
        """
        batch = self._queue.take()
        return batch is not None and self._tell_loop(self._deliver, self._serve(batch))

    def _tell_loop(self, callback: Callable[..., None], *args: object) -> bool:
        """Have the event loop call this; False when it is closed, and with it all callers gone."""
        try:
            self._loop.call_soon_threadsafe(callback, *args)
        except RuntimeError:
            logger.warning("The event loop was closed before the last batch was answered")
            return False
        return True

    def _serve(self, batch: Batch) -> list[Outcome]:
        """Run the network on a batch; the requests that are complete with it, or failed."""
        classifier, shares = batch
        requests = dict.fromkeys(share.request for share in shares)
        images = np.concatenate([share.images for share in shares])  # (batch, 28, 28)
        started = time.monotonic()
        try:
            scores = classifier.classify(images)
            finished = time.monotonic()
            readings = read_out(scores, classifier.manifest.max_novelty)
        except Exception:
            logger.exception("The network failed on a batch of %d images", len(images))
            return [(request, _failure()) for request in requests]

        # Once for all: to ask for each request apart takes longer than to deliver its answer.
        in_doubt = not scores.are_of(len(images))
        first = 0
        for share in shares:
            last = first + len(share.images)
            share.request.scores.append(scores.part(first, last))
            share.request.readings += readings[first:last]
            first = last
        for request in requests:
            request.infer_ms += 1e3 * (finished - started)
            request.in_doubt |= in_doubt
        outcomes = [
            (request, _conclude(request, classifier.manifest, finished, len(images)))
            for request in requests
            if not request.waiting
        ]
        self._tell_observer(len(images), finished - started, outcomes)
        return outcomes

    def _tell_observer(self, images: int, infer_s: float, outcomes: list[Outcome]) -> None:
        """Have the batch counted; what goes wrong over it takes no answer with it."""
        if self._observer is None:
            return
        try:
            self._observer.batch_read(images, infer_s)
            self._observer.answered(
                [
                    reading
                    for request, answer in outcomes
                    if isinstance(answer, Answer)
                    for reading in answer.readings[-1 if request.one_picture else 0 :]
                ]
            )
        except Exception:
            logger.exception("A batch of %d images could not be counted", images)


def _expire(answer: asyncio.Future[Answer]) -> None:
    if not answer.done():
        answer.set_exception(
            DeadlineExceededError(
                "The answer was not ready in time. Try again, or allow more time."
            )
        )


def _conclude(
    request: Request, manifest: Manifest, finished: float, batch_size: int
) -> Answer | RequestError:
    """Put the scores of a request together, whose images have all been through the network."""
    scores = join(request.scores)
    if request.in_doubt and not scores.are_of(len(request.images)):
        logger.error("The network gave scores that are missing or not finite")
        return _failure()
    return Answer(
        scores=scores,
        readings=request.readings,
        manifest=manifest,
        queue_ms=1e3 * (finished - request.submitted) - request.infer_ms,
        infer_ms=request.infer_ms,
        batch_size=batch_size,
        finished=finished,
    )


def _failure() -> InferenceError:
    return InferenceError("The network could not answer. The service goes on; try again.")
