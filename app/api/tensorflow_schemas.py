"""What goes in and out as JSON under /v1, as `/docs` shows it: TensorFlow Serving's contract."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field
from pydantic.json_schema import SkipJsonSchema

from app.schemas import SEVEN_ANSWER, shown

PROBABILITIES: Final[list[float]] = SEVEN_ANSWER["probabilities"]
VERSION: Final = str(SEVEN_ANSWER["model_version"])
SERVABLE_NOT_FOUND: Final = {"error": "Servable not found for request: Latest(digit)"}
PREDICTIONS: Final = {"predictions": [PROBABILITIES]}
STATUS: Final = {
    "model_version_status": [
        {
            "version": VERSION,
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
}


def _tensor(name: str, *sizes: str) -> dict[str, Any]:
    return {
        "dtype": "DT_FLOAT",
        "tensor_shape": {
            "dim": [{"size": size, "name": ""} for size in sizes],
            "unknown_rank": False,
        },
        "name": f"serving_default_{name}:0",
    }


METADATA: Final = {
    "model_spec": {"name": "digits", "signature_name": "", "version": VERSION},
    "metadata": {
        "signature_def": {
            "signature_def": {
                "serving_default": {
                    "inputs": {"image": _tensor("image", "-1", "28", "28")},
                    "outputs": {"probabilities": _tensor("probabilities", "-1", "10")},
                    "method_name": "tensorflow/serving/predict",
                }
            }
        }
    },
}


class TensorError(BaseModel):
    """Why there is no answer, as both protocols say it."""

    model_config = shown(SERVABLE_NOT_FOUND)

    error: str


class PredictRows(BaseModel):
    """A predict request: exactly one of `instances` and `inputs`."""

    model_config = ConfigDict(
        json_schema_extra={"oneOf": [{"required": ["instances"]}, {"required": ["inputs"]}]}
    )

    signature_name: str = Field("", description="serving_default, or serving_novelty as well.")
    instances: list[Any] | SkipJsonSchema[None] = Field(
        None, description='28 × 28 numbers, 0..1, for each image; bare or as {"image": …}.'
    )
    inputs: Any = Field(None, description='All images at once: bare or as {"image": …}.')


class Predicted(BaseModel):
    """Row form is answered by `predictions`, column form by `outputs`."""

    model_config = shown(PREDICTIONS, {"outputs": [PROBABILITIES]})

    predictions: list[Any] | None = None
    outputs: list[Any] | dict[str, Any] | None = None


class VersionCondition(BaseModel):
    """Why a version is in its state."""

    error_code: str
    error_message: str


class VersionStatus(BaseModel):
    """One version."""

    version: str
    state: str = Field(description="LOADING, AVAILABLE, UNLOADING or END.")
    status: VersionCondition


class ModelStatus(BaseModel):
    """The state of each version that is known."""

    model_config = shown(STATUS)

    model_version_status: list[VersionStatus]


class Metadata(BaseModel):
    """The signatures of the served version."""

    model_config = shown(METADATA)

    model_spec: dict[str, str]
    metadata: dict[str, Any]
