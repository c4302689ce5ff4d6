"""A digit data set and a network small enough to train in a test: seconds, no download.

Each "digit" is a bar at its own height with noise around it, so a few steps of a small LSTM tell
them apart.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import struct
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from rich.console import Console

if TYPE_CHECKING:
    import keras

from training.data import Mnist, Split
from training.presets import DEFAULT, PRESETS, Distortion, Preset

VALIDATION_IMAGES = 100


TINY = replace(
    DEFAULT,
    units=8,
    readings=("columns",),
    epochs=3,
    batch_size=20,
    # Less than the two pixels that lie between two bars.
    distortion=Distortion(rotation_rad=0.05, shear=0.05, scale=(0.95, 1.05), shift_px=0.5),
    drawn=None,
    taught_by=None,
    teacher_seeds=(),
    teacher_share=0.0,
    light_epochs=0,
    dropout=0.3,
    warmup_fraction=0.15,
    peak_learning_rate=0.02,
    average_decay=0.9,
    label_smoothing=0.0,
)
"""The default recipe, cut down to three short epochs of a small network."""


def short_presets() -> dict[str, Preset]:
    """Every preset under its name, cut down to a moment of a tiny network that reads the rows."""
    return {
        name: replace(
            preset,
            units=4,
            bidirectional=False,
            batch_size=20,
            distortion=preset.distortion and TINY.distortion,
            drawn=None,
            epochs=preset.epochs and 2,
            light_epochs=min(preset.light_epochs, 1),
            steps=preset.steps and 50,
            log_every_steps=preset.log_every_steps and 25,
            teacher_seeds=preset.teacher_seeds[:1],
            average_decay=0.0,
        )
        for name, preset in PRESETS.items()
    }


def tiny_split(images: int, seed: int) -> Split:
    """`images` noisy bars with their labels."""
    random = np.random.default_rng(seed)
    labels = np.arange(images, dtype=np.uint8) % 10
    pixels = random.integers(0, 60, (images, 28, 28), dtype=np.uint8)
    for image, label in zip(pixels, labels, strict=True):
        image[4 + 2 * label : 6 + 2 * label, 4:24] = 255
    return Split(pixels, labels)


def write_idx(folder: Path, part: str, split: Split) -> dict[str, str]:
    """Write `split` as gzipped IDX files and return the sha256 of what is inside each."""
    count = len(split)
    contents = {
        f"{part}-images-idx3-ubyte": struct.pack(">4i", 2051, count, 28, 28)
        + split.images.tobytes(),
        f"{part}-labels-idx1-ubyte": struct.pack(">2i", 2049, count) + split.labels.tobytes(),
    }
    for name, content in contents.items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(content))
    return {name: hashlib.sha256(content).hexdigest() for name, content in contents.items()}


def tiny_mnist(folder: Path, test_images: int = 200) -> Mnist:
    """Write 500 training images, and those of the test, into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    digests = write_idx(folder, "train", tiny_split(500, seed=1))
    digests |= write_idx(folder, "t10k", tiny_split(test_images, seed=2))
    return Mnist(folder, digests, VALIDATION_IMAGES)


def real_mnist_dir() -> Path | None:
    """The folder of the real data set: ROWSCAN_DATA_DIR, else beside the repository; or None."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "mnist"
    folder = Path(os.environ.get("ROWSCAN_DATA_DIR") or beside)
    return folder if (folder / "t10k-images-idx3-ubyte.gz").is_file() else None


def tiny_network(columns: int, seed: int = 0) -> keras.Model:
    """A network of one layer, with random weights: 10 columns of logits, or 11 with strangeness."""
    import keras

    start = keras.initializers.RandomNormal(stddev=0.2, seed=seed)
    image = keras.Input((28, 28))
    flat = keras.layers.Flatten()(image)
    return keras.Model(image, keras.layers.Dense(columns, kernel_initializer=start)(flat))


def silent_console() -> Console:
    """A console that keeps what is printed: `console.file.getvalue()`."""
    return Console(file=io.StringIO(), width=100)


def printed(console: Console) -> str:
    """Return what went to a silent console."""
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def weights_of(variables: list[NDArray[np.float32]]) -> bytes:
    """All weights as bytes, to compare two networks exactly."""
    return b"".join(weight.tobytes() for weight in variables)
