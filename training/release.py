"""Release: a trained network → figures, report, published version.

fitted ─▶ calibrate (validation) ─▶ evaluate (test, once; damaged validation) ─▶ report ─▶ export
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from app.inference.contract import Scores
from training.answers import LocalVersion
from training.checkpoint import Past, read_past
from training.data import Split
from training.errors import CheckpointError, TrainingError
from training.evaluate import Evaluation, evaluate, fit_temperature, novelty_threshold
from training.export import publish
from training.figures import Figures
from training.fit import Fitted
from training.job import Job
from training.measure import measure_damage
from training.network import PREDICT_BATCH, Predict, compile_predict
from training.report import Report, write_report
from training.signatures import digit_logits, scores_of

TURNED_AWAY = 0.01  # largest share of the validation digits that may be called "not a digit"
DAMAGED_IMAGES = 1_000  # of validation, in each kind of damage: some 15 s with `default`
REPORT_DIR = "report"  # inside the folder of the run


@dataclass(frozen=True)
class Unpublished:
    """A network that is no version yet, as the evaluation asks it."""

    predict: Predict
    temperature: float
    most_images: int = PREDICT_BATCH

    def classify(self, images: NDArray[np.float32]) -> Scores:
        """Return the scores of images (n, 28, 28), 0..1."""
        return scores_of(self.predict(images), self.temperature)


@dataclass(frozen=True)
class Assessment:
    """A run's report and the answers it is about."""

    report: Report
    validation_scores: Scores
    test_scores: Scores


def assess(
    job: Job,
    fitted: Fitted,
    training_images: int,
    validation: Split,
    test: Split,
    measured: Figures | None = None,
) -> Assessment:
    """Calibrate on validation, then evaluate on it, on the test images, and on damaged ones.

    Raises `TrainingError` when what was `measured` is of other weights.
    """
    predict = compile_predict(fitted.network)
    logits = predict(validation.scaled())
    temperature = fit_temperature(digit_logits(logits), validation.labels)
    validation_scores = scores_of(logits, temperature)
    max_novelty = novelty_threshold(validation_scores.novelty, TURNED_AWAY)
    test_logits, seconds = _timed(predict, test.scaled())
    test_scores = scores_of(test_logits, temperature)
    on_test = _evaluate(test_scores, test, max_novelty)
    if measured and measured.digits[0].confusion != on_test.confusion:
        raise TrainingError(
            f"{measured.source} reads the test images otherwise than these weights. "
            "Evaluate the version that was published from them."
        )
    report = Report(
        preset=job.preset,
        seed=job.seed,
        training_images=training_images,
        data_sha256=dict(job.data.sha256),
        parameters=fitted.network.count_params(),
        duration_s=fitted.duration_s,
        source_revision=fitted.source_revision,
        history=fitted.history,
        stages=_stages(job),
        temperature=temperature,
        max_novelty=max_novelty,
        network_us=1e6 * seconds / len(test),
        validation=_evaluate(validation_scores, validation, max_novelty),
        test=on_test,
        damaged=_read_damaged(
            LocalVersion(Unpublished(predict, temperature), "this run", max_novelty), validation
        ),
        measured=measured,
    )
    return Assessment(report, validation_scores, test_scores)


def release(
    job: Job,
    fitted: Fitted,
    training_images: int,
    validation: Split,
    console: Console,
    measured: Figures | None = None,
) -> None:
    """Read the test images, write the report, publish; `measured` is shown in the report."""
    test = job.data.test()
    console.print("Reading the test images, and damaged validation images …", style="dim")
    found = assess(job, fitted, training_images, validation, test, measured)
    report_dir = job.run_dir / REPORT_DIR
    write_report(report_dir, found.report, test, found.test_scores.probabilities)
    _print_figures(console, found.report.test, f"preset {job.preset.name}, seed {job.seed}")
    console.print("Reading the exported version back in a fresh process …", style="dim")
    target = publish(
        fitted.network,
        found.report,
        validation,
        found.validation_scores,
        report_dir,
        job.models_dir,
    )
    console.print(
        f"Published {target}, which a running service takes over in seconds unless it is pinned. "
        f"Report: {report_dir}",
        highlight=False,
        soft_wrap=True,
    )


def _timed(predict: Predict, images: NDArray[np.float32]) -> tuple[NDArray[np.float32], float]:
    """Return the logits of images (n, 28, 28), and the seconds that they took."""
    started = time.perf_counter()
    logits = predict(images)
    return logits, time.perf_counter() - started


def _read_damaged(network: LocalVersion, validation: Split) -> Figures:
    """Read the first validation images, damaged: the test images stay for what is compared."""
    some = Split(validation.images[:DAMAGED_IMAGES], validation.labels[:DAMAGED_IMAGES])
    return measure_damage(network, some, f"The first {len(some):,} MNIST validation images")


def _evaluate(scores: Scores, split: Split, max_novelty: float) -> Evaluation:
    """Evaluate answers on `split`, abstaining above `max_novelty`."""
    return evaluate(scores.probabilities, split.labels, scores.are_digits(max_novelty))


def _stages(job: Job) -> list[Past]:
    """Return the trainings of the networks that taught this run; `CheckpointError` without one."""
    stages: list[Past] = []
    for teacher in job.teachers:
        past = read_past(teacher.run_dir)
        if past is None:
            raise CheckpointError(
                f"{teacher.run_dir}, which taught this run, is gone or damaged, so the version "
                "could not tell how it was made. Restore it."
            )
        stages.append(past)
    return stages


def _print_figures(console: Console, result: Evaluation, source: str) -> None:
    """Print the figures as a person wants to see them: totals first, then each digit."""
    low, high = result.accuracy_interval
    recalls = [f"{each.recall:.1%}" for each in result.classes]
    table = Table(
        title=f"{result.images:,} test images · {source}",
        title_justify="left",
        show_header=False,
        box=None,
    )
    for name, value in (
        ("accuracy", f"{result.accuracy:.2%}   95%: {low:.2%} to {high:.2%}"),
        ("misread", f"{result.images - result.correct:,}"),
        ("calibration error", f"{result.expected_calibration_error:.2%}"),
        ("negative log-likelihood", f"{result.negative_log_likelihood:.4f} nats"),
        ("said not a digit", f"{result.abstained:,}"),
        ("recall of 0 to 4", "  ".join(recalls[:5])),
        ("recall of 5 to 9", "  ".join(recalls[5:])),
    ):
        table.add_row(name, value)
    console.print(table, highlight=False)
