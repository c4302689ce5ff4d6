"""Health checks tell the truth at every moment of the service's life."""

from __future__ import annotations

import asyncio
import logging
import threading

import httpx
import pytest
from fastapi import FastAPI

from app.api.health import health_router
from app.errors import DrainingError, ModelError, NotReadyError
from app.inference.fake import FakeClassifier
from app.inference.service import Service
from app.inference.versions import Loaded
from tests.app import ways_in
from tests.app.ways_in import SEVEN_PNG


async def get(service: Service, path: str) -> httpx.Response:
    """Ask the health routes alone."""
    app = FastAPI()
    app.include_router(health_router(service))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        return await client.get(path)


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health"])
async def test_ready(client: httpx.AsyncClient, path: str) -> None:
    """A service with a model is well in every respect, to probes that ask for no body too."""
    assert (await client.get(path)).status_code == 200
    assert (await client.head(path)).status_code == 200


async def test_another_method(client: httpx.AsyncClient) -> None:
    """All that are taken are named, which are those of two routes."""
    response = await client.post("/health/live")
    assert (response.status_code, response.headers["Allow"]) == (405, "GET, HEAD")
    assert response.json()["detail"] == "Ask with GET, HEAD here."


async def test_detail(client: httpx.AsyncClient) -> None:
    """GET /health names the model that answers."""
    assert (await client.get("/health")).json() == {
        "status": "ready",
        "draining": False,
        "model": {"name": "digits", "version": 3},
        "refused": {},
        "error": None,
        "reload_error": None,
    }


async def test_draining(app: FastAPI, client: httpx.AsyncClient) -> None:
    """A service that stops is alive, but wants no more work."""
    app.state.service.begin_drain()
    assert (await client.get("/health/live")).status_code == 200
    response = await client.get("/health/ready")
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert (await client.head("/health/ready")).status_code == 503
    assert (await client.get("/health")).json()["draining"] is True
    assert (await client.post(**ways_in.raw(SEVEN_PNG))).status_code == 503


async def test_accepted_requests_finish(
    app: FastAPI, client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """Who was let in before the service began to stop is answered."""
    classifier.gate.clear()
    request = asyncio.create_task(client.post(**ways_in.raw(SEVEN_PNG)))
    await asyncio.to_thread(classifier.entered.wait, 10)
    draining = asyncio.create_task(app.state.service.drain())
    await asyncio.sleep(0.01)
    classifier.gate.set()
    await draining
    assert (await request).status_code == 200


async def test_loading_then_ready(classifier: FakeClassifier) -> None:
    """While a model loads the process is live, not ready; then it is."""
    service, gate = Service(max_queue_images=10, drain_s=1), threading.Event()
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def load() -> Loaded[FakeClassifier]:
        gate.wait(10)
        return Loaded(classifier, {4: "broken"}, "broken")

    service.load(load, ready.set_result, pytest.fail)
    assert (await get(service, "/health/live")).status_code == 200
    response = await get(service, "/health/ready")
    assert (response.status_code, response.json()) == (503, {"status": "loading"})
    with pytest.raises(NotReadyError, match="being loaded"):
        service.model()
    gate.set()
    assert await ready == 3
    assert (await get(service, "/health/ready")).status_code == 200
    health = (await get(service, "/health")).json()
    assert (health["refused"], health["reload_error"]) == ({"4": "broken"}, "broken")
    await service.drain()
    with pytest.raises(DrainingError):
        service.model()


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (ModelError("No version can be served."), "No version can be served."),
        (ModelError("a file \udcff"), "a file \\udcff"),  # a name that is no text
        (OSError("disk\nand pages more"), "The model could not be loaded: OSError: disk"),
    ],
)
async def test_loading_fails(error: Exception, why: str) -> None:
    """When no model can be served, that and why is said wherever one asks."""
    service = Service(max_queue_images=10, drain_s=1)
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def load() -> Loaded[FakeClassifier]:
        raise error

    service.load(load, on_ready=lambda _: pytest.fail("ready"), on_fatal=failed.set_result)
    assert await failed == why
    response = await get(service, "/health")
    assert response.status_code == 503
    assert (response.json()["status"], response.json()["error"]) == ("failed", why)
    with pytest.raises(NotReadyError, match="GET /health"):
        service.model()


async def test_unforeseen_failure_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """The log has one line that says what; the traceback only at the level of debugging."""
    service = Service(max_queue_images=10, drain_s=1)
    failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def load() -> Loaded[FakeClassifier]:
        raise OSError("disk\nand pages more")

    with caplog.at_level(logging.DEBUG, logger="app"):
        service.load(load, on_ready=lambda _: pytest.fail("ready"), on_fatal=failed.set_result)
        why = await failed
    shown, traced = caplog.records
    assert (shown.levelno, shown.getMessage(), shown.exc_info) == (logging.ERROR, why, None)
    assert traced.levelno == logging.DEBUG
    assert traced.exc_info is not None


async def test_readiness_ends_with_the_network(classifier: FakeClassifier) -> None:
    """A service whose network is gone does not call itself ready, and says why."""
    service = Service(max_queue_images=10, drain_s=1)
    service.serve(classifier)
    service.lose("The network's process has ended.")
    assert (await get(service, "/health/ready")).status_code == 503
    assert (await get(service, "/health")).json()["error"] == "The network's process has ended."
    with pytest.raises(NotReadyError):
        service.model()
    await service.drain()
