"""What the soak makes of what it saw: which answers were not as they should be, what has grown."""

from __future__ import annotations

import json
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from benchmarks.soak_cases import Case, read_digits

WARM_UP_SHARE = 0.1  # of the time, in which memory may still rise
FEWEST_SAMPLES = 8
HOUR_S = 3600.0


@dataclass
class Tally:
    """Counts the requests; the first digit of a picture is what it must be ever after."""

    ended: Counter[str] = field(default_factory=Counter)  # as they should, by status
    failures: Counter[str] = field(default_factory=Counter)  # by case and what was wrong
    wrong_digits: int = 0
    slowest_s: float = 0.0
    _digits: dict[str, int | None] = field(default_factory=dict)

    def note(self, case: Case, status: int, body: bytes, took_s: float) -> str | None:
        """Judge an answer; what was wrong with it, or None."""
        self.slowest_s = max(self.slowest_s, took_s)
        if status != case.status:
            return self.failed(case, f"{status} instead of {case.status}")
        digits = read_digits(json.loads(body)) if case.pictures else []
        known = [
            self._digits.setdefault(picture, digit)
            for picture, digit in zip(case.pictures, digits, strict=False)
        ]
        if digits != known or len(digits) != len(case.pictures):
            self.wrong_digits += 1
            return self.failed(case, "other digits than before")
        self.ended[str(status)] += 1
        return None

    def failed(self, case: Case, why: str) -> str:
        """A request that did not end as it should."""
        self.failures[f"{case.name}: {why}"] += 1
        return why


class Sample(NamedTuple):
    """How the process is at a moment."""

    at_s: float  # since the load began
    memory_mib: float
    files: float  # open file descriptors
    threads: float
    queued: float  # images that wait for the network
    in_progress: float  # requests


class Trend(NamedTuple):
    """A line through what was measured after the warm-up, and the medians at both its ends."""

    per_hour: float
    error: float  # standard error of it
    first: float  # median of the first fifth
    last: float  # median of the last fifth

    @property
    def flat(self) -> bool:
        """Whether it does not rise, as far as can be told: by no more than two standard errors."""
        return self.per_hour <= 2 * self.error


def trend(at_s: Sequence[float], values: Sequence[float]) -> Trend:
    """Fit the line, of values at seconds since the beginning, without the first tenth of the time.

    Raises ValueError when there are too few of them for a standard error that says something.
    """
    begin_s = WARM_UP_SHARE * at_s[-1] if at_s else 0.0
    kept = [(at, value) for at, value in zip(at_s, values, strict=True) if at >= begin_s]
    if len(kept) < FEWEST_SAMPLES:
        raise ValueError(f"only {len(kept)} samples after the warm-up; let it run for longer")
    hours, measured = np.array(kept).T / [[HOUR_S], [1.0]]
    (slope, _), covariance = np.polyfit(hours, measured, 1, cov=True)
    fifth = max(1, len(kept) // 5)
    first, last = (statistics.median(part) for part in (measured[:fifth], measured[-fifth:]))
    return Trend(float(slope), float(np.sqrt(covariance[0, 0])), float(first), float(last))
