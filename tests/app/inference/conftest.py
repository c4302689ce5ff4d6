"""A published version, made by the training of this project on tiny data."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tests.tiny import TINY, silent_console, tiny_mnist
from training.run import Job, train


@pytest.fixture(scope="session")
def models_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with version 1. Read only."""
    folder = tmp_path_factory.mktemp("published")
    mnist = tiny_mnist(folder / "mnist")
    job = Job(replace(TINY, epochs=1), 1, mnist, folder / "run", folder / "models")
    train(job, resume=False, console=silent_console())
    return job.models_dir
