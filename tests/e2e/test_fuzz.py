"""The API against its own description: schemathesis makes requests from it and checks all answers.

A few cases for each operation. `make fuzz` asks for thousands by ROWSCAN_FUZZ_CASES, most for each
operation in a run, ROWSCAN_FUZZ_LEAST, how many there are to be in all, and ROWSCAN_FUZZ_SEED.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.running import needs_shipped_model, running_service

HERE = Path(__file__).parent
CASES = os.environ.get("ROWSCAN_FUZZ_CASES", "5")
LEAST = int(os.environ.get("ROWSCAN_FUZZ_LEAST", "1"))
# A test fails for what has changed, not for chance; `make fuzz` takes another one each time.
SEED = int(os.environ.get("ROWSCAN_FUZZ_SEED", "1"))
COUNT = re.compile(r"^ *(\d+) generated, \1 passed", re.MULTILINE)


# Here and not on the command line of `make fuzz` alone, or thousands of cases would end after the
# three minutes that other tests have.
@pytest.mark.timeout(3600)
@needs_shipped_model
def test_answers_are_as_described(tmp_path: Path) -> None:
    """No server error, nothing undescribed, nothing wrong accepted, nothing right refused.

    How many cases a run makes depends on the description, so it is repeated until they are enough.
    """
    cases, runs = 0, 0
    # Not a line in the log for each of thousands of bad requests.
    with running_service(ROWSCAN_LOG_LEVEL="error") as service:
        while cases < LEAST:
            cases += fuzz(service.url, SEED + runs, tmp_path)
            runs += 1
    print(f"{cases} cases in {runs} runs, all answered as described")


def fuzz(url: str, seed: int, folder: Path) -> int:
    """How many cases a run made, all of which must have passed."""
    program = [sys.executable, "-m", "schemathesis.cli"]
    config = ["--config-file", str(HERE / "schemathesis.toml")]
    options = ["--max-examples", CASES, "--seed", str(seed), "--continue-on-failure"]
    done = subprocess.run(
        [*program, *config, "run", *options, f"{url}/openapi.json"],
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": str(HERE / "fuzz_hooks.py")},
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
    counted = COUNT.search(done.stdout)
    assert counted, "schemathesis did not say that all of its cases passed"
    return int(counted[1])
