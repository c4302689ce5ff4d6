"""Paper taken away → whether what is lighter than the paper is a reflection and no ink.

A lamp on a whiteboard or on glossy paper leaves a spot that is brighter than the paper by more than
the pen is darker, so that the pen would be taken for shade. But it has no edges: a stroke, however
blurred, rises within a pen's width.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.imaging.paper import percentile

EDGE_LAGS: Final = 48
"""Steps are looked at over this part of the picture: less than any pen's width but the thinnest."""

SLOPE: Final = 0.25, 0.6
"""Of the strongest difference: what lies between is the edge of a stroke or the slope of a spot."""

MIN_PEN_SHARE: Final = 1e-3
"""Of the picture, that the darker half of what is drawn covers: specks cover less."""

MIN_STEEPNESS: Final = 0.15
"""Of the strongest difference. Made-up reflections, 0.09 to 0.16 of the picture wide, have 0.07 to
0.11; light digits 0.28 and more, or 0.2 when a fortieth of the picture blurs them."""


def is_glare(difference: NDArray[np.float32], faintest: float) -> bool:
    """Whether what is lighter than paper has no edges, while something darker has.

    difference: (height, width) in grey levels, above 0 where it is lighter, up to `faintest` to
    both sides all is paper; each side EDGE_LAGS or more.
    """
    pen = np.count_nonzero(difference < difference.min() / 2)
    if pen < MIN_PEN_SHARE * difference.size or _steepness(difference, 0) >= MIN_STEEPNESS:
        return False
    return _steepness(-difference, faintest) >= MIN_STEEPNESS


def _steepness(strength: NDArray[np.float32], faintest: float) -> float:
    """The usual step on the way up, as a share of the whole way; 0 where nothing stands out.

    The usual one, since a pen may cross a spot.
    """
    lag = min(strength.shape) // EDGE_LAGS
    inner = strength[:-lag, :-lag]
    most = float(inner.max())
    if most <= faintest:
        return 0.0
    below, above = SLOPE
    slope = (inner > below * most) & (inner < above * most)
    if not slope.any():
        return 1.0
    down, right = strength[lag:, :-lag], strength[:-lag, lag:]
    steps = np.maximum(np.abs(inner - down), np.abs(inner - right))
    return percentile(steps[slope], 50) / most
