"""Another classifier takes over between two batches: nothing is lost, nothing is mixed."""

from __future__ import annotations

import asyncio
import gc
import time
import weakref
from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from app.inference.batcher import Batcher
from app.inference.contract import Scores
from app.inference.fair_queue import TURN_IMAGES, Answer
from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest

SOON_S = 20.0


class Numbered(FakeClassifier):
    """Says its version of every image, as the novelty."""

    def __init__(self, version: int, delay_s: float = 0.0) -> None:
        manifest = Manifest.model_construct(version=version, max_novelty=0.5)  # type: ignore[call-arg]
        super().__init__(manifest, delay_s)

    def classify(self, images: NDArray[np.float32]) -> Scores:
        """As ever, but for the novelty."""
        scores = super().classify(images)
        return scores._replace(novelty=np.full(len(images), self.manifest.version, np.float32))


def blank(count: int) -> NDArray[np.float32]:
    """Images (count, 28, 28)."""
    return np.zeros((count, 28, 28), np.float32)


def voices(answer: Answer) -> set[int]:
    """The versions that the answer and its images name."""
    return {answer.manifest.version, *map(int, answer.scores.novelty)}


@pytest.fixture
def old() -> Numbered:
    """What answers first."""
    return Numbered(1)


@pytest.fixture
async def batcher(old: Numbered) -> AsyncIterator[Batcher]:
    """A running batcher."""
    batcher = Batcher(old, max_queue_images=2000)
    yield batcher
    old.gate.set()
    await batcher.drain(timeout_s=5)


def ask(batcher: Batcher, images: int) -> asyncio.Future[Answer]:
    """Submit without waiting for the answer."""
    return batcher.submit(blank(images), time.monotonic() + SOON_S)


async def occupy(batcher: Batcher, old: Numbered, images: int = 1) -> asyncio.Future[Answer]:
    """Hold the network with the first images of a request."""
    old.gate.clear()
    task = ask(batcher, images)
    await asyncio.to_thread(old.entered.wait, SOON_S)
    return task


async def test_what_waits_is_read_by_the_new_one(batcher: Batcher, old: Numbered) -> None:
    """The batch that runs is the old one's last; the queue is carried over."""
    running = await occupy(batcher, old)
    waiting = [ask(batcher, 3) for _ in range(5)]
    batcher.replace(Numbered(2))
    old.gate.set()
    assert voices(await running) == {1}
    assert [voices(await each) for each in waiting] == [{2}] * 5


async def test_what_was_begun_is_finished_by_the_old_one(batcher: Batcher, old: Numbered) -> None:
    """A request of many batches gets one version's answer, and holds up nobody who comes later."""
    begun = await occupy(batcher, old, images=3 * TURN_IMAGES * old.most_images)
    batcher.replace(Numbered(2))
    later = ask(batcher, 1)
    old.gate.set()
    assert voices(await later) == {2}
    assert not begun.done()
    assert voices(await begun) == {1}


async def test_many_swaps_under_load(batcher: Batcher) -> None:
    """Every one of thousands of answers is of one version, and of one that served meanwhile."""
    current = 1

    async def keep_asking(images: int) -> None:
        for _ in range(100):
            before = current
            answer = await batcher.submit(blank(images), time.monotonic() + SOON_S)
            (version,) = voices(answer)
            assert before <= version <= current

    async def keep_replacing() -> None:
        nonlocal current
        while True:
            current += 1
            batcher.replace(Numbered(current, delay_s=1e-4))
            await asyncio.sleep(1e-3)

    replacing = asyncio.create_task(keep_replacing())
    await asyncio.gather(*(keep_asking(images) for images in (1, 1, 1, 9, 28, 100, 200)))
    replacing.cancel()
    assert current > 10
    assert batcher.queued_images == 0


async def test_the_old_one_is_let_go(manifest: Manifest) -> None:
    """Nothing holds what has been replaced, also while no request comes."""
    first = FakeClassifier(manifest)
    gone = weakref.ref(first)
    batcher = Batcher(first, max_queue_images=10)
    del first
    await ask(batcher, 1)
    batcher.replace(Numbered(2))
    for _ in range(100):
        gc.collect()
        if gone() is None:
            break
        await asyncio.sleep(0.01)
    assert gone() is None
    await batcher.drain(timeout_s=5)
