"""The access log: which requests leave a line, what it says, and what it can never say."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from app.api.access_log import MAX_BAD_LINES_PER_S, MAX_GOOD_LINES_PER_S, AccessLog
from app.api.context import RequestContext
from app.api.trace import trace_id_of
from app.inference.fake import FakeClassifier
from app.main import create_app
from app.settings import Settings
from tests.app import ways_in
from tests.app.ways_in import SEVEN_PNG
from tests.conftest import client_of

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
SOUND = f"00-{TRACE}-{PARENT}-01"
SCOPE: dict[str, Any] = {"method": "POST", "path": "/predict", "headers": []}


@pytest.fixture(autouse=True)
def _at_info(caplog: pytest.LogCaptureFixture) -> None:
    """As the service is by default."""
    caplog.set_level(logging.INFO, "app.access")


def lines(caplog: pytest.LogCaptureFixture) -> list[dict[str, Any]]:
    """The fields of all lines of the access log."""
    return [vars(record)["fields"] for record in caplog.records if record.name == "app.access"]


def ended(log: AccessLog, *statuses: int) -> None:
    """One request after the other ends with these."""
    for status in statuses:
        log.request_ended(SCOPE, RequestContext("mine", status=status), "/predict")


@pytest.mark.parametrize(("share", "written"), [(0, 0), (0.25, 25), (1, 100)])
def test_share_of_the_good(caplog: pytest.LogCaptureFixture, share: float, written: int) -> None:
    """As many as asked for; a client that left is none of the bad."""
    ended(AccessLog(share), *([200, 499] * 50))
    assert len(lines(caplog)) == written


@pytest.mark.parametrize("status", [200, 503])
@pytest.mark.parametrize("route", ["/health", "/health/ready", "/v2/health/ready", "/metrics"])
def test_probes_are_quiet(caplog: pytest.LogCaptureFixture, route: str, status: int) -> None:
    """Else they, and each start, would fill the log."""
    AccessLog(1).request_ended(SCOPE, RequestContext("mine", status=status), route)
    assert lines(caplog) == []


async def test_scrape_without_the_key(
    settings: Settings, classifier: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing else would tell of it: the metrics cannot be had."""
    key = SecretStr("a-key-of-the-tests")
    async with client_of(create_app(settings.model_copy(update={"api_key": key}), classifier)) as c:
        await c.get("/metrics")
    assert [(line["route"], line["status"]) for line in lines(caplog)] == [("/metrics", 401)]


@pytest.mark.parametrize(
    ("statuses", "bound"),
    [([200, 499], MAX_GOOD_LINES_PER_S), ([500, 429], MAX_BAD_LINES_PER_S)],
)
def test_lines_are_bounded(
    caplog: pytest.LogCaptureFixture, statuses: list[int], bound: int
) -> None:
    """Beyond the bound they are counted, and the next line says how many were not written."""
    now = [7.0]
    clock: Callable[[], float] = lambda: now[0]  # noqa: E731 - a clock to be set
    log = AccessLog(1, clock)
    ended(log, *(statuses * bound))
    assert len(lines(caplog)) == bound
    now[0] = 8.0
    ended(log, *statuses)
    assert [line.get("unlogged") for line in lines(caplog)[-2:]] == [bound, None]


def test_bad_ones_have_lines_of_their_own(caplog: pytest.LogCaptureFixture) -> None:
    """However many good ones there are, the first that fails is seen."""
    ended(AccessLog(1, lambda: 7.0), *[200] * 2 * MAX_GOOD_LINES_PER_S, 500)
    assert lines(caplog)[-1]["status"] == 500


def test_lines_are_spread(caplog: pytest.LogCaptureFixture) -> None:
    """Of many more than the bound every so-manieth is written, not the first of each second."""
    now = [7.0]
    log = AccessLog(1, lambda: now[0])
    ended(log, *[200] * MAX_GOOD_LINES_PER_S)
    for _ in range(512):
        now[0] += 1 / 512
        ended(log, 200)
    spread = [line.get("unlogged") for line in lines(caplog)[MAX_GOOD_LINES_PER_S:]]
    assert len(spread) == MAX_GOOD_LINES_PER_S
    assert set(spread) == {4, 5}


def test_level(caplog: pytest.LogCaptureFixture) -> None:
    """Who wants warnings only gets none."""
    caplog.set_level(logging.WARNING, "app.access")
    ended(AccessLog(1), 200, 500)
    assert lines(caplog) == []


@pytest.mark.parametrize("params", [{}, {"explain": "true"}])
async def test_line_of_a_prediction(
    settings: Settings,
    classifier: FakeClassifier,
    caplog: pytest.LogCaptureFixture,
    params: dict[str, str],
) -> None:
    """By default both ways leave the same line, which has neither query nor picture nor key."""
    app = create_app(settings, classifier)
    headers = {"X-Request-ID": "mine", "traceparent": SOUND, "Authorization": "Bearer secret"}
    request = ways_in.raw(SEVEN_PNG)
    async with client_of(app) as client:
        await client.post(**request | {"headers": request["headers"] | headers}, params=params)
    (line,) = lines(caplog)
    assert line.pop("duration_ms") > 0
    assert line == {
        "method": "POST",
        "route": "/predict",
        "path": "/predict",
        "status": 200,
        "request_id": "mine",
        "trace_id": TRACE,
        "bytes_in": len(SEVEN_PNG),
        "images": 1,
        "model_version": 3,
    }


async def test_line_of_many(
    settings: Settings, classifier: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """Images are those that were read."""
    app = create_app(settings, classifier)
    async with client_of(app) as client:
        await client.post(**ways_in.batch_multipart(SEVEN_PNG, b"x", SEVEN_PNG))
    assert lines(caplog)[0]["images"] == 2


async def test_line_of_a_refusal(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A refusal is logged by default, with its reason."""
    await client.post(**ways_in.raw(b"no image"))
    (line,) = lines(caplog)
    assert line["status"] == 415
    assert line["reason"] == "unsupported-image"
    assert line["bytes_in"] == 8
    assert "model_version" not in line


async def test_path_is_harmless(
    client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever is asked for stands quoted in the line, and not at any length."""
    await client.get("/%0d%0a%1b[2J é" + "x" * 500, params={"key": "secret"})
    (line,) = lines(caplog)
    assert line["route"] == "none"
    assert line["path"].startswith("/%0D%0A%1B%5B2J%20%C3%A9xxx")
    assert len(line["path"]) == 200


@pytest.mark.parametrize(
    ("sent", "trace_id"),
    [
        ([SOUND], TRACE),
        ([f"01-{TRACE}-{PARENT}-00-later"], TRACE),
        ([], None),
        ([SOUND, SOUND], None),
        ([f"{SOUND}-later"], None),
        ([f"{SOUND}\n"], None),
        ([f"ff-{TRACE}-{PARENT}-01"], None),
        ([f"00-{TRACE.upper()}-{PARENT}-01"], None),
        ([f"00-{'0' * 32}-{PARENT}-01"], None),
        ([f"00-{TRACE}-{'0' * 16}-01"], None),
        ([f"00-{TRACE}-{PARENT}"], None),
    ],
)
def test_traceparent(sent: list[str], trace_id: str | None) -> None:
    """Only what the specification allows is taken over."""
    headers = [(b"traceparent", value.encode()) for value in sent]
    assert trace_id_of({"headers": headers}) == trace_id
