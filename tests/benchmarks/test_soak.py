"""What the soak makes of answers and of memory."""

from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.soak_cases import Case, read_digits
from benchmarks.soak_judge import Tally, trend

HOUR_S = np.arange(0, 3600, 10.0)
NOISE_MIB = np.random.default_rng(0).normal(700, 2, len(HOUR_S))
SEVEN_OF_TEN = [0.0] * 7 + [1.0] + [0.0] * 2


def body(**answer: object) -> bytes:
    """An answer as JSON."""
    return json.dumps(answer).encode()


def test_memory_that_rises_is_not_flat() -> None:
    """Twenty MiB an hour are found in the noise, as that many."""
    line = trend(HOUR_S.tolist(), (NOISE_MIB + 20 * HOUR_S / 3600).tolist())
    assert not line.flat
    assert line.per_hour == pytest.approx(20, abs=2 * line.error)
    assert line.last - line.first > 10


@pytest.mark.parametrize("slope", [0, -20])
def test_memory_that_stays_or_falls_is_flat(slope: float) -> None:
    """So is noise around one value, and around a falling line."""
    assert trend(HOUR_S.tolist(), (NOISE_MIB + slope * HOUR_S / 3600).tolist()).flat


def test_the_warm_up_does_not_count() -> None:
    """What rises in the first tenth of the time leaves the line as it is."""
    begin = len(HOUR_S) // 10
    rising = np.concatenate([np.linspace(0, 700, begin), NOISE_MIB[begin:]])
    assert trend(HOUR_S.tolist(), rising.tolist()).flat


@pytest.mark.parametrize("samples", [0, 8])
def test_too_few_samples_say_nothing(samples: int) -> None:
    """A run that was too short is told so."""
    with pytest.raises(ValueError, match="longer"):
        trend(HOUR_S[:samples].tolist(), NOISE_MIB[:samples].tolist())


@pytest.mark.parametrize(
    ("answer", "digits"),
    [
        ({"digit": 7}, [7]),
        ({"predictions": [{"digit": 7}, {"status": 422}, {"digit": 1}]}, [7, None, 1]),
        ({"predictions": [SEVEN_OF_TEN]}, [7]),
        ({"outputs": [{"shape": [2, 10], "data": SEVEN_OF_TEN * 2}]}, [7, 7]),
    ],
    ids=["one", "many, a bad one among them", "TensorFlow Serving", "Open Inference"],
)
def test_digits_of_every_door(answer: dict[str, object], digits: list[int | None]) -> None:
    """The digits are found in each kind of answer."""
    assert read_digits(answer) == digits


def test_answers_are_held_against_status_and_first_digit() -> None:
    """Another status, another digit for the same picture or one too few: failures, each named."""
    tally = Tally()
    one = Case("one", b"", 200, ("a",))
    two = Case("two", b"", 200, ("b", "a"))
    refused = Case("refused", b"", 422)
    good = [
        tally.note(one, 200, body(digit=7), 0.1),
        tally.note(two, 200, body(predictions=[{"digit": 1}, {"digit": 7}]), 0.3),
        tally.note(refused, 422, b"", 0.2),
    ]
    bad = [
        tally.note(one, 504, b"", 0.1),
        tally.note(one, 200, body(digit=9), 0.1),
        tally.note(two, 200, body(predictions=[{"digit": 1}]), 0.1),
        tally.note(refused, 200, b"", 0.1),
    ]
    assert good == [None] * 3
    assert all(bad)
    assert tally.failures.total() == 4
    assert tally.wrong_digits == 2
    assert tally.ended == {"200": 2, "422": 1}
    assert tally.slowest_s == 0.3
