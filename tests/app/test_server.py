"""What the server does with connections, and how it stops, over real sockets in process."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from fastapi import FastAPI
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.context import has_come
from app.inference.fake import FakeClassifier
from app.protocol import Protocol
from app.server import Server, configure
from app.settings import Settings
from tests.app.ways_in import SEVEN_PNG

HOST = "127.0.0.1"
REQUEST = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
POST = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: %d\r\n"
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

    max_head_s = max_rest_s = 0.05


@asynccontextmanager
async def serving(
    app: FastAPI,
    settings: Settings,
    protocol: type[Protocol] = Protocol,
    wrapped: ASGIApp | None = None,
) -> AsyncIterator[tuple[Server, socket.socket]]:
    """The server and its listening socket. Whoever asks stops it."""
    listener = socket.create_server((HOST, 0))
    config = configure(settings, app)
    config.app = wrapped or app
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


async def test_a_stop_is_told(
    app: FastAPI, settings: Settings, classifier: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """When it begins, with the requests that are under way then, and when it has ended."""
    classifier.gate.clear()
    async with serving(app, settings) as (server, listener):
        _, idle = await asyncio.open_connection(*listener.getsockname())
        _, asking = await asyncio.open_connection(*listener.getsockname())
        asking.write(POST % len(SEVEN_PNG) + b"\r\n" + SEVEN_PNG)
        await asyncio.to_thread(classifier.entered.wait, PATIENCE_S)
        server.should_exit = True
        async with asyncio.timeout(PATIENCE_S):
            while not caplog.messages:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        classifier.gate.set()
    who = f"Process {os.getpid()}"
    assert caplog.messages == [f"{who} stops; requests under way: 1", f"{who} has stopped"]
    for writer in (idle, asking):
        writer.close()


async def test_an_upload_that_stalls(app: FastAPI, settings: Settings) -> None:
    """It has its deadline, and one that is whole is known to be."""
    wholes: list[bool] = []

    async def noting(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            wholes.append(has_come(scope))
        await app(scope, receive, send)

    async with serving(app, settings, wrapped=noting) as (_, listener):
        for sent in (SEVEN_PNG, SEVEN_PNG[:50]):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(POST % len(SEVEN_PNG) + b"X-Deadline-Ms: 100\r\n\r\n" + sent)
            status = await asyncio.wait_for(reader.read(12), PATIENCE_S)
            assert status == (b"HTTP/1.1 200" if sent is SEVEN_PNG else b"HTTP/1.1 504")
            writer.close()
    assert wholes == [True, False]


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
    problem = json.loads(said.partition(b"\r\n\r\n")[2])
    assert problem["detail"] == "The headers are longer than 65536 bytes."
    assert f"x-request-id: {problem['request_id']}\r\n".encode() in said


@pytest.mark.parametrize("sent", [b"", b"GET /health", REQUEST + b"GET /health"])
async def test_headers_that_never_end(app: FastAPI, settings: Settings, sent: bytes) -> None:
    """They hold a connection for a while only; what came whole before has its answer."""
    async with serving(app, settings, Hasty) as (_, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(sent)
        said = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
    assert said.startswith(STATUS) == sent.startswith(REQUEST)


LARGE = b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 20000000\r\n\r\n"


@pytest.mark.parametrize("sent", [(REQUEST, b"\r\n"), (LARGE, b"x")])
async def test_what_begins_no_request(
    app: FastAPI, settings: Settings, sent: tuple[bytes, bytes]
) -> None:
    """After an answer it holds a connection no longer than the beginning of one would."""
    async with serving(app, settings, Hasty) as (_, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        for piece in sent:
            writer.write(piece)
            assert await asyncio.wait_for(reader.read(100), PATIENCE_S)
        await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()


async def test_requests_without_end(app: FastAPI, settings: Settings) -> None:
    """Of a thousand that are sent at once some are answered, each wholly, and no more are kept."""
    async with serving(app, settings) as (_, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(1000 * REQUEST)
        said = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
    assert 0 < said.count(STATUS) <= 1 + Protocol.max_pipelined
    assert said.count(b"HTTP/1.1") == said.count(STATUS)


async def test_an_answer_is_not_lost_to_what_follows(app: FastAPI, settings: Settings) -> None:
    """What is no request, or too long a one, behind a good one is not heard."""
    chunked = REQUEST[:-2] + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"
    long = b"GET / HTTP/1.1\r\nX: " + bytes(Protocol.max_head_bytes)
    for junk in (b"junk\r\n\r\n", long, chunked):
        async with serving(app, settings) as (_, listener):
            reader, writer = await asyncio.open_connection(*listener.getsockname())
            writer.write(REQUEST + junk)
            said = await asyncio.wait_for(reader.read(), PATIENCE_S)
            writer.close()
        assert said.startswith(STATUS)
        assert said.count(b"HTTP/1.1") == said.count(STATUS)


async def test_trailers_without_end(app: FastAPI, settings: Settings) -> None:
    """They are no body and no head, and bounded like one."""
    async with serving(app, settings) as (_, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(
            b"POST /predict HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
        )
        for _ in range(4):
            await asyncio.sleep(0.01)
            writer.write(b"a: " + 30_000 * b"x" + b"\r\n")
        said = await asyncio.wait_for(reader.read(), PATIENCE_S)
        writer.close()
    assert said.startswith(b"HTTP/1.1 400")
    assert b"trailers are longer" in said


class Impatient(Protocol):
    """Waits for nobody who does not read."""

    max_unread_s = 0.05


async def test_who_does_not_read(app: FastAPI, settings: Settings) -> None:
    """What was asked for is kept for a while only; then the connection is gone."""
    async with serving(app, settings, Impatient) as (server, listener):
        with socket.create_connection(listener.getsockname()) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(20 * REQUEST.replace(b"/health/live", b"/openapi.json"))
            async with asyncio.timeout(PATIENCE_S):
                while not server.server_state.connections:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
                while server.server_state.connections:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)


async def test_an_answer_may_take_longer_than_headers(app: FastAPI, settings: Settings) -> None:
    """The body of an upload has a deadline of its own."""
    async with serving(app, settings, Hasty) as (_, listener):
        reader, writer = await asyncio.open_connection(*listener.getsockname())
        writer.write(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nx")
        await asyncio.sleep(3 * Hasty.max_head_s)
        writer.write(b"x")
        assert (await asyncio.wait_for(reader.read(12), PATIENCE_S)) == b"HTTP/1.1 415"
        writer.close()
