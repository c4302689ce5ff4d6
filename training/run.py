"""The commands: what `train`, `export` and `evaluate` do.

load ─▶ fit, after the teachers ─▶ release
"""

from __future__ import annotations

from pathlib import Path

import keras
from rich.console import Console

from app.client_key import ClientKeyError, client_key
from training.answers import LocalVersion, Subject
from training.board import Board
from training.checkpoint import has_checkpoint, read_past, refuse_to_overwrite
from training.data import Split
from training.errors import CheckpointError, TrainingError
from training.export import require_room
from training.figures import read_figures
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
    require_room(job.models_dir)  # before the hours that come
    job.run_dir.mkdir(parents=True, exist_ok=True)
    training, validation = job.data.training()
    if not resume:
        refuse_to_overwrite(job.run_dir)
    fitted = _train(job, training, validation, console, resume=resume)
    release(job, fitted, len(training), validation, console)


def what_is_kept(job: Job) -> str:
    """Return a sentence on what a run that was stopped has left, and how to go on."""
    past = read_past(job.run_dir)
    if past is None:
        return "No epoch of it was whole yet: the same command begins again."
    if past.epochs < past.total_epochs:
        return "The last whole epoch is kept: go on with --resume."
    return (
        f"{job.run_dir} holds a whole run: --preset {past.preset['name']} --seed {past.seed} "
        "--resume publishes it. Without --resume a new one begins."
    )


def _train(
    job: Job, training: Split, validation: Split, console: Console, *, resume: bool
) -> Fitted:
    """Train, after the teachers, if any: trained here too, or what is there already."""
    goes_on = resume and has_checkpoint(job.run_dir)
    return fit(
        job.preset,
        training,
        validation,
        seed=job.seed,
        run_dir=job.run_dir,
        resume=goes_on or (resume and not job.teachers),
        teachers=_train_teachers(job, training, validation, console, goes_on=goes_on),
        progress=Progress(console, Board(job.board_dir) if job.board_dir else None),
    )


def _train_teachers(
    job: Job, training: Split, validation: Split, console: Console, *, goes_on: bool
) -> list[keras.Model]:
    """Return the networks that teach a run.

    Raises `CheckpointError` when one is gone that has taught a run which goes on.
    """
    networks: list[keras.Model] = []
    for teacher in job.teachers:
        there = has_checkpoint(teacher.run_dir)
        if goes_on and not there:
            raise CheckpointError(
                f"{teacher.run_dir}, which teaches this run, is gone. "
                f"Restore it, or delete {job.run_dir} and start afresh."
            )
        console.print(
            f"First preset {teacher.preset.name}, seed {teacher.seed}: "
            f"{f'what {teacher.run_dir} holds' if there else 'from the beginning'}.",
            highlight=False,
        )
        networks.append(_train(teacher, training, validation, console, resume=there).network)
    return networks


def export(job: Job, console: Console, evaluation: Path | None = None) -> None:
    """Evaluate, report and publish the weights of the run's last checkpoint.

    The report also shows the figures that `evaluate --json` has written to `evaluation`.
    """
    measured = read_figures(evaluation) if evaluation else None
    training, validation = job.data.training()
    fitted = restore(job.preset, training, seed=job.seed, run_dir=job.run_dir)
    release(job, fitted, len(training), validation, console, measured)


def evaluate_version(where: Path | str, plan: Plan, outputs: Outputs, console: Console) -> None:
    """Measure a version in process, by its folder, or a service, by its URL, as is planned.

    A service is sent the key that ROWSCAN_API_KEY holds, if any.
    """
    outputs.touch()
    subject: Subject = LocalVersion.load(where) if isinstance(where, Path) else _service(where)
    found = measure(subject, plan, console)
    print_tables(console, found.figures)
    outputs.write(found)


def _service(url: str) -> RemoteService:
    try:
        return RemoteService(url, client_key())
    except ClientKeyError as error:
        raise TrainingError(str(error)) from error
