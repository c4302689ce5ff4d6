"""The clients of the steadiness benchmark ask whenever they are to."""

from __future__ import annotations

import asyncio

from benchmarks.steady_load import Load


async def test_they_ask_again() -> None:
    """While one thing is tried, and while the next one is."""
    arrived = asyncio.Event()

    async def hang_up(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.set()
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1", 0) as server:
        load = Load(server.sockets[0].getsockname()[1])
        for _ in range(2):
            arrived.clear()
            async with asyncio.timeout(10), load.running():
                await arrived.wait()
