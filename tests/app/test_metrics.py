"""What is counted, under which names, and that nothing a client sends makes it grow."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from starlette.responses import StreamingResponse

from app.api.documentation import SEVEN
from app.bulk_histogram import BulkHistogram
from app.errors import INTERNAL, REASONS, Problem
from app.inference.batcher import Batcher
from app.inference.fake import FakeClassifier
from app.inference.readings import Reading
from app.inference.service import Service
from app.inference.versions import Versions
from app.main import create_app
from app.metrics import COUNT_AT, Metrics
from app.settings import Settings
from tests.app import ways_in
from tests.app.scraped import Scraped, scrape
from tests.app.test_reload import load, publish, until
from tests.app.ways_in import SEVEN_PNG
from tests.conftest import client_of

ROOT = Path(__file__).parents[2]
SEVEN_TENSOR = (SEVEN / 255).tolist()


async def test_requests_by_route_and_status(client: httpx.AsyncClient) -> None:
    """Each request is counted under its template and status, whichever way it took."""
    await client.post(**ways_in.raw(SEVEN_PNG))
    await client.post(**ways_in.raw(SEVEN_PNG), params={"explain": "1"})
    await client.post(**ways_in.raw(b"x"))
    await client.post("/v1/models/digits/versions/3:predict", json={"instances": [SEVEN_TENSOR]})
    metrics = await scrape(client)
    assert metrics.value("requests_total", route="/predict", status="200") == 2
    assert metrics.value("requests_total", route="/predict", status="415") == 1
    route = "/v1/models/{model}/versions/{version}:predict"
    assert metrics.value("requests_total", route=route, status="200") == 1
    assert metrics.value("request_duration_seconds_count", route="/predict") == 3


async def test_clients_make_no_series(client: httpx.AsyncClient) -> None:
    """What they ask for that is not there all goes under one name, or that of its folder."""
    for number in range(3):
        await client.get(f"/nowhere/{number}")
        await client.get(f"/static/{number}.js")
        await client.get(f"/v1/{number}")
        await client.request(f"ODD{number}", "/predict")
    await client.get("/docs")
    await client.get("/models/digits/report")
    metrics = await scrape(client)
    assert metrics.labels("requests_total", "route") == {
        "none", "/static", "/v1/{rest:path}", "/predict", "/docs", "/models/digits/report",
    }  # fmt: skip
    assert metrics.value("requests_total", route="none", status="404") == 3


async def test_stages(client: httpx.AsyncClient) -> None:
    """The time of each stage is noted once for each request that came so far, or failed there."""
    await client.post(**ways_in.raw(SEVEN_PNG))
    await client.post(**ways_in.batch_npy(np.stack([SEVEN] * 30)))
    await client.post(**ways_in.raw(b"x"))
    metrics = await scrape(client)
    counts = [
        metrics.value("request_stage_seconds_count", stage=stage)
        for stage in ("decode", "queue", "infer")
    ]
    assert counts == [3, 2, 2]


async def test_reasons(client: httpx.AsyncClient) -> None:
    """A request that is answered with a problem is counted by its kind, at every door."""
    await client.post(**ways_in.raw(b"x"))
    await client.post(**ways_in.raw(SEVEN_PNG), params={"explain": "perhaps"})
    await client.get("/nowhere")
    await client.get("/models/digits/report")
    await client.get("/predict")
    await client.post("/v1/models/digits:predict", content=b"{")
    await client.post("/v2/models/other/infer", json={})
    assert (await scrape(client)).nonzero("refusals_total", "reason") == {
        "unsupported-image": 1,
        "invalid-input": 1,
        "not-found": 3,
        "method-not-allowed": 1,
        "malformed-request": 1,
    }


def test_every_problem_has_a_reason() -> None:
    """There are only so many reasons, one for problems without a type among them."""
    assert INTERNAL.reason in REASONS
    assert Problem(418, "about:blank", "Teapot").reason == "other"
    assert len(set(REASONS)) == len(REASONS)


async def test_unread_images_of_many(client: httpx.AsyncClient) -> None:
    """Images of a batch with problems of their own are counted apart from requests."""
    await client.post(**ways_in.batch_multipart(SEVEN_PNG, b"x", b"y"))
    metrics = await scrape(client)
    assert metrics.nonzero("unread_images_total", "reason") == {"unsupported-image": 2}
    assert metrics.nonzero("refusals_total", "reason") == {}


async def test_answers(client: httpx.AsyncClient, classifier: FakeClassifier) -> None:
    """Each picture is counted once by its digit, with its confidence, at every door."""
    answer = (await client.post(**ways_in.raw(SEVEN_PNG))).json()
    await client.post(**ways_in.raw(SEVEN_PNG), params={"explain": "1"})  # 28 stages of a picture
    await client.post(**ways_in.batch_npy(np.stack([SEVEN] * 30)))
    await client.post("/v1/models/digits:predict", json={"instances": [SEVEN_TENSOR]})
    metrics = await scrape(client)
    assert metrics.nonzero("predictions_total", "digit") == {str(answer["digit"]): 33}
    assert metrics.value("confidence_ratio_count") == 33
    assert metrics.value("confidence_ratio_sum") == pytest.approx(33 * answer["confidence"], 1e-3)
    assert metrics.value("batch_images_sum") == sum(classifier.batches) == 60
    assert metrics.value("batch_duration_seconds_count") == len(classifier.batches)
    assert metrics.value("abstentions_total") == 0


async def test_abstentions(settings: Settings, classifier: FakeClassifier) -> None:
    """Pictures above the version's threshold are counted as no digits."""
    classifier.manifest = classifier.manifest.model_copy(update={"max_novelty": 0.0})
    async with client_of(create_app(settings, classifier)) as client:
        await client.post(**ways_in.batch_npy(np.stack([SEVEN] * 3)))
        assert (await scrape(client)).value("abstentions_total") == 3


@pytest.mark.parametrize("values", [[], [0.25], [0.1, 0.25, 0.2500001, 0.5, 0.9, 0.25]])
def test_many_values_at_once(values: list[float]) -> None:
    """A histogram is the same whether its values come one by one or together."""
    one, many = (BulkHistogram("x", "x", buckets=(0.25, 0.5), registry=None) for _ in range(2))
    for value in values:
        one.observe(value)
    many.observe_all(np.array(values))
    assert samples_of(one) == samples_of(many)


def samples_of(histogram: BulkHistogram) -> list[tuple[str, Any, float]]:
    """Names, labels and values, but when it was made."""
    (family,) = histogram.collect()
    return [
        (sample.name, sample.labels, sample.value)
        for sample in family.samples
        if not sample.name.endswith("_created")
    ]


@pytest.fixture
def service() -> Service:
    """One that has not loaded anything."""
    return Service(max_queue_images=1, drain_s=1)


def test_requests_do_not_pile_up(service: Service) -> None:
    """So many are counted without a scrape; none is lost, none counted twice."""
    metrics = Metrics()
    for _ in range(COUNT_AT):
        metrics.request_ended("/predict", 200, 0.0, [("decode", 1.0, "", 0.0)], None)
    for _ in range(2):
        scraped = Scraped(metrics.text().decode())
        assert scraped.value("requests_total", route="/predict", status="200") == COUNT_AT
        assert scraped.value("request_stage_seconds_count", stage="decode") == COUNT_AT
        assert scraped.value("request_stage_seconds_sum", stage="decode") == pytest.approx(0.256)
        metrics.refresh(service)


def test_batches_and_pictures_do_not_pile_up(service: Service) -> None:
    """They are counted without a scrape as well, before the next batch, whichever are more."""
    batches, pictures = Metrics(), Metrics()
    for _ in range(COUNT_AT + 1):
        batches.batch_read(3, 0.5)
    pictures.answered([Reading(7, [0.1] * 10, is_digit=False, novelty=0.9)] * COUNT_AT)
    pictures.batch_read(3, 0.5)
    for not_counted in (1, 0, 0):
        scraped = Scraped(batches.text().decode())
        assert scraped.value("batch_images_sum") == 3 * (COUNT_AT + 1 - not_counted)
        assert scraped.value("batch_duration_seconds_sum") == 0.5 * (COUNT_AT + 1 - not_counted)
        scraped = Scraped(pictures.text().decode())
        assert scraped.nonzero("predictions_total", "digit") == {"7": COUNT_AT}
        assert scraped.value("abstentions_total") == COUNT_AT
        batches.refresh(service)
        pictures.refresh(service)


async def test_under_load(
    app: FastAPI, client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """It is answered while the queue is full, and says so."""
    many = ways_in.batch_npy(np.stack([SEVEN] * 40))
    classifier.gate.clear()
    waiting = [asyncio.create_task(client.post(**ways_in.raw(SEVEN_PNG)))]
    await asyncio.to_thread(classifier.entered.wait, 10)
    waiting.append(asyncio.create_task(client.post(**many)))
    patience_ends = time.monotonic() + 10
    while not app.state.service.queued_images:
        assert time.monotonic() < patience_ends
        await asyncio.sleep(0.01)
    refused = await client.post(**many)
    metrics = await scrape(client)
    classifier.gate.set()
    await asyncio.gather(*waiting)
    assert refused.status_code == 429
    assert metrics.nonzero("refusals_total", "reason") == {"queue-full": 1}
    assert metrics.value("queue_images") == metrics.value("queue_limit_images") == 40
    assert metrics.value("requests_in_progress") == 3  # the scrape among them


async def test_state(client: httpx.AsyncClient) -> None:
    """A service that is ready says so, with its version and the figures of its process."""
    metrics = await scrape(client)
    assert metrics.value("ready_processes") == metrics.value("processes") == 1
    assert metrics.nonzero("model_processes", "version") == {"3": 1}
    assert metrics.value("newest_not_served") == 0
    assert metrics.value("process_resident_memory_bytes") > 1e6
    assert metrics.value("process_cpu_seconds_total") > 0


async def test_not_ready(settings: Settings) -> None:
    """Before a model is there, it is answered all the same."""
    metrics = Metrics()
    metrics.refresh(Service(settings.max_queue_images, settings.drain_s))
    scraped = Scraped(metrics.text().decode())
    assert scraped.value("ready_processes") == 0
    assert scraped.nonzero("model_processes", "version") == {}


async def test_versions(tmp_path: Path) -> None:
    """A version that follows is counted and shown; one that is refused too, and that it matters."""
    publish(tmp_path, 1)
    metrics = Metrics()
    settings = Settings(models_dir=tmp_path, reload_s=0.01)
    versions = Versions(tmp_path, loader=lambda: load, observer=metrics)
    app = create_app(settings, versions=versions, metrics=metrics)
    async with client_of(app) as client:
        await until(client, lambda health: health["status"] == "ready")
        await scrape(client)
        publish(tmp_path, 2)
        await until(client, lambda health: health["model"] == {"name": "digits", "version": 2})
        assert (await scrape(client)).value("newest_not_served") == 0
        (tmp_path / "3").mkdir()
        await until(client, lambda health: health["reload_error"] is not None)
        scraped = await scrape(client)
    assert scraped.nonzero("model_processes", "version") == {"2": 1}
    assert scraped.nonzero("version_loads_total", "result") == {"loaded": 2, "refused": 1}
    assert scraped.value("refused_versions") == scraped.value("newest_not_served") == 1


async def test_the_networks_process_counts(settings: Settings) -> None:
    """Its memory and its processor time are the service's; its open files are its own."""
    service, metrics = Service(settings.max_queue_images, settings.drain_s), Metrics()
    metrics.refresh(service)
    alone = Scraped(metrics.text().decode())
    service.network_pid = os.getpid()  # another one of the same size
    metrics.refresh(service)
    both = Scraped(metrics.text().decode())
    for name, least in (
        ("process_resident_memory_bytes", 1.9),
        ("process_cpu_seconds_total", 1.9),
        ("process_open_fds", 0.9),
    ):
        assert least < both.value(name) / alone.value(name) < least + 0.2


async def test_an_older_refusal_is_no_trouble(classifier: FakeClassifier) -> None:
    """What was refused and is older than what answers is shown, but is nothing to look after."""
    service = Service(max_queue_images=10, drain_s=1)
    service.serve(classifier)
    service.refused = {2: "broken"}
    assert not service.newest_not_served
    service.refused = {4: "broken"}
    assert service.newest_not_served
    await service.drain()


async def test_an_error_of_ours(app: FastAPI) -> None:
    """A 500 that nobody foresaw is counted as such, also in the middle of an answer."""

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError

    async with client_of(app) as client:
        await client.get("/broken")
        metrics = await scrape(client)
    assert metrics.value("requests_total", route="/broken", status="500") == 1
    assert metrics.value("refusals_total", reason="internal") == 1
    assert metrics.value("requests_in_progress") == 1  # the scrape


async def test_half_an_answer(app: FastAPI) -> None:
    """What fails after it has begun to answer is an error of ours too."""

    @app.get("/half")
    async def half() -> StreamingResponse:
        async def content() -> AsyncIterator[bytes]:
            yield b"half"
            raise ZeroDivisionError

        return StreamingResponse(content())

    async with client_of(app) as client:
        with pytest.raises(ZeroDivisionError):
            await client.get("/half")
        metrics = await scrape(client)
    assert metrics.value("requests_total", route="/half", status="200") == 1
    assert metrics.value("refusals_total", reason="internal") == 1


class Failing:
    """An observer that cannot count."""

    def batch_read(self, images: int, infer_s: float) -> None:
        """Raise."""
        raise OSError(images, infer_s)

    def answered(self, readings: Sequence[Reading]) -> None:
        """Raise."""
        raise OSError(readings)


async def test_counting_takes_no_answer_with_it(
    classifier: FakeClassifier, caplog: pytest.LogCaptureFixture
) -> None:
    """When counting fails, the callers get their answers and the log says what was the matter."""
    batcher = Batcher(classifier, 10, Failing())
    image = np.zeros((1, 28, 28), np.float32)
    with caplog.at_level(logging.ERROR):
        answer = await batcher.submit(image, time.monotonic() + 10)
    await batcher.drain(5)
    assert len(answer.scores.novelty) == 1
    assert "could not be counted" in caplog.text


class Unwell(Service):
    """A service whose state cannot be told the first two times."""

    def __init__(self) -> None:
        super().__init__(10, 5.0)
        self.looks = 0
        self.told = asyncio.Event()  # at the look after the first that went well

    @property
    def queued_images(self) -> int:
        """5, when it can be told."""
        self.looks += 1
        if self.looks < 3:
            raise OSError(self.looks)
        if self.looks > 3:
            self.told.set()
        return 5


async def test_publishing_outlives_errors(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A worker whose state could not be written down goes on trying, and says so once."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics = Metrics(2, worker=0)
    service = Unwell()
    publishing = metrics.publish(service, every_s=0.001)
    await service.told.wait()
    publishing.cancel()
    assert Scraped(metrics.text().decode()).value("queue_images") == 5
    assert caplog.text.count("could not be written down") == 1


async def test_what_a_worker_counts_last(
    settings: Settings, classifier: FakeClassifier, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """It is written down when it stops, for those that go on."""
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    metrics = Metrics(2, worker=0)
    async with client_of(create_app(settings, classifier, metrics=metrics)) as client:
        await client.post(**ways_in.raw(SEVEN_PNG))
    scraped = Scraped(metrics.text().decode())
    assert scraped.value("requests_total", route="/predict", status="200") == 1
    assert scraped.value("batch_images_sum") == scraped.value("confidence_ratio_count") == 1


def documented() -> Sequence[str]:
    """The names in the table of docs/operations.md."""
    return re.findall(
        r"^\| `(rowscan_\w+)", (ROOT / "docs/operations.md").read_text(), re.MULTILINE
    )


async def test_every_metric_is_documented(client: httpx.AsyncClient) -> None:
    """The table of docs/operations.md has each metric that is exported once, and no other."""
    exported = [
        f"{family.name}_total" if family.type == "counter" else family.name
        for family in (await scrape(client)).families
    ]
    assert sorted(documented()) == sorted(exported)


async def test_it_is_no_part_of_the_documented_api(app: FastAPI) -> None:
    """Its format is Prometheus's, so /docs leaves it out."""
    assert "/metrics" not in app.openapi()["paths"]
