"""How many images are read at once, and in which calls."""

from __future__ import annotations

import pytest

from app.inference.sizes import batch_images, call_images


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [(1, 1), (2, 2), (3, 2), (7, 4), (8, 8), (15, 8), (50, 32), (64, 64), (1000, 64)],
)
def test_a_batch_needs_no_padding(waiting: int, expected: int) -> None:
    """A power of two is read now, up to the most; what is left is for the next batch."""
    assert batch_images(waiting, 64) == expected


@pytest.mark.parametrize(
    ("left", "expected"),
    [(1, 1), (2, 2), (3, 4), (5, 4), (6, 8), (9, 8), (14, 16), (33, 16), (62, 64), (64, 64)],
)
def test_calls(left: int, expected: int) -> None:
    """A size that holds them all, unless too much of it would be empty."""
    assert call_images(left) == expected
