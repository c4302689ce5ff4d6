"""The API against its own description: schemathesis makes requests from it and checks all answers.

A few cases for each operation, or as many as ROWSCAN_FUZZ_CASES says (`make fuzz`).
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.e2e.running import needs_shipped_model, running_service

HERE = Path(__file__).parent
CASES = os.environ.get("ROWSCAN_FUZZ_CASES", "5")
SEED = "1"  # a test fails for what has changed, not for chance; `make fuzz` covers the rest


@needs_shipped_model
def test_answers_are_as_described(tmp_path: Path) -> None:
    """No server error, nothing undescribed, nothing wrong accepted, nothing right refused."""
    program = [sys.executable, "-m", "schemathesis.cli"]
    config = ["--config-file", str(HERE / "schemathesis.toml")]
    options = ["--max-examples", CASES, "--seed", SEED, "--continue-on-failure"]
    with running_service() as service:
        done = subprocess.run(
            [*program, *config, "run", *options, f"{service.url}/openapi.json"],
            cwd=tmp_path,
            env={**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "fuzz_hooks.py")},
            capture_output=True,
            text=True,
            check=False,
        )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
