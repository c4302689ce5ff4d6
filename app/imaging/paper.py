"""Grey values → how much ink lies on each pixel. The paper, its light and its grain are taken away.

    grey (height, width) 0..255 ─ fit_paper ─▶ paper ─ measure_ink ─▶ InkMap, 0 paper .. 1 full ink

All that is taken for granted: the border is mostly paper, and the light on paper changes smoothly.
"""

from __future__ import annotations

from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.errors import BlankImageError

T = TypeVar("T", bound=np.generic)

MIN_CONTRAST: Final = 12.0
"""Grey levels between paper and the faintest ink; the ripples of a JPEG stay below it."""

GRAIN_REACH: Final = 5.0
"""Ink differs from paper by this many standard deviations of the grain.

Of the 262,144 pixels of the largest working picture 0.1 Gaussian ones reach as far.
"""

GRAIN_HIDDEN: Final = 2.0
"""Standard deviations of grain that are taken off the ink, so that paper comes out black."""

GRAIN_SAMPLES: Final = 16_384
"""Border pixels that are looked at for the grain; more cost time and change nothing."""

FULL_INK_PERCENTILE: Final = 75
"""Of all inked pixels: what is darker counts as full ink, as inside a stroke of MNIST.

The result hardly depends on it: any value from 60 to 90 reads real pictures equally well.
"""

MIN_PHOTO_SIDE: Final = 64
"""Smaller pictures are icons and crops with thick strokes. Their paper is taken for flat: a surface
would bend towards the strokes."""

FIT_SIDE: Final = 32
"""Samples along the longer side in the fit: the light changes slowly, and the mean hides grain."""

MEDIAN_TO_SIGMA: Final = 1.4826
"""The standard deviation of Gaussian noise over its median absolute deviation."""


class InkMap(NamedTuple):
    """How much ink lies where."""

    strength: NDArray[np.float32]  # (height, width), 0 paper .. 1 full ink
    dark: bool  # the ink is darker than the paper


def measure_ink(grey: NDArray[np.float32]) -> InkMap:
    """Take the paper away, find out whether ink is dark or light, scale it to 0..1.

    grey: (height, width) float32, 0..255. Raises BlankImageError when nothing stands out.
    """
    paper = fit_paper(grey)
    difference = grey - paper
    edge = _border(difference)
    sample = edge[:: 1 + edge.size // GRAIN_SAMPLES]
    grain = MEDIAN_TO_SIGMA * float(np.median(np.abs(sample)))
    faintest = max(MIN_CONTRAST, GRAIN_REACH * grain)
    outstanding = difference[np.abs(difference) > faintest]  # (pixels,)
    if outstanding.size == 0:
        raise _blank()
    # The cube keeps the sign and lets a few strong strokes outvote a wide faint shade.
    dark = bool(np.dot(outstanding * outstanding, outstanding) < 0)
    signed = -difference if dark else difference
    # Chosen before the light is evened out: that takes ink on the brightest paper below `faintest`.
    inked = signed > faintest
    strength = _even_out(signed, paper) if dark else signed
    full = float(np.percentile(strength[inked], FULL_INK_PERCENTILE))
    hidden = GRAIN_HIDDEN * grain
    if full <= hidden:  # grain in the brightest light, no ink
        raise _blank()
    return InkMap(np.clip((strength - hidden) / np.float32(full - hidden), 0, 1), dark)


def _blank() -> BlankImageError:
    return BlankImageError("Nothing is drawn on this image. Draw one digit on it.")


def _even_out(strength: NDArray[np.float32], paper: NDArray[np.float32]) -> NDArray[np.float32]:
    """Dark ink takes a share of the light, so in shade it differs less: made up for here."""
    level = float(paper.mean())
    return strength * (level / np.maximum(paper, level / 4)).astype(np.float32)


def fit_paper(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The brightness of the paper as if nothing were drawn on it, 0..255.

    (height, width) float32 → (1, 1) for a small picture, whose paper is the border's median, else
    (height, width): a quadratic surface, as even a lamp at the side or a lens's dark corners make.
    """
    height, width = grey.shape
    if min(height, width) < MIN_PHOTO_SIDE:
        return np.full((1, 1), np.median(_border(grey)), np.float32)
    samples = shrink_by(grey, max(1, max(height, width) // FIT_SIDE))
    level, x1, y1, x2, xy, y2 = _fit_surface(samples).astype(np.float32)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    surface: NDArray[np.float32] = (
        (level + y1 * y + y2 * y * y) + (x1 * x + x2 * x * x) + xy * y * x
    )
    return surface


def shrink_by(grey: NDArray[np.uint8] | NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Area means of factor × factor blocks: (h, w) → (ceil(h / factor), ceil(w / factor)).

    The range stays. A last block that hangs over the edge is filled up with the edge's values.
    """
    if factor == 1:
        return grey.astype(np.float32)
    height, width = grey.shape
    whole: NDArray[np.generic] = grey
    if height % factor or width % factor:
        whole = np.pad(grey, ((0, -height % factor), (0, -width % factor)), mode="edge")
    # Strided sums take a fifth of the time of a mean over two axes.
    rows = np.zeros((whole.shape[0] // factor, whole.shape[1]), np.float32)
    for offset in range(factor):
        rows += whole[offset::factor]
    blocks = np.zeros((rows.shape[0], rows.shape[1] // factor), np.float32)
    for offset in range(factor):
        blocks += rows[:, offset::factor]
    blocks /= factor * factor
    return blocks


def _fit_surface(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """The coefficients (6,) of 1, x, y, x², xy, y², with x and y running from -1 to 1.

    First the border alone, each sample weighing less the farther off it is, so that strokes which
    leave the picture do not count; then every sample that agrees with that.
    """
    y, x = (np.linspace(-1, 1, side) for side in samples.shape)
    x, y = np.meshgrid(x, y)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)  # (h, w, 6)
    edge_terms = np.stack([_border(terms[..., term]) for term in range(6)], axis=-1)  # (edge, 6)
    edge = _border(samples).astype(np.float64)
    surface = np.zeros(6)
    surface[0] = np.median(edge)
    for _ in range(6):
        weights = 1 / (np.abs(edge - edge_terms @ surface) + 1)
        surface = _least_squares(edge_terms, edge, weights)
    deviation = MEDIAN_TO_SIGMA * float(np.median(np.abs(edge - edge_terms @ surface)))
    terms, values = terms.reshape(-1, 6), samples.reshape(-1).astype(np.float64)
    for _ in range(2):
        agrees = np.abs(values - terms @ surface) < max(3 * deviation, 2)  # 2 grey levels
        surface = _least_squares(terms, values, agrees.astype(np.float64))
    return surface


def _least_squares(
    terms: NDArray[np.float64], values: NDArray[np.float64], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Weighted: terms (n, 6), values and weights (n,) → coefficients (6,)."""
    weighted = terms.T * weights
    # The tiny ridge keeps it solvable when hardly a sample has weight.
    solution = np.linalg.solve(weighted @ terms + 1e-6 * np.eye(6), weighted @ values)
    return solution.astype(np.float64)


def _border(picture: NDArray[T]) -> NDArray[T]:
    """The pixels within a tenth of the shorter side of an edge, flat; the corners count twice."""
    margin = max(1, min(picture.shape) // 10)
    strips = picture[:margin], picture[-margin:], picture[:, :margin], picture[:, -margin:]
    return np.concatenate([strip.ravel() for strip in strips])
