"""Whether the service stays as it is for as long as it runs: an hour of mixed load by default.

    python -m benchmarks.soak --minutes 60

At a modest fixed rate it gets good pictures by every way in, bad ones, large ones, requests whose
clients go away, uploads that stall, and scrapes (soak_cases.py). Each has one status that it must
end with, and each picture one digit. Anything else counts as failed.

Every ten seconds the process is looked at: resident memory, open files, threads, what waits. A line
is fitted to each after the first tenth of the time (soak_judge.py): its slope is what leaks.

Memory is flat when its slope is within two standard errors of zero, or below. The last line is one
JSON object; the exit status is 1 when anything failed.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import sys
import time
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from benchmarks.service import HOST, PATIENCE_S, Running, running_service
from benchmarks.soak_cases import Case, Manner, cases, http
from benchmarks.soak_judge import Sample, Tally, Trend, trend
from benchmarks.steady_load import read_response

# Of a hundred requests.
MIX = {"good": 60, "bad": 18, "large": 4, "left": 6, "stalled": 4, "scrape": 8}
CLIENTS = 16
SAMPLE_S = 10.0
LONGEST_STAY_S = 0.2  # of a client that leaves
# The service's own 10 s would turn requests away on a machine that does much else meanwhile.
DEADLINE_S = 100.0
# After the load: longer than a connection is kept without a request.
REST_S = 8.0
METRICS = http("GET", "/metrics")


class Client:
    """One client: a request at each of its turns, on a connection that it keeps while it can."""

    def __init__(self, port: int, tally: Tally, draws: random.Random) -> None:
        self._port = port
        self._tally = tally
        self._draws = draws
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def send(self, case: Case) -> None:
        """Send one request and see what becomes of it."""
        began = time.monotonic()
        try:
            async with asyncio.timeout(PATIENCE_S):
                answer = await self._exchange(case)
        except (OSError, asyncio.IncompleteReadError, TimeoutError) as error:
            await self.close()
            wrong: str | None = self._tally.failed(case, type(error).__name__)
        else:
            if answer is None:
                self._tally.ended["left"] += 1
                return
            wrong = self._tally.note(case, *answer, time.monotonic() - began)
        if wrong:
            print(f"{case.name}: {wrong}", file=sys.stderr)

    async def _exchange(self, case: Case) -> tuple[int, bytes] | None:
        """Return status and body, or None where the client does not wait for them."""
        reader, writer = await self._connection()
        half = case.request.index(b"\r\n\r\n") // 2 + len(case.request) // 2
        whole = case.manner in (Manner.WHOLE, Manner.LEAVE_WAITING)
        writer.write(case.request if whole else case.request[:half])
        if case.manner in (Manner.WHOLE, Manner.STALL):
            answer = await read_response(reader)
            if case.manner is Manner.STALL:
                await self.close()
            return answer
        await asyncio.sleep(self._draws.uniform(0, LONGEST_STAY_S))
        if self._draws.random() < 0.5:
            writer.transport.abort()
        await self.close()
        return None

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """The one that is there, unless the service has closed it since; else a new one."""
        if self._streams and self._streams[0].at_eof():
            await self.close()
        if not self._streams:
            self._streams = await asyncio.open_connection(HOST, self._port)
        return self._streams

    async def close(self) -> None:
        """Close the connection, whatever is under way on it."""
        if self._streams:
            self._streams[1].close()
            self._streams = None


async def keep_asking(
    client: Client, all_cases: dict[str, list[Case]], draws: random.Random, turns: list[float]
) -> None:
    """Send one request of the mix at each of these moments, on time.monotonic()."""
    for turn in turns:
        await asyncio.sleep(turn - time.monotonic())
        (kind,) = draws.choices(list(MIX), list(MIX.values()))
        await client.send(draws.choice(all_cases[kind]))
    await client.close()


async def scrape(port: int) -> dict[str, float]:
    """Return what /metrics says, added up over labels; 500s that it counted as `broken`."""
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(METRICS)
    _, text = await read_response(reader)
    writer.close()
    sums: dict[str, float] = {"broken": 0.0}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            sums[sample.name] = sums.get(sample.name, 0.0) + sample.value
            sums["broken"] += sample.value if sample.labels.get("status") == "500" else 0.0
    return sums


async def look(service: Running, began: float) -> Sample:
    """Look at the process."""
    seen = await scrape(service.port)
    return Sample(
        time.monotonic() - began,
        service.resident_mib(),
        service.open_files(),
        service.threads(),
        seen["rowscan_queue_images"],
        seen["rowscan_requests_in_progress"] - 1,  # but this scrape
    )


async def keep_looking(service: Running, began: float, tally: Tally) -> list[Sample]:
    """Look every ten seconds until cancelled; returns what was seen."""
    samples: list[Sample] = []
    try:
        while True:
            samples.append(await look(service, began))
            seen = samples[-1]
            print(
                f"{seen.at_s / 60:.1f} min: {seen.memory_mib:.0f} MiB, {seen.files:.0f} files, "
                f"{seen.threads:.0f} threads, {tally.ended.total()} requests, "
                f"{tally.failures.total()} failed",
                file=sys.stderr,
            )
            await asyncio.sleep(SAMPLE_S)
    except asyncio.CancelledError:
        return samples


async def soak(service: Running, models_dir: Path, minutes: float, per_s: float) -> dict[str, Any]:
    """Return all figures."""
    all_cases, tally, draws = cases(models_dir), Tally(), random.Random(0)  # noqa: S311
    before = await look(service, time.monotonic())
    began = time.monotonic()
    turns = [began + at / per_s for at in range(round(60 * minutes * per_s))]
    looking = asyncio.create_task(keep_looking(service, began, tally))
    clients = [Client(service.port, tally, draws) for _ in range(CLIENTS)]
    async with asyncio.TaskGroup() as group:
        for number, client in enumerate(clients):
            group.create_task(keep_asking(client, all_cases, draws, turns[number::CLIENTS]))
    took_s = time.monotonic() - began
    looking.cancel()
    samples = await looking
    await asyncio.sleep(REST_S)
    after = await look(service, began)
    return {
        "minutes": round(took_s / 60, 1),
        "requests": tally.ended.total() + tally.failures.total(),
        "failed": tally.failures.total(),
        "wrong_digits": tally.wrong_digits,
        "broken_by_the_service": (await scrape(service.port))["broken"],
        "ended": dict(sorted(tally.ended.items())),
        "failures": dict(tally.failures.most_common(10)),
        "slowest_answer_s": round(tally.slowest_s, 2),
        **judged(samples),
        "files_before_and_after": [before.files, after.files],
        "left_in_progress": after.in_progress,
        "left_in_queue": after.queued,
    }


def judged(samples: list[Sample]) -> dict[str, Any]:
    """Return the trend of memory, files and threads, and the most that waited at a look."""
    at_s = [sample.at_s for sample in samples]
    memory = trend(at_s, [sample.memory_mib for sample in samples])
    return {
        "memory_flat": memory.flat,
        "memory_mib": _rounded(memory),
        "memory_most_mib": round(max(sample.memory_mib for sample in samples)),
        "files": _rounded(trend(at_s, [sample.files for sample in samples])),
        "threads": _rounded(trend(at_s, [sample.threads for sample in samples])),
        "most_queued_images": max(sample.queued for sample in samples),
        "longest_gap_s": round(max(later - at for at, later in itertools.pairwise(at_s)), 1),
    }


def _rounded(line: Trend) -> dict[str, float]:
    return {name: round(value, 2) for name, value in line._asdict().items()}


def main() -> int:
    """Run, print one line of JSON; 1 when anything failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long (%(default)s)")
    parser.add_argument("--per-s", type=float, default=10.0, help="requests (%(default)s)")
    parser.add_argument("--models-dir", type=Path, default=Path("models/digits"))
    options = parser.parse_args()
    # What `running_service` hands on to the service, which would log each bad request.
    os.environ |= {"ROWSCAN_DEADLINE_S": str(DEADLINE_S), "ROWSCAN_LOG_LEVEL": "error"}
    with running_service(options.models_dir) as service:
        figures = asyncio.run(soak(service, options.models_dir, options.minutes, options.per_s))
    print(json.dumps(figures))
    return int(figures["failed"] > 0)


if __name__ == "__main__":
    sys.exit(main())
