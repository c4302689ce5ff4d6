"""Requests as clients of TensorFlow Serving send them, good and bad, and what that server answers.

The texts are those of its source (json_tensor.cc, http_rest_api_util.cc, get_model_status_impl.cc,
basic_manager.cc), without what it repeats of the body.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from app.api.documentation import SEVEN
from app.api.tensorflow_schemas import METADATA
from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from tests.app.ways_in import EVERY_WAY

MODEL = "/v1/models/digits"
PREDICT = f"{MODEL}:predict"
IMAGE = SEVEN / 255.0  # (28, 28)
ROWS = IMAGE.tolist()
SCORES = FakeClassifier(Manifest.model_construct()).classify(  # type: ignore[call-arg]
    IMAGE[np.newaxis].astype(np.float32)
)
SEVENS = SCORES.probabilities.tolist()
NOVELTY = SCORES.novelty.tolist()
CURL = "application/x-www-form-urlencoded"  # what `curl -d` says of everything

AVAILABLE = {
    "model_version_status": [
        {
            "version": "3",
            "state": "AVAILABLE",
            "status": {"error_code": "OK", "error_message": ""},
        }
    ]
}


class Recorded(NamedTuple):
    """A request and its answer: the whole of a good one, the beginning of an error's text."""

    name: str
    method: str
    path: str
    body: str | bytes
    status: int
    answer: dict[str, Any] | str
    content_type: str = CURL


def predict(name: str, body: object, status: int, answer: dict[str, Any] | str) -> Recorded:
    """A predict request without a version."""
    sent = body if isinstance(body, (str, bytes)) else json.dumps(body)
    return Recorded(name, "POST", PREDICT, sent, status, answer)


def changed(value: object) -> list[list[object]]:
    """The seven with something else in the place of one number."""
    rows: list[list[object]] = IMAGE.tolist()
    rows[3][4] = value
    return rows


ELEMENT = "Failed to process element: 0 of 'instances' list. Error: INVALID_ARGUMENT: "
TYPE = "JSON Value: … Type:"
NOT_A_FLOAT = " is not of expected type: float"
BODY = json.dumps({"instances": [ROWS]})
GOOD = [
    predict("row", {"instances": [ROWS]}, 200, {"predictions": SEVENS}),
    predict("rows", {"instances": [ROWS, ROWS]}, 200, {"predictions": 2 * SEVENS}),
    predict("named rows", {"instances": [{"image": ROWS}]}, 200, {"predictions": SEVENS}),
    predict("column", {"inputs": [ROWS]}, 200, {"outputs": SEVENS}),
    predict("named column", {"inputs": {"image": [ROWS]}}, 200, {"outputs": SEVENS}),
    predict(
        "signature",
        {"signature_name": "serving_default", "instances": [ROWS]},
        200,
        {"predictions": SEVENS},
    ),
    predict(
        "rows of two outputs",
        {"signature_name": "serving_novelty", "instances": [ROWS]},
        200,
        {"predictions": [{"probabilities": SEVENS[0], "novelty": NOVELTY[0]}]},
    ),
    predict(
        "columns of two outputs",
        {"signature_name": "serving_novelty", "inputs": [ROWS]},
        200,
        {"outputs": {"probabilities": SEVENS, "novelty": NOVELTY}},
    ),
    Recorded("as JSON", "POST", PREDICT, BODY, 200, {"predictions": SEVENS}, "application/json"),
    Recorded("no content type", "POST", PREDICT, BODY, 200, {"predictions": SEVENS}, ""),
    Recorded("version", "POST", f"{MODEL}/versions/3:predict", BODY, 200, {"predictions": SEVENS}),
    Recorded("label", "POST", f"{MODEL}/labels/stable:predict", BODY, 200, {"predictions": SEVENS}),
    Recorded("status", "GET", MODEL, "", 200, AVAILABLE),
    Recorded("status of a version", "GET", f"{MODEL}/versions/3", "", 200, AVAILABLE),
    Recorded("status of a label", "GET", f"{MODEL}/labels/stable", "", 200, AVAILABLE),
]
BAD_JSON = [
    predict("empty", "", 400, "JSON Parse error: The document is empty"),
    predict("no json", "instances = [1, 2]", 400, "JSON Parse error: "),
    predict("breaks off", BODY[:-9], 400, "JSON Parse error: "),
    predict("not utf-8", b'{"instances": ["\xff"]}', 400, "JSON Parse error: "),
    predict("lone surrogate", r'{"instances": ["\ud800"]}', 400, "JSON Parse error: "),
    predict("very deep", '{"instances": ' + 40_000 * "[", 400, "JSON Parse error: "),
    predict("list", [ROWS], 400, "JSON Value: Is not object"),
    predict("neither key", {}, 400, "Missing 'inputs' or 'instances' key"),
    predict(
        "both keys",
        {"instances": [ROWS], "inputs": [ROWS]},
        400,
        "JSON Value: Not formatted correctly expecting only one of 'inputs' or 'instances' keys",
    ),
    predict(
        "instances no list",
        {"instances": {"image": [ROWS]}},
        400,
        "JSON Value: Excepting 'instances' to be an list/array",
    ),
    predict("no instances", {"instances": []}, 400, "JSON Value: No values in 'instances' array"),
    predict("no inputs", {"inputs": []}, 400, "JSON Value: No values in 'inputs' array"),
    predict("other input", {"inputs": {"x": []}}, 400, "Missing named input: image in 'inputs'"),
    predict(
        "other name in a row",
        {"instances": [{"x": ROWS}]},
        400,
        "Failed to process element: 0 key: x of 'instances' list. Error: INVALID_ARGUMENT: "
        "JSON object: does not have named input: x",
    ),
    predict(
        "no name in a row",
        {"instances": [{}]},
        400,
        "Failed to process element: 0 of 'instances' list. "
        "JSON object: {} must only have keys: image",
    ),
    predict(
        "bare after named",
        {"instances": [{"image": ROWS}, ROWS]},
        400,
        "Expecting object but got list at item 1 of input list",
    ),
    predict(
        "named after bare",
        {"instances": [ROWS, {"image": ROWS}]},
        400,
        "Expecting value/list but got object at item 1 of input list",
    ),
    predict(
        "signature no string",
        {"signature_name": 100},
        400,
        "JSON Value: … not formatted correctly. 'signature_name' key must be a string value.",
    ),
    predict(
        "unknown signature",
        {"signature_name": "x", "instances": [ROWS]},
        400,
        'Serving signature name: "x" not found in signature def',
    ),
]
BAD_VALUES = [
    predict(
        "number", {"instances": [7]}, 400, f"{ELEMENT}JSON Value: … found at incorrect level: 1"
    ),
    predict("string", {"instances": [changed("7")]}, 400, f"{ELEMENT}{TYPE} String"),
    predict("base64", {"instances": [{"b64": "Nw=="}]}, 400, f"{ELEMENT}{TYPE} Object"),
    predict("true", {"inputs": [changed(True)]}, 400, f"{TYPE} True{NOT_A_FLOAT}"),
    predict("false", {"inputs": [changed(False)]}, 400, f"{TYPE} False{NOT_A_FLOAT}"),
    predict("null", {"inputs": [changed(None)]}, 400, f"{TYPE} Null{NOT_A_FLOAT}"),
    predict("too deep", {"inputs": [changed([7])]}, 400, "Encountered list at unexpected level: 3"),
    predict(
        "27 rows",
        {"instances": [ROWS, ROWS[:27]]},
        400,
        "Failed to process element: 1 of 'instances' list. Error: INVALID_ARGUMENT: "
        "Encountered list at unexpected size: 27 at level: 0 expected size: 28",
    ),
    predict("one bare image", {"inputs": ROWS}, 400, "JSON Value: … found at incorrect level: 3"),
    predict("inputs a number", {"inputs": 7}, 400, "JSON Value: … found at incorrect level: 1"),
    predict("NaN", {"instances": [changed(float("nan"))]}, 400, f"{ELEMENT}The values must be"),
    predict("infinity", {"inputs": [changed(float("inf"))]}, 400, "The values must be from 0 to"),
    predict("grey values", {"instances": [SEVEN.tolist()]}, 400, f"{ELEMENT}The values must be"),
    predict("4000 digits", {"inputs": [changed(10**4000)]}, 400, "The values must be from 0 to"),
    predict("41 images", {"instances": 41 * [7]}, 413, "Too many images. Send at most 40 at once."),
    predict("41 by column", {"inputs": 41 * [7]}, 413, "Too many images. Send at most 40 at once."),
    predict("many values", "[" + 99_000 * ",", 413, "The JSON has more values than 40 × 28 × 28"),
    predict("body over the limit", bytes(100_001), 413, "The body is larger than 100000 bytes."),
]
BAD_PLACES = [
    Recorded(
        "unknown model",
        "POST",
        "/v1/models/x:predict",
        BODY,
        404,
        "Servable not found for request: Latest(x)",
    ),
    Recorded(
        "unknown version",
        "POST",
        f"{MODEL}/versions/9:predict",
        BODY,
        404,
        "Servable not found for request: Specific(digits, 9)",
    ),
    Recorded(
        "unknown label",
        "POST",
        f"{MODEL}/labels/canary:predict",
        BODY,
        400,
        "Unrecognized servable version label: canary",
    ),
    Recorded(
        "version no number",
        "POST",
        f"{MODEL}/versions/new:predict",
        BODY,
        400,
        "Malformed request: POST /v1/models/digits/versions/new:predict",
    ),
    Recorded(
        "version beyond 64 bits",
        "POST",
        f"{MODEL}/versions/{2**64 - 1}:predict",
        BODY,
        400,
        "Failed to convert version: 18446744073709551615 to numeric.",
    ),
    Recorded(
        "version of 5000 digits",
        "GET",
        f"{MODEL}/versions/{5000 * '9'}",
        "",
        400,
        "Failed to convert version: 9",
    ),
    Recorded(
        "status of an unknown model",
        "GET",
        "/v1/models/x",
        "",
        404,
        "Could not find any versions of model x",
    ),
    Recorded(
        "status of an unknown version",
        "GET",
        f"{MODEL}/versions/9",
        "",
        404,
        "Could not find version 9 of model digits",
    ),
    Recorded(
        "metadata of an unknown model",
        "GET",
        "/v1/models/x/metadata",
        "",
        404,
        "Servable not found for request: Latest(x)",
    ),
    Recorded("no model", "GET", "/v1/models", "", 400, "Missing model name in request."),
    Recorded("another path", "POST", "/v1/foo", "", 400, "Malformed request: POST /v1/foo"),
    Recorded("get of predict", "GET", PREDICT, "", 400, f"Malformed request: GET {PREDICT}"),
    Recorded("put", "PUT", MODEL, "", 400, f"Malformed request: PUT {MODEL}"),
    Recorded(
        "classify",
        "POST",
        f"{MODEL}:classify",
        "{}",
        400,
        "Expected classification signature method_name to be tensorflow/serving/classify. Was: ",
    ),
    Recorded(
        "regress",
        "POST",
        f"{MODEL}:regress",
        "{}",
        400,
        "Expected regression signature method_name to be tensorflow/serving/regress. Was: ",
    ),
]
TABLE = [*GOOD, *BAD_JSON, *BAD_VALUES, *BAD_PLACES]


@pytest.mark.parametrize("recorded", TABLE, ids=[recorded.name for recorded in TABLE])
async def test_recorded_request(client: httpx.AsyncClient, recorded: Recorded) -> None:
    """Each request gets the status and the body that TensorFlow Serving gives."""
    response = await client.request(
        recorded.method,
        recorded.path,
        content=recorded.body,
        headers={"Content-Type": recorded.content_type},
    )
    body = response.json()
    assert response.status_code == recorded.status, body
    assert response.headers["content-type"] == "application/json"
    if isinstance(recorded.answer, str):
        assert list(body) == ["error"]
        assert body["error"].startswith(recorded.answer)
        assert len(body["error"]) <= 500
    else:
        assert body == recorded.answer


async def test_rounding_beyond_the_range(client: httpx.AsyncClient) -> None:
    """What resizing in float32 leaves beyond 0 and 1 is taken for these."""
    answers = [
        await client.post(PREDICT, json={"instances": [changed(value)]})
        for value in (0, -1e-7, 1, 1.0000001)
    ]
    zero, below, one, above = [answer.json()["predictions"] for answer in answers]
    assert (below, above) == (zero, one)
    assert zero != one


@pytest.mark.parametrize("place", ["", "/versions/3", "/labels/stable"])
async def test_metadata(client: httpx.AsyncClient, place: str) -> None:
    """The signatures are shown as protocol buffers in JSON: nested twice, sizes as strings."""
    answer = (await client.get(f"{MODEL}{place}/metadata")).json()
    assert answer["model_spec"] == {"name": "digits", "signature_name": "", "version": "3"}
    signatures = answer["metadata"]["signature_def"]["signature_def"]
    assert list(signatures) == ["serving_default", "serving_novelty"]
    shown: Any = METADATA["metadata"]
    assert (
        signatures["serving_default"] == shown["signature_def"]["signature_def"]["serving_default"]
    )
    sizes = signatures["serving_default"]["inputs"]["image"]["tensor_shape"]["dim"]
    assert sizes == [{"size": size, "name": ""} for size in ("-1", "28", "28")]
    assert list(signatures["serving_novelty"]["outputs"]) == ["probabilities", "novelty"]


async def test_state_while_stopping(app: FastAPI, client: httpx.AsyncClient) -> None:
    """A version that goes is UNLOADING, still described, and answers no more."""
    app.state.service.begin_drain()
    status = (await client.get(MODEL)).json()["model_version_status"]
    assert [version["state"] for version in status] == ["UNLOADING"]
    assert (await client.get(f"{MODEL}/metadata")).status_code == 200
    response = await client.post(PREDICT, content=BODY)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"
    assert list(response.json()) == ["error"]


async def test_state_of_a_refused_version(app: FastAPI, client: httpx.AsyncClient) -> None:
    """A version that was passed over has ended, and says why."""
    app.state.service.refused = {4: "broken"}
    refused, served = (await client.get(MODEL)).json()["model_version_status"]
    assert refused["version"] == "4"
    assert refused["state"] == "END"
    assert refused["status"]["error_message"] == "broken"
    assert served == AVAILABLE["model_version_status"][0]


@pytest.mark.parametrize("path", [MODEL, f"{MODEL}/versions/3", f"{MODEL}/metadata"])
async def test_before_a_model_is_loaded(app: FastAPI, path: str) -> None:
    """Nothing is known of any version yet: try again."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://x") as client:
        response = await client.get(path)
    assert response.status_code == 503
    assert response.headers["Retry-After"] == "1"


async def test_queue_full(
    app: FastAPI, client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """When all places in the queue are taken: 429, and when to try again."""
    classifier.gate.clear()
    batcher = app.state.service.model().batcher
    running = asyncio.create_task(client.post(**EVERY_WAY["raw"]))
    await asyncio.to_thread(classifier.entered.wait, 10)
    images = np.zeros((40, 28, 28), np.float32)
    filling = batcher.submit(images, asyncio.get_running_loop().time() + 60)
    while batcher.queued_images < 40:  # noqa: ASYNC110 - the batcher tells nobody of this
        await asyncio.sleep(0.001)
    response = await client.post(PREDICT, content=BODY)
    classifier.gate.set()
    await asyncio.gather(running, filling)
    assert response.status_code == 429
    assert response.headers["Retry-After"] == "1"
    assert list(response.json()) == ["error"]


async def test_another_version_followed_meanwhile(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """Who asked for one version is not answered by another."""
    classifier.gate.clear()
    asking = asyncio.create_task(client.post(f"{MODEL}/versions/3:predict", content=BODY))
    await asyncio.to_thread(classifier.entered.wait, 10)
    classifier.manifest = Manifest.model_construct(version=4, max_novelty=0.5)  # type: ignore[call-arg]
    classifier.gate.set()
    assert (await asking).status_code == 404
