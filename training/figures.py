"""The figures of an evaluation: readings of sets in, plain numbers out, ready to be JSON.

A refused picture counts as misread: whoever sent it got no digit. Calibration is about the answers
that were given. "Turned away" is what the service did not take for a digit: answered with
`is_digit: false`, or refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from pydantic import TypeAdapter, ValidationError

from training.answers import Reading, Times
from training.errors import TrainingError
from training.evaluate import CalibrationBin, auroc, evaluate, wilson_interval
from training.pictures import PictureSet

MNIST_NAME: Final = "MNIST test"
Interval = tuple[float, float]  # 95%, Wilson


@dataclass(frozen=True)
class DigitFigures:
    """How a set of labelled digits was read; shares and scores 0..1, None where nothing was."""

    name: str
    images: int
    refused: int
    abstained: int  # answered "not a digit"
    correct: int
    accuracy: float  # of all images
    accuracy_interval: Interval
    turned_away: float  # share
    expected_calibration_error: float | None
    brier_score: float | None
    negative_log_likelihood: float | None  # nats an image
    confusion: list[list[int]]  # [true digit][answered digit], of those that were not refused
    calibration: list[CalibrationBin]
    times: Times


@dataclass(frozen=True)
class OtherFigures:
    """How pictures that are not digits were told from MNIST's test images."""

    name: str
    images: int
    refused: int
    turned_away: float  # share, 0..1
    turned_away_interval: Interval
    auroc: float  # 0.5 is chance, 1 is perfect
    times: Times


@dataclass(frozen=True)
class CorruptionFigures:
    """MNIST's images under one kind of damage.

    As arrays they go to the network as they are, as in the literature; as pictures they go through
    the imaging first, as all that is sent to the service does.
    """

    kind: str
    array_accuracy: float | None  # None over HTTP, where all are pictures
    picture_accuracy: float
    picture_turned_away: float
    picture_refused: float  # share; among those turned away
    picture_calibration_error: float | None


@dataclass(frozen=True)
class Figures:
    """All that one evaluation found."""

    source: str  # what was measured, in words
    digits: list[DigitFigures]
    others: list[OtherFigures]
    corruptions: list[CorruptionFigures]  # undamaged first, then each kind
    corruption_mean: CorruptionFigures | None  # over the kinds, without the undamaged
    corrupted: str = MNIST_NAME  # what was damaged, in words


def read_figures(path: Path) -> Figures:
    """Read what `evaluate --json` has written; raises `TrainingError` when it is something else."""
    try:
        return TypeAdapter(Figures).validate_json(path.read_bytes())
    except ValidationError as error:
        raise TrainingError(
            f"{path} does not hold the figures of an evaluation. Write it with evaluate --json."
        ) from error


def score_digits(pictures: PictureSet, reading: Reading) -> DigitFigures:
    """Compare a set with its labels."""
    images, answers = len(pictures.pictures), reading.answers
    found = (
        evaluate(answers.probabilities, pictures.labels()[reading.answered], answers.is_digit)
        if len(reading.answered)
        else None
    )
    correct = found.correct if found else 0
    return DigitFigures(
        name=pictures.name,
        images=images,
        refused=len(reading.refused),
        abstained=found.abstained if found else 0,
        correct=correct,
        accuracy=correct / images,
        accuracy_interval=wilson_interval(correct, images),
        turned_away=_turned_away(reading) / images,
        expected_calibration_error=found.expected_calibration_error if found else None,
        brier_score=found.brier_score if found else None,
        negative_log_likelihood=found.negative_log_likelihood if found else None,
        confusion=found.confusion if found else [],
        calibration=found.calibration if found else [],
        times=reading.times,
    )


def score_others(
    pictures: PictureSet, reading: Reading, digits: NDArray[np.float32]
) -> OtherFigures:
    """Count what of a set was turned away; `digits` are the scores of real digits, (n,)."""
    images, turned_away = len(pictures.pictures), _turned_away(reading)
    return OtherFigures(
        name=pictures.name,
        images=images,
        refused=len(reading.refused),
        turned_away=turned_away / images,
        turned_away_interval=wilson_interval(turned_away, images),
        auroc=auroc(digits, digit_scores(reading)),
        times=reading.times,
    )


def digit_scores(reading: Reading) -> NDArray[np.float32]:
    """Return how much each picture of a set looks like a digit, (n,), 0..1; 0 when refused."""
    refused = np.zeros(len(reading.refused), np.float32)
    return np.concatenate([1 - reading.answers.novelty, refused])


def score_corruption(
    kind: str, as_arrays: DigitFigures | None, as_pictures: DigitFigures
) -> CorruptionFigures:
    """Put the figures of both ways side by side."""
    return CorruptionFigures(
        kind=kind,
        array_accuracy=as_arrays.accuracy if as_arrays else None,
        picture_accuracy=as_pictures.accuracy,
        picture_turned_away=as_pictures.turned_away,
        picture_refused=as_pictures.refused / as_pictures.images,
        picture_calibration_error=as_pictures.expected_calibration_error,
    )


def mean_corruption(kinds: Sequence[CorruptionFigures]) -> CorruptionFigures:
    """Return the mean of each figure over the kinds."""
    return CorruptionFigures(
        kind=f"mean of {len(kinds)}",
        array_accuracy=_mean([each.array_accuracy for each in kinds]),
        picture_accuracy=float(np.mean([each.picture_accuracy for each in kinds])),
        picture_turned_away=float(np.mean([each.picture_turned_away for each in kinds])),
        picture_refused=float(np.mean([each.picture_refused for each in kinds])),
        picture_calibration_error=_mean([each.picture_calibration_error for each in kinds]),
    )


def _turned_away(reading: Reading) -> int:
    """Count the pictures that were not taken for digits."""
    return int((~reading.answers.is_digit).sum()) + len(reading.refused)


def _mean(figures: Sequence[float | None]) -> float | None:
    """Return the mean, or None when one is missing."""
    known = [each for each in figures if each is not None]
    return float(np.mean(known)) if len(known) == len(figures) else None
