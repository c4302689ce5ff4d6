"""What goes in and out as JSON under /v2: the contract of the Open Inference Protocol.

`InferBody` is what reads a request; the others are what `/docs` shows.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, StrictInt

from app import __version__
from app.schemas import SEVEN_ANSWER, shown

VERSION: Final = str(SEVEN_ANSWER["model_version"])
SERVER: Final = {
    "name": "rowscan",
    "version": __version__,
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
        {
            "name": "probabilities",
            "datatype": "FP32",
            "shape": [1, 10],
            "data": SEVEN_ANSWER["probabilities"],
        }
    ],
}


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
