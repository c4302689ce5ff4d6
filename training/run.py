"""The commands: what `train`, `export` and `evaluate` do.

load ─▶ fit, after what the preset starts from ─▶ release
"""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from training.answers import LocalVersion, Subject
from training.checkpoint import has_checkpoint, refuse_to_overwrite
from training.data import Split
from training.fit import Fitted, fit, restore
from training.job import Job
from training.measure import Plan, measure
from training.outputs import Outputs
from training.progress import Progress
from training.release import release
from training.remote import RemoteService
from training.tables import print_tables


def train(job: Job, *, resume: bool, console: Console) -> None:
    """Train, evaluate, report, publish; prints where the version lies and what it scored."""
    job.run_dir.mkdir(parents=True, exist_ok=True)
    training, validation = job.data.training()
    if not resume:
        refuse_to_overwrite(job.run_dir, job.preset.epochs or 1)
    fitted = _train(job, training, validation, console, resume=resume)
    release(job, fitted, len(training), validation, console)


def _train(
    job: Job, training: Split, validation: Split, console: Console, *, resume: bool
) -> Fitted:
    """Train, after what the preset starts from: trained here too, or what is there already."""
    goes_on = resume and has_checkpoint(job.run_dir)
    sources = []
    if not goes_on or job.preset.teacher_share:
        for first in job.first:
            console.print(f"First preset {first.preset.name}, seed {first.seed}.", highlight=False)
            there = resume or has_checkpoint(first.run_dir)
            sources.append(_train(first, training, validation, console, resume=there).network)
    return fit(
        job.preset,
        training,
        validation,
        seed=job.seed,
        run_dir=job.run_dir,
        resume=goes_on or (resume and not job.first),
        progress=Progress(console),
        sources=sources,
    )


def export(job: Job, console: Console) -> None:
    """Evaluate, report and publish the weights of the run's last checkpoint."""
    training, validation = job.data.training()
    fitted = restore(job.preset, training, seed=job.seed, run_dir=job.run_dir)
    release(job, fitted, len(training), validation, console)


def evaluate_version(
    model: Path, url: str | None, plan: Plan, outputs: Outputs, console: Console
) -> None:
    """Measure a version in process, or the service at `url`, on all that is planned."""
    outputs.touch()
    subject: Subject = LocalVersion.load(model) if url is None else RemoteService(url)
    found = measure(subject, plan, console)
    print_tables(console, found.figures)
    outputs.write(found)
