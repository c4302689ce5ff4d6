"""The model card's own words; that it lies in a version is tested with the run."""

from __future__ import annotations

import pytest

from training.card import duration_text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (1.2, "1 second"),
        (4, "4 seconds"),
        (70, "1 minute"),
        (3000, "50 minutes"),
        (4947.3, "1 hour 22 minutes"),
        (7260, "2 hours 1 minute"),
    ],
)
def test_one_is_singular(seconds: float, text: str) -> None:
    """Hours, minutes and seconds, in words."""
    assert duration_text(seconds) == text
