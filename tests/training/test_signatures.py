"""From logits to the two signatures of a SavedModel, for networks with and without a head."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from app.inference.contract import Scores
from tests.tiny import tiny_network
from training.errors import TrainingError
from training.network import compile_predict
from training.read_back import Answers
from training.signatures import check_parity, save_network, scores_of

IMAGES = np.random.default_rng(3).random((5, 28, 28), np.float32)
TEMPERATURE = 2.0
LOGITS = np.array([[0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 3]], np.float32)
CONFIDENCE = np.exp(2) / (np.exp(2) + 9)  # of the seven, at this temperature


def test_the_eleventh_column_is_no_digit() -> None:
    """It takes nothing from the ten, and no temperature; its sigmoid is the novelty."""
    scores = scores_of(LOGITS, TEMPERATURE)
    assert scores.probabilities.shape == (1, 10)
    assert scores.probabilities[0, 7] == pytest.approx(CONFIDENCE)
    assert scores.novelty == pytest.approx([1 / (1 + np.exp(-3))])


def test_novelty_without_a_head_is_what_confidence_lacks() -> None:
    """With the temperature, so that it is one less the confidence that is answered."""
    scores = scores_of(LOGITS[:, :10], TEMPERATURE)
    assert scores.probabilities[0, 7] == pytest.approx(CONFIDENCE)
    assert scores.novelty == pytest.approx([1 - CONFIDENCE])


def test_extreme_logits_stay_in_range() -> None:
    """Where float32 ends, scores are 0 or 1, not beyond and not NaN."""
    for strangeness, novelty in ((1e4, 1.0), (-1e4, 0.0)):
        scores = scores_of(np.array([[1e4] + [-1e4] * 9 + [strangeness]], np.float32), 0.1)
        assert (scores.probabilities[0, 0], scores.novelty[0]) == (1.0, novelty)


@pytest.mark.parametrize("columns", [10, 11])
def test_both_signatures_give_the_scores(tmp_path: Path, columns: int) -> None:
    """Whoever asks the plain one gets the same probabilities as who asks for the novelty too."""
    network = tiny_network(columns)
    save_network(network, TEMPERATURE, tmp_path)
    model = tf.saved_model.load(str(tmp_path))
    plain = model.signatures["serving_default"](image=tf.constant(IMAGES))
    full = model.signatures["serving_novelty"](image=tf.constant(IMAGES))
    expected = scores_of(compile_predict(network)(IMAGES), TEMPERATURE)
    assert sorted(full) == ["novelty", "probabilities"]
    assert list(plain) == ["probabilities"]
    found = Scores(full["probabilities"].numpy(), full["novelty"].numpy())
    assert found.off_by(expected) < 1e-6
    np.testing.assert_allclose(plain["probabilities"], found.probabilities, atol=1e-6)


def test_the_weights_are_kept_once(tmp_path: Path) -> None:
    """Two signatures, one set of variables."""
    network = tiny_network(columns=11)
    save_network(network, TEMPERATURE, tmp_path)
    data = tmp_path / "variables/variables.data-00000-of-00001"
    assert 0 <= data.stat().st_size - 4 * network.count_params() < 1000


@pytest.mark.parametrize(
    ("spoilt", "name"),
    [
        ("probabilities", "serving_novelty"),
        ("novelty", "serving_novelty"),
        ("plain", "serving_default"),
    ],
)
def test_answers_that_differ_are_told_by_signature(spoilt: str, name: str) -> None:
    """One score of one image, in either signature, is enough; rounding is not."""
    expected = scores_of(LOGITS, TEMPERATURE)
    read = {**expected._asdict(), "plain": expected.probabilities}
    slightly = {key: values + np.float32(1e-6) for key, values in read.items()}
    for changed, fits in ((slightly, True), (read | {spoilt: read[spoilt] + 0.1}, False)):
        scores = Scores(changed["probabilities"], changed["novelty"])
        with nullcontext() if fits else pytest.raises(TrainingError, match=f"{name} is off by 0.1"):
            check_parity(Answers(scores, changed["plain"]), expected)


def test_what_is_no_number_differs() -> None:
    """A NaN compares with nothing, so it must not pass as near."""
    expected = scores_of(LOGITS, TEMPERATURE)
    broken = expected._replace(novelty=np.full_like(expected.novelty, np.nan))
    with pytest.raises(TrainingError, match="serving_novelty is off by nan"):
        check_parity(Answers(broken, expected.probabilities), expected)
