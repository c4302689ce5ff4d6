"""The clients of the steadiness benchmark: they ask without a pause and compare the answers."""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.service import HOST

VARIANTS = 3  # version n answers like every other one that leaves the same rest by this
MANY = 40
SAME = 1e-5  # pictures are read in calls of other sizes in other company
PICTURE = Path(__file__).parents[1] / "examples" / "7.png"
HEAD = "POST {} HTTP/1.1\r\nHost: x\r\nContent-Type: {}\r\nContent-Length: {}\r\n\r\n"


def requests() -> list[bytes]:
    """Return the requests of the clients: one batch, several batches, many pictures."""
    picture = PICTURE.read_bytes()
    strokes = np.zeros((MANY, 28, 28), np.uint8)
    for number, stroke in enumerate(strokes):
        stroke[4:24, 4 + number % 20 : 7 + number % 20] = 255
        stroke[4 + number // 3 : 6 + number // 3, 4:24] = 255
    many = io.BytesIO()
    np.save(many, strokes)
    return [
        HEAD.format(path, kind, len(body)).encode() + body
        for path, kind, body in (
            ("/predict", "image/png", picture),
            ("/predict?explain=true", "image/png", picture),
            ("/predict/batch", "application/x-npy", many.getvalue()),
        )
    ]


@dataclass
class Load:
    """Clients that ask again and again, and what they saw."""

    port: int
    answered: int = 0
    failed: int = 0
    mixed: int = 0
    lost: int = 0
    turned_away: int = 0
    slowest_s: float = 0.0
    told_to_stop: float = math.inf  # when the service was, on time.monotonic()
    over: bool = False
    _scores: dict[tuple[int, int], NDArray[np.float64]] = field(default_factory=dict)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask while the context lasts, and wait for the last answers."""
        self.over = False
        async with asyncio.TaskGroup() as group:
            for client, (kind, request) in enumerate(2 * list(enumerate(requests()))):
                group.create_task(self._ask(kind, request, keep=client % 2 == 0))
            try:
                yield
            finally:
                self.over = True

    async def _ask(self, kind: int, request: bytes, keep: bool) -> None:
        """One request after the other, on one connection or each on its own."""
        writer: asyncio.StreamWriter | None = None
        while not self.over and self.told_to_stop == math.inf:
            sent = math.inf
            try:
                if writer is None:
                    reader, writer = await asyncio.open_connection(HOST, self.port)
                writer.write(request)
                sent = time.monotonic()
                status, body = await read_response(reader)
                self._note(kind, status, body, time.monotonic() - sent)
            except (OSError, asyncio.IncompleteReadError):
                # After the signal a connection may be closed on a request that was never read.
                self.lost += sent < self.told_to_stop < math.inf
                self.failed += self.told_to_stop == math.inf
                keep_it = False
            else:
                keep_it = keep
            if writer is not None and not keep_it:
                writer.close()
                writer = None

    def _note(self, kind: int, status: int, body: bytes, took_s: float) -> None:
        self.slowest_s = max(self.slowest_s, took_s)
        if status == 503 and self.told_to_stop < math.inf:
            self.turned_away += 1
        elif status != 200:
            self.failed += 1
        else:
            self.answered += 1
            versions, scores = scores_of(json.loads(body))
            known = self._scores.setdefault((kind, min(versions) % VARIANTS), scores)
            off = np.abs(known - scores).max()
            self.mixed += len(versions) > 1 or bool(off > SAME)

    def tells_apart(self) -> bool:
        """Whether the versions' scores differ so much that a mixture would have been noticed."""
        kinds = {kind for kind, _ in self._scores}
        return all(
            np.abs(self._scores[kind, one] - self._scores[kind, other]).max() > 10 * SAME
            for kind in kinds
            for one, other in itertools.combinations(range(VARIANTS), 2)
            if {(kind, one), (kind, other)} <= self._scores.keys()
        )


def scores_of(answer: dict[str, Any]) -> tuple[set[int], NDArray[np.float64]]:
    """Return the versions that an answer names, and all its numbers."""
    predictions = answer.get("predictions", [answer])
    versions = {prediction["model_version"] for prediction in predictions}
    rows = [prediction["probabilities"] for prediction in predictions] + answer.get("rows", [])
    return versions, np.array(rows)


async def read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Return status and body."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("ascii").lower()
    length = int(head.split("content-length: ")[1].split("\r\n")[0])
    return int(head.split()[1]), await reader.readexactly(length)
