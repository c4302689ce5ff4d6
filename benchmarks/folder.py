"""How long `rowscan predict` takes for 10,000 PNGs in a folder, beside the least it could take.

The least: a loop that decodes each file with Pillow, then the network in its best batches on the
arrays that come of it. The command also walks the folder, frames every picture, and writes a line
of JSON for each; it does so beside the network where it can. First in process, in turns, with the
model loaded; then both as commands of their own, from start to end.
"""

from __future__ import annotations

import io
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

from app.inference.versions import find_versions, saved_models
from app.settings import Settings
from benchmarks.least import decode_and_read
from rowscan.local import LocalModel
from rowscan.outputs import Form
from rowscan.predict import predict
from training.data import open_mnist
from training.pictures import encode_png

PICTURES = 10_000
LEAST = """
import os, sys
from pathlib import Path
from app.inference.versions import saved_models
from benchmarks.least import decode_and_read
decode_and_read(Path(sys.argv[1]), saved_models()(Path(sys.argv[2])))
os._exit(0)  # as the command does: taking TensorFlow down is no part of it
"""


def measure(models_dir: Path, data_dir: Path | None, pairs: int) -> dict[str, float]:
    """Return medians: seconds of both ways and their ratio pair by pair; then of whole commands."""
    version = models_dir / str(find_versions(models_dir)[0])
    classifier = saved_models()(version)
    model = LocalModel(classifier, Settings())
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_pictures(folder, data_dir)
        least, ours = (
            partial(decode_and_read, folder, classifier),
            partial(predict_all, folder, model),
        )
        least(), ours()  # warms the disk
        runs = [(seconds_of(least), seconds_of(ours)) for _ in range(pairs)]
        command = partial(command_s, models_dir=models_dir)
        commands = [
            (
                command("-c", LEAST, folder, version),
                command("-m", "rowscan", "predict", "--json", folder),
            )
            for _ in range(pairs)
        ]
    alone = [(one.wall, other.wall) for one, other in runs]
    ratio = statistics.median(other.processor / one.processor for one, other in runs)
    return {
        **_medians(alone, ""),
        "processor_time_ratio": ratio,  # tells more than the others where the machine is busy
        **_medians(commands, "command_"),
    }


class Seconds(NamedTuple):
    """What a run took."""

    wall: float
    processor: float  # of all threads


def seconds_of(run: Callable[[], None]) -> Seconds:
    """Run it; return what it took."""
    wall, processor = time.perf_counter(), time.process_time()
    run()
    return Seconds(time.perf_counter() - wall, time.process_time() - processor)


def _medians(pairs: list[tuple[float, float]], name: str) -> dict[str, float]:
    least, ours = zip(*pairs, strict=True)
    return {
        f"{name}pillow_and_network_s": statistics.median(least),
        f"{name}predict_s": statistics.median(ours),
        f"{name}ratio": statistics.median(mine / other for other, mine in pairs),
        f"{name}pictures_per_s": PICTURES / statistics.median(ours),
    }


def write_pictures(folder: Path, data_dir: Path | None) -> None:
    """Write MNIST's test images into the folder, a PNG each."""
    for place, image in enumerate(open_mnist(data_dir).test().images[:PICTURES]):
        (folder / f"{place:05}.png").write_bytes(encode_png(image))


def predict_all(folder: Path, model: LocalModel) -> None:
    """Run the command but for the loading of the model; all must be read."""
    lines = io.StringIO()
    assert predict([folder], Form(as_json=True), lambda: model, lines, io.StringIO()) == 0
    assert lines.getvalue().count("\n") == PICTURES


def command_s(*arguments: str | Path, models_dir: Path) -> float:
    """Return the seconds of a Python with these arguments, its output thrown away."""
    environment = os.environ | {"ROWSCAN_MODELS_DIR": str(models_dir)}
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL, env=environment
    )
    return time.perf_counter() - started
