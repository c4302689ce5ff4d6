"""The bytes of an image file → greyscale ink. Files are opened here alone.

    bytes ─ check_cost ─ open ─ check size ─ shrink ─ to one grey ─▶ (height, width) uint8
      └─ plain_png, of what programs write ─ check size ───────────────────┘

Everything about files is settled here: format, palette, alpha, 16 bits, colour, orientation. What
comes out is one grey value a pixel, upright. Whether ink is dark or light is left to `normalise`.
"""

from __future__ import annotations

import io
import threading
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from app.errors import PayloadTooLargeError, UndecodableImageError, UnsupportedImageError
from app.imaging.bounds import check_cost, exif_orientation
from app.imaging.grey import lay_on_backdrop, to_grey
from app.imaging.plain_png import plain_png

FORMATS: Final = ("PNG", "JPEG", "GIF", "BMP", "WEBP")

MAX_DECODED_SIDE: Final = 1024
"""Larger pictures come out shrunk by a whole factor: the network sees 28 pixels in the end."""

LARGE_PIXELS: Final = 4_000_000
"""Larger pictures are decoded one at a time: 24 million pixels of colour take 100 MB."""

_ONE_LARGE = threading.Lock()

_BAND_ROWS: Final = 256
"""Rows of 16-bit grey that are scaled at a time, which bounds what it takes beside the picture."""

_TURN_UPRIGHT: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


@dataclass(frozen=True)
class DecodeLimits:
    """How large a picture may be, read from its header before its pixels are decoded.

    Of a plain PNG of up to 64 × 64 afterwards: its pixels cost microseconds.
    """

    max_pixels: int = 24_000_000
    max_side: int = 8192


class Decoded(NamedTuple):
    """A decoded picture and how much smaller it is than the file says."""

    ink: NDArray[np.uint8]  # (height, width), upright
    shrink: int  # one decoded pixel stands for shrink × shrink pixels of the file
    size: tuple[int, int]  # width, height of the file's picture, upright


DEFAULT_LIMITS: Final = DecodeLimits()


def decode(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> NDArray[np.uint8]:
    """Decode one still image to grey values.

    Returns (height, width) uint8, 0 black to 255 white, upright, no side above MAX_DECODED_SIDE.
    Raises UnsupportedImageError, UndecodableImageError or PayloadTooLargeError.
    """
    return decode_shrunk(data, limits).ink


def decode_shrunk(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> Decoded:
    """As `decode`, and also says by which whole factor the picture was shrunk."""
    if not data:
        raise UndecodableImageError("The image file is empty. Send one with a picture in it.")
    plain = decode_plain(data, limits)
    if plain is not None:
        height, width = plain.shape
        return Decoded(plain, 1, (width, height))
    check_cost(data)
    with _open(data) as picture:
        _check_size(picture.size, limits)
        large = picture.width * picture.height > LARGE_PIXELS
        try:
            with _ONE_LARGE if large else nullcontext():
                return _decode_open(picture)
        except Exception as cause:  # hostile bytes raise nearly anything inside a decoder
            raise UndecodableImageError(
                "The image is truncated or corrupt. Save it again and send that file."
            ) from cause


def decode_plain(data: bytes, limits: DecodeLimits = DEFAULT_LIMITS) -> NDArray[np.uint8] | None:
    """As `decode`, of a small and plain PNG alone; None of any other file, sound or not."""
    plain = plain_png(data)
    if plain is not None:
        height, width = plain.shape
        _check_size((width, height), limits)
    return plain


def _open(data: bytes) -> Image.Image:
    """Read the header; the format and the number of frames are what Pillow made of it."""
    try:
        picture = Image.open(io.BytesIO(data), formats=FORMATS)
        still = picture.format in FORMATS and not getattr(picture, "is_animated", False)
    except UnidentifiedImageError as cause:
        if _claims_a_known_format(data):
            raise UndecodableImageError(
                "The image's header is corrupt. Save it again and send that file."
            ) from cause
        raise UnsupportedImageError(
            "This is not a PNG, JPEG, GIF, BMP or WebP image. Convert it to one of these."
        ) from cause
    except Image.DecompressionBombError as cause:
        raise PayloadTooLargeError("The image has too many pixels. Send a smaller one.") from cause
    except Exception as cause:
        raise UndecodableImageError(
            "The image's header is corrupt. Save it again and send that file."
        ) from cause
    if not still:
        picture.close()
        raise UnsupportedImageError("The file holds several frames. Send one still image.")
    return picture


def _claims_a_known_format(data: bytes) -> bool:
    """Whether the first bytes are those of a format that is read here."""
    is_webp = data[:4] == b"RIFF" and data[8:12] == b"WEBP"
    return is_webp or data.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF8", b"BM"))


def _check_size(size: tuple[int, int], limits: DecodeLimits) -> None:
    if max(size) > limits.max_side:
        raise PayloadTooLargeError(
            f"A side of the image is above {limits.max_side} pixels. Send a smaller one."
        )
    if size[0] * size[1] > limits.max_pixels:
        raise PayloadTooLargeError(
            f"The image has more than {limits.max_pixels} pixels. Send a smaller one."
        )


def _decode_open(picture: Image.Image) -> Decoded:
    """Shrink, flatten and turn a picture whose header has been checked."""
    if picture.mode == "L" and max(picture.size) <= MAX_DECODED_SIDE and _is_plain(picture):
        return Decoded(np.asarray(picture), 1, picture.size)
    full_width, full_height = picture.size
    shrink = -(-max(picture.size) // MAX_DECODED_SIDE)
    if picture.format == "JPEG":
        # Decodes at 1/2, 1/4 or 1/8 for a fraction of the cost, never below the size asked for.
        picture.draft(None, (full_width // shrink, full_height // shrink))
    drafted = round(max(full_width, full_height) / max(picture.size))
    plain = _to_plain_mode(picture)
    rest = -(-shrink // drafted)
    if rest > 1:
        plain = plain.reduce(rest)
    grey = to_grey(lay_on_backdrop(plain))
    orientation = exif_orientation(picture.info.get("exif", b""))
    if orientation in _TURN_UPRIGHT:
        grey = grey.transpose(_TURN_UPRIGHT[orientation])
    sideways = orientation >= 5
    size = (full_height, full_width) if sideways else (full_width, full_height)
    return Decoded(np.asarray(grey), drafted * rest, size)


def _is_plain(picture: Image.Image) -> bool:
    """Load a grey picture; whether its values can be taken as they are, which is soon done."""
    picture.load()
    return not (picture.has_transparency_data or "exif" in picture.info)


def _to_plain_mode(picture: Image.Image) -> Image.Image:
    """Any mode of the formats read here → L, LA, RGB or RGBA, 8 bits a channel."""
    if picture.mode.startswith("I"):  # convert("L") would clip it instead of scaling
        return _scale_16_bits(picture)
    colours = "L" if picture.mode in ("1", "L", "LA") else "RGB"
    mode = f"{colours}A" if picture.has_transparency_data else colours
    picture.load()
    return picture if picture.mode == mode else picture.convert(mode)  # convert would copy


def _scale_16_bits(picture: Image.Image) -> Image.Image:
    """16-bit grey → L, rounded: 65535 / 255 = 257."""
    grey = np.empty((picture.height, picture.width), np.uint8)
    for top in range(0, picture.height, _BAND_ROWS):
        bottom = min(top + _BAND_ROWS, picture.height)
        band = np.asarray(picture.crop((0, top, picture.width, bottom)), np.uint32)
        grey[top:bottom] = (band + 128) // 257
    return Image.fromarray(grey)
