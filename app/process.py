"""How a process of the service ends: with which code, for which reason, and at once."""

from __future__ import annotations

import logging
import os
import sys
from typing import Final, NoReturn

START_FAILED: Final = 1  # the exit code of a start that cannot succeed


class StartError(Exception):
    """Why the service cannot start, in one line."""


def leave(code: int) -> NoReturn:
    """End the process now, without taking Python down first.

    Which takes seconds on a busy machine, waits for a picture that is still being decoded, and
    aborts when a daemon is inside TensorFlow: the load thread when the stop comes early, the watch
    thread when a version comes late, the inference thread when the network hangs. What had to be
    finished has been, or the time to finish it is over.
    """
    logging.shutdown()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
