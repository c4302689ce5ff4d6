"""Data and a finished run that the tests of training share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny import TINY, silent_console, tiny_mnist
from training.data import Mnist
from training.run import Job, train


@pytest.fixture(scope="session")
def mnist(tmp_path_factory: pytest.TempPathFactory) -> Mnist:
    """A tiny data set on disk, in MNIST's format."""
    return tiny_mnist(tmp_path_factory.mktemp("mnist"))


@pytest.fixture(scope="session")
def finished(mnist: Mnist, tmp_path_factory: pytest.TempPathFactory) -> Job:
    """A tiny run, trained to the end and published as version 1. Read only."""
    folder = tmp_path_factory.mktemp("finished")
    job = Job(TINY, 1, mnist, folder / "run", folder / "models")
    train(job, resume=False, console=silent_console())
    return job


@pytest.fixture(scope="session")
def version(finished: Job) -> Path:
    """The folder of the published version. Read only."""
    return finished.models_dir / "1"
