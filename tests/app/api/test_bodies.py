"""Bodies are held within bounds: each one's, which the doors' tests show, and all together's."""

from __future__ import annotations

import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from app.api.bodies import Bodies
from app.api.context import begin
from app.errors import QueueFullError


def request_of(messages: asyncio.Queue[Message]) -> Request:
    """A request whose body comes as the queue has it."""
    scope = {"type": "http", "method": "POST", "path": "/", "headers": []}
    begin(scope)
    return Request(scope, messages.get)


def sent(body: bytes, *, more: bool) -> asyncio.Queue[Message]:
    """What the server says of a body."""
    messages: asyncio.Queue[Message] = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": body, "more_body": more})
    return messages


async def test_slow_uploads_together() -> None:
    """Who comes when there is no room is told at once; who leaves makes room."""
    bodies = Bodies(max_bytes=10, max_arriving_bytes=15)
    deadline = asyncio.get_running_loop().time() + 60
    slow = asyncio.create_task(bodies.read(request_of(sent(b"0123456789", more=True)), deadline))
    await asyncio.sleep(0)
    another = request_of(sent(b"0123456789", more=False))
    with pytest.raises(QueueFullError, match="Try again"):
        await bodies.read(another, deadline)
    slow.cancel()
    with pytest.raises(asyncio.CancelledError):
        await slow
    again = request_of(sent(b"0123456789", more=False))
    assert (await bodies.read(again, deadline)).data == b"0123456789"
