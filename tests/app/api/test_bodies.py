"""Bodies are held within bounds: each one's, which the doors' tests show, and all together's."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.api.bodies import Bodies
from app.api.context import begin
from app.errors import QueueFullError

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
    deadline = asyncio.get_running_loop().time() + 60
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
