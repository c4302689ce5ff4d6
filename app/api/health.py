"""Health checks. None of them waits for anything: they read what is known."""

from __future__ import annotations

from fastapi import APIRouter
from starlette.responses import JSONResponse, Response

from app.errors import RETRY_AFTER_S
from app.inference.manifest import MODEL_NAME
from app.inference.service import Service
from app.schemas import Health, Ready, ServedModel

NOT_READY = "No model can answer, or the service is stopping."


def health_router(service: Service) -> APIRouter:
    """Routes that tell how the service is."""
    router = APIRouter(prefix="/health", tags=["health"])

    @router.get("/live", summary="Is the process up?")
    async def live() -> Ready:
        """200 for as long as the process can answer at all."""
        return Ready(status="live")

    @router.get(
        "/ready",
        summary="Can it answer /predict?",
        response_model=Ready,
        responses={503: {"description": NOT_READY, "model": Ready}},
    )
    async def ready() -> Response:
        """200 only when a verified, warmed model can answer and the service is not stopping."""
        return _by_status(service, Ready(status=service.status))

    @router.get(
        "",
        summary="Which model is served, and if none, why?",
        response_model=Health,
        responses={503: {"description": NOT_READY, "model": Health}},
    )
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
            ),
        )

    return router


def _by_status(service: Service, body: Ready | Health) -> Response:
    if service.status == "ready":
        return JSONResponse(body.model_dump())
    return JSONResponse(body.model_dump(), 503, {"Retry-After": str(RETRY_AFTER_S)})
