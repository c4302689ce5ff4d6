"""GET /metrics, for Prometheus.

Not in `/docs`: its format is Prometheus's, its content in docs/operations.md. Like the probes it
waits for nothing that a request may hold, so it answers under any load.
"""

from __future__ import annotations

import asyncio
from typing import Final

from fastapi import APIRouter
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4
from starlette.responses import Response

from app.inference.service import Service
from app.metrics import Metrics

METRICS_PATH: Final = "/metrics"


def metrics_router(metrics: Metrics, service: Service) -> APIRouter:
    """The route for Prometheus."""
    router = APIRouter()

    @router.get(METRICS_PATH, include_in_schema=False)
    async def scrape() -> Response:
        metrics.refresh(service)
        # It takes milliseconds; requests go on meanwhile.
        text = await asyncio.to_thread(metrics.text)
        return Response(text, media_type=CONTENT_TYPE_PLAIN_0_0_4)

    return router
