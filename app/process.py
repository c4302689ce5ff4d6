"""How a process of the service ends: with which code, for which reason, and at once."""

from __future__ import annotations

import contextlib
import logging
import os
import site
import sys
from pathlib import Path
from typing import Final, NoReturn

START_FAILED: Final = 1  # the exit code of a start that cannot succeed
WRONG_USAGE: Final = 2  # of a command that makes no sense
NETWORK_LOST: Final = 3  # of a service whose network has ended by itself; another start may succeed

SWITCH_S: Final = 0.0005
"""How long one thread waits for the interpreter while another has it; 5 ms by default, in which
dozens of requests could be read, or a batch."""


class StartError(Exception):
    """Why the service cannot start, or go on, in one line; and the exit code that says so."""

    def __init__(self, why: str, exit_code: int = START_FAILED) -> None:
        super().__init__(why)
        self.exit_code = exit_code


def child_command(module: str) -> tuple[str, ...]:
    """The words that run a module of ours in another process.

    Not with the folder that this one was started in at the head of its path (-P): there another
    package may be called `app`.
    """
    return (sys.executable, "-P", "-m", module)


def child_environment() -> dict[str, str]:
    """This process's, in which a child finds the same packages of ours as it, wherever they lie."""
    ours = str(Path(__file__).parents[1])
    if ours in site.getsitepackages():  # where Python looks anyway
        return dict(os.environ)
    path = os.environ.get("PYTHONPATH")
    return os.environ | {"PYTHONPATH": f"{ours}{os.pathsep}{path}" if path else ours}


def leave(code: int) -> NoReturn:
    """End the process now, without taking Python down first.

    Which takes seconds on a busy machine, waits for a picture that is still being decoded, and
    aborts when a daemon is inside TensorFlow, as that of the network's process is when the stop
    comes early or a version late. What had to be finished has been, or the time for it is over.
    """
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:  # as where the shell has closed it
            with contextlib.suppress(OSError, ValueError):  # a full disk, of which has been told
                stream.flush()
    os._exit(code)
