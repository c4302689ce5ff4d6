"""How many requests the service answers, and how soon, beside the ceilings of the same machine.

Closed loops of 1, 16 and 64 connections, each round one after another over all servers, so that a
slow minute of the machine is everyone's: medians are over rounds, and so are ratios. The ceilings
are FastAPI endpoints that take the same upload or the same raw body and answer a constant, and the
network alone, in process, at its best batch. Then open loops for latency, at half and at 90% of a
peak that is measured right before each, for a ceiling too, which has no picture to read: what it
waits is the machine's doing, the load's and the framework's. Then the overload. Rates are in images
a second, of which a bulk request has many.
"""

from __future__ import annotations

import argparse
import statistics
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from app.inference.versions import find_versions
from benchmarks import network, overload
from benchmarks.bodies import Body, bulk_body, single_bodies
from benchmarks.closed_loop import Pace, drive
from benchmarks.fixed_rate import Waits, arrive
from benchmarks.service import Running, running_service
from benchmarks.targets import Target, running

CONNECTIONS = (1, 16, 64)
PEAK_CONNECTIONS = STACK_CONNECTIONS = 64
SERVICE = "rowscan"
BULK = "rowscan_bulk"  # measured beside the network alone
PEERS = ["ceilings", "tutorial", "lit"]
AT_A_RATE = ["rowscan_multipart", "ceilings_multipart"]


class Case(NamedTuple):
    """One server and one way to ask it."""

    name: str
    server: str
    bodies: dict[int, Body]  # by connections


class Times(NamedTuple):
    """How long each step takes, in seconds."""

    closed: int  # wrk counts whole ones
    open: int
    overload: int


QUICK, FULL = Times(1, 2, 5), Times(3, 10, 120)


def measure(options: argparse.Namespace) -> dict[str, float]:
    """Return medians over the rounds, by server, way, connections and figure."""
    times = QUICK if options.quick else FULL
    rounds = 1 if options.quick else options.pairs
    version = options.models_dir / str(find_versions(options.models_dir)[0])
    ways = single_bodies(options.models_dir)
    with (
        running_service(options.models_dir) as service,
        running(version, PEERS, ways["multipart"]) as targets,
    ):
        cases = _cases(options.models_dir)
        found = _rounds(cases, service, targets, version, rounds, times)
        figures = {name: statistics.median(values) for name, values in found.items()}
        figures |= _ratios(found)
        figures["start_to_ready_s"] = service.ready_s
        figures["memory_after_load_mib"] = service.resident_mib()
        at_a_rate = [case for case in cases if case.name in AT_A_RATE]
        figures |= _open_loops(at_a_rate, service, targets, rounds, times)
        figures |= _overload(service, options.models_dir, times)
    return figures


def _cases(models_dir: Path) -> list[Case]:
    single = single_bodies(models_dir)
    upload, raw = (dict.fromkeys(CONNECTIONS, single[way]) for way in ("multipart", "raw"))
    bulk = {connections: bulk_body(models_dir, connections) for connections in CONNECTIONS}
    ceiling = dict.fromkeys(CONNECTIONS, single["raw"]._replace(path="/raw"))
    return [
        Case("rowscan_multipart", SERVICE, upload),
        Case("rowscan_raw", SERVICE, raw),
        Case(BULK, SERVICE, bulk),
        *(Case(f"{peer}_multipart", peer, upload) for peer in PEERS),
        Case("ceilings_raw", "ceilings", ceiling),
    ]


def _rounds(
    cases: list[Case], service: Running, targets: dict[str, Target], version: Path,
    rounds: int, times: Times,
) -> dict[str, list[float]]:  # fmt: skip
    """Return each figure of each round."""
    found: dict[str, list[float]] = defaultdict(list)
    alone = network.Alone(version)
    for _ in range(rounds):
        for connections in CONNECTIONS:
            for case in cases:
                if case.name == BULK:  # seconds later the machine may have another speed
                    best_per_s = alone.images_per_s(times.closed)
                    found[f"network_best_{connections}_per_s"].append(best_per_s)
                pace = _drive(case, service, targets, connections, times.closed)
                name, body = f"{case.name}_{connections}", case.bodies[connections]
                found[f"{name}_per_s"].append(pace.per_s * body.images)
                found[f"{name}_p50_ms"].append(pace.p50_ms)
                found[f"{name}_p99_ms"].append(pace.p99_ms)
    return found


def _drive(
    case: Case, service: Running, targets: dict[str, Target], connections: int, seconds: int
) -> Pace:
    # A peer that breaks down is slow, not a reason to measure nothing.
    strict = case.server == SERVICE
    with _awake(case.server, service, targets) as port:
        return drive(port, case.bodies[connections], connections, seconds, strict=strict)


@contextmanager
def _awake(server: str, service: Running, targets: dict[str, Target]) -> Iterator[int]:
    """Let a server run for as long as it is used; return its port. The service always runs."""
    if server == SERVICE:
        yield service.port
    else:
        with targets[server].awake() as port:
            yield port


def _ratios(found: dict[str, list[float]]) -> dict[str, float]:
    """Return what the service reaches of each ceiling and of each peer, round by round."""

    def ratio(mine: str, theirs: str) -> float:
        return statistics.median(of / to for of, to in zip(found[mine], found[theirs], strict=True))

    figures = {}
    for c in CONNECTIONS:
        raw, bulk = f"rowscan_raw_{c}_per_s", f"{BULK}_{c}_per_s"
        figures[f"raw_{c}_of_ceiling"] = ratio(raw, f"ceilings_raw_{c}_per_s")
        figures[f"bulk_{c}_of_network"] = ratio(bulk, f"network_best_{c}_per_s")
        for peer in PEERS:
            mine, theirs = (f"{server}_multipart_{c}_per_s" for server in ("rowscan", peer))
            figures[f"multipart_{c}_of_{peer}"] = ratio(mine, theirs)
    return figures


def _open_loops(
    cases: list[Case], service: Running, targets: dict[str, Target], rounds: int, times: Times
) -> dict[str, float]:
    """Return what is waited at a share of the peak of the same seconds."""
    found: dict[str, list[Waits]] = defaultdict(list)
    for _ in range(rounds):
        for case in cases:
            for name, share in (("half", 0.5), ("90_percent", 0.9)):
                peak = _drive(case, service, targets, PEAK_CONNECTIONS, times.closed)
                with _awake(case.server, service, targets) as port:
                    body = case.bodies[PEAK_CONNECTIONS]
                    waits = arrive(port, body, share * peak.per_s, times.open)
                found[f"{case.name}_at_{name}_of_peak"].append(waits)
    return {
        # A median would pass over what failed in fewer than half of the runs.
        f"{name}_{figure}": (sum if figure == "failed" else statistics.median)(
            getattr(each, figure) for each in waits
        )
        for name, waits in found.items()
        for figure in Waits._fields
    }


def _overload(service: Running, models_dir: Path, times: Times) -> dict[str, float]:
    body = bulk_body(models_dir, STACK_CONNECTIONS)
    peak_per_s = drive(service.port, body, STACK_CONNECTIONS, times.closed).per_s
    found = overload.measure(service.port, body, peak_per_s, times.overload)
    return {f"overload_{name}": value for name, value in found.items()}
