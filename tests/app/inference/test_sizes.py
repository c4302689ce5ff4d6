"""How many images are read at once, and in which calls."""

from __future__ import annotations

import pytest

from app.inference.sizes import MOST_IMAGES, batch_images, most_images, next_call


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [(1, 1), (2, 2), (3, 2), (7, 4), (8, 8), (15, 8), (50, 32), (64, 64), (1000, 64)],
)
def test_a_batch_needs_no_padding(waiting: int, expected: int) -> None:
    """A power of two is read now, up to the most; what is left is for the next batch."""
    assert batch_images(waiting, 64) == expected


@pytest.mark.parametrize(
    ("left", "calls"),
    [
        (1, [(1, 1)]),
        (2, [(2, 2)]),
        (3, [(4, 3)]),
        (6, [(4, 4), (2, 2)]),
        (7, [(8, 7)]),
        (13, [(8, 8), (4, 4), (1, 1)]),
        (15, [(8, 15)]),
        (33, [(8, 32), (1, 1)]),
        (64, [(8, 64)]),
    ],
)
def test_calls(left: int, calls: list[tuple[int, int]]) -> None:
    """A program whose turns hold them all, unless too much of one would be empty."""
    made = []
    while left:
        size, count = next_call(left)
        made.append((size, count))
        left -= count
    assert made == calls


def test_every_batch_is_read_whole() -> None:
    """No call is of more images than its program takes, and none of nothing."""
    for left in range(1, MOST_IMAGES + 1):
        size, count = next_call(left)
        assert 0 < count <= min(left, most_images(size))
