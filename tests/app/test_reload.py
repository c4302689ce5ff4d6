"""A version that is published while the service runs takes over, without a request noticing."""

from __future__ import annotations

import asyncio
import logging
import shutil
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from app.inference.service import Service
from app.inference.versions import Look, Versions
from app.inference.watch import Watch
from app.main import create_app
from app.settings import Settings
from tests.app import ways_in
from tests.app.ways_in import SEVEN_PNG
from tests.conftest import client_of

PATIENCE_S = 20.0
EVERY_S = 0.01


def load(version_dir: Path) -> FakeClassifier:
    """A version whose threshold for the novelty tells it from the others."""
    (version_dir / "file").read_text()
    version = int(version_dir.name)
    return FakeClassifier(
        Manifest.model_construct(version=version, max_novelty=version % 2)  # type: ignore[call-arg]
    )


def publish(models_dir: Path, version: int) -> None:
    """Write beside and rename, as training does."""
    staging = models_dir / ".staging"
    staging.mkdir(parents=True)
    (staging / "file").write_text("good")
    staging.rename(models_dir / str(version))


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """A client of a service that watches a folder with version 1."""
    publish(tmp_path, 1)
    settings = Settings(models_dir=tmp_path, reload_s=EVERY_S)
    versions = Versions(tmp_path, loader=lambda: load)
    async with client_of(create_app(settings, versions=versions)) as client:
        await until(client, lambda health: health["status"] == "ready")
        yield client


async def until(client: httpx.AsyncClient, holds: Callable[[dict[str, object]], bool]) -> None:
    """Ask /health again and again, but not for ever."""
    patience_ends = time.monotonic() + PATIENCE_S
    while not holds((await client.get("/health")).json()):
        assert time.monotonic() < patience_ends
        await asyncio.sleep(0.005)


def serves(version: int) -> Callable[[dict[str, object]], bool]:
    """Whether /health names this version."""
    return lambda health: health["model"] == {"name": "digits", "version": version}


async def test_new_versions_under_load(client: httpx.AsyncClient, tmp_path: Path) -> None:
    """No request fails, and every answer is judged by the version that gave it."""
    versions = iter(range(2, 12))
    seen = set()

    async def ask() -> None:
        while 11 not in seen:
            response = await client.post(**ways_in.raw(SEVEN_PNG))
            assert response.status_code == 200
            answer = response.json()
            seen.add(answer["model_version"])
            assert answer["is_digit"] == (answer["model_version"] % 2 == 1)

    asking = [asyncio.create_task(ask()) for _ in range(4)]
    for version in versions:
        publish(tmp_path, version)
        await until(client, serves(version))
    async with asyncio.timeout(PATIENCE_S):
        await asyncio.gather(*asking)
    assert len(seen) > 2


async def test_a_bad_version_is_told_and_the_old_one_answers(
    client: httpx.AsyncClient, tmp_path: Path
) -> None:
    """The service stays ready; /health says what was refused and why."""
    (tmp_path / "2").mkdir()
    await until(client, lambda health: health["reload_error"] is not None)
    health = (await client.get("/health")).json()
    assert health["status"] == "ready"
    assert health["refused"] == {"2": health["reload_error"]}
    assert (await client.post(**ways_in.raw(SEVEN_PNG))).json()["model_version"] == 1
    shutil.rmtree(tmp_path / "2")
    await until(client, lambda health: health["reload_error"] is None)


@pytest.mark.parametrize("setting", [{"model_version": 1}, {"reload_s": 0}])
async def test_nothing_is_watched(tmp_path: Path, setting: dict[str, float]) -> None:
    """With a pin, and where it is switched off, what is served first is served for good."""
    publish(tmp_path, 1)
    settings = Settings(models_dir=tmp_path, **{"reload_s": EVERY_S, **setting})  # type: ignore[arg-type]
    versions = Versions(tmp_path, lambda: load, settings.model_version)
    async with client_of(create_app(settings, versions=versions)) as client:
        await until(client, serves(1))
        publish(tmp_path, 2)
        await asyncio.sleep(10 * EVERY_S)
        assert serves(1)((await client.get("/health")).json())


async def test_looking_goes_on_after_a_failure(
    classifier: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """A look that fails leaves a trace in the log; the next one is made all the same."""
    service, looks = Service(max_queue_images=10, drain_s=1), iter([OSError("gone")])

    def look() -> Look[FakeClassifier]:
        for error in looks:
            raise error
        return Look(None, {4: "broken"}, "broken")

    service.serve(classifier)
    service.watch(look, EVERY_S)
    patience_ends = time.monotonic() + PATIENCE_S
    while service.refused != {4: "broken"}:
        assert time.monotonic() < patience_ends
        await asyncio.sleep(EVERY_S)
    assert "Looking for versions failed" in caplog.text
    await service.drain()


def test_a_look_that_outlives_the_event_loop(caplog: pytest.LogCaptureFixture) -> None:
    """A version that comes while the service stops is for nobody; the thread ends with a line."""
    looking, stopped = threading.Event(), threading.Event()

    def look() -> Look[FakeClassifier]:
        looking.set()
        stopped.wait(PATIENCE_S)
        return Look(None, {}, None)

    async def leave() -> None:
        Watch(look, lambda _: pytest.fail("reported"), EVERY_S)
        await asyncio.to_thread(looking.wait, PATIENCE_S)

    with caplog.at_level(logging.INFO):
        asyncio.run(leave())
        (thread,) = (each for each in threading.enumerate() if each.name == "watch")
        stopped.set()
        thread.join(PATIENCE_S)
    assert "Stopped while it looked for versions" in caplog.text
