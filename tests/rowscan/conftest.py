"""A folder as people have them: good pictures, a bad one, a text, a folder below."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image, ImageDraw

from app.api.documentation import SEVEN
from app.api.explain import encode_png


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two pictures in MNIST's frame, a drawing, a blank one, an empty file; not the text."""
    folder = tmp_path / "pictures"
    (folder / "below").mkdir(parents=True)
    (folder / "b.png").write_bytes(encode_png(SEVEN))
    (folder / "a.PNG").write_bytes(encode_png(255 - SEVEN))
    (folder / "below" / "drawn.jpg").write_bytes(drawing())
    (folder / "blank.png").write_bytes(encode_png(0 * SEVEN))
    (folder / "empty.gif").write_bytes(b"")
    (folder / "notes.txt").write_text("not a picture")
    return folder


def drawing() -> bytes:
    """A thick stroke on white paper, a JPEG of 200 × 300."""
    picture = Image.new("L", (200, 300), 255)
    ImageDraw.Draw(picture).line([(60, 60), (140, 60), (90, 240)], fill=20, width=18)
    file = io.BytesIO()
    picture.save(file, "JPEG")
    return file.getvalue()
