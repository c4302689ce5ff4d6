"""The bodies of the Open Inference Protocol's infer: JSON, with or without bytes after it.

JSON ─ inputs ─▶ images (n, 28, 28)          scores ─▶ JSON ─▶ the bytes of each output
  └─ bytes after it, where the input says so
"""

from __future__ import annotations

import json
import struct
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from starlette.responses import Response

from app.api.inference_schemas import InferBody, InferTensor, RequestedOutput
from app.api.inputs import JSON, OCTET_STREAM
from app.api.limits import check_images, check_values
from app.api.tensors import IMAGE_SHAPE, from_bytes, from_lists
from app.errors import InvalidInputError, MalformedRequestError
from app.inference.contract import CLASSES, INPUT, PROBABILITIES, Scores
from app.inference.manifest import MODEL_NAME

HEADER_LENGTH: Final = "Inference-Header-Content-Length"
DATATYPE: Final = "FP32"


class Infer(NamedTuple):
    """What is asked of the network, and how the answer is to be written."""

    images: NDArray[np.float32]  # (n, 28, 28), 0..1
    id: str | None
    binary: bool  # the output follows the JSON, as bytes
    classes: int  # so many of the likeliest, as strings; 0: all probabilities


def read_infer(data: bytes, header_length: str | None, max_images: int) -> Infer:
    """The body of an infer request, of which the JSON takes the first header_length bytes."""
    length = _json_length(data, header_length)
    check_values(data[:length], max_images)
    try:
        body = InferBody.model_validate_json(data[:length])
    except ValidationError as error:
        raise MalformedRequestError(_describe(error)) from error
    tensor = body.inputs[0]
    if tensor.name != INPUT.name:
        raise InvalidInputError(f"There is no input of this name. Send '{INPUT.name}'.")
    if tensor.datatype != DATATYPE:
        raise InvalidInputError(f"The input '{INPUT.name}' must be of the datatype {DATATYPE}.")
    if len(tensor.shape) != 3 or tuple(tensor.shape[1:]) != IMAGE_SHAPE or tensor.shape[0] < 1:
        raise InvalidInputError(f"The shape of '{INPUT.name}' must be [n, 28, 28], n at least 1.")
    check_images(tensor.shape[0], max_images)
    binary, classes = _wanted(body)
    return Infer(_images(tensor, data[length:]), body.id, binary, classes)


def write_infer(asked: Infer, scores: Scores, version: int) -> Response:
    """The answer, in the form that was asked for."""
    output: dict[str, Any] = {"name": PROBABILITIES.name}
    content = b""
    if asked.classes:
        texts = _classes(scores.probabilities, asked.classes)
        output |= {"datatype": "BYTES", "shape": [len(texts), len(texts[0])]}
        flat = [text for row in texts for text in row]
        if asked.binary:
            content = b"".join(struct.pack("<I", len(text)) + text.encode() for text in flat)
        else:
            output["data"] = flat
    else:
        output |= {"datatype": DATATYPE, "shape": list(scores.probabilities.shape)}
        if asked.binary:
            content = scores.probabilities.astype("<f4").tobytes()
        else:
            output["data"] = scores.probabilities.ravel().tolist()
    answer: dict[str, Any] = {"model_name": MODEL_NAME, "model_version": str(version)}
    if asked.id is not None:
        answer["id"] = asked.id
    answer["outputs"] = [output]
    if not asked.binary:
        return Response(json.dumps(answer), media_type=JSON)
    output["parameters"] = {"binary_data_size": len(content)}
    header = json.dumps(answer).encode()
    headers = {HEADER_LENGTH: str(len(header))}
    return Response(header + content, headers=headers, media_type=OCTET_STREAM)


def _json_length(data: bytes, header_length: str | None) -> int:
    if header_length is None:
        return len(data)
    is_number = header_length.isascii() and header_length.isdecimal() and len(header_length) < 20
    if not is_number or int(header_length) > len(data):
        raise MalformedRequestError(f"{HEADER_LENGTH} is not a number of bytes that the body has.")
    return int(header_length)


def _images(tensor: InferTensor, content: bytes) -> NDArray[np.float32]:
    """The input's values, from its JSON or from the bytes after it."""
    parameters = tensor.parameters or {}
    if "shared_memory_region" in parameters:
        raise InvalidInputError("Shared memory is not read here. Send the values.")
    size = parameters.get("binary_data_size")
    if size is None and tensor.data is None:
        raise InvalidInputError(f"The input '{INPUT.name}' has no data.")
    if (size or 0) != len(content) or (size is not None and tensor.data is not None):
        raise MalformedRequestError(
            "The bytes after the JSON are not those that binary_data_size announces."
        )
    if size is not None:
        return from_bytes(content, tensor.shape)
    data: list[Any] = tensor.data or []
    if data and isinstance(data[0], list):
        return from_lists(data, tensor.shape)
    return from_lists(data, (int(np.prod(tensor.shape)),)).reshape(tensor.shape)


def _wanted(body: InferBody) -> tuple[bool, int]:
    """Whether the output is wanted as bytes, and of how many classes; there is one output."""
    by_default = (body.parameters or {}).get("binary_data_output", False)
    output = body.outputs[0] if body.outputs else RequestedOutput(name=PROBABILITIES.name)
    if output.name != PROBABILITIES.name:
        raise InvalidInputError(f"There is no output of this name, only '{PROBABILITIES.name}'.")
    parameters = output.parameters or {}
    binary = parameters.get("binary_data", by_default)
    classes = parameters.get("classification", 0)
    if not isinstance(binary, bool):
        raise InvalidInputError("Whether an output is binary must be true or false.")
    if type(classes) is not int or ("classification" in parameters and classes < 1):
        raise InvalidInputError("The number of classes must be a whole number, at least 1.")
    return binary, min(classes, CLASSES)


def _classes(probabilities: NDArray[np.float32], classes: int) -> list[list[str]]:
    """The likeliest digits of each image, the likeliest first: "value:index:label"."""
    order = np.argsort(-probabilities, axis=1, kind="stable")[:, :classes]  # (n, classes)
    return [
        [f"{row[digit]:f}:{digit}:{digit}" for digit in digits]
        for row, digits in zip(probabilities, order, strict=True)
    ]


def _describe(error: ValidationError) -> str:
    """Where and why, in pydantic's words, which do not repeat the input."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in first["loc"])
    return f"{place.removeprefix('.') or 'The body'}: {first['msg']}."
