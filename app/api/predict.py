"""POST /predict and POST /predict/batch: images in, what the network says of each out."""

from __future__ import annotations

import asyncio
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Header, Query, Request
from numpy.typing import NDArray
from starlette.requests import ClientDisconnect

from app.api.bodies import read_body
from app.api.context import RequestContext, context_of
from app.api.documentation import PREDICT, PREDICT_BATCH
from app.api.explain import partly_read, seen
from app.api.problems import error_body
from app.api.reading import Reader
from app.errors import RequestError
from app.inference.fair_queue import Answer
from app.inference.service import Model, Service
from app.schemas import BatchPrediction, Prediction
from app.settings import Settings

# One more than the 7 digits of a float32, so that rounding takes nothing away.
SCORE_DECIMALS = 8

Explain = Annotated[
    bool, Query(description="Show what the network read, and its opinion after each row.")
]
DeadlineMs = Annotated[
    int | None,
    Header(
        alias="X-Deadline-Ms",
        ge=1,
        description="Answer within this many milliseconds or not at all.",
    ),
]


def predict_router(service: Service, reader: Reader, settings: Settings) -> APIRouter:
    """Routes that read digits."""
    router = APIRouter(tags=["predict"])

    @router.post("/predict", response_model_exclude_none=True, **PREDICT)
    async def predict(
        request: Request, explain: Explain = False, deadline_ms: DeadlineMs = None
    ) -> Prediction:
        context, model = context_of(request), service.model()
        deadline = _deadline(context, settings, deadline_ms)
        body = await read_body(request, settings.max_upload_bytes, deadline)
        with context.timed("decode"):
            digit = await reader.read_one(body, deadline)
        images = partly_read(digit.pixels) if explain else digit.pixels[np.newaxis]
        answer = await ask(request, model, images, deadline)
        prediction = _prediction(answer, len(images) - 1)
        if explain:
            prediction.seen = seen(digit)
            prediction.rows = [_rounded(row) for row in answer.scores.probabilities]
        return prediction

    @router.post("/predict/batch", response_model_exclude_none=True, **PREDICT_BATCH)
    async def predict_batch(request: Request, deadline_ms: DeadlineMs = None) -> BatchPrediction:
        context, model = context_of(request), service.model()
        deadline = _deadline(context, settings, deadline_ms)
        body = await read_body(request, settings.max_upload_bytes, deadline)
        with context.timed("decode"):
            items = await reader.read_many(body, deadline)
        images = [item.pixels for item in items if not isinstance(item, RequestError)]
        answered: list[Prediction] = []
        if images:
            answer = await ask(request, model, np.stack(images), deadline)
            answered = [_prediction(answer, i) for i in range(len(images))]
        following = iter(answered)
        return BatchPrediction(
            predictions=[
                error_body(item, context.request_id)
                if isinstance(item, RequestError)
                else next(following)
                for item in items
            ]
        )

    return router


def _deadline(context: RequestContext, settings: Settings, asked_ms: int | None) -> float:
    """When the answer must be there, on time.monotonic()."""
    longest_ms = 1e3 * settings.deadline_s
    # Before anything is made a float of it: what is asked for may have thousands of digits.
    allowed_ms = longest_ms if asked_ms is None else min(asked_ms, longest_ms)
    return context.started + allowed_ms / 1e3


async def ask(
    request: Request, model: Model, images: NDArray[np.float32], deadline: float
) -> Answer:
    """Images (n, 28, 28) through the batcher, with its timings noted.

    Given up when the client leaves, so that the network works for nobody who has gone.
    """
    try:
        async with asyncio.timeout(None) as patience:
            watch = asyncio.create_task(_watch_for_leaving(request, patience))
            try:
                answer = await model.batcher.submit(images, deadline)
            finally:
                watch.cancel()
    except TimeoutError:
        raise ClientDisconnect from None
    context = context_of(request)
    context.add_timing("queue", answer.queue_ms)
    context.add_timing("infer", answer.infer_ms, f"batch of {answer.batch_size}")
    return answer


async def _watch_for_leaving(request: Request, patience: asyncio.Timeout) -> None:
    """End patience when the client closes its connection; nothing else follows a whole body."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    patience.reschedule(asyncio.get_running_loop().time())


def _prediction(answer: Answer, index: int) -> Prediction:
    """What an answer says of the image at `index`."""
    row, novelty = answer.scores.probabilities[index], float(answer.scores.novelty[index])
    probabilities = _rounded(row)
    digit = int(row.argmax())
    return Prediction(
        digit=digit,
        confidence=probabilities[digit],
        probabilities=probabilities,
        is_digit=novelty <= answer.manifest.max_novelty,
        novelty=round(novelty, SCORE_DECIMALS),
        model_version=answer.manifest.version,
    )


def _rounded(row: NDArray[np.float32]) -> list[float]:
    # In float64, where the rounded decimal is also what JSON will show.
    rounded: list[float] = row.astype(np.float64).round(SCORE_DECIMALS).tolist()
    return rounded
