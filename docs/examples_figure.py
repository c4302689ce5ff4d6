"""Draw `docs/examples.png`: the example pictures, what the network sees of each, and its answer.

`PYTHONPATH=. .venv/bin/python docs/examples_figure.py`, in the environment of `make train`.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image, ImageOps

from app.imaging import read_digit
from app.inference.contract import join
from app.inference.saved_model import SavedModelClassifier

ROOT = Path(__file__).resolve().parents[1]
SUFFIXES = {".png", ".jpg", ".gif", ".webp"}
BACKDROP = "#dfe6ee"  # behind transparent pictures, which are shown as they are


def main() -> None:
    """Read every example with the shipped version and draw the lot."""
    classifier = SavedModelClassifier.load(ROOT / "models/digits/1")
    paths = sorted(path for path in (ROOT / "examples").iterdir() if path.suffix in SUFFIXES)
    digits = np.stack([read_digit(path.read_bytes()).pixels for path in paths])  # (n, 28, 28)
    scores = join(classifier.classify(digit[None]) for digit in digits)
    figure = Figure(figsize=(1.2 * len(paths), 2.9), layout="constrained")
    sent, seen = figure.subplots(2, len(paths))
    for axes in (*sent, *seen):
        axes.set_axis_off()
    for axes, path in zip(sent, paths, strict=True):
        picture = ImageOps.exif_transpose(Image.open(path)).convert("RGBA")
        backdrop = Image.new("RGBA", picture.size, BACKDROP)
        axes.imshow(Image.alpha_composite(backdrop, picture))
    are_digits = scores.are_digits(classifier.manifest.max_novelty)
    answers = zip(seen, digits, scores.probabilities, are_digits, strict=True)
    for axes, digit, answer, is_digit in answers:
        axes.imshow(digit, cmap="gray", vmin=0, vmax=1)
        text = f"{answer.argmax()}  {answer.max():.1%}" if is_digit else "not a digit"
        axes.set_title(text, y=-0.3, fontsize=10)
    figure.savefig(ROOT / "docs/examples.png", dpi=80, facecolor="white")


if __name__ == "__main__":
    main()
