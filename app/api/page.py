"""GET / and GET /docs: the page to draw on, and the documentation, with all that they load.

Both are plain files in `app/static`; Swagger UI's own come from the package fastapi-swagger. The
browser is told to load nothing from anywhere else, and to run no script but from these files.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

STATIC = Path(__file__).resolve().parents[1] / "static"
SWAGGER_UI = ("fastapi_swagger", "resources")
FILE_KINDS = frozenset({".css", ".js", ".png", ".svg"})

# data: and blob: are the pictures that the page itself makes.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)
PAGES: Final = {"/": "index.html", "/docs": "docs.html"}
STATIC_PATH: Final = "/static"
HEADERS: Final = {
    "Accept-Ranges": "none",
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    # Asked for anew each time, and answered with 304 while it is the same.
    "Cache-Control": "no-cache",
}


def install_page(app: FastAPI) -> None:
    """Add the two pages and `/static`."""
    files = _Files(directory=STATIC, packages=[SWAGGER_UI])
    for path, name in PAGES.items():
        app.add_route(path, _page(files, name), include_in_schema=False)
    app.mount(STATIC_PATH, files)


def _page(files: StaticFiles, name: str) -> Callable[[Request], Awaitable[Response]]:
    async def page(request: Request) -> Response:
        return await files.get_response(name, request.scope)

    return page


class _Files(StaticFiles):
    """The files of both folders, with the headers above on each."""

    def get_path(self, scope: Scope) -> str:
        """The path within the folders; of pages and of a package's other files there is none."""
        path = super().get_path(scope)
        if Path(path).suffix not in FILE_KINDS:
            raise HTTPException(404)
        return path

    def file_response(
        self,
        full_path: str | os.PathLike[str],
        stat_result: os.stat_result,
        scope: Scope,
        status_code: int = 200,
    ) -> Response:
        """A whole file, or 304 where the browser has it already.

        Parts of files are not served, as HTTP allows: Starlette would refuse some in plain text.
        """
        scope["headers"] = [each for each in scope["headers"] if each[0] != b"range"]
        response = super().file_response(full_path, stat_result, scope, status_code)
        response.headers.update(HEADERS)
        return response
