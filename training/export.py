"""Export: a trained network → the next `models/digits/<n>/`, which is whole or not there at all.

network ─ SavedModel ─▶ staging folder ─ report, manifest ─▶ read back in a fresh process ─ rename
─▶ <n>/
"""

from __future__ import annotations

import base64
import os
import platform
import shutil
from concurrent.futures import BrokenExecutor, ProcessPoolExecutor
from dataclasses import asdict
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from app.errors import ModelError
from app.imaging import IMAGE_SIDE
from app.inference.manifest import (
    INPUT,
    OUTPUT,
    Golden,
    GoldenSample,
    Manifest,
    TestFigures,
    Training,
    digest_file,
    list_files,
    write_manifest,
)
from app.inference.saved_model import SIGNATURE, SavedModelClassifier
from app.inference.versions import find_versions
from training.data import Split
from training.errors import TrainingError
from training.evaluate import classify_all
from training.network import CLASSES, forward_flops
from training.report import Report

REPORT_DIR = "assets.extra/report"
GOLDEN_PER_CLASS = 2
# Float32 kernels of other processors and of XLA differ from Keras's by some 1e-6; a wrong weight by
# far more.
TOLERANCE = 1e-3


def save_network(network: keras.Model, temperature: float, folder: Path) -> None:
    """Write `network` as a SavedModel with the one signature of the contract.

    `serving_default`: `image` float32 (batch, 28, 28), 0..1 → `probabilities` float32 (batch, 10),
    the softmax of the logits over `temperature`. The loop over time stays a loop, and the
    operations are ordinary ones.
    """

    @tf.function(
        input_signature=[tf.TensorSpec((None, IMAGE_SIDE, IMAGE_SIDE), tf.float32, INPUT.name)]
    )
    def serve(image: tf.Tensor) -> dict[str, tf.Tensor]:
        return {OUTPUT.name: tf.nn.softmax(network(image, training=False) / temperature)}

    root = tf.Module()
    root.weights = [weight.value for weight in network.weights]
    tf.saved_model.save(root, str(folder), signatures={SIGNATURE: serve})


def pick_golden(split: Split, probabilities: NDArray[np.float32]) -> Golden:
    """Return the first images of each digit in `split`, with the answers (n, 10) they must give."""
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
                probabilities=tuple(round(float(value), 7) for value in probabilities[i]),
            )
            for i in chosen
        ),
    )


def publish(
    network: keras.Model,
    report: Report,
    validation: Split,
    probabilities: NDArray[np.float32],
    report_dir: Path,
    models_dir: Path,
) -> Path:
    """Publish `network` as the next version in `models_dir` and return its folder.

    `probabilities` (n, 10) are the network's own answers on `validation`; the version is published
    only when a fresh process that loads it as the service does gives the same. Raises
    `TrainingError` when it does not, or when the folder cannot be written; nothing is left behind
    then.
    """
    try:
        models_dir.mkdir(parents=True, exist_ok=True)
        version = max(find_versions(models_dir), default=0) + 1
        target = models_dir / str(version)
        with TemporaryDirectory(prefix=".staging-", dir=models_dir) as staging:
            folder = Path(staging, str(version))
            save_network(network, report.temperature, folder)
            shutil.copytree(report_dir, folder / REPORT_DIR)
            golden = pick_golden(validation, probabilities)
            write_manifest(folder, _describe(folder, version, report, golden))
            check_parity(folder, validation, probabilities)
            folder.rename(target)
    except (OSError, ModelError, BrokenExecutor) as error:
        raise TrainingError(
            f"The version could not be published in {models_dir}: {error}"
        ) from error
    return target


def check_parity(version_dir: Path, split: Split, expected: NDArray[np.float32]) -> None:
    """Let a fresh process load the version and read `split`.

    Raises `TrainingError` when its answers are not `expected` (n, 10).
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        found = fresh.submit(_load_and_classify, version_dir, split.scaled()).result()
    error = float(np.abs(found - expected).max())
    if not error <= TOLERANCE:
        raise TrainingError(
            f"The exported version answers otherwise than the network: off by {error:.2g}."
        )


def _load_and_classify(version_dir: Path, images: NDArray[np.float32]) -> NDArray[np.float32]:
    """Load a version as the service does; return its answers (n, 10). Runs in a process apart."""
    return classify_all(SavedModelClassifier.load(version_dir), images)


def _describe(folder: Path, version: int, report: Report, golden: Golden) -> Manifest:
    """Return the manifest of the version whose files lie in `folder`."""
    test = report.test
    return Manifest(
        version=version,
        created=datetime.now(UTC).replace(microsecond=0),
        files={name: digest_file(folder / name) for name in sorted(list_files(folder))},
        input=INPUT,
        output=OUTPUT,
        classes=tuple(map(str, range(CLASSES))),
        temperature=report.temperature,
        min_confidence=report.min_confidence,
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
    }
