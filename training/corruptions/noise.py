"""Corruptions of single pixels: shot noise, impulse noise, spatter. See the package."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

Images = NDArray[np.float32]  # (n, 28, 28), 0..1

PHOTONS: Final = 3  # at white; severity 5
FLIPPED: Final = 0.17  # share of the pixels; severity 4

# Spatter, severity 4: a wetness drawn from a normal distribution, smoothed; where it is above a
# threshold there is mud, whose outline is smoothed in turn.
WETNESS_MEAN, WETNESS_DEVIATION, WETNESS_BLUR = 0.65, 0.3, 1.0
WET: Final = 0.65
MUD_BLUR, MUD_EDGE, MUD_GREY = 1.5, 0.8, 63 / 255


def shot_noise(images: Images, random: np.random.Generator) -> Images:
    """Severity 5: each pixel a count of photons, Poisson with 3 at white."""
    counts = random.poisson(images * PHOTONS)
    return (counts / PHOTONS).astype(np.float32)


def impulse_noise(images: Images, random: np.random.Generator) -> Images:
    """Severity 4: 17% of the pixels turn black or white, with even odds."""
    draw = random.random(images.shape, np.float32)
    salted = images.copy()
    salted[draw < FLIPPED / 2] = 1
    salted[draw > 1 - FLIPPED / 2] = 0
    return salted


def spatter(images: Images, random: np.random.Generator) -> Images:
    """Severity 4: blots of dark grey mud (63 of 255) that cover ink and ground alike."""
    wetness = random.normal(WETNESS_MEAN, WETNESS_DEVIATION, images.shape)
    wet = _blur(wetness, WETNESS_BLUR) > WET
    mud = _blur(wet.astype(np.float32), MUD_BLUR)
    mud[mud < MUD_EDGE] = 0
    spattered: Images = (images * (1 - mud) + MUD_GREY * mud).astype(np.float32)
    return spattered


def _blur(planes: NDArray[np.floating], sigma: float) -> NDArray[np.floating]:
    """Blur each of (n, 28, 28) by itself; the border pixels go on outside."""
    blurred: NDArray[np.floating] = gaussian_filter(planes, (0, sigma, sigma), mode="nearest")
    return blurred
