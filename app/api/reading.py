"""Bodies → digits, without holding up the event loop.

A small PNG, which most requests are, takes less time to decode than to hand to another thread, and
so does a small stack of pictures that are framed already. Those that come in together are read
together (app/api/intake.py).
Everything else is read in a pool of two threads, and only so much may wait for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.api.bodies import Body
from app.api.inputs import Image, is_stack, many_images, one_image, stack_of_images
from app.api.intake import Intake
from app.api.multipart import MULTIPART
from app.errors import DeadlineExceededError, QueueFullError, RequestError
from app.imaging import IMAGE_SIDE, DecodeLimits, Digit
from app.imaging.bounds import is_quick_png
from app.imaging.framed import read_framed
from app.imaging.picture import Pixels, or_error, read_picture

Result = TypeVar("Result")

POOL_THREADS = 2
MAX_POOL_JOBS = 32  # each may hold a whole body
INLINE_BODY_BYTES = 64 * 1024
INLINE_STACK_BYTES = 256 * 1024  # 330 pictures: 0.5 ms when they are framed, 3 at the worst
INLINE_MULTIPART_BYTES = 8 * 1024  # false boundaries take 0.14 ms a KB
INLINE_SIDE = 256  # a PNG of no more chunks than a plain one has; some 2 ms


class Batch(NamedTuple):
    """What a /predict/batch body holds."""

    pixels: NDArray[np.float32]  # (n, 28, 28): the images that could be read, in order
    errors: dict[int, RequestError]  # by their place among all: those that could not


class Reader:
    """Turns request bodies into digits."""

    def __init__(self, limits: DecodeLimits, max_batch_images: int) -> None:
        self._limits = limits
        self._intake = Intake(limits)
        self._max_batch_images = max_batch_images
        self._pool = ThreadPoolExecutor(POOL_THREADS, thread_name_prefix="decode")
        self._jobs = 0

    async def read_one(self, body: Body, deadline: float) -> Digit:
        """The digit of a /predict body."""
        if not _is_short(body):
            return await self._in_pool(lambda: self._read(one_image(body)), deadline)
        return await self._read_image(one_image(body), deadline)

    async def read_pixels(self, body: Body, deadline: float) -> Pixels:
        """As `read_one`, of the digit only its pixels (28, 28): quicker among others."""
        if not _is_short(body):
            return (await self.read_one(body, deadline)).pixels
        image, pixels = await self._intake.read(body)
        if pixels is None:
            pixels = (await self._read_image(image, deadline)).pixels
        return pixels

    async def read_many(self, body: Body, deadline: float) -> Batch:
        """The digits of a /predict/batch body."""
        if len(body.data) <= INLINE_STACK_BYTES and is_stack(body):
            pixels, known = read_framed(stack_of_images(body, self._max_batch_images))
            if known.all():
                return Batch(pixels, {})
        return await self._in_pool(lambda: self._read_all(body, deadline), deadline)

    async def read(self, data: bytes, read: Callable[[bytes], Result], deadline: float) -> Result:
        """What `read` makes of a body that holds no pictures."""
        if len(data) <= INLINE_BODY_BYTES:
            return read(data)
        return await self._in_pool(lambda: read(data), deadline)

    def close(self) -> None:
        """Let the threads go; what they are doing is no longer wanted."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    async def _read_image(self, image: Image, deadline: float) -> Digit:
        if _is_quick(image):
            return self._read(image)
        return await self._in_pool(lambda: self._read(image), deadline)

    def _read(self, image: Image) -> Digit:
        return read_picture(image, self._limits)

    def _read_all(self, body: Body, deadline: float) -> Batch:
        images: list[Image | RequestError] | NDArray[np.uint8]
        if is_stack(body):
            images = stack = stack_of_images(body, self._max_batch_images)
            pixels, known = read_framed(stack)  # (n, 28, 28), (n,)
        else:
            images = many_images(body, self._max_batch_images)
            pixels = np.zeros((len(images), IMAGE_SIDE, IMAGE_SIDE), np.float32)
            known = np.zeros(len(images), np.bool_)
        errors: dict[int, RequestError] = {}
        for place in np.flatnonzero(~known).tolist():
            if time.monotonic() > deadline:
                raise _out_of_time()
            image = images[place]
            read = image if isinstance(image, RequestError) else or_error(self._read, image)
            if isinstance(read, RequestError):
                errors[place] = read
            else:
                pixels[place] = read.pixels
        return Batch(np.delete(pixels, list(errors), axis=0) if errors else pixels, errors)

    async def _in_pool(self, job: Callable[[], Result], deadline: float) -> Result:
        """What `job` returns, from one of the threads, if there is room and time.

        Room is taken until the job has run or will not run: a caller who gives up frees none as
        long as a thread holds the body.
        """
        if self._jobs >= MAX_POOL_JOBS:
            raise QueueFullError("Too many images are being decoded. Try again in a moment.")
        waiting = [job]

        def run() -> Result:
            if time.monotonic() > deadline:
                raise _out_of_time()
            return waiting.pop()()

        future = self._pool.submit(run)
        self._jobs += 1
        loop = asyncio.get_running_loop()

        def make_room(_: object) -> None:
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody asks any more
                loop.call_soon_threadsafe(self._make_room)

        future.add_done_callback(make_room)
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                return await asyncio.wrap_future(future)
        except TimeoutError:
            raise _out_of_time() from None
        finally:
            if future.cancel():
                waiting.clear()  # the pool keeps a cancelled job queued, with all that it holds

    def _make_room(self) -> None:
        self._jobs -= 1


def _is_short(body: Body) -> bool:
    """Whether a body is taken apart in next to no time, whatever is in it."""
    size = len(body.data)
    return size <= INLINE_MULTIPART_BYTES or (
        size <= INLINE_BODY_BYTES and body.media_type != MULTIPART
    )


def _is_quick(image: Image) -> bool:
    """Whether decoding is sure to be quick: an array, or a small and plain PNG."""
    return isinstance(image, np.ndarray) or is_quick_png(image, INLINE_SIDE)


def _out_of_time() -> DeadlineExceededError:
    return DeadlineExceededError(
        "The image could not be decoded in time. Send a smaller one, or allow more time."
    )
