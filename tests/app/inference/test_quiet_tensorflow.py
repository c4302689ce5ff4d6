"""TensorFlow is imported without what serving needs nothing of, and works as ever."""

from __future__ import annotations

import subprocess
import sys

IMPORTED = """
import gc, sys
from app.inference.quiet_tensorflow import tf
print("keras" in sys.modules, gc.isenabled())
"""
THEN_KERAS = """
import keras
network = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
network.compile(keras.optimizers.Adam(), "mse")
network.fit(tf.zeros((4, 2)), tf.zeros((4, 1)), verbose=0)
print(tf.keras.Model is keras.Model)
"""


def test_keras_is_left_for_who_wants_it() -> None:
    """It is not imported along, and is all there afterwards; garbage is collected again."""
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED + THEN_KERAS], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == ["False", "True", "True"]
