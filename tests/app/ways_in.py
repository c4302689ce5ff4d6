"""The ways in which an image is sent, as keyword arguments of `client.post`."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.api.documentation import SEVEN
from app.api.explain import encode_png

Request = dict[str, Any]

SEVEN_PNG = encode_png(SEVEN)


def multipart(data: bytes) -> Request:
    """One file part named file."""
    return {"url": "/predict", "files": {"file": ("7.png", data)}}


def raw(data: bytes, content_type: str = "image/png") -> Request:
    """The bytes as the body."""
    return {"url": "/predict", "content": data, "headers": {"Content-Type": content_type}}


def compressed(data: bytes, encoding: str = "gzip") -> Request:
    """The bytes as a body that says it is compressed."""
    request = raw(data)
    return request | {"headers": request["headers"] | {"Content-Encoding": encoding}}


def json_image(data: bytes) -> Request:
    """Base64 in JSON."""
    return {"url": "/predict", "json": {"image": base64.b64encode(data).decode()}}


def json_pixels(pixels: object) -> Request:
    """Grey values in JSON."""
    return {"url": "/predict", "json": {"pixels": pixels}}


def batch_multipart(*files: bytes) -> Request:
    """Many parts named files."""
    return {"url": "/predict/batch", "files": [("files", ("7.png", file)) for file in files]}


def batch_json(*files: bytes) -> Request:
    """Many base64 strings."""
    images = [base64.b64encode(file).decode() for file in files]
    return {"url": "/predict/batch", "json": {"images": images}}


def batch_npy(array: NDArray[Any], content_type: str = "application/x-npy") -> Request:
    """One .npy file."""
    file = io.BytesIO()
    np.save(file, array)
    return {
        "url": "/predict/batch",
        "content": file.getvalue(),
        "headers": {"Content-Type": content_type},
    }


ONE_IMAGE = {"multipart": multipart, "raw": raw, "json": json_image}
MANY_IMAGES = {"batch multipart": batch_multipart, "batch json": batch_json}
EVERY_WAY: dict[str, Request] = {
    "multipart": multipart(SEVEN_PNG),
    "raw": raw(SEVEN_PNG),
    "json image": json_image(SEVEN_PNG),
    "json pixels": json_pixels(SEVEN.tolist()),
    "batch multipart": batch_multipart(SEVEN_PNG),
    "batch json": batch_json(SEVEN_PNG),
    "batch npy": batch_npy(SEVEN[np.newaxis]),
}
