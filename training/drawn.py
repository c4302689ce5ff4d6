"""Pictures that this module draws: digits of print and of other hands, and strangers.

    seed ─ draw ─▶ grey picture (64, 64) ─ app.imaging.normalise ─▶ (28, 28) uint8

They go through the imaging path of the service, so the network learns them as it will meet them.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray

from app.errors import BlankImageError
from app.imaging import normalise
from app.inference.contract import CLASSES
from training.data import Split
from training.glyphs import DIGIT_FONTS, Sheet, draw_glyph
from training.hands import write_digit
from training.strangers import KINDS

DRAWN = 1_000_000  # beside the seed: no epoch's order has this number
STRANGER = CLASSES
"""The label of what is no digit: one beyond the classes."""

Random = np.random.Generator


def draw_printed(count: int, seed: int) -> Split:
    """Return `count` printed digits, labels 0..9, in the frame in which the network reads."""
    random = np.random.default_rng([seed, DRAWN, 0])
    labels = random.integers(0, CLASSES, count, np.uint8)
    images = [_framed(partial(draw_glyph, str(label), DIGIT_FONTS), random) for label in labels]
    return Split(np.stack(images), labels)


def draw_written(count: int, seed: int) -> Split:
    """Return `count` digits as other hands than MNIST's write them, labels 0..9, framed alike."""
    random = np.random.default_rng([seed, DRAWN, 2])
    labels = random.integers(0, CLASSES, count, np.uint8)
    images = [_framed(partial(write_digit, int(label)), random) for label in labels]
    return Split(np.stack(images), labels)


def draw_strangers(count: int, seed: int) -> Split:
    """Return `count` pictures that are no digit: letters, scribbles, shapes, textures, pairs."""
    random = np.random.default_rng([seed, DRAWN, 1])
    chosen = [KINDS[kind] for kind in random.integers(0, len(KINDS), count)]
    images = [_framed(kind, random) for kind in chosen]
    return Split(np.stack(images), np.full(count, STRANGER, np.uint8))


def _framed(draw: Callable[[Random], Sheet], random: Random) -> NDArray[np.uint8]:
    """Draw until there is something to see; return it as the network sees it, (28, 28)."""
    while True:
        try:
            return np.rint(255 * normalise(draw(random)).pixels).astype(np.uint8)
        except BlankImageError:
            continue
