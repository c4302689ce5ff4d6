"""The model card of a run, from the figures in its report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.evaluate import Evaluation
from training.network import forward_flops

if TYPE_CHECKING:
    from training.report import Report


LIMITS = """## Limits

One digit, framed as MNIST frames it (the service does the framing). It knows ten classes: a letter
that looks like a digit is read as one, often with confidence. Handwriting of other times, places
and pens than MNIST's (USA, about 1990) is read less well, and the confidence means less, than these
figures say. Not for decisions about people without a person who checks.
"""


def write_card(report: Report) -> str:
    """Return the model card, Markdown: what it is, what it scored, how it was made, its limits."""
    return "\n".join(
        [_what(report), _scores(report.validation, report.test), _making(report), LIMITS]
    )


def _what(report: Report) -> str:
    """Return the title and what the network is."""
    preset = report.preset
    directions = "both directions" if preset.bidirectional else "one direction"
    return f"""# Model card: digits, preset `{preset.name}`

Reads one handwritten digit from a 28×28 image, with LSTMs only: {" and ".join(preset.readings)} as
28 timesteps of 28 features, {directions}, {preset.units} units each.
{report.parameters:,} weights, {forward_flops(preset) / 1e6:.1f} MFLOP an image.
"""


def _scores(validation: Evaluation, test: Evaluation) -> str:
    """Return the section of figures and pictures."""
    worst = min(test.classes, key=lambda each: each.recall)
    return f"""## Figures

| | validation | test |
|---|---|---|
{_figures_table(validation, test)}

Weakest digit: {worst.digit}, {worst.recall:.1%} of {worst.images:,} read rightly.

![Learning curves](learning_curves.png)
![Confusion](confusion.png)
![Calibration](calibration.png)
![Misread test images](misread.png)
"""


def _making(report: Report) -> str:
    """Return the section on command, data, time and what was fitted."""
    preset, validation, test = report.preset, report.validation, report.test
    length = f"{preset.steps} steps" if preset.steps else _count(len(report.history), "epoch")
    novelty = "an output of its own" if preset.drawn else "1 − confidence"
    return f"""## How it was made

    python -m training train --preset {preset.name} --seed {report.seed}

Data: MNIST (LeCun, Cortes, Burges): {report.training_images:,} images to train,
{validation.images:,} to validate, {test.images:,} to test. The test images were read once, after
training; this run made no choice on them. {length}, {duration_text(report.duration_s)} on the
machine that the manifest names, by the source at revision
`{report.source_revision}`.{_stages_text(report)}{_drawn_text(report)}

Confidence is calibrated by temperature {report.temperature:.3f}, fitted on validation images.
Novelty is {novelty}; above {report.max_novelty:.3g}, which at most 1% of the validation images
exceed, the service answers `is_digit: false`.
"""


def duration_text(seconds: float) -> str:
    """Return "3 hours 5 minutes", "1 minute" or "4 seconds"."""
    if seconds < 60:
        return _count(round(seconds), "second")
    hours, minutes = divmod(round(seconds / 60), 60)
    of_minutes = _count(minutes, "minute")
    return f"{_count(hours, 'hour')} {of_minutes}" if hours else of_minutes


def _count(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _stages_text(report: Report) -> str:
    """Return the sentences on the trainings that came before, if there were any."""
    if not report.stages:
        return ""
    rows = "\n".join(
        f"{number}. preset `{past.preset['name']}`, seed {past.seed}: "
        f"{_count(past.epochs, 'epoch')}, {duration_text(past.duration_s)}, "
        f"by revision `{past.source_revision}`"
        for number, past in enumerate(report.stages, start=1)
    )
    share = f"{report.preset.teacher_share:.0%}"
    taught = "what they answer, in turn" if len(report.stages) > 1 else "what it answers"
    return f"""

The same command first does the trainings before it, where they are not there yet:

{rows}

Of each of its targets {share} is {taught}."""


def _drawn_text(report: Report) -> str:
    """Return the sentence on what was drawn, if anything was."""
    drawn = report.preset.drawn
    if drawn is None:
        return ""
    return f"""

Beside MNIST it learnt {drawn.printed:,} printed digits ({drawn.printed_share:.0%} of each batch),
{drawn.written:,} as hands elsewhere write them ({drawn.written_share:.0%}) and, to tell them apart,
{drawn.strangers:,} pictures of no digit ({drawn.stranger_share:.0%}): letters and signs of many
scripts, scribbles, shapes, textures and numbers of several digits. `training/drawn.py` draws them
all from the seed."""


def _figures_table(validation: Evaluation, test: Evaluation) -> str:
    """Return the rows of the table of figures."""
    low, high = test.accuracy_interval
    rows = [
        ("images", f"{validation.images:,}", f"{test.images:,}"),
        (
            "accuracy",
            f"{validation.accuracy:.2%}",
            f"**{test.accuracy:.2%}** (95%: {low:.2%} to {high:.2%})",
        ),
        ("misread", validation.images - validation.correct, test.images - test.correct),
        (
            "expected calibration error",
            f"{validation.expected_calibration_error:.2%}",
            f"{test.expected_calibration_error:.2%}",
        ),
        ("Brier score", f"{validation.brier_score:.4f}", f"{test.brier_score:.4f}"),
        ('said "not a digit"', validation.abstained, test.abstained),
    ]
    return "\n".join(
        f"| {name} | {on_validation} | {on_test} |" for name, on_validation, on_test in rows
    )
