"""Ten digits drawn by our own strokes, and the ways in which a picture of one may come."""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

Point = tuple[float, float]
Colour = tuple[int, int, int]

BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def arc(x: float, y: float, radii: Point, start: float, stop: float) -> list[Point]:
    """Points on an ellipse around x, y; degrees count clockwise from the right."""
    turns = np.radians(np.linspace(start, stop, 60))
    return [(x + radii[0] * np.cos(turn), y + radii[1] * np.sin(turn)) for turn in turns]


STROKES: dict[int, list[list[Point]]] = {
    0: [arc(50, 50, (27, 42), 0, 360)],
    1: [[(38, 24), (52, 9), (52, 92)]],
    2: [[*arc(49, 31, (25, 22), 190, 380), (24, 91), (78, 91)]],
    3: [arc(47, 29, (25, 20), 200, 450), arc(47, 70, (28, 22), 270, 510)],
    4: [[(60, 9), (20, 63), (82, 63)], [(63, 38), (63, 92)]],
    5: [[(74, 9), (34, 9), (30, 46), *arc(48, 66, (27, 26), 225, 500)]],
    6: [[(64, 8), (38, 38), *arc(49, 68, (24, 24), 200, 560)]],
    7: [[(22, 10), (78, 10), (44, 92)]],
    8: [arc(50, 29, (20, 20), 0, 360), arc(50, 70, (25, 21), 0, 360)],
    9: [[*arc(50, 32, (23, 23), 0, 360), (70, 52), (60, 92)]],
}
"""In percent of a square, y downwards."""


@dataclass(frozen=True)
class Way:
    """One way of drawing, photographing and saving a digit."""

    scale: float = 1  # of 100 pixels, the side of the digit's square
    margin: tuple[float, float, float, float] = (0.2, 0.2, 0.2, 0.2)  # left, top, right, bottom
    ink: Colour = BLACK
    paper: Colour | None = WHITE  # None is see-through
    format: str = "PNG"
    pen: float = 10  # percent of the square


def draw(digit: int, way: Way) -> bytes:
    """The file of a digit drawn in one way."""
    side = 100 * way.scale
    left, top, right, bottom = (round(share * side) for share in way.margin)
    size = left + round(side) + right, top + round(side) + bottom
    fine = 4 if side <= 200 else 2
    mask = Image.new("L", (size[0] * fine, size[1] * fine))
    pencil = ImageDraw.Draw(mask)
    pen = way.pen / 100 * side * fine
    for stroke in STROKES[digit]:
        path = [((left + x / 100 * side) * fine, (top + y / 100 * side) * fine) for x, y in stroke]
        pencil.line(path, fill=255, width=max(1, round(pen)), joint="curve")
        for x, y in (path[0], path[-1]):
            pencil.ellipse((x - pen / 2, y - pen / 2, x + pen / 2, y + pen / 2), fill=255)
    mask = mask.resize(size, Image.Resampling.BOX)
    if way.paper is None:
        picture = Image.new("RGBA", size, (*way.ink, 0))
        picture.putalpha(mask)
    else:
        picture = Image.new("RGB", size, way.paper)
        picture.paste(way.ink, mask=mask)
    return saved(picture, way.format)


def saved(picture: Image.Image, kind: str) -> bytes:
    """The bytes of a picture's file."""
    file = io.BytesIO()
    picture.save(file, kind, quality=80)
    return file.getvalue()


WAYS: dict[str, Way] = {
    "as it is": Way(),
    "scale 0.25": Way(scale=0.25),
    "scale 0.5": Way(scale=0.5),
    "scale 2": Way(scale=2),
    "scale 8": Way(scale=8),
    "to the left": Way(margin=(0.05, 0.2, 0.9, 0.2)),
    "down": Way(margin=(0.3, 1.2, 0.3, 0.1)),
    "no margin": Way(margin=(-0.05, -0.02, -0.05, -0.02)),
    "wide margin": Way(margin=(1.5, 1.5, 1.5, 1.5)),
    "inverted": Way(ink=WHITE, paper=BLACK),
    "red on green": Way(ink=(200, 40, 40), paper=(90, 150, 90)),
    "blue on yellow": Way(ink=(40, 60, 170), paper=(240, 230, 150)),
    "yellow on blue": Way(ink=(240, 230, 90), paper=(30, 50, 120)),
    "low contrast": Way(ink=(190, 190, 190), paper=(210, 210, 210)),
    "faint light ink": Way(ink=(60, 60, 60), paper=(45, 45, 45)),
    "JPEG": Way(format="JPEG"),
    "small JPEG": Way(scale=0.3, ink=(80, 80, 80), format="JPEG"),
    "WebP": Way(format="WEBP"),
    "GIF": Way(format="GIF"),
    "black on nothing": Way(paper=None),
    "white on nothing": Way(paper=None, ink=WHITE),
    "WebP on nothing": Way(paper=None, ink=(30, 60, 200), format="WEBP"),
    "thin pen": Way(pen=5),
    "fat pen": Way(pen=15),
}


def on_grid(file: bytes, put: Callable[[NDArray[np.uint8]], None]) -> bytes:
    """The same picture, as grey PNG, after `put` has drawn something onto its pixels."""
    pixels = np.array(Image.open(io.BytesIO(file)).convert("L"))
    put(pixels)
    return saved(Image.fromarray(pixels), "PNG")


def difference(one: NDArray[np.float32], other: NDArray[np.float32]) -> float:
    """The mean absolute difference of two frames, as a share of their ink."""
    return float(np.abs(one - other).sum() / (one.sum() + other.sum()) * 2)
