"""`rowscan` and `python -m rowscan`: looks at the first word before anything slow is imported.

`serve` is `python -m app`. `train`, `evaluate` and `export` are those of `python -m training`. The
rest is in `cli`, which also has the help of all.
"""

from __future__ import annotations

import sys

from rowscan import health
from rowscan.parts import HELP, TRAINING_COMMANDS, missing_for_training, run_service


def main() -> None:
    """Run the command line; never returns normally but from training's."""
    words = sys.argv[1:]
    url = health.asked(words)
    if url is not None:
        sys.exit(health.check(url or None))
    first, *others = words or [""]
    if first == "serve" and not HELP.intersection(others):
        run_service(others)
    if first in TRAINING_COMMANDS and not missing_for_training():
        from training.__main__ import main as run_training

        run_training()
        return
    from rowscan.cli import run

    run(words)


if __name__ == "__main__":
    main()
