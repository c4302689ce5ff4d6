"""What is read from a file's raw bytes, before any decoder runs: its kind, and what it would cost.

    bytes ─ bounds ─▶ the same bytes, known to be cheap to decode for their size

Some small files are slow to decode without being large pictures: a progressive JPEG of 94 KB with
1006 scans takes 10 s. Every check here walks the file's own structure once and stops at its bound.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from itertools import islice
from typing import Final

from app.errors import UndecodableImageError, UnsupportedImageError

MAX_JPEG_SCANS: Final = 64
"""Encoders write 1 (baseline) to about 10 (progressive)."""

MAX_EXIF_SEGMENTS: Final = 16
"""Cameras write one; Pillow joins them pair by pair, which thousands of them make slow."""

MAX_BLOCKS: Final = 4096
"""Marker segments, chunks or blocks of one file; Pillow walks them in Python, some 3 µs each.

A 10 MB XMP packet in a JPEG takes 160 segments; 24 megapixels of PNG in chunks of 8 KB take 3000.
"""

MAX_GIF_BLOCKS: Final = 65536
"""Sub-blocks hold at most 255 bytes: a full 10 MB has 41 thousand."""

MAX_QUICK_CHUNKS: Final = 64
"""An editor writes up to ten; 64 cost 0.2 ms."""

_JPEG_MARKER = re.compile(rb"\xff([^\x00\x01\xff\xd0-\xd7])", re.DOTALL)
_JPEG_START, _JPEG_END, _JPEG_SCAN, _JPEG_APP1 = 0xD8, 0xD9, 0xDA, 0xE1
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
_PNG_FIRST_CHUNK = b"\x00\x00\x00\rIHDR"
# Without zTXt, iTXt and iCCP: 64 KB of them unpack to 64 MB.
_PNG_QUICK_CHUNKS = frozenset(
    b"IHDR PLTE tRNS IDAT IEND gAMA cHRM sRGB sBIT bKGD pHYs tIME tEXt".split()
)
_BMP_COMPRESSION = slice(30, 34)
_BMP_RUN_LENGTHS = (1, 2)  # BI_RLE8, BI_RLE4

_ORIENTATION_TAG = 0x0112
_UPRIGHT = 1


def check_cost(data: bytes) -> None:
    """Refuse a file whose structure makes it far slower to decode than its size suggests."""
    if data.startswith(b"\xff\xd8"):
        _check_jpeg(data)
    elif data.startswith(_PNG_MAGIC):
        _check_png(data)
    elif data.startswith(b"GIF8"):
        _check_gif(data)
    elif data.startswith(b"BM"):
        _check_bmp(data)


def exif_orientation(exif: bytes) -> int:
    """The EXIF orientation, 1 (upright) to 8; 1 where there is none or the block is damaged.

    Read here because Pillow parses the whole tree for it and warns about every damaged tag.
    """
    tiff = exif.removeprefix(b"Exif\x00\x00")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return _UPRIGHT
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (entries,) = struct.unpack_from(f"{order}H", tiff, start)
        for index in range(min(entries, MAX_BLOCKS)):
            tag, _, _, value = struct.unpack_from(f"{order}HHIH", tiff, start + 2 + 12 * index)
            if tag == _ORIENTATION_TAG:
                return value if 1 <= value <= 8 else _UPRIGHT
    except struct.error:
        pass
    return _UPRIGHT


def _check_jpeg(data: bytes) -> None:
    """Count scans and segments up to the end marker; a phone may put a video behind that."""
    scans, exifs, at = 0, 0, 0
    for _ in range(MAX_BLOCKS):
        found = _JPEG_MARKER.search(data, at)
        fill = (found.start() if found else len(data)) - at
        if fill > MAX_BLOCKS and not scans:  # once more a byte at a time in Python
            break
        if found is None:
            return
        marker, at = found[1][0], found.end()
        if marker == _JPEG_END:
            return
        if marker == _JPEG_SCAN:
            scans += 1
            if scans > MAX_JPEG_SCANS:
                raise UndecodableImageError(
                    f"This JPEG has more than {MAX_JPEG_SCANS} scans. Save it as a plain JPEG."
                )
        if marker == _JPEG_APP1 and data.startswith(b"Exif", at + 2):
            exifs += 1
            if exifs > MAX_EXIF_SEGMENTS:
                raise _too_many_blocks(MAX_EXIF_SEGMENTS)
        if marker != _JPEG_START:
            at += int.from_bytes(data[at : at + 2], "big")  # the length counts itself
    raise _too_many_blocks()


def _check_png(data: bytes) -> None:
    """Count chunks; a second header would change the size after it was looked at."""
    names = list(islice(_png_chunks(data), MAX_BLOCKS))
    if len(names) == MAX_BLOCKS:
        raise _too_many_blocks()
    if names.count(b"IHDR") > 1:
        raise UndecodableImageError("This PNG has more than one header. Save the picture again.")


def is_png_of(data: bytes, side: int) -> bool:
    """Whether it is a PNG whose header says that it is a square of this side."""
    size = 2 * side.to_bytes(4, "big")
    return data.startswith(_PNG_MAGIC + _PNG_FIRST_CHUNK) and data[16:24] == size


def is_quick_png(data: bytes, max_side: int) -> bool:
    """Whether it is a PNG of few pixels and few chunks, none of which unpacks to something large.

    The number of bytes alone proves nothing: 24 white megapixels fit into 3 KB.
    """
    if not data.startswith(_PNG_MAGIC + _PNG_FIRST_CHUNK):
        return False
    width, height = int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")
    if max(width, height) > max_side:
        return False
    names = list(islice(_png_chunks(data), MAX_QUICK_CHUNKS + 1))
    one_header = names.count(b"IHDR") == 1
    return one_header and len(names) <= MAX_QUICK_CHUNKS and _PNG_QUICK_CHUNKS.issuperset(names)


def _png_chunks(data: bytes) -> Iterator[bytes]:
    """The names of the chunks to the end: length (4 bytes), name (4), content, checksum (4)."""
    at = len(_PNG_MAGIC)
    while at < len(data):
        name = data[at + 4 : at + 8]
        yield name
        if name == b"IEND":  # what follows is not looked at
            return
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _check_gif(data: bytes) -> None:
    """Count blocks and their sub-blocks up to the second frame, where a reader stops."""
    at = 13 + _gif_palette_bytes(data[10:11])
    blocks, frames = 0, 0
    while blocks <= MAX_GIF_BLOCKS:
        kind = data[at : at + 1]
        blocks += 1
        if kind == b"!":
            at += 2
        elif kind == b"," and not frames:
            at += 11 + _gif_palette_bytes(data[at + 9 : at + 10])
            frames = 1
        elif kind in (b",", b";", b""):
            return
        else:  # a stray byte; readers skip it
            at += 1
            continue
        while at < len(data) and data[at] and blocks <= MAX_GIF_BLOCKS:
            at += 1 + data[at]
            blocks += 1
        at += 1
    raise _too_many_blocks(MAX_GIF_BLOCKS)


def _gif_palette_bytes(flags: bytes) -> int:
    """Size of the global palette: bit 7 says that there is one, bits 0 to 2 how large."""
    if not flags or not flags[0] & 0x80:
        return 0
    return 3 << ((flags[0] & 0x07) + 1)


def _check_bmp(data: bytes) -> None:
    """Refuse run-length coded bitmaps: Pillow decodes them pixel by pixel in Python."""
    if int.from_bytes(data[_BMP_COMPRESSION], "little") in _BMP_RUN_LENGTHS:
        raise UnsupportedImageError("Run-length coded BMP is not read here. Save it as PNG.")


def _too_many_blocks(most: int = MAX_BLOCKS) -> UndecodableImageError:
    return UndecodableImageError(
        f"This file is cut into more than {most} blocks. Save the picture again."
    )
