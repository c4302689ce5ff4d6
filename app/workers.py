"""Several serving processes on one port, and their parent.

    parent: has the port, accepts nothing ─▶ workers: each has a model, then listens and accepts

They share one listening socket, so that a connection waits for whichever worker is free, and none
is lost when a worker ends: it stays with the others. The parent starts workers, replaces those that
die, passes a stop on and waits. It holds neither the app nor TensorFlow.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from tempfile import TemporaryDirectory
from types import FrameType
from typing import NamedTuple

from prometheus_client.multiprocess import mark_process_dead

from app.process import START_FAILED, StartError, child_command, child_environment

logger = logging.getLogger(__name__)

# Set by the parent for its workers; no settings. The numbers of two sockets that they inherit, the
# place that the worker fills, and, by the name that prometheus-client wants, the folder in which
# the workers share what they count.
SOCKETS = "ROWSCAN_WORKER_SOCKETS"
PLACE = "ROWSCAN_WORKER_PLACE"
METRICS_DIR = "PROMETHEUS_MULTIPROC_DIR"
COMMAND = child_command("app")

POLL_S = 0.1
BACK_OFF_S = 1.0  # before a worker is replaced; doubled each time that it dies before it is ready
MAX_BACK_OFF_S = 30.0
KILL_AFTER_S = 5.0  # beyond the time that a worker has to stop by itself


class Link:
    """A worker's end of the connection to its parent."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end
        end.setblocking(False)

    def tell_ready(self) -> None:
        """Say that this worker can answer."""
        with contextlib.suppress(OSError):  # the parent is gone, which `on_parent_gone` tells
            self._end.send(b"ready")

    def on_parent_gone(self, stop: Callable[[], None]) -> None:
        """Have the event loop call this when the parent has died. It never says a word."""
        loop = asyncio.get_running_loop()

        def parent_gone() -> None:
            loop.remove_reader(self._end)
            stop()

        loop.add_reader(self._end, parent_gone)


class Inherited(NamedTuple):
    """What a worker has from its parent."""

    listener: socket.socket
    link: Link
    place: int  # among the workers; who follows a dead one has the same


def inherit(environment: Mapping[str, str]) -> Inherited | None:
    """What the parent left; None in a process that no parent of ours started."""
    if SOCKETS not in environment:
        return None
    listener, end = (int(number) for number in environment[SOCKETS].split(","))
    place = int(environment[PLACE])
    return Inherited(socket.socket(fileno=listener), Link(socket.socket(fileno=end)), place)


class Worker:
    """A worker process, as its parent sees it."""

    def __init__(
        self, command: Sequence[str], listener: socket.socket, own: dict[str, str]
    ) -> None:
        """Start the process. Raises OSError when the system has no room for it."""
        self._ready = False
        with contextlib.ExitStack() as unless_started:
            self._link, end = map(unless_started.enter_context, socket.socketpair())
            self._link.setblocking(False)
            sockets = (listener.fileno(), end.fileno())
            self.process = subprocess.Popen(  # noqa: S603 - this very program
                command,
                env={**child_environment(), **own, SOCKETS: "{},{}".format(*sockets)},
                pass_fds=sockets,
                process_group=0,  # Ctrl-C reaches the parent alone, which passes it on once
            )
            unless_started.pop_all()
            end.close()

    @property
    def ready(self) -> bool:
        """Whether it has said that it can answer, and lives."""
        with contextlib.suppress(OSError):  # nothing said yet
            self._ready = self._ready or bool(self._link.recv(16))
        return self._ready and self.process.poll() is None

    def close(self) -> None:
        """Let go of a process that has ended."""
        self.process.wait()
        self._link.close()


class Place:
    """One of the places for workers, which is filled again when its worker has died."""

    def __init__(
        self, start: Callable[[], Worker], forget: Callable[[], None], back_off_s: float
    ) -> None:
        self._start = start
        self._forget = forget
        self._first_back_off_s = self._back_off_s = back_off_s
        self._due = 0.0
        self.worker: Worker | None = None

    def tend(self) -> int | None:
        """Start a worker that is due, notice one that has ended; its exit code if it has."""
        if self.worker is None:
            if time.monotonic() >= self._due:
                self._fill()
            return None
        if self.worker.ready:
            self._back_off_s = self._first_back_off_s
        code = self.worker.process.poll()
        if code is None:
            return None
        self.worker.close()
        self._forget()
        self._back_off(f"Worker {self.worker.process.pid} ended with {code}")
        self.worker = None
        return code

    def _fill(self) -> None:
        try:
            self.worker = self._start()
        except OSError as error:  # no memory, process or file left: the other workers go on
            self._back_off(f"A worker cannot be started ({error.strerror})")

    def _back_off(self, why: str) -> None:
        logger.error("%s; the next is started in %.0f s", why, self._back_off_s)
        self._due = time.monotonic() + self._back_off_s
        self._back_off_s = min(2 * self._back_off_s, MAX_BACK_OFF_S)


class Supervisor:
    """The parent of `count` workers on one listening socket."""

    def __init__(
        self,
        listener: socket.socket,
        count: int,
        stop_within_s: float,
        metrics_dir: str,
        command: Sequence[str] = COMMAND,
        back_off_s: float = BACK_OFF_S,
    ) -> None:
        self._listener = listener
        self._stop_within_s = stop_within_s
        self._stopping = False
        self._places = []
        for place in range(count):
            own = {PLACE: str(place), METRICS_DIR: metrics_dir}
            start = partial(Worker, command, listener, own)
            # What it counted stays, its state must not.
            forget = partial(mark_process_dead, place, metrics_dir)
            self._places.append(Place(start, forget, back_off_s))

    def stop(self, *_: int | FrameType | None) -> None:
        """Have `run` stop the workers and return. A signal handler, too."""
        self._stopping = True

    def run(self) -> int:
        """Keep the workers alive until `stop`; the exit code.

        When a worker cannot start and no other answers, nothing will: then it ends at once.
        """
        code = 0
        while not self._stopping:
            codes = [place.tend() for place in self._places]
            if START_FAILED in codes and not any(worker.ready for worker in self._workers()):
                code = START_FAILED
                break
            time.sleep(POLL_S)
        self._stop_workers()
        return code

    def _workers(self) -> list[Worker]:
        return [place.worker for place in self._places if place.worker is not None]

    def _stop_workers(self) -> None:
        """Let them finish what they have accepted; who takes too long is killed."""
        self._listener.close()
        for worker in self._workers():
            worker.process.terminate()
        give_up = time.monotonic() + self._stop_within_s + KILL_AFTER_S
        for worker in self._workers():
            try:
                worker.process.wait(max(0.0, give_up - time.monotonic()))
            except subprocess.TimeoutExpired:
                logger.error("Worker %d does not stop and is killed", worker.process.pid)  # noqa: TRY400
                worker.process.kill()
            worker.close()


def supervise(listener: socket.socket, count: int, stop_within_s: float) -> int:
    """Run workers until SIGTERM or SIGINT; the exit code.

    Raises StartError when there is no place for what they share.
    """
    try:
        folder = TemporaryDirectory(prefix="rowscan-metrics-", ignore_cleanup_errors=True)
    except OSError as error:
        raise StartError(
            f"cannot make a folder for the workers' metrics ({error.strerror}). "
            "Set TMPDIR to a folder that can be written to."
        ) from error
    with folder as metrics_dir:
        supervisor = Supervisor(listener, count, stop_within_s, metrics_dir)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, supervisor.stop)
        return supervisor.run()
