"""The queue: a request that waits alone is handed out whole, several take turns."""

from __future__ import annotations

import asyncio
import math

import numpy as np

from app.inference.fair_queue import TURN_IMAGES, FairQueue, Request
from app.inference.fake import FakeClassifier

IMAGES = 20


async def test_turns_are_for_those_who_wait(classifier: FakeClassifier) -> None:
    """One request has one share in a batch; of two each has a turn, then the next one."""
    queue = FairQueue(classifier, max_images=1000)
    loop = asyncio.get_running_loop()

    def request() -> Request:
        return Request(np.zeros((IMAGES, 28, 28), np.float32), math.inf, loop.create_future())

    queue.put(request())
    alone = queue.take()
    assert alone is not None
    assert [len(share.images) for share in alone.shares] == [IMAGES]
    for _ in range(2):
        queue.put(request())
    together = queue.take()
    assert together is not None
    assert [len(share.images) for share in together.shares[:3]] == [TURN_IMAGES] * 3
