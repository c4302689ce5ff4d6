"""The corruption that leaves only outlines: Canny's edges. See the package.

J. Canny, "A Computational Approach to Edge Detection", 1986: smooth, differentiate, keep the crests
of the gradient, then keep those crests that are strong somewhere along their way.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import correlate1d, gaussian_filter, label

Images = NDArray[np.float32]  # (n, 28, 28), 0..1

# scikit-image's defaults, with which the published images were made.
SIGMA: Final = 1.0  # pixels
WEAK, STRONG = 0.1, 0.2  # of the Sobel gradient of an image 0..1

IN_PLANE: Final = np.pad(np.ones((1, 3, 3), bool), ((1, 1), (0, 0), (0, 0)))
"""Pixels touch their eight neighbours in their own image, (3, 3, 3)."""


def canny_edges(images: Images, random: np.random.Generator) -> Images:  # noqa: ARG001 - nothing is drawn
    """One severity: Canny's edges, white on black."""
    blurred = gaussian_filter(images, (0, SIGMA, SIGMA), mode="constant")
    covered = gaussian_filter(np.ones_like(images[:1]), (0, SIGMA, SIGMA), mode="constant")
    smooth = blurred / covered  # the mean of those pixels that there are
    across, down = _sobel(smooth, across=2, along=1), _sobel(smooth, across=1, along=2)
    strength = np.hypot(across, down)
    crest = _is_crest(strength, across, down)
    for rim in (crest[:, 0], crest[:, -1], crest[:, :, 0], crest[:, :, -1]):
        rim[...] = False
    parts, _ = label(crest & (strength >= WEAK), IN_PLANE)
    strong = np.unique(parts[crest & (strength >= STRONG)])
    return np.isin(parts, strong[strong > 0]).astype(np.float32)


def _sobel(images: Images, *, across: int, along: int) -> Images:
    """Return the gradient on axis `across`, smoothed on `along` only: scipy's mixes the images."""
    steps: Images = correlate1d(images, (-1, 0, 1), across, mode="reflect")
    smooth: Images = correlate1d(steps, (1, 2, 1), along, mode="reflect")
    return smooth


def _is_crest(strength: Images, across: Images, down: Images) -> NDArray[np.bool_]:
    """Where the gradient's strength is no less than a step up and a step down the gradient.

    A step ends on the square of the eight neighbours; there the strength is interpolated between
    the neighbour on the axis that is nearer to the gradient and the one on the diagonal.
    """
    steep = np.abs(down) > np.abs(across)
    to_right, to_below = np.sign(across).astype(int), np.sign(down).astype(int)
    larger = np.maximum(np.abs(across), np.abs(down))
    share = np.minimum(np.abs(across), np.abs(down)) / np.maximum(larger, np.float32(1e-12))
    padded = np.pad(strength, ((0, 0), (1, 1), (1, 1)))
    count, side, _ = strength.shape
    image, row, column = np.ogrid[:count, 1 : side + 1, 1 : side + 1]
    crest = strength > 0
    for way in (1, -1):
        diagonal = padded[image, row + way * to_below, column + way * to_right]
        straight = padded[image, row + way * to_below * steep, column + way * to_right * ~steep]
        crest &= strength >= (1 - share) * straight + share * diagonal
    return crest
