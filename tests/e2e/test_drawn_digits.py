"""The shipped version reads a digit that we drew ourselves, however it is sent."""

from __future__ import annotations

import numpy as np
import pytest

from app.imaging import read_digit
from app.inference.saved_model import SavedModelClassifier
from tests.app.imaging.drawn import WAYS, draw
from training.evaluate import classify_all


@pytest.mark.parametrize("name", WAYS)
def test_it_reads_all_ten(name: str, shipped: SavedModelClassifier) -> None:
    """Scale, place, polarity, colour, contrast, margin, format, alpha and pen change no answer."""
    seen = np.stack([read_digit(draw(digit, WAYS[name])).pixels for digit in range(10)])
    assert classify_all(shipped, seen).probabilities.argmax(axis=1).tolist() == list(range(10))
