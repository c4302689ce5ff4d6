"""The parent of several workers, with workers that need no model: they answer with their number."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from app.process import StartError
from app.workers import Link, Place, Supervisor, Worker, supervise
from tests.app.scraped import Scraped

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0
STOP_WITHIN_S = 10.0

# They know nothing of the app, so that starting one takes no second.
ANSWER = """
import os, time
from app.workers import inherit
listener, link, _ = inherit(os.environ)
link.tell_ready()
while True:
    connection, _ = listener.accept()
    time.sleep(0.05)  # for the others to have their turn
    connection.sendall(str(os.getpid()).encode())
    connection.close()
"""
FAIL = "raise SystemExit(1)"
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)" + ANSWER
# The first worker to come is well; the others fail, but not before that one is.
ONE_ONLY = """
import os, time
folder = {folder!r}
try:
    os.mkdir(folder)
except FileExistsError:
    while not os.path.exists(folder + "/ready"):
        time.sleep(0.01)
    raise SystemExit(1)
from app.workers import inherit
listener, link, _ = inherit(os.environ)
link.tell_ready()
os.mkdir(folder + "/ready")
while True:
    listener.accept()[0].sendall(str(os.getpid()).encode())
"""


# It counts each connection, and answers with its number and what all have counted.
COUNT = """
import os
from app.workers import inherit
from app.inference.service import Service
from app.metrics import Metrics
listener, link, place = inherit(os.environ)
metrics, service = Metrics(2, place), Service(10, 1)
metrics.version_refused()
metrics.refresh(service)
link.tell_ready()
while True:
    connection, _ = listener.accept()
    metrics.request_ended("/predict", 200, 0.0, [], None)
    metrics.refresh(service)
    connection.sendall(str(os.getpid()).encode() + b":" + metrics.text())
    connection.close()
"""


class Running:
    """A supervisor in a thread, and the port of its workers."""

    def __init__(
        self, program: str, count: int, stop_within_s: float, metrics_dir: str, back_off_s: float
    ) -> None:
        self.metrics_dir = metrics_dir
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        command = (sys.executable, "-c", program)
        self.supervisor = Supervisor(
            self.listener, count, stop_within_s, metrics_dir, command, back_off_s
        )
        self.codes: list[int] = []
        self.thread = threading.Thread(target=lambda: self.codes.append(self.supervisor.run()))
        self.thread.start()

    def ask(self) -> int:
        """The number of the process that answers; 0 when it dies over it."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as connection:
            return int(connection.recv(100) or 0)

    def scrape(self) -> tuple[int, Scraped]:
        """What a worker of COUNT answers: its number and the metrics."""
        with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S) as connection:
            number, _, text = b"".join(iter(lambda: connection.recv(65536), b"")).partition(b":")
            return int(number or 0), Scraped(text.decode())

    def stop(self) -> int:
        """Stop and return the exit code."""
        self.supervisor.stop()
        self.thread.join(PATIENCE_S)
        (code,) = self.codes
        return code


@contextmanager
def running(
    program: str,
    count: int = 2,
    stop_within_s: float = STOP_WITHIN_S,
    back_off_s: float = 0.01,
) -> Iterator[Running]:
    """A supervisor that is stopped at the end."""
    with TemporaryDirectory() as metrics_dir:
        running = Running(program, count, stop_within_s, metrics_dir, back_off_s)
        try:
            yield running
        finally:
            running.supervisor.stop()
            running.thread.join(PATIENCE_S)
            running.listener.close()


def until(holds: Callable[[], bool]) -> None:
    """Look again and again, but not for ever."""
    patience_ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < patience_ends
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the workers find the app."""
    monkeypatch.chdir(ROOT)


def ask_all(service: Running, count: int) -> set[int]:
    """Ask until so many different processes have answered."""
    found: set[int] = set()

    def ask() -> None:
        found.add(service.ask())

    def seen() -> bool:
        asking = [threading.Thread(target=ask) for _ in range(2 * count)]
        for thread in asking:
            thread.start()
        for thread in asking:
            thread.join()
        return len(found) >= count

    until(seen)
    return found


def test_all_answer_and_all_stop() -> None:
    """Every worker gets connections of the one port; a stop ends all of them, with 0."""
    with running(ANSWER) as service:
        workers = ask_all(service, 2)
        assert service.stop() == 0
        for worker in workers:
            with pytest.raises(ProcessLookupError):
                os.kill(worker, 0)
        with pytest.raises(ConnectionRefusedError):
            service.ask()


def test_one_that_died_is_replaced() -> None:
    """The others answer meanwhile, and then there are as many as before."""
    with running(ANSWER) as service:
        victim, survivor = ask_all(service, 2)
        os.kill(victim, signal.SIGKILL)
        until(lambda: service.ask() not in (0, victim, survivor))


def test_a_start_that_cannot_succeed() -> None:
    """Nothing is tried for ever when no worker can start."""
    with running(FAIL) as service:
        service.thread.join(PATIENCE_S)
        assert service.codes == [1]


def test_failing_starts_leave_the_others_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As long as one answers, the places of the others are tried again."""
    with running(ONE_ONLY.format(folder=str(tmp_path / "taken"))) as service:
        until(lambda: caplog.text.count("ended with 1") >= 3)
        first = service.ask()
        assert service.ask() == first
        assert service.codes == []


def test_who_does_not_stop_is_killed(caplog: pytest.LogCaptureFixture) -> None:
    """The parent ends in time, whatever its workers do."""
    with running(STUBBORN, count=1, stop_within_s=-5) as service:
        worker = service.ask()
        assert service.stop() == 0
        assert f"Worker {worker} does not stop" in caplog.text


def test_workers_count_together() -> None:
    """Any tells what all have counted; of one that died the counts stay and the state goes."""
    with running(COUNT, back_off_s=2.0) as service:
        until(lambda: service.scrape()[1].value("version_loads_total", result="refused") == 2)
        victim, before = service.scrape()
        assert before.value("queue_limit_images") == 20
        os.kill(victim, signal.SIGKILL)
        until(lambda: service.scrape()[1].value("queue_limit_images") == 10)
        until(lambda: service.scrape()[1].value("version_loads_total", result="refused") == 3)
        _, after = service.scrape()
        assert requests_of(after) > requests_of(before)
        assert after.value("queue_limit_images") == 20
        assert len(list(Path(service.metrics_dir).glob("counter_*"))) == 2


def test_a_worker_that_has_not_begun_to_count() -> None:
    """Its file is there, and empty: a scrape in that moment waits for the next."""
    with running(COUNT, count=1) as service:
        empty = Path(service.metrics_dir, "counter_7.db")
        empty.touch()
        soon = threading.Timer(0.03, empty.unlink)
        soon.start()
        assert requests_of(service.scrape()[1]) == 1
        soon.join()


def requests_of(scraped: Scraped) -> float:
    """How many have been counted."""
    return scraped.value("requests_total", route="/predict", status="200")


def test_no_place_for_metrics(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A start without a folder to write to says what to do."""
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "none"))
    with socket.socket() as listener, pytest.raises(StartError, match="Set TMPDIR"):
        supervise(listener, 2, 1)


def test_no_room_for_a_worker(caplog: pytest.LogCaptureFixture) -> None:
    """When the system can start no process the parent lives on, and tries again."""
    refusals = [OSError(errno.EAGAIN, "no process left")]
    with socket.socket() as listener:

        def start() -> Worker:
            if refusals:
                raise refusals.pop()
            return Worker((sys.executable, "-c", "pass"), listener, {})

        with pytest.raises(FileNotFoundError):
            Worker(("/nowhere",), listener, {})
        place = Place(start, lambda: None, 0.01)
        assert place.tend() is None
        until(lambda: place.tend() == 0)
    assert "A worker cannot be started (no process left); the next" in caplog.text


async def test_a_worker_notices_that_its_parent_has_died() -> None:
    """Nobody keeps the port when the parent was killed; what is told it then is told to nobody."""
    parents, workers = socket.socketpair()
    gone = asyncio.Event()
    with workers:
        link = Link(workers)
        link.on_parent_gone(gone.set)
        parents.close()
        async with asyncio.timeout(PATIENCE_S):
            await gone.wait()
        link.tell_ready()
