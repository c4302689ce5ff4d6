"""How the server stops, over real sockets in process."""

from __future__ import annotations

import asyncio
import socket

from fastapi import FastAPI

from app.server import Server, configure
from app.settings import Settings

HOST = "127.0.0.1"
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
STATUS = b"HTTP/1.1 200"
PATIENCE_S = 10


def answer(connection: socket.socket) -> bytes:
    """The answer to what has been sent; less of it when the connection was closed."""
    received = b""
    while not received.endswith(b"}") and (chunk := connection.recv(4096)):
        received += chunk
    return received


async def test_what_was_sent_before_the_stop_is_answered(app: FastAPI, settings: Settings) -> None:
    """A request that nobody has read yet, on a kept connection and on one not accepted yet."""
    listener = socket.create_server((HOST, 0))
    server = Server(configure(settings, app), app.state.service)
    serving = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)
    address = listener.getsockname()
    with socket.create_connection(address, PATIENCE_S) as kept:
        kept.sendall(REQUEST)
        assert (await asyncio.to_thread(answer, kept)).startswith(STATUS)
        # Without a pause, so that the event loop cannot look before the stop begins.
        with socket.create_connection(address, PATIENCE_S) as new:
            for connection in (kept, new):
                connection.sendall(REQUEST)
            server.should_exit = True
            await server.shutdown([listener])
            for connection in (kept, new):
                assert (await asyncio.to_thread(answer, connection)).startswith(STATUS)
    await serving
