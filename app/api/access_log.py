"""The line that a request leaves in the log, as long as there are not too many a second.

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
from app.errors import PROBLEMS, UnauthorizedError
from app.logs import fields

logger = logging.getLogger("app.access")

FIRST_BAD_STATUS: Final = 400
CLIENT_LEFT: Final = 499  # in metrics and log only, as nginx has it
# A line takes 27 µs: 0.3% of a core, while a busy process answers thousands a second.
MAX_GOOD_LINES_PER_S: Final = 100
# A client in a loop must not fill the disk, nor take the time of those who are answered.
MAX_BAD_LINES_PER_S: Final = 10
KEY_REFUSED: Final = PROBLEMS[UnauthorizedError].status
MAX_PATH_CHARS: Final = 200
PROBES: Final = re.compile(r"/metrics|/health(/.*)?|/v2/(health/.*|models/.*/ready)")


class AccessLog:
    """Writes the lines: of a `share`, 0 to 1, of the good requests, of all others, of no probe.

    Good and bad have a bound each; `unlogged` of the next line counts those beyond it. Good are
    those that were not refused and did not fail.
    """

    def __init__(self, share: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._share = share
        self._clock = clock
        self._due = 0.0
        self._good = _Allowance(MAX_GOOD_LINES_PER_S, clock())
        self._bad = _Allowance(MAX_BAD_LINES_PER_S, clock())
        self._unlogged = 0

    def request_ended(self, scope: Scope, context: RequestContext, route: str) -> None:
        """A request has ended; `route` is its template."""
        # A probe that says "not ready" has done what it is for, several times a second at a start.
        # Who scrapes without the key cannot see it in the metrics.
        if is_probe(route) and context.status != KEY_REFUSED:
            return
        allowance = self._bad
        if context.status < FIRST_BAD_STATUS or context.status == CLIENT_LEFT:
            self._due += self._share
            if self._due < 1:
                return
            self._due -= 1
            allowance = self._good
        if not allowance.take(self._clock()):
            self._unlogged += 1
        elif logger.isEnabledFor(logging.INFO):
            self._write(scope, context, route)

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


class _Allowance:
    """So many lines a second, a second's worth of them at once; times are of the clock."""

    def __init__(self, lines_per_s: int, now: float) -> None:
        self._lines_per_s = lines_per_s
        self._left = float(lines_per_s)
        self._at = now

    def take(self, now: float) -> bool:
        """Whether a line may be written now, which uses it up."""
        earned = (now - self._at) * self._lines_per_s
        self._left = min(self._left + earned, self._lines_per_s)
        self._at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True


def is_probe(path: str) -> bool:
    """Whether a path, or the template of a route, is one that machines ask again and again."""
    return PROBES.fullmatch(path) is not None
