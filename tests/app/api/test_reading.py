"""Decoding beside the event loop: bounded in number and in time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator

import pytest

from app.api.bodies import Body
from app.api.reading import MAX_POOL_JOBS, Reader
from app.errors import DeadlineExceededError, QueueFullError
from app.imaging import DecodeLimits
from tests.app.ways_in import SEVEN_PNG

PART = b'--b\r\nContent-Disposition: form-data; name="files"\r\n\r\n' + SEVEN_PNG + b"\r\n"
BATCH = Body("multipart/form-data; boundary=b", 8 * PART + b"--b--\r\n")


@pytest.fixture
def reader() -> Iterator[Reader]:
    """A reader with its threads."""
    reader = Reader(DecodeLimits(), max_batch_images=10)
    yield reader
    reader.close()


async def test_only_so_many_wait_for_the_decoders(reader: Reader) -> None:
    """What would have to wait behind too many others is refused at once; the others are read."""
    deadline = time.monotonic() + 60
    results = await asyncio.gather(
        *(reader.read_many(BATCH, deadline) for _ in range(MAX_POOL_JOBS + 5)),
        return_exceptions=True,
    )
    refused = [result for result in results if isinstance(result, QueueFullError)]
    read = [result for result in results if isinstance(result, list)]
    assert len(refused) == 5
    assert {len(digits) for digits in read} == {8}


async def test_deadline_of_decoding(reader: Reader) -> None:
    """Nobody waits for a decoder beyond the deadline."""
    with pytest.raises(DeadlineExceededError):
        await reader.read_many(BATCH, time.monotonic() - 1)
