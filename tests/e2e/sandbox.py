"""A checkout of one's own to try the documents' commands in: the same code, other models and files.

What a command writes lies in the sandbox. Its environment is the one that the tests run in, which
make takes for set up.
"""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.e2e.running import ROOT
from tests.tiny import tiny_split

CODE = ("app", "benchmarks", "examples", "rowscan", "tests", "training", "Makefile", "README.md")
SHORT = ROOT / "tests" / "e2e" / "short"
ENVIRONMENTS = ("serve", "train", "dev")


def make_sandbox(folder: Path) -> Path:
    """Fill `folder` and return it. DIR and FILE.npz, as the documents have it, are pictures."""
    for name in CODE:
        (folder / name).symlink_to(ROOT / name)
    (folder / ".venv").symlink_to(sys.prefix)
    (folder / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    shutil.copytree(ROOT / "docs", folder / "docs")
    shutil.copytree(ROOT / "examples", folder / "DIR")
    (folder / "DIR" / "not-a-digit.png").unlink()
    pictures = tiny_split(10, seed=3)
    np.savez(folder / "FILE.npz", images=pictures.images, labels=pictures.labels)
    return folder


def run_in(sandbox: Path, command: str, **variables: str) -> str:
    """Run a command as a shell does; return its stdout. It must succeed."""
    if command.startswith("make "):
        command = f"make {set_up()} {command.removeprefix('make ')}"
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=sandbox,
        env=environment() | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=170,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
    return done.stdout


def set_up() -> str:
    """Options that have make take all environments for up to date."""
    return shlex.join(f"--old-file=.venv/.{name}" for name in ENVIRONMENTS)


def environment() -> dict[str, str]:
    """The variables of these tests, without settings of the project or of a make around them.

    What runs here is not counted as covered, which takes half as long again: other tests do that.
    """
    foreign = ("ROWSCAN_", "MAKE", "MFLAGS", "ARGS", "COVERAGE_")
    return {name: os.environ[name] for name in os.environ if not name.startswith(foreign)}
