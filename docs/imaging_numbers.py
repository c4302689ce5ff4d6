"""What each imaging step brings: `PYTHONPATH=. .venv/bin/python docs/imaging_numbers.py [SET …]`.

The first row is the per cent of pictures that version 1 reads; each further row leaves one step out
and says by how much that changes. A set is a folder of pictures whose names begin with their digit,
or an .npz file of `images` (n, height, width) and `labels`. The made-up scenes hold MNIST's
validation images and need its folder in ROWSCAN_DATA_DIR. Takes some minutes.
"""

from __future__ import annotations

import os
import sys
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from imaging_scenes import SCENES
from numpy.typing import NDArray

from app.errors import BlankImageError
from app.imaging import Digit, normalise, read_digit
from app.inference.saved_model import SavedModelClassifier
from training.data import Mnist
from training.evaluate import classify_all

# Not `from app.imaging import …`: the package has functions of the same names as some modules.
BESIDE, DECODE, FRAME, INK, NORMALISE, PAPER, PRINTED = (
    sys.modules[f"app.imaging.{name}"]
    for name in ("beside", "decode", "frame", "ink", "normalise", "paper", "printed")
)
MODEL = Path(__file__).parent.parent / "models" / "digits" / "1"
SCENE_PICTURES = 300
FIRST_DIGIT = 2000  # of MNIST's validation images

Set = tuple[list[Callable[[], Digit]], NDArray[np.uint8]]


def border_grain(difference: NDArray[np.float32]) -> float:
    """The grain on the border alone."""
    return PAPER.MEDIAN_TO_SIGMA * float(np.median(np.abs(PAPER.border(difference))))


WITHOUT: dict[str, tuple[Any, str, Any]] = {
    "colours projected": (DECODE, "to_grey", lambda picture: picture.convert("L")),
    "MNIST's frame let through": (NORMALISE, "is_framed", lambda _: False),
    "damage let through": (NORMALISE, "damaged_frame", lambda _: None),
    "repeated pixels undone": (NORMALISE, "pixel_doubling", lambda _: 1),
    "a surface of light": (PAPER, "MIN_PHOTO_SIDE", 10**9),
    "a hard shadow lifted": (PAPER, "find_shade", lambda _: None),
    "paper by vote": (PAPER, "_flat_level", lambda grey: float(np.median(PAPER.border(grey)))),
    "grain of pairs": (INK, "measure_grain", border_grain),
    "shade made up for": (INK, "_even_out", lambda strength, _: strength),
    "reflections passed over": (INK, "is_glare", lambda *_: False),
    "print taken off": (INK, "measure_print", lambda *_: 0.0),
    "what comes from the edges": (PRINTED, "_level_from_edges", lambda *_: 0.0),
    "lines removed": (NORMALISE, "remove_lines", lambda strength: strength),
    "specks dropped": (BESIDE, "MIN_SHARE", 1e-9),
    "frames dropped": (BESIDE, "_without_frames", lambda _, weights: weights),
    "underlines dropped": (BESIDE, "_without_underline", lambda _, weights: weights),
    "intruders dropped": (BESIDE, "_without_intruders", lambda _, weights: weights),
    "scale from the box": (FRAME, "_extents", lambda ink, *_: np.divide(ink.shape[::-1], 1.4)),
    "a source pixel's aperture": (FRAME, "MIN_APERTURE", 0.0),
    "lean taken out": (FRAME, "MAX_SLANT", 99.0),
    "thin pen widened": (FRAME, "MNIST_STROKE", 0.0),
    "full ink by percentile": (FRAME, "FULL_INK_PERCENTILE", 100),
}


@contextmanager
def without(step: str) -> Iterator[None]:
    """Leave a step out for a while."""
    module, name, stand_in = WITHOUT[step]
    usual = getattr(module, name)
    setattr(module, name, stand_in)
    try:
        yield
    finally:
        setattr(module, name, usual)


def labelled(path: Path) -> Set:
    """A folder or an .npz file as what reads each picture, and the labels."""
    if path.suffix == ".npz":
        arrays = np.load(path)
        return [partial(normalise, image) for image in arrays["images"]], arrays["labels"]
    files = sorted(file for file in path.iterdir() if file.name[0].isdigit())
    labels = np.array([int(file.name[0]) for file in files], np.uint8)
    return [partial(read_digit, file.read_bytes()) for file in files], labels


def scenes() -> dict[str, Set]:
    """The made-up scenes, of MNIST's validation digits; none without MNIST."""
    folder = os.environ.get("ROWSCAN_DATA_DIR")
    if folder is None:
        return {}
    _, validation = Mnist(Path(folder)).training()
    chosen = slice(FIRST_DIGIT, FIRST_DIGIT + SCENE_PICTURES)
    sets: dict[str, Set] = {}
    for name, scene in SCENES.items():
        random = np.random.default_rng(zlib.crc32(name.encode()))
        pictures = [scene(digit, random) for digit in validation.images[chosen]]
        sets[name] = (
            [partial(normalise, picture) for picture in pictures],
            validation.labels[chosen],
        )
    return sets


def per_cent(classifier: SavedModelClassifier, pictures: Set) -> float:
    """How many are read correctly; a picture that is called blank is not."""
    reads, labels = pictures
    seen = np.zeros((len(reads), 28, 28), np.float32)
    blank = np.zeros(len(reads), bool)
    for place, read in enumerate(reads):
        try:
            seen[place] = read().pixels
        except BlankImageError:
            blank[place] = True
    answers = classify_all(classifier, seen).probabilities.argmax(axis=1)
    return float(100 * np.mean((answers == labels) & ~blank))


def row(cells: list[str]) -> None:
    """One row of the table."""
    sys.stdout.write(f"| {' | '.join(cells)} |\n")
    sys.stdout.flush()


def main() -> None:
    """The table, in Markdown."""
    classifier = SavedModelClassifier.load(MODEL)
    sets = {path.stem: labelled(path) for path in map(Path, sys.argv[1:])} | scenes()
    row(["left out", *sets])
    row(["---"] * (1 + len(sets)))
    usual = {name: per_cent(classifier, pictures) for name, pictures in sets.items()}
    row(["nothing", *(f"{share:.1f}" for share in usual.values())])
    for step in WITHOUT:
        with without(step):
            changes = [per_cent(classifier, sets[name]) - usual[name] for name in sets]
        row([step, *(f"{change:+.1f}" if abs(change) > 0.04 else "" for change in changes)])


if __name__ == "__main__":
    main()
