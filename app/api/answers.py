"""Readings → JSON: the answers of `schemas.Prediction`.

Written as dicts and serialised by pydantic's own serialiser: to make a model of each image would
take longer than all the rest. That they are what the models say is for the tests to show.
"""

from __future__ import annotations

from typing import Any

from pydantic_core import to_json
from starlette.responses import Response

from app.api.inputs import JSON
from app.inference.readings import Reading

PredictionJson = dict[str, Any]


def prediction(reading: Reading, version: int) -> PredictionJson:
    """What a version says of an image."""
    return {
        "digit": reading.digit,
        "confidence": reading.confidence,
        "probabilities": reading.probabilities,
        "is_digit": reading.is_digit,
        "novelty": reading.novelty,
        "model_version": version,
    }


def json_response(content: object) -> Response:
    """A good answer."""
    return Response(to_json(content), media_type=JSON)
