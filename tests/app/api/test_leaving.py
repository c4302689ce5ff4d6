"""Clients that leave while they wait, over a real socket: only a server notices them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable

import pytest
import uvicorn
from fastapi import FastAPI

from app.inference.fake import FakeClassifier
from tests.app.ways_in import SEVEN_PNG

PATIENCE_S = 10
HEAD = "POST /predict HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: {}\r\n\r\n"
REQUEST = HEAD.format(len(SEVEN_PNG)).encode() + SEVEN_PNG


@pytest.fixture
async def port(app: FastAPI) -> AsyncIterator[int]:
    """Where the app is served."""
    config = uvicorn.Config(app, port=0, log_config=None, ws="none")
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    await until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    await serving


async def until(holds: Callable[[], bool]) -> None:
    """Look again and again, but not for ever."""
    patience_ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < patience_ends
        await asyncio.sleep(0.001)


async def send(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """Send a picture; the answer is not read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(REQUEST)
    await writer.drain()
    return reader, writer


async def test_who_left_is_not_computed(
    app: FastAPI, port: int, classifier: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """The pictures of closed connections are in no batch; who stayed is answered."""
    batcher = app.state.service.model().batcher
    classifier.gate.clear()
    first_reader, first = await send(port)
    await asyncio.to_thread(classifier.entered.wait, PATIENCE_S)
    leaving = [(await send(port))[1] for _ in range(20)]
    reader, staying = await send(port)
    await until(lambda: batcher.queued_images == 21)
    for writer in leaving:
        writer.close()
    await until(lambda: batcher.queued_images == 1)

    classifier.gate.set()
    assert (await reader.readline()).startswith(b"HTTP/1.1 200")
    assert (await first_reader.readline()).startswith(b"HTTP/1.1 200")
    assert classifier.batches == [1, 1]
    assert caplog.text == ""
    for writer in (first, staying):
        writer.close()


async def test_answering_leaves_no_task(port: int, classifier: FakeClassifier) -> None:
    """What watches a connection ends with its answer, and the connection serves on."""
    before = asyncio.all_tasks()
    classifier.gate.clear()
    reader, writer = await send(port)
    await until(lambda: len(asyncio.all_tasks() - before) == 2)  # the request's, and the watch
    classifier.gate.set()
    for _ in range(5):
        await reader.readuntil(b"}")
        writer.write(REQUEST)
    await reader.readuntil(b"}")
    await until(lambda: asyncio.all_tasks() == before)
    writer.close()
