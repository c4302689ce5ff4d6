"""Health checks. None of them waits for anything: they read what is known."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from app.api.documentation import HEALTH, LIVE, READY
from app.errors import RETRY_AFTER_S
from app.inference.manifest import MODEL_NAME
from app.inference.service import Service
from app.schemas import Health, Ready, ServedModel


def health_router(service: Service) -> APIRouter:
    """Routes that tell how the service is; to HEAD, by which some probes ask, without the body."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.head("/live", include_in_schema=False)
    @router.get("/live", **LIVE)
    async def live() -> Ready:
        """200 for as long as the process can answer at all."""
        return Ready(status="live")

    @router.head("/ready", include_in_schema=False)
    @router.get("/ready", response_model=Ready, **READY)
    async def ready() -> Response:
        """200 only when a verified, warmed model can answer and the service is not stopping."""
        return _by_status(service, Ready(status=service.status))

    @router.head("", include_in_schema=False)
    @router.get("", response_model=Health, **HEALTH)
    async def health() -> Response:
        """Readiness with its details, and the same status code."""
        manifest = service.manifest
        return _by_status(
            service,
            Health(
                status=service.status,
                draining=service.status == "draining",
                model=ServedModel(name=MODEL_NAME, version=manifest.version) if manifest else None,
                refused=service.refused,
                error=service.error,
                reload_error=service.reload_error,
            ),
        )

    return router


def _by_status(service: Service, body: Ready | Health) -> Response:
    if service.status == "ready":
        return JSONResponse(body.model_dump())
    return JSONResponse(body.model_dump(), 503, {"Retry-After": str(RETRY_AFTER_S)})
