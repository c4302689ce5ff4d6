"""What goes in and out as JSON. These models are the contract that `/docs` shows."""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, model_validator

from app.imaging import IMAGE_SIDE
from app.inference.contract import CLASSES

# Strict, so that "7", true and null are no numbers; NaN and infinities are not in 0..255 either.
Pixel = Annotated[float, Field(strict=True, ge=0, le=255, allow_inf_nan=False)]
PixelRow = Annotated[list[Pixel], Field(min_length=IMAGE_SIDE, max_length=IMAGE_SIDE)]
PixelGrid = Annotated[
    list[PixelRow],
    Field(
        min_length=IMAGE_SIDE,
        max_length=IMAGE_SIDE,
        description=f"{IMAGE_SIDE} rows of {IMAGE_SIDE} grey values, 0..255, top to bottom.",
    ),
]
Base64Image = Annotated[
    str,
    Field(strict=True, description="A PNG, JPEG, GIF, BMP or WebP file in base64."),
]
Probability = Annotated[float, Field(ge=0, le=1)]
Probabilities = Annotated[
    list[Probability],
    Field(
        min_length=CLASSES,
        max_length=CLASSES,
        description="One for each digit; the index is the digit.",
    ),
]

# What `/docs` shows: the shipped version's answers about examples/7.png, and a file that is none.
SEVEN_ANSWER: Final[dict[str, Any]] = {
    "digit": 7,
    "confidence": 0.99897587,
    "probabilities": [
        9.062e-05,
        0.00029141,
        6.137e-05,
        9.053e-05,
        0.00010359,
        9.739e-05,
        0.00011096,
        0.99897587,
        9.352e-05,
        8.481e-05,
    ],
    "is_digit": True,
    "novelty": 0.00191248,
    "model_version": 1,
}
UNSUPPORTED_PROBLEM: Final[dict[str, Any]] = {
    "type": "/problems/unsupported-image",
    "title": "Unsupported image type",
    "status": 415,
    "detail": "This is not a PNG, JPEG, GIF, BMP or WebP image. Convert it to one of these.",
    "request_id": "5f0c6a1e9b7d4c83a2f1e0d9c8b7a695",
}
BATCH_ANSWER: Final = {"predictions": [SEVEN_ANSWER, UNSUPPORTED_PROBLEM]}
# Without their nulls, which the framework drops from all that it shows.
READY_HEALTH: Final = {
    "status": "ready",
    "draining": False,
    "model": {"name": "digits", "version": 1},
    "refused": {},
}
LOADING_HEALTH: Final = {"status": "loading", "draining": False, "refused": {}}


def shown(*examples: dict[str, Any]) -> ConfigDict:
    """The configuration of a model whose schema shows these."""
    return ConfigDict(json_schema_extra={"examples": list(examples)})


def _one_is_not_null(schema: dict[str, Any]) -> None:
    """Say in the schema of a body what its validator says."""
    null, names = {"type": "null"}, list(schema["properties"])
    schema["oneOf"] = [
        {
            "required": [name],
            "properties": {each: {"not": null} if each == name else null for each in names},
        }
        for name in names
    ]


class _Body(BaseModel):
    """A JSON body: exactly one of its two keys, nothing else."""

    model_config = ConfigDict(extra="forbid", json_schema_extra=_one_is_not_null)

    @model_validator(mode="after")
    def _exactly_one_key(self) -> _Body:
        if sum(value is not None for value in self.__dict__.values()) != 1:
            raise ValueError(f"send exactly one of {' and '.join(type(self).model_fields)}")
        return self


class PredictBody(_Body):
    """One image, as a file in base64 or as its pixels."""

    image: Base64Image | None = None
    pixels: PixelGrid | None = None


class PredictBatchBody(_Body):
    """Many images. An item that is not as `PredictBody` wants it gets a problem of its own."""

    images: list[Any] | None = Field(None, description="Files in base64.")
    pixels: list[Any] | None = Field(None, description="28 × 28 grey values each.")


class Box(BaseModel):
    """A rectangle in pixels of the image that was sent; right and bottom lie just outside."""

    left: int
    top: int
    right: int
    bottom: int


class Seen(BaseModel):
    """What the network was given to read."""

    image: str = Field(description="The 28 × 28 image, a PNG as a data URL, light ink on dark.")
    inverted: bool = Field(description="Whether dark and light were swapped to get there.")
    box: Box = Field(description="Where the digit was found.")


class Prediction(BaseModel):
    """What the network says about one image."""

    model_config = shown(SEVEN_ANSWER)

    digit: int = Field(ge=0, le=9)
    confidence: Probability = Field(description="The probability of that digit.")
    probabilities: Probabilities
    is_digit: bool = Field(
        description="Whether the novelty is at most the threshold of the version, which at least "
        "99% of MNIST's validation digits keep within."
    )
    novelty: float = Field(ge=0, le=1, description="How little the picture is like a digit.")
    model_version: int
    seen: Seen | None = Field(None, description="Only with ?explain=true.")
    rows: list[Probabilities] | None = Field(
        None,
        description="Only with ?explain=true: the probabilities after each of the 28 rows, "
        "while the rows below it are still blank.",
    )


class Problem(BaseModel):
    """Why there is no answer (RFC 9457). It never repeats what was sent."""

    model_config = shown(UNSUPPORTED_PROBLEM)

    type: str = Field(description="What kind of problem it is; the same for every occurrence.")
    title: str
    status: int
    detail: str = Field(description="What was wrong, and what to do.")
    request_id: str = Field(description="The same as in the X-Request-ID header.")


class BatchPrediction(BaseModel):
    """One answer for each image, in order; a problem in the place of one that could not be read."""

    model_config = shown(BATCH_ANSWER)

    predictions: list[Prediction | Problem]


class ServedModel(BaseModel):
    """Which model answers."""

    name: str
    version: int


class Health(BaseModel):
    """Whether the service can answer, and why not."""

    model_config = shown(READY_HEALTH, LOADING_HEALTH)

    status: str = Field(description="loading, ready, draining or failed.")
    draining: bool
    model: ServedModel | None = None
    refused: dict[int, str] = Field(description="Published versions that are not served, and why.")
    error: str | None = Field(None, description="Why no model can be served.")
    reload_error: str | None = Field(
        None, description="Why it is not the newest version of the folder that answers."
    )


class Ready(BaseModel):
    """The short answer for probes."""

    model_config = shown({"status": "ready"})

    status: str
