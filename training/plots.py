"""The pictures of a report: learning curves, confusion, calibration, misread images.

Draws with matplotlib's objects and its file canvas: no window system, no global state.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import NDArray

from app.inference.contract import CLASSES
from training.checkpoint import EpochFigures
from training.data import Split
from training.evaluate import Evaluation

INK, ACCENT, MUTED = "#1f2933", "#2563eb", "#9aa5b1"
GALLERY_COLUMNS = 10
MAX_GALLERY = 100


def _plain(axes: Axes) -> Axes:
    """Take away what carries no information; the rest in one ink."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[:].set_color(INK)
    axes.tick_params(which="both", color=INK, labelcolor=INK)
    for text in (axes.title, axes.xaxis.label, axes.yaxis.label):
        text.set_color(INK)
    return axes


def draw_learning_curves(history: Sequence[EpochFigures]) -> Figure:
    """Draw losses and misread shares over epochs, of training and of validation."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    losses, errors = figure.subplots(1, 2)
    epochs = [each.epoch for each in history]
    marker = "o" if len(epochs) == 1 else None
    _plain(losses).plot(
        epochs, [each.loss for each in history], color=MUTED, label="training", marker=marker
    )
    losses.plot(
        epochs,
        [each.validation_loss for each in history],
        color=ACCENT,
        label="validation",
        marker=marker,
    )
    losses.set(xlabel="epoch", ylabel="cross-entropy (nats)", title="Loss")
    losses.legend(frameon=False, labelcolor=INK)
    trained = [100 * (1 - each.accuracy) for each in history]
    misread = [100 * (1 - each.validation_accuracy) for each in history]
    _plain(errors).plot(epochs, trained, color=MUTED, marker=marker)
    errors.plot(epochs, misread, color=ACCENT, marker=marker)
    errors.set(xlabel="epoch", ylabel="misread (%)", title="Misread")
    if min(*trained, *misread) > 0:
        errors.set_yscale("log")
        errors.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        errors.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        errors.yaxis.set_minor_locator(NullLocator())
    return figure


def draw_confusion(confusion: Sequence[Sequence[int]]) -> Figure:
    """Draw the (10, 10) counts; the shade is of the mistakes, the diagonal stays plain."""
    counts = np.array(confusion)
    mistakes = counts - np.diag(counts.diagonal())
    figure = Figure(figsize=(6.2, 5.6), layout="constrained")
    axes = figure.subplots()
    axes.imshow(mistakes, cmap="Blues", vmin=0, vmax=max(1, 1.4 * mistakes.max()))
    for row, column in np.ndindex(counts.shape):
        if counts[row, column]:
            weight = "bold" if row == column else "normal"
            axes.text(
                column,
                row,
                f"{counts[row, column]:,}",
                ha="center",
                va="center",
                color=INK,
                fontweight=weight,
                fontsize=9,
            )
    axes.set(xticks=range(CLASSES), yticks=range(CLASSES), xlabel="answered", ylabel="written")
    axes.set_title(f"{int(mistakes.sum())} of {int(counts.sum()):,} misread")
    axes.spines[:].set_visible(False)
    return figure


def draw_calibration(evaluation: Evaluation) -> Figure:
    """Draw accuracy over confidence, with the number of answers in each bin."""
    figure = Figure(figsize=(5.6, 5.2), layout="constrained")
    axes = _plain(figure.subplots())
    axes.plot([0, 1], [0, 1], color=MUTED, linestyle="--", linewidth=1)
    bins = evaluation.calibration
    axes.plot(
        [each.mean_confidence for each in bins],
        [each.accuracy for each in bins],
        "o-",
        color=ACCENT,
    )
    for each in bins:
        axes.annotate(
            f"{each.images:,}", (each.mean_confidence, each.accuracy), xytext=(6, -11),
            textcoords="offset points", fontsize=8, color=INK, annotation_clip=False,
        )  # fmt: skip
    axes.set(xlabel="confidence", ylabel="share read rightly", xlim=(0, 1.02), ylim=(-0.02, 1.04))
    axes.set_title(f"Expected calibration error {evaluation.expected_calibration_error:.2%}")
    return figure


def surest_mistakes(misread: Sequence[int], answers: NDArray[np.float32]) -> list[int]:
    """Return those of the misread images that are shown, the surest first."""
    return sorted(misread, key=lambda index: -float(answers[index].max()))[:MAX_GALLERY]


def draw_misread(misread: Sequence[int], test: Split, answers: NDArray[np.float32]) -> Figure:
    """Draw the misread test images, written → answered, the surest mistakes first."""
    surest = surest_mistakes(misread, answers)
    rows = max(1, -(-len(surest) // GALLERY_COLUMNS))
    figure = Figure(figsize=(GALLERY_COLUMNS, 1.25 * rows + 0.4), layout="constrained")
    figure.suptitle(
        f"Misread test images: written → answered ({len(surest)} of {len(misread)})", color=INK
    )
    grid = np.atleast_1d(figure.subplots(rows, GALLERY_COLUMNS)).ravel()
    for axes in grid:
        axes.set_axis_off()
    for axes, index in zip(grid, surest, strict=False):
        axes.imshow(test.images[index], cmap="gray_r", vmin=0, vmax=255)
        answer = answers[index]
        axes.set_title(
            f"{test.labels[index]} → {answer.argmax()}  {answer.max():.0%}", fontsize=8, color=INK
        )
    return figure
