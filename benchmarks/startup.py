"""How long the service takes from process start to ready, and what it holds in memory when idle.

Beside it a bare Python that imports TensorFlow, with all that comes along, and loads the same
SavedModel. The service also verifies every digest, compiles its programs, and lets each read the
golden samples.
"""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

from app.inference.versions import find_versions
from benchmarks.service import running_service

# It ends at once, as the service does: to take TensorFlow down is no part of a start.
BARE = "import os, sys, tensorflow as tf; tf.saved_model.load(sys.argv[1]); os._exit(0)"


def measure(models_dir: Path, pairs: int) -> dict[str, float]:
    """Return medians: both start-ups in seconds, their ratio pair by pair, memory in MiB."""
    version = models_dir / str(find_versions(models_dir)[0])
    bare_s, ready_s, memory_mib = [], [], []
    for _ in range(pairs):
        bare_s.append(start_bare(version))
        with running_service(models_dir) as service:
            ready_s.append(service.ready_s)
            memory_mib.append(service.resident_mib())
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
