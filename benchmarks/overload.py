"""Five times as many requests as can be served, for two minutes: who is served, who has to wait?

Each request is a stack of 16 pictures. What a queue runs over with is images, and single pictures
at five times the capacity would be more requests than one client can send beside the service. wrk
sends the crowd. Among it are a sample, whose answers are looked at one by one, and a probe that
asks /health/ready.
"""

from __future__ import annotations

import asyncio
import time

import uvloop

from benchmarks import wrk
from benchmarks.bodies import Body
from benchmarks.open_loop import BROKEN, Outcome, Pool, percentile_ms
from benchmarks.service import HOST

TIMES_CAPACITY = 5
CONNECTIONS = 256
SAMPLES_PER_S = 20
SAMPLE_CONNECTIONS = 32
PROBES_PER_S = 10
PROBE = f"GET /health/ready HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
NORMAL_MS = 50.0
RECOVERY_S = 5.0


def measure(port: int, body: Body, peak_per_s: float, seconds: int) -> dict[str, float]:
    """Return what became of it; peak_per_s requests of `body` are what the service can do."""
    return uvloop.run(_overload(port, body, peak_per_s, seconds))


async def _overload(port: int, body: Body, peak_per_s: float, seconds: int) -> dict[str, float]:
    sample, probe, lone = (
        Pool(port, request) for request in (body.request(port), PROBE, body.request(port))
    )
    for pool, connections in ((sample, SAMPLE_CONNECTIONS), (probe, 1), (lone, 1)):
        await pool.open(connections)
    per_s = max(1.0, TIMES_CAPACITY * peak_per_s - SAMPLES_PER_S)
    crowd, samples, probes = await asyncio.gather(
        asyncio.to_thread(wrk.post, port, body, CONNECTIONS, seconds, per_s, counted=True),
        sample.arrive(SAMPLES_PER_S, seconds),
        probe.arrive(PROBES_PER_S, seconds),
    )
    normal_after_s = await _until_normal(lone, time.monotonic())
    for pool in (sample, probe, lone):
        pool.close()
    found = figures(crowd, samples, probes, peak_per_s)
    return found | {"normal_after_s": normal_after_s}


async def _until_normal(lone: Pool, ended: float) -> float:
    """Ask one after another until an answer is good and quick; return how long that took."""
    while time.monotonic() < ended + RECOVERY_S:
        (outcome,) = await lone.arrive(1000, 1e-3)
        if outcome.status == 200 and outcome.ms < NORMAL_MS:
            break
    return time.monotonic() - ended


def figures(
    crowd: wrk.Told, samples: list[Outcome], probes: list[Outcome], peak_per_s: float
) -> dict[str, float]:
    """Return what became of the crowd, of the sample among it, and of the probes."""
    served = [outcome for outcome in samples if outcome.status == 200]
    refused = [outcome for outcome in samples if outcome.status in (429, 503)]
    broken = [outcome for outcome in samples if outcome.status == BROKEN]
    all_served, seconds = crowd.served + len(served), 1e-6 * crowd.us
    answers = crowd.requests + len(samples)
    return {
        "answers_per_s": answers / seconds,
        "arrivals_late": crowd.late,
        "goodput_of_peak": all_served / seconds / peak_per_s,
        "served_p99_ms": percentile_ms(served, 99),
        "refused_share": (crowd.refused + len(refused)) / answers,
        "refused_p50_ms": percentile_ms(refused, 50),
        "refused_p99_ms": percentile_ms(refused, 99),
        "refused_without_retry_after": crowd.silent + sum(not o.retry_after for o in refused),
        "other_statuses": answers - (all_served + crowd.refused + len(refused) + len(broken)),
        "broken_connections": crowd.broken + len(broken),
        "probes_not_ready": sum(o.status != 200 for o in probes),
        "probe_p99_ms": percentile_ms(probes, 99),
    }
