"""A batch has been read, or not → what becomes of each of its requests."""

from __future__ import annotations

import logging
import time
from copy import copy

from app.errors import InferenceError, RequestError
from app.inference.classifier import Read
from app.inference.contract import Scores, join
from app.inference.fair_queue import Answer, Batch, Request
from app.inference.manifest import Manifest
from app.inference.readings import Reading, read_out

logger = logging.getLogger(__name__)

Outcome = tuple[Request, Answer | RequestError]


def failed(batch: Batch, error: Exception) -> list[Outcome]:
    """The requests of a batch that was not read."""
    if isinstance(error, RequestError):
        return [(request, copy(error)) for request in batch.requests]
    logger.error("The network failed on a batch of %d images", batch.images, exc_info=error)
    return [(request, _failure()) for request in batch.requests]


def answered(batch: Batch, read: Read) -> list[Outcome]:
    """The requests that are complete with a batch."""
    scores, manifest, finished = read.scores, batch.classifier.manifest, time.monotonic()
    requests, images = batch.requests, batch.images
    readings = read_out(scores, manifest.max_novelty)
    # Once for all: to ask for each request apart takes longer than to deliver its answer.
    in_doubt = not scores.are_of(images)
    _hand_out(batch, scores, readings)
    for request in requests:
        request.infer_ms += 1e3 * read.infer_s
        request.in_doubt |= in_doubt
    return [
        (request, _conclude(request, manifest, finished, images))
        for request in requests
        if request.read == len(request.images)
    ]


def _hand_out(batch: Batch, scores: Scores, readings: list[Reading]) -> None:
    """Give each request what the network says of its share."""
    first = 0
    for share in batch.shares:
        last = first + len(share.images)
        share.request.scores.append(scores.part(first, last))
        share.request.readings += readings[first:last]
        share.request.read += len(share.images)
        first = last


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
