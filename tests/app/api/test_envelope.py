"""What every response carries, and what happens when nothing goes as planned."""

from __future__ import annotations

import asyncio
import logging
import re

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message, Receive, Scope

from tests.app import ways_in
from tests.app.scraped import scrape
from tests.app.ways_in import SEVEN_PNG
from tests.conftest import client_of


@pytest.mark.parametrize("sent", ["a", "x" * 128, "Az-09_.b"])
async def test_sound_request_id_is_kept(client: httpx.AsyncClient, sent: str) -> None:
    """A client can give its request a name."""
    response = await client.get("/health/live", headers={"X-Request-ID": sent})
    assert response.headers["X-Request-ID"] == sent


@pytest.mark.parametrize("sent", ["", "x" * 129, "a b", "<script>", "é".encode()])
async def test_unsound_request_id_is_replaced(client: httpx.AsyncClient, sent: str) -> None:
    """What could not be logged safely is replaced by an id made here."""
    response = await client.get("/health/live", headers={"X-Request-ID": sent})
    assert re.fullmatch("[0-9a-f]{32}", response.headers["X-Request-ID"])


@pytest.mark.parametrize("path", ["/health", "/nowhere", "/predict", "/openapi.json"])
async def test_every_response_has_both_headers(client: httpx.AsyncClient, path: str) -> None:
    """Whatever the answer, it can be found in the logs and its time is known."""
    response = await client.get(path)
    assert response.headers["X-Request-ID"]
    assert re.fullmatch(r"total;dur=\d+\.\d{3}", response.headers["Server-Timing"])


async def test_problem_names_its_request(client: httpx.AsyncClient) -> None:
    """The id in the body is the one in the header."""
    response = await client.get("/nowhere", headers={"X-Request-ID": "mine"})
    assert response.json()["request_id"] == "mine"


async def test_server_timing_of_a_prediction(client: httpx.AsyncClient) -> None:
    """A prediction tells where its time went and how many rode in its batch."""
    response = await client.post(**ways_in.raw(SEVEN_PNG))
    number = r"\d+\.\d{3}"
    assert re.fullmatch(
        f"decode;dur={number}, queue;dur={number}, "
        f'infer;desc="batch of 1";dur={number}, total;dur={number}',
        response.headers["Server-Timing"],
    )


async def test_last_resort(app: FastAPI, caplog: pytest.LogCaptureFixture) -> None:
    """An error that nobody foresaw is a 500 problem; the log has its trace and the id."""

    @app.get("/broken")
    async def broken() -> None:
        raise ZeroDivisionError("secret")

    async with client_of(app) as client:
        with caplog.at_level(logging.ERROR):
            response = await client.get("/broken", headers={"X-Request-ID": "mine"})
        assert response.status_code == 500
        assert response.headers["content-type"] == "application/problem+json"
        assert response.json()["type"] == "/problems/internal"
        assert response.headers["X-Request-ID"] == "mine"
        assert "secret" not in response.text
        record = next(each for each in caplog.records if each.name == "app.api.envelope")
        assert vars(record)["fields"] == {"request_id": "mine"}
        assert "ZeroDivisionError" in caplog.text
        assert (await client.post(**ways_in.raw(SEVEN_PNG))).status_code == 200


def messages(*received: Message) -> Receive:
    """What a server passes on, one by one."""
    remaining = iter(received)

    async def receive() -> Message:
        return next(remaining)

    return receive


async def call(app: FastAPI, headers: list[tuple[bytes, bytes]], receive: Receive) -> list[Message]:
    """POST /predict at the level of ASGI; what was sent back."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": "POST",
        "path": "/predict",
        "raw_path": b"/predict",
        "query_string": b"",
        "headers": [(b"content-type", b"image/png"), *headers],
    }
    await app(scope, receive, send)
    return sent


async def test_client_that_leaves_in_the_middle(
    app: FastAPI, client: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    """A body that breaks off is dropped without a word."""
    sent = await call(
        app,
        [],
        messages(
            {"type": "http.request", "body": SEVEN_PNG[:50], "more_body": True},
            {"type": "http.disconnect"},
        ),
    )
    assert sent == []
    assert caplog.text == ""
    assert (await scrape(client)).value("requests_total", route="/predict", status="499") == 1


@pytest.mark.usefixtures("client")
async def test_declared_size_is_refused_unread(app: FastAPI) -> None:
    """A body that says that it is too large is not read at all."""
    sent = await call(app, [(b"content-length", b"100001")], messages())
    assert sent[0]["status"] == 413


@pytest.mark.usefixtures("client")
async def test_undeclared_size_is_counted(app: FastAPI) -> None:
    """A body that does not say how large it is, or lies, is read up to the limit."""
    chunk: Message = {"type": "http.request", "body": bytes(60_000), "more_body": True}
    for headers in ([], [(b"content-length", b"10")]):
        sent = await call(app, headers, messages(chunk, chunk))
        assert sent[0]["status"] == 413


async def stall() -> Message:
    """A client that sends nothing more."""
    await asyncio.sleep(10)
    raise AssertionError("waited for longer than the deadline")


@pytest.mark.usefixtures("client")
async def test_request_cut_off_by_the_stop(app: FastAPI) -> None:
    """When the server stops before a request is complete, its client is told to go elsewhere."""
    request = asyncio.create_task(call(app, [], stall))
    await asyncio.sleep(0.01)
    request.cancel()
    assert (await request)[0]["status"] == 503


@pytest.mark.usefixtures("client")
async def test_body_that_never_ends(app: FastAPI) -> None:
    """A client that stalls in the middle of its body is given up at its deadline."""
    sent = await call(app, [(b"x-deadline-ms", b"20")], receive=stall)
    assert sent[0]["status"] == 504
