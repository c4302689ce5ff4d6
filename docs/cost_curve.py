"""The curve of accuracy over cost: networks of several widths, trained alike for a short while.

    PYTHONPATH=. .venv/bin/python docs/cost_curve.py DATA_DIR

Each begins with random weights and sees the same six epochs of the distortions of preset `people`,
without what is drawn. Prints a row as each is done, and writes docs/cost_curve.png at the end. Some
40 minutes on two cores; the errors are of validation images, straight and lightly distorted.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from rich.console import Console

from training.augment import distort
from training.batches import LIGHT_STRENGTH
from training.data import Split, open_mnist
from training.fit import fit
from training.network import compile_predict, forward_flops
from training.presets import HANDS_AND_PENS, PEOPLE, Preset
from training.progress import Progress
from training.signatures import digit_logits

SEED = 1
COPIES = 4  # of the validation images, each distorted in its own way
CHUNK_IMAGES = 500
TARGET = Path(__file__).parent / "cost_curve.png"

Readings = tuple[Literal["rows", "columns"], ...]
BOTH: Readings = ("rows", "columns")
WIDTHS: tuple[tuple[Readings, int], ...] = (
    (BOTH, 32),
    (BOTH, 48),
    (BOTH, 64),
    (BOTH, 96),
    (BOTH, 128),
    (("rows",), 96),
    (("rows",), 144),
)


@dataclass(frozen=True)
class Point:
    """One network: what it costs, and its errors in percent."""

    readings: Readings
    units: int
    mflop: float
    error: float
    distorted_error: float


def main(data_dir: Path) -> None:
    """Train and measure each; draw the curve."""
    training, validation = open_mnist(data_dir).training()
    distorted = _distort(validation)
    points = []
    for readings, units in WIDTHS:
        preset = replace(
            PEOPLE,
            name=f"{'-'.join(readings)}-{units}",
            readings=readings,
            units=units,
            drawn=None,
            taught_by=None,
            teacher_seeds=(),
            teacher_share=0.0,
            epochs=6,
            light_epochs=2,
        )
        points.append(_measure(preset, training, validation, distorted))
        point = points[-1]
        print(
            f"| {' + '.join(readings)}, {units} | {point.mflop:.1f} | {point.error:.2f}% "
            f"| {point.distorted_error:.2f}% |",
            flush=True,
        )
    _draw(points)


def _distort(validation: Split) -> Split:
    """Return the validation images, each in COPIES distorted as in the last epochs of training."""
    images = np.concatenate([validation.scaled()] * COPIES)
    chunks = [
        distort(
            tf.constant(images[at : at + CHUNK_IMAGES]), [SEED, at], HANDS_AND_PENS, LIGHT_STRENGTH
        )
        for at in range(0, len(images), CHUNK_IMAGES)
    ]
    pixels = np.rint(255 * np.concatenate(chunks)).astype(np.uint8)
    return Split(pixels, np.tile(validation.labels, COPIES))


def _measure(preset: Preset, training: Split, validation: Split, distorted: Split) -> Point:
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(
            preset,
            training,
            validation,
            seed=SEED,
            run_dir=Path(folder),
            resume=False,
            progress=Progress(Console(stderr=True)),
        )
    predict = compile_predict(fitted.network)
    errors = [
        float((digit_logits(predict(split.scaled())).argmax(axis=1) != split.labels).mean())
        for split in (validation, distorted)
    ]
    return Point(
        preset.readings,
        preset.units,
        forward_flops(preset) / 1e6,
        *(100 * error for error in errors),
    )


def _draw(points: list[Point]) -> None:
    figure = Figure(figsize=(6, 3.6), layout="constrained")
    axes = figure.subplots()
    for readings, colour in ((BOTH, "tab:blue"), (("rows",), "tab:orange")):
        chosen = [point for point in points if point.readings == readings]
        axes.plot(
            [point.mflop for point in chosen],
            [point.distorted_error for point in chosen],
            "o-",
            color=colour,
            label=" and ".join(readings),
        )
        for point in chosen:
            place = (point.mflop, point.distorted_error)
            axes.annotate(f" {point.units}", place, va="bottom")
    axes.set(xlabel="MFLOP an image", ylabel="misread, distorted validation images (%)")
    axes.set_ylim(0, 1.1 * max(point.distorted_error for point in points))
    axes.grid(alpha=0.3)
    axes.legend(title="units of the LSTM that reads", frameon=False)
    figure.savefig(TARGET, dpi=100)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]))
