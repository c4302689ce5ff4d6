"""The outermost layer, plain ASGI: headers that every response carries, and the last resort.

Not `BaseHTTPMiddleware`, which puts a task and a queue between the server and every response.
"""

from __future__ import annotations

import asyncio
import logging

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.context import begin
from app.api.problems import problem_response
from app.errors import INTERNAL, PROBLEMS, DrainingError, Problem

logger = logging.getLogger(__name__)

STOPPED = (PROBLEMS[DrainingError], "The service stopped before it could answer.")
BROKEN = (INTERNAL, "The service failed on this request. It goes on.")


class Envelope:
    """Gives each response X-Request-ID and Server-Timing; makes a 500 of what nobody caught."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        context = begin(scope)
        response_started = False

        async def send_with_headers(message: Message) -> None:
            nonlocal response_started
            if message["type"] == "http.response.start":
                response_started = True
                # Nothing further in sets either of them, so that none has to be replaced.
                message["headers"] = [*message.get("headers", ()), *context.headers()]
            await send(message)

        failure: tuple[Problem, str] | None = None
        try:
            await self.app(scope, receive, send_with_headers)
        except ClientDisconnect:
            logger.debug("%s: the client left in the middle of its request", context.request_id)
        except asyncio.CancelledError:
            # Only the server cancels a request: when the time to stop has run out.
            logger.warning("%s: not answered before the service stopped", context.request_id)
            failure = STOPPED
        except Exception:
            logger.exception("%s: not answered, an error in the service", context.request_id)
            if response_started:
                raise  # the server closes the connection: half an answer is none
            failure = BROKEN
        if failure is not None and not response_started:
            response = problem_response(*failure, context.request_id)
            await response(scope, receive, send_with_headers)
