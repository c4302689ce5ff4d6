"""What the server does with connections, and how it stops, over real sockets in process."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI

from app.protocol import Protocol
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


class Hasty(Protocol):
    """Waits for nobody's headers."""

    max_head_s = 0.05


@asynccontextmanager
async def serving(
    app: FastAPI, settings: Settings, protocol: type[Protocol] = Protocol
) -> AsyncIterator[tuple[Server, socket.socket]]:
    """The server and its listening socket. Whoever asks stops it."""
    listener = socket.create_server((HOST, 0))
    config = configure(settings, app)
    config.http = protocol
    server = Server(config, app.state.service)
    task = asyncio.create_task(server.serve([listener]))
    while not server.started:  # noqa: ASYNC110 - there is no event for it
        await asyncio.sleep(0.001)
    yield server, listener
    server.should_exit = True
    await task


async def test_what_was_sent_before_the_stop_is_answered(app: FastAPI, settings: Settings) -> None:
    """A request that nobody has read yet, on a kept connection and on one not accepted yet."""
    async with serving(app, settings) as (server, listener):
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


@pytest.mark.parametrize("pieces", [1, 4])
async def test_endless_headers(app: FastAPI, settings: Settings, pieces: int) -> None:
    """Who sends more of them than anybody needs is told so, and heard no longer."""
    async with serving(app, settings) as (_, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"GET /health/live HTTP/1.1\r\nX: ")
        for _ in range(pieces):
            writer.write(b"x" * (Protocol.max_head_bytes // pieces + 1))
            await asyncio.sleep(0.01)
        said = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
    assert said.startswith(b"HTTP/1.1 400")
    assert said.endswith(b"The headers are longer than 65536 bytes.")


@pytest.mark.parametrize("sent", [b"", b"GET /health", REQUEST + b"GET /health"])
async def test_headers_that_never_end(app: FastAPI, settings: Settings, sent: bytes) -> None:
    """They hold a connection for a while only; what came whole before has its answer."""
    async with serving(app, settings, Hasty) as (_, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(sent)
        said = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
    assert said.startswith(STATUS) == sent.startswith(REQUEST)


async def test_an_answer_may_take_longer_than_headers(app: FastAPI, settings: Settings) -> None:
    """The body of an upload has a deadline of its own."""
    async with serving(app, settings, Hasty) as (_, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx")
        await asyncio.sleep(3 * Hasty.max_head_s)
        writer.write(b"x")
        assert (await asyncio.wait_for(reader.read(12), PATIENCE_S)) == b"HTTP/1.1 415"
        writer.close()
