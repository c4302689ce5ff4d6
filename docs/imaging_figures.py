"""Draws docs/imaging/*.png, one strip for each step.

`PYTHONPATH=. .venv/bin/python docs/imaging_figures.py`

Twice: a picture as sent, what the network reads without the step, and with it. The digits are those
of examples/, put into the made-up scenes.
"""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from imaging_numbers import without
from imaging_scenes import SCENES, enlarged
from numpy.typing import NDArray
from PIL import Image

from app.errors import BlankImageError
from app.imaging import read_digit
from training.corruptions import corrupt

ROOT = Path(__file__).parent.parent
SIDE, GAP = 112, 8

Grey = NDArray[np.uint8]


def example(digit: int) -> Grey:
    """A digit of examples/ in the MNIST frame: (28, 28)."""
    file = next((ROOT / "examples").glob(f"{digit}.*"))
    return (read_digit(file.read_bytes()).pixels * 255).astype(np.uint8)


def scene(name: str, digit: int, seed: int) -> Image.Image:
    """A made-up scene with a digit of examples/ in it."""
    return Image.fromarray(SCENES[name](example(digit), np.random.default_rng(seed)))


def leaning(digit: int) -> Image.Image:
    """A script that leans by 45 degrees."""
    upright = Image.fromarray(255 - (enlarged(example(digit), 140) * 200).astype(np.uint8))
    matrix = (1, 1, -70, 0, 1, 0)
    return upright.transform(
        (210, 140), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR, fillcolor=255
    )


def thin(digit: int) -> Image.Image:
    """A hard line one pixel wide."""
    ink = enlarged(example(digit), 160) > 0.5
    inner = ink.copy()
    for axis in (0, 1):
        for shift in (-7, 7):
            inner &= np.roll(ink, shift, axis)
    return Image.fromarray(np.where(inner, 0, 255).astype(np.uint8))


def coloured(digit: int, ink: tuple[int, int, int], paper: tuple[int, int, int]) -> Image.Image:
    """Ink and paper of the same lightness."""
    picture = Image.new("RGB", (140, 140), paper)
    mask = Image.fromarray((enlarged(example(digit), 140) * 255).astype(np.uint8))
    picture.paste(ink, mask=mask)
    return picture


def repeated(digit: int) -> Image.Image:
    """8 × 8 pixels, each shown as 12 × 12."""
    small = scene("eight_by_eight", digit, 0)
    return small.resize((96, 96), Image.Resampling.NEAREST)


def damaged(digit: int, kind: str) -> Image.Image:
    """A digit in MNIST's frame, damaged in one of MNIST-C's ways."""
    return Image.fromarray(corrupt(example(digit)[np.newaxis], kind)[0])


FIGURES: dict[str, tuple[str, list[Image.Image]]] = {
    "colour": (
        "colours projected",
        [coloured(3, (200, 90, 60), (90, 140, 60)), coloured(5, (70, 110, 230), (160, 90, 90))],
    ),
    "damage": ("damage let through", [damaged(4, "zigzag"), damaged(6, "stripe")]),
    "repeated": ("repeated pixels undone", [repeated(3), repeated(6)]),
    "light": ("a surface of light", [scene("lamp", 2, 1), scene("lamp", 8, 4)]),
    "shade": ("a hard shadow lifted", [scene("hard_shadow", 3, 3), scene("hard_shadow", 5, 2)]),
    "vote": ("paper by vote", [scene("small_cell", 3, 6), scene("small_cell", 4, 8)]),
    "grain": ("grain of pairs", [scene("small_cell", 6, 13), scene("cell", 9, 18)]),
    "print": ("print taken off", [scene("notebook", 4, 0), scene("graph_paper", 3, 6)]),
    "edges": (
        "what comes from the edges",
        [scene("written_over", 7, 14), scene("folded", 5, 0)],
    ),
    "glare": ("reflections passed over", [scene("whiteboard", 4, 2), scene("whiteboard", 8, 3)]),
    "lines": ("lines removed", [scene("cell", 5, 4), scene("cell", 7, 2)]),
    "specks": ("specks dropped", [scene("broken", 3, 2), scene("broken", 9, 5)]),
    "frames": ("frames dropped", [scene("boxed", 6, 0), scene("ringed", 3, 1)]),
    "underline": ("underlines dropped", [scene("underlined", 2, 0), scene("underlined", 9, 1)]),
    "intruders": ("intruders dropped", [scene("neighbour", 4, 5), scene("neighbour", 7, 3)]),
    "box": ("scale from the box", [scene("lamp", 3, 7), scene("ruled", 9, 9)]),
    "aperture": ("a source pixel's aperture", [scene("eight_by_eight", d, 0) for d in (2, 5)]),
    "lean": ("lean taken out", [leaning(9), leaning(4)]),
    "pen": ("thin pen widened", [thin(2), thin(8)]),
    "full": ("full ink by percentile", [thin(2), scene("eight_by_eight", 7, 0)]),
}


def as_read(picture: Image.Image) -> Image.Image:
    """What the network reads of a picture; nothing where it is called blank."""
    file = io.BytesIO()
    picture.save(file, "PNG")
    try:
        pixels = read_digit(file.getvalue()).pixels
    except BlankImageError:
        pixels = np.zeros((28, 28), np.float32)
    return Image.fromarray((pixels * 255).astype(np.uint8))


def tile(picture: Image.Image) -> Image.Image:
    """As high as a strip."""
    width = round(picture.width * SIDE / picture.height)
    enlarging = picture.height < SIDE
    method = Image.Resampling.NEAREST if enlarging else Image.Resampling.BOX
    return picture.convert("RGB").resize((width, SIDE), method)


def main() -> None:
    """Draw all strips."""
    for name, (step, pictures) in FIGURES.items():
        tiles = []
        for picture in pictures:
            with without(step):
                left_out = as_read(picture)
            tiles += [tile(picture), tile(left_out), tile(as_read(picture))]
        width = sum(each.width + GAP for each in tiles) + GAP
        strip = Image.new("RGB", (width, SIDE), (255, 255, 255))
        left = 0
        for place, each in enumerate(tiles):
            strip.paste(each, (left, 0))
            left += each.width + (2 * GAP if place == 2 else GAP)
        strip.quantize(32).save(ROOT / "docs" / "imaging" / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
