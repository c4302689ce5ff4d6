"""Has `python -m training` train for seconds instead of hours: put this folder on PYTHONPATH.

Python imports a module of this name before all else. The command runs as it is written, each preset
with a small network, for a moment, on the few images of tests/tiny.py.
"""

from __future__ import annotations

import sys
from pathlib import Path
from tempfile import mkdtemp


def shorten() -> None:
    """Shorten what is about to be run."""
    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does, too late for this
    import training.data
    from tests.tiny import short_presets, tiny_mnist
    from training.presets import PRESETS

    PRESETS.update(short_presets())
    mnist = tiny_mnist(Path(mkdtemp()), test_images=50)
    training.data.open_mnist = lambda data_dir: mnist  # noqa: ARG005 - called as the other is


if sys.orig_argv[1:3] == ["-m", "training"]:
    shorten()
