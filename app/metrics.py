"""What operators see: every metric of the service, and the text that Prometheus scrapes.

    request ends (app/api/envelope.py) ─┐
    batch is read, version is tried    ─┼─▶ Metrics ─▶ text ─▶ GET /metrics
    state of the service, at a scrape  ─┘

What happens often is noted, and counted many at once: the library's code, run between two requests,
would find the processor's caches cold each time. What only has a state, such as the queue, is read
when it is asked for. The meaning of each metric: docs/operations.md.

Several workers share files (prometheus-client's multiprocess mode), named by the worker's place and
not by its process: one that follows another in its place goes on with its counts. Any of them
answers for all. Files are slower than memory, so one process alone uses none.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import struct
import time
from collections import defaultdict
from collections.abc import Sequence
from typing import Final, Literal, get_args

import numpy as np
from prometheus_client import (
    CollectorRegistry,
    Counter,
    disable_created_metrics,
    generate_latest,
    values,
)
from prometheus_client.multiprocess import MultiProcessCollector

from app.bulk_histogram import BulkHistogram
from app.errors import PROBLEMS, REASONS, RateLimitedError, UnauthorizedError
from app.inference.contract import CLASSES
from app.inference.readings import Reading
from app.inference.service import Service
from app.state_metrics import StateMetrics

logger = logging.getLogger(__name__)

# A request takes 1 to 10 ms, under load up to the deadline; decoding a small picture takes 0.1 ms.
REQUEST_BUCKETS_S: Final = (
    0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.0075, 0.01, 0.015, 0.025, 0.05, 0.1, 0.25, 0.5,
    1, 2.5, 5, 10,
)  # fmt: skip
STAGE_BUCKETS_S: Final = (0.0001, 0.00025, *REQUEST_BUCKETS_S)
BATCH_BUCKETS: Final = (1, 2, 4, 8, 16, 32, 64)
# Close to 1, where nearly all answers are.
CONFIDENCE_BUCKETS: Final = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 1)
Stage = Literal["decode", "queue", "infer"]
STAGES: Final[tuple[Stage, ...]] = get_args(Stage)
LOADED, REFUSED = "loaded", "refused"
# They come to nothing within microseconds, in any number: among the durations of a route they
# would hide how long the others take.
UNTIMED: Final = frozenset(PROBLEMS[kind].reason for kind in (UnauthorizedError, RateLimitedError))
PUBLISH_EVERY_S: Final = 1.0
TRIES, TRY_AGAIN_S = 10, 0.01  # of reading what other workers have counted
COUNT_AT: Final = 256  # requests, batches, pictures; a scrape counts them before

# Milliseconds, a description, the end on time.monotonic().
Timing = tuple[Stage, float, str, float]


class Metrics:
    """Counts what happens, and writes it down for Prometheus.

    `processes` should serve. `worker` is the place of this one among several that share files, in
    the folder named by PROMETHEUS_MULTIPROC_DIR; None: it is alone.
    """

    def __init__(self, processes: int = 1, worker: int | None = None) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call] # series that nobody reads
        self._registry = self._shown = CollectorRegistry()
        self._shared = worker is not None
        # Said either way: by default it goes by whether the environment names a folder.
        values.ValueClass = values.MutexValue
        if worker is not None:
            values.ValueClass = values.MultiProcessValue(lambda: worker)  # type: ignore[no-untyped-call]
            self._shown = CollectorRegistry()
            MultiProcessCollector(self._shown)  # type: ignore[no-untyped-call]
        self._publishes = True  # without trouble
        self.in_progress = 0  # requests that have not ended; the envelope counts
        self._count_requests()
        self._count_the_network()
        self._state = StateMetrics(self._registry, processes)

    def _count_requests(self) -> None:
        self._requests = self._counter("requests", "Requests that have ended", "route", "status")
        self._durations = BulkHistogram(
            "rowscan_request_duration_seconds",
            "Time from the end of a request's headers to the last byte of its response",
            ["route"],
            buckets=REQUEST_BUCKETS_S,
            registry=self._registry,
        )
        stages = BulkHistogram(
            "rowscan_request_stage_seconds",
            "Time that a request spent in a stage",
            ["stage"],
            buckets=STAGE_BUCKETS_S,
            registry=self._registry,
        )
        self._stages = {stage: stages.labels(stage) for stage in STAGES}
        refusals = self._counter("refusals", "Requests answered with a problem", "reason")
        self._refusals = {reason: refusals.labels(reason) for reason in REASONS}
        unread = self._counter(
            "unread_images",
            "Images of /predict/batch answered with a problem of their own",
            "reason",
        )
        self._unread = {reason: unread.labels(reason) for reason in REASONS}
        # Route, status, seconds and timings of those that are not counted yet.
        self._ended: list[tuple[str, int, float, Sequence[Timing]]] = []

    def _count_the_network(self) -> None:
        self._batch_images = BulkHistogram(
            "rowscan_batch_images",
            "Images that the network read at once",
            buckets=BATCH_BUCKETS,
            registry=self._registry,
        )
        self._batch_seconds = BulkHistogram(
            "rowscan_batch_duration_seconds",
            "Time that the network took for a batch",
            buckets=STAGE_BUCKETS_S,
            registry=self._registry,
        )
        predictions = self._counter(
            "predictions", "Pictures read, by the most likely digit", "digit"
        )
        self._predictions = [predictions.labels(str(digit)) for digit in range(CLASSES)]
        self._abstentions = self._counter("abstentions", "Pictures read and said to be no digit")
        self._confidence = BulkHistogram(
            "rowscan_confidence_ratio",
            "Probability of the most likely digit",
            buckets=CONFIDENCE_BUCKETS,
            registry=self._registry,
        )
        # Images and seconds of batches, and what was said of pictures, that are not counted yet.
        self._batches: list[tuple[int, float]] = []
        self._readings: list[Reading] = []
        loads = self._counter("version_loads", "Published versions that were tried", "result")
        self._loads = {result: loads.labels(result) for result in (LOADED, REFUSED)}

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"rowscan_{name}", meaning, labels, registry=self._registry)

    def request_ended(
        self,
        route: str,
        status: int,
        started: float,
        timings: Sequence[Timing],
        reason: str | None,
    ) -> None:
        """A request that began at `started`, on time.monotonic(), has ended. In the event loop.

        `route` is a template, never a path: what clients send must not make new series.
        `reason` is one of REASONS when the request was answered with a problem.
        """
        if reason is not None:
            self._refusals[reason].inc()
        if reason in UNTIMED:
            self._requests.labels(route, str(status)).inc()
            return
        self._ended.append((route, status, time.monotonic() - started, timings))
        if len(self._ended) >= COUNT_AT:
            self._count_ended()

    def _count_ended(self) -> None:
        """Count the requests that have ended since the last time.

        Together: one by one, each in five histograms and counters, would cost 15 µs a request.
        """
        durations: defaultdict[tuple[str, int], list[float]] = defaultdict(list)
        stages: dict[Stage, list[float]] = {stage: [] for stage in STAGES}
        for route, status, duration_s, timings in self._ended:
            durations[route, status].append(duration_s)
            for stage, duration_ms, _, _ in timings:
                stages[stage].append(duration_ms)
        self._ended.clear()
        for (route, status), seconds in durations.items():
            self._requests.labels(route, str(status)).inc(len(seconds))
            self._durations.labels(route).observe_all(np.array(seconds))
        for stage, milliseconds in stages.items():
            self._stages[stage].observe_all(1e-3 * np.array(milliseconds))

    def image_unread(self, reason: str) -> None:
        """An image of many was answered with a problem of its own."""
        self._unread[reason].inc()

    def batch_read(self, images: int, infer_s: float) -> None:
        """As `app.inference.observer.BatchObserver` says."""
        # Pictures too: here, as a rule, the network has its next batch, and nobody waits for long.
        if len(self._batches) >= COUNT_AT or len(self._readings) >= COUNT_AT:
            self._count_read()
        self._batches.append((images, infer_s))

    def answered(self, readings: Sequence[Reading]) -> None:
        """As `app.inference.observer.BatchObserver` says."""
        self._readings += readings

    def _count_read(self) -> None:
        """Count what the network has read since the last time: likewise together."""
        batches, self._batches = self._batches, []
        readings, self._readings = self._readings, []
        if batches:
            images, seconds = zip(*batches, strict=True)
            self._batch_images.observe_all(np.array(images, np.float64))
            self._batch_seconds.observe_all(np.array(seconds))
        digits = [reading.digit for reading in readings]
        for digit in set(digits):
            self._predictions[digit].inc(digits.count(digit))
        self._confidence.observe_all(np.array([reading.confidence for reading in readings]))
        self._abstentions.inc(sum(not reading.is_digit for reading in readings))

    def version_loaded(self) -> None:
        """As `app.inference.observer.VersionObserver` says."""
        self._loads[LOADED].inc()

    def version_refused(self) -> None:
        """As `app.inference.observer.VersionObserver` says."""
        self._loads[REFUSED].inc()

    def refresh(self, service: Service) -> None:
        """Note the state of the service as it is now. Called in the event loop."""
        self._count_ended()
        self._count_read()
        self._state.refresh(service, self.in_progress)

    def publish(self, service: Service, every_s: float = PUBLISH_EVERY_S) -> asyncio.Task[None]:
        """Let the other workers know the state of this one, again and again, until cancelled."""
        return asyncio.create_task(self._publish(service, every_s))

    async def _publish(self, service: Service, every_s: float) -> None:
        while self._shared:
            self._write_down(service)
            await asyncio.sleep(every_s)

    def publish_last(self, service: Service) -> None:
        """Let them know what it was at the end."""
        if self._shared:
            self._write_down(service)

    def _write_down(self, service: Service) -> None:
        try:
            self.refresh(service)
            self._publishes = True
        except Exception:  # such as a full disk, which may have room again
            if self._publishes:  # not again every second
                logger.exception("The state of this process could not be written down")
            self._publishes = False

    def text(self) -> bytes:
        """All metrics, in Prometheus's text format. Takes milliseconds; not for the event loop."""
        for _ in range(TRIES):
            with contextlib.suppress(struct.error):  # a worker begins: its file is empty still
                return generate_latest(self._shown)
            time.sleep(TRY_AGAIN_S)
        return generate_latest(self._shown)
