"""A version → its answers in a process that knows nothing of the training, as the service has them.

Neither does this module, which that process imports: no Keras, which the service lacks too.
"""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.contract import DEFAULT_SIGNATURE, PROBABILITIES, Scores
from app.inference.quiet_tensorflow import tf
from app.inference.saved_model import SavedModelClassifier
from training.data import Split
from training.evaluate import classify_all

BATCH = 500  # of another server


class Answers(NamedTuple):
    """What a version says of n images."""

    scores: Scores  # as the service has them
    plain: NDArray[np.float32]  # (n, 10), the probabilities as another server has them


def read_in_fresh_process(version_dir: Path, split: Split) -> Answers:
    """Let such a process load the version and read `split`.

    Raises what loading raises, and BrokenExecutor when the process dies over it.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as fresh:
        return fresh.submit(read_back, version_dir, split).result()


def read_back(version_dir: Path, split: Split) -> Answers:
    """Load the version and read `split`."""
    images = split.scaled()
    scores = classify_all(SavedModelClassifier.load(version_dir), images)
    model = tf.saved_model.load(str(version_dir))  # owns the variables of its signatures
    default = model.signatures[DEFAULT_SIGNATURE]
    batches = (tf.constant(images[at : at + BATCH]) for at in range(0, len(images), BATCH))
    plain = np.concatenate([default(image=batch)[PROBABILITIES.name] for batch in batches])
    return Answers(scores, plain)
