"""The frame: MNIST's size and place, whatever the script leans."""

from __future__ import annotations

import numpy as np
import pytest

from app.errors import BlankImageError
from app.imaging import normalise
from app.imaging.frame import BOX_SIDE, CENTRE, frame


@pytest.mark.parametrize("lean", [0.0, 0.2, 0.5, 0.9])
def test_a_leaning_stroke_is_as_tall_as_an_upright_one(lean: float) -> None:
    """The longer side takes 20 pixels and the mass lies in the middle, however far it leans."""
    y, x = np.mgrid[:200, :200].astype(np.float32)
    middle = 100 - lean * (y - 100)
    stroke = ((abs(x - middle) < 8) & (abs(y - 100) < 70)).astype(np.float32)
    framed = frame(stroke)
    rows, columns = np.nonzero(framed > 0.4)
    assert max(np.ptp(rows), np.ptp(columns)) + 1 == pytest.approx(BOX_SIDE, abs=1)
    assert np.average(rows + 0.5, weights=framed[rows, columns]) == pytest.approx(CENTRE, abs=0.3)


def test_a_strong_lean_is_taken_back() -> None:
    """What leans 0.9 leans no more than MNIST's own strokes afterwards."""
    y, x = np.mgrid[:200, :200].astype(np.float32)
    stroke = ((abs(x - 100 + 0.9 * (y - 100)) < 8) & (abs(y - 100) < 70)).astype(np.float32)
    rows, columns = np.nonzero(frame(stroke) > 0.4)
    slope = -np.polyfit(rows, columns, 1)[0]
    assert 0.2 < slope < 0.45


def test_a_rising_dash_stays_a_dash() -> None:
    """A flat stroke is no leaning one: it is not sheared into a blot."""
    y, x = np.mgrid[:100, :100].astype(np.float32)
    dash = ((abs(y - 50 + 0.17 * (x - 50)) < 4) & (abs(x - 50) < 40)).astype(np.float32)
    rows, columns = np.nonzero(frame(dash) > 0.4)
    assert np.ptp(columns) >= BOX_SIDE - 2
    assert np.ptp(rows) < 9


@pytest.mark.parametrize("level", range(55, 256, 20))
def test_a_lone_pixel_beside_the_edge_of_the_sheet(level: int) -> None:
    """Whatever is left of a picture, down to half of one pixel, is framed or refused as blank."""
    picture = np.full((28, 28), 255, np.uint8)
    picture[0] = 55
    picture[14, 14] = level
    try:
        framed = normalise(picture).pixels
    except BlankImageError:
        return
    assert np.isfinite(framed).all()
    assert framed.max() <= 1
