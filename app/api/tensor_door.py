"""What the protocols of tensors share: which model, what body, which answer, and how to say no.

    request ─ model ─▶ body ─ read ─▶ images (n, 28, 28) ─ batcher ─▶ scores

Each protocol brings its paths, how it reads a body, and how it writes scores.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, TypeVar

import numpy as np
from fastapi import Request
from fastapi.routing import APIRoute
from numpy.typing import NDArray
from starlette.responses import JSONResponse, Response

from app.api.bodies import Bodies
from app.api.context import context_of
from app.api.predict import ask
from app.api.problems import MAX_DETAIL_CHARS, RETRIABLE
from app.api.reading import Reader
from app.errors import (
    NOT_FOUND,
    PROBLEMS,
    RETRY_AFTER_S,
    InvalidInputError,
    MalformedRequestError,
    Problem,
    RowscanError,
    problem_of,
)
from app.inference.fair_queue import Answer
from app.inference.manifest import MODEL_NAME, Manifest
from app.inference.service import Model, Service
from app.settings import Settings

# For what a protocol has no route for, so that this too is said in its shape.
EVERY_METHOD: Final = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]


class UnknownModelError(RowscanError):
    """No such model is served, or not this version of it."""


class Asked(Protocol):
    """What a protocol reads from a body."""

    @property
    def images(self) -> NDArray[np.float32]:
        """The images to read: (n, 28, 28), 0..1."""


AskedT = TypeVar("AskedT", bound=Asked)


class TensorRoute(APIRoute):
    """A route that says no as these protocols do, by {"error": "…"}."""

    def get_route_handler(self) -> Callable[[Request], Awaitable[Response]]:  # type: ignore[override] # Awaitable is all that is needed
        """The handler, with errors turned into answers."""
        handle = super().get_route_handler()

        async def answer(request: Request) -> Response:
            try:
                return await handle(request)
            except RowscanError as error:
                return error_response(request, error)

        return answer


def error_response(request: Request, error: RowscanError) -> Response:
    """An error as these protocols show it; whatever the client got wrong is a 400."""
    problem = _problem_of(error)
    context_of(request).reason = problem.reason
    status = problem.status
    if status == PROBLEMS[InvalidInputError].status:
        status = PROBLEMS[MalformedRequestError].status
    headers = {"Retry-After": str(RETRY_AFTER_S)} if status in RETRIABLE else {}
    return JSONResponse({"error": str(error)[:MAX_DETAIL_CHARS]}, status, headers)


def _problem_of(error: RowscanError) -> Problem:
    return NOT_FOUND if isinstance(error, UnknownModelError) else problem_of(error)


class TensorDoor:
    """A way to the network for those who send tensors."""

    def __init__(
        self, service: Service, bodies: Bodies, reader: Reader, settings: Settings
    ) -> None:
        self.service = service
        # What could never be queued is refused for good; nothing is decoded, so no other limit.
        self.max_images = settings.max_queue_images
        self._bodies = bodies
        self._reader = reader
        self._longest_s = settings.deadline_s

    def manifest(self, name: str, version: int | None, unknown: str) -> Manifest:
        """The manifest of a model, also while the service stops; UnknownModelError(unknown)."""
        if name != MODEL_NAME:
            raise UnknownModelError(unknown)
        manifest = self.service.manifest or self.service.model().manifest
        if version not in (None, manifest.version):
            raise UnknownModelError(unknown)
        return manifest

    def model(self, name: str, version: int | None, unknown: str) -> Model:
        """The model for a new request; raises what `manifest` and `Service.model` raise."""
        self.manifest(name, version, unknown)
        model = self.service.model()
        model.batcher.check_room()
        return model

    async def ask(
        self, request: Request, model: Model, read: Callable[[bytes], AskedT]
    ) -> tuple[AskedT, Answer]:
        """What `read` makes of the body, and what the network says of its images."""
        context = context_of(request)
        deadline = context.started + self._longest_s
        try:
            body = await self._bodies.read(request, deadline)
        except MalformedRequestError:  # it is empty
            raise MalformedRequestError("JSON Parse error: The document is empty") from None
        with context.timed("decode"):
            asked = await self._reader.read(body.data, read, deadline)
        return asked, await ask(request, model, asked.images, deadline)
