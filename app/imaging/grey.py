"""Colour and alpha → one grey channel in which the ink stands out most.

    L, LA, RGB or RGBA ─ lay_on_backdrop ─▶ L or RGB ─ to_grey ─▶ L

Plain luma loses red ink on green paper of the same lightness, and white is the wrong backdrop for
white ink. Both functions look at the picture instead, and give the same answer every time.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

BLACK, WHITE = 0, 255
MIDDLE_GREY: Final = 128

MIN_TONES: Final = 64
"""Visible pixels whose grey values spread wider than this are a picture, not ink of one tone."""

SAMPLE_SIDE: Final = 128
"""Colours are judged on a copy of about this side: quick, and the mean hides a camera's noise."""

SAMPLE_STEP: Final = 4
"""Colours are compared this many sample pixels apart: wider than the blur of a stroke's edge."""


def lay_on_backdrop(picture: Image.Image) -> Image.Image:
    """Resolve alpha: LA or RGBA → L or RGB, on a backdrop against which the ink is visible.

    Ink on nothing gets the far end of the scale: white under dark ink, black under light ink.
    Paper with see-through corners gets its own tone, so that the corners vanish.
    """
    if picture.mode not in ("LA", "RGBA"):
        return picture
    alpha = picture.getchannel("A")
    if alpha.getextrema()[0] == WHITE:
        return picture.convert(picture.mode[:-1])
    backdrop = Image.new(picture.mode, picture.size, _backdrop_level(picture, alpha))
    backdrop.putalpha(WHITE)
    return Image.alpha_composite(backdrop, picture).convert(picture.mode[:-1])


def _backdrop_level(picture: Image.Image, alpha: Image.Image) -> tuple[int, ...]:
    """The backdrop's value for each channel of the picture: a grey, and opaque."""
    visible = np.asarray(alpha) >= MIDDLE_GREY
    if not visible.any():  # a faint drawing: whatever shows at all
        visible = np.asarray(alpha) > 0
    tones = np.asarray(picture.convert("L"))[visible]  # (visible pixels,)
    if tones.size == 0:
        level = WHITE
    else:
        low, middle, high = np.percentile(tones, (2, 50, 98)).astype(int).tolist()
        is_paper = visible.mean() > 0.5 and high - low > MIN_TONES
        level = middle if is_paper else BLACK if middle >= MIDDLE_GREY else WHITE
    return (level,) * (len(picture.getbands()) - 1) + (WHITE,)


def to_grey(picture: Image.Image) -> Image.Image:
    """L or RGB → L. Colours are projected on the direction in which neighbours differ most."""
    if picture.mode == "L":
        return picture
    weights = _contrast_weights(_colour_sample(picture))
    # A channel with a negative weight is counted from its white end, so that 0..255 stays 0..255.
    offset = -WHITE * float(weights[weights < 0].sum())
    return picture.convert("L", (*weights.tolist(), offset))


def _colour_sample(picture: Image.Image) -> NDArray[np.float32]:
    """A small copy of an RGB picture: (height, width, 3), 0..255, by area means."""
    factor = max(1, max(picture.size) // SAMPLE_SIDE)
    small = picture.reduce(factor) if factor > 1 else picture
    return np.asarray(small, dtype=np.float32)


def _contrast_weights(colours: NDArray[np.float32]) -> NDArray[np.float64]:
    """The first principal direction of the differences between pixels SAMPLE_STEP apart.

    (height, width, 3), 0..255 → (3,), absolute values summing to 1. Differences, not the colours
    themselves, because an uneven light over the paper varies more than the ink does, but slowly.
    """
    across = colours[:, SAMPLE_STEP:] - colours[:, :-SAMPLE_STEP]
    down = colours[SAMPLE_STEP:] - colours[:-SAMPLE_STEP]
    steps = np.concatenate([across.reshape(-1, 3), down.reshape(-1, 3)])  # (pairs, 3)
    scatter = (steps.T @ steps).astype(np.float64)  # (3, 3)
    if not scatter.any():
        return np.full(3, 1 / 3)
    direction: NDArray[np.float64] = np.linalg.eigh(scatter)[1][:, -1]
    direction = direction / np.abs(direction).sum()
    # eigh leaves the sign open: bright stays bright, or else the strongest channel counts up.
    upward = (
        direction.sum() if abs(direction.sum()) > 0.1 else direction[np.abs(direction).argmax()]
    )
    return direction if upward > 0 else -direction
