"""The version that the repository ships: as small and as good as its manifest says."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.inference.manifest import read_manifest
from app.inference.saved_model import SavedModelClassifier
from benchmarks.made_versions import make_variant
from tests.e2e.running import SHIPPED_MODEL
from tests.tiny import real_mnist_dir
from training.data import Mnist
from training.evaluate import classify_all

MNIST_DIR = real_mnist_dir()


def test_it_is_small() -> None:
    """A clone stays quick: 4 MB at most."""
    files = [path for path in SHIPPED_MODEL.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 4_000_000


def test_other_weights_take_the_place_of_its_own(
    shipped: SavedModelClassifier, tmp_path: Path
) -> None:
    """Compiled once, its programs answer as whichever version they have the weights of."""
    make_variant(SHIPPED_MODEL, other := tmp_path / "1", factor=0.9)
    for version in (other, SHIPPED_MODEL):
        shipped.programs.take_weights(version)
        golden = read_manifest(version).golden
        assert shipped.classify(golden.images()).off_by(golden.scores()) < golden.tolerance


needs_mnist = pytest.mark.skipif(
    MNIST_DIR is None, reason="needs MNIST: set ROWSCAN_DATA_DIR to its folder"
)


@needs_mnist
def test_it_reads_what_its_manifest_says(shipped: SavedModelClassifier) -> None:
    """Of the 10,000 test images, as many as were counted when it was made: above 99.3%."""
    assert MNIST_DIR is not None
    test = Mnist(MNIST_DIR).test()
    scores = classify_all(shipped, test.scaled())
    correct = int((scores.probabilities.argmax(axis=1) == test.labels).sum())
    # Another processor may round the one image that is on the edge the other way.
    assert abs(correct - shipped.manifest.test.correct) <= 1
    assert correct / len(test) > 0.993


@needs_mnist
def test_it_turns_away_one_digit_in_a_hundred_at_most(shipped: SavedModelClassifier) -> None:
    """Of the 5,000 validation digits, on which the threshold was set, 50 and no more."""
    assert MNIST_DIR is not None
    _, validation = Mnist(MNIST_DIR).training()
    novelty = classify_all(shipped, validation.scaled()).novelty
    assert (novelty > shipped.manifest.max_novelty).sum() <= len(validation) // 100
