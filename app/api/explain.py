"""What `?explain=true` adds: the image that the network read, and its opinion row by row."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE, Digit
from app.schemas import Box, Seen

GREYSCALE_8_BIT = bytes([8, 0, 0, 0, 0])  # depth, colour type, and PNG's three constants


def partly_read(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """A digit (28, 28) → (28, 28, 28): image k shows rows 0 to k, the rows below are blank."""
    read = np.tri(IMAGE_SIDE, dtype=np.float32)  # (image, row): 1 where row <= image
    return read[:, :, np.newaxis] * pixels  # (image, row, column)


def seen(digit: Digit) -> Seen:
    """What the network was given to read."""
    left, top, right, bottom = digit.box
    png = encode_png(np.rint(digit.pixels * 255).astype(np.uint8))
    return Seen(
        image="data:image/png;base64," + base64.b64encode(png).decode("ascii"),
        inverted=digit.inverted,
        box=Box(left=left, top=top, right=right, bottom=bottom),
    )


def encode_png(grey: NDArray[np.uint8]) -> bytes:
    """Grey values (height, width) → a PNG file."""
    height, width = grey.shape
    # Each line begins with the number of its filter; 0 is none.
    lines = np.hstack([np.zeros((height, 1), np.uint8), grey])
    return b"".join(
        [
            b"\x89PNG\r\n\x1a\n",
            _chunk(b"IHDR", struct.pack(">II", width, height) + GREYSCALE_8_BIT),
            _chunk(b"IDAT", zlib.compress(lines.tobytes())),
            _chunk(b"IEND", b""),
        ]
    )


def _chunk(kind: bytes, content: bytes) -> bytes:
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)
