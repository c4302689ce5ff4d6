"""Five times as many requests as can be served, for two minutes: who is served, who has to wait?

Each request is a stack of 16 pictures. What a queue runs over with is images, and single pictures
at five times the capacity would be more requests than one client can send beside the service. A
probe asks /health/ready ten times a second meanwhile.
"""

from __future__ import annotations

import asyncio
import time

import uvloop

from benchmarks.bodies import Body
from benchmarks.open_loop import BROKEN, Outcome, Pool, percentile_ms
from benchmarks.service import HOST

TIMES_CAPACITY = 5
CONNECTIONS = 256
PROBES_PER_S = 10
PROBE = f"GET /health/ready HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
NORMAL_MS = 50.0
RECOVERY_S = 5.0


def measure(port: int, body: Body, peak_per_s: float, seconds: float) -> dict[str, float]:
    """Return what became of it; peak_per_s requests of `body` are what the service can do."""
    return uvloop.run(_overload(port, body, peak_per_s, seconds))


async def _overload(port: int, body: Body, peak_per_s: float, seconds: float) -> dict[str, float]:
    crowd, probe, lone = (
        Pool(port, request) for request in (body.request(port), PROBE, body.request(port))
    )
    for pool, connections in ((crowd, CONNECTIONS), (probe, 1), (lone, 1)):
        await pool.open(connections)
    arrivals, probes = await asyncio.gather(
        crowd.arrive(TIMES_CAPACITY * peak_per_s, seconds), probe.arrive(PROBES_PER_S, seconds)
    )
    normal_after_s = await _until_normal(lone, time.monotonic())
    for pool in (crowd, probe, lone):
        pool.close()
    return _figures(arrivals, probes, peak_per_s) | {"normal_after_s": normal_after_s}


async def _until_normal(lone: Pool, ended: float) -> float:
    """Ask one after another until an answer is good and quick; return how long that took."""
    while time.monotonic() < ended + RECOVERY_S:
        (outcome,) = await lone.arrive(1000, 1e-3)
        if outcome.status == 200 and outcome.ms < NORMAL_MS:
            break
    return time.monotonic() - ended


def _figures(arrivals: list[Outcome], probes: list[Outcome], peak_per_s: float) -> dict[str, float]:
    served = [outcome for outcome in arrivals if outcome.status == 200]
    refused = [outcome for outcome in arrivals if outcome.status in (429, 503)]
    first, last = min(o.due for o in arrivals), max(o.done for o in arrivals)
    return {
        "arrivals_per_s": len(arrivals) / (last - first),
        "goodput_of_peak": len(served) / (last - first) / peak_per_s,
        "served_p99_ms": percentile_ms(served, 99),
        "refused_share": len(refused) / len(arrivals),
        "refused_p50_ms": percentile_ms(refused, 50),
        "refused_p99_ms": percentile_ms(refused, 99),
        "refused_without_retry_after": sum(not o.retry_after for o in refused),
        "other_statuses": sum(o.status not in (200, 429, 503, BROKEN) for o in arrivals),
        "broken_connections": sum(o.status == BROKEN for o in arrivals),
        "probes_not_ready": sum(o.status != 200 for o in probes),
        "probe_p99_ms": percentile_ms(probes, 99),
    }
