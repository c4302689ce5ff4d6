"""The life of the model in one process: loading, ready, draining; or failed, with the reason.

A model is loaded by a thread of its own while the event loop already answers health checks.
What is asked for a batcher gets one only when a verified, warmed model can answer. While it is
ready, another version may take the place of the one that answers, between two batches.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from typing import Literal, NamedTuple

from app.errors import DrainingError, ModelError, NotReadyError, in_one_line
from app.inference.batcher import Batcher
from app.inference.classifier import AsyncClassifier
from app.inference.manifest import Manifest
from app.inference.observer import BatchObserver
from app.inference.versions import Loaded, Look
from app.inference.watch import Watch

logger = logging.getLogger(__name__)

# What the last batch needs to end, on a busy machine.
MIN_STOP_S = 0.5

Status = Literal["loading", "ready", "draining", "failed"]


class Model(NamedTuple):
    """A model that answers, and the batcher in front of it."""

    manifest: Manifest
    batcher: Batcher


class Service:
    """Holds the one model that is served, and says whether it can be."""

    def __init__(
        self, max_queue_images: int, drain_s: float, observer: BatchObserver | None = None
    ) -> None:
        self.max_queue_images = max_queue_images
        self._drain_s = drain_s
        self._observer = observer
        self._model: Model | None = None
        self._watch: Watch | None = None
        self._drain_until: float | None = None
        self.error: str | None = None
        self.network_pid: int | None = None  # of the process that reads the images, if another
        self.reload_error: str | None = None
        self.refused: dict[int, str] = {}

    @property
    def status(self) -> Status:
        """Draining comes first: a load balancer must stop sending whatever else is true."""
        if self._drain_until is not None:
            return "draining"
        if self.error is not None:
            return "failed"
        return "loading" if self._model is None else "ready"

    @property
    def manifest(self) -> Manifest | None:
        """The manifest of the served version, if there is one."""
        return self._model.manifest if self._model else None

    @property
    def queued_images(self) -> int:
        """Images that wait for the network now."""
        return self._model.batcher.queued_images if self._model else 0

    @property
    def newest_not_served(self) -> bool:
        """Whether what answers is not the newest in the folder, or is so no more."""
        served = self._model.manifest.version if self._model else 0
        return self.reload_error is not None or any(each >= served for each in self.refused)

    def model(self) -> Model:
        """The model for a new request. Raises DrainingError or NotReadyError."""
        status = self.status
        if status == "draining":
            raise DrainingError("The service is stopping. Send the request again elsewhere.")
        if status != "ready" or self._model is None:
            raise NotReadyError(
                "The model is being loaded. Try again in a few seconds."
                if status == "loading"
                else "No model can be served; GET /health says why."
            )
        return self._model

    def serve(self, classifier: AsyncClassifier) -> None:
        """Answer with this classifier from now on. Called in the event loop."""
        batcher = Batcher(classifier, self.max_queue_images, self._observer)
        self._model = Model(classifier.manifest, batcher)

    def lose(self, why: str) -> None:
        """Answer nothing any more: the network is gone. Called in the event loop."""
        self.error, self._model = why, None

    def watch(self, look: Callable[[], Look[AsyncClassifier]], every_s: float) -> None:
        """Look for other versions every so many seconds, as long as this one answers."""
        self._watch = Watch(look, self._take_over, every_s)

    def _take_over(self, look: Look[AsyncClassifier]) -> None:
        """Answer with what a look has found, if anything, from the next batch on."""
        self.refused, self.reload_error = look.refused, look.error
        if look.classifier is None or self._model is None:
            return
        manifest = look.classifier.manifest
        logger.info("Version %d follows version %d", manifest.version, self._model.manifest.version)
        self._model.batcher.replace(look.classifier)
        self._model = Model(manifest, self._model.batcher)

    def load(
        self,
        load: Callable[[], Loaded[AsyncClassifier]],
        on_ready: Callable[[int], None],
        on_fatal: Callable[[str], None],
    ) -> asyncio.Event:
        """Load in the background; then, in the event loop, on_ready(version) or on_fatal(why).

        The event that is returned is set in the same moment.
        """
        loop = asyncio.get_running_loop()
        finished = asyncio.Event()

        def finish(loaded: Loaded[AsyncClassifier] | str) -> None:
            finished.set()
            if isinstance(loaded, str):
                self.error = loaded
                on_fatal(loaded)
                return
            self.refused, self.reload_error = loaded.refused, loaded.error
            self.serve(loaded.classifier)
            on_ready(loaded.classifier.manifest.version)

        def run() -> None:
            outcome = _try_to_load(load)
            try:
                loop.call_soon_threadsafe(finish, outcome)
            except RuntimeError:
                logger.info("Stopped before the model was loaded")

        # A daemon: stopping does not wait for a model that nobody will use.
        threading.Thread(target=run, name="load", daemon=True).start()
        return finished

    def begin_drain(self) -> None:
        """Turn readiness off and refuse new requests; those that were accepted go on.

        Safe to call from a signal handler, and more than once.
        """
        if self._drain_until is None:
            self._drain_until = time.monotonic() + self._drain_s

    @property
    def time_to_stop_s(self) -> float:
        """What is left of drain_s, and never nothing."""
        until = self._drain_until or 0.0
        return max(MIN_STOP_S, until - time.monotonic())

    async def drain(self) -> None:
        """Finish what was accepted, within drain_s of begin_drain."""
        self.begin_drain()
        if self._watch is not None:
            self._watch.stop()
        if self._model is not None:
            await self._model.batcher.drain(self.time_to_stop_s)


def _try_to_load(
    load: Callable[[], Loaded[AsyncClassifier]],
) -> Loaded[AsyncClassifier] | str:
    try:
        return load()
    except ModelError as error:
        return str(error)
    except Exception as error:
        why = f"The model could not be loaded: {in_one_line(error)}"
        logger.error(why)  # noqa: TRY400 - its traceback is for whoever looks for it
        logger.debug("Where it failed", exc_info=True)
        return why
