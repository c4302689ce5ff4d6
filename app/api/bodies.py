"""The body of a request: read with a bound, and unpacked when it is compressed."""

from __future__ import annotations

import asyncio
import time
import zlib
from typing import Final, NamedTuple

from starlette.requests import ClientDisconnect, Request

from app.api.context import context_of, has_come
from app.errors import (
    DeadlineExceededError,
    MalformedRequestError,
    PayloadTooLargeError,
    QueueFullError,
    UnsupportedImageError,
)

# That are coming in at once, of all requests together: many slow uploads must not fill the memory.
MAX_ARRIVING_BYTES: Final = 256 * 1024 * 1024

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
                data = await self._arrive(request, packed)  # a clock takes 5 µs, and nothing waits
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
