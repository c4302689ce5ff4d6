"""Past the framework: requests that leave it nothing to do go straight to what answers them.

    envelope ─▶ direct ─▶ endpoint ─▶ response
                  └─ anything else ─▶ FastAPI: matching, parameters, the same endpoint

FastAPI takes some 90 µs to find a route, to solve its parameters and to check the answer, as long
as it takes to decode a small picture. A POST without a query and without X-Deadline-Ms has no
parameters. The routes stay declared: they read parameters where there are any, and make `/docs`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.problems import rowscan_problem
from app.errors import RowscanError

DEADLINE_HEADER = b"x-deadline-ms"

Endpoint = Callable[[Request], Awaitable[Response]]


class Direct:
    """Answers a POST to one of `endpoints`, by path, unless it has parameters."""

    def __init__(self, app: ASGIApp, endpoints: Mapping[str, Endpoint]) -> None:
        self.app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        endpoint = self._endpoints.get(scope["path"]) if scope["type"] == "http" else None
        if endpoint is None or scope["method"] != "POST" or _has_parameters(scope):
            await self.app(scope, receive, send)
            return
        request = Request(scope, receive)
        try:
            response = await endpoint(request)
        except RowscanError as error:
            response = rowscan_problem(request, error)
        await response(scope, receive, send)


def _has_parameters(scope: Scope) -> bool:
    return scope["query_string"] != b"" or any(
        name == DEADLINE_HEADER for name, _ in scope["headers"]
    )
