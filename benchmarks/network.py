"""The network alone, in process: no request, no queue, one thread, images that are there already.

Its time for one batch of each size, through `classify` as the service calls it, beside ONNX
Runtime's fused LSTM over the same weights on one thread (`servers/onnx_lstm.py`). The two take
turns in short blocks; times are the least of all blocks, ratios medians over pairs of blocks.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from app.inference.versions import find_versions, saved_models
from benchmarks.environments import SERVERS, python_of

BATCHES = (1, 2, 4, 8, 16, 32, 64)
BLOCK_IMAGES = 64
BLOCKS_A_ROUND = 10
Clock = Callable[[int, int], float]  # batch, calls → seconds


class Alone:
    """The classifier that the service has, called on images that are there already."""

    def __init__(self, version: Path) -> None:
        self._classifier = saved_models()(version)

    def seconds(self, batch: int, calls: int) -> float:
        """Return the time of so many calls."""
        images = np.random.default_rng(0).random((batch, 28, 28), np.float32)
        started = time.perf_counter()
        for _ in range(calls):
            self._classifier.classify(images)
        return time.perf_counter() - started

    def images_per_s(self, seconds: float) -> float:
        """Return the images a second at the best of BATCHES, tried for that long in all."""
        best = 0.0
        for size in BATCHES:
            ends, calls, spent = time.monotonic() + seconds / len(BATCHES), 0, 0.0
            while time.monotonic() < ends:
                spent += self.seconds(size, 4)
                calls += 4
            best = max(best, calls * size / spent)
        return best


def measure(models_dir: Path, rounds: int) -> dict[str, float]:
    """Return milliseconds of a batch and how long it takes compared with ONNX Runtime, by size."""
    version = models_dir / str(find_versions(models_dir)[0])
    alone, figures = Alone(version), {}
    with onnx_runtime(version) as fused:
        for batch in BATCHES:
            calls = max(1, BLOCK_IMAGES // batch)
            blocks = [
                (alone.seconds(batch, calls) / calls, fused(batch, calls) / calls)
                for _ in range(BLOCKS_A_ROUND * rounds)
            ]
            ours, theirs = zip(*blocks, strict=True)
            figures[f"batch_{batch}_ms"] = 1e3 * min(ours)
            figures[f"batch_{batch}_onnx_ms"] = 1e3 * min(theirs)
            figures[f"batch_{batch}_of_onnx"] = statistics.median(o / t for o, t in blocks)
    return figures


@contextmanager
def onnx_runtime(version: Path) -> Iterator[Clock]:
    """Start ONNX Runtime on the weights of a version, in an environment of its own."""
    import tensorflow as tf

    weights = [weight.numpy() for weight in tf.saved_model.load(str(version)).weights]
    program = [python_of("onnx_lstm"), str(SERVERS / "onnx_lstm.py")]
    with tempfile.TemporaryDirectory() as folder:
        np.savez(path := Path(folder, "weights.npz"), *weights)
        with subprocess.Popen(
            [*program, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            json.loads(process.stdout.readline())
            asked, told = process.stdin, process.stdout

            def seconds(batch: int, calls: int) -> float:
                asked.write(f"{batch} {calls}\n")
                asked.flush()
                return float(told.readline())

            yield seconds
