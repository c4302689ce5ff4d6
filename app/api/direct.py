"""Past the framework: requests that leave it nothing to do go straight to what answers them.

    direct ─▶ envelope ─▶ endpoint ─▶ response
      └─ anything else ─▶ FastAPI: its middleware, envelope, routes, parameters, the same endpoint

FastAPI takes some 100 µs for its own middleware, to find a route, to solve its parameters and to
check the answer: longer than it takes to decode a small picture. A POST without a query and without
X-Deadline-Ms has no parameters. The routes stay declared: they read parameters where there are any,
and make `/docs`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.context import context_of
from app.api.problems import rowscan_problem
from app.errors import RowscanError

DEADLINE_HEADER = b"x-deadline-ms"

Endpoint = Callable[[Request], Awaitable[Response]]


class WithDirectWay(FastAPI):
    """Answers a POST to one of `direct_endpoints`, by path, by itself, unless it has parameters.

    `envelope` puts what every request needs around each.
    """

    direct_endpoints: Mapping[str, Endpoint] = {}
    envelope: Callable[[ASGIApp], ASGIApp]

    def build_middleware_stack(self) -> ASGIApp:
        """What every request goes through; called by the framework at the first one."""
        ways = {
            path: self.envelope(_endpoint_app(endpoint))
            for path, endpoint in self.direct_endpoints.items()
        }
        return Direct(super().build_middleware_stack(), ways)


class Direct:
    """The fork: `ways` by path on one side, `app` on the other."""

    def __init__(self, app: ASGIApp, ways: Mapping[str, ASGIApp]) -> None:
        self._app = app
        self._ways = ways

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request (ASGI)."""
        way = self._ways.get(scope["path"]) if scope["type"] == "http" else None
        if way is None or scope["method"] != "POST" or _has_parameters(scope):
            await self._app(scope, receive, send)
        else:
            await way(scope, receive, send)


def _endpoint_app(endpoint: Endpoint) -> ASGIApp:
    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        context_of(request).route = scope["path"]
        try:
            response = await endpoint(request)
        except RowscanError as error:
            response = rowscan_problem(request, error)
        await response(scope, receive, send)

    return answer


def _has_parameters(scope: Scope) -> bool:
    return scope["query_string"] != b"" or any(
        name == DEADLINE_HEADER for name, _ in scope["headers"]
    )
