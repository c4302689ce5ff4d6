"""What `/docs` says of the routes: what to send, and what is answered, each with examples."""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np
from pydantic import BaseModel

from app import errors
from app.api.explain import encode_png
from app.api.inputs import JSON, NPY, OCTET_STREAM
from app.api.problems import MEDIA_TYPE, RETRIABLE
from app.errors import PROBLEMS, RETRY_AFTER_S, Problem, RowscanError
from app.imaging import IMAGE_SIDE
from app.schemas import (
    BATCH_ANSWER,
    LOADING_HEALTH,
    READY_HEALTH,
    SEVEN_ANSWER,
    UNSUPPORTED_PROBLEM,
    Health,
    PredictBatchBody,
    PredictBody,
    Ready,
)

IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp")
# One of the things that each kind of problem says.
DETAILS: Final[dict[type[RowscanError], str]] = {
    errors.MalformedRequestError: "The multipart body has no part named 'file'.",
    errors.InvalidInputError: "The list is empty. Send at least one image.",
    errors.UnauthorizedError: "This service wants a key. Send it as X-API-Key, or as "
    "Authorization: Bearer.",
    errors.PayloadTooLargeError: "The body is larger than 10000000 bytes. Send a smaller image.",
    errors.UnsupportedImageError: UNSUPPORTED_PROBLEM["detail"],
    errors.UndecodableImageError: "The image is truncated or corrupt. Save it again and send "
    "that file.",
    errors.BlankImageError: "Nothing stands out on this image. Draw one digit on it.",
    errors.QueueFullError: "Too many images are waiting. Try again in a moment.",
    errors.RateLimitedError: "You have sent more than may be read for you. Send the next in 1 s.",
    errors.DrainingError: "The service is stopping. Send the request again elsewhere.",
    errors.NotReadyError: "The model is being loaded. Try again in a few seconds.",
    errors.DeadlineExceededError: "The answer was not ready in time. Try again, or allow more "
    "time.",
    errors.InferenceError: "The network could not answer. The service goes on; try again.",
}
BINARY: Final = {"schema": {"type": "string", "format": "binary", "minLength": 1}}


def _draw_seven() -> np.ndarray[Any, np.dtype[np.uint8]]:
    """A seven, (28, 28) uint8, light ink on dark, framed as MNIST's are: in all examples."""
    grey = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    grey[7:10, 7:21] = 255
    for row in range(10, 27):
        right = 21 - (row - 7) // 2
        grey[row, right - 3 : right] = 255
    return grey


SEVEN = _draw_seven()
SEVEN_BASE64 = base64.b64encode(encode_png(SEVEN)).decode("ascii")


def body_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a body, whole: within the description, "#/$defs" would be its own."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def whole(part: Any) -> Any:  # noqa: ANN401 - any part of a schema
        if isinstance(part, list):
            return [whole(each) for each in part]
        if not isinstance(part, dict):
            return part
        name = part.get("$ref", "").removeprefix("#/$defs/")
        return whole(definitions[name]) if name else {key: whole(part[key]) for key in part}

    complete: dict[str, Any] = whole(schema)
    return complete


def _json(model: type[PredictBody | PredictBatchBody], **examples: object) -> dict[str, Any]:
    return {
        "schema": body_schema(model),
        "examples": {name: {"value": {name: value}} for name, value in examples.items()},
    }


def _multipart(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": [name], "properties": {name: schema}}}


def _answer(example: dict[str, Any]) -> dict[str, Any]:
    """A response of JSON, shown by an example; its schema comes from the route."""
    return {"content": {JSON: {"example": example}}}


def _answer_or_problems(example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """The answer, and every problem that can come instead, by status, each kind shown."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for error, problem in PROBLEMS.items():
        response = by_status.setdefault(
            problem.status,
            {
                "description": "",
                "content": {
                    MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}, "examples": {}}
                },
            },
        )
        response["description"] = " / ".join(filter(None, [response["description"], problem.title]))
        shown = {"value": _example(problem, DETAILS[error])}
        response["content"][MEDIA_TYPE]["examples"][problem.title] = shown
        if problem.status in RETRIABLE:
            response["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait before trying again.",
                    "schema": {"type": "integer", "example": RETRY_AFTER_S},
                }
            }
    return {200: _answer(example), **by_status}


def _example(problem: Problem, detail: str) -> dict[str, Any]:
    request_id = UNSUPPORTED_PROBLEM["request_id"]
    return {**problem._asdict(), "detail": detail, "request_id": request_id}


PREDICT: Final[dict[str, Any]] = {
    "summary": "Read one digit",
    "description": "Send the image in any of these ways:\n\n"
    "    curl -F file=@7.png localhost:8000/predict\n"
    "    curl -H 'Content-Type: image/png' --data-binary @7.png localhost:8000/predict\n"
    "    curl -H 'Content-Type: application/json' "
    "-d '{\"image\": \"'$(base64 < 7.png | tr -d '\\n')'\"}' localhost:8000/predict\n\n"
    "Any size, dark on light or light on dark: the digit is found, cropped and centred. "
    "PNG, JPEG, GIF, BMP and WebP are read.",
    "responses": _answer_or_problems(SEVEN_ANSWER),
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": _multipart("file", BINARY["schema"]),
                JSON: _json(PredictBody, image=SEVEN_BASE64, pixels=SEVEN.tolist()),
                **dict.fromkeys((*IMAGE_TYPES, OCTET_STREAM), BINARY),
            },
        }
    },
}

PREDICT_BATCH: Final[dict[str, Any]] = {
    "summary": "Read many digits",
    "description": "Send the images in any of these ways:\n\n"
    "    curl -F files=@7.png -F files=@3.png localhost:8000/predict/batch\n"
    "    curl -H 'Content-Type: application/x-npy' --data-binary @digits.npy "
    "localhost:8000/predict/batch\n\n"
    "A .npy file holds uint8 of the shape (n, 28, 28). The answers come in the order of the "
    "images; an image that cannot be read has a problem in its place, and the others are answered.",
    "responses": _answer_or_problems(BATCH_ANSWER),
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": _multipart(
                    "files", {"type": "array", "items": BINARY["schema"], "minItems": 1}
                ),
                JSON: _json(
                    PredictBatchBody,
                    images=[SEVEN_BASE64, SEVEN_BASE64],
                    pixels=[SEVEN.tolist()],
                ),
                NPY: BINARY,
                OCTET_STREAM: BINARY,
            },
        }
    },
}

_NOT_READY: Final = {"description": "No model can answer, or the service is stopping."}
LIVE: Final[dict[str, Any]] = {
    "summary": "Is the process up?",
    "responses": {200: _answer({"status": "live"})},
}
READY: Final[dict[str, Any]] = {
    "summary": "Can it answer /predict?",
    "responses": {
        200: _answer({"status": "ready"}),
        503: _NOT_READY | {"model": Ready} | _answer({"status": "loading"}),
    },
}
HEALTH: Final[dict[str, Any]] = {
    "summary": "Which model is served, and if none, why?",
    "responses": {
        200: _answer(READY_HEALTH),
        503: _NOT_READY | {"model": Health} | _answer(LOADING_HEALTH),
    },
}
