"""A collector of OpenTelemetry's traces, as small as can be: OTLP over HTTP, in a thread."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

import pytest

trace_service = pytest.importorskip(
    "opentelemetry.proto.collector.trace.v1.trace_service_pb2",
    reason="the extra otel is not installed",
)


class Span(NamedTuple):
    """A span that was exported."""

    name: str
    kind: int
    trace_id: str
    span_id: str
    parent_id: str
    began_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    resource: dict[str, Any]
    is_error: bool
    raw: bytes


class Collector(NamedTuple):
    """Where it listens, and what it was sent."""

    url: str
    spans: list[Span]

    def requests(self) -> list[Span]:
        """The spans of requests."""
        return [span for span in self.spans if span.kind == 2]

    def below(self, parent: Span) -> dict[str, Span]:
        """The spans below one, by name."""
        return {span.name: span for span in self.spans if span.parent_id == parent.span_id}


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""
    spans: list[Span] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            spans.extend(_decoded(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Not on stderr."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield Collector(f"http://127.0.0.1:{server.server_port}", spans)
        finally:
            server.shutdown()
            thread.join()


def _decoded(body: bytes) -> Iterator[Span]:
    for of_resource in trace_service.ExportTraceServiceRequest.FromString(body).resource_spans:
        resource = _values(of_resource.resource.attributes)
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Span(
                    span.name,
                    span.kind,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                    _values(span.attributes),
                    resource,
                    span.status.code == 2,
                    body,
                )


def _values(attributes: Any) -> dict[str, Any]:  # noqa: ANN401 - protobuf's
    """Those that are text or whole numbers."""
    return {
        each.key: getattr(each.value, each.value.WhichOneof("value") or "string_value")
        for each in attributes
    }
