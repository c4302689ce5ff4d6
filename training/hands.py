"""How other hands than MNIST's write: digits as strokes, in the styles of Europe and of long ago.

    seed ─ a template, bent, slanted, stretched ─ drawn with some pen ─▶ grey sheet (64, 64)

MNIST was written in the United States about 1990: its ones are a bare stroke, its sevens have no
bar, its twos no loop at the foot. Here are those that it lacks, beside the plain ones.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SHEET_SIDE = 64
ZOOM = 4  # drawn this much larger, then reduced: smooth edges
HEIGHT = 0.75  # of a digit, in sheets
PEN = (0.035, 0.17)  # widths of the pen, in heights of the digit
JITTER = 0.035  # standard deviation of each point, in heights

# Strokes are apart by "|"; a stroke goes through its points, "x,y" in percent, y downwards.
TEMPLATES: dict[int, tuple[str, ...]] = {
    0: (
        "50,0 15,15 0,50 15,85 50,100 85,85 100,50 85,15 50,0",
        "60,2 25,10 2,50 20,92 55,99 92,75 96,30 70,4 40,8",
        "70,10 40,0 8,30 5,70 35,100 75,92 98,55 90,15 60,0 45,12",
    ),
    1: (
        "50,0 50,50 50,100",
        "20,28 55,0|55,0 55,50 55,100",
        "0,45 60,0|60,0 60,50 60,100",
        "5,35 70,0|70,0 66,50 62,100",
        "10,55 75,0|75,0 75,50 75,100",
        "10,30 30,25 60,0|60,0 55,50 50,100",
        "25,25 55,0|55,0 55,50 55,100|15,100 55,98 95,100",
        "0,40 50,0|50,0 50,50 50,100|0,100 50,97 100,100",
        "50,0 50,50 50,100|20,100 50,99 80,100",
    ),
    2: (
        "5,25 25,5 60,0 90,20 80,50 40,80 5,100|5,100 50,98 100,97",
        "10,20 45,0 85,20 60,60 0,100|0,100 90,100",
        "5,30 20,5 55,0 85,15 85,40 60,65 20,85 5,95 15,100 30,88 20,80|15,90 50,88 75,98 100,90",
        "15,20 40,0 75,8 80,35 50,70 15,92 5,98 0,88 20,80 50,90 75,100 100,85",
        "30,20 15,15 30,0 70,5 80,30 50,65 10,90|10,90 40,82 70,95 95,88",
        "40,25 20,22 25,5 60,0 85,18 60,60 15,88 5,95 20,82 45,85 55,100 100,75",
    ),
    3: (
        "5,12 45,0 90,18 70,42 35,48|35,48 80,55 100,78 60,100 0,90",
        "5,0 45,0 90,0|90,0 65,20 35,42|35,42 80,50 98,75 60,100 5,92",
        "10,15 40,0 80,10 75,38 45,46 30,44 40,40 70,50 95,75 60,100 10,95 0,80",
        "15,20 25,5 60,0 85,15 70,40 40,50|40,50 60,50 90,70 70,95 30,100 5,85 20,78",
        "25,25 10,15 40,0 85,15 70,42 50,48 80,60 85,85 50,100 10,95",
    ),
    4: (
        "60,0 30,35 0,65|0,65 50,63 100,62|70,40 68,70 65,100",
        "70,0 0,68|0,68 100,68|70,0 70,50 70,100",
        "15,0 10,30 8,55 40,58 85,52|85,0 80,50 75,100",
        "30,0 5,60|5,60 90,55|65,25 60,100",
        "45,0 20,35 5,62 45,60 95,50|80,20 65,60 55,100",
    ),
    5: (
        "20,0 12,45|12,45 55,35 95,60 80,92 40,100 0,88|20,2 60,2 95,0",
        "90,0 25,3|25,3 15,42 55,38 92,62 75,95 35,100 0,90",
        "30,5 20,45 50,40 80,60 70,90 35,100 5,85|30,8 60,10 100,0",
        "25,10 15,48 55,42 70,70 45,98 10,95|28,6 70,0 105,4",
    ),
    6: (
        "80,0 40,20 8,60 15,92 50,100 88,85 85,60 50,50 12,68",
        "70,0 30,30 5,70 30,100 70,98 95,75 70,55 30,60 10,75",
        "60,0 20,40 10,80 40,100 75,90 70,65 40,62 15,80",
        "95,8 60,0 20,35 5,75 40,100 85,88 80,58 40,52 8,72",
    ),
    7: (
        "0,5 50,2 100,0|100,0 60,45 35,100",
        "0,5 50,2 100,0|100,0 60,45 35,100|25,50 50,48 85,46",
        "5,18 5,2 50,5 100,0|100,0 65,40 40,100|25,52 90,45",
        "0,15 20,0 60,10 100,0|100,0 70,35 45,70 40,100",
        "0,18 15,0 60,10 100,0|100,0 60,50 35,100|25,55 85,45",
        "10,5 60,3 95,2|95,2 75,40 55,100|40,48 95,50",
    ),
    8: (
        "80,15 50,0 20,15 30,38 60,52 90,75 60,100 20,92 15,70 50,50 78,32 80,12",
        "50,0 20,20 50,45 80,22 50,0|50,45 10,72 50,100 90,72 50,45",
        "95,10 50,0 15,20 40,45 80,70 60,98 20,95 10,70 45,45 90,5",
        "90,5 55,0 25,18 50,42 85,68 60,100 20,92 18,65 45,45 65,35",
    ),
    9: (
        "85,25 50,0 10,20 20,50 55,52 85,25|85,15 80,60 75,100",
        "80,20 45,0 8,22 25,48 65,42 82,15|82,12 72,55 50,100",
        "85,15 50,0 15,25 25,50 60,45 88,15|88,15 88,60 70,95 30,100 5,88",
        "90,5 50,2 15,28 30,48 65,35 92,8|92,8 60,60 30,100",
        "75,18 45,0 18,18 30,40 60,35 78,8|78,8 60,50 35,100",
        "90,10 60,0 20,20 10,45 45,50 85,12|88,8 70,55 45,100",
    ),
}

Points = NDArray[np.float64]  # (points, 2): x, y


def write_digit(digit: int, random: np.random.Generator) -> NDArray[np.uint8]:
    """Write a digit as some hand might: (64, 64) uint8, light on dark."""
    styles = TEMPLATES[digit]
    strokes = [_parse(stroke) for stroke in styles[random.integers(len(styles))].split("|")]
    slant = float(np.clip(random.normal(0.2, 0.3), -0.5, 1.0))
    stretch = random.uniform(0.35, 0.9)
    turn = random.normal(0, 0.08)
    bend = np.array([[stretch, 0.0], [-slant, 1.0]])  # of (x, y) about the middle, in heights
    spin = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
    pixels = SHEET_SIDE * ZOOM
    sheet = Image.new("L", (pixels, pixels))
    pen = ImageDraw.Draw(sheet)
    width = round(random.uniform(*PEN) * HEIGHT * pixels)
    joint: dict[tuple[float, float], Points] = {}  # strokes that meet go on meeting
    for stroke in strokes:
        moved = stroke + random.normal(0, JITTER, stroke.shape)
        for end in (0, -1):
            moved[end] = joint.setdefault(tuple(stroke[end].tolist()), moved[end])
        placed = (moved - 0.5) @ bend @ spin * HEIGHT * _fit(slant, stretch) + 0.5
        _draw(pen, smooth_curve(placed) * pixels, width)
    return np.asarray(sheet.reduce(ZOOM))


def _parse(stroke: str) -> Points:
    """Return the points of "x,y x,y …", 0..1."""
    return (
        np.array([[float(value) for value in point.split(",")] for point in stroke.split()]) / 100
    )


def _fit(slant: float, stretch: float) -> float:
    """Return the factor that keeps a slanted digit on its sheet."""
    return 1 / max(1.0, stretch + abs(slant))


def smooth_curve(points: Points) -> Points:
    """Return a Catmull-Rom curve through `points` (n, 2): 8 steps between each two."""
    before = np.vstack([2 * points[0] - points[1], points, 2 * points[-1] - points[-2]])
    t = np.linspace(0, 1, 8, endpoint=False)[:, None]
    pieces = [
        0.5
        * (
            2 * p1
            + (p2 - p0) * t
            + (2 * p0 - 5 * p1 + 4 * p2 - p3) * t**2
            + (3 * p1 - p0 - 3 * p2 + p3) * t**3
        )
        for p0, p1, p2, p3 in zip(before, before[1:], before[2:], before[3:], strict=False)
    ]
    return np.vstack([*pieces, points[-1:]])


def _draw(pen: ImageDraw.ImageDraw, points: Points, width: int) -> None:
    """Draw a line with round ends."""
    pen.line([tuple(point) for point in points.tolist()], 255, width, joint="curve")
    for x, y in (points[0], points[-1]):
        pen.ellipse((x - width / 2, y - width / 2, x + width / 2, y + width / 2), 255)
