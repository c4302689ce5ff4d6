"""Whether the service stays steady under load, while versions come and go and when it is stopped.

    python -m benchmarks.steadiness --swaps 200 --bad 100 --stops 50

Clients ask without a pause, for one picture, for one row by row, and for forty at once. Meanwhile

- new versions of other weights are published, each of which must take over;
- bad versions of many kinds are published, each of which must be refused;
- the process is told to stop at a random moment, while one client stalls in the middle of an
  upload.

A request fails when it gets no 200. It is mixed when its scores are not those that its version gave
to the same pictures before. Of a stop: a request is lost when it was sent before the signal and is
not answered at all; one that the service turns away (503 with Retry-After) can be sent elsewhere.
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import itertools
import json
import math
import os
import random
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from app.inference.versions import find_versions
from benchmarks.made_versions import SPOIL, make_variant, make_wrong_signature, publish
from benchmarks.service import HOST, PATIENCE_S, Running, running_service
from benchmarks.steady_load import HEAD, VARIANTS, Load

# Of the weights: version n has those of number n % 3. The first of all is as it was.
FACTORS = (0.9, 1.0, 1.1)
SETTLED = 3  # swaps, after which both sets of compiled programs are there
WARM_UP_S = 5.0  # answering takes memory of its own
RELOAD_S = 0.2
DRAIN_S = 3.0
EXIT_SLACK_S = 1.0


@dataclass
class Shelf:
    """A models folder, and the versions from which it is filled."""

    models_dir: Path
    variants: list[Path]
    bad: dict[str, tuple[Path, Callable[[Path], object]]]
    newest: int = 1

    @classmethod
    def make(cls, shipped: Path, folder: Path) -> Shelf:
        """Make the versions of other weights, and the bad ones that need TensorFlow."""
        variants = [folder / f"variant-{number}" for number in range(VARIANTS)]
        for variant, factor in zip(variants, FACTORS, strict=True):
            make_variant(shipped, variant, factor)
        make_variant(shipped, folder / "nan", math.nan)
        make_wrong_signature(shipped, folder / "signature")
        bad = {name: (variants[0], spoil) for name, spoil in SPOIL.items()}
        bad["weights that are NaN"] = (folder / "nan", bool)
        bad["another signature"] = (folder / "signature", bool)
        models_dir = folder / "models"
        models_dir.mkdir()
        publish(variants[1], models_dir, 1)
        return cls(models_dir, variants, bad)

    def publish_next(self) -> int:
        """Publish a good version; what was served before goes."""
        self.newest += 1
        publish(self.variants[self.newest % VARIANTS], self.models_dir, self.newest)
        return self.newest


async def health(port: int) -> dict[str, Any]:
    """Ask /health, in another thread."""

    def ask() -> dict[str, Any]:
        connection = http.client.HTTPConnection(HOST, port, timeout=PATIENCE_S)
        connection.request("GET", "/health")
        answer: dict[str, Any] = json.load(connection.getresponse())
        connection.close()
        return answer

    return await asyncio.to_thread(ask)


def serves(version: int, seen: dict[str, Any]) -> bool:
    """Whether /health names this version."""
    return bool(seen["model"]["version"] == version)


def refuses(version: int, seen: dict[str, Any]) -> bool:
    """Whether /health says that this version is refused."""
    return str(version) in seen["refused"]


async def wait_for(port: int, holds: Callable[[dict[str, Any]], bool]) -> bool:
    """Wait until /health says so; False when patience ends."""
    patience_ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience_ends:
        if holds(await health(port)):
            return True
        await asyncio.sleep(RELOAD_S / 2)
    return False


async def swap(shelf: Shelf, service: Running, load: Load, swaps: int) -> dict[str, float]:
    """Publish good versions under load. Memory: before the first swap, after a few, at the end."""
    swapped = 0
    async with load.running():
        await asyncio.sleep(WARM_UP_S)
        memory_mib = [service.resident_mib()]
        print(f"before: slowest request so far {load.slowest_s:.2f} s", file=sys.stderr)
        for number in range(swaps):
            version = shelf.publish_next()
            swapped += await wait_for(service.port, partial(serves, version))
            shutil.rmtree(shelf.models_dir / str(version - 1))
            if number + 1 in (min(SETTLED, swaps), swaps):
                memory_mib.append(service.resident_mib())
            print(
                f"swap {number + 1}: {service.resident_mib():.0f} MiB, "
                f"slowest request so far {load.slowest_s:.2f} s",
                file=sys.stderr,
            )
    return {
        "swapped": swapped,
        "memory_before_mib": memory_mib[0],
        f"memory_after_{SETTLED}_mib": memory_mib[min(1, len(memory_mib) - 1)],
        "memory_after_all_mib": memory_mib[-1],
    }


async def spoil(shelf: Shelf, service: Running, load: Load, count: int) -> dict[str, float]:
    """Publish bad versions under load, one kind after another."""
    refused = 0
    served = (await health(service.port))["model"]["version"]
    async with load.running():
        for number, name in zip(range(count), itertools.cycle(shelf.bad), strict=False):
            version = served + 1 + number
            source, make_bad = shelf.bad[name]
            folder = publish(source, shelf.models_dir, version, make_bad)
            known = await wait_for(service.port, partial(refuses, version))
            seen = await health(service.port)
            good = known and seen["status"] == "ready" and seen["model"]["version"] == served
            refused += good
            print(f"{name}: {seen['refused'].get(str(version))}", file=sys.stderr)
            folder.unlink() if folder.is_symlink() else shutil.rmtree(folder)
    return {"bad": count, "refused": refused, "memory_after_bad_mib": service.resident_mib()}


async def stop(models_dir: Path) -> tuple[Load, float]:
    """Stop a service under load and with a stalled upload; the seconds, infinite if it failed."""
    with running_service(models_dir) as service:
        load = Load(service.port)
        async with load.running():
            _, stalled = await asyncio.open_connection(HOST, service.port)
            stalled.write(HEAD.format("/predict", "image/png", 100_000).encode() + b"half")
            await asyncio.sleep(random.uniform(0.3, 1.5))  # noqa: S311
            load.told_to_stop = time.monotonic()
            service.process.send_signal(signal.SIGTERM)
            code = await asyncio.to_thread(service.process.wait)
            took_s = time.monotonic() - load.told_to_stop
            stalled.close()
    print(f"stop: {took_s:.1f} s, exit code {code}", file=sys.stderr)
    return load, took_s if code == 0 else math.inf


async def measure(shelf: Shelf, swaps: int, bad: int, stops: int) -> dict[str, float]:
    """Return all figures."""
    with running_service(shelf.models_dir) as service:
        load = Load(service.port)
        figures = await swap(shelf, service, load, swaps)
        figures |= await spoil(shelf, service, load, bad)
    if not load.tells_apart():
        raise RuntimeError("the versions answer too much alike for a mixture to be noticed")
    stopped = [await stop(shelf.models_dir) for _ in range(stops)]
    loads = [load, *(each for each, _ in stopped)]
    return {
        **figures,
        "stops": stops,
        "exits_in_time": sum(took_s < DRAIN_S + EXIT_SLACK_S for _, took_s in stopped),
        "slowest_exit_s": max((took_s for _, took_s in stopped), default=0.0),
        "requests": sum(each.answered for each in loads),
        "failed": sum(each.failed for each in loads),
        "mixed": sum(each.mixed for each in loads),
        "lost": sum(each.lost for each in loads),
        "turned_away": sum(each.turned_away for each in loads),
        "slowest_request_s": max(each.slowest_s for each in loads),
    }


def main() -> None:
    """Measure, print one line of JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steadiness", description=__doc__)
    parser.add_argument("--swaps", type=int, default=10, help="good versions (%(default)s)")
    parser.add_argument("--bad", type=int, default=len(SPOIL) + 2, help="bad ones (%(default)s)")
    parser.add_argument("--stops", type=int, default=5, help="SIGTERMs (%(default)s)")
    parser.add_argument("--models-dir", type=Path, default=Path("models/digits"))
    options = parser.parse_args()
    # What `running_service` hands on to the service.
    os.environ |= {"ROWSCAN_RELOAD_S": str(RELOAD_S), "ROWSCAN_DRAIN_S": str(DRAIN_S)}
    shipped = options.models_dir / str(find_versions(options.models_dir)[0])
    with TemporaryDirectory() as folder:
        shelf = Shelf.make(shipped, Path(folder))
        print(json.dumps(asyncio.run(measure(shelf, options.swaps, options.bad, options.stops))))


if __name__ == "__main__":
    main()
