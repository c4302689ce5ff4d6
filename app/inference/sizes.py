"""How many images the network reads at once, and in calls of which compiled sizes.

What waits makes a batch of 64 at most, a batch one call of a compiled size, or a few.
"""

from __future__ import annotations

from typing import Final

BATCH_SIZES: Final = (1, 2, 4, 8, 16, 64)
"""Compiled for these many images. One takes 0.43 ms alone, 0.26 of two, 0.19 of four, 0.15 of 16.
Of 64 it takes 0.16, but in four calls of 16 bulk loses a tenth under load."""

MOST_IMAGES: Final = BATCH_SIZES[-1]
"""In a batch."""

MOST_EMPTY: Final = 2
"""Places of a call that may be padded. An empty one takes 0.14 ms, another call 0.29 ms."""

MOST_BATCHES: Final = 2
"""That the network may have at a time: the one that it reads, and a full one that follows."""


def batch_images(waiting: int, most: int) -> int:
    """How many of the images that wait, at least one, to read now: a power of two, up to the most.

    They fill their calls without padding, and of a few that wait some stay behind: the event loop
    has the others' answers to write and their next requests to read while the network is busy, and
    neither waits for the other. All at once would have them work by turns.
    """
    return 1 << (min(waiting, most).bit_length() - 1)


def call_images(left: int) -> int:
    """The size to call next for 1 to MOST_IMAGES images: one that holds them all, or is full."""
    filled = max(size for size in BATCH_SIZES if size <= left)
    holding = min(size for size in BATCH_SIZES if size >= left)
    return holding if holding - left <= MOST_EMPTY else filled
