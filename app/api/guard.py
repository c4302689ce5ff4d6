"""Who may ask, and how often: plain ASGI, before anything of a request is read.

    envelope ─▶ (CORS) ─▶ guard ─▶ the framework, or an endpoint right away
                            └─ 401 or 429

Only there when a key or a limit is set. What tells how the service is, and the files of the page,
are for everybody; what reads pictures, and what tells of those who send them, is not.
"""

from __future__ import annotations

import hmac
from typing import Any, Final

from fastapi import FastAPI
from pydantic import SecretStr
from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.context import context_of
from app.api.page import PAGES, STATIC_PATH
from app.api.problems import rowscan_problem
from app.api.rate_limit import RateLimit, client_of
from app.api.report import REPORT_PATH
from app.api.tensor_door import error_response
from app.errors import RateLimitedError, RequestError, UnauthorizedError

KEY_HEADER: Final = "X-API-Key"
OPEN_PATHS: Final = frozenset({*PAGES, REPORT_PATH, "/openapi.json", "/health"})
OPEN_FOLDERS: Final = (f"{STATIC_PATH}/", "/health/", "/v2/health/")
# They say no in a shape of their own.
PROTOCOLS: Final = ("/v1/", "/v2/")
SCHEMES: Final[dict[str, Any]] = {
    "ApiKey": {"type": "apiKey", "in": "header", "name": KEY_HEADER},
    "Bearer": {"type": "http", "scheme": "bearer"},
}


class Guard:
    """Lets a request pass that has the key and is within the limit of its client, where set."""

    def __init__(self, app: ASGIApp, key: SecretStr | None, limit: RateLimit | None) -> None:
        self.app = app
        self._key = key.get_secret_value().encode() if key else None
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        if scope["type"] != "http" or is_open(scope["path"]):
            await self.app(scope, receive, send)
            return
        if self._key is not None and not _has_key(scope, self._key):
            error: RequestError = UnauthorizedError(
                "This service wants a key. Send it as X-API-Key, or as Authorization: Bearer."
            )
            await _refuse(error, {"WWW-Authenticate": "Bearer"}, scope, receive, send)
            return
        if self._limit is None or scope["method"] != "POST":
            await self.app(scope, receive, send)
            return
        client = client_of(scope["client"][0]) if scope.get("client") else ""
        if wait_s := self._limit.take(client):
            error = RateLimitedError(
                f"You have sent more than may be read for you. Send the next in {wait_s} s."
            )
            await _refuse(error, {"Retry-After": str(wait_s)}, scope, receive, send)
            return
        try:
            await self.app(scope, receive, send)
        finally:
            # A request that is refused costs as much as one image.
            self._limit.charge(client, max(0, context_of(Request(scope)).images - 1))


def is_open(path: str) -> bool:
    """Whether everybody may ask for this path."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)


def _has_key(scope: Scope, key: bytes) -> bool:
    """Whether the request names the key, in either way."""
    found = False
    for name, value in scope["headers"]:
        if name == b"x-api-key":
            found |= hmac.compare_digest(value, key)
        elif name == b"authorization":
            scheme, _, token = value.partition(b" ")
            if scheme.lower() == b"bearer":
                found |= hmac.compare_digest(token.strip(), key)
    return found


async def _refuse(
    error: RequestError, headers: dict[str, str], scope: Scope, receive: Receive, send: Send
) -> None:
    request = Request(scope, receive)
    is_protocol = f"{scope['path']}/".startswith(PROTOCOLS)
    response = error_response(request, error) if is_protocol else rowscan_problem(request, error)
    response.headers.update(headers)
    await response(scope, receive, send)


def describe_key(app: FastAPI) -> None:
    """Have the OpenAPI description say which operations want a key, and how it is sent."""
    describe = app.openapi

    def openapi() -> dict[str, Any]:
        described = describe()
        described["components"]["securitySchemes"] = SCHEMES
        described["security"] = [{name: []} for name in SCHEMES]
        for path, operations in described["paths"].items():
            if is_open(path):
                for operation in operations.values():
                    operation["security"] = []
        return described

    app.openapi = openapi  # type: ignore[method-assign] # as FastAPI's documentation has it
