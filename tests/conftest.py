"""The app with a fake network, driven in process; a version nobody trained; a tiny run of training.

Only tests that ask for the latter import TensorFlow.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from fastapi import FastAPI

from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from app.main import create_app
from app.settings import Settings
from tests.tiny import TINY, silent_console, tiny_mnist, tiny_network
from training.data import Mnist

if TYPE_CHECKING:
    from training.job import Job


@asynccontextmanager
async def client_of(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an app that is started before and stopped after."""
    transport = httpx.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://rowscan") as client,
    ):
        yield client


@pytest.fixture
def manifest() -> Manifest:
    """As much of a manifest as the app reads."""
    # The other fields are left out, since the app must not need them.
    return Manifest.model_construct(version=3, max_novelty=0.5, files={})  # type: ignore[call-arg]


@pytest.fixture
def classifier(manifest: Manifest) -> FakeClassifier:
    """A network that answers at once, unless told otherwise."""
    return FakeClassifier(manifest)


@pytest.fixture
def settings() -> Settings:
    """Limits low enough to be exceeded by small requests."""
    return Settings(
        max_upload_bytes=100_000,
        max_image_pixels=1_000_000,
        max_image_side=2_000,
        max_batch_images=40,
        max_queue_images=40,
        drain_s=5,
    )


@pytest.fixture
def app(settings: Settings, classifier: FakeClassifier) -> FastAPI:
    """The app, not started."""
    return create_app(settings, classifier)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the running app."""
    async with client_of(app) as client:
        yield client


@pytest.fixture(scope="session")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Mnist:
    """A tiny data set on disk, in MNIST's format."""
    return tiny_mnist(tmp_path_factory.mktemp("mnist"))


@contextmanager
def reading_back_here() -> Iterator[None]:
    """What is published is read back in this process: a fresh one takes seconds to start."""
    from training.read_back import read_back

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("training.export.read_in_fresh_process", read_back)
        yield


@pytest.fixture(scope="session")
def finished(mnist: Mnist, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A tiny run, trained to the end and published as version 1. Read only."""
    from training.job import Job
    from training.run import train

    folder = tmp_path_factory.mktemp("finished")
    job = Job(TINY, 1, mnist, folder / "run", folder / "models")
    with reading_back_here():
        train(job, resume=False, console=silent_console())
    return job


@pytest.fixture(scope="session")
def trained_version(finished: Job) -> Path:
    """The folder of what the tiny run has published. Read only."""
    return finished.models_dir / "1"


@pytest.fixture(scope="session")
def models_dir(mnist: Mnist, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a version 1 that nobody has trained, of a network of one layer. Read only."""
    from training.export import publish
    from training.fit import Fitted
    from training.job import Job
    from training.release import assess

    folder = tmp_path_factory.mktemp("untrained")
    job = Job(TINY, 1, mnist, folder, folder / "models")
    _, validation = mnist.training()
    fitted = Fitted(tiny_network(columns=10), history=[], source_revision="unknown")
    found = assess(job, fitted, 0, validation, mnist.test())
    report = folder / "report"
    report.mkdir()
    scores = found.validation_scores
    with reading_back_here():
        publish(fitted.network, found.report, validation, scores, report, job.models_dir)
    return job.models_dir


@pytest.fixture(scope="session")
def version(models_dir: Path) -> Path:
    """The folder of that version. Read only."""
    return models_dir / "1"
