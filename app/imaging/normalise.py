"""Any picture of one digit → the 28 × 28 picture that the network was trained on.

    ink (height, width) uint8 ─ shrink_by ─ measure_ink ─ remove_lines ─ keep_digit ─ frame ─▶ Digit

Dark on light or light on dark, any size, any place, even or uneven light. A picture that is in the
MNIST frame already goes through unchanged, damaged or not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.imaging.damage import damaged_frame
from app.imaging.frame import EDGE, FRAME_BOX, IMAGE_SIDE, Box, frame, ink_box, is_framed
from app.imaging.ink import blank, measure_ink, rescale
from app.imaging.lines import remove_lines
from app.imaging.paper import shrink_by
from app.imaging.parts import keep_digit

__all__ = ["IMAGE_SIDE", "Digit", "normalise"]

WORK_SIDE: Final = 256
"""Larger pictures are shrunk to this side: a digit a twentieth as wide still has 25 pixels."""


@dataclass(frozen=True)
class Digit:
    """A digit as the network reads it, and what was done to get there."""

    pixels: NDArray[np.float32]  # (28, 28), 0 paper .. 1 ink
    inverted: bool  # the source was dark ink on light paper
    box: Box  # the digit in the source: left, top, right, bottom, half-open


def normalise(ink: NDArray[np.uint8]) -> Digit:
    """Bring a grey picture of one digit, (height, width) 0..255, into the MNIST frame.

    Raises BlankImageError when nothing is drawn on it.
    """
    framed = _as_framed(ink)
    if framed is not None:
        return framed
    doubled = pixel_doubling(ink)
    source = ink[::doubled, ::doubled]
    factor = -(-max(source.shape) // WORK_SIDE)
    measured = measure_ink(shrink_by(source, factor))
    digit = keep_digit(rescale(remove_lines(measured.strength)))
    box = _enlarge(ink_box(digit), factor * doubled, ink.shape)
    pixels = frame(digit)
    if not pixels.any():
        raise blank()
    return Digit(pixels, measured.dark, box)


def _as_framed(ink: NDArray[np.uint8]) -> Digit | None:
    """The picture itself, in either polarity, when it is in the MNIST frame, damaged or not."""
    if ink.shape != (IMAGE_SIDE, IMAGE_SIDE):
        return None
    inverted = bool(np.count_nonzero(ink.take(EDGE) > 127) > EDGE.size / 2)
    light = 255 - ink if inverted else ink
    if is_framed(light):
        pixels = light.astype(np.float32) / np.float32(255)
        return Digit(pixels, inverted, ink_box(pixels, edge=1 / 255))
    dark = damaged_frame(ink)
    if dark is None:
        return None
    light = 255 - ink if dark else ink
    return Digit(light.astype(np.float32) / np.float32(255), dark, FRAME_BOX)


def pixel_doubling(ink: NDArray[np.uint8]) -> int:
    """By which whole factor a picture was enlarged by repeating its pixels; 1 when it was not.

    (height, width) 0..255. Undone, its steps come out as smooth as those of the small picture.
    """
    factor = math.gcd(*ink.shape)
    for lines in (ink, ink.T):
        if factor > 1:
            changes = np.flatnonzero((lines[1:] != lines[:-1]).any(axis=1)) + 1
            factor = math.gcd(factor, *changes.tolist())
    return factor


def _enlarge(box: Box, factor: int, shape: tuple[int, ...]) -> Box:
    """A box of the shrunk picture in pixels of the picture of `shape` (height, width)."""
    left, top, right, bottom = (factor * side for side in box)
    return left, top, min(right, shape[1]), min(bottom, shape[0])
