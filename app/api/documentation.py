"""What `/docs` says of the two routes whose bodies the framework does not read itself."""

from __future__ import annotations

import base64
from typing import Any, Final

import numpy as np

from app.api.explain import encode_png
from app.api.inputs import JSON, NPY, OCTET_STREAM
from app.api.problems import MEDIA_TYPE
from app.errors import PROBLEMS, RETRY_AFTER_S, Problem
from app.imaging import IMAGE_SIDE
from app.schemas import PredictBatchBody, PredictBody

IMAGE_TYPES = ("image/png", "image/jpeg", "image/gif", "image/bmp", "image/webp")
BINARY: Final = {"schema": {"type": "string", "format": "binary"}}


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


def _json(model: type[PredictBody | PredictBatchBody], **examples: object) -> dict[str, Any]:
    return {
        "schema": model.model_json_schema(),
        "examples": {name: {"value": {name: value}} for name, value in examples.items()},
    }


def _multipart(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"schema": {"type": "object", "required": [name], "properties": {name: schema}}}


def _problems() -> dict[int | str, dict[str, Any]]:
    """Every problem that these routes answer with, by status, each kind with an example."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for problem in PROBLEMS.values():
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
        response["content"][MEDIA_TYPE]["examples"][problem.title] = {"value": _example(problem)}
        if problem.status in (429, 503):
            response["headers"] = {
                "Retry-After": {
                    "description": "Seconds to wait before trying again.",
                    "schema": {"type": "integer", "example": RETRY_AFTER_S},
                }
            }
    return by_status


def _example(problem: Problem) -> dict[str, Any]:
    return {
        **problem._asdict(),
        "detail": "What was wrong, and what to do.",
        "request_id": "5f0c6a1e9b7d4c83a2f1e0d9c8b7a695",
    }


PREDICT: Final[dict[str, Any]] = {
    "summary": "Read one digit",
    "description": "Send the image in any of these ways:\n\n"
    "    curl -F file=@7.png localhost:8000/predict\n"
    "    curl -H 'Content-Type: image/png' --data-binary @7.png localhost:8000/predict\n"
    "    curl --json '{\"image\": \"'$(base64 -w0 7.png)'\"}' localhost:8000/predict\n\n"
    "Any size, dark on light or light on dark: the digit is found, cropped and centred. "
    "PNG, JPEG, GIF, BMP and WebP are read.",
    "responses": _problems(),
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
    "responses": _problems(),
    "openapi_extra": {
        "requestBody": {
            "required": True,
            "content": {
                "multipart/form-data": _multipart(
                    "files", {"type": "array", "items": BINARY["schema"]}
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
