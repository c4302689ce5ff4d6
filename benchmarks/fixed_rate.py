"""An open loop: requests arrive at a fixed rate, whether or not the earlier ones are answered.

A closed loop asks less of a server that stalls, and so hides what everyone else would have waited.
Arrivals are let go once a millisecond. There are enough connections that one is free for each as
long as nobody waits for longer than CONNECTIONS arrivals.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks import wrk
from benchmarks.bodies import Body

CONNECTIONS = 256


class Waits(NamedTuple):
    """How long requests took, and how many were refused or lost."""

    p50_ms: float
    p99_ms: float
    failed: int


def arrive(port: int, body: Body, per_s: float, seconds: int) -> Waits:
    """Let `body` arrive so many times a second.

    What found no connection free is timed from when it was sent; the longest that one waited for
    that is added to both times, so that they are never told too kindly.
    """
    told = wrk.post(port, body, CONNECTIONS, seconds, per_s)
    return Waits(
        told.p50_us / 1e3 + told.latest_ms,
        told.p99_us / 1e3 + told.latest_ms,
        told.bad + told.broken,
    )
