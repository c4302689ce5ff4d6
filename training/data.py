"""MNIST: IDX files in, checked arrays in disjoint splits out.

The files come from a folder the user names, or from the user's cache, which `download` fills.
Either way the decompressed bytes must have the published sha256, so that a figure of this project
is always one of MNIST.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.imaging import IMAGE_SIDE
from training.download import cache_dir, fetch
from training.errors import DataError

DATA_DIR_VARIABLE = "ROWSCAN_DATA_DIR"

# sha256 of the decompressed files. The training images are those with the canonical md5
# 6bbc9ace898e44ae57da46a324031adb.
SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
IMAGES_HEADER_BYTES = 16  # magic, count, height, width: four big-endian int32
LABELS_HEADER_BYTES = 8  # magic, count

VALIDATION_IMAGES = 5_000  # the last of the 60,000; mostly other writers than the first 55,000


@dataclass(frozen=True)
class Split:
    """Images uint8 (n, 28, 28), light ink on dark, and their labels uint8 (n,), 0..9."""

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]

    def __len__(self) -> int:
        """How many images."""
        return len(self.labels)

    def scaled(self) -> NDArray[np.float32]:
        """Return the images as the network takes them: float32 (n, 28, 28), 0..1."""
        return self.images.astype(np.float32) / np.float32(255)


@dataclass(frozen=True)
class Mnist:
    """The four files in a folder, and what they must be."""

    folder: Path
    sha256: Mapping[str, str] = field(default_factory=lambda: SHA256)  # of the decompressed files
    validation_images: int = VALIDATION_IMAGES

    def training(self) -> tuple[Split, Split]:
        """Return the training and the validation split: the first and the last training images.

        Raises `DataError` when a file is missing or is not the published one.
        """
        whole = self._load("train")
        cut = len(whole) - self.validation_images
        return (
            Split(whole.images[:cut], whole.labels[:cut]),
            Split(whole.images[cut:], whole.labels[cut:]),
        )

    def test(self) -> Split:
        """Return the test images, which an evaluation reads once, when training is over."""
        return self._load("t10k")

    def _load(self, part: str) -> Split:
        """Read the images and labels of `part` ("train" or "t10k")."""
        images = self._read(f"{part}-images-idx3-ubyte")
        labels = self._read(f"{part}-labels-idx1-ubyte")
        pixels = np.frombuffer(images, np.uint8, offset=IMAGES_HEADER_BYTES)
        return Split(
            pixels.reshape(-1, IMAGE_SIDE, IMAGE_SIDE),
            np.frombuffer(labels, np.uint8, offset=LABELS_HEADER_BYTES),
        )

    def _read(self, name: str) -> bytes:
        """Return the decompressed bytes of `name`.gz, or of `name`, checked against its sha256."""
        path = self.folder / f"{name}.gz"
        if not path.exists():
            path = self.folder / name
        try:
            content = path.read_bytes()
            if path.suffix == ".gz":
                content = gzip.decompress(content)
        except FileNotFoundError:
            raise DataError(
                f"{self.folder} has neither {name}.gz nor {name}. Put MNIST's four IDX files there."
            ) from None
        except (EOFError, zlib.error, gzip.BadGzipFile) as error:
            raise DataError(
                f"{path} is truncated or not gzip ({error}). Delete it and fetch it again."
            ) from error
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}.") from error
        if hashlib.sha256(content).hexdigest() != self.sha256[name]:
            raise DataError(
                f"{path} is not the published {name}: its sha256 differs. "
                "Delete it and fetch it again."
            )
        return content


def open_mnist(data_dir: Path | None) -> Mnist:
    """Return MNIST in `data_dir`, else in `$ROWSCAN_DATA_DIR`, else in the cache, downloaded once.

    Raises `DataError` when the folder is none, or the download failed.
    """
    variable = os.environ.get(DATA_DIR_VARIABLE)
    named = data_dir or (Path(variable) if variable else None)
    if named is None:
        return Mnist(fetch(cache_dir(), SHA256))
    if not named.is_dir():
        raise DataError(
            f"{named} is not a folder. "
            f"Point --data-dir or {DATA_DIR_VARIABLE} at MNIST's IDX files."
        )
    return Mnist(named)
