"""decode: every format and mode comes out grey and upright; what cannot be read says why, early."""

from __future__ import annotations

import contextlib
import io
import struct
import time
import zlib

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from PIL.PngImagePlugin import PngInfo

from app.errors import (
    PayloadTooLargeError,
    RequestError,
    UndecodableImageError,
    UnsupportedImageError,
)
from app.imaging import DecodeLimits, decode, read_digit
from app.imaging.bounds import is_quick_png


def encode(picture: Image.Image, format_: str = "PNG", **options: object) -> bytes:
    """The picture as the bytes of an image file."""
    file = io.BytesIO()
    picture.save(file, format_, **options)
    return file.getvalue()


def seven(mode: str = "L", size: tuple[int, int] = (60, 80)) -> Image.Image:
    """A dark 7 on light paper, in any mode of Pillow that can be drawn on."""
    picture = Image.new("L", size, 255)
    width, height = size
    line = [(width * 0.2, height * 0.2), (width * 0.8, height * 0.2), (width * 0.4, height * 0.85)]
    ImageDraw.Draw(picture).line(line, fill=0, width=max(2, width // 10))
    return picture.convert(mode)


def ink_on(paper: tuple[int, ...], ink: tuple[int, ...], mode: str = "RGB") -> Image.Image:
    """A bar of one colour on paper of another."""
    picture = Image.new(mode, (40, 40), paper)
    picture.paste(ink, (15, 5, 22, 35))
    return picture


def contrast(grey: NDArray[np.uint8]) -> int:
    """How far the bar of `ink_on` differs from its paper."""
    return abs(int(grey[20, 18]) - int(grey[20, 3]))


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("mode", ["L", "RGB"])
def test_formats(format_: str, mode: str) -> None:
    """Each of the five formats comes out as it was drawn, grey, in its own size."""
    options = {"lossless": True} if format_ == "WEBP" else {}
    grey = decode(encode(seven(mode), format_, **options))
    assert grey.dtype == np.uint8
    assert np.abs(grey.astype(int) - np.asarray(seven(), int)).max() < 30


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16"])
def test_png_modes_keep_values(mode: str) -> None:
    """Every mode that a PNG can have gives the same grey values."""
    expected = np.asarray(seven("1").convert("L"))
    if mode == "I;16":
        picture = Image.fromarray(expected.astype(np.uint16) * 257)
    else:
        picture = Image.fromarray(expected).convert(mode)
    assert np.array_equal(decode(encode(picture)), expected)


def test_16_bits_are_scaled() -> None:
    """A mid grey of 16 bits stays mid grey: it is scaled, not clipped to white."""
    picture = Image.fromarray(np.full((4, 4), 32896, np.uint16))
    assert decode(encode(picture))[0, 0] == 128


def test_16_bits_are_rounded_in_every_row() -> None:
    """Every level of 16 bits goes to the nearest of 8, in pictures of many rows too."""
    levels = np.arange(65536, dtype=np.uint16).reshape(1024, 64)
    expected = np.rint(levels / 257).astype(np.uint8)
    assert np.array_equal(decode(encode(Image.fromarray(levels))), expected)


def test_cmyk_jpeg() -> None:
    """A CMYK JPEG keeps dark ink dark."""
    grey = decode(encode(seven("RGB").convert("CMYK"), "JPEG"))
    assert grey[16, 30] < 60
    assert grey[5, 5] > 200


@pytest.mark.parametrize("ink", [(0, 0, 0), (255, 255, 255), (20, 40, 200), (250, 240, 60)])
@pytest.mark.parametrize("beneath", [0, 255])
def test_ink_on_nothing_stays_visible(ink: tuple[int, int, int], beneath: int) -> None:
    """Dark or light ink on a see-through picture shows, whatever colour lies under the alpha."""
    picture = ink_on((beneath,) * 3 + (0,), (*ink, 255), "RGBA")
    assert contrast(decode(encode(picture))) > 100


def test_see_through_palette() -> None:
    """A GIF or PNG whose palette has a see-through entry shows its ink."""
    picture = Image.new("P", (40, 40), 1)
    picture.putpalette([0, 0, 0, 0, 0, 0])
    picture.paste(0, (15, 5, 22, 35))
    assert contrast(decode(encode(picture, transparency=1))) == 255


def test_see_through_corners_vanish() -> None:
    """Paper that is cut out with see-through corners gets corners of its own tone."""
    picture = ink_on((230, 230, 230, 255), (10, 10, 10, 255), "RGBA")
    picture.paste((0, 0, 0, 0), (0, 0, 6, 6))
    grey = decode(encode(picture))
    assert grey[2, 2] == grey[20, 3]


def test_colours_of_one_lightness() -> None:
    """Red on a green of the same luma keeps its contrast."""
    assert contrast(decode(encode(ink_on((0, 130, 0), (255, 0, 0))))) > 80


def test_grey_stored_as_colour_is_exact() -> None:
    """A grey ramp stored as RGB comes out with its own values."""
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert np.array_equal(decode(encode(Image.fromarray(ramp).convert("RGB"))), ramp)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation(format_: str, orientation: int) -> None:
    """A picture stored turned or mirrored, as cameras do, comes out upright."""
    stored = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}.get(orientation)
    upright = seven(size=(64, 96))
    turned = upright if stored is None else upright.transpose(Image.Transpose(stored))
    exif = Image.Exif()
    exif[0x0112] = orientation
    grey = decode(encode(turned, format_, exif=exif, quality=95))
    assert grey.shape == (96, 64)
    assert np.abs(grey.astype(int) - np.asarray(upright, int)).mean() < 6


def test_damaged_exif_is_ignored() -> None:
    """An EXIF block that ends early costs nothing but the orientation."""
    exif = b"Exif\x00\x00II*\x00\x08\x00\x00\x00\x09\x00\x12\x01"
    assert decode(encode(seven(), "JPEG", exif=exif)).shape == (80, 60)


def test_large_photo_is_shrunk() -> None:
    """A large JPEG comes out within 1024 pixels, and the box still counts the file's pixels."""
    data = encode(seven("RGB", (3000, 4000)), "JPEG")
    assert max(decode(data).shape) <= 1024
    left, top, right, bottom = read_digit(data).box
    assert (left, top) == pytest.approx((600, 650), abs=60)
    assert (right, bottom) == pytest.approx((2500, 3450), abs=60)


def png_header(width: int, height: int) -> bytes:
    """The start of a PNG that claims a size and has no pixels."""
    content = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + content + struct.pack(">I", zlib.crc32(content))
    return b"\x89PNG\r\n\x1a\n" + chunk + b"\x00\x00\x00\x00IDAT" + bytes(4)


@pytest.mark.parametrize("size", [(8193, 1), (1, 8193), (5000, 5000), (20_000, 20_000)])
def test_size_is_checked_before_decoding(size: tuple[int, int]) -> None:
    """A header that claims too much is refused as too large, though no pixels follow it."""
    with pytest.raises(PayloadTooLargeError):
        decode(png_header(*size))


def test_limits_are_the_callers() -> None:
    """The caller's own limits hold."""
    with pytest.raises(PayloadTooLargeError):
        decode(encode(seven()), DecodeLimits(max_pixels=4799))
    assert decode(encode(seven()), DecodeLimits(max_pixels=4800, max_side=80)).size == 4800
    plain = encode(Image.new("L", (28, 20)))
    for limits in (DecodeLimits(max_side=27), DecodeLimits(max_pixels=559)):
        with pytest.raises(PayloadTooLargeError):
            decode(plain, limits)
    assert decode(plain, DecodeLimits(max_side=28, max_pixels=560)).shape == (20, 28)


@pytest.mark.parametrize("format_", ["PNG", "GIF", "WEBP"])
def test_several_frames_are_refused(format_: str) -> None:
    """An animation is not one digit."""
    data = encode(seven("RGB"), format_, save_all=True, append_images=[Image.new("RGB", (60, 80))])
    with pytest.raises(UnsupportedImageError, match="several frames"):
        decode(data)


def test_stereo_jpeg_is_refused() -> None:
    """An MPO is several JPEGs in one file."""
    data = encode(seven("RGB"), "MPO", save_all=True, append_images=[Image.new("RGB", (60, 80))])
    with pytest.raises(UnsupportedImageError):
        decode(data)


@pytest.mark.parametrize("format_", ["TIFF", "PPM", "ICO", "TGA"])
def test_other_formats_are_refused(format_: str) -> None:
    """Formats beside the five are named as such, not as corrupt."""
    with pytest.raises(UnsupportedImageError):
        decode(encode(seven("RGB"), format_))


def test_an_empty_file_is_refused() -> None:
    """An empty file is of no kind at all: it is said to be empty."""
    with pytest.raises(UndecodableImageError, match="is empty"):
        decode(b"")


@pytest.mark.parametrize("data", [b"\x00", b"hello", b"<svg/>", b"%PDF-1.7"])
def test_no_image_is_refused(data: bytes) -> None:
    """Bytes of no image at all are refused as a kind that is not read."""
    with pytest.raises(UnsupportedImageError):
        decode(data)


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_truncated(format_: str, share: float) -> None:
    """A file that ends early is undecodable, with Pillow's own complaint as the cause."""
    noise = Image.fromarray(np.random.default_rng(1).integers(0, 256, (64, 64), np.uint8))
    data = encode(noise, format_)
    with pytest.raises(UndecodableImageError) as caught:
        decode(data[: int(share * len(data))])
    assert caught.value.__cause__ is not None


@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF", "BMP", "WEBP"])
def test_flipped_bytes_never_surprise(format_: str) -> None:
    """Whatever is damaged in a file, it decodes or is refused by one of this module's errors."""
    rng = np.random.default_rng(2)
    good = np.frombuffer(encode(seven("RGB"), format_), np.uint8)
    for _ in range(150):
        bad = good.copy()
        bad[rng.integers(0, bad.size, 3)] = rng.integers(0, 256, 3)
        with contextlib.suppress(RequestError):
            decode(bad.tobytes())


def test_many_scans() -> None:
    """A JPEG that repeats a scan a thousand times is refused without decoding it."""
    data = encode(seven("RGB", (2000, 2000)), "JPEG", progressive=True)
    scan = data.rindex(b"\xff\xda")
    hostile = data[:-2] + data[scan:-2] * 1000 + data[-2:]
    started = time.thread_time()
    with pytest.raises(UndecodableImageError, match="scans"):
        decode(hostile)
    assert time.thread_time() - started < 0.5


@pytest.mark.parametrize(
    "data",
    [
        b"\xff\xd8" + b"\xff\xe1\x00\x02" * 500_000,
        b"\xff\xd8" + b"\xff" * 8_000_000,
        b"\xff\xd8" + (b"\xff\xe1\x09\xc8Exif\x00\x00" + bytes(2496)) * 4000,
        png_header(28, 28)[:33] + b"\x00\x00\x00\x00teXt\x00\x00\x00\x00" * 200_000,
        b"GIF89a\x1c\x00\x1c\x00\x00\x00\x00" + b"!\xfe\x00" * 700_000,
        b"GIF89a\x1c\x00\x1c\x00\x00\x00\x00" + b"\x01" * 5_000_000,
    ],
    ids=["jpeg-segments", "jpeg-fill", "jpeg-exifs", "png-chunks", "gif-comments", "gif-strays"],
)
def test_files_in_a_million_pieces(data: bytes) -> None:
    """A file of countless tiny blocks is refused sooner than anyone could walk through it."""
    started = time.thread_time()
    with pytest.raises(UndecodableImageError):
        decode(data)
    assert time.thread_time() - started < 0.5


def test_video_behind_a_photo_is_ignored() -> None:
    """What a phone appends after the end of its JPEG does not count as scans."""
    data = encode(seven(), "JPEG") + b"\xff\xda\x00\x02" * 500
    assert decode(data).shape == (80, 60)


def test_padding_behind_a_png_is_ignored() -> None:
    """Zeros after the end of a good PNG are no chunks."""
    assert decode(encode(seven()) + bytes(60_000)).shape == (80, 60)


def test_only_plain_small_pngs_are_quick() -> None:
    """What an editor adds stays quick; compressed text, which may unpack to megabytes, does not."""
    plain, packed = PngInfo(), PngInfo()
    plain.add_text("Software", "an editor")
    packed.add_text("Comment", "much " * 1000, zip=True)
    assert is_quick_png(encode(seven(), pnginfo=plain, dpi=(72, 72)), max_side=80)
    assert not is_quick_png(encode(seven(), pnginfo=packed), max_side=80)
    assert not is_quick_png(encode(seven()), max_side=79)
    assert decode(encode(seven(), pnginfo=packed)).shape == (80, 60)


def test_decoding_is_deterministic() -> None:
    """The same bytes give the same grey values."""
    colours = np.random.default_rng(3).integers(0, 256, (50, 50, 3), np.uint8)
    data = encode(Image.fromarray(colours))
    assert np.array_equal(decode(data), decode(data))
