"""How long the service takes from process start to ready, and what it holds in memory when idle.

The floor is a bare Python that imports TensorFlow and loads the same SavedModel: no service can be
ready sooner. On top the service verifies every digest, compiles four batch sizes, and lets each
read the golden samples.
"""

from __future__ import annotations

import os
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

from app.inference.versions import find_versions

POLL_S = 0.02
PATIENCE_S = 120.0
BARE = "import sys, tensorflow as tf; tf.saved_model.load(sys.argv[1])"


def measure(models_dir: Path, pairs: int) -> dict[str, float]:
    """Return medians: both start-ups in seconds, their ratio pair by pair, memory in MiB."""
    version = models_dir / str(find_versions(models_dir)[0])
    bare_s, ready_s, memory_mib = [], [], []
    for _ in range(pairs):
        bare_s.append(start_bare(version))
        seconds, mebibytes = start_service(models_dir)
        ready_s.append(seconds)
        memory_mib.append(mebibytes)
    ratios = [ready / bare for ready, bare in zip(ready_s, bare_s, strict=True)]
    return {
        "bare_import_and_load_s": statistics.median(bare_s),
        "start_to_ready_s": statistics.median(ready_s),
        "ratio": statistics.median(ratios),
        "idle_memory_mib": statistics.median(memory_mib),
    }


def start_bare(version: Path) -> float:
    """Return the seconds of a Python that imports TensorFlow, loads the version and ends."""
    started = time.monotonic()
    subprocess.run([sys.executable, "-c", BARE, version], check=True, stderr=subprocess.DEVNULL)
    return time.monotonic() - started


def start_service(models_dir: Path) -> tuple[float, float]:
    """Start the service; return the seconds until it is ready, and its resident MiB then."""
    port = free_port()
    environment = {
        **os.environ,
        "ROWSCAN_PORT": str(port),
        "ROWSCAN_MODELS_DIR": str(models_dir),
    }
    started = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", "app"], env=environment, stdout=subprocess.DEVNULL
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/health/ready", process)
        return time.monotonic() - started, resident_mib(process.pid)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait()


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    """Ask until the answer is 200; raises `RuntimeError` when the process ends or patience does."""
    patience_ends = time.monotonic() + PATIENCE_S
    while time.monotonic() < patience_ends and process.poll() is None:
        try:
            urllib.request.urlopen(url, timeout=PATIENCE_S).close()
        except OSError:
            time.sleep(POLL_S)
        else:
            return
    raise RuntimeError("the service did not get ready")


def free_port() -> int:
    """Return a port that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def resident_mib(pid: int) -> float:
    """Return the resident memory of a process in MiB, as Linux tells it."""
    status = Path(f"/proc/{pid}/status").read_text()
    kibibytes = next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))
    return int(kibibytes) / 1024
