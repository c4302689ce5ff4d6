"""Drawn pictures: seeded, framed as the service frames them, and of the kind that is asked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from training.data import Split
from training.drawn import STRANGER, draw_printed, draw_strangers, draw_written


@pytest.mark.parametrize("draw", [draw_printed, draw_written, draw_strangers])
def test_the_seed_decides(draw: Callable[[int, int], Split]) -> None:
    """Same seed, same pictures; another seed, others."""
    first = draw(20, 1)
    np.testing.assert_array_equal(first.images, draw(20, 1).images)
    assert not np.array_equal(first.images, draw(20, 2).images)


@pytest.mark.parametrize("draw", [draw_printed, draw_written])
def test_drawn_digits_are_framed_like_mnists(draw: Callable[[int, int], Split]) -> None:
    """The longer side takes 20 pixels, the mass lies in the middle, the ink is full."""
    drawn = draw(50, 3)
    assert set(drawn.labels) == set(range(10))
    for image in drawn.images:
        rows, columns = np.nonzero(image > 40)
        assert 17 <= max(np.ptp(rows), np.ptp(columns)) + 1 <= 24
        assert abs(np.average(np.nonzero(image)[0], weights=image[image > 0]) + 0.5 - 14) < 0.5
        assert image.max() == 255


def test_strangers_are_many_and_none_is_blank() -> None:
    """All carry the label beyond the digits; hardly two are alike."""
    strangers = draw_strangers(60, 4)
    assert set(strangers.labels) == {STRANGER}
    assert strangers.images.max(axis=(1, 2)).min() == 255
    assert len({image.tobytes() for image in strangers.images}) > 50
