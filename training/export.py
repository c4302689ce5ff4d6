"""Export: a trained network → the next `models/digits/<n>/`, which is whole or not there at all.

network ─ SavedModel ─▶ staging folder ─ report, warm-up, manifest ─▶ read back in a fresh process
─ rename ─▶ <n>/
"""

from __future__ import annotations

import base64
import os
import platform
import shutil
from concurrent.futures import BrokenExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import tensorflow as tf

from app.errors import ModelError
from app.inference.contract import CLASSES, INPUT, OUTPUTS, Scores
from app.inference.manifest import (
    Golden,
    GoldenSample,
    Manifest,
    Stage,
    TestFigures,
    Training,
    write_manifest,
)
from app.inference.version_files import digest_file, list_files
from app.inference.versions import find_versions
from training.data import Split
from training.errors import TrainingError
from training.network import forward_flops
from training.read_back import read_in_fresh_process
from training.report import Report
from training.signatures import TOLERANCE, check_parity, save_network
from training.warmup import write_warmup

REPORT_DIR = "assets.extra/report"
GOLDEN_PER_CLASS = 2


def pick_golden(split: Split, scores: Scores) -> Golden:
    """Return the first images of each digit in `split`, with the answers that they must give."""
    chosen = [
        i
        for digit in range(CLASSES)
        for i in np.flatnonzero(split.labels == digit)[:GOLDEN_PER_CLASS]
    ]
    return Golden(
        tolerance=TOLERANCE,
        samples=tuple(
            GoldenSample(
                label=int(split.labels[i]),
                pixels=base64.b64encode(split.images[i].tobytes()).decode("ascii"),
                probabilities=tuple(round(float(each), 7) for each in scores.probabilities[i]),
                novelty=round(float(scores.novelty[i]), 7),
            )
            for i in chosen
        ),
    )


def publish(
    network: keras.Model,
    report: Report,
    validation: Split,
    scores: Scores,
    report_dir: Path,
    models_dir: Path,
) -> Path:
    """Publish `network` as the next version in `models_dir` and return its folder.

    `scores` are the network's own answers on `validation`; the version is published only when a
    fresh process that loads it as the service does gives the same. Raises `TrainingError` when it
    does not, or when the folder cannot be written; no version is left behind then.
    """
    require_room(models_dir)
    try:
        version = max(find_versions(models_dir), default=0) + 1
        target = models_dir / str(version)
        with TemporaryDirectory(prefix=".staging-", dir=models_dir) as staging:
            folder = Path(staging, str(version))
            save_network(network, report.temperature, folder)
            shutil.copytree(report_dir, folder / REPORT_DIR)
            golden = pick_golden(validation, scores)
            write_warmup(folder, golden.images())
            write_manifest(folder, _describe(folder, version, report, golden))
            check_parity(read_in_fresh_process(folder, validation), scores)
            folder.rename(target)
    except (OSError, ModelError, BrokenExecutor) as error:
        raise TrainingError(
            f"The version could not be published in {models_dir}: {error}. What was trained is "
            "kept: export publishes it."
        ) from error
    return target


def require_room(models_dir: Path) -> None:
    """Make the folder if need be; raise `TrainingError` when it cannot hold a version."""
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        TemporaryDirectory(prefix=".staging-", dir=models_dir).cleanup()
    except OSError as error:
        raise TrainingError(
            f"No version can be published in {models_dir} ({error.strerror}). "
            "Give another folder as --models-dir."
        ) from error


def _describe(folder: Path, version: int, report: Report, golden: Golden) -> Manifest:
    """Return the manifest of the version whose files lie in `folder`."""
    test = report.test
    return Manifest(
        version=version,
        created=datetime.now(UTC).replace(microsecond=0),
        files={name: digest_file(folder / name) for name in sorted(list_files(folder))},
        input=INPUT,
        outputs=OUTPUTS,
        classes=tuple(map(str, range(CLASSES))),
        temperature=report.temperature,
        max_novelty=report.max_novelty,
        flops=forward_flops(report.preset),
        parameters=report.parameters,
        training=Training(
            preset=asdict(report.preset),
            seed=report.seed,
            duration_s=round(report.duration_s, 1),
            data=report.data_sha256,
            split={
                "training": report.training_images,
                "validation": report.validation.images,
                "test": test.images,
            },
            source_revision=report.source_revision,
            libraries=library_versions(),
            stages=tuple(
                Stage(
                    preset=past.preset,
                    seed=past.seed,
                    duration_s=past.duration_s,
                    source_revision=past.source_revision,
                )
                for past in report.stages
            ),
            machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        ),
        test=TestFigures(
            images=test.images,
            correct=test.correct,
            accuracy=test.accuracy,
            expected_calibration_error=test.expected_calibration_error,
            negative_log_likelihood=test.negative_log_likelihood,
        ),
        golden=golden,
    )


def library_versions() -> dict[str, str]:
    """Return the versions of Python and of the libraries that decide what training gives."""
    return {
        "python": platform.python_version(),
        "tensorflow": tf.__version__,
        "keras": keras.__version__,
        "numpy": np.__version__,
        # Of the digits and strangers that are drawn, and of the temperature.
        **{name: version(name) for name in ("matplotlib", "pillow", "scipy")},
    }
