"""Evaluation over HTTP, against the real app with a fake network behind a real socket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from app.imaging import normalise
from app.inference.fake import FakeClassifier
from app.main import create_app
from app.settings import Settings
from tests.rowscan.serving import Said, saying, serving
from tests.tiny import printed, silent_console, tiny_split
from training.answers import LocalVersion
from training.data import Mnist
from training.errors import TrainingError
from training.gallery import Gallery
from training.measure import Plan, measure
from training.outputs import Outputs
from training.pictures import from_arrays
from training.remote import RemoteService
from training.run import evaluate_version

IMAGES = tiny_split(20, seed=6).images


def ignore(_: int) -> None:
    """Show no progress."""


def assert_same(ours: Gallery, theirs: Gallery) -> None:
    """Alike but for the last bits of a sum, which other batches give otherwise, and the order."""
    one, other = (sorted(each.shown, key=lambda shown: shown.name) for each in (ours, theirs))
    for here, there in zip(one, other, strict=True):
        assert there.confidence == pytest.approx(here.confidence, abs=1e-5)
        assert replace(there, confidence=here.confidence) == here
    assert replace(theirs, shown=()) == replace(ours, shown=())


@pytest.fixture
def url(app: FastAPI) -> Iterator[str]:
    """The address of the app, served from a thread."""
    with serving(app) as address:
        yield address.url


def test_answers_come_in_the_order_of_the_images(url: str, classifier: FakeClassifier) -> None:
    """Sent side by side, each as a PNG; each answer is that of its own image."""
    answered: list[int] = []
    service = RemoteService(url)
    reading = service.read(from_arrays("bars", IMAGES, None).pictures, answered.append)
    digits = np.stack([normalise(image).pixels for image in IMAGES])
    expected = classifier.classify(digits)
    np.testing.assert_allclose(reading.answers.probabilities, expected.probabilities, atol=1e-6)
    np.testing.assert_allclose(reading.answers.novelty, expected.novelty, atol=1e-6)
    assert sum(answered) == len(IMAGES)
    assert service.source == f"{url}, version 3"


def test_a_service_is_measured_like_a_version(url: str, mnist: Mnist) -> None:
    """The figures name the service and the version that answered."""
    console = silent_console()
    evaluate_version(url, Plan(mnist), Outputs(), console)
    assert f"Pictures read by {url}, version 3" in printed(console)


def test_a_service_that_wants_a_key(
    settings: Settings, classifier: FakeClassifier, mnist: Mnist
) -> None:
    """It is sent the one of the environment; without it the evaluation says what to do."""
    key = "a-key-of-the-tests"
    app = create_app(settings.model_copy(update={"api_key": SecretStr(key)}), classifier)
    with serving(app) as address, pytest.MonkeyPatch.context() as patch:
        with pytest.raises(TrainingError, match="wants a key"):
            evaluate_version(address.url, Plan(mnist), Outputs(), silent_console())
        patch.setenv("ROWSCAN_API_KEY", key)
        console = silent_console()
        evaluate_version(address.url, Plan(mnist), Outputs(), console)
    assert "Pictures read by" in printed(console)


def test_a_key_that_no_header_holds(mnist: Mnist, monkeypatch: pytest.MonkeyPatch) -> None:
    """The setting is named."""
    monkeypatch.setenv("ROWSCAN_API_KEY", "two\nlines")
    with pytest.raises(TrainingError, match="ROWSCAN_API_KEY"):
        evaluate_version("http://localhost:8000", Plan(mnist), Outputs(), silent_console())


def test_a_refusal_is_told_with_its_reason(url: str) -> None:
    """A blank picture is refused by the service; the others are read all the same."""
    images = np.stack([IMAGES[0], np.zeros((28, 28), np.uint8), IMAGES[1]])
    reading = RemoteService(url).read(from_arrays("bars", images, None).pictures, ignore)
    assert reading.answered.tolist() == [0, 2]
    assert "Nothing stands out" in reading.refused[1]


def test_a_service_and_a_version_agree(
    url: str, classifier: FakeClassifier, mnist: Mnist, tmp_path: Path
) -> None:
    """Uploads give the figures, and show the pictures, that the same network gives in process."""
    np.savez(tmp_path / "bars.npz", images=IMAGES, labels=np.arange(20) % 10)
    np.savez(tmp_path / "noise.npz", images=255 - IMAGES[:, ::-1])
    plan = Plan(mnist, [tmp_path / "bars.npz"], [tmp_path / "noise.npz"], show=True)
    here = measure(
        LocalVersion(classifier, "here", classifier.manifest.max_novelty), plan, silent_console()
    )
    there = measure(RemoteService(url), plan, silent_console())
    for ours, theirs in zip(here.figures.digits[1:], there.figures.digits[1:], strict=True):
        assert (theirs.correct, theirs.abstained) == (ours.correct, ours.abstained)
        assert theirs.brier_score == pytest.approx(ours.brier_score)
    for shown_here, shown_there in zip(here.galleries[1:], there.galleries[1:], strict=True):
        assert_same(shown_here, shown_there)


@pytest.mark.parametrize(
    ("key", "said", "why"),
    [
        ("", Said(500, b'{"detail": "It failed."}'), "answered 500: It failed."),
        ("", Said(404, b"<html>"), "answered 404: it is not this service. Check the address"),
        ("", Said(401, b"{}"), "wants a key. Set ROWSCAN_API_KEY to it."),
        ("0123456789abcdef", Said(401, b"{}"), "wants a key. ROWSCAN_API_KEY does not hold its"),
    ],
)
def test_a_service_that_fails_ends_the_evaluation(key: str, said: Said, why: str) -> None:
    """It is nobody's misread picture; and the words are for people."""
    pictures = from_arrays("bars", IMAGES[:1], None).pictures
    with saying(said) as service, pytest.raises(TrainingError, match=re.escape(why)):
        RemoteService(service.address.url, key).read(pictures, ignore)
