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
JSON_TYPES = {str: "String", bool: "Boolean", dict: "Object", type(None): "Null"}


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
    # A comparison with NaN is false.
    if not ((values >= 0) & (values <= 1)).all():
        raise InvalidInputError(_OUT_OF_RANGE)
    return values


def _misfit(item: object, level: int, shape: Sequence[int]) -> str:
    """Why an item cannot stand at a level of the lists, in TensorFlow Serving's words."""
    rank = len(shape)
    if type(item) in JSON_TYPES:
        return f"JSON Value of Type: {JSON_TYPES[type(item)]} is not of expected type: float"
    if not isinstance(item, list):
        return (
            f"JSON Value found at incorrect level: {level + 1} in the JSON DOM. "
            f"Expected at level: {rank}"
        )
    if level == rank:
        return f"Encountered list at unexpected level: {level} expected < {rank}"
    return (
        f"Encountered list at unexpected size: {len(item)} at level: {level} "
        f"expected size: {shape[level]}"
    )
