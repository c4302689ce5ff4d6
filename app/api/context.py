"""What is known about a request from its first byte to its last: id, start, timings."""

from __future__ import annotations

import random
import re
import time
from dataclasses import dataclass, field
from typing import Any

from starlette.requests import Request
from starlette.types import Scope

from app.metrics import Stage, Timing

STATE_KEY = "rowscan"
BODY_KEY = "rowscan.body"
ACCEPTED_ID = re.compile(rb"[A-Za-z0-9._-]{1,128}")


@dataclass
class RequestContext:
    """Made by the envelope, filled on the way, read when the response starts."""

    request_id: str
    started: float = field(default_factory=time.monotonic)
    timings: list[Timing] = field(default_factory=list)
    status: int = 0  # of the response, once it has started
    route: str | None = None  # its template; known when the response starts, or before
    reason: str | None = None  # of the problem that it is answered with
    bytes_in: int = 0  # of its body, as far as it was read
    images: int = 0  # that were given to the network
    model_version: int | None = None  # that read them

    def add_timing(
        self, name: Stage, duration_ms: float, ended: float, description: str = ""
    ) -> None:
        """Note how long a step took, for Server-Timing, metrics and traces.

        `ended` is on time.monotonic().
        """
        self.timings.append((name, duration_ms, description, ended))

    def timed(self, name: Stage) -> Timed:
        """Note how long the body of a `with` takes, however it ends."""
        return Timed(self, name)

    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every response carries: X-Request-ID and Server-Timing."""
        now = time.monotonic()
        total = ("total", 1e3 * (now - self.started), "", now)
        timings = ", ".join([_shown(*timing) for timing in (*self.timings, total)])
        return [
            (b"x-request-id", self.request_id.encode("ascii")),
            (b"server-timing", timings.encode("ascii")),
        ]


class Timed:
    """A `with` statement's clock; one made of a generator takes more than twice as long."""

    def __init__(self, context: RequestContext, name: Stage) -> None:
        self._context = context
        self._name = name

    def __enter__(self) -> None:
        """Begin."""
        self._started = time.monotonic()

    def __exit__(self, *_: object) -> None:
        """What fails has taken its time too."""
        ended = time.monotonic()
        self._context.add_timing(self._name, 1e3 * (ended - self._started), ended)


def _shown(name: str, duration_ms: float, description: str, _: float) -> str:
    described = f';desc="{description}"' if description else ""
    return f"{name}{described};dur={duration_ms:.3f}"


def begin(scope: Scope) -> RequestContext:
    """The context of a request that begins now; its id is the client's where that is sound."""
    sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    accepted = ACCEPTED_ID.fullmatch(sent)
    context = RequestContext(sent.decode("ascii") if accepted else new_id())
    scope.setdefault("state", {})[STATE_KEY] = context
    return context


def note_that_body_has_come(state: dict[str, Any]) -> None:
    """Said by the server, of the request whose scope has this state."""
    state[BODY_KEY] = True


def has_come(scope: Scope) -> bool:
    """Whether the whole body is known to be there, so that to receive it is not to wait."""
    return BODY_KEY in scope["state"]


def new_id() -> str:
    """An id that no other request has: 128 random bits, in hexadecimal. It is no secret."""
    return f"{random.getrandbits(128):032x}"


def context_of(request: Request) -> RequestContext:
    """The context that `begin` left in the request's scope."""
    context: RequestContext = request.scope["state"][STATE_KEY]
    return context
