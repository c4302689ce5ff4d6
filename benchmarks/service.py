"""The service as a process of its own, started and stopped for a measurement."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

POLL_S = 0.02
ANSWER_S = 2.0
PATIENCE_S = 120.0
HOST = "127.0.0.1"


@dataclass(frozen=True)
class Running:
    """A service that is ready."""

    port: int
    process: subprocess.Popen[bytes]
    ready_s: float  # from process start to the first 200 of /health/ready

    def resident_mib(self) -> float:
        """Return the resident memory of its processes in MiB; what they share counts for each."""
        return sum(_resident_kib(folder) for folder in self._processes()) / 1024

    def threads(self) -> int:
        """Return how many threads it has."""
        return sum(len(list((folder / "task").iterdir())) for folder in self._processes())

    def open_files(self) -> int:
        """Return how many file descriptors it has open, connections among them."""
        return sum(len(list((folder / "fd").iterdir())) for folder in self._processes())

    def _processes(self) -> list[Path]:
        """Return what Linux tells of it, of the processes that it has started, and of theirs."""
        found = [Path(f"/proc/{self.process.pid}")]
        for process in found:  # which grows meanwhile
            children = [task.read_text() for task in process.glob("task/*/children")]
            found += [Path("/proc", child) for each in children for child in each.split()]
        return found


def _resident_kib(folder: Path) -> int:
    lines = (folder / "status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


@contextmanager
def running_service(models_dir: Path) -> Iterator[Running]:
    """Start the service on a free port, wait until it is ready, stop it at the end."""
    port = free_port()
    settings = {"ROWSCAN_PORT": str(port), "ROWSCAN_MODELS_DIR": str(models_dir)}
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "app"], env={**os.environ, **settings}, stdout=subprocess.DEVNULL
    )
    try:
        wait_until_answering(f"http://{HOST}:{port}/health/ready", process)
        yield Running(port, process, time.monotonic() - started)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_until_answering(
    request: urllib.request.Request | str, process: subprocess.Popen[bytes]
) -> None:
    """Ask until the answer is 200; raises RuntimeError when the process ends or patience does."""
    patience_ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience_ends and process.poll() is None:
        try:
            urllib.request.urlopen(request, timeout=ANSWER_S).close()
        except OSError:
            time.sleep(POLL_S)
        else:
            return
    url = request if isinstance(request, str) else request.full_url
    raise RuntimeError(f"{url} gave no good answer")


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
