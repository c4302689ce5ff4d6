"""TensorFlow, imported without its greetings, without Keras and without looking for garbage.

Which takes seconds: apart from what needs it stands all that must be importable in an instant. The
only module of the app that imports it.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

KERAS_OPTIMIZERS: Final = "keras.src.optimizers"

# Read once, at the import that follows. With oneDNN on, TensorFlow prints a greeting on stderr that
# no log level silences; what XLA compiles does not use it.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")


@contextmanager
def _without_keras() -> Iterator[None]:
    """Let Keras's optimizers be nowhere to be found, unless they are there already.

    At the end of its own import TensorFlow imports them, if it can, for models that are trained: a
    fifth of the time of all, and 50 MiB. Who wants Keras imports it later.
    """
    if KERAS_OPTIMIZERS in sys.modules:
        yield
        return
    sys.modules[KERAS_OPTIMIZERS] = None  # type: ignore[assignment] # which means just that
    try:
        yield
    finally:
        del sys.modules[KERAS_OPTIMIZERS]


@contextmanager
def _without_collector() -> Iterator[None]:
    """Look for no garbage among 350,000 objects that live for ever: 0.5 s for nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


with _without_keras(), _without_collector():
    import tensorflow as tf

__all__ = ["tf"]
