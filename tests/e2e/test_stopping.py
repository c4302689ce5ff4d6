"""What happens to requests when the service is told to stop, or loses one of its processes."""

from __future__ import annotations

import os
import signal
import socket
import time
import urllib.error
from collections.abc import Callable
from pathlib import Path

import pytest

from app.process import NETWORK_LOST
from tests.e2e.running import (
    BOTH_READY,
    READY_WITHIN_S,
    SEVEN,
    STOPPED_WITHIN_S,
    Service,
    running_service,
    starting_service,
)

DRAIN_S = 4.0  # long enough for a busy machine to stop listening and to answer
SLACK_S = 20.0  # for a busy machine; without a deadline it would never end
HEAD = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n"
PICTURE = SEVEN.read_bytes()


def connect(service: Service) -> socket.socket:
    """A connection to the service."""
    host, port = service.url.removeprefix("http://").split(":")
    return socket.create_connection((host, int(port)), SLACK_S)


def begin_upload(service: Service, length: int = len(PICTURE)) -> socket.socket:
    """Send the head of an upload and half of its body."""
    connection = connect(service)
    connection.sendall(HEAD.format(length).encode() + PICTURE[: len(PICTURE) // 2])
    return connection


def refuses(service: Service) -> bool:
    """Whether nobody listens any more."""
    try:
        connect(service).close()
    except ConnectionRefusedError:
        return True
    return False


def wait_until(it_is_so: Callable[[], bool], patience_s: float = SLACK_S) -> None:
    """Return once it is."""
    patience_ends = time.monotonic() + patience_s
    while not it_is_so():
        assert time.monotonic() < patience_ends
        time.sleep(0.1)


def test_a_stalled_upload_does_not_hold_the_process(models_dir: Path) -> None:
    """The stop ends in time with 0; who was accepted and sends the rest is answered."""
    times = {"ROWSCAN_DRAIN_S": str(DRAIN_S), "ROWSCAN_DEADLINE_S": "600"}
    with running_service(ROWSCAN_MODELS_DIR=str(models_dir), **times) as service:
        stalled, slow = begin_upload(service, 100_000), begin_upload(service)
        time.sleep(0.5)  # until both have been accepted
        told = time.monotonic()
        service.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refuses(service))
        slow.sendall(PICTURE[len(PICTURE) // 2 :])
        assert slow.recv(12) == b"HTTP/1.1 200"
        assert service.process.wait(SLACK_S) == 0
        assert time.monotonic() - told >= DRAIN_S
        assert stalled.recv(12) == b"HTTP/1.1 503"
        for connection in (stalled, slow):
            connection.close()


def children(process: int) -> set[int]:
    """The processes that it has started: workers, or its network's."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return {int(child) for task in tasks for child in task.read_text().split()}


tells_children = pytest.mark.skipif(
    not Path("/proc/self/task").exists(), reason="only Linux tells of children"
)


@tells_children
def test_the_network_is_killed(models_dir: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """Who asks is answered, told to try elsewhere, or finds nobody; the service ends with 3."""
    with running_service(ROWSCAN_MODELS_DIR=str(models_dir)) as service:
        (network,) = children(service.process.pid)
        os.kill(network, signal.SIGKILL)
        answers = set()
        while service.process.poll() is None:
            try:
                service.post("image/png", PICTURE)
            except urllib.error.HTTPError as error:
                answers.add((error.code, error.headers["Retry-After"]))
            except OSError:  # refused, since it has ended
                break
        assert answers <= {(503, "1")}
        assert service.process.wait(STOPPED_WITHIN_S) == NETWORK_LOST
    assert "network's process has ended (killed by signal 9)" in capfd.readouterr().err


@tells_children
def test_two_workers(models_dir: Path) -> None:
    """They answer on one port, those that die are replaced, and all stop with the parent.

    One that dies takes nobody along; they die of their networks, also when no other is left that
    could answer meanwhile.
    """
    with running_service(ROWSCAN_MODELS_DIR=str(models_dir), ROWSCAN_WORKERS="2") as service:
        killed, _ = children(service.process.pid)
        os.kill(killed, signal.SIGKILL)
        service.wait_until("ready")
        service.post("image/png", PICTURE)
        wait_until(lambda: len(children(service.process.pid) - {killed}) == 2)
        wait_until(lambda: BOTH_READY in service.metrics(), READY_WITHIN_S)
        workers = children(service.process.pid)
        for worker in workers:
            (network,) = children(worker)
            os.kill(network, signal.SIGKILL)
        wait_until(lambda: not workers & children(service.process.pid))
        service.wait_until("ready")
        service.post("image/png", PICTURE)
        service.process.send_signal(signal.SIGTERM)
        assert service.process.wait(STOPPED_WITHIN_S) == 0


def test_workers_without_a_model(tmp_path: Path) -> None:
    """They end as one process does: with 1."""
    with starting_service(ROWSCAN_WORKERS="2", ROWSCAN_MODELS_DIR=str(tmp_path)) as service:
        assert service.process.wait(STOPPED_WITHIN_S) == 1
