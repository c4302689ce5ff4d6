"""A published version, verified and compiled: images (n, 28, 28) in, scores of n images out.

The SavedModel on disk is ordinary, so that other servers load it too: it is compiled here, at load,
for a few fixed sizes, in calls of which every batch is read. The only module of the app that
imports TensorFlow, apart from which stands all that must be importable in an instant.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import ModelError
from app.imaging import IMAGE_SIDE
from app.inference.contract import (
    INPUT,
    NOVELTY,
    NOVELTY_SIGNATURE,
    OUTPUTS,
    PROBABILITIES,
    Layout,
    Scores,
    join,
)
from app.inference.manifest import Manifest, check_files, read_manifest
from app.inference.sizes import first_calls

# Read once, at the import that follows. With oneDNN on, TensorFlow prints a greeting on stderr that
# no log level silences; what XLA compiles does not use it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import tensorflow as tf

# Compiled for these many images: a lone one, a few, and as many as pay (one takes 0.4 ms alone,
# 0.1 ms among 64). Each size costs half a second of start-up.
BATCH_SIZES = (1, 8, 64)
COMPILE_THREADS = 2  # XLA compiles two programs at once in little more time than one

Tensor = Any  # TensorFlow carries no types
SavedModel = Any
Signature = Any
Forward = Callable[[Tensor], tuple[Tensor, Tensor]]  # images → probabilities, novelty


class SavedModelClassifier:
    """A `Classifier` over one verified SavedModel version."""

    def __init__(self, manifest: Manifest, model: SavedModel, programs: dict[int, Forward]) -> None:
        self.manifest = manifest
        self.batch_sizes = tuple(sorted(programs))
        self._model = model  # owns the variables, to which the programs refer but weakly
        self._programs = programs
        self._first_calls = first_calls(programs)

    @classmethod
    def load(cls, version_dir: Path) -> SavedModelClassifier:
        """Verify a version, compile it, warm it up and let it read its golden samples.

        Raises `ModelError` when a file, a signature, an output or a golden answer is not as the
        manifest says.
        """
        manifest = read_manifest(version_dir)
        check_files(version_dir, manifest)
        model = _load_model(version_dir)
        _check_signatures(model, version_dir)
        classifier = cls(manifest, model, _compile(model, version_dir))
        classifier._check_golden_samples(version_dir)
        return classifier

    def classify(self, images: NDArray[np.float32]) -> Scores:
        """Return the scores of images float32 (n, 28, 28), 0..1."""
        parts, left = [], images
        while len(left):
            size = self._first_calls[len(left)]
            parts.append(self._call(size, left[:size]))
            left = left[size:]
        return join(parts)

    def _call(self, size: int, images: NDArray[np.float32]) -> Scores:
        """Run the program of one size on no more images than that."""
        count = len(images)
        if size > count:
            padded = np.zeros((size, IMAGE_SIDE, IMAGE_SIDE), np.float32)
            padded[:count] = images
            images = padded  # (size, 28, 28)
        probabilities, novelty = self._programs[size](tf.constant(images))
        return Scores(probabilities.numpy(), novelty.numpy()).part(0, count)

    def _check_golden_samples(self, version_dir: Path) -> None:
        """Let every compiled program read the golden samples; raise when one answer is off."""
        golden = self.manifest.golden
        images, expected = golden.images(), golden.scores()
        for size in self.batch_sizes:
            for start in range(0, len(images), size):
                batch = images[start : start + size]
                scores = self._call(size, batch)
                if not scores.are_of(len(batch)):
                    raise ModelError(
                        f"{version_dir} answers with numbers that are not finite. Remove it."
                    )
                error = scores.off_by(expected.part(start, start + size))
                if error > golden.tolerance:
                    raise ModelError(
                        f"{version_dir} does not reproduce its golden samples: off by {error:.2g}, "
                        f"where {golden.tolerance:g} is allowed. Restore it or remove the version."
                    )


def _load_model(version_dir: Path) -> SavedModel:
    """Load the SavedModel, whatever its signatures."""
    try:
        return tf.saved_model.load(str(version_dir))
    except Exception as error:  # TensorFlow raises nearly anything for a damaged file
        raise ModelError(
            f"{version_dir} is not a SavedModel that TensorFlow loads: {_first_line(error)}"
        ) from error


def _check_signatures(model: SavedModel, version_dir: Path) -> None:
    """Raise when a signature of the contract is missing or takes or gives something else."""
    for name, outputs in OUTPUTS.items():
        if name not in model.signatures:
            raise ModelError(
                f"{version_dir} has no signature {name}. Publish the version again or remove it."
            )
        signature: Signature = model.signatures[name]
        for kind, specs, contracts in (
            ("input", signature.structured_input_signature[1], (INPUT,)),
            ("output", signature.structured_outputs, outputs),
        ):
            found = sorted(_layout(tensor, spec) for tensor, spec in specs.items())
            wanted = sorted(contract.layout for contract in contracts)
            if found != wanted:
                raise ModelError(
                    f"{version_dir}: the {kind} of signature {name} is {found}, not {wanted}. "
                    "Publish the version again or remove it."
                )


def _layout(name: str, spec: tf.TensorSpec) -> Layout:
    """Return a tensor of a signature as the contract writes it."""
    shape = None if spec.shape.rank is None else tuple(spec.shape)
    return name, spec.dtype.name, shape


def _compile(model: SavedModel, version_dir: Path) -> dict[int, Forward]:
    """Compile one pass to both scores with XLA for every batch size; run each program once."""
    signature: Signature = model.signatures[NOVELTY_SIGNATURE]

    def read(image: Tensor) -> tuple[Tensor, Tensor]:
        scores = signature(image=image)
        return scores[PROBABILITIES.name], scores[NOVELTY.name]

    forward = tf.function(read, jit_compile=True)

    def compile_size(size: int) -> Forward:
        shape = (size, IMAGE_SIDE, IMAGE_SIDE)
        program: Forward = forward.get_concrete_function(tf.TensorSpec(shape, tf.float32))
        program(tf.zeros(shape))
        return program

    try:
        with ThreadPoolExecutor(COMPILE_THREADS) as pool:
            return dict(zip(BATCH_SIZES, pool.map(compile_size, BATCH_SIZES), strict=True))
    except Exception as error:  # likewise
        raise ModelError(f"{version_dir} does not compile: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """Return what TensorFlow says before it goes into details."""
    return str(error).strip().partition("\n")[0][:200]
