"""Request bodies → images that have not been decoded yet, for each way in."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, TypeAdapter, ValidationError

from app.api import npy
from app.api.bodies import Body
from app.api.limits import check_images, check_values
from app.api.multipart import MULTIPART, split_multipart
from app.errors import (
    InvalidInputError,
    MalformedRequestError,
    PayloadTooLargeError,
    RequestError,
    UnsupportedImageError,
)
from app.schemas import Base64Image, PixelGrid, PredictBatchBody, PredictBody

# The bytes of an image file, or grey values (28, 28) uint8.
Image = bytes | NDArray[np.uint8]
Model = TypeVar("Model", bound=BaseModel)

JSON = "application/json"
OCTET_STREAM = "application/octet-stream"
NPY = "application/x-npy"
PIXELS: TypeAdapter[list[list[float]]] = TypeAdapter(PixelGrid)
BASE64: TypeAdapter[str] = TypeAdapter(Base64Image)


def one_image(body: Body) -> Image:
    """The one image of a /predict body."""
    media_type = body.media_type
    if media_type == MULTIPART:
        try:
            (part,) = split_multipart(body, "file", max_parts=1)
        except PayloadTooLargeError as error:
            raise PayloadTooLargeError("Send one image here; /predict/batch takes many.") from error
        return part
    if media_type == JSON:
        parsed = _parse_json(PredictBody, body.data, max_images=1)
        if parsed.pixels is not None:
            return _to_grey(parsed.pixels)
        return _from_base64(parsed.image)
    if media_type.startswith("image/") or _is_binary(body):
        return body.data
    if media_type == NPY:
        raise UnsupportedImageError("A .npy file holds many images. Send it to /predict/batch.")
    raise UnsupportedImageError(
        f"This Content-Type is not read here. Send {MULTIPART}, image/*, {OCTET_STREAM} or {JSON}; "
        "curl -H 'Content-Type: image/png' does."
    )


def many_images(body: Body, max_images: int) -> list[Image | RequestError]:
    """The images of a /predict/batch body, in order; an error in the place of a bad item.

    Of any body but a stack.
    """
    if body.media_type == MULTIPART:
        return list(split_multipart(body, "files", max_images))
    if body.media_type == JSON:
        return _from_json_batch(body.data, max_images)
    raise UnsupportedImageError(
        f"This Content-Type is not read here. Send {MULTIPART}, {JSON} or a .npy file as {NPY}."
    )


def is_stack(body: Body) -> bool:
    """Whether it is a .npy file, by its Content-Type or its first bytes."""
    return body.media_type == NPY or (_is_binary(body) and body.data.startswith(npy.MAGIC))


def stack_of_images(body: Body, max_images: int) -> NDArray[np.uint8]:
    """The images (n, 28, 28) of a stack."""
    return npy.parse_npy(body.data, max_images)


def _is_binary(body: Body) -> bool:
    """Whether it says that it is just bytes, or says nothing, which means the same (RFC 9110)."""
    return body.media_type == OCTET_STREAM or not body.content_type


def _from_json_batch(data: bytes, max_images: int) -> list[Image | RequestError]:
    parsed = _parse_json(PredictBatchBody, data, max_images)
    items = parsed.pixels if parsed.images is None else parsed.images
    if not items:
        raise InvalidInputError("The list is empty. Send at least one image.")
    check_images(len(items), max_images)
    if parsed.images is not None:
        return [_or_error(_from_base64, item) for item in items]
    return [
        _or_error(partial(_from_pixels, place=f"pixels[{at}]"), item)
        for at, item in enumerate(items)
    ]


def _or_error(read: Callable[[object], Image], item: object) -> Image | RequestError:
    try:
        return read(item)
    except RequestError as error:
        return error


def _from_base64(item: object) -> bytes:
    """Base64, as `base64` and browsers write it: wrapped lines and a data URL's head are fine."""
    try:
        text = BASE64.validate_python(item)
        if text.startswith("data:"):
            text = text.partition(",")[2]
        data = base64.b64decode("".join(text.split()), validate=True)
    except ValueError as error:
        raise InvalidInputError("The image is not a string in base64.") from error
    if not data:
        raise InvalidInputError("The image is empty.")
    return data


def _from_pixels(item: object, place: str) -> NDArray[np.uint8]:
    try:
        pixels = PIXELS.validate_python(item)
    except ValidationError as error:
        raise InvalidInputError(_describe(error, place)) from error
    return _to_grey(pixels)


def _to_grey(pixels: list[list[float]]) -> NDArray[np.uint8]:
    """28 rows of 28 numbers, 0..255 → (28, 28) uint8, rounded to the nearest grey value.

    Raises InvalidInputError for what was scaled to 0..1, of which nothing would be seen.
    """
    values: NDArray[np.float64] = np.array(pixels, np.float64)
    if 0 < values.max() <= 1:
        raise InvalidInputError(
            "No pixel is above 1. Grey values go from 0 to 255: multiply them by 255."
        )
    return np.rint(values).astype(np.uint8)


def _parse_json(model: type[Model], data: bytes, max_images: int) -> Model:
    check_values(data, max_images)
    try:
        return model.model_validate_json(data)
    except ValidationError as error:
        if error.errors()[0]["type"] == "json_invalid":
            raise MalformedRequestError("The body is not valid JSON.") from error
        if error.errors()[0]["type"] == "extra_forbidden":  # whose name is not repeated
            known = " and ".join(model.model_fields)
            raise InvalidInputError(
                f"The body has a key that is not known here. Known are {known}."
            ) from error
        raise InvalidInputError(_describe(error)) from error


def _describe(error: ValidationError, place: str = "the body") -> str:
    """Where and why, in pydantic's words, which do not repeat the input."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    for part in first["loc"]:
        place = f"{place}[{part}]" if isinstance(part, int) else str(part)
    return f"{place}: {first['msg'].removeprefix('Value error, ')}."
