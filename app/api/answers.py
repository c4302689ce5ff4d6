"""Scores → JSON: the answers of `schemas.Prediction`, for all images of a request at once.

Written as dicts and serialised by pydantic's own serialiser: to make a model of each image would
take longer than all the rest. That they are what the models say is for the tests to show.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic_core import to_json
from starlette.responses import Response

from app.api.inputs import JSON
from app.inference.fair_queue import Answer

# One more than the 7 digits of a float32, so that rounding takes nothing away.
SCORE_DECIMALS = 8

PredictionJson = dict[str, Any]


def predictions(answer: Answer) -> list[PredictionJson]:
    """What an answer says of each of its images, in their order."""
    scores, manifest = answer.scores, answer.manifest
    return [
        {
            "digit": digit,
            "confidence": row[digit],
            "probabilities": row,
            "is_digit": is_digit,
            "novelty": novelty,
            "model_version": manifest.version,
        }
        for digit, row, is_digit, novelty in zip(
            scores.probabilities.argmax(axis=1).tolist(),
            rounded(scores.probabilities),
            scores.are_digits(manifest.max_novelty).tolist(),
            rounded(scores.novelty),
            strict=True,
        )
    ]


def rounded(scores: NDArray[np.float32]) -> list[Any]:
    """As lists, of decimals that JSON shows as they are."""
    # In float64, where the rounded decimal is also what JSON will show.
    values: list[Any] = scores.astype(np.float64).round(SCORE_DECIMALS).tolist()
    return values


def json_response(content: object) -> Response:
    """A good answer."""
    return Response(to_json(content), media_type=JSON)
