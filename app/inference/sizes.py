"""Any number of images → calls of the few sizes for which the network is compiled.

A call of 64 takes as long with 9 images as with 64, and a call of 8 takes hardly more an image than
one of 64: nine images are read as eight and one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

CALL_COST_IMAGES: Final = 1.5
"""What a call costs beside its images, in images of a large call: 0.25 ms, where one takes 0.17."""


def first_calls(sizes: Iterable[int]) -> tuple[int, ...]:
    """The size to call first for each number of images, up to the largest size; for 0 it is 0.

    Calling it and going on with what is left is the cheapest way, padding counted in.
    """
    known = tuple(sizes)
    costs, first = [0.0], [0]
    for count in range(1, max(known) + 1):
        cost, size = min(
            (size + CALL_COST_IMAGES + costs[max(count - size, 0)], size) for size in known
        )
        costs.append(cost)
        first.append(size)
    return tuple(first)
