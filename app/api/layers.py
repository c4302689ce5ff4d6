"""What every request goes through, whichever way it takes to its answer.

(traced) ─▶ envelope ─▶ (CORS) ─▶ (guard) ─▶ the framework, or an endpoint right away
"""

from __future__ import annotations

from collections.abc import Callable

from starlette.types import ASGIApp

from app.api.access_log import AccessLog
from app.api.cross_origin import allowing
from app.api.envelope import Envelope
from app.api.guard import Guard
from app.api.rate_limit import RateLimit
from app.api.traced import Traced
from app.metrics import Metrics
from app.settings import Settings
from app.tracing import Tracing


def layers(
    settings: Settings, metrics: Metrics, tracing: Tracing | None
) -> Callable[[ASGIApp], ASGIApp]:
    """What puts the layers around an app; around several, they share what they count."""
    access_log = AccessLog(settings.access_log)
    limit = RateLimit(settings.rate_limit) if settings.rate_limit else None

    def around(app: ASGIApp) -> ASGIApp:
        if settings.api_key or limit is not None:
            app = Guard(app, settings.api_key, limit)
        if settings.cors_origins:
            app = allowing(settings.cors_origins, app)
        app = Envelope(app, metrics, access_log)
        return Traced(app, tracing) if tracing else app

    return around
