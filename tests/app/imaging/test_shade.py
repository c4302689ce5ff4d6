"""A hard-edged shadow across the sheet is told from paper, ink and table."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from app.imaging import decode, normalise
from app.imaging.shade import find_shade
from tests.app.imaging.drawn import Way, draw

ROWS, COLUMNS = np.mgrid[:140, :140]
SHADOWS = [COLUMNS + ROWS > 150, COLUMNS > 60, ROWS < 50, COLUMNS - 2 * ROWS > -70]


def shaded(picture: NDArray[np.uint8], shadow: NDArray[np.bool_]) -> NDArray[np.float32]:
    """A picture (140, 140) with six tenths of the light where the shadow lies."""
    return np.where(shadow, 0.6, 1).astype(np.float32) * picture


@pytest.mark.parametrize("shadow", SHADOWS)
def test_a_shadow_is_found(shadow: NDArray[np.bool_]) -> None:
    """It is as dark as it was made, and lies where it was put."""
    found = find_shade(shaded(decode(draw(3, Way())), shadow))
    assert found is not None
    assert found.level == pytest.approx(0.6, abs=0.01)
    assert ((found.depth > 0) != shadow).mean() < 0.02


@pytest.mark.parametrize("shadow", SHADOWS)
def test_a_shadow_does_not_matter(shadow: NDArray[np.bool_]) -> None:
    """A digit half in it comes out as without it."""
    for digit in range(10):
        plain = decode(draw(digit, Way(ink=(50, 50, 50), paper=(220, 220, 220))))
        one = normalise(plain).pixels
        other = normalise(shaded(plain, shadow).astype(np.uint8)).pixels
        assert np.abs(one - other).sum() / one.sum() < 0.15, digit


def test_a_stroke_across_is_no_shadow() -> None:
    """A dark line from edge to edge, and a digit that touches the edges, cast none."""
    paper = np.full((140, 140), 200, np.float32)
    paper[60:66] = 90
    assert find_shade(paper) is None
    tight = decode(draw(0, Way(margin=(-0.05, -0.02, -0.05, -0.02))))
    assert find_shade(tight.astype(np.float32)) is None
