"""Tensors, in JSON or as bytes → images (n, 28, 28), for the protocols that send them so.

Nothing is decoded or framed here: the images are as the network takes them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from app.errors import InvalidInputError
from app.imaging import IMAGE_SIDE

IMAGE_SHAPE = (IMAGE_SIDE, IMAGE_SIDE)
ROUNDING = 1e-6  # beyond 0 and 1, which resizing in float32 leaves


def from_lists(nested: object, shape: Sequence[int]) -> NDArray[np.float32]:
    """Lists of numbers, nested as `shape` says → the array of that shape, float32 0..1.

    Depth, lengths and types are known before numpy sees a value: of lists that do not fit it would
    make strings as long as the longest, or objects.
    """
    items = [nested]
    for level, size in enumerate(shape):
        for item in items:
            if type(item) is not list or len(item) != size:
                raise InvalidInputError(_misfit(item, level, shape))
        items = list(chain.from_iterable(items))  # type: ignore[arg-type] # they are lists
    if not set(map(type, items)) <= {int, float}:
        stranger = next(item for item in items if type(item) not in (int, float))
        raise InvalidInputError(_misfit(stranger, len(shape), shape))
    try:
        values = np.array(items, np.float64)
    except OverflowError:  # of an integer with hundreds of digits
        raise InvalidInputError(_OUT_OF_RANGE) from None
    return _in_range(values).astype(np.float32).reshape(shape)


def from_bytes(data: bytes, shape: Sequence[int]) -> NDArray[np.float32]:
    """Little-endian 32-bit floats, row by row → the array of that shape, float32 0..1."""
    expected = 4 * math.prod(shape)
    if len(data) != expected:
        raise InvalidInputError(f"The tensor has {len(data)} bytes; its shape needs {expected}.")
    return _in_range(np.frombuffer(data, "<f4")).astype(np.float32).reshape(shape)


_OUT_OF_RANGE = "The values must be from 0 to 1, light ink on dark: divide grey values by 255."


def _in_range(values: NDArray[np.floating]) -> NDArray[np.floating]:
    least, most = values.min(initial=0), values.max(initial=1)
    if not (least >= -ROUNDING and most <= 1 + ROUNDING):  # nor is NaN
        raise InvalidInputError(_OUT_OF_RANGE)
    return values if (least, most) == (0, 1) else values.clip(0, 1)


def _json_type(item: object) -> str | None:
    """What TensorFlow Serving calls the type of an item, unless it is a number or a list."""
    if isinstance(item, bool):
        return str(item)
    return {str: "String", dict: "Object", type(None): "Null"}.get(type(item))


def _misfit(item: object, level: int, shape: Sequence[int]) -> str:
    """Why an item cannot stand at a level of the lists, in TensorFlow Serving's words."""
    rank = len(shape)
    if kind := _json_type(item):
        return f"JSON Value: … Type: {kind} is not of expected type: float"
    if not isinstance(item, list):
        return (
            f"JSON Value: … found at incorrect level: {level + 1} in the JSON DOM. "
            f"Expected at level: {rank}"
        )
    if level == rank:
        return f"Encountered list at unexpected level: {level} expected < {rank}"
    return (
        f"Encountered list at unexpected size: {len(item)} at level: {level} "
        f"expected size: {shape[level]}"
    )
