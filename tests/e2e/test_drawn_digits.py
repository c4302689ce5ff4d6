"""The shipped version reads a digit that we drew ourselves, however it is sent."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from app.imaging import read_digit
from app.inference.saved_model import SavedModelClassifier
from tests.app.imaging.drawn import WAYS, draw
from training.evaluate import classify_all

VERSION = Path(__file__).parents[2] / "models" / "digits" / "1"


@pytest.fixture(scope="module")
def classifier() -> SavedModelClassifier:
    """The version that the repository ships."""
    return SavedModelClassifier.load(VERSION)


@pytest.mark.parametrize("name", WAYS)
def test_it_reads_all_ten(name: str, classifier: SavedModelClassifier) -> None:
    """Scale, place, polarity, colour, contrast, margin, format, alpha and pen change no answer."""
    seen = np.stack([read_digit(draw(digit, WAYS[name])).pixels for digit in range(10)])
    assert classify_all(classifier, seen).probabilities.argmax(axis=1).tolist() == list(range(10))
