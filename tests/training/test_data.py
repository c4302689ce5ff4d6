"""MNIST's files: what is read, and what is refused."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.tiny import VALIDATION_IMAGES, real_mnist_dir, tiny_split
from training.data import Mnist, open_mnist
from training.errors import DataError

IMAGES = "train-images-idx3-ubyte"
REAL_MNIST = real_mnist_dir()


@pytest.fixture
def copy(mnist: Mnist, tmp_path: Path) -> Mnist:
    """A copy of the data set that a test may spoil."""
    shutil.copytree(mnist.folder, tmp_path / "mnist")
    return Mnist(tmp_path / "mnist", mnist.sha256, mnist.validation_images)


def test_splits_are_the_first_and_the_last_images(mnist: Mnist) -> None:
    """Validation is the end of the training file: disjoint, and the same for every seed."""
    training, validation = mnist.training()
    whole = tiny_split(500, seed=1)
    np.testing.assert_array_equal(training.images, whole.images[:-VALIDATION_IMAGES])
    np.testing.assert_array_equal(validation.images, whole.images[-VALIDATION_IMAGES:])
    np.testing.assert_array_equal(validation.labels, whole.labels[-VALIDATION_IMAGES:])


def test_scaled_images_are_floats_up_to_one(mnist: Mnist) -> None:
    """The network's input is float32, 0..1."""
    scaled = mnist.test().scaled()
    assert scaled.dtype == np.float32
    assert scaled.max() == 1.0


def test_unpacked_files_are_read_too(copy: Mnist) -> None:
    """A folder may hold the files without .gz."""
    packed = copy.folder / f"{IMAGES}.gz"
    (copy.folder / IMAGES).write_bytes(gzip.decompress(packed.read_bytes()))
    packed.unlink()
    assert len(copy.training()[0]) == 400


def cut_short(path: Path) -> None:
    """Lose the last byte."""
    path.write_bytes(path.read_bytes()[:-1])


def replace_by_another(path: Path) -> None:
    """A whole gzip file of something else."""
    path.write_bytes(gzip.compress(b"something else"))


def replace_by_text(path: Path) -> None:
    """What a captive portal gives."""
    path.write_text("<html>")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (cut_short, "truncated"),
        (replace_by_another, "sha256 differs"),
        (replace_by_text, "not gzip"),
        (Path.unlink, "has neither"),
    ],
)
def test_a_spoilt_file_is_named(copy: Mnist, spoil: Callable[[Path], None], reason: str) -> None:
    """The error names the file and what is wrong with it."""
    spoil(copy.folder / f"{IMAGES}.gz")
    with pytest.raises(DataError, match=f"{IMAGES}.*{reason}|{reason}.*{IMAGES}"):
        copy.training()


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    """A mistyped --data-dir does not start a download."""
    with pytest.raises(DataError, match="is not a folder"):
        open_mnist(tmp_path / "nowhere")


def test_the_environment_names_the_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """ROWSCAN_DATA_DIR stands in for --data-dir."""
    monkeypatch.setenv("ROWSCAN_DATA_DIR", str(tmp_path))
    assert open_mnist(None).folder == tmp_path


@pytest.mark.skipif(REAL_MNIST is None, reason="needs MNIST: set ROWSCAN_DATA_DIR")
def test_the_published_files_pass() -> None:
    """The real MNIST has the digests that are written down here."""
    assert REAL_MNIST is not None
    real = open_mnist(REAL_MNIST)
    training, validation = real.training()
    assert (len(training), len(validation), len(real.test())) == (55_000, 5_000, 10_000)
