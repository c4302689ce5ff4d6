"""Draws every picture in this folder: `python examples/draw.py [folder]`.

    strokes ─ trace ─▶ ink (height, width) 0..1 ─ a look ─▶ picture ─ save ─▶ file

Each picture has its own seed, so it comes out the same every time (with the same Pillow and numpy).
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from strokes import CAT, DIGITS, Stroke

Array = NDArray[np.float64]
Colour = tuple[int, int, int]

SUPERSAMPLING = 3
POINTS_PER_SPAN = 60


def catmull_rom(stroke: Stroke) -> Array:
    """A smooth curve through all points: (n, 2) for the points of a stroke."""
    points = np.asarray([point.split(",") for point in stroke.split()], np.float64) / 100
    points = np.concatenate([points[:1], points, points[-1:]])  # it starts and ends at rest
    t = np.linspace(0, 1, POINTS_PER_SPAN)[:, None]
    spans = []
    for before, start, stop, after in zip(points, points[1:], points[2:], points[3:], strict=False):
        bend = 2 * before - 5 * start + 4 * stop - after
        twist = -before + 3 * start - 3 * stop + after
        spans.append(start + 0.5 * t * ((stop - before) + t * (bend + t * twist)))
    curve: Array = np.concatenate(spans)
    return curve


def waves(count: int, rng: np.random.Generator) -> Array:
    """A slow random wave around 0, about -1 to 1: (count,). Hands and paper vary like that."""
    t = np.linspace(0, 2 * np.pi, count)
    phases = rng.uniform(0, 2 * np.pi, 4)
    return (
        sum((np.sin(k * t + phase) / k for k, phase in enumerate(phases, 1)), np.zeros(count)) / 2
    )


def trace(
    strokes: list[Stroke],
    size: tuple[int, int],
    box: tuple[float, float, float, float],
    pen: float,
    rng: np.random.Generator,
    pressure: float = 0.22,
) -> Array:
    """Draw strokes into a box (left, top, right, bottom) with a pen some pixels wide.

    The pen's width follows the pressure of the hand and thins out where a stroke ends.
    Returns ink (height, width), 0..1, with smooth edges.
    """
    fine = Image.new("L", (size[0] * SUPERSAMPLING, size[1] * SUPERSAMPLING), 0)
    draw = ImageDraw.Draw(fine)
    corner, extent = np.asarray(box[:2]), np.asarray(box[2:]) - np.asarray(box[:2])
    for stroke in strokes:
        path = (corner + catmull_rom(stroke) * extent) * SUPERSAMPLING  # (n, 2) fine pixels
        count = len(path)
        path += 0.02 * extent.min() * np.stack([waves(count, rng), waves(count, rng)], 1)
        lifted = np.clip(np.arange(count)[::-1] / (0.25 * count), 0.3, 1) ** 0.5
        radii = pen * SUPERSAMPLING / 2 * lifted * (1 + pressure * waves(count, rng))
        for (x, y), radius in zip(path, radii, strict=True):
            draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=255)
    return np.asarray(fine.resize(size, Image.Resampling.BOX)) / 255


def cloud(size: tuple[int, int], cell: int, rng: np.random.Generator) -> Array:
    """Smooth random texture with features `cell` pixels wide: (height, width), about -1 to 1."""
    coarse = rng.normal(0, 0.5, (size[1] // cell + 2, size[0] // cell + 2)).astype(np.float32)
    return np.asarray(Image.fromarray(coarse).resize(size, Image.Resampling.BICUBIC), np.float64)


def lamp(size: tuple[int, int], angle: float, fall: float) -> Array:
    """Light that falls off across the sheet and towards its corners: (height, width), up to 1."""
    y, x = np.mgrid[-1 : 1 : size[1] * 1j, -1 : 1 : size[0] * 1j]
    across = (np.cos(angle) * x + np.sin(angle) * y + 1.4) / 2.8
    light: Array = 1 - fall * across - 0.3 * fall * (x * x + y * y)
    return light


def photo(
    ink: Array,
    paper: Colour,
    colour: Colour,
    rng: np.random.Generator,
    angle: float = 0.6,
    fall: float = 0.3,
    grain: float = 2.0,
    blur: float = 0.7,
) -> Image.Image:
    """Ink on paper as a camera sees it: fibres in the sheet, a lamp to one side, lens and grain."""
    size = (ink.shape[1], ink.shape[0])
    fibres = 1 + 0.012 * cloud(size, 3, rng) + 0.02 * cloud(size, 40, rng)
    cover = (ink * (0.93 + 0.07 * cloud(size, 2, rng)).clip(0, 1))[..., None]  # ink skips fibres
    sheet = np.asarray(paper) * fibres[..., None]
    seen = (sheet * (1 - cover) + np.asarray(colour) * cover) * lamp(size, angle, fall)[..., None]
    sharp = Image.fromarray(seen.clip(0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(blur)
    )
    noise = rng.normal(0, grain, (size[1], size[0], 1))
    return Image.fromarray((np.asarray(sharp) + noise).clip(0, 255).astype(np.uint8))


def flat(ink: Array, paper: Colour, colour: Colour) -> Image.Image:
    """Ink on an even ground, as in a paint program."""
    cover = ink[..., None]
    return Image.fromarray(
        (np.asarray(paper) * (1 - cover) + np.asarray(colour) * cover).round().astype(np.uint8)
    )


def rule(size: tuple[int, int], spacing: int, strength: float, squares: bool = False) -> Array:
    """The printed lines of a sheet: (height, width), 0..strength."""
    lines = np.zeros((size[1], size[0]))
    lines[spacing // 2 :: spacing] = strength
    if squares:
        lines[:, spacing // 2 :: spacing] = strength
    return lines


def pen_on_paper() -> Image.Image:
    """7: a blue-black fountain pen on cream paper, lamp from the left."""
    rng = np.random.default_rng(7)
    ink = trace(DIGITS[7], (360, 420), (80, 70, 280, 350), 15, rng)
    return photo(ink, (240, 234, 220), (28, 34, 74), rng, grain=1.2).quantize(128)


def phone_photo() -> tuple[Image.Image, Image.Exif]:
    """0: black felt pen on lined paper, stored lying on its side as phones do."""
    rng = np.random.default_rng(10)
    size = (900, 1200)
    ink = trace(DIGITS[0], size, (240, 330, 660, 900), 30, rng)
    ink = np.maximum(ink, rule(size, 96, 0.16))
    upright = photo(ink, (226, 228, 226), (30, 28, 32), rng, angle=2.4, fall=0.42, blur=1.4)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned a quarter clockwise for viewing
    return upright.transpose(Image.Transpose.ROTATE_90), exif


def chalk() -> Image.Image:
    """1: chalk on a blackboard; light ink on dark."""
    rng = np.random.default_rng(21)
    size = (320, 400)
    ink = trace(DIGITS[1], size, (60, 60, 260, 340), 17, rng)
    ink *= (0.72 + 0.5 * cloud(size, 2, rng)).clip(0, 1)
    return photo(ink, (48, 66, 58), (226, 228, 214), rng, fall=0.2, grain=1).quantize(64)


def mouse() -> Image.Image:
    """2: one pixel wide and shaky, as drawn with a mouse in a paint program."""
    rng = np.random.default_rng(2)
    picture = Image.new("1", (480, 480), 1)
    for stroke in DIGITS[2]:
        path = 110 + catmull_rom(stroke)[::9] * (240, 270)
        path += rng.normal(0, 1.6, path.shape)
        ImageDraw.Draw(picture).line([tuple(point) for point in path], fill=0, width=1)
    return picture


def marker() -> Image.Image:
    """3: a broad marker on a whiteboard app, 1200 × 1600."""
    rng = np.random.default_rng(33)
    ink = trace(DIGITS[3], (1200, 1600), (250, 300, 950, 1300), 92, rng, pressure=0.12)
    return flat(ink, (255, 255, 255), (24, 24, 28)).convert("L")


def sticky_note() -> Image.Image:
    """4: a red pen on green paper of about the same lightness."""
    rng = np.random.default_rng(44)
    ink = trace(DIGITS[4], (340, 340), (70, 50, 270, 290), 14, rng)
    return photo(ink, (122, 176, 92), (212, 44, 40), rng, fall=0.16)


def paint() -> Image.Image:
    """5: small, blue on yellow, as an icon."""
    ink = trace(DIGITS[5], (96, 96), (22, 14, 74, 82), 8, np.random.default_rng(5))
    return flat(ink, (255, 232, 120), (20, 60, 160)).quantize(16)


def see_through() -> Image.Image:
    """6: ink on nothing; all but the stroke is transparent."""
    ink = trace(DIGITS[6], (300, 360), (60, 50, 240, 310), 16, np.random.default_rng(66))
    picture = Image.new("RGBA", (300, 360), (16, 72, 92, 0))
    picture.putalpha(Image.fromarray((ink * 255).round().astype(np.uint8)))
    return picture


def pencil() -> Image.Image:
    """8: soft pencil on squared paper."""
    rng = np.random.default_rng(8)
    size = (560, 700)
    ink = trace(DIGITS[8], size, (130, 130, 430, 570), 13, rng)
    ink *= (0.62 + 0.45 * cloud(size, 2, rng)).clip(0, 1)
    ink = np.maximum(ink, rule(size, 56, 0.1, squares=True))
    return photo(ink, (238, 238, 234), (70, 70, 76), rng, angle=-0.8, fall=0.25)


def corner() -> Image.Image:
    """9: small, in the corner of a large sheet."""
    rng = np.random.default_rng(99)
    ink = trace(DIGITS[9], (900, 700), (640, 440, 770, 630), 9, rng)
    return photo(ink, (236, 236, 240), (36, 40, 48), rng, angle=1.2, fall=0.22)


def cat() -> Image.Image:
    """No digit at all."""
    ink = trace(CAT, (320, 320), (40, 40, 280, 280), 7, np.random.default_rng(0))
    return flat(ink, (255, 255, 255), (40, 40, 48)).convert("L")


def draw_all(folder: Path) -> None:
    """Write all pictures into a folder, over those that are there."""
    sideways, exif = phone_photo()
    sideways.save(folder / "0.jpg", quality=70, exif=exif)
    chalk().save(folder / "1.png", optimize=True)
    mouse().save(folder / "2.png", optimize=True)
    marker().save(folder / "3.png", optimize=True)
    sticky_note().save(folder / "4.webp", quality=80)
    paint().save(folder / "5.gif")
    see_through().save(folder / "6.png", optimize=True)
    pen_on_paper().save(folder / "7.png", optimize=True)
    pencil().save(folder / "8.jpg", quality=75)
    corner().save(folder / "9.jpg", quality=75)
    cat().save(folder / "not-a-digit.png", optimize=True)


if __name__ == "__main__":
    draw_all(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent)
