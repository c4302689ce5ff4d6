"""How many images the network reads at once, and by which compiled programs.

What waits makes a batch of 64 at most, a batch one call of a program, or a few.
"""

from __future__ import annotations

from typing import Final

PROGRAM_SIZES: Final = (1, 2, 4, 8)
"""Images that each compiled program reads in one turn; the last one takes as many turns in a call
as are asked for. A call takes 0.33 ms for one image, 0.42, 0.67, and 1.15 for each turn of eight:
larger turns are hardly cheaper an image, and what 64 leave outgrows the processor's caches."""

MOST_IMAGES: Final = 64
"""In a batch."""

MOST_EMPTY: Final = 1
"""Places of a call that may be padded. An empty one takes 0.14 ms, another call 0.2 ms."""

MOST_BATCHES: Final = 2
"""That the network may have at a time: the one that it reads, and a full one that follows."""


def most_images(size: int) -> int:
    """How many images the program of that size takes in a call."""
    return MOST_IMAGES if size == PROGRAM_SIZES[-1] else size


def batch_images(waiting: int, most: int) -> int:
    """How many of the images that wait, at least one, to read now: a power of two, up to the most.

    They fill their calls without padding, and of a few that wait some stay behind: the event loop
    has the others' answers to write and their next requests to read while the network is busy, and
    neither waits for the other. All at once would have them work by turns.
    """
    return 1 << (min(waiting, most).bit_length() - 1)


def next_call(left: int) -> tuple[int, int]:
    """The program to call next for 1 to MOST_IMAGES images that are left, by size, and its share.

    All of them, padded, or as many as fill its turns.
    """
    holding = min((size for size in PROGRAM_SIZES if size >= left), default=PROGRAM_SIZES[-1])
    if -left % holding <= MOST_EMPTY:
        return holding, left
    filled = max(size for size in PROGRAM_SIZES if size <= left)
    return filled, left - left % filled
