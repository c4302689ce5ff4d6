"""A thread that looks for other versions while the service answers.

What is new is verified, compiled and warmed beside the requests; the event loop only gets what can
answer at once.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable

from app.inference.classifier import AsyncClassifier
from app.inference.versions import Look

logger = logging.getLogger(__name__)


class Watch:
    """Calls look every `every_s` seconds, and report with what came of it in the event loop."""

    def __init__(
        self,
        look: Callable[[], Look[AsyncClassifier]],
        report: Callable[[Look[AsyncClassifier]], None],
        every_s: float,
    ) -> None:
        self._look = look
        self._report = report
        self._every_s = every_s
        self._loop = asyncio.get_running_loop()
        self._stopped = threading.Event()
        # A daemon: stopping does not wait for a version that nobody will use.
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Look no more. What is being loaded is reported all the same."""
        self._stopped.set()

    def _run(self) -> None:
        while not self._stopped.wait(self._every_s) and self._look_once():
            pass

    def _look_once(self) -> bool:
        """Look and report; False when nobody is left to hear it.

        A function of its own, so that no classifier is held while the thread waits.
        """
        try:
            look = self._look()
        except Exception:
            logger.exception("Looking for versions failed; it will be tried again")
            return True
        try:
            self._loop.call_soon_threadsafe(self._report, look)
        except RuntimeError:
            logger.info("Stopped while it looked for versions")
            return False
        return True
