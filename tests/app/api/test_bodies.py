"""Bodies are held within bounds: each one's, which the doors' tests show, and all together's."""

from __future__ import annotations

import asyncio
import gzip
import threading
import time

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.api.bodies import Bodies
from app.api.context import begin, note_that_body_has_come
from app.errors import DeadlineExceededError, QueueFullError

BODY = b"0123456789"


def request_of(body: bytes, *, more: bool = False, encoding: str = "identity") -> Request:
    """A request with that body, or the beginning of it."""
    messages: asyncio.Queue[Message] = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": body, "more_body": more})
    headers = [(b"content-encoding", encoding.encode())]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": headers}
    begin(scope)
    return Request(scope, messages.get)


@pytest.mark.parametrize(
    ("slow", "another"),
    [
        (2, request_of(BODY)),
        (1, request_of(gzip.compress(BODY), encoding="gzip")),  # its content takes room too
    ],
    ids=["plain", "compressed"],
)
async def test_slow_uploads_together(slow: int, another: Request) -> None:
    """Who comes when there is no room is told at once; who leaves makes room."""
    bodies = Bodies(max_bytes=40, max_arriving_bytes=85)
    deadline = time.monotonic() + 60
    uploads = [
        asyncio.create_task(bodies.read(request_of(4 * BODY, more=True), deadline))
        for _ in range(slow)
    ]
    await asyncio.sleep(0)
    with pytest.raises(QueueFullError, match="Try again"):
        await bodies.read(another, deadline)
    for upload in uploads:
        upload.cancel()
    await asyncio.gather(*uploads, return_exceptions=True)
    again = request_of(gzip.compress(BODY), encoding="gzip")
    assert (await bodies.read(again, deadline)).data == BODY
    assert (await bodies.read(request_of(4 * BODY), deadline)).data == 4 * BODY


async def test_small_compressed_bodies_take_little_room() -> None:
    """Dozens at once are read, though each might be as large as the limit if it were longer."""
    bodies = Bodies(max_bytes=10_000_000)
    small, deadline = gzip.compress(BODY), time.monotonic() + 60
    requests = [request_of(small, encoding="gzip") for _ in range(64)]
    found = await asyncio.gather(*(bodies.read(request, deadline) for request in requests))
    assert {body.data for body in found} == {BODY}


async def test_a_body_that_has_come_needs_no_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """None is set for it; for one of which that is not known there is one."""
    set_s: list[float] = []

    def timeout(delay: float) -> asyncio.Timeout:
        set_s.append(delay)
        return asyncio.Timeout(None)

    monkeypatch.setattr("app.api.bodies.asyncio.timeout", timeout)
    bodies, whole, unknown = Bodies(max_bytes=40), request_of(BODY), request_of(BODY)
    note_that_body_has_come(whole.scope["state"])
    assert (await bodies.read(whole, time.monotonic() + 60)).data == BODY
    assert set_s == []
    assert (await bodies.read(unknown, time.monotonic() + 60)).data == BODY
    assert len(set_s) == 1


@pytest.mark.parametrize("come", [False, True])
async def test_what_takes_too_long_to_unpack(monkeypatch: pytest.MonkeyPatch, come: bool) -> None:
    """The deadline is that of the upload and of its unpacking together; the room comes back."""
    unpacked = threading.Event()
    bodies = Bodies(max_bytes=40, max_arriving_bytes=85)
    monkeypatch.setattr(bodies, "_uncompressed", lambda _: unpacked.wait())
    packed = request_of(gzip.compress(BODY), encoding="gzip")
    if come:
        note_that_body_has_come(packed.scope["state"])
    with pytest.raises(DeadlineExceededError):
        await bodies.read(packed, time.monotonic() + 0.05)
    unpacked.set()
    uploads = [bodies.read(request_of(4 * BODY), time.monotonic() + 60) for _ in range(2)]
    assert [body.data for body in await asyncio.gather(*uploads)] == 2 * [4 * BODY]
