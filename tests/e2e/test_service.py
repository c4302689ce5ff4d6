"""The service as people start it: a process of its own, the shipped model, a real socket."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED_MODEL = ROOT / "models" / "digits" / "1"
SEVEN = ROOT / "examples" / "7.png"
READY_WITHIN_S = 90
STOPPED_WITHIN_S = 30

pytestmark = pytest.mark.skipif(
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

    def wait_until_ready(self) -> None:
        """Return once /health/ready answers 200."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline and self.process.poll() is None:
            try:
                urllib.request.urlopen(f"{self.url}/health/ready", timeout=2).close()
            except OSError:  # refused, or a 503 while it loads
                time.sleep(0.1)
            else:
                return
        pytest.fail(f"not ready within {READY_WITHIN_S} s; exit code {self.process.poll()}")


@contextmanager
def running_service() -> Iterator[Service]:
    """A service on a free port, stopped at the end whatever happens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {name: os.environ[name] for name in os.environ if "ROWSCAN_" not in name}
    environment["ROWSCAN_PORT"] = str(port)
    process = subprocess.Popen([sys.executable, "-m", "app"], cwd=ROOT, env=environment)
    try:
        service = Service(process, f"http://127.0.0.1:{port}")
        service.wait_until_ready()
        yield service
    finally:
        process.terminate()
        try:
            process.wait(STOPPED_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """One service for all tests that leave it running."""
    with running_service() as running:
        yield running


def test_multipart_upload(service: Service) -> None:
    """A form with a part named `file` is read, as curl -F sends it."""
    body = (
        b'--line\r\nContent-Disposition: form-data; name="file"; filename="7.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + SEVEN.read_bytes() + b"\r\n--line--\r\n"
    )
    assert service.post("multipart/form-data; boundary=line", body)["digit"] == 7


def test_raw_body(service: Service) -> None:
    """The bytes of the file as the body are read."""
    assert service.post("image/png", SEVEN.read_bytes())["digit"] == 7


def test_json_body(service: Service) -> None:
    """The file in base64 within JSON is read, with the same answer as the bytes."""
    body = json.dumps({"image": base64.b64encode(SEVEN.read_bytes()).decode()}).encode()
    assert service.post("application/json", body) == service.post("image/png", SEVEN.read_bytes())


def test_stop_is_clean() -> None:
    """SIGTERM ends a service that has answered, with exit code 0."""
    with running_service() as running:
        running.post("image/png", SEVEN.read_bytes())
        running.process.send_signal(signal.SIGTERM)
        assert running.process.wait(STOPPED_WITHIN_S) == 0
