"""The line that a request leaves in the log: of a share of the good ones, of nearly every bad one.

Called by the envelope when a request has ended. Metrics count every request; a line tells of one.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

from starlette.types import Scope

from app.api.context import RequestContext
from app.api.trace import trace_id_of
from app.logs import fields

logger = logging.getLogger("app.access")

FIRST_BAD_STATUS: Final = 400
CLIENT_LEFT: Final = 499  # in metrics and log only, as nginx has it
# A client in a loop must not fill the disk, nor take the time of those who are answered.
MAX_BAD_LINES_PER_S: Final = 10
MAX_PATH_CHARS: Final = 200
PROBES: Final = re.compile(r"/metrics|/health(/.*)?|/v2/(health/.*|models/.*/ready)")


class AccessLog:
    """Writes the lines. `share`, 0 to 1, is of the requests that were not refused and did not fail.

    Of the others at most MAX_BAD_LINES_PER_S are written; `unlogged` of the next line counts those
    that were not.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._due = 0.0
        self._second = 0
        self._bad_lines = 0
        self._unlogged = 0

    def request_ended(self, scope: Scope, context: RequestContext, route: str) -> None:
        """A request has ended; `route` is its template."""
        # A probe that says "not ready" has done what it is for, several times a second at a start.
        is_well = context.status < FIRST_BAD_STATUS or context.status == CLIENT_LEFT
        if is_well or is_probe(route):
            self._due += self._share
            if self._due < 1:
                return
            self._due -= 1
        elif not self._may_write_a_bad_one():
            self._unlogged += 1
            return
        if logger.isEnabledFor(logging.INFO):
            self._write(scope, context, route)

    def _may_write_a_bad_one(self) -> bool:
        second = int(self._clock())
        if second != self._second:
            self._second = second
            self._bad_lines = 0
        self._bad_lines += 1
        return self._bad_lines <= MAX_BAD_LINES_PER_S

    def _write(self, scope: Scope, context: RequestContext, route: str) -> None:
        # Quoted as in a URL, which leaves nothing that a line of text could take amiss.
        path = quote(scope["path"], safe="/:", errors="replace")[:MAX_PATH_CHARS]
        logger.info(
            "request",
            extra=fields(
                method=quote(scope["method"]),
                route=route,
                path=path,
                status=context.status,
                reason=context.reason,
                duration_ms=round(1e3 * (self._clock() - context.started), 3),
                request_id=context.request_id,
                trace_id=trace_id_of(scope),
                bytes_in=context.bytes_in,
                images=context.images,
                model_version=context.model_version,
                unlogged=self._unlogged or None,
            ),
        )
        self._unlogged = 0


def is_probe(path: str) -> bool:
    """Whether a path, or the template of a route, is one that machines ask again and again."""
    return PROBES.fullmatch(path) is not None
