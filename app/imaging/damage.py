"""28 × 28 grey values → whether they are MNIST's frame with damage on it, and dark or light ink.

    grey (28, 28) 0..255 ─ damaged_frame ─▶ ink is dark, ink is light, or None: not in the frame

Noise, fog, mud, an inverted band or a line across mislead the search for a digit that stands where
the network expects it; such a picture is best read as it is. What tells it from a picture whose
digit stands anywhere: two bands of the other tone, or a line from margin to margin, or paper that
is uneven at the edge around strokes of the frame's size in its middle.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.imaging.frame import BOX_SIDE, CENTRE, EDGE, IMAGE_SIDE, MARGIN, ring
from app.imaging.paper import is_dark

MIN_FULL: Final = 45.0
"""Grey levels between paper and ink: a fainter digit is framed, which also makes its ink full."""

BAND_CONTRAST: Final = 0.75
"""Of the picture's range, between a band's mean and the paper's. A stroke may cross either."""

MIN_INK_BETWEEN: Final = 0.05
"""Of the picture's range, from the paper to the mean between bands; a dress has hardly any."""

MAX_INKED: Final = 1 / 3
"""Of the picture. One in a thousand of MNIST has 0.29; shirts have 0.5."""

MAX_LINE_HEIGHT, MAX_LINE_DROP = 7, 8
"""Pixels that each end of a line is high, zigzag and all, and that one end lies above the other."""

UNEVEN: Final = 1 / 8
"""Of the strongest ink: what differs more from the edge's usual tone is no even paper."""

MIN_UNEVEN_SHARE: Final = 0.035
"""Of the outermost pixels. Church records, which are cut out narrowly, have ink on 0.01 of them."""

USUAL_CENTRE: Final = CENTRE + 0.5
"""Pixels: where MNIST's digits have their centre of mass on average, both ways."""

MAX_OFF_CENTRE: Final = 2.0
"""Pixels. Mud moves the centre by up to 1.9 in nine of ten; 1.5 or 2.5 read hardly worse."""

MIN_SPECKS: Final = 10
"""Marks on the two outermost rings of pixels: a tight crop has up to 9 there, noise 12 or more."""

MIN_LONGER, MAX_LONGER = BOX_SIDE - 3, BOX_SIDE + 1
"""Pixels of the strokes' longer side, to half of their soft edges."""


def _zone_means() -> NDArray[np.float32]:
    """What gives the means of three zones of a flat picture, then of the same turned: (6, 784).

    The left and right margins; the middles of the upper and lower margins; what lies between these.
    """
    sides, ends, inside = np.zeros((3, IMAGE_SIDE, IMAGE_SIDE), np.float32)
    sides[:, :MARGIN] = sides[:, -MARGIN:] = 1
    middle = slice(9, -9)  # clear of bands as wide as a third of the picture
    ends[:MARGIN, middle] = ends[-MARGIN:, middle] = 1
    inside[MARGIN:-MARGIN, middle] = 1
    zones = np.stack([sides, ends, inside, sides.T, ends.T, inside.T]).reshape(6, -1)
    means: NDArray[np.float32] = zones / zones.sum(axis=1, keepdims=True)
    return means


_ZONE_MEANS: Final = _zone_means()
_LINE_ENDS: Final = slice(2, MARGIN), slice(-MARGIN, -2)  # columns
_TWO_RINGS: Final = np.concatenate([EDGE, ring(1)])  # (208,)
_FROM_USUAL_CENTRE: Final = np.arange(IMAGE_SIDE) + 0.5 - USUAL_CENTRE  # (28,)
_PLANE: Final = np.stack(  # (784, 3)
    [
        np.ones(IMAGE_SIDE**2),
        np.tile(_FROM_USUAL_CENTRE, IMAGE_SIDE),
        _FROM_USUAL_CENTRE.repeat(IMAGE_SIDE),
    ],
    axis=1,
).astype(np.float32)
_TO_PLANE: Final = np.linalg.pinv(_PLANE[EDGE])  # (3, 108), from the edge's values


def damaged_frame(grey: NDArray[np.uint8]) -> bool | None:
    """Whether the ink is dark, when a picture (28, 28) is a damaged frame; None when it is not."""
    contrast = int(grey.max()) - int(grey.min())
    if contrast < MIN_FULL:
        return None
    flat = grey.ravel().astype(np.float32)  # (784,)
    banded = _between_bands(flat, contrast)
    if banded is not None:
        return banded
    edge = flat.take(EDGE)
    difference = flat - _PLANE @ (_TO_PLANE @ edge)  # from light that may come from one side
    dark = is_dark(difference)
    signed = -difference if dark else difference
    full = float(signed.max())
    strokes = (signed > full / 2).reshape(grey.shape)
    if full < MIN_FULL or np.count_nonzero(strokes) > MAX_INKED * strokes.size:
        return None
    is_damaged = _has_line_across(strokes) or (_is_uneven(edge, full) and _is_in_place(strokes))
    return dark if is_damaged else None


def _between_bands(flat: NDArray[np.float32], contrast: float) -> bool | None:
    """Whether the ink is dark, when there are inverted bands at two opposite edges, else None."""
    left_right, top_bottom = (_ZONE_MEANS @ flat).reshape(2, 3).tolist()
    for bands, paper, inside in (left_right, top_bottom):
        is_drawn_on = abs(inside - paper) > MIN_INK_BETWEEN * contrast
        if is_drawn_on and abs(paper - bands) > BAND_CONTRAST * contrast:
            return bool(paper > bands)
    return None


def _has_line_across(strokes: NDArray[np.bool_]) -> bool:
    """Whether a line, such as a zigzag, runs level from margin to margin past a centred digit."""
    left, right = (np.flatnonzero(strokes[:, zone].any(axis=1)) for zone in _LINE_ENDS)
    if not left.size or not right.size:
        return False
    height = max(left[-1] - left[0], right[-1] - right[0]) + 1
    drop = abs(left[0] + left[-1] - right[0] - right[-1]) / 2
    is_line = height <= MAX_LINE_HEIGHT and drop <= MAX_LINE_DROP
    return bool(is_line and _off_centre(strokes.sum(axis=0)) <= MAX_OFF_CENTRE)


def _is_uneven(edge: NDArray[np.float32], full: float) -> bool:
    """Whether the paper at the edge, (108,), has other tones than its usual one."""
    usual = np.partition(edge, edge.size // 2)[edge.size // 2]
    others = np.count_nonzero(np.abs(edge - usual) > UNEVEN * full)
    return bool(others > MIN_UNEVEN_SHARE * edge.size)


def _is_in_place(strokes: NDArray[np.bool_]) -> bool:
    """Whether strokes have the frame's centre and its size, or too many specks to tell the size."""
    columns, rows = strokes.sum(axis=0), strokes.sum(axis=1)
    if max(_off_centre(columns), _off_centre(rows)) > MAX_OFF_CENTRE:
        return False
    rings = strokes.take(_TWO_RINGS)
    if np.count_nonzero(rings[1:] != rings[:-1]) >= 2 * MIN_SPECKS:
        return True
    inked = np.flatnonzero(columns), np.flatnonzero(rows)
    longer = max(places[-1] - places[0] + 1 for places in inked)
    return bool(MIN_LONGER <= longer <= MAX_LONGER)


def _off_centre(amounts: NDArray[np.intp]) -> float:
    """How far from the usual centre the strokes in the columns, or rows, have theirs: pixels."""
    return abs(float(amounts @ _FROM_USUAL_CENTRE) / float(amounts.sum()))
