"""Draws docs/imaging.png, one example on its way to the network.

`PYTHONPATH=. .venv/bin/python docs/imaging_steps.py`
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageOps

from app.imaging import decode
from app.imaging.frame import frame, ink_box
from app.imaging.ink import measure_ink, rescale
from app.imaging.lines import remove_lines
from app.imaging.normalise import WORK_SIDE
from app.imaging.paper import fit_paper, shrink_by
from app.imaging.parts import keep_digit

ROOT = Path(__file__).parent.parent
EXAMPLE = ROOT / "examples" / "0.jpg"
PANEL_HEIGHT, GAP = 240, 12


def panel(grey: NDArray[np.float32]) -> Image.Image:
    """(height, width) 0..255 as a picture of the panels' height."""
    picture = Image.fromarray(grey.clip(0, 255).astype(np.uint8))
    width = round(picture.width * PANEL_HEIGHT / picture.height)
    enlarging = picture.height < PANEL_HEIGHT
    method = Image.Resampling.NEAREST if enlarging else Image.Resampling.BOX
    return picture.resize((width, PANEL_HEIGHT), method).convert("RGB")


def main() -> None:
    """Run the steps of `normalise` one by one and paste what comes out side by side."""
    photo = ImageOps.exif_transpose(Image.open(EXAMPLE)).convert("RGB")
    decoded = decode(EXAMPLE.read_bytes())
    grey = shrink_by(decoded, -(-max(decoded.shape) // WORK_SIDE))
    ink = rescale(remove_lines(measure_ink(grey).strength))
    digit = keep_digit(ink)
    box = ink_box(digit)
    boxed = Image.fromarray((digit * 255).astype(np.uint8)).convert("RGB")
    ImageDraw.Draw(boxed).rectangle(box, outline=(255, 160, 0), width=3)
    size = panel(grey).size
    panels = [
        photo.resize(size, Image.Resampling.BOX),
        panel(grey),
        panel(fit_paper(grey)),
        panel(ink * 255),
        boxed.resize(size, Image.Resampling.BOX),
        panel(frame(digit) * 255),
    ]
    width = sum(step.width + GAP for step in panels) - GAP
    strip = Image.new("RGB", (width, PANEL_HEIGHT), (255, 255, 255))
    left = 0
    for step in panels:
        strip.paste(step, (left, 0))
        left += step.width + GAP
    strip.quantize(64).save(ROOT / "docs" / "imaging.png", optimize=True)


if __name__ == "__main__":
    main()
