"""The network's process, as the service sees it: starts it, has versions loaded, has images read.

TensorFlow has a process of its own, since threads of one process share the interpreter's lock: for
it the network waited after each batch, and requests while the network was called. The event loop
hands over a batch and is told when it has been read; nothing in this process waits for the other.
"""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import Pipe
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.errors import ModelError, NotReadyError
from app.inference.classifier import Done, Read
from app.inference.exchange import (
    ASKED,
    TOLD,
    Exchange,
    Refused,
    ToLoad,
    Verified,
    new_memory,
)
from app.inference.manifest import Manifest
from app.inference.sizes import MOST_BATCHES, MOST_IMAGES
from app.process import child_command, child_environment

COMMAND: Final = child_command("app.inference.network_main")
STOP_S: Final = 1.0
CHECK_S: Final = 20.0
MAX_CHECKS: Final = 3
"""A batch that has not been read at so many checks in a row never will be: the process hangs. More
than one, for the machine may have slept meanwhile."""


class NetworkError(Exception):
    """Why a batch was not read."""


def _gone() -> NotReadyError:
    return NotReadyError("The network has ended, and the service stops. Send it again elsewhere.")


class NetworkProcess:
    """Runs TensorFlow for one event loop, in which it is made.

    `lost(why)` is called there when the process ends by itself; all that is asked of it from then
    on fails.
    """

    def __init__(
        self,
        lost: Callable[[str], None],
        command: Sequence[str] = COMMAND,
        check_s: float = CHECK_S,
    ) -> None:
        """Start the process. Raises OSError when the system has no room for it."""
        self._loop = asyncio.get_running_loop()
        self._lost = lost
        self._let_go: deque[int] = deque()  # versions that nobody holds any more
        self._begun: deque[tuple[int, Done]] = deque()  # batches, by place, in their order
        self._next_place = 0
        self._asked, asked = socket.socketpair()
        self._asked.setblocking(False)
        self._loads, loads = Pipe()
        memory = new_memory()
        theirs = (asked.fileno(), loads.fileno(), memory)
        self._process = subprocess.Popen(  # noqa: S603 - this very program
            [*command, *map(str, theirs)],
            env=child_environment(),
            pass_fds=theirs,
            process_group=0,  # Ctrl-C is for the service alone, which finishes what it has begun
        )
        asked.close()
        loads.close()
        self._exchange = Exchange(memory)
        self._loop.add_reader(self._asked, self._told)
        self._check_s = check_s
        self._read, self._read_before, self._checks = 0, 0, 0
        self._checking = self._loop.call_later(check_s, self._check)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def load(self, version_dir: Path) -> ProcessClassifier:
        """Have a version loaded, which blocks: not for the event loop, and for one at a time.

        Raises `ModelError` when it must not be served. Ends the calling thread when the process
        ends over it: then the service stops, and no version is to blame.
        """
        let_go = [self._let_go.popleft() for _ in range(len(self._let_go))]
        try:
            self._loads.send(ToLoad(str(version_dir), let_go))
            found: Verified | Refused = self._loads.recv()
        except (EOFError, OSError):
            sys.exit()
        if isinstance(found, Refused):
            raise ModelError(found.why)
        classifier = ProcessClassifier(self, found.number, found.manifest)
        # Told with the next version: it needs what this one leaves.
        weakref.finalize(classifier, self._let_go.append, found.number).atexit = False
        return classifier

    def begin(self, version: int, images: NDArray[np.float32], done: Done) -> None:
        """Have a version read images (n, 28, 28), as `AsyncClassifier.begin`."""
        place = self._next_place
        self._exchange.put_images(place, images)
        try:
            self._asked.send(ASKED.pack(version, place, len(images)))
        except OSError:  # it has ended; what it had read before may still be told
            self._loop.call_soon(done, _gone())
            return
        self._next_place = (place + 1) % MOST_BATCHES
        self._begun.append((place, done))

    def _told(self) -> None:
        """Pass on what has been read. Called by the event loop when there is something to hear."""
        try:
            said = self._asked.recv(TOLD.size)
        except OSError:
            said = b""
        if not said:
            self._ended()
            return
        self._read += 1
        images, infer_s = TOLD.unpack(said)
        place, done = self._begun.popleft()
        done(
            Read(self._exchange.scores(place, images), infer_s)
            if images
            else NetworkError("The network's process has logged why.")
        )

    def _check(self) -> None:
        """Kill the process when it hangs: its end is noticed, and the service started again."""
        hangs = self._begun and self._read == self._read_before
        self._checks = self._checks + 1 if hangs else 0
        self._read_before = self._read
        if self._checks >= MAX_CHECKS:
            self._process.kill()
        self._checking = self._loop.call_later(self._check_s, self._check)

    def _ended(self) -> None:
        code = self._hang_up()
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        why = f"The network's process has ended ({how}). The log may say why."
        self._lost(why)
        while self._begun:
            _, done = self._begun.popleft()
            done(_gone())

    def close(self) -> None:
        """End the process: nothing is asked of it any more, and no version loaded."""
        if self._process.returncode is None:
            self._hang_up()

    def _hang_up(self) -> int:
        """Close this end, whereupon the process ends; its exit code."""
        self._checking.cancel()
        self._loop.remove_reader(self._asked)
        self._asked.close()
        try:
            return self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:  # it hangs
            self._process.kill()
            return self._process.wait()


class ProcessClassifier:
    """An `AsyncClassifier` over a version that the network's process has loaded."""

    most_images = MOST_IMAGES

    def __init__(self, process: NetworkProcess, number: int, manifest: Manifest) -> None:
        self.manifest = manifest
        self._process = process
        self._number = number

    def begin(self, images: NDArray[np.float32], done: Done) -> None:
        """Begin to read images float32 (n, 28, 28), 0..1."""
        self._process.begin(self._number, images, done)
