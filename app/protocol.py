"""HTTP on the wire: uvicorn's protocol, with bounds, and what it writes in one turn in one piece.

uvicorn writes the head of a response, then its body. Each write is a system call, some 15 µs, and
wakes the client for half an answer. And it keeps the head of a request however long that is, as
many requests as come before the first is answered, and waits for ever for the end of a head and for
a client that does not read: all other bounds begin with a request that is known.
"""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar, Final, cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from app.api.context import new_id, note_that_body_has_come
from app.api.problems import MEDIA_TYPE, problem_body
from app.errors import PROBLEMS, MalformedRequestError

MAX_UNREAD_S: Final = 30.0
"""For a client to read some of what it asked for."""


class Protocol(HttpToolsProtocol):
    """A connection that is written to through a `Gathering`."""

    max_head_bytes: ClassVar = 64 * 1024  # of request line and headers that have not ended
    max_head_s: ClassVar = 20.0  # for them to come, from the connection or their first byte
    max_pipelined: ClassVar = 100  # requests that wait for the answer to one before them
    max_rest_s: ClassVar = 120.0  # for the rest of a body that was answered before it was whole
    max_unread_s: ClassVar = MAX_UNREAD_S

    _head_bytes: int | None = 0  # of the head that is coming; None: it is there, or none has begun
    _loose_bytes: int = 0  # of trailers, and whatever else is of no head and no body
    _head_began: bool = False  # in what has come just now
    _request_came: bool = False  # the end of a head, or some of a body, just now
    _head_alarm: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Called by the event loop."""
        self._gathering = Gathering(transport, self.loop, self.max_unread_s)
        super().connection_made(cast("asyncio.Transport", self._gathering))
        self._expect_head()

    def data_received(self, data: bytes) -> None:
        """Called by the event loop."""
        self._head_began = self._request_came = False
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._head_bytes is None:
            self._bound_what_is_no_head(len(data))
            return
        if self.cycle is None or not self._head_began:  # else some of it is of the request before
            self._head_bytes += len(data)
        if self._head_bytes > self.max_head_bytes:
            self.send_400_response(f"The headers are longer than {self.max_head_bytes} bytes.")
        elif self._head_alarm is None:  # it has come in part, which is rare
            self._expect_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Called by the event loop."""
        self._head_is_there()
        self._gathering.expect_nothing()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """Called by the event loop when the client does not read."""
        self._gathering.expect_reading()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Called by the event loop when it reads again."""
        self._gathering.expect_nothing()
        super().resume_writing()

    def send_400_response(self, msg: str) -> None:
        """Say that this is no request, as every other error is said, and close.

        Where one before it is being answered, that answer goes out, and this one does not.
        """
        begun = self._is_answering() and (self.cycle.response_started or not self.cycle.more_body)
        if begun or self.pipeline:
            self._end_with_this()
            return
        request_id = new_id()
        problem = problem_body(PROBLEMS[MalformedRequestError], msg, request_id)
        body = problem.model_dump_json().encode()
        head = (
            f"HTTP/1.1 400 Bad Request\r\ncontent-type: {MEDIA_TYPE}\r\n"
            f"content-length: {len(body)}\r\nx-request-id: {request_id}\r\n"
            "connection: close\r\n\r\n"
        )
        self.transport.write(head.encode() + body)
        self.transport.close()

    def on_message_begin(self) -> None:
        """Called by the parser."""
        self._head_bytes = 0
        self._head_began = True
        super().on_message_begin()

    def on_body(self, body: bytes) -> None:
        """Called by the parser."""
        self._request_came = True
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """Called by the parser."""
        if len(self.pipeline) >= self.max_pipelined:
            raise ConnectionError("too many requests at once")  # stops the parser
        self._head_is_there()
        self._request_came = True
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Called by the parser."""
        super().on_message_complete()
        note_that_body_has_come(self.scope["state"])

    def on_response_complete(self) -> None:
        """Called when a request has been answered."""
        super().on_response_complete()
        if self.pipeline:  # uvicorn would read on after each answer
            self.flow.pause_reading()

    def _bound_what_is_no_head(self, size: int) -> None:
        """Of what has come, nothing begins a request: a body, its trailers, or nothing at all."""
        if not self._is_answering() and self._head_alarm is None:  # uvicorn's own clock has stopped
            self._expect_head(self.max_rest_s if self._request_came else self.max_head_s)
        whole = self.cycle is None or not self.cycle.more_body
        self._loose_bytes = 0 if self._request_came or whole else self._loose_bytes + size
        if self._loose_bytes > self.max_head_bytes:
            self.send_400_response(f"The trailers are longer than {self.max_head_bytes} bytes.")

    def _is_answering(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _end_with_this(self) -> None:
        """Close when what has come whole is answered, and hear no more."""
        self.cycle.keep_alive = False
        self.flow.pause_reading()

    def _expect_head(self, within_s: float | None = None) -> None:
        within_s = within_s or self.max_head_s
        self._head_alarm = self.loop.call_later(within_s, self._head_is_late)

    def _head_is_late(self) -> None:
        self._head_alarm = None
        if self._is_answering():
            self._end_with_this()
        else:
            self.transport.close()

    def _head_is_there(self) -> None:
        self._head_bytes = None
        if self._head_alarm is not None:
            self._head_alarm.cancel()
            self._head_alarm = None


class Gathering:
    """A transport that passes on what is written when the turn of the event loop ends."""

    def __init__(
        self,
        transport: asyncio.Transport,
        loop: asyncio.AbstractEventLoop,
        max_unread_s: float = MAX_UNREAD_S,
    ) -> None:
        self._transport = transport
        self._loop = loop
        self._max_unread_s = max_unread_s
        self._alarm: asyncio.TimerHandle | None = None
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
        """Close when all has been sent, or when the client does not read it."""
        self._send()
        self.expect_reading()
        self._transport.close()

    def expect_reading(self) -> None:
        """Let go of a client that reads nothing of what waits for it for so long."""
        unread = self._transport.get_write_buffer_size()
        if unread and self._alarm is None:
            self._alarm = self._loop.call_later(self._max_unread_s, self._look_again, unread)

    def expect_nothing(self) -> None:
        """It has read enough, or is gone."""
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _look_again(self, unread: int) -> None:
        self._alarm = None
        if self._transport.get_write_buffer_size() < unread:
            self.expect_reading()
        else:
            self._transport.abort()

    def _send(self) -> None:
        pieces, self._pieces = self._pieces, []
        if pieces and not self._transport.is_closing():  # the client may have left meanwhile
            self._transport.write(b"".join(pieces))
