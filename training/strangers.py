"""Strangers: a source of random numbers → a picture of anything but a digit, (64, 64).

Letters and signs of many scripts, scribbles, shapes, textures, and numbers of several digits.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from training.glyphs import DIGIT_FONTS, Sheet, draw_glyph, find_font
from training.hands import SHEET_SIDE

LETTER_FONTS = ("DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-Oblique", "DejaVuSerif-Italic")

# Signs that no reader would take for a digit. Left out are those that pass for one: O and Q for 0,
# l, I and | for 1, Z for 2, S for 5, b and G for 6, T for 7, B for 8, g and q for 9, and the like.
LATIN = "ACDEFHJKLMNPRUVWXYacdefhikmnprtuvwxyÆØßÞðæøþŁ&@#%?!*+=~^<>{}[]€£¶©"
GREEK = "ΓΔΘΛΞΠΣΦΨΩαβγδεζηθκλμνξπρςτφχψω"
CYRILLIC = "АДЕЖИКЛМНПУФХЦЧШЩЪЫЭЮЯавджиклмнптфцшщъыюя"
SYMBOLS = "√∞∫∑≠≤≥≈∂∇∈∩⊂⊕⊗←↑→↓↔⇒"
# Of the alphabets below: what passes for a 0, for a 1, and for a 9.
LOOKALIKES = (
    0x0555, 0x0585, 0x05E1, 0x2D54, 0x25CB, 0x25EF, 0x25CC, 0x25CF,
    0x05DF, 0x07CA, 0x2D4F, 0x144A, 0x25AE, 0x25AF, 0x2758, 0x2759, 0x275A, 0x146B,
)  # fmt: skip
ALPHABETS = (
    range(0x0531, 0x0557),  # Armenian capitals
    range(0x0561, 0x0587),  # Armenian small letters
    range(0x05D0, 0x05D5),  # Hebrew
    range(0x05DA, 0x05EB),
    range(0x0628, 0x0647),  # Arabic
    range(0x07CA, 0x07EB),  # N'Ko
    range(0x0E94, 0x0EAF),  # Lao
    range(0x10A0, 0x10C6),  # Georgian capitals
    range(0x10D0, 0x10F6),  # Georgian
    range(0x1401, 0x1470),  # Canadian syllabics
    range(0x1680, 0x169B),  # Ogham
    range(0x2801, 0x28FF, 5),  # Braille
    range(0x2D30, 0x2D66),  # Tifinagh
    range(0x25A0, 0x2600),  # geometric shapes
    range(0x2620, 0x2670),  # signs
    range(0x2701, 0x2776),  # dingbats, without the circled digits
    range(0x2794, 0x27BF),
)

Random = np.random.Generator


@cache
def _signs() -> tuple[str, ...]:
    """Return every sign that DejaVu Sans can draw of those listed above, Latin three times."""
    codes = (code for alphabet in ALPHABETS for code in alphabet if code not in LOOKALIKES)
    others = [*map(chr, codes), *GREEK, *CYRILLIC, *SYMBOLS]
    font = find_font("DejaVuSans", 40)
    none = (bytes(font.getmask("\uffff")), b"")
    drawn = [sign for sign in others if bytes(font.getmask(sign)) not in none]
    return (*(3 * LATIN), *drawn)


def _letter(random: Random) -> Sheet:
    """Print a sign; the common ones in any of the fonts, the rare ones in the one that has all."""
    signs = _signs()
    sign = signs[random.integers(len(signs))]
    return draw_glyph(sign, LETTER_FONTS if sign in LATIN else LETTER_FONTS[:1], random)


def _scribble(random: Random) -> Sheet:
    """Draw a few curved strokes and maybe an arc, as of a script that nobody writes."""
    sheet = Image.new("L", (4 * SHEET_SIDE, 4 * SHEET_SIDE))
    pen = ImageDraw.Draw(sheet)
    width = int(random.integers(6, 28))
    for _ in range(random.integers(2, 5)):
        ends = random.uniform(24, 4 * SHEET_SIDE - 24, (2, 2))
        bends = ends + random.normal(0, 60, (2, 2)) * random.integers(0, 2)
        points = _bezier(np.stack([ends[0], bends[0], bends[1], ends[1]]))
        pen.line([tuple(point) for point in points], 255, width, joint="curve")
    if random.random() < 0.4:
        corner, size = random.uniform(24, 130, 2), random.uniform(40, 100, 2)
        first, turn = random.uniform(0, 360), random.uniform(120, 360)
        box = (*corner.tolist(), *(corner + size).tolist())
        pen.arc(box, first, first + turn, 255, width)
    return np.asarray(sheet.reduce(4))


def _bezier(control: NDArray[np.float64]) -> list[list[float]]:
    """Return 16 points of the cubic Bézier curve over control points (4, 2)."""
    t = np.linspace(0, 1, 16)[:, None]
    weights = np.hstack([(1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t**2 * (1 - t), t**3])
    points: list[list[float]] = (weights @ control).tolist()
    return points


def _shape(random: Random) -> Sheet:
    """Fill one to four polygons, often mirrored, with a tone or a texture: things, clothes."""
    sheet = Image.new("L", (SHEET_SIDE, SHEET_SIDE))
    pen = ImageDraw.Draw(sheet)
    mirrored = random.random() < 0.6
    for _ in range(random.integers(1, 5)):
        corners = random.uniform(4, SHEET_SIDE - 4, (random.integers(3, 8), 2))
        if mirrored:
            corners[:, 0] = np.minimum(corners[:, 0], SHEET_SIDE - corners[:, 0])
            other = np.column_stack([SHEET_SIDE - corners[::-1, 0], corners[::-1, 1]])
            corners = np.vstack([corners[corners[:, 1].argsort()], other[(-other[:, 1]).argsort()]])
        pen.polygon([tuple(corner) for corner in corners], int(random.integers(110, 256)))
    filled = np.asarray(sheet)
    if random.random() < 0.5:
        grain = 1 - random.uniform(0, 0.6) * _cloud(random)
        filled = (filled * grain).astype(np.uint8)
    return filled


def _texture(random: Random) -> Sheet:
    """Threshold smooth noise: stains, crumpled paper, foliage."""
    cloud = _cloud(random)
    level = random.uniform(0.3, 0.8)
    fade = np.hypot(*np.mgrid[-1 : 1 : SHEET_SIDE * 1j, -1 : 1 : SHEET_SIDE * 1j]) < 0.9
    hard = np.clip((cloud - level) * random.uniform(2, 20), 0, 1) * fade
    texture: Sheet = (255 * hard).astype(np.uint8)
    return texture


def _cloud(random: Random) -> NDArray[np.float64]:
    """Return smooth noise, (64, 64), 0..1."""
    cells = int(random.integers(3, 24))
    coarse = Image.fromarray(random.integers(0, 256, (cells, cells), np.uint8))
    smooth = coarse.resize((SHEET_SIDE, SHEET_SIDE), Image.Resampling.BICUBIC)
    return np.asarray(smooth) / 255


def _several(random: Random) -> Sheet:
    """Print two to four digits side by side: a number is no digit."""
    figures = random.integers(2, 5)
    number = "".join(str(digit) for digit in random.integers(0, 10, figures))
    sheet = Image.new("L", (SHEET_SIDE, SHEET_SIDE))
    font = find_font(DIGIT_FONTS[random.integers(len(DIGIT_FONTS))], 96 // int(figures) - 6)
    ImageDraw.Draw(sheet).text((32, 32), number, 255, font, anchor="mm")
    return np.asarray(sheet)


KINDS: Final[tuple[Callable[[Random], Sheet], ...]] = (
    _letter, _letter, _letter, _scribble, _scribble, _shape, _shape, _texture, _several,
)  # fmt: skip
"""How a stranger may be drawn, each as often as it stands here."""
