"""A classifier that needs no TensorFlow, for tests of everything around the network."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time

import numpy as np
from numpy.typing import NDArray

from app.inference.classifier import Done, Read
from app.inference.contract import Scores
from app.inference.manifest import Manifest


class FakeClassifier:
    """Calls the digit whose tenth of the columns holds the most ink, the same for the same image.

    The novelty is the mean of the ink, so that hardly two images share it.

    It records the size of each batch. While `gate` is cleared, calls wait; each call takes
    `delay_s` on top; while `failure` is set, calls raise it.
    """

    most_images = 64

    def __init__(self, manifest: Manifest, delay_s: float = 0.0) -> None:
        self.manifest = manifest
        self.delay_s = delay_s
        self.gate = threading.Event()
        self.gate.set()
        self.entered = threading.Event()
        self.failure: Exception | None = None
        self.batches: list[int] = []
        self._last: threading.Thread | None = None  # that has begun to read

    def classify(self, images: NDArray[np.float32]) -> Scores:
        """Images (n, 28, 28) float32 0..1 → their scores."""
        self.batches.append(len(images))
        self.entered.set()
        self.gate.wait()
        time.sleep(self.delay_s)
        if self.failure is not None:
            raise self.failure
        columns = images.sum(axis=1)  # (n, 28)
        ink = np.add.reduceat(columns, np.arange(10) * 28 // 10, axis=1)  # (n, 10)
        odds = np.exp(ink - ink.max(axis=1, keepdims=True))
        probabilities: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
        return Scores(probabilities, images.mean(axis=(1, 2)))

    def begin(self, images: NDArray[np.float32], done: Done) -> None:
        """As `classify`, in a thread of its own, which keeps nobody from ending."""
        loop = asyncio.get_running_loop()
        before = self._last

        def read() -> None:
            if before is not None:
                before.join()
            started = time.monotonic()
            outcome: Read | Exception
            try:
                outcome = Read(self.classify(images), time.monotonic() - started)
            except Exception as error:
                outcome = error
            with contextlib.suppress(RuntimeError):  # the event loop is closed, and all have gone
                loop.call_soon_threadsafe(done, outcome)

        self._last = threading.Thread(target=read, daemon=True)
        self._last.start()
