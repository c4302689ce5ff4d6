"""A key, a limit, other origins: off unless set, and the same on every way in."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.inference.fake import FakeClassifier
from app.main import create_app
from app.settings import Settings
from tests.app import ways_in
from tests.app.scraped import Scraped, scrape
from tests.app.ways_in import EVERY_WAY, SEVEN_PNG
from tests.conftest import client_of

KEY = "a-key-of-the-tests"
ORIGIN = "https://example.org"
LOCKED_PATHS = ["/predict", "/predict/batch", "/metrics", "/nowhere", "/v1/models/digits", "/v2"]
REFUSED = [
    ("POST", "/predict", "/predict"),
    ("GET", "/predict/batch", "/predict/batch"),
    ("POST", "/v1/models/digits:predict", "/v1/models/{model}:predict"),
    ("POST", "/v2/models/digits/infer", "/v2/models/{model}/infer"),
    ("POST", "/v2/nothing", "/v2/{rest:path}"),
    ("POST", "/nowhere", "none"),
]
OPEN_PATHS = [
    *("/", "/docs", "/static/page.js", "/openapi.json"),
    *("/health", "/health/live", "/health/ready"),
    "/v2/health/live",
    "/v2/health/ready",
]
A_QUERY = {"unknown": "1"}  # which the framework reads, and passes over
IMAGE_S = 1000  # beside which a pause of the machine is little


def app_with(settings: Settings, classifier: FakeClassifier, **update: object) -> FastAPI:
    """The app with further settings."""
    return create_app(settings.model_copy(update=update), classifier)


@pytest.fixture
async def locked(
    settings: Settings, classifier: FakeClassifier
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that wants a key."""
    async with client_of(app_with(settings, classifier, api_key=SecretStr(KEY))) as client:
        yield client


@pytest.fixture
async def limited(
    settings: Settings, classifier: FakeClassifier
) -> AsyncIterator[httpx.AsyncClient]:
    """A client that gets an image in a thousand seconds."""
    async with client_of(app_with(settings, classifier, rate_limit=1 / IMAGE_S)) as client:
        yield client


def assert_waits(refused: httpx.Response, images: int) -> None:
    """Retry-After is the time of so many images, less what has passed since."""
    assert refused.status_code == 429
    assert images * IMAGE_S - 200 < int(refused.headers["Retry-After"]) <= images * IMAGE_S


@pytest.mark.parametrize("path", OPEN_PATHS)
async def test_open_without_a_key(locked: httpx.AsyncClient, path: str) -> None:
    """The page, the documentation and the health checks are for everybody."""
    assert (await locked.get(path)).status_code == 200


@pytest.mark.parametrize("path", LOCKED_PATHS)
@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
async def test_closed_without_a_key(locked: httpx.AsyncClient, path: str, method: str) -> None:
    """Everything else is not, whatever the method, and says so in its own shape."""
    response = await locked.request(method, path)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert response.headers["X-Request-ID"]
    if path.startswith("/v"):
        assert list(response.json()) == ["error"]
    else:
        assert response.json()["type"] == "/problems/unauthorized"


@pytest.mark.parametrize(
    "headers",
    [
        {"X-API-Key": KEY[:-1]},
        {"X-API-Key": KEY.upper()},
        {"X-API-Key": ""},
        {"X-API-Key": "é".encode()},
        {"Authorization": KEY},
        {"Authorization": f"Basic {KEY}"},
        {"Authorization": "Bearer"},
    ],
)
async def test_wrong_key(locked: httpx.AsyncClient, headers: dict[str, Any]) -> None:
    """Half a key is none."""
    assert (await locked.get("/metrics", headers=headers)).status_code == 401


@pytest.mark.parametrize(
    "headers",
    [{"X-API-Key": KEY}, {"Authorization": f"Bearer {KEY}"}, {"Authorization": f"bearer {KEY}"}],
)
@pytest.mark.parametrize("params", [{}, A_QUERY])
@pytest.mark.parametrize("way", EVERY_WAY)
async def test_right_key(
    locked: httpx.AsyncClient, headers: dict[str, str], params: dict[str, str], way: str
) -> None:
    """With the key every way in is open, past the framework or through it."""
    request = EVERY_WAY[way]
    request = request | {"headers": request.get("headers", {}) | headers, "params": params}
    assert (await locked.post(**request)).status_code == 200


async def test_refusals_are_counted(locked: httpx.AsyncClient) -> None:
    """By the route that was asked for, and the reason; how soon they were refused is not timed."""
    for method, path, route in REFUSED:
        await locked.request(method, path)
        scraped = Scraped((await locked.get("/metrics", headers={"X-API-Key": KEY})).text)
        assert scraped.value("requests_total", route=route, status="401") == 1
        assert scraped.value("request_duration_seconds_count", route=route) == 0
    assert scraped.value("refusals_total", reason="unauthorized") == len(REFUSED)


async def test_limited_requests_are_counted(limited: httpx.AsyncClient) -> None:
    """By the route that was asked for too: 429 under /v1 is no 429 of nowhere."""
    for _ in range(3):
        await limited.post("/v1/models/digits:predict", content=b"{")
    scraped = await scrape(limited)
    route = "/v1/models/{model}:predict"
    assert scraped.value("requests_total", route=route, status="429") == 2
    assert scraped.value("request_duration_seconds_count", route=route) == 1


async def test_key_is_described(locked: httpx.AsyncClient, client: httpx.AsyncClient) -> None:
    """The description says which operations want a key, if there is one."""
    described = (await locked.get("/openapi.json")).json()
    assert set(described["components"]["securitySchemes"]) == {"ApiKey", "Bearer"}
    assert described["security"] == [{"ApiKey": []}, {"Bearer": []}]
    open_paths = {
        path
        for path, operations in described["paths"].items()
        if all(operation.get("security") == [] for operation in operations.values())
    }
    assert open_paths == set(OPEN_PATHS) & set(described["paths"])
    assert "security" not in (await client.get("/openapi.json")).json()


@pytest.mark.parametrize("params", [{}, A_QUERY])
async def test_limit(limited: httpx.AsyncClient, params: dict[str, str]) -> None:
    """The next image comes too early, and is told when to come again; other questions are not."""
    request = ways_in.raw(SEVEN_PNG) | {"params": params}
    assert (await limited.post(**request)).status_code == 200
    refused = await limited.post(**request)
    assert_waits(refused, images=1)
    assert refused.json()["type"] == "/problems/rate-limited"
    assert (await limited.get("/metrics")).status_code == 200


async def test_limit_of_a_protocol(limited: httpx.AsyncClient) -> None:
    """A protocol says it in its own shape, and a request that is wrong counts as well."""
    assert (await limited.post("/v1/models/digits:predict", content=b"{")).status_code == 400
    refused = await limited.post("/v2/models/digits/infer", content=b"{")
    assert_waits(refused, images=1)
    assert list(refused.json()) == ["error"]


async def test_limit_counts_images(limited: httpx.AsyncClient) -> None:
    """Three images at once are paid for with the time of three."""
    many = ways_in.batch_multipart(SEVEN_PNG, b"x", SEVEN_PNG, SEVEN_PNG)
    assert (await limited.post(**many)).status_code == 200
    assert_waits(await limited.post(**many), images=3)


async def test_limit_counts_what_was_not_answered(
    limited: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """Images that were given to the network are paid for, though their time ran out."""
    many = ways_in.batch_multipart(SEVEN_PNG, SEVEN_PNG, SEVEN_PNG)
    many["headers"] = many.get("headers", {}) | {"X-Deadline-Ms": "300"}
    classifier.gate.clear()
    assert (await limited.post(**many)).status_code == 504
    classifier.gate.set()
    assert_waits(await limited.post(**many), images=3)


async def test_other_origins(settings: Settings, classifier: FakeClassifier) -> None:
    """A page of a listed origin may ask with a key, and see what it needs; others may not."""
    app = app_with(settings, classifier, cors_origins=(ORIGIN,), api_key=SecretStr(KEY))
    preflight = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-api-key, content-type",
    }
    async with client_of(app) as client:
        allowed = await client.options("/predict", headers=preflight)
        refused = await client.options("/predict", headers=preflight | {"Origin": "https://no.org"})
        answer = await client.post("/predict", headers={"Origin": ORIGIN})
    assert allowed.status_code == 200
    assert allowed.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert refused.status_code == 400
    assert answer.status_code == 401
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert "X-Request-ID" in answer.headers["Access-Control-Expose-Headers"]


async def test_no_other_origins(client: httpx.AsyncClient) -> None:
    """Off by default."""
    response = await client.get("/health", headers={"Origin": ORIGIN})
    assert not [name for name in response.headers if name.startswith("access-control")]
