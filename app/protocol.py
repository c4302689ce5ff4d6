"""HTTP on the wire: uvicorn's protocol, with bounds, and what it writes in one turn in one piece.

uvicorn writes the head of a response, then its body. Each write is a system call, some 15 µs, and
wakes the client for half an answer. And it keeps the head of a request however long that is, and
waits for its end for ever: all other bounds begin with a request that is known.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class Protocol(HttpToolsProtocol):
    """A connection that is written to through a `Gathering`."""

    max_head_bytes: ClassVar = 64 * 1024  # of request line and headers that have not ended
    max_head_s: ClassVar = 20.0  # for them to come, from the connection or their first byte

    _head_bytes: int | None = 0  # of the head that is coming; None: it is there, or none has begun
    _head_alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        gathering = Gathering(transport, self.loop)
        super().connection_made(cast("asyncio.Transport", gathering))
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        super().data_received(data)
        if self._head_bytes is None or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > self.max_head_bytes:
            self.send_400_response(f"The headers are longer than {self.max_head_bytes} bytes.")
        elif self._head_alarm is None:  # it has come in part, which is rare
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._head_is_there()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        self._head_is_there()
        super().on_headers_complete()

    def _expect_head(self) -> None:
        self._head_alarm = self.loop.call_later(self.max_head_s, self.transport.close)

    def _head_is_there(self) -> None:
        self._head_bytes = None
        if self._head_alarm is not None:
            self._head_alarm.cancel()
            self._head_alarm = None


class Gathering:
    """A transport that passes on what is written when the turn of the event loop ends."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._pieces: list[bytes] = []

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the transport has
        """All but writing and its end is as it was."""
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        """Send data with whatever else is written in this turn."""
        if not self._pieces:
            self._loop.call_soon(self._send)
        self._pieces.append(data)

    def close(self) -> None:
        """Close when all has been sent."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():  # the client may have left meanwhile
            self._transport.write(b"".join(pieces))
