"""Pictures of digits: image file in, MNIST frame out. Knows nothing of HTTP or of the network.

    bytes ─ decode ─▶ ink (height, width) uint8 ─ normalise ─▶ Digit, (28, 28) float32 0..1

Serving and the evaluation of real pictures in training both go through `read_digit`.
"""

from __future__ import annotations

from dataclasses import replace

from app.imaging.decode import DEFAULT_LIMITS, DecodeLimits, decode, decode_shrunk
from app.imaging.normalise import IMAGE_SIDE, Digit, normalise

__all__ = ["IMAGE_SIDE", "DecodeLimits", "Digit", "decode", "normalise", "read_digit"]


def read_digit(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Digit:
    """An image file → the digit on it; the box counts pixels of the file's picture, upright."""
    decoded = decode_shrunk(data, limits)
    digit = normalise(decoded.ink)
    left, top, right, bottom = (decoded.shrink * side for side in digit.box)
    width, height = decoded.size
    return replace(digit, box=(left, top, min(right, width), min(bottom, height)))
