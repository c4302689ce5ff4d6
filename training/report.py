"""The report of a run: metrics.json, four pictures, the model card, and a page that holds it all.

Made from figures alone.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from training.card import write_card
from training.checkpoint import EpochFigures, Past
from training.data import Split
from training.evaluate import Evaluation
from training.figures import Figures
from training.plots import (
    draw_calibration,
    draw_confusion,
    draw_learning_curves,
    draw_misread,
)
from training.presets import Preset
from training.report_page import write_report_page

METRICS_NAME = "metrics.json"
CARD_NAME = "model_card.md"
PAGE_NAME = "index.html"
DPI = 110


@dataclass(frozen=True)
class Report:
    """What one run gave, ready to be written."""

    preset: Preset
    seed: int
    training_images: int
    data_sha256: dict[str, str]
    parameters: int
    duration_s: float
    source_revision: str
    history: Sequence[EpochFigures]
    stages: list[Past]  # that it goes back to, the first one first; see `Manifest`
    temperature: float
    max_novelty: float  # answers above it are "not a digit"
    network_us: float  # an image, in the training process, in batches of `PREDICT_BATCH`
    validation: Evaluation
    test: Evaluation
    damaged: Figures | None = None  # validation images under MNIST-C's kinds of damage
    measured: Figures | None = None  # what `evaluate` has found of the same weights, if it was run


def write_report(folder: Path, report: Report, test: Split, answers: NDArray[np.float32]) -> None:
    """Write all parts into `folder`; `answers` are the probabilities (n, 10) on `test`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / METRICS_NAME).write_text(
        json.dumps(asdict(report), indent=1) + "\n", encoding="utf-8"
    )
    pictures = {
        "learning_curves.png": draw_learning_curves(report.history),
        "confusion.png": draw_confusion(report.test.confusion),
        "calibration.png": draw_calibration(report.test),
        "misread.png": draw_misread(report.test.misread, test, answers),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=DPI, facecolor="white")
    (folder / CARD_NAME).write_text(write_card(report), encoding="utf-8")
    page = write_report_page(report, test, answers)
    (folder / PAGE_NAME).write_text(page, encoding="utf-8")
