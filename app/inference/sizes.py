"""Any number of images → calls of the few sizes for which the network is compiled.

A call of 64 takes as long with 9 images as with 64, and a call of 8 takes hardly more an image than
one of 64: nine images are read as eight and one.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

BATCH_SIZES: Final = (1, 8, 16, 32, 64)
"""Compiled for these many images: a lone one, a few, what 16 and 64 connections bring, and as many
as pay (one takes 0.4 ms alone, 0.16 among 64)."""

MOST_BATCHES: Final = 2
"""That the network may have at a time: the one that it reads, and a full one that follows."""

CALL_COST_IMAGES: Final = 1.5
"""What a call costs beside its images, in images of a large call: 0.25 ms, where one takes 0.17."""


BATCH_COST_IMAGES: Final = 3.0
"""What it costs to form a batch and to deliver its answers, likewise."""


def first_calls(sizes: Iterable[int]) -> tuple[int, ...]:
    """The size to call first for each number of images, up to the largest size; for 0 it is 0.

    Calling it and going on with what is left is the cheapest way, padding counted in.
    """
    return _cheapest(tuple(sizes))[0]


@lru_cache
def batch_images(sizes: tuple[int, ...]) -> tuple[int, ...]:
    """How many images to read now when so many wait, up to the largest size; for 0 it is 0.

    As many as makes an image cheapest: of twenty that wait, sixteen fill a call, and the other four
    are the first of the next batch, with those that will have come.
    """
    _, costs = _cheapest(sizes)
    best = [0]
    for waiting in range(1, len(costs)):
        counts = range(waiting, 0, -1)  # of two that are as cheap, the larger
        best.append(min(counts, key=lambda count: (costs[count] + BATCH_COST_IMAGES) / count))
    return tuple(best)


def _cheapest(known: tuple[int, ...]) -> tuple[tuple[int, ...], list[float]]:
    """For each number of images the size to call first, and what all its calls cost."""
    costs, first = [0.0], [0]
    for count in range(1, max(known) + 1):
        cost, size = min(
            (size + CALL_COST_IMAGES + costs[max(count - size, 0)], size) for size in known
        )
        costs.append(cost)
        first.append(size)
    return tuple(first), costs
