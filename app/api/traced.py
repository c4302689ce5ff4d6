"""What the service knows about a request → its span, and spans of the stages below it.

FastAPI's own telemetry begins and ends the span, whichever way a request takes, reads `traceparent`
and writes what OpenTelemetry's conventions say. Here comes what it cannot know: the route of
what goes past its router, the stages, the version. This layer is there only when traces are on.
"""

from __future__ import annotations

import time
from typing import Any, Final

from fastapi.telemetry import TelemetryConfig
from opentelemetry import trace
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access_log import is_probe
from app.api.context import STATE_KEY, RequestContext
from app.api.envelope import NO_ROUTE
from app.tracing import Tracing

METHODS: Final = frozenset(
    ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "QUERY", "TRACE")
)
# No metrics, no log records: both are there already. Nor may the framework set up its own export.
OFF: Final = TelemetryConfig(auto_configure=False, tracing=False, metrics=False, logs=False)


def telemetry(tracing: Tracing | None) -> TelemetryConfig:
    """What FastAPI is to do by itself."""
    if tracing is None:
        return OFF
    own = TelemetryConfig(tracing=True, operation_spans=False, exclude=_is_probe)
    return OFF | own | TelemetryConfig(tracer_provider=tracing.provider)


class Traced:
    """Adds to the span of each request, around the envelope."""

    def __init__(self, app: ASGIApp, tracing: Tracing) -> None:
        self.app = app
        self._tracer = tracing.tracer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        span = trace.get_current_span()
        if scope["type"] != "http" or not span.is_recording():
            await self.app(scope, receive, send)
            return

        async def send_described(message: Message) -> None:
            if message["type"] == "http.response.start":
                _describe(span, scope)  # the span ends with the last byte of the response
            await send(message)

        try:
            await self.app(scope, receive, send_described)
        finally:
            self._add_stages(span, scope["state"][STATE_KEY])

    def _add_stages(self, parent: trace.Span, context: RequestContext) -> None:
        """A span for each stage, of which only the end was noted."""
        below = trace.set_span_in_context(parent)
        since_1970_s = time.time() - time.monotonic()
        for stage, duration_ms, description, ended in context.timings:
            end_s = since_1970_s + ended
            attributes = {"rowscan.batch": description} if description else None
            span = self._tracer.start_span(
                stage, below, attributes=attributes, start_time=int(1e9 * end_s - 1e6 * duration_ms)
            )
            span.end(int(1e9 * end_s))


def _describe(span: trace.Span, scope: Scope) -> None:
    context: RequestContext = scope["state"][STATE_KEY]
    if context.route and context.route != NO_ROUTE:
        method = scope["method"] if scope["method"] in METHODS else "HTTP"
        span.update_name(f"{method} {context.route}")
        span.set_attribute("http.route", context.route)
    known: dict[str, Any] = {
        "http.request.body.size": context.bytes_in,
        "rowscan.request_id": context.request_id,
        "rowscan.reason": context.reason,
        "rowscan.images": context.images,
        "rowscan.model_version": context.model_version,
    }
    span.set_attributes({name: value for name, value in known.items() if value})


def _is_probe(scope: Scope) -> bool:
    return is_probe(scope.get("path", ""))
