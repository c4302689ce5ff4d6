"""OpenTelemetry traces, when its standard environment variables ask for them.

    OTEL_… ─ start ─▶ Tracing ─▶ FastAPI: a span for each request, by its own telemetry
                              ─▶ app/api/traced.py: its stages, below that span

Nothing of the SDK is imported otherwise; what it needs is the extra `otel`. Spans are exported in a
thread of the SDK, by each process for itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from app import __version__
from app.process import StartError

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SpanExporter

SERVICE_NAME: Final = "rowscan"
OTLP: Final = "http/protobuf"
MAX_FLUSH_S: Final = 5.0  # a collector that is gone must not hold every stop for longer


class Tracing:
    """Where the spans of this process go."""

    def __init__(self, provider: TracerProvider) -> None:
        self.provider = provider
        self.tracer = provider.get_tracer(SERVICE_NAME, __version__)

    async def stop(self, within_s: float) -> None:
        """Export what is left, as far as the time allows, of which MAX_FLUSH_S at most are taken.

        What has not been exported by then is lost.
        """
        loop = asyncio.get_running_loop()
        flushed = asyncio.Event()

        def flush() -> None:
            self.provider.shutdown()
            with contextlib.suppress(RuntimeError):  # the loop is closed: the time ran out
                loop.call_soon_threadsafe(flushed.set)

        # A daemon: a collector that does not answer cannot keep the process from ending.
        threading.Thread(target=flush, name="flush traces", daemon=True).start()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(within_s, MAX_FLUSH_S)):
                await flushed.wait()


def start(environment: Mapping[str, str]) -> Tracing | None:
    """Traces as the variables say; None when they name neither an exporter nor an endpoint.

    Raises StartError when they ask for what is not there.
    """
    names = _exporters(environment)
    if not names:
        return None
    try:
        exporters = [_exporter(name, environment) for name in names]
    except ImportError as error:
        raise StartError(
            "the environment asks for traces (OTEL_…), but OpenTelemetry's SDK is not installed. "
            "Install the extra, pip install 'rowscan[otel]', build the image with "
            "REQUIREMENTS=otel, or set OTEL_SDK_DISABLED=true."
        ) from error
    try:
        return _traced(exporters)
    except ValueError as error:
        raise StartError(f"an OTEL_… variable is not valid: {error}.") from error


def _traced(exporters: list[SpanExporter]) -> Tracing:
    """Traces that go to these exporters; ValueError when a variable of the SDK's is not valid."""
    from opentelemetry.sdk.resources import SERVICE_NAME as NAME_KEY
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    resource = Resource.create({"service.version": __version__, "process.pid": os.getpid()})
    if str(resource.attributes[NAME_KEY]).startswith("unknown_service"):
        resource = resource.merge(Resource({NAME_KEY: SERVICE_NAME}))
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    return Tracing(provider)


def _exporters(environment: Mapping[str, str]) -> list[str]:
    """The names of the exporters that are asked for."""
    if environment.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return []
    named = environment.get("OTEL_TRACES_EXPORTER", "").lower().split(",")
    names = [name.strip() for name in named if name.strip()]
    if not names and _either(environment, "ENDPOINT"):
        return ["otlp"]
    return [] if names == ["none"] else names


def _exporter(name: str, environment: Mapping[str, str]) -> SpanExporter:
    """An exporter, which reads the rest of its variables itself."""
    if name == "console":
        from opentelemetry.sdk.trace.export import ConsoleSpanExporter

        return ConsoleSpanExporter()
    if name != "otlp":
        raise StartError(f"OTEL_TRACES_EXPORTER is not valid: {name!r} is not otlp or console.")
    if _either(environment, "PROTOCOL") not in ("", OTLP):
        raise StartError(f"OTEL_EXPORTER_OTLP_PROTOCOL is not valid: only {OTLP} is spoken.")
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter()


def _either(environment: Mapping[str, str], what: str) -> str:
    """A variable of OTLP: that of traces goes before that of everything."""
    own = environment.get(f"OTEL_EXPORTER_OTLP_TRACES_{what}", "").strip()
    return own or environment.get(f"OTEL_EXPORTER_OTLP_{what}", "").strip()
