"""`python -m benchmarks [NAME …]`: run the benchmarks, print a table, and last one line of JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from app.errors import ModelError
from benchmarks import folder, latency, load, network, path, startup, tutorial
from benchmarks.wrk import find_wrk
from training.errors import TrainingError

BENCHMARKS: dict[str, Callable[[argparse.Namespace], dict[str, float]]] = {
    "startup": lambda options: startup.measure(options.models_dir, options.pairs),
    "latency": lambda options: latency.measure(options.models_dir, options.pairs),
    "path": lambda options: path.measure(options.models_dir, options.pairs),
    "network": lambda options: network.measure(options.models_dir, options.pairs),
    "folder": lambda options: folder.measure(options.models_dir, options.data_dir, options.pairs),
    "load": load.measure,
    "tutorial": lambda options: tutorial.measure(options.data_dir, options.pairs),
}


def main() -> None:
    """Run what is named, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"any of: {', '.join(BENCHMARKS)}; all by default")
    parser.add_argument(
        "--pairs",
        type=int,
        default=5,
        help="runs of each, paired where two are compared (%(default)s)",
    )
    parser.add_argument(
        "--quick", action="store_true", help="a second for each figure, to see that it works"
    )
    parser.add_argument("--models-dir", type=Path, default=Path("models/digits"))
    parser.add_argument(
        "--data-dir", type=Path, default=None, help="MNIST's IDX files; else downloaded once"
    )
    options = parser.parse_args()
    # As Ctrl-C does: on the way out all servers are stopped, some of which are paused.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    if unknown := set(options.names) - set(BENCHMARKS):
        known = ", ".join(BENCHMARKS)
        parser.error(f"no such benchmark: {', '.join(sorted(unknown))}. There are: {known}")
    names = options.names or list(BENCHMARKS)
    if "load" in names:
        try:
            find_wrk()
        except RuntimeError as error:  # rather now than when all others have run
            parser.error(str(error))
    figures = {}
    for name in names:
        print(f"{name} …", file=sys.stderr)
        try:
            figures[name] = BENCHMARKS[name](options)
        except (ModelError, TrainingError) as error:
            sys.exit(f"{name}: {error}")
        for figure, value in figures[name].items():
            print(f"{name:<10} {figure:<38} {value:>10,.2f}")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(json.dumps({"machine": machine, "python": platform.python_version(), **figures}))


if __name__ == "__main__":
    main()
