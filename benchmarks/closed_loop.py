"""A closed loop: so many connections, each of which asks again as soon as it is answered.

For what a server can do at most. What it says of latency is what a crowd of that size waits; an
arrival that the crowd was too busy to make waits nowhere (see `fixed_rate`).
"""

from __future__ import annotations

from typing import NamedTuple

from benchmarks import wrk
from benchmarks.bodies import Body


class Pace(NamedTuple):
    """What came of a run."""

    per_s: float  # requests
    p50_ms: float
    p99_ms: float


def drive(port: int, body: Body, connections: int, seconds: int, *, strict: bool = True) -> Pace:
    """Post `body` over so many connections.

    Raises RuntimeError when an answer is 400 or above and, if `strict`, when a connection breaks or
    an answer takes longer than wrk waits (2 s); else only the answers that came are counted.
    """
    told = wrk.post(port, body, connections, seconds)
    if told.bad or (strict and told.broken) or not told.requests:
        raise RuntimeError(f"{body.path} at port {port} failed under load: {told}")
    return Pace(1e6 * told.requests / told.us, told.p50_us / 1e3, told.p99_us / 1e3)
