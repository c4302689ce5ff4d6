"""An open loop whose requests are looked at one by one: when each was due, and what became of it.

Each is timed from the moment at which it was due, unlike with `fixed_rate`. This client is Python
and takes as much of the processors as a service does: it is for a few dozen arrivals a second.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple, cast

from benchmarks.service import HOST

BROKEN = 0  # in the place of a status: the connection was closed before the answer was whole
LEAD_S = 0.05
PATIENCE_S = 30.0


class Outcome(NamedTuple):
    """One request and what became of it; times on time.monotonic()."""

    due: float
    done: float
    status: int
    retry_after: bool

    @property
    def ms(self) -> float:
        """How long it took since it was due."""
        return 1e3 * (self.done - self.due)


def percentile_ms(outcomes: list[Outcome], percent: int) -> float:
    """Return a percentile of how long they took; NaN of none."""
    times = [outcome.ms for outcome in outcomes]
    if len(times) < 2:
        return times[0] if times else float("nan")
    return statistics.quantiles(times, n=100, method="inclusive")[percent - 1]


class _Connection(asyncio.Protocol):
    """A connection with at most one request under way; the loop calls all that is public here."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self.transport: asyncio.Transport
        self._received = b""
        self._asked: float | None = None  # when that was due

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._pool.free(self)

    def ask(self, due: float) -> None:
        """Send the request that was due then."""
        self._asked = due
        self.transport.write(self._pool.request)

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, separator, content = self._received.partition(b"\r\n\r\n")
        if not separator or self._asked is None:
            return
        head = head.lower()
        length = int(head.partition(b"content-length:")[2].partition(b"\r")[0])
        if len(content) < length:
            return
        self._received = b""
        self._answered(int(head[9:12]), b"retry-after:" in head)
        self._pool.free(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._answered(BROKEN, False)
        self._pool.replace(self)

    def _answered(self, status: int, retry_after: bool) -> None:
        if self._asked is None:
            return
        self._pool.outcomes.append(Outcome(self._asked, time.monotonic(), status, retry_after))
        self._asked = None


@dataclass
class Pool:
    """Connections that share the arrivals; what finds none free waits for the next."""

    port: int
    request: bytes
    outcomes: list[Outcome] = field(default_factory=list)
    _free: deque[_Connection] = field(default_factory=deque)
    _waiting: deque[float] = field(default_factory=deque)
    _opening: set[asyncio.Task[None]] = field(default_factory=set)
    _closing: bool = False

    async def open(self, connections: int) -> None:
        """Open so many connections."""
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            await loop.create_connection(lambda: _Connection(self), HOST, self.port)

    def close(self) -> None:
        """Close what is free, which is all when everything is answered."""
        self._closing = True
        for connection in self._free:
            connection.transport.abort()

    def ask(self, due: float) -> None:
        """Send a request over the connection that has rested longest, or as soon as one is free."""
        if self._free:
            self._free.popleft().ask(due)
        else:
            self._waiting.append(due)

    def free(self, connection: _Connection) -> None:
        """Give a connection its next request, or let it rest."""
        if self._waiting:
            connection.ask(self._waiting.popleft())
        else:
            self._free.append(connection)

    def replace(self, connection: _Connection) -> None:
        """Open another one for one that was closed."""
        if self._closing:
            return
        if connection in self._free:  # a server may close what has rested for long
            self._free.remove(connection)
        task = asyncio.get_running_loop().create_task(self.open(1))
        self._opening.add(task)
        task.add_done_callback(self._opening.discard)

    async def arrive(self, per_s: float, seconds: float) -> list[Outcome]:
        """Let requests arrive at a rate; return their outcomes, all of them."""
        first, arrivals = time.monotonic() + LEAD_S, round(per_s * seconds)
        before, due_next = len(self.outcomes), 0
        while due_next < arrivals:
            now = time.monotonic()
            while due_next < arrivals and first + due_next / per_s <= now:
                self.ask(first + due_next / per_s)
                due_next += 1
            await asyncio.sleep(max(0.0, first + due_next / per_s - time.monotonic()))
        patience_ends = time.monotonic() + PATIENCE_S
        while len(self.outcomes) < before + arrivals:
            if time.monotonic() > patience_ends:
                raise RuntimeError("some requests were never answered")
            await asyncio.sleep(0.01)
        return self.outcomes[before:]
