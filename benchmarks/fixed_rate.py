"""An open loop: requests arrive at a fixed rate, whether or not the earlier ones are answered.

A closed loop asks less of a server that stalls, and so hides what everyone else would have waited.
Arrivals are let go once a millisecond. There are enough connections that one is free for each as
long as nobody waits for longer than CONNECTIONS arrivals; which were late is told.
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks import wrk
from benchmarks.bodies import Body

CONNECTIONS = 256


class Waits(NamedTuple):
    """How long requests took, from when they were sent, and what went wrong."""

    p50_ms: float
    p99_ms: float
    late: int  # sent more than 2 ms after they were due
    latest_ms: float  # by how much at most
    failed: int  # refused, broken, or never answered


def arrive(port: int, body: Body, per_s: float, seconds: int) -> Waits:
    """Let `body` arrive so many times a second.

    Raises RuntimeError when nothing is answered.
    """
    return waits(wrk.post(port, body, CONNECTIONS, seconds, per_s), per_s)


def waits(told: wrk.Told, per_s: float) -> Waits:
    """Return what a run at a rate amounts to.

    Of what was under way when it ended nothing is known; more than all connections can have had
    under way was not answered.
    """
    if not told.requests:
        raise RuntimeError(f"nothing was answered: {told}")
    due = per_s * (1e-6 * told.us - 1e-3 * wrk.LEAD_MS)
    unanswered = max(0, round(due - told.requests - told.broken - CONNECTIONS))
    return Waits(
        told.p50_us / 1e3,
        told.p99_us / 1e3,
        told.late,
        told.latest_ms,
        told.bad + told.broken + unanswered,
    )
