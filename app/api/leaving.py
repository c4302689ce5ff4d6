"""Waiting for an answer only as long as the client does."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

Result = TypeVar("Result")

# Watching takes a task, which costs as much as reading a form. Most answers are there before it
# would pay; who waits for longer is in a queue, where it does.
WATCH_AFTER_S = 0.05


async def while_client_waits(request: Request, work: Awaitable[Result]) -> Result:
    """The outcome of `work`, which is cancelled when the client closes its connection.

    Raises ClientDisconnect then. The body must have been read.
    """
    watches: list[asyncio.Task[None]] = []
    try:
        async with asyncio.timeout(None) as patience:

            def watch() -> None:
                watches.append(asyncio.create_task(_end_with_connection(request, patience)))

            timer = asyncio.get_running_loop().call_later(WATCH_AFTER_S, watch)
            try:
                return await work
            finally:
                timer.cancel()
                for task in watches:
                    task.cancel()
    except TimeoutError:
        raise ClientDisconnect from None


async def _end_with_connection(request: Request, patience: asyncio.Timeout) -> None:
    """End patience when the connection is closed; nothing else follows a whole body."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    patience.reschedule(asyncio.get_running_loop().time())
