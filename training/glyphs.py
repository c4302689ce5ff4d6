"""Glyphs: text and a font → a grey picture (64, 64), light on dark.

Fonts are those that matplotlib brings: DejaVu, STIX and Computer Modern, all freely licensed.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from training.hands import SHEET_SIDE

GLYPH_SIZES_PX = (40, 56)
DIGIT_FONTS = (
    "DejaVuSans", "DejaVuSans-Bold", "DejaVuSans-BoldOblique", "DejaVuSans-Oblique",
    "DejaVuSansDisplay", "DejaVuSansMono", "DejaVuSansMono-Bold", "DejaVuSansMono-Oblique",
    "DejaVuSerif", "DejaVuSerif-Bold", "DejaVuSerif-BoldItalic", "DejaVuSerif-Italic",
    "DejaVuSerifDisplay", "STIXGeneral", "STIXGeneralBol", "STIXGeneralBolIta",
    "STIXGeneralItalic", "cmb10", "cmr10", "cmss10", "cmtt10",
)  # fmt: skip

Sheet = NDArray[np.uint8]  # (64, 64), light on dark


@cache
def find_font(name: str, size_px: int) -> ImageFont.FreeTypeFont:
    """Return one of matplotlib's fonts."""
    folder = Path(mpl.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(folder / f"{name}.ttf", size_px)


def draw_glyph(text: str, fonts: tuple[str, ...], random: np.random.Generator) -> Sheet:
    """Draw text in the middle of a sheet, in any of the fonts, bolder at random."""
    sheet = Image.new("L", (SHEET_SIDE, SHEET_SIDE))
    font = find_font(fonts[random.integers(len(fonts))], int(random.choice(GLYPH_SIZES_PX)))
    bolder_px = max(0, int(random.integers(-3, 4)))
    middle = SHEET_SIDE / 2
    ImageDraw.Draw(sheet).text(
        (middle, middle), text, 255, font, anchor="mm", stroke_width=bolder_px
    )
    return np.asarray(sheet)
