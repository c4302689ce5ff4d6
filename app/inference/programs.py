"""A SavedModel, compiled: the graph of a published version as programs of fixed sizes.

The SavedModel on disk is ordinary, so that other servers load it too: it is compiled here, at load,
for a few fixed sizes. The programs read the weights from variables, so that another version of the
same graph needs no compiling: its weights are put in their place.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.errors import ModelError
from app.inference.contract import INPUT, NOVELTY_SIGNATURE, OUTPUTS, Layout, Scores
from app.inference.program import PROCESSOR, Program, Signature
from app.inference.quiet_tensorflow import tf
from app.inference.sizes import PROGRAM_SIZES
from app.memory import return_freed

COMPILE_THREADS = 2  # XLA compiles two programs at once in little more time than one
VARIABLES = "variables/variables"  # the checkpoint within a SavedModel

SavedModel = Any  # TensorFlow carries no types


class Programs:
    """The compiled programs of one graph, one a size, over one set of weights.

    For one thread at a time.
    """

    def __init__(self, model: SavedModel, programs: dict[int, Program]) -> None:
        self._model = model  # owns the variables, to which the programs refer but weakly
        self._programs = programs

    @classmethod
    def load(cls, version_dir: Path) -> Programs:
        """Load a SavedModel and compile it. Raises `ModelError` when it is not as it should be."""
        with tf.device(PROCESSOR):  # whither calls follow the weights, also where there is a GPU
            model = _load_model(version_dir)
        _check_signatures(model, version_dir)
        programs = cls(model, _compile(model, version_dir))
        return_freed()  # some 80 MiB that compiling took
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

    def run(self, size: int, images: NDArray[np.float32]) -> Scores:
        """Return the scores of images float32 (n, 28, 28) by the program of that size."""
        return self._programs[size].read(images)


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


def _compile(model: SavedModel, version_dir: Path) -> dict[int, Program]:
    """Compile one pass to both scores with XLA for every size; run each program once."""
    signature: Signature = model.signatures[NOVELTY_SIGNATURE]
    try:
        with ThreadPoolExecutor(COMPILE_THREADS) as pool:
            programs = pool.map(partial(Program, signature), PROGRAM_SIZES)
            return dict(zip(PROGRAM_SIZES, programs, strict=True))
    except Exception as error:  # likewise
        raise ModelError(f"{version_dir} does not compile: {_first_line(error)}") from error


def _first_line(error: Exception) -> str:
    """Return what TensorFlow says before it goes into details."""
    return str(error).strip().partition("\n")[0][:200]
