"""What goes in and out as JSON under /v1 and /v2: the contracts of two protocols.

`InferBody` is what reads a request; the others are what `/docs` shows.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt

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
METADATA: Final = {
    "model_spec": {"name": "digits", "signature_name": "", "version": VERSION},
    "metadata": {
        "signature_def": {
            "signature_def": {
                "serving_default": {
                    "inputs": {
                        "image": {
                            "dtype": "DT_FLOAT",
                            "tensor_shape": {
                                "dim": [
                                    {"size": "-1", "name": ""},
                                    {"size": "28", "name": ""},
                                    {"size": "28", "name": ""},
                                ],
                                "unknown_rank": False,
                            },
                            "name": "serving_default_image:0",
                        }
                    },
                    "outputs": {},
                    "method_name": "tensorflow/serving/predict",
                }
            }
        }
    },
}
SERVER: Final = {
    "name": "rowscan",
    "version": "0.1.0",
    "extensions": ["binary_tensor_data", "classification"],
}
MODEL: Final = {
    "name": "digits",
    "versions": [VERSION],
    "platform": "tensorflow_savedmodel",
    "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 28, 28]}],
    "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}],
}
INFERRED: Final = {
    "model_name": "digits",
    "model_version": VERSION,
    "id": "seven",
    "outputs": [
        {"name": "probabilities", "datatype": "FP32", "shape": [1, 10], "data": PROBABILITIES}
    ],
}


class TensorError(BaseModel):
    """Why there is no answer, as both protocols say it."""

    model_config = shown(SERVABLE_NOT_FOUND)

    error: str


class PredictRows(BaseModel):
    """A predict request: exactly one of `instances` and `inputs`."""

    signature_name: str = Field("", description="serving_default, or serving_novelty as well.")
    instances: list[Any] | None = Field(
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


class Server(BaseModel):
    """What serves, and which extensions of the protocol it knows."""

    model_config = shown(SERVER)

    name: str
    version: str
    extensions: list[str]


class ServerLive(BaseModel):
    """Whether the process answers."""

    model_config = shown({"live": True})

    live: bool


class ServerReady(BaseModel):
    """Whether it can infer."""

    model_config = shown({"ready": True})

    ready: bool


class InferModelReady(BaseModel):
    """Whether this model can be asked."""

    model_config = shown({"name": "digits", "ready": True})

    name: str
    ready: bool


class TensorMetadata(BaseModel):
    """One tensor; -1 is any size."""

    name: str
    datatype: str
    shape: list[int]


class ModelMetadata(BaseModel):
    """What goes into the model and what comes out."""

    model_config = shown(MODEL)

    name: str
    versions: list[str]
    platform: str
    inputs: list[TensorMetadata]
    outputs: list[TensorMetadata]


# All lists of what is checked are short: a body of a million wrong items gives a few errors.
Shape = Annotated[list[StrictInt], Field(max_length=8)]


class InferTensor(BaseModel):
    """An input; its values are in `data`, or after the JSON where binary_data_size says so."""

    model_config = ConfigDict(strict=True)

    name: str
    shape: Shape
    datatype: str
    parameters: dict[str, Any] | None = None
    data: list[Any] | None = Field(None, description="Flat or nested, row by row.")


class RequestedOutput(BaseModel):
    """An output, and how it is wanted."""

    model_config = ConfigDict(strict=True)

    name: str
    parameters: dict[str, Any] | None = Field(
        None, description="binary_data: whether as bytes. classification: how many classes."
    )


class InferBody(BaseModel):
    """An infer request: one input, one output."""

    model_config = ConfigDict(strict=True)

    id: str | None = None
    parameters: dict[str, Any] | None = None
    inputs: Annotated[list[InferTensor], Field(min_length=1, max_length=1)]
    outputs: Annotated[list[RequestedOutput], Field(max_length=1)] | None = None


class Inferred(BaseModel):
    """The answer to an infer request."""

    model_config = shown(INFERRED)

    model_name: str
    model_version: str
    id: str | None = None
    outputs: list[dict[str, Any]]
