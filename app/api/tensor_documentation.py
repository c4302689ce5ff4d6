"""What `/docs` says of the routes under /v1 and /v2, each with examples."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pydantic import BaseModel

from app.api import inference_schemas, tensorflow_schemas
from app.api.documentation import BINARY, DETAILS, SEVEN, body_schema
from app.api.inputs import JSON, OCTET_STREAM
from app.errors import (
    PROBLEMS,
    DeadlineExceededError,
    DrainingError,
    InferenceError,
    NotReadyError,
    PayloadTooLargeError,
    QueueFullError,
    RateLimitedError,
    RowscanError,
    UnauthorizedError,
    UnsupportedImageError,
)

NAMES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "model": ("The model; there is one.", {"enum": ["digits"]}),
    "version": (
        "The version that must answer.",
        {"pattern": "^[0-9]{1,18}$", "examples": [tensorflow_schemas.VERSION]},
    ),
    "label": ("Names the version that is served; there is one.", {"enum": ["stable"]}),
}
UNREADABLE: Final = "JSON Parse error: EOF while parsing a value at line 1 column 1"
REFUSED: Final = (UnauthorizedError, DrainingError, NotReadyError)
ANY_FAILURE: Final = (
    PayloadTooLargeError,
    UnsupportedImageError,
    QueueFullError,
    RateLimitedError,
    InferenceError,
    *REFUSED,
    DeadlineExceededError,
)
# 0..1, to three decimals.
SEVEN_VALUES: Final = np.round(SEVEN / 255.0, 3).tolist()


def at(place: str, route: dict[str, Any]) -> dict[str, Any]:
    """The documentation of a route whose path ends in `place`, with that path's parameters."""
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "description": description,
            "schema": {"type": "string", **schema},
        }
        for name, (description, schema) in NAMES.items()
        if name == "model" or f"{{{name}}}" in place
    ]
    return route | {"openapi_extra": route.get("openapi_extra", {}) | {"parameters": parameters}}


def _route(
    summary: str,
    answer: type[BaseModel],
    errors: dict[int, str] | None = None,
    failures: tuple[type[RowscanError], ...] = (),
    body: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A route: its answer and every error that can come instead, each shown."""
    by_status = {status: [text] for status, text in (errors or {}).items()}
    for failure in failures:
        by_status.setdefault(PROBLEMS[failure].status, []).append(DETAILS[failure])
    example = answer.model_config["json_schema_extra"]["examples"][0]  # type: ignore[index]
    described: dict[str, Any] = {
        "summary": summary,
        "response_model": answer,
        "responses": {200: {"content": {JSON: {"example": example}}}},
    }
    for status, texts in by_status.items():
        described["responses"][status] = {
            "model": tensorflow_schemas.TensorError,
            "description": " / ".join(texts),
            "content": {
                JSON: {"examples": {text[:40]: {"value": {"error": text}} for text in texts}}
            },
        }
    if body is not None:
        described["openapi_extra"] = {"requestBody": {"required": True, "content": body}}
    return described


UNKNOWN: Final = {404: tensorflow_schemas.SERVABLE_NOT_FOUND["error"]}
UNKNOWN_MODEL: Final = {404: "Request for unknown model: 'digit' is not found"}

TENSORFLOW_PREDICT: Final = _route(
    "Read digits, as TensorFlow Serving does",
    tensorflow_schemas.Predicted,
    {400: "Missing 'inputs' or 'instances' key", **UNKNOWN},
    ANY_FAILURE,
    {
        JSON: {
            "schema": body_schema(tensorflow_schemas.PredictRows),
            "examples": {
                "rows": {"value": {"instances": [SEVEN_VALUES]}},
                "column": {"value": {"inputs": {"image": [SEVEN_VALUES]}}},
            },
        }
    },
)
STATUS: Final = _route(
    "Which versions are there, as TensorFlow Serving says it",
    tensorflow_schemas.ModelStatus,
    {400: "Malformed request: GET /v1/models/digits/versions/new"}
    | {404: "Could not find any versions of model digit"},
    REFUSED,
)
METADATA: Final = _route(
    "What goes in and out, as TensorFlow Serving says it",
    tensorflow_schemas.Metadata,
    {400: "Unrecognized servable version label: canary", **UNKNOWN},
    REFUSED,
)
SERVER: Final = _route("Who serves", inference_schemas.Server, failures=(UnauthorizedError,))
LIVE: Final = _route("Is the process up?", inference_schemas.ServerLive)
READY: Final = _route("Can it infer?", inference_schemas.ServerReady)
READY["responses"][503] = {
    "model": inference_schemas.ServerReady,
    "description": "No model can answer, or the service is stopping.",
    "content": {JSON: {"example": {"ready": False}}},
}
MODEL: Final = _route(
    "What goes in and out", inference_schemas.ModelMetadata, UNKNOWN_MODEL, REFUSED
)
MODEL_READY: Final = _route(
    "Can this model be asked?", inference_schemas.InferModelReady, UNKNOWN_MODEL, REFUSED
)
INFER: Final = _route(
    "Read digits",
    inference_schemas.Inferred,
    {400: UNREADABLE, **UNKNOWN_MODEL},
    ANY_FAILURE,
    {
        JSON: {
            "schema": body_schema(inference_schemas.InferBody),
            "examples": {
                "one": {
                    "value": {
                        "id": "seven",
                        "inputs": [
                            {
                                "name": "image",
                                "shape": [1, 28, 28],
                                "datatype": "FP32",
                                "data": [SEVEN_VALUES],
                            }
                        ],
                    }
                }
            },
        },
        OCTET_STREAM: BINARY,
    },
)
INFER["description"] = (
    "Tensors may follow the JSON as little-endian bytes: the header "
    "`Inference-Header-Content-Length` says how long the JSON is, `binary_data_size` of an input "
    "how many bytes are its. With `binary_data_output`, or `binary_data` of an output, the answer "
    "comes in the same form."
)
