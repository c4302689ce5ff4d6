"""Freed memory back to the system, where the C library is glibc, which would keep it."""

from __future__ import annotations

import contextlib
import ctypes
from typing import Final

LARGE_BYTES: Final = 4 * 1024 * 1024
M_TRIM_THRESHOLD: Final = -1  # these two of mallopt(3)
M_MMAP_THRESHOLD: Final = -3


def return_large_at_once() -> None:
    """Have pieces of LARGE_BYTES and more go back whenever they are freed, from now on.

    By itself glibc does so only until the first of that size is freed, up to 32 MiB, and keeps what
    later ones leave, wherever a small piece lies behind them. Bodies and pictures of many megabytes
    are such pieces. Of smaller ones it keeps as much at hand as it would after one of LARGE_BYTES:
    to set one threshold ends the growth of the other, which may still be 128 KiB.

    What `MALLOC_MMAP_THRESHOLD_` and its like say in the environment does not hold any more.
    """
    with contextlib.suppress(AttributeError):  # another C library
        c_library = ctypes.CDLL(None)
        c_library.mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)
        c_library.mallopt(M_TRIM_THRESHOLD, 2 * LARGE_BYTES)


def return_freed() -> None:
    """Give back what has been freed so far."""
    with contextlib.suppress(AttributeError):  # likewise
        ctypes.CDLL(None).malloc_trim(0)
