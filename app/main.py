"""The app, wired together: settings in, FastAPI out. No logic lives here."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from fastapi import FastAPI

from app import __version__
from app.api.bodies import Bodies
from app.api.direct import WithDirectWay
from app.api.guard import describe_key
from app.api.health import health_router
from app.api.layers import layers
from app.api.metrics import metrics_router
from app.api.open_inference import open_inference_router
from app.api.page import install_page
from app.api.predict import Predictor, predict_router
from app.api.problems import install_problem_handlers
from app.api.reading import Reader
from app.api.report import install_report
from app.api.tensor_door import TensorDoor
from app.api.tensorflow_serving import tensorflow_serving_router
from app.api.traced import telemetry
from app.errors import in_one_line
from app.imaging import DecodeLimits
from app.inference.classifier import AsyncClassifier
from app.inference.network_process import NetworkProcess
from app.inference.service import Service
from app.inference.versions import Versions
from app.metrics import Metrics
from app.settings import Settings
from app.tracing import Tracing


def _ignore(_: object) -> None:
    """Nobody listens: /health tells the same."""


@dataclass(frozen=True)
class Events:
    """Who is told, in the event loop, what becomes of the model."""

    ready: Callable[[int], None] = _ignore  # the first version answers: its number
    fatal: Callable[[str], None] = _ignore  # none can be served: why
    lost: Callable[[str], None] = _ignore  # what read the images has ended by itself: how


def create_app(
    settings: Settings,
    classifier: AsyncClassifier | None = None,
    events: Events | None = None,
    versions: Versions[AsyncClassifier] | None = None,
    metrics: Metrics | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """The service as an ASGI app.

    It serves `classifier`, or else loads the newest good one of `versions` (by default those of the
    settings) in the background from the moment that its lifespan starts, and then looks for newer
    ones.
    """
    metrics = metrics or Metrics(settings.workers)
    service = Service(settings.max_queue_images, settings.drain_s, metrics)
    limits = DecodeLimits(settings.max_image_pixels, settings.max_image_side)
    reader = Reader(limits, settings.max_batch_images)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        publishing = metrics.publish(service)
        network: NetworkProcess | None = None
        if classifier is not None:
            service.serve(classifier)
        else:
            network = await _load(service, settings, metrics, versions, events or Events())
        yield
        await service.drain()
        if network is not None:
            network.close()
        reader.close()
        publishing.cancel()
        metrics.publish_last(service)
        if tracing is not None:
            await tracing.stop(service.time_to_stop_s)

    app = WithDirectWay(
        title="rowscan",
        summary="Reads handwritten digits, one row of pixels at a time.",
        version=__version__,
        lifespan=lifespan,
        docs_url=None,  # in app/api/page.py, without other hosts
        redoc_url=None,
        redirect_slashes=False,
        telemetry=telemetry(tracing),
    )
    app.state.service = service
    install_problem_handlers(app)
    _install_doors(app, service, reader, settings, metrics, tracing)
    install_page(app)
    install_report(app, service, settings.models_dir)
    if settings.api_key:
        describe_key(app)
    return app


async def _load(
    service: Service,
    settings: Settings,
    metrics: Metrics,
    versions: Versions[AsyncClassifier] | None,
    events: Events,
) -> NetworkProcess | None:
    """Have a version loaded in the background; the process that reads its images, if one does."""
    network: NetworkProcess | None = None
    if versions is None:
        try:
            network, versions = _network(service, settings, metrics, events)
        except OSError as error:
            why = f"The network's process could not be started: {in_one_line(error)}"
            service.lose(why)
            events.fatal(why)
            return None

    def begun(version: int) -> None:
        # What is here now lives for ever: to look through it for garbage would only take time.
        gc.freeze()
        if settings.reload_s and settings.model_version is None:
            service.watch(versions.look_again, settings.reload_s)
        events.ready(version)

    loaded = service.load(versions.load_newest, begun, events.fatal)
    if settings.workers > 1:
        # The server listens after this: requests are for those that can answer them.
        await loaded.wait()
    return network


def _network(
    service: Service, settings: Settings, metrics: Metrics, events: Events
) -> tuple[NetworkProcess, Versions[AsyncClassifier]]:
    """Start the process that reads images, and find the versions that it will load."""

    def lost(why: str) -> None:
        service.lose(why)
        events.lost(why)

    network = NetworkProcess(lost)
    service.network_pid = network.pid
    return network, Versions(
        settings.models_dir, lambda: network.load, settings.model_version, metrics
    )


def _install_doors(
    app: WithDirectWay,
    service: Service,
    reader: Reader,
    settings: Settings,
    metrics: Metrics,
    tracing: Tracing | None,
) -> None:
    """The ways in: probes, the two shortest paths, and the protocols of other servers."""
    bodies = Bodies(settings.max_upload_bytes)
    predictor = Predictor(service, bodies, reader, settings, metrics.image_unread)
    door = TensorDoor(service, bodies, reader, settings)
    app.direct_endpoints = {"/predict": predictor.one, "/predict/batch": predictor.many}
    app.envelope = layers(settings, metrics, tracing)
    app.add_middleware(app.envelope)
    app.include_router(health_router(service))
    app.include_router(metrics_router(metrics, service))
    app.include_router(predict_router(predictor))
    app.include_router(tensorflow_serving_router(door))
    app.include_router(open_inference_router(door))
