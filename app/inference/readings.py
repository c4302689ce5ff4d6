"""Scores → what they say of each image, in Python's own values: for JSON, and to be counted.

Made once for all images of a batch, while the next one is read: made for each request apart, they
took an eighth of the event loop's time.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.contract import Scores

# One more than the 7 digits of a float32, so that rounding takes nothing away.
SCORE_DECIMALS: Final = 8


class Reading(NamedTuple):
    """What a version says of one image."""

    digit: int  # the most likely one
    probabilities: list[float]  # (10,)
    is_digit: bool  # whether its novelty is within the version's threshold
    novelty: float  # 0..1

    @property
    def confidence(self) -> float:
        """The probability of the most likely digit."""
        return self.probabilities[self.digit]


def read_out(scores: Scores, max_novelty: float) -> list[Reading]:
    """Say of n images what a version of that threshold says of each."""
    columns = (
        scores.probabilities.argmax(axis=1).tolist(),
        rounded(scores.probabilities),
        scores.are_digits(max_novelty).tolist(),
        rounded(scores.novelty),
    )
    # Of unequal length only when the network has failed, which is the batcher's to find out.
    return list(map(Reading._make, zip(*columns, strict=False)))


def rounded(scores: NDArray[np.float32]) -> list[Any]:
    """Return scores of any shape as lists, of decimals that JSON shows as they are."""
    # In float64, where the rounded decimal is also what JSON will show.
    values: list[Any] = scores.astype(np.float64).round(SCORE_DECIMALS).tolist()
    return values
