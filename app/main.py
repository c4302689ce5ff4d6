"""The app, wired together: settings in, FastAPI out. No logic lives here."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

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
from app.imaging import DecodeLimits
from app.inference.classifier import AsyncClassifier
from app.inference.network_process import NetworkProcess
from app.inference.service import Service
from app.inference.versions import Load, Versions
from app.metrics import Metrics
from app.settings import Settings
from app.tracing import Tracing


def create_app(
    settings: Settings,
    classifier: AsyncClassifier | None = None,
    on_fatal: Callable[[str], None] | None = None,
    on_ready: Callable[[int], None] | None = None,
    on_lost: Callable[[str], None] | None = None,
    versions: Versions[AsyncClassifier] | None = None,
    metrics: Metrics | None = None,
    tracing: Tracing | None = None,
) -> FastAPI:
    """The service as an ASGI app.

    It serves `classifier`, or else loads the newest good one of `versions` (by default those of the
    settings) in the background from the moment that its lifespan starts, and then looks for newer
    ones: on_ready(version) is called when the first answers, on_fatal(why) when none can be served,
    and on_lost(why) when the process that reads the images has ended by itself.
    """
    metrics = metrics or Metrics(settings.workers)
    service = Service(settings.max_queue_images, settings.drain_s, metrics)
    limits = DecodeLimits(settings.max_image_pixels, settings.max_image_side)
    reader = Reader(limits, settings.max_batch_images)

    def lost(why: str) -> None:
        service.lose(why)
        (on_lost or _ignore)(why)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        publishing = metrics.publish(service)
        network: NetworkProcess | None = None
        if classifier is not None:
            service.serve(classifier)
        else:
            served = versions
            if served is None:
                network = NetworkProcess(lost)
                service.network_pid = network.pid
                served = _versions(network.load, settings, metrics)
            began = _begun(service, served, settings, on_ready or _ignore)
            loaded = service.load(served.load_newest, began, on_fatal or _ignore)
            if settings.workers > 1:
                # The server listens after this: requests are for those that can answer them.
                await loaded.wait()
        yield
        await service.drain()
        if network is not None:
            network.close()
        reader.close()
        publishing.cancel()
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


def _versions(
    load: Load[AsyncClassifier], settings: Settings, metrics: Metrics
) -> Versions[AsyncClassifier]:
    """The versions of the settings."""
    return Versions(settings.models_dir, lambda: load, settings.model_version, metrics)


def _begun(
    service: Service,
    versions: Versions[AsyncClassifier],
    settings: Settings,
    on_ready: Callable[[int], None],
) -> Callable[[int], None]:
    """What happens when the first version answers."""

    def begun(version: int) -> None:
        # What is here now lives for ever: to look through it for garbage would only take time.
        gc.freeze()
        if settings.reload_s and settings.model_version is None:
            service.watch(versions.look_again, settings.reload_s)
        on_ready(version)

    return begun


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


def _ignore(_: object) -> None:
    """Nobody listens: /health tells the same."""
