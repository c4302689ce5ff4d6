"""CORS: which pages of other sites may ask, and what they may send and see."""

from __future__ import annotations

from typing import Any, Final

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

from app.api.infer_bodies import HEADER_LENGTH

MAX_AGE_S: Final = 600
ALLOWED: Final[dict[str, Any]] = {
    "allow_methods": ["GET", "POST"],
    "allow_headers": [
        "Authorization",
        "Content-Type",
        HEADER_LENGTH,
        "traceparent",
        "X-API-Key",
        "X-Deadline-Ms",
        "X-Request-ID",
    ],
    "expose_headers": [HEADER_LENGTH, "Retry-After", "Server-Timing", "X-Request-ID"],
    # There are no cookies; a key is sent by whoever has it.
    "allow_credentials": False,
    "max_age": MAX_AGE_S,
}


def allowing(origins: tuple[str, ...], app: ASGIApp) -> ASGIApp:
    """The app, with answers to preflights; pages of these origins may read it, * is every one."""
    return CORSMiddleware(app, allow_origins=origins, **ALLOWED)
