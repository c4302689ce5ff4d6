"""The body of a request: read with a bound, and taken apart when it is multipart.

Multipart goes through python-multipart's low-level parser, over the bytes in memory: Starlette's
`UploadFile` halves the throughput, exempts files from its size limit, and writes parts over 1 MB
to disk, where the root file system may be read-only.
"""

from __future__ import annotations

import asyncio
import time
import zlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from app.api.context import context_of, has_come
from app.api.limits import check_images
from app.errors import (
    DeadlineExceededError,
    MalformedRequestError,
    PayloadTooLargeError,
    QueueFullError,
    UnsupportedImageError,
)

# That are coming in at once, of all requests together: many slow uploads must not fill the memory.
MAX_ARRIVING_BYTES: Final = 256 * 1024 * 1024

# Browsers and curl send three headers a part; python-multipart walks over them byte by byte.
MAX_PART_HEADERS = 8
MAX_PART_HEADER_BYTES = 1024
# Parts with other names are skipped; this many may come beside those that are wanted.
MAX_OTHER_PARTS = 16
MULTIPART = "multipart/form-data"
# A boundary has 70 characters at most (RFC 2046); parameters are walked over one by one.
MAX_CONTENT_TYPE_CHARS: Final = 256

AS_IT_IS: Final = b"identity"
COMPRESSED: Final = (b"gzip", b"x-gzip", b"deflate")  # as Content-Encoding, RFC 9110
MOST_UNPACKED: Final = 1032
"""Bytes that a byte of deflate may stand for (https://zlib.net/zlib_tech.html)."""
EITHER_HEADER: Final = zlib.MAX_WBITS | 32  # gzip's or zlib's, which is HTTP's "deflate"


class Body(NamedTuple):
    """A request body, whole."""

    content_type: str  # the header, as sent
    data: bytes

    @property
    def media_type(self) -> str:
        """The Content-Type in lower case, without parameters."""
        return self.content_type.partition(";")[0].strip().lower()


class Bodies:
    """Reads the bodies of requests, each of them and all together within a bound."""

    def __init__(self, max_bytes: int, max_arriving_bytes: int = MAX_ARRIVING_BYTES) -> None:
        self._max_bytes = max_bytes
        self._max_arriving = max(2 * max_bytes, max_arriving_bytes)  # one, packed and unpacked
        self._arriving = 0

    async def read(self, request: Request, deadline: float) -> Body:
        """The body of a request, whole by `deadline` on time.monotonic().

        Raises PayloadTooLargeError, QueueFullError, DeadlineExceededError, UnsupportedImageError
        and MalformedRequestError; ClientDisconnect when the client leaves.
        """
        headers = _Headers.of(request)
        if headers.encoding not in (AS_IT_IS, *COMPRESSED):
            raise UnsupportedImageError(
                "Bodies compressed so are not read here. Send it as it is, or as gzip or deflate."
            )
        if headers.declared_bytes > self._max_bytes:
            raise self._too_large()
        if len(headers.content_type) > MAX_CONTENT_TYPE_CHARS:
            raise MalformedRequestError(
                f"The Content-Type is longer than {MAX_CONTENT_TYPE_CHARS} characters."
            )
        packed = headers.encoding != AS_IT_IS
        try:
            if has_come(request.scope) and not packed:
                data = await self._arrive(request, packed)  # which has nothing to wait for
            else:
                async with asyncio.timeout(deadline - time.monotonic()):
                    data = await self._arrive(request, packed)
        except TimeoutError:
            raise DeadlineExceededError(
                "The body did not arrive in time. Send a smaller image, or allow more time."
            ) from None
        if not data:
            raise MalformedRequestError("The body is empty. Send an image.")
        return Body(headers.content_type, data)

    async def _arrive(self, request: Request, packed: bool) -> bytes:
        """All of a body, unpacked."""
        chunks: list[bytes] = []
        total = held = 0
        try:
            more = True
            while more:
                message = await request.receive()
                if message["type"] == "http.disconnect":
                    raise ClientDisconnect
                chunk = message.get("body", b"")
                total += len(chunk)
                held += len(chunk)
                self._arriving += len(chunk)
                self._check(total)
                chunks.append(chunk)
                more = message.get("more_body", False)
            data = b"".join(chunks)
            if total and packed:
                unpacked = min(self._max_bytes, MOST_UNPACKED * total)
                held += unpacked
                self._arriving += unpacked
                self._check(total)
                data = await asyncio.to_thread(self._uncompressed, data)
            return data
        finally:
            self._arriving -= held
            context_of(request).bytes_in = total

    def _uncompressed(self, data: bytes) -> bytes:
        """What was compressed, which is bounded as if it had come so."""
        stream = zlib.decompressobj(EITHER_HEADER)
        try:
            content = stream.decompress(data, self._max_bytes + 1)
        except zlib.error as error:
            raise MalformedRequestError("The compressed body cannot be read.") from error
        if len(content) > self._max_bytes:
            raise self._too_large()
        if not stream.eof or stream.unused_data:
            raise MalformedRequestError("The compressed body breaks off, or goes on after its end.")
        return content

    def _check(self, total: int) -> None:
        if total > self._max_bytes:
            raise self._too_large()
        if self._arriving > self._max_arriving:
            raise QueueFullError("Too much is being sent at once. Try again in a moment.")

    def _too_large(self) -> PayloadTooLargeError:
        return PayloadTooLargeError(
            f"The body is larger than {self._max_bytes} bytes. Send a smaller image."
        )


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


class _Headers(NamedTuple):
    """What the headers say of a body, read in one pass: Starlette's take one for each."""

    content_type: str = ""
    declared_bytes: int = 0  # 0 when Content-Length says nothing, and then reading counts
    encoding: bytes = AS_IT_IS

    @classmethod
    def of(cls, request: Request) -> _Headers:
        """The first of each name counts, as with Starlette."""
        found: dict[bytes, bytes] = {}
        for name, value in request.scope["headers"]:
            if name.startswith(b"content-"):
                found.setdefault(name, value)
        declared = found.get(b"content-length", b"")
        return cls(
            found.get(b"content-type", b"").decode("latin-1"),
            int(declared) if declared.isdigit() and len(declared) < 20 else 0,
            found.get(b"content-encoding", AS_IT_IS).lower(),
        )
