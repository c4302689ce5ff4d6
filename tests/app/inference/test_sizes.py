"""Which compiled sizes a batch is read with."""

from __future__ import annotations

import pytest

from app.inference.sizes import first_calls


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


def test_one_size_alone() -> None:
    """A single size serves every number."""
    assert calls(3, 4) == [4]
