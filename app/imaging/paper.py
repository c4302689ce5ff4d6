"""Grey values → the paper as if nothing were drawn on it.

    grey (height, width) 0..255 ─ fit_paper ─▶ paper, (1, 1) or (height, width) 0..255

All that is taken for granted: the border is mostly paper, and the light on paper changes smoothly.
"""

from __future__ import annotations

from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.imaging.shade import find_shade

T = TypeVar("T", bound=np.generic)
Terms = NDArray[np.float64]

MIN_PHOTO_SIDE: Final = 64
"""Smaller pictures are icons and crops with thick strokes. Their paper is taken for flat: a surface
would bend towards the strokes."""

FIT_SIDE: Final = 32
"""Samples along the longer side in the fit: the light changes slowly, and the mean hides grain."""

AGREEMENT: Final = 6
"""Grey levels between a sample and the surface that are put down to grain."""

MUCH_MORE: Final = 1.7
"""At a hard shadow the lit half alone is even too, and 1.3 times as much agrees with that."""

FRAMED_CELL: Final = 0.6
"""Share of light pixels by which border and inside differ when lines run around a cell."""

SHADE_SLACK: Final = 1 / 120
"""Of the shorter side: the edge of a shadow counts as shadow, or its blur would look like ink."""

MEDIAN_TO_SIGMA: Final = 1.4826
"""The standard deviation of Gaussian noise over its median absolute deviation."""


def fit_paper(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The brightness of the paper as if nothing were drawn on it, 0..255.

    (height, width) float32 → (1, 1) for a small picture, whose paper is the border's median, else
    (height, width): a quadratic surface, as even a lamp at the side or a lens's dark corners make,
    under a shadow with a hard edge where one lies across.
    """
    if min(grey.shape) < MIN_PHOTO_SIDE:
        return np.full((1, 1), _flat_level(grey), np.float32)
    shade = find_shade(grey)
    if shade is None:
        return _smooth_paper(grey)
    slack = SHADE_SLACK * min(grey.shape)
    return _smooth_paper(grey / shade.light()) * shade.light(slack)


def _smooth_paper(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """The quadratic surface through the paper: (height, width) → the same shape."""
    height, width = grey.shape
    factor = max(1, max(height, width) // FIT_SIDE)
    whole = grey[: height // factor * factor, : width // factor * factor]
    level, x1, y1, x2, xy, y2 = _fit_surface(shrink_by(whole, factor), factor, grey.shape)
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None]
    x = np.linspace(-1, 1, width, dtype=np.float32)
    surface: NDArray[np.float32] = (
        (level + y1 * y + y2 * y * y) + (x1 * x + x2 * x * x) + xy * y * x
    )
    return surface


def _flat_level(grey: NDArray[np.float32]) -> float:
    """The level of even paper: of the two tones, the one that most of the picture has.

    Area and border vote, since a digit may fill its picture and hold most of the border. Where the
    whole border has one tone and most of the inside the other, it is the lines around a cell.
    """
    tones = np.sort(grey, axis=None)
    middle = (tones[tones.size // 100] + tones[-1 - tones.size // 100]) / 2
    height, width = grey.shape
    inside = grey[height // 10 : height - height // 10, width // 10 : width - width // 10]
    light = tones > middle
    on_border, within = _share(border(grey) > middle), _share(inside > middle)
    is_light = _share(light) + on_border > 1
    if max(within - on_border, on_border - within) > FRAMED_CELL:
        is_light = within > 0.5
    paper = tones[light == is_light]
    return float(paper[paper.size // 2])


def _share(chosen: NDArray[np.bool_]) -> float:
    """How many are true, 0..1; their mean takes three times as long."""
    return float(np.count_nonzero(chosen)) / chosen.size


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


def is_dark(differences: NDArray[np.floating]) -> bool:
    """Whether the ink is darker than the paper, by how far pixels (n,) differ from the paper.

    The cube keeps the sign and lets a few strong strokes outvote a wide faint shade.
    """
    return bool(np.dot(differences * differences, differences) < 0)


def percentile(values: NDArray[np.float32], percent: int) -> float:
    """The value that `percent` of all lie below, any shape; numpy's own takes ten times as long."""
    place = (values.size - 1) * percent // 100
    return float(np.partition(values, place, axis=None)[place])


def _fit_surface(
    samples: NDArray[np.float32], factor: int, shape: tuple[int, ...]
) -> NDArray[np.float32]:
    """The coefficients (6,) of 1, x, y, x², xy, y², with x and y from -1 to 1 over the picture.

    samples are the means of factor × factor pixels of a picture of `shape`.

    Begun from the border, where mostly paper is, and from even paper, in case that ink covers the
    border; that is kept when much more of the picture agrees with it.
    """
    y, x = (
        np.linspace(-1, 1, side)[: factor * count].reshape(count, factor).mean(axis=1)
        for side, count in zip(shape, samples.shape, strict=True)
    )
    x, y = np.meshgrid(x, y)
    terms = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)  # (h, w, 6)
    edge_terms = np.stack([border(terms[..., term]) for term in range(6)], axis=-1)  # (edge, 6)
    from_border = _ignore_ink(edge_terms, border(samples).astype(np.float64))
    from_even = _flat_level(samples) * np.eye(6)[0], AGREEMENT / 3
    terms, values = terms.reshape(-1, 6), samples.reshape(-1).astype(np.float64)
    fits = [_improve(begin, terms, values) for begin in (from_border, from_even)]
    (bent, agree_bent), (even, agree_even) = fits
    return (even if agree_even > MUCH_MORE * agree_bent else bent).astype(np.float32)


def _ignore_ink(terms: Terms, values: Terms) -> tuple[Terms, float]:
    """A surface through most of the values, each weighing less the farther off it is.

    terms (n, 6), values (n,) → coefficients (6,) and the standard deviation around the surface.
    """
    surface = np.zeros(6)
    surface[0] = np.median(values)
    for _ in range(6):
        weights = 1 / (np.abs(values - terms @ surface) + 1)
        surface = _least_squares(terms, values, weights)
    return surface, MEDIAN_TO_SIGMA * float(np.median(np.abs(values - terms @ surface)))


def _improve(fit: tuple[Terms, float], terms: Terms, values: Terms) -> tuple[Terms, int]:
    """Fit again to all samples that agree with a first fit; also says how many agree closely."""
    surface, deviation = fit
    for _ in range(2):
        agrees = np.abs(values - terms @ surface) < max(3 * deviation, 2)  # 2 grey levels
        surface = _least_squares(terms, values, agrees.astype(np.float64))
    return surface, int(np.count_nonzero(np.abs(values - terms @ surface) < AGREEMENT))


def _least_squares(terms: Terms, values: Terms, weights: Terms) -> Terms:
    """Weighted: terms (n, 6), values and weights (n,) → coefficients (6,)."""
    weighted = terms.T * weights
    # The tiny ridge keeps it solvable when hardly a sample has weight.
    solution = np.linalg.solve(weighted @ terms + 1e-6 * np.eye(6), weighted @ values)
    return solution.astype(np.float64)


def border(picture: NDArray[T]) -> NDArray[T]:
    """The pixels within a tenth of the shorter side of an edge, flat; the corners count twice."""
    margin = max(1, min(picture.shape) // 10)
    strips = picture[:margin], picture[-margin:], picture[:, :margin], picture[:, -margin:]
    return np.concatenate([strip.ravel() for strip in strips])
