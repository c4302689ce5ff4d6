"""GET /models/digits/report: the report of the served version, a page that its training wrote.

Only that file of the version can be read here, and only while it is, byte for byte, the one that
was verified. It is read beside the event loop, at each request: it is small and seldom asked for.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from app.api.context import context_of
from app.api.page import HEADERS
from app.api.problems import problem_response
from app.errors import NOT_FOUND
from app.inference.manifest import MODEL_NAME, Manifest
from app.inference.service import Service

REPORT_PATH: Final = f"/models/{MODEL_NAME}/report"
REPORT_FILE: Final = "assets.extra/report/index.html"
# All that the page shows is written into it: styles, charts, pictures. It runs nothing.
CONTENT_SECURITY_POLICY: Final = "; ".join(
    [
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
    ]
)


def install_report(app: FastAPI, service: Service, models_dir: Path) -> None:
    """Add the route. Like the other pages, it is none of the API's."""

    async def report(request: Request) -> Response:
        manifest = service.model().manifest
        return await run_in_threadpool(_answer, request, manifest, models_dir)

    app.add_route(REPORT_PATH, report, include_in_schema=False)


def _answer(request: Request, manifest: Manifest, models_dir: Path) -> Response:
    """The page, 304 where the browser has it already, or 404 where the version has none."""
    page = _read_verified(manifest, models_dir / str(manifest.version))
    if page is None:
        detail = f"Version {manifest.version} has no report, or not the one it was published with."
        context = context_of(request)
        context.reason = NOT_FOUND.reason
        return problem_response(NOT_FOUND, detail, context.request_id)
    etag = f'"{manifest.files[REPORT_FILE].sha256}"'
    headers = HEADERS | {"Content-Security-Policy": CONTENT_SECURITY_POLICY, "ETag": etag}
    if etag in request.headers.get("If-None-Match", ""):
        return Response(status_code=304, headers=headers)
    return Response(page, headers=headers, media_type="text/html")


def _read_verified(manifest: Manifest, version_dir: Path) -> bytes | None:
    """The bytes of the report; None when they are not those that the manifest lists."""
    digest = manifest.files.get(REPORT_FILE)
    if digest is None:
        return None
    try:
        with (version_dir / REPORT_FILE).open("rb") as file:
            page = file.read(digest.bytes + 1)
    except OSError:  # its folder has been taken away; the version answers from memory
        return None
    return page if hashlib.sha256(page).hexdigest() == digest.sha256 else None
