"""plain_png: small grey PNGs come out as Pillow reads them; all others are left to it."""

from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from app.imaging.plain_png import MAX_SIDE, plain_png


def png(grey: NDArray[np.uint8], **options: object) -> bytes:
    """Grey values as a file, as Pillow writes it."""
    file = io.BytesIO()
    Image.fromarray(grey).save(file, "PNG", **options)
    return file.getvalue()


def by_pillow(data: bytes) -> NDArray[np.uint8]:
    """What Pillow reads, in its general way; raises what it raises."""
    with Image.open(io.BytesIO(data), formats=["PNG"]) as picture:
        assert picture.mode == "L"
        return np.asarray(picture)


@pytest.mark.parametrize("size", [(28, 28), (1, 1), (9, 64), (64, 5)])
@pytest.mark.parametrize("level", [0, 6])
def test_it_is_read_as_by_pillow(size: tuple[int, int], level: int) -> None:
    """Slopes, noise and paper bring all of the format's filters."""
    noise = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    slope = np.add.outer(3 * np.arange(size[0]), 2 * np.arange(size[1])).astype(np.uint8)
    for grey in (noise, slope, np.zeros(size, np.uint8), np.where(noise > 230, noise, 255)):
        read = plain_png(png(grey.astype(np.uint8), compress_level=level))
        assert read is not None
        assert np.array_equal(read, grey)


def test_everything_else_is_left_to_pillow() -> None:
    """Colour, palettes, transparency, further chunks, large pictures, other formats, nothing."""
    grey = np.random.default_rng(2).integers(0, 256, (28, 28), np.uint8)
    text = PngInfo()
    text.add_text("Software", "an editor")
    turned = Image.Exif()
    turned[0x0112] = 3
    large = np.zeros((MAX_SIDE + 1, 5), np.uint8)
    others = [
        png(grey, transparency=0),
        png(grey, pnginfo=text),
        png(grey, dpi=(72, 72)),
        png(grey, exif=turned),
        png(large),
        png(np.ascontiguousarray(large.T)),
        png(np.stack([grey] * 3, axis=-1)),
        png(grey.astype(np.uint16)),
        png((grey > 128).astype(np.uint8), bits=1),
        png(grey) + b"\0",
        png(grey)[:-1],
        b"",
        b"GIF89a",
    ]
    for data in others:
        assert plain_png(data) is None


def test_what_is_damaged_is_read_as_by_pillow_or_left_to_it() -> None:
    """A flipped bit in any byte: never another picture than the general way gives."""
    rng = np.random.default_rng(3)
    good = np.frombuffer(png(rng.integers(0, 256, (12, 9), np.uint8) // 64 * 64), np.uint8)
    left = 0
    for place in np.repeat(np.arange(good.size), 4):
        bad = good.copy()
        bad[place] ^= 1 << rng.integers(8)
        read = plain_png(bad.tobytes())
        if read is None:
            left += 1
        else:
            assert np.array_equal(read, by_pillow(bad.tobytes()))
    assert 0 < left < 4 * good.size
