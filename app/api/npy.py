"""A `.npy` file of many 28 × 28 images, read without trusting its header."""

from __future__ import annotations

import io
import math

import numpy as np
from numpy.lib import format as npy_format
from numpy.typing import NDArray

from app.api.limits import check_images
from app.errors import InvalidInputError, MalformedRequestError
from app.imaging import IMAGE_SIDE

MAGIC = npy_format.MAGIC_PREFIX
# numpy itself writes 118 bytes for an array of images.
MAX_HEADER_BYTES = 512


def parse_npy(data: bytes, max_images: int) -> NDArray[np.uint8]:
    """The bytes of a .npy file → (n, 28, 28) uint8, 1 ≤ n ≤ max_images.

    The header is checked before anything is allocated for it; pickles are not even looked at.
    """
    file = io.BytesIO(data)
    shape, fortran_order, dtype = _read_header(file)
    if dtype != np.uint8:
        raise InvalidInputError("The array is not of type uint8.")
    if len(shape) != 3 or shape[1:] != (IMAGE_SIDE, IMAGE_SIDE) or shape[0] < 1:
        raise InvalidInputError("The array does not have the shape (n, 28, 28), n at least 1.")
    check_images(shape[0], max_images)
    content = data[file.tell() :]
    if len(content) != math.prod(shape):
        raise MalformedRequestError("The array is shorter or longer than its header says.")
    stack = np.frombuffer(content, np.uint8).reshape(shape, order="F" if fortran_order else "C")
    return np.ascontiguousarray(stack)  # what looks at pictures goes through them row by row


def _read_header(file: io.BytesIO) -> tuple[tuple[int, ...], bool, np.dtype[np.generic]]:
    try:
        version = npy_format.read_magic(file)
        read = {
            (1, 0): npy_format.read_array_header_1_0,
            (2, 0): npy_format.read_array_header_2_0,
        }[version]
        return read(file, max_header_size=MAX_HEADER_BYTES)
    except Exception as error:
        # numpy evaluates the header as a Python literal and names no set of exceptions.
        raise MalformedRequestError("The body is not a .npy file that can be read.") from error
