"""The parts of the project that the command line starts: the service, training, the benchmarks.

None of them is imported before it is run: an installation for serving has no training, one without
a checkout no benchmarks.
"""

from __future__ import annotations

import runpy
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import Final

TRAINING_COMMANDS: Final = {
    "train": "Train a preset and publish it.",
    "evaluate": "Measure a version, or a running service.",
    "export": "Publish what a run has reached.",
}
HELP: Final = frozenset({"-h", "--help"})

# The packages of the extra `train` in pyproject.toml, by the names that they are imported by.
TRAINING_NEEDS: Final = ("training", "httpx", "matplotlib", "scipy")

INSTALL_TRAINING: Final = (
    "Install what is missing: pip install 'rowscan[train]', or in a checkout: make .venv/.train"
)

ROOT: Final = Path(__file__).resolve().parents[1]
"""Of a checkout; of an installation it is the folder of packages."""


def missing_for_training() -> list[str]:
    """The packages that training needs and that are not installed."""
    return [name for name in TRAINING_NEEDS if find_spec(name) is None]


def run_service(arguments: list[str]) -> None:
    """Serve, as `python -m app` does, until told to stop. Does not return."""
    _run("app", arguments)


def has_benchmarks() -> bool:
    """Whether this is a checkout, which alone holds the benchmarks."""
    return (ROOT / "benchmarks" / "__main__.py").is_file()


def run_benchmarks(arguments: list[str]) -> None:
    """Run `python -m benchmarks` of the checkout."""
    sys.path.insert(0, str(ROOT))
    _run("benchmarks", arguments)


def _run(package: str, arguments: list[str]) -> None:
    """Run a package as `python -m` would, in this process."""
    sys.argv = [package, *arguments]
    runpy.run_module(package, run_name="__main__", alter_sys=True)
