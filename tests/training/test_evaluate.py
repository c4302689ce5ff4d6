"""Figures against cases that can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from training.evaluate import (
    auroc,
    evaluate,
    fit_temperature,
    novelty_threshold,
    softmax,
    wilson_interval,
)


def sure(digits: list[int], confidence: float = 1.0) -> NDArray[np.float32]:
    """Probabilities that give each digit this confidence and share the rest."""
    found = np.full((len(digits), 10), (1 - confidence) / 9, np.float32)
    found[np.arange(len(digits)), digits] = confidence
    return found


LABELS = np.array([7, 7, 1, 0], np.uint8)
ANSWERS = sure([7, 1, 1, 0], 0.8)
ALL = np.ones(4, bool)


def test_counts() -> None:
    """Three of four; the mistake lies at row 7, column 1, and is listed."""
    result = evaluate(ANSWERS, LABELS, ALL)
    assert (result.images, result.correct, result.accuracy) == (4, 3, 0.75)
    assert result.confusion[7][1] == 1
    assert sum(map(sum, result.confusion)) == 4
    assert result.misread == [1]


def test_recall_and_precision() -> None:
    """Half the sevens were found; half of the answers "1" were right."""
    classes = evaluate(ANSWERS, LABELS, ALL).classes
    assert (classes[7].recall, classes[7].precision) == (0.5, 1.0)
    assert (classes[1].recall, classes[1].precision) == (1.0, 0.5)


def test_calibration_error() -> None:
    """Confidence 0.8, three of four right: off by 0.05."""
    result = evaluate(ANSWERS, LABELS, ALL)
    assert result.expected_calibration_error == pytest.approx(0.05)
    assert [each.images for each in result.calibration] == [4]


def test_brier_and_likelihood_of_perfect_answers() -> None:
    """Sure and right scores nothing on either."""
    result = evaluate(sure([7, 7, 1, 0]), LABELS, ALL)
    assert result.brier_score == pytest.approx(0)
    assert result.negative_log_likelihood == pytest.approx(0)


def test_abstentions_are_counted_and_cost_nothing() -> None:
    """An abstention keeps its digit."""
    result = evaluate(ANSWERS, LABELS, np.array([True, False, True, True]))
    assert (result.abstained, result.accuracy) == (1, 0.75)


def test_wilson_interval_of_a_known_case() -> None:
    """Newcombe 1998, table I, method 3: 81 of 263 gives 0.2553 to 0.3662."""
    assert wilson_interval(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)


def test_temperature_is_recovered() -> None:
    """Labels drawn at temperature 2 are most likely at temperature 2."""
    random = np.random.default_rng(0)
    logits = random.normal(0, 4, (20_000, 10)).astype(np.float32)
    chances = softmax(logits, 2.0).cumsum(axis=1)
    labels = (random.random((20_000, 1)) > chances).sum(axis=1).clip(0, 9).astype(np.uint8)
    assert fit_temperature(logits, labels) == pytest.approx(2.0, rel=0.05)


def test_softmax_stands_large_logits() -> None:
    """No overflow."""
    found = softmax(np.array([[1000.0, 999.0] + [0.0] * 8], np.float32), 1.0)
    assert found[0, 0] == pytest.approx(1 / (1 + np.exp(-1)))


@pytest.mark.parametrize(("images", "above"), [(5000, 50), (150, 1), (100, 1), (99, 0), (1, 0)])
def test_novelty_threshold_turns_away_the_share(images: int, above: int) -> None:
    """One in a hundred lies above, and never more: of 150, one."""
    novelty = np.random.default_rng(0).permutation(np.linspace(0, 1, images, dtype=np.float32))
    assert (novelty > novelty_threshold(novelty, 0.01)).sum() == above


def test_novelty_threshold_lies_between_its_neighbours() -> None:
    """The last digit that is kept and the first that is turned away are equally far from it."""
    novelty = np.array([0.25] + [0.0] * 97 + [0.5, 0.75], np.float32)
    assert novelty_threshold(novelty, 0.01) == 0.625


def test_novelty_threshold_keeps_all_that_share_it() -> None:
    """Where the hundredth and those before it are alike, none of them is turned away."""
    novelty = np.array([0.0] * 90 + [1.0] * 10, np.float32)
    assert (novelty > novelty_threshold(novelty, 0.01)).sum() == 0


def test_auroc_of_a_hand_counted_case_with_a_tie() -> None:
    """Of six pairs four are right and one is tied: 4.5 of 6."""
    assert auroc(np.array([0.9, 0.5, 0.3]), np.array([0.5, 0.1])) == pytest.approx(4.5 / 6)


def test_auroc_of_scores_that_tell_nothing() -> None:
    """All the same is chance."""
    assert auroc(np.full(3, 0.5), np.full(5, 0.5)) == 0.5
