"""The short way and the framework's way are one: nobody can tell which one a request took."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from app.schemas import BatchPrediction, Prediction
from tests.app import ways_in
from tests.app.ways_in import EVERY_WAY, SEVEN_PNG

A_QUERY = {"unknown": "1"}  # which the framework reads, and passes over


def without_own(response: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    """All of a response but what differs from one request to the next."""
    headers = dict(response.headers)
    headers.pop("server-timing")
    return response.status_code, headers, response.content


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_both_ways_give_the_same_answer(client: httpx.AsyncClient, way: str) -> None:
    """Good answers are the same to the byte, headers included."""
    request = EVERY_WAY[way]
    request = request | {"headers": request.get("headers", {}) | {"X-Request-ID": "mine"}}
    short, long = await client.post(**request), await client.post(**request, params=A_QUERY)
    assert short.status_code == 200
    assert without_own(short) == without_own(long)


@pytest.mark.parametrize(
    "request_",
    [
        ways_in.raw(b""),
        ways_in.raw(b"no image"),
        ways_in.raw(SEVEN_PNG, "text/plain"),
        ways_in.raw(SEVEN_PNG) | {"url": "/predict/batch"},
    ],
)
async def test_both_ways_give_the_same_problem(
    client: httpx.AsyncClient, request_: dict[str, Any]
) -> None:
    """So are problems."""
    request = request_ | {"headers": request_["headers"] | {"X-Request-ID": "mine"}}
    short, long = await client.post(**request), await client.post(**request, params=A_QUERY)
    assert short.status_code >= 400
    assert without_own(short) == without_own(long)


async def test_parameters_are_heeded(client: httpx.AsyncClient) -> None:
    """A query and X-Deadline-Ms take the way on which they are read."""
    explained = await client.post(**ways_in.raw(SEVEN_PNG), params={"explain": "true"})
    assert "rows" in explained.json()
    for wrong in ("0", "soon"):
        hurried = ways_in.raw(SEVEN_PNG)["headers"] | {"X-Deadline-Ms": wrong}
        refused = await client.post("/predict", content=SEVEN_PNG, headers=hurried)
        assert refused.status_code == 422
        assert refused.json()["detail"].startswith("header X-Deadline-Ms: Input should be ")


async def test_answers_are_what_the_schemas_say(client: httpx.AsyncClient) -> None:
    """Each key of the documented models and no other, in their order, one problem included."""
    single = await client.post(**ways_in.raw(SEVEN_PNG))
    explained = await client.post(**ways_in.raw(SEVEN_PNG), params={"explain": "1"})
    for response in (single, explained):
        model = Prediction.model_validate_json(response.content, strict=True)
        assert model.model_dump_json(exclude_none=True) == response.text
    many = await client.post(**ways_in.batch_multipart(SEVEN_PNG, b"x", SEVEN_PNG))
    batch = BatchPrediction.model_validate_json(many.content, strict=True)
    assert batch.model_dump_json(exclude_none=True) == many.text


async def test_other_methods_are_the_frameworks(app: FastAPI, client: httpx.AsyncClient) -> None:
    """GET on the same path is refused as before, and the routes are still documented."""
    wrong = await client.get("/predict")
    assert wrong.status_code == 405
    assert wrong.json()["detail"] == "Ask with POST here."
    assert {"/predict", "/predict/batch"} <= set(app.openapi()["paths"])
