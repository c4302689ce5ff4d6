"""A multipart body → its parts.

Through python-multipart's low-level parser, over the bytes in memory: Starlette's `UploadFile`
halves the throughput, exempts files from its size limit, and writes parts over 1 MB to disk, where
the root file system may be read-only.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from app.api.bodies import Body
from app.api.limits import check_images
from app.errors import MalformedRequestError, PayloadTooLargeError

# Browsers and curl send three headers a part; python-multipart walks over them byte by byte.
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 1024
# Parts with other names are skipped; this many may come beside those that are wanted.
MAX_OTHER_PARTS = 16
MULTIPART = "multipart/form-data"


def split_multipart(body: Body, name: str, max_parts: int) -> list[bytes]:
    """The contents of all parts with this name, in order; other parts are skipped."""
    _, parameters = parse_options_header(body.content_type)
    boundary = parameters.get(b"boundary", b"")
    if not boundary:
        raise MalformedRequestError("The multipart Content-Type names no boundary.")
    parts = _Parts(name.encode(), max_parts)
    try:
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": parts.on_part_begin,
                "on_header_field": parts.on_header_field,
                "on_header_value": parts.on_header_value,
                "on_header_end": parts.on_header_end,
                "on_part_data": parts.on_part_data,
                "on_part_end": parts.on_part_end,
                "on_end": parts.on_end,
            },
            max_header_count=MAX_PART_HEADERS,
            max_header_size=MAX_PART_HEADER_BYTES,
        )
        parser.write(body.data)
    except FormParserError as error:
        raise MalformedRequestError("The multipart body cannot be read.") from error
    if not parts.complete:
        raise MalformedRequestError("The multipart body breaks off before its last boundary.")
    if not parts.found:
        raise MalformedRequestError(
            f"The multipart body has no part named '{name}'. Send one: curl -F {name}=@picture.png"
        )
    return parts.found


@dataclass
class _Parts:
    """Collects the parts of one name while the parser calls back."""

    name: bytes
    max_parts: int
    found: list[bytes] = field(default_factory=list)
    complete: bool = False
    seen: int = 0
    part_name: bytes = b""
    header_field: bytes = b""
    header_value: bytes = b""
    chunks: list[bytes] = field(default_factory=list)

    def on_part_begin(self) -> None:
        self.seen += 1
        if self.seen > self.max_parts + MAX_OTHER_PARTS:
            raise PayloadTooLargeError(f"Too many parts. Send at most {self.max_parts} at once.")
        self.part_name = b""
        self.chunks = []

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.header_field += data[start:end]

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.header_value += data[start:end]

    def on_header_end(self) -> None:
        if self.header_field.lower() == b"content-disposition":
            self.part_name = parse_options_header(self.header_value)[1].get(b"name", b"")
        self.header_field = self.header_value = b""

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self.part_name == self.name:
            self.chunks.append(data[start:end])

    def on_part_end(self) -> None:
        if self.part_name != self.name:
            return
        check_images(len(self.found) + 1, self.max_parts)
        self.found.append(b"".join(self.chunks))

    def on_end(self) -> None:
        self.complete = True
