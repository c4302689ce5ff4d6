"""Which compiled sizes a batch is read with."""

from __future__ import annotations

import pytest

from app.inference.sizes import batch_images, first_calls


def calls(count: int, *sizes: int) -> list[int]:
    """All calls for so many images."""
    first, made = first_calls(sizes), []
    while count > 0:
        made.append(first[count])
        count -= made[-1]
    return made


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        (1, [1]),
        (3, [1, 1, 1]),
        (4, [8]),
        (8, [8]),
        (9, [1, 8]),
        (16, [8, 8]),
        (20, [8, 8, 8]),
        (60, [64]),
        (64, [64]),
    ],
)
def test_cheapest_calls(count: int, expected: list[int]) -> None:
    """A size is padded to where that costs less than several smaller ones."""
    assert calls(count, 1, 8, 64) == expected


@pytest.mark.parametrize(
    ("waiting", "expected"),
    [(1, 1), (5, 5), (8, 8), (9, 8), (15, 15), (20, 16), (25, 24), (31, 31), (50, 48), (64, 64)],
)
def test_how_many_to_read_now(waiting: int, expected: int) -> None:
    """What fills its calls goes, and what would be padded for waits, if it is little."""
    assert batch_images((1, 8, 16, 32, 64))[waiting] == expected


def test_one_size_alone() -> None:
    """A single size serves every number."""
    assert calls(3, 4) == [4]
