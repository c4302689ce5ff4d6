"""The service as a process of its own, for tests that see it from outside."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED_MODEL = ROOT / "models" / "digits" / "1"
SEVEN = ROOT / "examples" / "7.png"
READY_WITHIN_S = 150
BOTH_READY = "\nrowscan_ready_processes 2.0\n"  # in the metrics of two workers
STOPPED_WITHIN_S = 30

needs_shipped_model = pytest.mark.skipif(
    not SHIPPED_MODEL.is_dir(), reason="models/digits/1 is missing from this checkout"
)


class Service(NamedTuple):
    """A running `python -m app` and where it listens."""

    process: subprocess.Popen[bytes]
    url: str

    def post(self, content_type: str, body: bytes) -> dict[str, Any]:
        """The answer of /predict, which must be a 200."""
        headers = {"Content-Type": content_type}
        request = urllib.request.Request(f"{self.url}/predict", data=body, headers=headers)
        with urllib.request.urlopen(request, timeout=30) as response:
            answer: dict[str, Any] = json.load(response)
            return answer

    def metrics(self) -> str:
        """What /metrics says."""
        with urllib.request.urlopen(f"{self.url}/metrics", timeout=30) as response:
            text: str = response.read().decode()
            return text

    def wait_until(self, state: Literal["live", "ready"]) -> None:
        """Return once /health/live or /health/ready answers 200."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/health/{state}", timeout=2).close()
            except OSError:  # refused, or a 503 while it loads
                time.sleep(0.1)
            else:
                return
        pytest.fail(f"not {state} within {READY_WITHIN_S} s; exit code {self.process.poll()}")


def free_port() -> int:
    """A TCP port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_service(**settings: str) -> Iterator[Service]:
    """A service on a free port that answers, stopped at the end whatever happens."""
    with starting_service(**settings) as service:
        service.wait_until("ready")
        yield service


@contextmanager
def starting_service(**settings: str) -> Iterator[Service]:
    """A service on a free port that may not listen yet, stopped at the end whatever happens.

    `settings` are environment variables.
    """
    port = free_port()
    environment = {name: os.environ[name] for name in os.environ if "ROWSCAN_" not in name}
    environment |= {"ROWSCAN_PORT": str(port), **settings}
    process = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=environment)
    try:
        yield Service(process, f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
