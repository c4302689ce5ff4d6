"""Traces: who asks for them, what the spans of a request say, and that off is off."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI

from app import tracing
from app.inference.fake import FakeClassifier
from app.main import create_app
from app.process import StartError
from app.settings import Settings
from tests.app import ways_in
from tests.app.ways_in import EVERY_WAY, SEVEN_PNG
from tests.conftest import client_of
from tests.otlp import Collector, Span, collecting

ROOT = Path(__file__).parents[2]
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
QUERY = {"explain": "true"}
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def collector(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    """A collector that the environment names."""
    with collecting() as collector:
        monkeypatch.setenv(ENDPOINT, collector.url)
        yield collector


@pytest.fixture
def app(settings: Settings, classifier: FakeClassifier, collector: Collector) -> FastAPI:
    """The app with traces on."""
    started = tracing.start({ENDPOINT: collector.url})
    return create_app(settings, classifier, tracing=started)


async def spans_of(app: FastAPI, collector: Collector, *requests: ways_in.Request) -> list[Span]:
    """The spans of the requests that are sent, in order, after the app has stopped."""
    async with client_of(app) as client:
        for request in requests:
            whole: dict[str, Any] = {"method": "POST"} | request
            await client.request(**whole)
    return sorted(collector.requests(), key=lambda span: span.began_ns)


@pytest.mark.parametrize("params", [{}, QUERY], ids=["direct way", "framework"])
async def test_a_request(app: FastAPI, collector: Collector, params: dict[str, str]) -> None:
    """One span, below the client's, by its route and OpenTelemetry's conventions, on both ways."""
    request = ways_in.raw(SEVEN_PNG)
    request = request | {"headers": request["headers"] | TRACEPARENT, "params": params}
    [span] = await spans_of(app, collector, request)
    assert (span.name, span.trace_id, span.parent_id) == ("POST /predict", TRACE, PARENT)
    expected = {
        "http.request.method": "POST",
        "http.route": "/predict",
        "http.response.status_code": 200,
        "url.path": "/predict",
        "url.scheme": "http",
        "server.address": "rowscan",
        "http.request.body.size": len(SEVEN_PNG),
        "rowscan.images": 1,
        "rowscan.model_version": 3,
    }
    assert {name: span.attributes.get(name) for name in expected} == expected
    assert span.resource["service.name"] == "rowscan"


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_stages(app: FastAPI, collector: Collector, way: str) -> None:
    """Its stages lie below it and within it, one after the other."""
    [span] = await spans_of(app, collector, EVERY_WAY[way])
    stages = collector.below(span)
    assert set(stages) == {"decode", "queue", "infer"}
    decode, queue, infer = stages["decode"], stages["queue"], stages["infer"]
    slack_ns = 1_000_000  # two clocks
    times = [
        span.began_ns, decode.began_ns, decode.ended_ns, queue.began_ns, queue.ended_ns,
        infer.ended_ns, span.ended_ns,
    ]  # fmt: skip
    assert all(later > earlier - slack_ns for earlier, later in pairwise(times))
    assert infer.attributes == {"rowscan.batch": "batch of 1"}


async def test_no_picture(app: FastAPI, collector: Collector) -> None:
    """Nothing of what was sent in a body is in what is exported."""
    await spans_of(app, collector, ways_in.raw(SEVEN_PNG), ways_in.raw(b"my own secret"))
    assert collector.spans
    for span in collector.spans:
        assert SEVEN_PNG[8:40] not in span.raw
        assert b"secret" not in span.raw


async def test_routes_are_templates(app: FastAPI, collector: Collector) -> None:
    """Spans have names of which there are only so many; problems have their reason."""
    wrong = {"url": "/v1/models/digits/versions/9:predict", "json": {"instances": []}}
    odd = {"method": "ODD", "url": "/predict"}
    nowhere = {"method": "GET", "url": "/nowhere/1"}
    page = {"method": "GET", "url": "/docs"}
    spans = await spans_of(app, collector, wrong, odd, nowhere, page)
    assert [span.name for span in spans] == [
        "POST /v1/models/{model}/versions/{version}:predict", "HTTP /predict", "GET", "GET /docs",
    ]  # fmt: skip
    assert spans[2].attributes["rowscan.reason"] == "not-found"
    assert not any(span.is_error for span in spans)


async def test_probes_leave_none(app: FastAPI, collector: Collector) -> None:
    """Nor does a scrape of /metrics."""
    paths = ["/metrics", "/health", "/health/live", "/v2/health/ready", "/v2/models/digits/ready"]
    assert await spans_of(app, collector, *({"method": "GET", "url": path} for path in paths)) == []


async def test_a_failure(
    app: FastAPI, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    """An unforeseen error is one in its span, and the log's line has the span's trace."""

    @app.get("/fail")
    async def fail() -> None:
        raise ZeroDivisionError

    with caplog.at_level(logging.INFO):
        [span] = await spans_of(app, collector, {"method": "GET", "url": "/fail"})
    assert span.is_error
    assert span.attributes["rowscan.reason"] == "internal"
    lines = [record.__dict__["fields"] for record in caplog.records if "fields" in vars(record)]
    assert [line["trace_id"] for line in lines] == [span.trace_id] * 2


async def test_sampled_out(
    collector: Collector,
    settings: Settings,
    classifier: FakeClassifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """OTEL_TRACES_SAMPLER is heeded, OTEL_SERVICE_NAME as well."""
    monkeypatch.setenv("OTEL_TRACES_SAMPLER", "parentbased_always_off")
    monkeypatch.setenv("OTEL_SERVICE_NAME", "mine")
    started = tracing.start({ENDPOINT: collector.url})
    app = create_app(settings, classifier, tracing=started)
    own, sampled = ways_in.raw(SEVEN_PNG), ways_in.raw(SEVEN_PNG)
    sampled["headers"] |= TRACEPARENT
    [span] = await spans_of(app, collector, own, sampled)
    assert span.trace_id == TRACE
    assert span.resource["service.name"] == "mine"


async def test_a_collector_that_is_gone_holds_no_stop(
    monkeypatch: pytest.MonkeyPatch, settings: Settings, classifier: FakeClassifier
) -> None:
    """The app stops when its time is over, though a collector has not answered."""
    brief = settings.model_copy(update={"drain_s": 0.0})
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setenv(ENDPOINT, address)
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "2")
        app = create_app(brief, classifier, tracing=tracing.start({ENDPOINT: address}))
        async with client_of(app) as client:
            await client.post(**ways_in.raw(SEVEN_PNG))
        [flushing] = [each for each in threading.enumerate() if each.name == "flush traces"]
        flushing.join()


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {ENDPOINT: ""},
        {ENDPOINT: "http://x", "OTEL_SDK_DISABLED": "True"},
        {ENDPOINT: "http://x", "OTEL_TRACES_EXPORTER": "none"},
        {"OTEL_SERVICE_NAME": "mine", "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": "http://x"},
    ],
)
def test_off(environment: dict[str, str]) -> None:
    """Without an endpoint or an exporter for traces, or with the SDK disabled, there are none."""
    assert tracing.start(environment) is None


@pytest.mark.parametrize(
    "environment",
    [
        {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://x/v1/traces"},
        {"OTEL_TRACES_EXPORTER": "otlp", "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf"},
        {"OTEL_TRACES_EXPORTER": "console, otlp"},
    ],
)
def test_on(environment: dict[str, str]) -> None:
    """An endpoint or an exporter is enough."""
    started = tracing.start(environment)
    assert started is not None
    started.provider.shutdown()


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"OTEL_TRACES_EXPORTER": "zipkin"}, "zipkin"),
        ({ENDPOINT: "http://x:4317", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, "http/protobuf"),
    ],
)
def test_what_is_not_there(environment: dict[str, str], named: str) -> None:
    """The start says what it cannot do, instead of exporting nothing."""
    with pytest.raises(StartError, match=named):
        tracing.start(environment)


@pytest.mark.parametrize(
    ("name", "value"),
    [("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "many"), ("OTEL_BSP_MAX_QUEUE_SIZE", "0")],
)
def test_what_the_sdk_refuses(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    """The start says so, in a line."""
    monkeypatch.setenv(name, value)
    with pytest.raises(StartError, match="OTEL_… variable is not valid"):
        tracing.start({"OTEL_TRACES_EXPORTER": "console"})


def run(code: str) -> str:
    """What a Python of its own prints."""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode()


def test_off_imports_nothing() -> None:
    """The app without traces has none of the SDK in memory."""
    code = (
        "import sys, app.server; from app import main, settings, tracing;"
        "main.create_app(settings.Settings(), tracing=tracing.start({}));"
        "print([name for name in sys.modules if name.startswith("
        "('opentelemetry.sdk', 'opentelemetry.exporter'))])"
    )
    assert run(code).strip() == "[]"


def test_without_the_extra() -> None:
    """Traces that are asked for where the SDK is missing are an error that says what to install."""
    code = (
        "import sys; sys.modules['opentelemetry.sdk.resources'] = None\n"
        "from app import process, tracing\n"
        "try: tracing.start({'OTEL_TRACES_EXPORTER': 'otlp'})\n"
        "except process.StartError as error: print(error)"
    )
    assert "pip install 'rowscan[otel]'" in run(code)
