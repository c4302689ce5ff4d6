"""Decoding beside the event loop: bounded in number and in time."""

from __future__ import annotations

import asyncio
import threading
import time
import tracemalloc
from collections.abc import Iterator

import pytest

from app.api.bodies import Body
from app.api.inputs import Image
from app.api.reading import INLINE_MULTIPART_BYTES, MAX_POOL_JOBS, POOL_THREADS, Batch, Reader
from app.errors import (
    DeadlineExceededError,
    PayloadTooLargeError,
    QueueFullError,
    problem_of,
)
from app.imaging import DecodeLimits, Digit
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
    read = [result for result in results if isinstance(result, Batch)]
    assert len(refused) == 5
    assert {len(batch.pixels) for batch in read} == {8}


async def test_what_may_be_slow_to_take_apart(reader: Reader) -> None:
    """A form of some size leaves the event loop to others, whatever is in it."""
    form = b"--b" + bytes(INLINE_MULTIPART_BYTES) + b"\r\n"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "_jobs", MAX_POOL_JOBS)  # no room
        for read in (reader.read_one, reader.read_pixels):
            with pytest.raises(QueueFullError):
                await read(Body("multipart/form-data; boundary=b", form), time.monotonic() + 60)


async def test_who_gives_up_leaves_nothing_behind(reader: Reader) -> None:
    """A caller who stops waiting frees its place and its body at once, though no thread is free."""
    gate = threading.Event()
    busy = [
        asyncio.create_task(reader._in_pool(lambda: gate.wait(60), time.monotonic() + 60))
        for _ in range(POOL_THREADS)
    ]
    await asyncio.sleep(0)
    tracemalloc.start()
    for _ in range(2 * MAX_POOL_JOBS):
        body = Body("image/png", bytes(1_000_000))
        with pytest.raises(DeadlineExceededError):
            await reader.read_one(body, time.monotonic() + 0.001)
    held_bytes, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    gate.set()
    assert await asyncio.gather(*busy) == [True] * POOL_THREADS
    assert held_bytes < 5_000_000


async def test_a_running_job_keeps_its_place(reader: Reader) -> None:
    """Giving up makes no room while a thread still works on it."""
    gate, begun = threading.Event(), threading.Semaphore(0)
    deadline = time.monotonic() + 60

    def work() -> bool:
        begun.release()
        return gate.wait(60)

    running = [asyncio.create_task(reader._in_pool(work, deadline)) for _ in range(POOL_THREADS)]
    for task in running:
        await asyncio.to_thread(begun.acquire)
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    waiting = [
        asyncio.create_task(reader._in_pool(lambda: gate.wait(60), deadline))
        for _ in range(MAX_POOL_JOBS - POOL_THREADS)
    ]
    await asyncio.sleep(0)
    with pytest.raises(QueueFullError):
        await reader._in_pool(lambda: gate.wait(60), deadline)
    gate.set()
    assert all(await asyncio.gather(*waiting))


class FailingOnce(Reader):
    """A reader with a mistake in it that the first image brings out."""

    failed = False

    def _read(self, image: Image) -> Digit:
        if not self.failed:
            self.failed = True
            raise ZeroDivisionError
        return super()._read(image)


async def test_a_mistake_of_ours_costs_one_image(caplog: pytest.LogCaptureFixture) -> None:
    """An unforeseen failure is logged and stands in the place of its image; the others are read."""
    reader = FailingOnce(DecodeLimits(), max_batch_images=10)
    batch = await reader.read_many(BATCH, time.monotonic() + 60)
    reader.close()
    assert problem_of(batch.errors[0]).status == 500
    assert len(batch.pixels) == 7
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize("value", [b"[],", b"{},", b'"",', b"0,"])
async def test_countless_json_values_are_refused(reader: Reader, value: bytes) -> None:
    """JSON of millions of values is refused before it is parsed, which would stop all threads."""
    body = Body("application/json", b'{"pixels":[' + 1_000_000 * value + b"0]}")
    with pytest.raises(PayloadTooLargeError):
        await reader.read_one(body, time.monotonic() + 60)
    with pytest.raises(PayloadTooLargeError):
        await reader.read_many(body, time.monotonic() + 60)


async def test_deadline_of_decoding(reader: Reader) -> None:
    """Nobody waits for a decoder beyond the deadline."""
    with pytest.raises(DeadlineExceededError):
        await reader.read_many(BATCH, time.monotonic() - 1)
