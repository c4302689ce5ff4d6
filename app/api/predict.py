"""POST /predict and POST /predict/batch: images in, what the network says of each out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import numpy as np
from fastapi import APIRouter, Header, Query, Request
from numpy.typing import NDArray
from pydantic.json_schema import SkipJsonSchema
from starlette.responses import Response

from app.api.answers import PredictionJson, json_response, prediction
from app.api.bodies import Bodies, Body
from app.api.context import RequestContext, context_of
from app.api.documentation import PREDICT, PREDICT_BATCH
from app.api.explain import partly_read, seen
from app.api.leaving import while_client_waits
from app.api.problems import error_body
from app.api.reading import Reader
from app.errors import problem_of
from app.inference.fair_queue import Answer
from app.inference.readings import rounded
from app.inference.service import Model, Service
from app.schemas import BatchPrediction, Prediction
from app.settings import Settings

Explain = Annotated[
    bool, Query(description="Show what the network read, and its opinion after each row.")
]
DeadlineMs = Annotated[
    int | SkipJsonSchema[None],  # a header is there or not, but never null
    Header(
        alias="X-Deadline-Ms",
        ge=1,
        description="Answer within this many milliseconds or not at all.",
    ),
]


class Predictor:
    """Answers the two routes, for whoever has found the way and read the parameters.

    image_unread(reason) is called for each image of many that has a problem of its own.
    """

    def __init__(
        self,
        service: Service,
        bodies: Bodies,
        reader: Reader,
        settings: Settings,
        image_unread: Callable[[str], None],
    ) -> None:
        self._image_unread = image_unread
        self._service = service
        self._bodies = bodies
        self._reader = reader
        self._longest_s = settings.deadline_s

    async def one(
        self, request: Request, explain: bool = False, deadline_ms: int | None = None
    ) -> Response:
        """A `Prediction`."""
        context, model = context_of(request), self._model()
        deadline = self._deadline(context, deadline_ms)
        body = await self._bodies.read(request, deadline)
        if explain:
            return await self._explained(request, model, body, deadline)
        with context.timed("decode"):
            pixels = await self._reader.read_pixels(body, deadline)
        answer = await ask(request, model, pixels[np.newaxis], deadline)
        return json_response(prediction(answer.readings[0], answer.manifest.version))

    async def _explained(
        self, request: Request, model: Model, body: Body, deadline: float
    ) -> Response:
        """A `Prediction` with what the network read, and how."""
        with context_of(request).timed("decode"):
            digit = await self._reader.read_one(body, deadline)
        stages = partly_read(digit.pixels)
        answer = await ask(request, model, stages, deadline, one_picture=True)
        explained = prediction(answer.readings[-1], answer.manifest.version)
        explained["seen"] = seen(digit).model_dump()
        explained["rows"] = rounded(answer.scores.probabilities)
        return json_response(explained)

    async def many(self, request: Request, deadline_ms: int | None = None) -> Response:
        """A `BatchPrediction`."""
        context, model = context_of(request), self._model()
        deadline = self._deadline(context, deadline_ms)
        body = await self._bodies.read(request, deadline)
        with context.timed("decode"):
            batch = await self._reader.read_many(body, deadline)
        for error in batch.errors.values():
            self._image_unread(problem_of(error).reason)
        answered: list[PredictionJson] = []
        if len(batch.pixels):
            answer = await ask(request, model, batch.pixels, deadline)
            version = answer.manifest.version
            answered = [prediction(reading, version) for reading in answer.readings]
        following = iter(answered)
        items = [
            error_body(batch.errors[place], context.request_id).model_dump()
            if place in batch.errors
            else next(following)
            for place in range(len(answered) + len(batch.errors))
        ]
        return json_response({"predictions": items})

    def _model(self) -> Model:
        """What will answer; raises when nothing can, before the body is read for nothing."""
        model = self._service.model()
        model.batcher.check_room()
        return model

    def _deadline(self, context: RequestContext, asked_ms: int | None) -> float:
        """When the answer must be there, on time.monotonic()."""
        longest_ms = 1e3 * self._longest_s
        # Before anything is made a float of it: what is asked for may have thousands of digits.
        allowed_ms = longest_ms if asked_ms is None else min(asked_ms, longest_ms)
        return context.started + allowed_ms / 1e3


def predict_router(predictor: Predictor) -> APIRouter:
    """Routes that read digits."""
    router = APIRouter(tags=["predict"])

    @router.post("/predict", response_model=Prediction, **PREDICT)
    async def predict(
        request: Request, explain: Explain = False, deadline_ms: DeadlineMs = None
    ) -> Response:
        return await predictor.one(request, explain, deadline_ms)

    @router.post("/predict/batch", response_model=BatchPrediction, **PREDICT_BATCH)
    async def predict_batch(request: Request, deadline_ms: DeadlineMs = None) -> Response:
        return await predictor.many(request, deadline_ms)

    return router


async def ask(
    request: Request,
    model: Model,
    images: NDArray[np.float32],
    deadline: float,
    one_picture: bool = False,
) -> Answer:
    """Images (n, 28, 28) through the batcher, with its timings noted.

    With one_picture all but the last are stages of it.

    Given up when the client leaves, so that the network works for nobody who has gone.
    """
    context = context_of(request)
    submitted = model.batcher.submit(images, deadline, one_picture)
    context.images = 1 if one_picture else len(images)
    answer = await while_client_waits(request, submitted)
    infer_from = answer.finished - answer.infer_ms / 1e3
    context.add_timing("queue", answer.queue_ms, infer_from)
    context.add_timing("infer", answer.infer_ms, answer.finished, f"batch of {answer.batch_size}")
    context.model_version = answer.manifest.version
    return answer
