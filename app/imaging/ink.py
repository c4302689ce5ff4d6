"""Grey values → how much ink lies on each pixel. The paper, its light and its grain are taken away.

grey (height, width) 0..255 ─ fit_paper ─▶ paper ─ measure_ink ─▶ InkMap, 0 paper .. 1 full ink
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.errors import BlankImageError
from app.imaging.glare import is_glare
from app.imaging.paper import (
    MEDIAN_TO_SIGMA,
    MIN_PHOTO_SIDE,
    border,
    fit_paper,
    is_dark,
    percentile,
)
from app.imaging.printed import measure_print

MIN_CONTRAST: Final = 6.0
"""Grey levels: on a picture with less between paper and ink nothing is seen, by eye either."""

FAINTEST_SHARE: Final = 1 / 16
"""Of the strongest difference: a JPEG's ripples and the blur of a lens stay below it."""

GRAIN_REACH: Final = 5.0
"""Ink differs from paper by this many standard deviations of the grain.

Of the 262,144 pixels of the largest working picture 0.1 Gaussian ones reach as far.
"""

GRAIN_HIDDEN: Final = 2.0
"""Standard deviations of grain that are taken off the ink, so that paper comes out black."""

GRAIN_SAMPLES: Final = 8_192
"""Pixels that are looked at for the grain; more cost time and change nothing."""

MIN_GRAINY_SIDE: Final = 12
"""In smaller pictures all neighbours differ; they are means of many pixels and have no grain."""

GRAIN_OF_PAIRS: Final = 0.3247 * 2**0.5
"""The more equal half of all pairs of Gaussian values differs by this many standard deviations."""

GRAIN_LAGS: Final = 32
"""Pairs lie this part of the picture apart: blotches of paper count as grain."""

PLAIN_SHARE: Final = 0.25
"""Of the strongest difference: what is less on the border is paper, not ink."""

LIGHT_PART: Final = 0.3
"""Of what the border shows beyond the grain. With 0 a hand's soft shadow is taken for ink (96.0
instead of 98.7% of made-up ones), with 1 the lines of squared paper are not seen (98.0 → 96.0)."""

FULL_INK_PERCENTILE: Final = 75
"""Of all inked pixels: what is darker counts as full ink, as inside a stroke of MNIST.

The result hardly depends on it: any value from 60 to 90 reads real pictures equally well.
"""


class InkMap(NamedTuple):
    """How much ink lies where."""

    strength: NDArray[np.float32]  # (height, width), 0 paper .. 1 full ink
    dark: bool  # the ink is darker than the paper


def measure_ink(grey: NDArray[np.float32]) -> InkMap:
    """Take the paper away, and what is printed on it; scale the ink, dark or light, to 0..1.

    grey: (height, width) float32, 0..255. Raises BlankImageError when nothing stands out.
    """
    paper = fit_paper(grey)
    difference = grey - paper
    grain = measure_grain(difference)
    size = np.abs(difference)
    strongest = float(size.max())
    if strongest <= max(MIN_CONTRAST, GRAIN_REACH * grain):
        raise blank()
    faintest = max(strongest * FAINTEST_SHARE, GRAIN_REACH * grain, MIN_CONTRAST / 2)
    photo = min(grey.shape) >= MIN_PHOTO_SIDE
    dark = is_dark(difference[size > faintest]) or (photo and is_glare(difference, faintest))
    signed = -difference if dark else difference
    # Chosen before the light is evened out: that takes ink on the brightest paper below `faintest`.
    inked = signed > faintest
    strength = _even_out(signed, paper) if dark else signed
    hidden = GRAIN_HIDDEN * grain
    if photo and (printed := measure_print(strength, faintest)):
        inked &= strength > printed
        hidden = max(hidden, printed)
    if not inked.any():
        raise blank()
    full = percentile(strength[inked], FULL_INK_PERCENTILE)
    if full <= hidden:  # grain in the brightest light, no ink
        raise blank()
    return InkMap(np.clip((strength - hidden) / np.float32(full - hidden), 0, 1), dark)


def measure_grain(difference: NDArray[np.float32]) -> float:
    """The standard deviation of what is left on the paper, (height, width) in grey levels.

    From pairs of pixels, the more equal half of which lie on the same ground, be it paper or ink;
    in photos with a part of what the border shows, which also tells how far the light is missed.
    Never more than all of the border shows, which is all there is on a blank sheet.
    """
    side = min(difference.shape)
    if side < MIN_GRAINY_SIDE:
        return 0.0
    lag = -(-side // GRAIN_LAGS)
    apart = _some(np.abs(difference[:, lag:] - difference[:, :-lag]))
    half = apart.size // 2
    if side < MIN_PHOTO_SIDE and np.count_nonzero(apart) <= apart.size - half:
        return 0.0  # drawn on a screen
    grain = float(np.partition(apart, half)[:half].mean()) / GRAIN_OF_PAIRS
    edge = _some(np.abs(border(difference)))
    if side >= MIN_PHOTO_SIDE:
        plain = edge[edge < PLAIN_SHARE * float(np.abs(difference).max())]
        if plain.size:
            grain += LIGHT_PART * max(0.0, MEDIAN_TO_SIGMA * percentile(plain, 50) - grain)
    return min(grain, MEDIAN_TO_SIGMA * percentile(edge, 50))


def _some(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """At most GRAIN_SAMPLES of all values, flat."""
    return values.reshape(-1)[:: 1 + values.size // GRAIN_SAMPLES]


def rescale(ink: NDArray[np.float32]) -> NDArray[np.float32]:
    """Scale ink 0..1 anew when what was stronger is gone: a cell's black border around pencil."""
    full = percentile(ink[ink > 0.1], FULL_INK_PERCENTILE)
    return ink if full > 0.9 else np.minimum(ink / np.float32(full), np.float32(1))


def blank() -> BlankImageError:
    """What is said of a picture without ink."""
    return BlankImageError("Nothing stands out on this image. Draw one digit on it.")


def _even_out(strength: NDArray[np.float32], paper: NDArray[np.float32]) -> NDArray[np.float32]:
    """Dark ink takes a share of the light, so in shade it differs less: made up for here."""
    level = float(paper.mean())
    return strength * (level / np.maximum(paper, level / 4)).astype(np.float32)
