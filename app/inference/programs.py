"""A SavedModel, compiled: the graph of a published version as programs of fixed batch sizes.

The SavedModel on disk is ordinary, so that other servers load it too: it is compiled here, at load,
for a few fixed batch sizes. The programs read the weights from variables, so that another version
of the same graph needs no compiling: its weights are put in their place. The only module of the app
that imports TensorFlow, apart from which stands all that must be importable in an instant.
"""

from __future__ import annotations

import contextlib
import ctypes
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
)
from app.inference.sizes import BATCH_SIZES

# Read once, at the import that follows. With oneDNN on, TensorFlow prints a greeting on stderr that
# no log level silences; what XLA compiles does not use it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
import tensorflow as tf

COMPILE_THREADS = 2  # XLA compiles two programs at once in little more time than one
VARIABLES = "variables/variables"  # the checkpoint within a SavedModel

Tensor = Any  # TensorFlow carries no types
SavedModel = Any
Signature = Any
Forward = Callable[[Tensor], tuple[Tensor, Tensor]]  # images → probabilities, novelty


class Programs:
    """The compiled programs of one graph, one a batch size, over one set of weights."""

    def __init__(self, model: SavedModel, forwards: dict[int, Forward]) -> None:
        self._model = model  # owns the variables, to which the programs refer but weakly
        self._forwards = forwards

    @classmethod
    def load(cls, version_dir: Path) -> Programs:
        """Load a SavedModel and compile it. Raises `ModelError` when it is not as it should be."""
        model = _load_model(version_dir)
        _check_signatures(model, version_dir)
        programs = cls(model, _compile(model, version_dir))
        _return_freed_memory()
        return programs

    def take_weights(self, version_dir: Path) -> None:
        """Put the weights of another version of the same graph in the place of these.

        Raises `ModelError` when they are not all there.
        """
        try:
            checkpoint = tf.train.Checkpoint(root=self._model)
            restored = checkpoint.read(str(version_dir / VARIABLES))
            restored.assert_existing_objects_matched()
        except Exception as error:  # TensorFlow raises nearly anything for a damaged file
            raise ModelError(
                f"{version_dir} holds other weights than its graph takes: {_first_line(error)}"
            ) from error

    def run(self, images: NDArray[np.float32]) -> Scores:
        """Return the scores of images float32 (size, 28, 28), of one of BATCH_SIZES."""
        probabilities, novelty = self._forwards[len(images)](tf.constant(images))
        return Scores(probabilities.numpy(), novelty.numpy())


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


def _return_freed_memory() -> None:
    """Give back to the system what compiling has freed: some 80 MiB, which glibc would keep."""
    with contextlib.suppress(AttributeError):  # another C library
        ctypes.CDLL(None).malloc_trim(0)


def _first_line(error: Exception) -> str:
    """Return what TensorFlow says before it goes into details."""
    return str(error).strip().partition("\n")[0][:200]
