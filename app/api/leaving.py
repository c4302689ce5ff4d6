"""Waiting for an answer only as long as the client does."""

from __future__ import annotations

import asyncio
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

Result = TypeVar("Result")

# Watching takes a task, which costs as much as reading a form. Most answers are there before it
# would pay; who waits for longer is in a queue, where it does.
WATCH_AFTER_S = 0.05


async def while_client_waits(request: Request, answer: asyncio.Future[Result]) -> Result:
    """The answer, which becomes a ClientDisconnect when the client closes its connection.

    The body must have been read.
    """
    timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, _watch, request, answer)
    try:
        return await answer
    finally:
        timer.cancel()


def _watch(request: Request, answer: asyncio.Future[Result]) -> None:
    watching = asyncio.create_task(_end_with_connection(request, answer))
    answer.add_done_callback(lambda _: watching.cancel())


async def _end_with_connection(request: Request, answer: asyncio.Future[Result]) -> None:
    """End the wait when the connection is closed; nothing else follows a whole body."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    if not answer.done():
        answer.set_exception(ClientDisconnect())
