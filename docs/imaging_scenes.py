"""Made-up pictures that a digit may come in, for docs/imaging.md: ruled paper, cells, shadows.

    digit (28, 28) uint8, MNIST's or alike ─ a scene ─▶ grey picture (height, width) uint8

Every scene is drawn from a random generator, so that the same seed gives the same pictures.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

Ink = NDArray[np.float32]
Scene = Callable[[NDArray[np.uint8], np.random.Generator], NDArray[np.uint8]]


def enlarged(digit: NDArray[np.uint8], side: int) -> Ink:
    """Smoothly to side × side, sharpened to ink with edges: 0..1."""
    picture = Image.fromarray(digit).resize((side, side), Image.Resampling.BICUBIC)
    ink: Ink = np.clip((np.asarray(picture, np.float32) / 255 - 0.3) / 0.4, 0, 1)
    return ink


def placed(digit: NDArray[np.uint8], rng: np.random.Generator, side: int, share: float) -> Ink:
    """A digit's frame `share` of side × side, somewhere near the middle: 0..1."""
    ink = np.zeros((side, side), np.float32)
    room = round(side * share)
    top, left = (
        round((side - room) / 2 + rng.uniform(-0.3, 0.3) * (side - room)) for _ in range(2)
    )
    ink[top : top + room, left : left + room] = enlarged(digit, room)
    return ink


def photographed(ink: Ink, light: Ink | float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Dark ink on paper in some light, blurred a little, with grain."""
    paper, contrast = rng.uniform(190, 235), rng.uniform(0.4, 0.8)
    grey = paper * np.broadcast_to(light, ink.shape) * (1 - contrast * ink)
    blurred = Image.fromarray(grey.clip(0, 255).astype(np.uint8)).filter(
        ImageFilter.GaussianBlur(0.8)
    )
    noisy = np.asarray(blurred) + rng.normal(0, 2, ink.shape)
    photo: NDArray[np.uint8] = noisy.clip(0, 255).round().astype(np.uint8)
    return photo


def ruled(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paper with printed lines, which cross the digit."""
    ink = placed(digit, rng, 240, 0.6)
    gap = int(rng.integers(40, 80))
    for top in range(int(rng.integers(0, gap)), 240, gap):
        ink[top : top + 2] = np.maximum(ink[top : top + 2], rng.uniform(0.4, 0.7))
    return photographed(ink, 1.0, rng)


def squared(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Paper with a grid of squares, as in a school book."""
    ink = placed(digit, rng, 240, 0.6)
    gap, tone = int(rng.integers(30, 60)), rng.uniform(0.25, 0.5)
    for start in range(int(rng.integers(0, gap)), 240, gap):
        for lines in (ink, ink.T):
            lines[start : start + 2] = np.maximum(lines[start : start + 2], tone)
    return photographed(ink, 1.0, rng)


def page(
    digit: NDArray[np.uint8], rng: np.random.Generator, rules: int, is_squared: bool
) -> NDArray[np.uint8]:
    """A digit of any size on a page with so many printed lines: a scan, or a tilted photo of it."""
    side = int(rng.integers(500, 1200))
    ink = placed(digit, rng, side, rng.uniform(0.15, 0.6))
    gap, tone = side // rules, rng.uniform(0.15, 0.5)
    thick = max(1, side // int(rng.integers(250, 500)))
    for lines in (ink, ink.T) if is_squared else (ink,):
        for start in range(int(rng.integers(0, gap)), side, gap):
            lines[start : start + thick] = np.maximum(lines[start : start + thick], tone)
    if rng.random() < 0.5:
        scan: NDArray[np.uint8] = (250 - 220 * ink).astype(np.uint8)
        return scan
    tilted = Image.fromarray((255 * ink).astype(np.uint8)).rotate(
        rng.uniform(-1, 1), Image.Resampling.BICUBIC
    )
    rim = side // 40  # where turning has left no lines
    whole = np.asarray(tilted, np.float32)[rim:-rim, rim:-rim] / 255
    return photographed(whole, np.linspace(1, 0.65, whole.shape[1], dtype=np.float32), rng)


def notebook(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A page with lines to write on."""
    return page(digit, rng, int(rng.integers(6, 16)), is_squared=False)


def graph_paper(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A page with small squares."""
    return page(digit, rng, int(rng.integers(12, 28)), is_squared=True)


def written_over(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A pen over small print, whose lines end before the right edge."""
    side = int(rng.integers(400, 800))
    text = Image.new("L", (side, side))
    draw, tone = ImageDraw.Draw(text), int(255 * rng.uniform(0.2, 0.5))
    for top in range(5, side, int(rng.integers(18, 30))):
        letters = rng.choice(list("abcdefghijklmnopqrstuvwxyz    "), side // 7)
        draw.text((5, top), "".join(letters), fill=tone)
    ink = placed(digit, rng, side, rng.uniform(0.3, 0.6))
    return photographed(np.maximum(ink, np.asarray(text, np.float32) / 255), 1.0, rng)


def folded(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A sheet that was folded twice: its quarters have tones of their own, the folds are dark."""
    side = int(rng.integers(400, 900))
    ink = placed(digit, rng, side, rng.uniform(0.25, 0.6))
    light = np.ones((side, side), np.float32)
    for turned in (light, light.T):
        fold = round(side * rng.uniform(0.2, 0.8))
        turned[fold:] *= rng.uniform(0.88, 0.96)
        turned[fold - 2 : fold + 2] *= rng.uniform(0.75, 0.9)
    return photographed(ink, light, rng)


def cell(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A cell of a form: lines at one to four sides, at the edge or a little inside."""
    side = int(rng.integers(40, 140))
    ink = placed(digit, rng, side, 0.85)
    thick = max(1, side // int(rng.integers(20, 45)))
    for line in rng.permutation(4)[: rng.integers(1, 5)]:
        inset = int(rng.integers(0, max(1, side // 14)))
        turned = np.rot90(ink, line)
        turned[inset : inset + thick] = rng.uniform(0.7, 1)
    return photographed(ink, 1.0, rng)


def small_cell(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """The same at 28 × 28."""
    picture = Image.fromarray(cell(digit, rng)).resize((28, 28), Image.Resampling.BOX)
    return np.asarray(picture)


def boxed(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A box around it that touches no edge, printed or drawn by hand."""
    side = int(rng.integers(120, 500))
    inset, by_hand = side * rng.uniform(0.04, 0.15), rng.choice([0, 0.015])
    frame = Image.new("L", (side, side))
    far = side - inset
    corners = [(inset, inset), (far, inset), (far, far), (inset, far), (inset, inset)]
    points = [tuple(np.add(corner, rng.normal(0, by_hand * side, 2))) for corner in corners]
    ImageDraw.Draw(frame).line(points, int(255 * rng.uniform(0.5, 1)), max(1, side // 60))
    ink = placed(digit, rng, side, rng.uniform(0.5, 0.75) * (1 - 2 * inset / side))
    return photographed(np.maximum(ink, np.asarray(frame, np.float32) / 255), 1.0, rng)


def ringed(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A circle around it."""
    side = int(rng.integers(120, 500))
    ring = Image.new("L", (side, side))
    inset = side * rng.uniform(0.03, 0.1)
    ends = (inset, inset, side - inset, side - inset * rng.uniform(0.8, 1.5))
    ImageDraw.Draw(ring).ellipse(ends, outline=255, width=max(2, side // 60))
    ink = placed(digit, rng, side, 0.5)
    return photographed(np.maximum(ink, np.asarray(ring, np.float32) / 255), 1.0, rng)


def underlined(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A line below it that does not reach the edges."""
    side = int(rng.integers(150, 500))
    ink = placed(digit, rng, side, 0.5)
    top = int(side * rng.uniform(0.82, 0.92))
    ink[top : top + max(2, side // 60), int(0.15 * side) : int(0.85 * side)] = 0.9
    return photographed(ink, 1.0, rng)


def neighbour(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A stroke of the next digit reaches in at one side."""
    ink = placed(digit, rng, 150, 0.7)
    turned = np.rot90(ink, int(rng.integers(0, 4)))
    start, reach = int(rng.integers(10, 80)), int(rng.integers(8, 20))
    turned[start : start + 50, :reach] = enlarged(digit, 150)[50:100, 75 : 75 + reach]
    return photographed(ink, 1.0, rng)


def table(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A strip of dark table along one edge."""
    ink = placed(digit, rng, 240, 0.6)
    light = np.ones_like(ink)
    np.rot90(light, int(rng.integers(0, 4)))[: int(rng.integers(6, 40))] = rng.uniform(0.15, 0.5)
    return photographed(ink, light, rng)


def hard_shadow(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A shadow with a hard edge across the sheet, at any angle."""
    ink = placed(digit, rng, 240, 0.6)
    y, x = np.mgrid[-1:1:240j, -1:1:240j]
    angle = rng.uniform(0, 2 * np.pi)
    shade = x * np.cos(angle) + y * np.sin(angle) > rng.uniform(-0.4, 0.4)
    return photographed(ink, np.where(shade, rng.uniform(0.5, 0.75), 1).astype(np.float32), rng)


def lamp(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Light from one side, dark corners, a soft shadow of a hand."""
    ink = placed(digit, rng, 240, 0.6)
    y, x = np.mgrid[-1:1:240j, -1:1:240j]
    light = 0.75 + 0.25 * (x * rng.choice([-1, 1]) - 0.5 * (x * x + y * y) * rng.uniform(0, 1))
    hand = np.exp(-((x - rng.uniform(-1, 1)) ** 2 + (y - 1) ** 2) / 0.5)
    return photographed(ink, (light - 0.25 * hand).astype(np.float32), rng)


def whiteboard(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A marker on a board that reflects a lamp somewhere."""
    side = int(rng.integers(400, 900))
    ink = placed(digit, rng, side, rng.uniform(0.2, 0.6)) * rng.uniform(0.6, 1)
    y, x = np.mgrid[-1 : 1 : side * 1j, -1 : 1 : side * 1j]
    off = (x - rng.uniform(-1, 1)) ** 2 + (y - rng.uniform(-1, 1)) ** 2
    light = 0.6 + 0.45 * np.exp(-off / rng.uniform(0.03, 0.1))
    return photographed(ink, light.astype(np.float32), rng)


def broken(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A dotted pencil: gaps all over, and crumbs beside."""
    ink = placed(digit, rng, 240, 0.7)
    gaps = rng.random((60, 60)) < 0.25
    ink *= ~gaps.repeat(4, axis=0).repeat(4, axis=1)
    for top, left in rng.integers(0, 236, (3, 2)):
        ink[top : top + 4, left : left + 4] = 1
    return photographed(ink, 1.0, rng)


def faint(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """A pale 32 × 32 scan with a slope of light."""
    ink = placed(digit, rng, 32, 0.9)
    light = 1 - rng.uniform(0, 0.06) * np.linspace(0, 1, 32, dtype=np.float32)
    grey = rng.uniform(150, 240) * light - rng.uniform(12, 40) * ink
    scan: NDArray[np.uint8] = (grey + rng.normal(0, 1.2, ink.shape)).clip(0, 255).astype(np.uint8)
    return scan


def tight(digit: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cut out without any margin, in either polarity."""
    ink = enlarged(digit, 112)
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cut = ink[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    picture: NDArray[np.uint8] = (255 * cut).astype(np.uint8)
    return picture if rng.random() < 0.5 else 255 - picture


def eight_by_eight(digit: NDArray[np.uint8], _: np.random.Generator) -> NDArray[np.uint8]:
    """Sixteen counts to a pixel, as the optical digits of UCI have: 8 × 8, 0..240."""
    ink = enlarged(digit, 45) > 0.5
    rows, columns = np.flatnonzero(ink.any(axis=1)), np.flatnonzero(ink.any(axis=0))
    cut = ink[rows[0] : rows[0] + 32, columns[0] : columns[0] + 32]
    square = np.zeros((32, 32), np.uint8)
    left = (32 - cut.shape[1]) // 2
    square[: cut.shape[0], left : left + cut.shape[1]] = cut
    counts = square.reshape(8, 4, 8, 4).sum(axis=(1, 3), dtype=np.uint8)
    return counts * np.uint8(15)


SCENES: dict[str, Scene] = {
    scene.__name__: scene
    for scene in (
        ruled, squared, notebook, graph_paper, written_over, folded, cell, small_cell, boxed,
        ringed, underlined, neighbour, table, hard_shadow, lamp, whiteboard, broken, faint, tight,
        eight_by_eight,
    )
}  # fmt: skip
