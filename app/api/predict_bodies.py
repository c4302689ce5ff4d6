"""The bodies of TensorFlow Serving's predict: by row or by column, to images and from scores."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic_core import from_json

from app.api.limits import check_images, check_values
from app.api.tensors import IMAGE_SHAPE, from_lists
from app.errors import InvalidInputError, MalformedRequestError
from app.inference.contract import DEFAULT_SIGNATURE, INPUT, OUTPUTS, Scores

BY_ROW: Final = "instances"
BY_COLUMN: Final = "inputs"
BASE64_KEYS = {"b64"}


class Predict(NamedTuple):
    """What is asked of the network, and how the answer is to be written."""

    images: NDArray[np.float32]  # (n, 28, 28), 0..1
    signature: str
    by_row: bool


def read_predict(data: bytes, max_images: int) -> Predict:
    """The JSON of a predict request; errors in the words of TensorFlow Serving."""
    check_values(data, max_images)
    try:
        body = from_json(data)
    except ValueError as error:
        raise MalformedRequestError(f"JSON Parse error: {error}") from error
    if not isinstance(body, dict):
        raise MalformedRequestError("JSON Value: Is not object")
    signature = _signature(body)
    if BY_ROW in body and BY_COLUMN in body:
        raise MalformedRequestError(
            f"JSON Value: Not formatted correctly expecting only one of '{BY_COLUMN}' or "
            f"'{BY_ROW}' keys to exist"
        )
    if BY_ROW in body:
        return Predict(_from_rows(body[BY_ROW], max_images), signature, by_row=True)
    if BY_COLUMN in body:
        return Predict(_from_column(body[BY_COLUMN], max_images), signature, by_row=False)
    raise MalformedRequestError(f"Missing '{BY_COLUMN}' or '{BY_ROW}' key")


def write_predict(asked: Predict, scores: Scores) -> dict[str, Any]:
    """The answer in the form of the request; the name of an only output is left out."""
    outputs = [output.name for output in OUTPUTS[asked.signature]]
    columns = {name: scores._asdict()[name].tolist() for name in outputs}
    only = columns[outputs[0]] if len(outputs) == 1 else None
    if not asked.by_row:
        return {"outputs": only or columns}
    rows = [dict(zip(outputs, row, strict=True)) for row in zip(*columns.values(), strict=True)]
    return {"predictions": only or rows}


def _signature(body: dict[str, Any]) -> str:
    name = body.get("signature_name", "")
    if not isinstance(name, str):
        raise MalformedRequestError(
            "JSON Value: … not formatted correctly. 'signature_name' key must be a string value."
        )
    name = name or DEFAULT_SIGNATURE
    if name not in OUTPUTS:
        raise MalformedRequestError(f'Serving signature name: "{name}" not found in signature def')
    return name


def _from_rows(instances: object, max_images: int) -> NDArray[np.float32]:
    if not isinstance(instances, list):
        raise MalformedRequestError(f"JSON Value: Excepting '{BY_ROW}' to be an list/array")
    if not instances:
        raise MalformedRequestError(f"JSON Value: No values in '{BY_ROW}' array")
    check_images(len(instances), max_images)
    images = _without_names(instances)
    try:
        return from_lists(images, (len(images), *IMAGE_SHAPE))
    except InvalidInputError:
        # Once more, one by one, to say which it is.
        key = f" key: {INPUT.name}" if _is_named(instances[0]) else ""
        return np.stack([_from_row(place, key, image) for place, image in enumerate(images)])


def _from_row(place: int, key: str, image: object) -> NDArray[np.float32]:
    try:
        return from_lists(image, IMAGE_SHAPE)
    except InvalidInputError as error:
        raise InvalidInputError(_failed(place, key, str(error))) from error


def _failed(place: int, key: str, why: str) -> str:
    error = f"Error: INVALID_ARGUMENT: {why}"
    return f"Failed to process element: {place}{key} of '{BY_ROW}' list. {error}"


def _without_names(instances: list[Any]) -> list[Any]:
    """Instances as bare arrays: all of them name the input, or none."""
    if not _is_named(instances[0]):
        for place, item in enumerate(instances):
            if _is_named(item):
                raise MalformedRequestError(
                    f"Expecting value/list but got object at item {place} of input list"
                )
        return instances
    for place, item in enumerate(instances):
        if not _is_named(item):
            raise MalformedRequestError(
                f"Expecting object but got list at item {place} of input list"
            )
        for key in item:
            if key != INPUT.name:
                unknown = f"JSON object: does not have named input: {key}"
                raise MalformedRequestError(_failed(place, f" key: {key}", unknown))
        if not item:
            raise MalformedRequestError(
                f"Failed to process element: {place} of '{BY_ROW}' list. "
                f"JSON object: {{}} must only have keys: {INPUT.name}"
            )
    return [item[INPUT.name] for item in instances]


def _from_column(inputs: object, max_images: int) -> NDArray[np.float32]:
    if isinstance(inputs, dict) and _is_named(inputs):
        if INPUT.name not in inputs:
            raise MalformedRequestError(
                f"Missing named input: {INPUT.name} in '{BY_COLUMN}' object."
            )
        inputs = inputs[INPUT.name]
    images = len(inputs) if isinstance(inputs, list) else 1
    check_images(images, max_images)
    if images == 0:
        raise InvalidInputError(f"JSON Value: No values in '{BY_COLUMN}' array")
    return from_lists(inputs, (images, *IMAGE_SHAPE))


def _is_named(item: object) -> bool:
    """Whether it gives tensors by name; an object of base64 is a value (of bytes)."""
    return isinstance(item, dict) and item.keys() != BASE64_KEYS
