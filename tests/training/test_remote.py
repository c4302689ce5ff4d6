"""Evaluation over HTTP, against the real app with a fake network behind a real socket."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import uvicorn
from fastapi import FastAPI

from app.imaging import normalise
from app.inference.fake import FakeClassifier
from tests.tiny import printed, silent_console, tiny_split
from training.data import Mnist
from training.errors import TrainingError
from training.remote import ask_service
from training.run import evaluate_version

IMAGES = tiny_split(20, seed=6).images


@pytest.fixture
def url(app: FastAPI) -> Iterator[str]:
    """The address of the app, served from a thread."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="none"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def test_answers_come_in_the_order_of_the_images(url: str, classifier: FakeClassifier) -> None:
    """Sent side by side, each as a PNG; each answer is that of its own image."""
    answered: list[int] = []
    remote = ask_service(url, IMAGES, answered.append)
    digits = np.stack([normalise(image).pixels for image in IMAGES])
    np.testing.assert_allclose(
        remote.probabilities, classifier.classify(digits).probabilities, atol=1e-6
    )
    assert sum(answered) == len(IMAGES)
    assert remote.model_version == 3


def test_a_service_is_measured_like_a_version(url: str, mnist: Mnist) -> None:
    """The figures name the service and the version that answered."""
    console = silent_console()
    evaluate_version(Path(), mnist, url, None, console)
    assert f"200 test images · {url}, version 3" in printed(console)


def test_a_refusal_is_told_with_its_reason(url: str) -> None:
    """A blank picture is refused by the service; the evaluation ends with what it said."""
    with pytest.raises(TrainingError, match="answered 422"):
        ask_service(url, np.zeros((1, 28, 28), np.uint8), lambda _: None)
