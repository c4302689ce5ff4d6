"""The version that the repository ships: as small and as good as its manifest says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.inference.manifest import read_manifest
from app.inference.saved_model import SavedModelClassifier
from tests.tiny import real_mnist_dir
from training.data import Mnist
from training.evaluate import classify_all

VERSION = Path(__file__).parents[2] / "models" / "digits" / "1"
MNIST_DIR = real_mnist_dir()


def test_it_is_small() -> None:
    """A clone stays quick: 4 MB at most."""
    assert sum(path.stat().st_size for path in VERSION.rglob("*") if path.is_file()) < 4_000_000


@pytest.mark.skipif(MNIST_DIR is None, reason="needs MNIST: set ROWSCAN_DATA_DIR to its folder")
def test_it_reads_what_its_manifest_says() -> None:
    """Of the 10,000 test images, as many as were counted when it was made: above 99.3%."""
    assert MNIST_DIR is not None
    test = Mnist(MNIST_DIR).test()
    answers = classify_all(SavedModelClassifier.load(VERSION), test.scaled())
    correct = int((answers.argmax(axis=1) == test.labels).sum())
    # Another processor may round the one image that is on the edge the other way.
    assert abs(correct - read_manifest(VERSION).test.correct) <= 1
    assert np.isclose(correct / len(test), 0.995, atol=1e-3)
