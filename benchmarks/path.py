"""Where the microseconds of one request go, in process: no socket, no server, no network.

The whole app is driven at the level of ASGI, 16 requests at a time, with a classifier that answers
at once; then its parts alone. Each figure is the processor time of one thread, the least of many
short runs: what it takes when nothing disturbs it.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import uvloop
from numpy.typing import NDArray
from starlette.types import ASGIApp, Message, Scope

from app.api.answers import json_response, prediction
from app.api.bodies import Body as ReadBody
from app.api.context import note_that_body_has_come
from app.api.multipart import split_multipart
from app.imaging import decode, normalise
from app.inference.classifier import Done, Read
from app.inference.contract import Scores
from app.inference.manifest import Manifest, read_manifest
from app.inference.readings import Reading
from app.inference.versions import find_versions
from app.main import create_app
from app.settings import Settings
from benchmarks.bodies import Body, golden_images, single_bodies
from training.pictures import encode_png

AT_ONCE = 16
RUNS = 300
CALLS = 20


class Constant:
    """A classifier that answers always the same, at once."""

    most_images = 64

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest
        self._scores = Scores(np.full((64, 10), 0.1, np.float32), np.zeros(64, np.float32))

    def begin(self, images: NDArray[np.float32], done: Done) -> None:
        """Have the scores of images (n, 28, 28) ready in the next turn of the event loop."""
        read = Read(self._scores.part(0, len(images)), 0.0)
        asyncio.get_running_loop().call_soon(done, read)


def measure(models_dir: Path, _: int) -> dict[str, float]:
    """Return microseconds: of whole requests, then of parts."""
    version = models_dir / str(find_versions(models_dir)[0])
    manifest = read_manifest(version)
    figures = uvloop.run(_requests(manifest, single_bodies(models_dir)))
    return figures | _parts(models_dir, manifest)


async def _requests(manifest: Manifest, ways: dict[str, Body]) -> dict[str, float]:
    app = create_app(Settings(), Constant(manifest))
    async with app.router.lifespan_context(app):
        figures = {f"{way}_us": await _request_us(app, body, b"") for way, body in ways.items()}
        # A query that means nothing sends it the framework's way.
        figures["raw_through_fastapi_us"] = await _request_us(app, ways["raw"], b"x=1")
        return figures


async def _request_us(app: ASGIApp, body: Body, query: bytes) -> float:
    async def some() -> None:
        for _ in range(2):
            await _post(app, body, query)

    async def crowd() -> None:
        await asyncio.gather(*(some() for _ in range(AT_ONCE)))

    return await _least_us(crowd, 2 * AT_ONCE)


async def _least_us(work: Callable[[], Awaitable[None]], requests: int) -> float:
    least = float("inf")
    for _ in range(RUNS):
        started = time.thread_time()
        await work()
        least = min(least, time.thread_time() - started)
    return 1e6 * least / requests


async def _post(app: ASGIApp, body: Body, query: bytes) -> None:
    """Send one request as a server passes it on; raise RuntimeError when the answer is not 200."""
    scope: Scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "POST",
        "scheme": "http", "path": body.path, "raw_path": body.path.encode(), "root_path": "",
        "query_string": query, "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 8000),
        "headers": [
            (b"host", b"127.0.0.1:8000"),
            (b"content-type", body.content_type.encode()),
            (b"content-length", str(len(body.content)).encode()),
        ],
        "state": {},
    }  # fmt: skip
    note_that_body_has_come(scope["state"])
    messages: list[Message] = [{"type": "http.request", "body": body.content}]
    stays = asyncio.get_running_loop().create_future()

    async def receive() -> Message:
        return messages.pop() if messages else await stays

    async def send(message: Message) -> None:
        if message.get("status", 200) != 200:
            raise RuntimeError(f"{body.path} answered {message['status']}")

    await app(scope, receive, send)


def _parts(models_dir: Path, manifest: Manifest) -> dict[str, float]:
    grey = golden_images(models_dir)[0]
    png, form = encode_png(grey), single_bodies(models_dir)["multipart"]
    read = ReadBody(form.content_type, form.content)
    reading, version = Reading(0, [0.1] * 10, True, 0.0), manifest.version
    return {
        "of_which_split_multipart_us": _call_us(lambda: split_multipart(read, "file", 1)),
        "of_which_decode_us": _call_us(lambda: decode(png)),
        "of_which_normalise_us": _call_us(lambda: normalise(grey)),
        "of_which_answer_us": _call_us(lambda: json_response(prediction(reading, version))),
    }


def _call_us(call: Callable[[], object]) -> float:
    least = float("inf")
    for _ in range(RUNS):
        started = time.thread_time()
        for _ in range(CALLS):
            call()
        least = min(least, time.thread_time() - started)
    return 1e6 * least / CALLS
