"""The commands: what `train`, `export` and `evaluate` do, from data to a published version.

load ─ fit ─▶ calibrate (validation) ─▶ evaluate (test, once) ─▶ report ─▶ export
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.table import Table

from app.inference.contract import Scores
from training.answers import LocalVersion, Subject
from training.checkpoint import has_checkpoint, read_past, refuse_to_overwrite
from training.data import Mnist, Split
from training.evaluate import (
    Evaluation,
    evaluate,
    fit_temperature,
    novelty_threshold,
)
from training.export import publish
from training.fit import Fitted, fit, restore
from training.measure import Plan, measure
from training.network import compile_predict
from training.outputs import Outputs
from training.presets import Preset, find_preset
from training.progress import Progress
from training.remote import RemoteService
from training.report import Report, write_report
from training.signatures import digit_logits, scores_of
from training.tables import print_tables

TURNED_AWAY = 0.01  # largest share of the validation digits that may be called "not a digit"
START_SEED = 1
REPORT_DIR = "report"  # inside the folder of the run


@dataclass(frozen=True)
class Job:
    """One run: what is trained, from which data, where its checkpoint and its versions go."""

    preset: Preset
    seed: int
    data: Mnist
    run_dir: Path
    models_dir: Path

    @property
    def first(self) -> Job | None:
        """The run that this one starts from, beside it and of seed 1: all seeds share a start."""
        name = self.preset.starts_from
        if name is None:
            return None
        folder = self.run_dir.parent / f"{name}-{START_SEED}"
        return replace(self, preset=find_preset(name), seed=START_SEED, run_dir=folder)


def train(job: Job, *, resume: bool, console: Console) -> None:
    """Train, evaluate, report, publish; prints where the version lies and what it scored."""
    job.run_dir.mkdir(parents=True, exist_ok=True)
    training, validation = job.data.training()
    if not resume:
        refuse_to_overwrite(job.run_dir, job.preset.epochs or 1)
    fitted = _train(job, training, validation, console, resume=resume)
    _release(job, fitted, len(training), validation, console)


def _train(
    job: Job, training: Split, validation: Split, console: Console, *, resume: bool
) -> Fitted:
    """Train, after what the preset starts from: trained here too, or what is there already."""
    start, first = None, job.first
    if first is not None and not (resume and has_checkpoint(job.run_dir)):
        console.print(
            f"First preset {first.preset.name}, whose weights {job.preset.name} starts from.",
            highlight=False,
            soft_wrap=True,
        )
        goes_on = resume or has_checkpoint(first.run_dir)
        start = _train(first, training, validation, console, resume=goes_on).network
        resume = False
    return fit(
        job.preset,
        training,
        validation,
        seed=job.seed,
        run_dir=job.run_dir,
        resume=resume,
        progress=Progress(console),
        start=start,
    )


def export(job: Job, console: Console) -> None:
    """Evaluate, report and publish the weights of the run's last checkpoint."""
    training, validation = job.data.training()
    fitted = restore(job.preset, training, seed=job.seed, run_dir=job.run_dir)
    _release(job, fitted, len(training), validation, console)


@dataclass(frozen=True)
class Assessment:
    """A run's report and the answers it is about."""

    report: Report
    validation_scores: Scores
    test_scores: Scores


def assess(
    job: Job, fitted: Fitted, training_images: int, validation: Split, test: Split
) -> Assessment:
    """Calibrate on validation, then evaluate on it and on the test images."""
    predict = compile_predict(fitted.network)
    logits = predict(validation.scaled())
    temperature = fit_temperature(digit_logits(logits), validation.labels)
    validation_scores = scores_of(logits, temperature)
    max_novelty = novelty_threshold(validation_scores.novelty, TURNED_AWAY)
    test_scores = scores_of(predict(test.scaled()), temperature)
    report = Report(
        preset=job.preset,
        seed=job.seed,
        training_images=training_images,
        data_sha256=dict(job.data.sha256),
        parameters=fitted.network.count_params(),
        duration_s=fitted.duration_s,
        source_revision=fitted.source_revision,
        history=fitted.history,
        start=None if job.first is None else read_past(job.first.run_dir),
        temperature=temperature,
        max_novelty=max_novelty,
        validation=_evaluate(validation_scores, validation, max_novelty),
        test=_evaluate(test_scores, test, max_novelty),
    )
    return Assessment(report, validation_scores, test_scores)


def _release(
    job: Job, fitted: Fitted, training_images: int, validation: Split, console: Console
) -> None:
    """Read the test images, write the report, publish."""
    test = job.data.test()
    found = assess(job, fitted, training_images, validation, test)
    report_dir = job.run_dir / REPORT_DIR
    write_report(report_dir, found.report, test, found.test_scores.probabilities)
    print_figures(console, found.report.test, f"preset {job.preset.name}, seed {job.seed}")
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
        f"Published {target}, which the service answers with from its next start. "
        f"Report: {report_dir}",
        highlight=False,
        soft_wrap=True,
    )


def _evaluate(scores: Scores, split: Split, max_novelty: float) -> Evaluation:
    """Evaluate answers on `split`, abstaining above `max_novelty`."""
    is_digit = scores.novelty.astype(np.float64) <= max_novelty
    return evaluate(scores.probabilities, split.labels, is_digit)


def evaluate_version(
    model: Path, url: str | None, plan: Plan, outputs: Outputs, console: Console
) -> None:
    """Measure a version in process, or the service at `url`, on all that is planned."""
    outputs.touch()
    subject: Subject = LocalVersion.load(model) if url is None else RemoteService(url)
    found = measure(subject, plan, console)
    print_tables(console, found.figures)
    outputs.write(found)


def print_figures(console: Console, result: Evaluation, source: str) -> None:
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
