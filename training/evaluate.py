"""Evaluation: probabilities and labels in, figures out. Numbers only; `report` draws them.

Every rate is a count over a total. Nothing is averaged over batches, and no image is left out.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.stats import rankdata

from app.inference.classifier import Classifier
from app.inference.contract import CLASSES, Scores, join

CALIBRATION_BINS = 15  # equal widths of confidence, as in Guo et al. 2017, arXiv:1706.04599
TEMPERATURE_BOUNDS = (0.1, 10.0)
Z_95 = 1.959964  # the normal distribution's 97.5% point
TINY = 1e-12  # keeps a logarithm finite

Probabilities = NDArray[np.float32]  # (n, 10)
Labels = NDArray[np.uint8]  # (n,)


@dataclass(frozen=True)
class ClassFigures:
    """How one digit was read: shares 0..1."""

    digit: int
    images: int
    recall: float
    precision: float


@dataclass(frozen=True)
class CalibrationBin:
    """The answers whose confidence, 0..1, fell between `low` and `high`."""

    low: float
    high: float
    images: int
    mean_confidence: float
    accuracy: float


@dataclass(frozen=True)
class Evaluation:
    """What a version scored on one set of labelled images."""

    images: int
    correct: int
    accuracy: float
    accuracy_interval: tuple[float, float]  # 95%, Wilson
    abstained: int  # answered "not a digit"
    expected_calibration_error: float
    brier_score: float
    negative_log_likelihood: float  # nats an image
    classes: list[ClassFigures]
    confusion: list[list[int]]  # [true digit][answered digit]
    calibration: list[CalibrationBin]
    misread: list[int]  # indices of the images that were read wrongly


def evaluate(
    probabilities: Probabilities, labels: Labels, is_digit: NDArray[np.bool_]
) -> Evaluation:
    """Count what `probabilities` (n, 10) got right of `labels` (n,), 0..9.

    `is_digit` (n,) is false where the version abstained. An abstention still has a most likely
    digit, and is counted by it: accuracy is over all images.
    """
    answers = probabilities.argmax(axis=1)  # (n,)
    confusion = np.zeros((CLASSES, CLASSES), np.int64)
    np.add.at(confusion, (labels, answers), 1)
    correct = int(np.trace(confusion))
    bins = _calibration_bins(probabilities.max(axis=1), answers == labels)
    return Evaluation(
        images=len(labels),
        correct=correct,
        accuracy=correct / len(labels),
        accuracy_interval=wilson_interval(correct, len(labels)),
        abstained=int((~is_digit).sum()),
        expected_calibration_error=_calibration_error(bins),
        brier_score=_brier_score(probabilities, labels),
        negative_log_likelihood=_negative_log_likelihood(probabilities, labels),
        classes=_class_figures(confusion),
        confusion=confusion.tolist(),
        calibration=bins,
        misread=np.flatnonzero(answers != labels).tolist(),
    )


def _class_figures(confusion: NDArray[np.int64]) -> list[ClassFigures]:
    """Return recall and precision of each digit from the (10, 10) confusion counts."""
    hits, truths, answers = confusion.diagonal(), confusion.sum(axis=1), confusion.sum(axis=0)
    return [
        ClassFigures(
            digit=digit,
            images=int(truths[digit]),
            recall=float(hits[digit] / max(truths[digit], 1)),
            precision=float(hits[digit] / max(answers[digit], 1)),
        )
        for digit in range(CLASSES)
    ]


def _calibration_bins(
    confidences: NDArray[np.float32], hits: NDArray[np.bool_]
) -> list[CalibrationBin]:
    """Sort answers by confidence (n,) into equal bins; compare each with its share of hits."""
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    places = np.clip(np.digitize(confidences, edges[1:-1], right=True), 0, CALIBRATION_BINS - 1)
    bins = []
    for place in np.unique(places):
        inside = places == place
        bins.append(
            CalibrationBin(
                low=float(edges[place]),
                high=float(edges[place + 1]),
                images=int(inside.sum()),
                mean_confidence=float(confidences[inside].mean()),
                accuracy=float(hits[inside].mean()),
            )
        )
    return bins


def _calibration_error(bins: list[CalibrationBin]) -> float:
    """Return how far confidence is from accuracy, 0..1, by the images in each bin."""
    errors = sum(each.images * abs(each.accuracy - each.mean_confidence) for each in bins)
    return errors / sum(each.images for each in bins)


def _brier_score(probabilities: Probabilities, labels: Labels) -> float:
    """Return the mean squared distance of probabilities (n, 10) from certainty of labels (n,)."""
    one_hot = np.eye(CLASSES, dtype=np.float32)[labels]
    return float(((probabilities - one_hot) ** 2).sum(axis=1).mean())


def _negative_log_likelihood(probabilities: Probabilities, labels: Labels) -> float:
    """Return how unlikely labels (n,) are by probabilities (n, 10): nats an image."""
    of_label = probabilities[np.arange(len(labels)), labels].astype(np.float64)
    return float(-np.log(np.maximum(of_label, TINY)).mean())


def wilson_interval(correct: int, total: int) -> tuple[float, float]:
    """Return the 95% score interval of a share (Wilson 1927); it holds near 1, where ±2σ fails."""
    share, weight = correct / total, Z_95**2 / total
    centre = (share + weight / 2) / (1 + weight)
    half = Z_95 / (1 + weight) * ((share * (1 - share) + weight / 4) / total) ** 0.5
    return centre - half, centre + half


def softmax(logits: NDArray[np.float32], temperature: float) -> Probabilities:
    """Return probabilities (n, 10) of logits (n, 10) divided by `temperature`."""
    scaled = logits.astype(np.float64) / temperature
    odds = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    probabilities: Probabilities = (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32)
    return probabilities


def fit_temperature(logits: NDArray[np.float32], labels: Labels) -> float:
    """Return the temperature that makes held-out labels (n,) most likely, given logits (n, 10).

    Temperature scaling, Guo et al. 2017 (arXiv:1706.04599): one number, which changes no answer.
    """

    def loss(log_temperature: float) -> float:
        return _negative_log_likelihood(softmax(logits, np.exp(log_temperature)), labels)

    low, high = np.log(TEMPERATURE_BOUNDS)
    return float(np.exp(minimize_scalar(loss, bounds=(low, high), method="bounded").x))


def novelty_threshold(novelty: NDArray[np.float32], turned_away: float) -> float:
    """Return a threshold that at most a share `turned_away`, 0..1, of novelties (n,) lies above.

    It lies midway between the last that is kept and the first that is turned away, so that it takes
    more than another processor's rounding to exchange them.
    """
    ranked = np.sort(novelty.astype(np.float64))
    kept = len(ranked) - int(turned_away * len(ranked))
    return float(ranked[kept - 1 : kept + 1].mean())


def classify_all(classifier: Classifier, images: NDArray[np.float32]) -> Scores:
    """Run a classifier over images (n, 28, 28), 0..1, as many at a time as it takes."""
    size = classifier.most_images
    return join(
        classifier.classify(images[start : start + size]) for start in range(0, len(images), size)
    )


def auroc(digits: NDArray[np.floating], others: NDArray[np.floating]) -> float:
    """Return how often a digit scores above another picture, 0..1; a tie counts half.

    Scores (n,) of digits and (m,) of pictures that are not, higher meaning more like a digit. This
    is the area under the ROC curve (Mann and Whitney 1947): 0.5 is chance, 1 is perfect.
    """
    ranks = rankdata(np.concatenate([digits, others]))[: len(digits)]
    u = ranks.sum() - len(digits) * (len(digits) + 1) / 2
    return float(u / (len(digits) * len(others)))
