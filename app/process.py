"""How a process of the service ends: with which code, for which reason, and when in a hurry."""

from __future__ import annotations

import logging
import os
import sys
import threading
from typing import Final, NoReturn

START_FAILED: Final = 1  # the exit code of a start that cannot succeed


class StartError(Exception):
    """Why the service cannot start, in one line."""


def leave(code: int) -> NoReturn:
    """End the process, at once when a thread may still be inside TensorFlow.

    The load thread is when the stop comes early, the watch thread when a version comes late, the
    inference thread when the network hangs. They are daemons, but TensorFlow aborts when Python is
    taken down around them. What had to be finished has been, or the time to finish it is over.
    """
    if any(thread.daemon for thread in threading.enumerate()):
        logging.shutdown()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    sys.exit(code)
