"""The batcher: right scores to right callers, whatever the neighbours do."""

from __future__ import annotations

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import (
    DeadlineExceededError,
    DrainingError,
    InferenceError,
    NotReadyError,
    QueueFullError,
)
from app.inference.batcher import Batcher
from app.inference.classifier import Done
from app.inference.contract import Scores, join
from app.inference.fair_queue import TURN_IMAGES, Answer
from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from app.inference.sizes import MOST_BATCHES

MAX_QUEUE_IMAGES = 2000
SOON_S = 10.0


def random_images(count: int, seed: int = 0) -> NDArray[np.float32]:
    """Images (count, 28, 28), all different."""
    return np.random.default_rng(seed).random((count, 28, 28), np.float32)


def assert_same(found: Scores, expected: Scores) -> None:
    """Every number of every image is the same."""
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(mine, theirs)


def soon() -> float:
    """A deadline that is not met only when something hangs."""
    return time.monotonic() + SOON_S


@pytest.fixture
async def batcher(classifier: FakeClassifier) -> AsyncIterator[Batcher]:
    """A running batcher; whatever a test left waiting is given up at the end."""
    batcher = Batcher(classifier, MAX_QUEUE_IMAGES)
    yield batcher
    classifier.gate.set()
    await batcher.drain(timeout_s=5)


def submit_later(
    batcher: Batcher, images: NDArray[np.float32], deadline: float | None = None
) -> asyncio.Future[Answer]:
    """Submit without waiting for the answer."""
    return batcher.submit(images, deadline or soon())


async def occupy(batcher: Batcher, classifier: FakeClassifier) -> asyncio.Future[Answer]:
    """Hold the network with a batch of one, so that what follows has to wait."""
    classifier.gate.clear()
    task = submit_later(batcher, random_images(1, seed=99))
    await asyncio.to_thread(classifier.entered.wait, SOON_S)
    return task


async def test_answers_with_the_rows_of_the_network(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """A caller gets what the network says about exactly its images, in order."""
    images = random_images(5)
    answer = await batcher.submit(images, soon())
    assert_same(answer.scores, classifier.classify(images))
    assert answer.manifest.version == 3


async def test_lone_request_goes_at_once(batcher: Batcher, classifier: FakeClassifier) -> None:
    """An idle network does not wait for company."""
    answer = await batcher.submit(random_images(1), soon())
    assert answer.batch_size == 1
    assert classifier.batches == [1]


async def test_waiting_requests_ride_together(batcher: Batcher, classifier: FakeClassifier) -> None:
    """What comes while the network is busy forms the next batch, neighbours noted."""
    first = await occupy(batcher, classifier)
    tasks = [submit_later(batcher, random_images(1, seed)) for seed in range(8)]
    classifier.gate.set()
    answers = await asyncio.gather(first, *tasks)
    assert classifier.batches == [1, 8]
    assert {answer.batch_size for answer in answers[1:]} == {8}


async def test_some_stay_behind_while_the_others_are_read(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """Of three that wait two are read, and the third with what comes meanwhile."""
    first = await occupy(batcher, classifier)
    tasks = [submit_later(batcher, random_images(1, seed)) for seed in range(3)]
    classifier.delay_s = 0.05
    classifier.gate.set()
    await first
    tasks.append(submit_later(batcher, random_images(1, seed=4)))
    answers = await asyncio.gather(*tasks)
    assert classifier.batches == [1, 2, 2]
    assert [answer.batch_size for answer in answers] == [2] * 4


async def test_one_request_is_not_torn_apart(batcher: Batcher, classifier: FakeClassifier) -> None:
    """Where nobody else waits all images of a request are read at once."""
    answer = await batcher.submit(random_images(7), soon())
    assert classifier.batches == [7]
    assert answer.batch_size == 7


async def test_a_full_batch_is_handed_over_ahead(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """The network has the next batch before it is through with one, if that is full; no third."""
    first = await occupy(batcher, classifier)
    requests = [random_images(count, count) for count in (63, 1, 64, 3)]
    answers, waiting = [], []
    for images in requests:
        answers.append(submit_later(batcher, images))
        await asyncio.sleep(0)
        waiting.append(batcher.queued_images)
    assert waiting == [63, 0, 64, 67]
    classifier.gate.set()
    _, *found = await asyncio.gather(first, *answers)
    assert classifier.batches == [1, 64, 64, 3]
    for images, answer in zip(requests, found, strict=True):
        assert_same(answer.scores, classifier.classify(images))


async def test_one_equals_the_same_in_a_batch(batcher: Batcher, classifier: FakeClassifier) -> None:
    """Company changes nothing in an answer."""
    images = random_images(20)
    alone = [await batcher.submit(image[np.newaxis], soon()) for image in images]
    await occupy(batcher, classifier)
    tasks = [submit_later(batcher, image[np.newaxis]) for image in images]
    classifier.gate.set()
    for one, task in zip(alone, tasks, strict=True):
        assert_same(one.scores, (await task).scores)


async def test_large_request_is_split_and_put_together(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """More images than a batch takes come back as one answer, in order."""
    images = random_images(300)
    answer = await batcher.submit(images, soon())
    assert_same(answer.scores, classifier.classify(images))
    assert max(classifier.batches[:-1]) <= classifier.most_images


async def test_no_mix_up_among_thousands(batcher: Batcher, classifier: FakeClassifier) -> None:
    """Thousands of different images in requests of random sizes: every row finds its caller."""
    random = np.random.default_rng(1)
    images = random_images(6000, seed=2)
    cuts = np.cumsum(random.integers(1, 40, 400))
    requests = np.split(images, cuts[cuts < len(images)])
    window = asyncio.Semaphore(40)  # 40 × 40 images stay below the queue's bound

    async def ask(request: NDArray[np.float32]) -> Scores:
        async with window:
            await asyncio.sleep(random.random() * 1e-3)
            return (await batcher.submit(request, soon())).scores

    answers = await asyncio.gather(*(ask(request) for request in requests))
    assert_same(join(answers), classifier.classify(images))
    assert batcher.queued_images == 0


async def test_single_does_not_wait_behind_a_large_request(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """A picture that comes after hundreds of one caller rides in the very next batch."""
    classifier.delay_s = 0.05
    await occupy(batcher, classifier)
    large = submit_later(batcher, random_images(512))
    single = submit_later(batcher, random_images(1, seed=5))
    classifier.gate.set()
    await single
    assert len(classifier.batches) <= 1 + MOST_BATCHES  # of which the last has begun since
    assert not large.done()
    await large


async def test_large_request_does_not_starve(batcher: Batcher, classifier: FakeClassifier) -> None:
    """A large request has its turn in every batch, however many singles come before it."""
    await occupy(batcher, classifier)
    singles = [submit_later(batcher, random_images(1, seed)) for seed in range(50)]
    large = submit_later(batcher, random_images(2 * TURN_IMAGES))
    classifier.gate.set()
    await asyncio.gather(large, *singles)
    assert classifier.batches[1] == 64


async def test_cancelled_neighbour(batcher: Batcher, classifier: FakeClassifier) -> None:
    """A caller who leaves while waiting costs the network nothing, and its neighbours nothing."""
    await occupy(batcher, classifier)
    leaving = submit_later(batcher, random_images(4))
    staying = submit_later(batcher, random_images(3, seed=4))
    leaving.cancel()
    await asyncio.wait([leaving])
    assert batcher.queued_images == 3
    classifier.gate.set()
    answer = await staying
    assert_same(answer.scores, classifier.classify(random_images(3, seed=4)))
    assert answer.batch_size == 3


async def test_cancelled_while_the_network_runs(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """A caller who leaves in the middle of its batch is passed over."""
    leaving = await occupy(batcher, classifier)
    leaving.cancel()
    await asyncio.wait([leaving])
    classifier.gate.set()
    answer = await batcher.submit(random_images(1), soon())
    assert math.isclose(float(answer.scores.probabilities.sum()), 1, abs_tol=1e-5)


async def test_expired_neighbour(batcher: Batcher, classifier: FakeClassifier) -> None:
    """A deadline that passes in the queue is told at once, and those images are never run."""
    await occupy(batcher, classifier)
    expiring = submit_later(batcher, random_images(4), time.monotonic() + 0.02)
    staying = submit_later(batcher, random_images(3))
    with pytest.raises(DeadlineExceededError):
        await expiring
    classifier.gate.set()
    await staying
    assert classifier.batches == [1, 3]


async def test_deadline_is_checked_when_a_batch_is_taken(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """While the event loop is too busy to tell of a passed deadline, the network skips the work."""
    await occupy(batcher, classifier)
    expiring = submit_later(batcher, random_images(4), time.monotonic() + 0.02)
    staying = submit_later(batcher, random_images(3))
    time.sleep(0.05)  # noqa: ASYNC251 - the busy event loop
    classifier.gate.set()
    await staying
    assert classifier.batches == [1, 3]
    with pytest.raises(DeadlineExceededError):
        await expiring


async def test_deadline_while_the_network_runs(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """A caller is not held beyond its deadline by a slow batch."""
    classifier.gate.clear()
    with pytest.raises(DeadlineExceededError):
        await batcher.submit(random_images(1), time.monotonic() + 0.02)


async def test_failure_is_for_its_batch_only(
    batcher: Batcher, classifier: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """When the network raises, the callers of that batch are told, it is logged, and it goes on."""
    classifier.failure = ValueError("out of luck")
    with caplog.at_level(logging.ERROR), pytest.raises(InferenceError):
        await batcher.submit(random_images(2), soon())
    assert "out of luck" in caplog.text
    classifier.failure = None
    assert len((await batcher.submit(random_images(2), soon())).scores.novelty) == 2


async def test_a_network_that_is_gone(batcher: Batcher, classifier: FakeClassifier) -> None:
    """What it says to those who asked, each of them is told."""
    classifier.failure = NotReadyError("elsewhere")
    answers = [submit_later(batcher, random_images(1)) for _ in range(2)]
    found = await asyncio.gather(*answers, return_exceptions=True)
    assert [str(each) for each in found] == ["elsewhere", "elsewhere"]
    assert {type(each) for each in found} == {NotReadyError}
    assert found[0] is not found[1]


class Stubborn(FakeClassifier):
    """Does not begin with more than one image."""

    def begin(self, images: NDArray[np.float32], done: Done) -> None:
        """As ever, with one."""
        if len(images) > 1:
            raise MemoryError("no room")
        super().begin(images, done)


async def test_a_batch_that_cannot_begin(manifest: Manifest) -> None:
    """It fails, and the next one is read."""
    batcher = Batcher(Stubborn(manifest), MAX_QUEUE_IMAGES)
    with pytest.raises(InferenceError):
        await batcher.submit(random_images(2), soon())
    assert (await batcher.submit(random_images(1), soon())).scores.are_of(1)
    await batcher.drain(timeout_s=5)


async def test_failure_of_a_split_request(batcher: Batcher, classifier: FakeClassifier) -> None:
    """A request that fails in its first batch fails once, and takes its other images along."""
    classifier.failure = ValueError("out of luck")
    with pytest.raises(InferenceError):
        await batcher.submit(random_images(300), soon())
    assert batcher.queued_images == 0


async def test_poisoned_neighbour(batcher: Batcher, classifier: FakeClassifier) -> None:
    """Rows that are not finite fail their own caller; the others of the batch are answered."""
    await occupy(batcher, classifier)
    poisoned = submit_later(batcher, np.full((2, 28, 28), np.nan, np.float32))
    healthy = submit_later(batcher, random_images(2))
    classifier.gate.set()
    with pytest.raises(InferenceError):
        await poisoned
    assert (await healthy).scores.are_of(2)


class Unsettled(FakeClassifier):
    """Knows the digits, and nothing of how strange they are."""

    def classify(self, images: NDArray[np.float32]) -> Scores:
        """As ever, but for the novelty."""
        scores = super().classify(images)
        return scores._replace(novelty=scores.novelty * np.float32("nan"))


async def test_novelty_that_is_not_finite(manifest: Manifest) -> None:
    """Good probabilities alone are no answer."""
    batcher = Batcher(Unsettled(manifest), MAX_QUEUE_IMAGES)
    with pytest.raises(InferenceError):
        await batcher.submit(random_images(2), soon())
    await batcher.drain(timeout_s=5)


async def test_queue_is_bounded_in_images(classifier: FakeClassifier) -> None:
    """What does not fit is refused at once; what has been taken or has left makes room."""
    batcher = Batcher(classifier, max_queue_images=10)
    first = await occupy(batcher, classifier)
    nine = submit_later(batcher, random_images(9))
    with pytest.raises(QueueFullError):
        await batcher.submit(random_images(2), soon())
    one = submit_later(batcher, random_images(1))
    nine.cancel()
    await asyncio.wait([nine])
    eight = submit_later(batcher, random_images(8))
    classifier.gate.set()
    await asyncio.gather(first, one, eight)
    await batcher.drain(timeout_s=5)


async def test_drain_finishes_what_was_accepted(
    batcher: Batcher, classifier: FakeClassifier
) -> None:
    """Draining answers those who wait and refuses who comes later."""
    first = await occupy(batcher, classifier)
    waiting = submit_later(batcher, random_images(100))
    draining = asyncio.create_task(batcher.drain(timeout_s=5))
    await asyncio.sleep(0)
    with pytest.raises(DrainingError):
        await batcher.submit(random_images(1), soon())
    classifier.gate.set()
    await draining
    assert len((await first).scores.novelty) == 1
    assert len((await waiting).scores.novelty) == 100
    assert batcher.queued_images == 0


async def test_drain_gives_up_in_time(
    batcher: Batcher, classifier: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever is unanswered when the time is up is told so, in the network and in the queue."""
    running = await occupy(batcher, classifier)
    waiting = submit_later(batcher, random_images(3))
    await batcher.drain(timeout_s=0.02)
    for task in (running, waiting):
        with pytest.raises(DrainingError):
            await task
    assert "2 requests" in caplog.text


async def test_drain_twice(batcher: Batcher) -> None:
    """Draining what is drained returns at once."""
    await batcher.drain(timeout_s=1)
    await batcher.drain(timeout_s=1)


async def test_timings(batcher: Batcher, classifier: FakeClassifier) -> None:
    """The time in the queue and the time in the network are told apart, and no time twice."""
    classifier.delay_s = 0.02
    await occupy(batcher, classifier)
    submitted = time.monotonic()
    waiting = submit_later(batcher, random_images(1))
    await asyncio.sleep(0.05)
    classifier.gate.set()
    answer = await waiting
    assert answer.queue_ms >= 50
    assert answer.infer_ms >= 20
    assert answer.queue_ms + answer.infer_ms <= 1e3 * (time.monotonic() - submitted)
