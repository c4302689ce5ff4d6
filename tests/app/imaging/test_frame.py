"""The frame: MNIST's size and place, whatever the script leans."""

from __future__ import annotations

import numpy as np
import pytest

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
