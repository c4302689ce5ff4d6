"""The Open Inference Protocol as its specification has it, and Triton's two extensions."""

from __future__ import annotations

import json
import struct
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from app.api.documentation import SEVEN
from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from app.main import create_app
from app.settings import Settings
from tests.conftest import client_of

MODEL = "/v2/models/digits"
INFER = f"{MODEL}/infer"
IMAGES = np.stack([SEVEN, SEVEN.T]).astype(np.float32) / np.float32(255)  # (2, 28, 28)
PROBABILITIES = FakeClassifier(Manifest.model_construct()).classify(IMAGES).probabilities  # type: ignore[call-arg]
CONTENT = IMAGES.astype("<f4").tobytes()
JSON_LENGTH = "Inference-Header-Content-Length"
VALUES = IMAGES.astype(float).ravel().tolist()


def tensor(**changes: object) -> dict[str, Any]:
    """The input of two images in JSON, with changes; what is None is left out."""
    whole = {"name": "image", "shape": [2, 28, 28], "datatype": "FP32", "data": VALUES} | changes
    return {key: value for key, value in whole.items() if value is not None}


def binary_tensor(**changes: object) -> dict[str, Any]:
    """The input of two images whose values follow the JSON."""
    return tensor(data=None, parameters={"binary_data_size": len(CONTENT)}, **changes)


async def infer_bytes(
    client: httpx.AsyncClient, body: dict[str, Any], content: bytes = CONTENT
) -> httpx.Response:
    """Send JSON with bytes after it."""
    header = json.dumps(body).encode()
    headers = {JSON_LENGTH: str(len(header))}
    return await client.post(INFER, content=header + content, headers=headers)


def taken_apart(response: httpx.Response) -> tuple[dict[str, Any], bytes]:
    """The JSON of an answer with bytes, and the bytes."""
    length = int(response.headers[JSON_LENGTH])
    return json.loads(response.content[:length]), response.content[length:]


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
async def test_server(client: httpx.AsyncClient, path: str) -> None:
    """The server tells its name, version and extensions."""
    answer = (await client.get(path)).json()
    assert answer["name"] == "rowscan"
    assert answer["extensions"] == ["binary_tensor_data", "classification"]


async def test_health(app: FastAPI, client: httpx.AsyncClient) -> None:
    """It is live and ready; when it stops it is live only."""
    assert (await client.get("/v2/health/live")).json() == {"live": True}
    assert (await client.get("/v2/health/ready")).json() == {"ready": True}
    assert (await client.get(f"{MODEL}/ready")).json() == {"name": "digits", "ready": True}
    app.state.service.begin_drain()
    assert (await client.get("/v2/health/live")).json() == {"live": True}
    response = await client.get("/v2/health/ready")
    assert (response.status_code, response.json()) == (503, {"ready": False})
    assert (await client.head("/v2/health/ready")).status_code == 503
    assert (await client.head("/v2/health/live")).status_code == 200
    response = await client.get(f"{MODEL}/ready")
    assert (response.status_code, response.headers["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("place", ["", "/versions/3"])
async def test_model(client: httpx.AsyncClient, place: str) -> None:
    """The model tells its tensors."""
    assert (await client.get(MODEL + place)).json() == {
        "name": "digits",
        "versions": ["3"],
        "platform": "tensorflow_savedmodel",
        "inputs": [{"name": "image", "datatype": "FP32", "shape": [-1, 28, 28]}],
        "outputs": [{"name": "probabilities", "datatype": "FP32", "shape": [-1, 10]}],
    }


@pytest.mark.parametrize("data", [VALUES, IMAGES.astype(float).tolist()], ids=["flat", "nested"])
async def test_infer(client: httpx.AsyncClient, data: object) -> None:
    """Values come flat or nested; the answer is flat, unrounded, with the request's id."""
    response = await client.post(INFER, json={"id": "7", "inputs": [tensor(data=data)]})
    assert response.json() == {
        "model_name": "digits",
        "model_version": "3",
        "id": "7",
        "outputs": [
            {
                "name": "probabilities",
                "datatype": "FP32",
                "shape": [2, 10],
                "data": PROBABILITIES.ravel().tolist(),
            }
        ],
    }


async def test_nulls_are_nothing(client: httpx.AsyncClient) -> None:
    """Clients that write out what is not set are understood; no id is answered with none."""
    nothing: dict[str, object] = {"id": None, "parameters": None, "outputs": []}
    body = {"inputs": [tensor() | {"parameters": None}], **nothing}
    response = await client.post(f"{MODEL}/versions/3/infer", json=body)
    assert response.status_code == 200
    assert "id" not in response.json()


async def test_binary(client: httpx.AsyncClient) -> None:
    """Bytes go in and, where it is asked for, come out."""
    body = {"inputs": [binary_tensor()], "parameters": {"binary_data_output": True}}
    answer, content = taken_apart(await infer_bytes(client, body))
    assert answer["outputs"][0]["parameters"] == {"binary_data_size": len(content)}
    assert content == PROBABILITIES.tobytes()


async def test_binary_output_of_json(client: httpx.AsyncClient) -> None:
    """The form of the output does not depend on that of the input."""
    wanted = {"name": "probabilities", "parameters": {"binary_data": True}}
    _, content = taken_apart(
        await client.post(INFER, json={"inputs": [tensor()], "outputs": [wanted]})
    )
    assert content == PROBABILITIES.tobytes()
    body = {"inputs": [binary_tensor()], "outputs": [{"name": "probabilities"}]}
    response = await infer_bytes(client, body)
    assert response.json()["outputs"][0]["data"] == PROBABILITIES.ravel().tolist()


async def test_classification(client: httpx.AsyncClient) -> None:
    """An output may be wanted as its likeliest classes, in JSON or as bytes."""
    digit = int(PROBABILITIES[0].argmax())
    for binary in (False, True):
        parameters = {"classification": 3, "binary_data": binary}
        body = {"inputs": [tensor()], "outputs": [{"name": "probabilities"}]}
        body["outputs"][0]["parameters"] = parameters
        response = await client.post(INFER, json=body)
        answer, content = taken_apart(response) if binary else (response.json(), b"")
        (output,) = answer["outputs"]
        assert (output["datatype"], output["shape"]) == ("BYTES", [2, 3])
        first = f"{PROBABILITIES[0, digit]:f}:{digit}:{digit}"
        if binary:
            (length,) = struct.unpack("<I", content[:4])
            assert content[4 : 4 + length].decode() == first
        else:
            assert output["data"][0] == first


BAD = {
    "empty": "",
    "no json": "{",
    "lone surrogate": r'{"id": "\ud800"}',
    "very deep": '{"inputs": ' + 40_000 * "[",
    "no object": "[]",
    "no inputs": {},
    "null inputs": {"inputs": None},
    "two inputs": {"inputs": [tensor(), tensor()]},
    "id no string": {"id": 7, "inputs": [tensor()]},
    "other input": {"inputs": [tensor(name="x")]},
    "other datatype": {"inputs": [tensor(datatype="UINT8")]},
    "shape of strings": {"inputs": [tensor(shape=["2", "28", "28"])]},
    "shape of floats": {"inputs": [tensor(shape=[2.5, 28, 28])]},
    "shape of huge numbers": {"inputs": [tensor(shape=[10**30, 28, 28])]},
    "flat shape": {"inputs": [tensor(shape=[2, 784])]},
    "no images": {"inputs": [tensor(shape=[0, 28, 28], data=[])]},
    "negative images": {"inputs": [tensor(shape=[-2, 28, 28])]},
    "one image too few": {"inputs": [tensor(shape=[3, 28, 28])]},
    "no data": {"inputs": [tensor(data=None)]},
    "empty data": {"inputs": [tensor(data=[])]},
    "strings": {"inputs": [tensor(data=["7"] * 1568)]},
    "ragged": {"inputs": [tensor(data=[[VALUES], VALUES])]},
    "NaN": {"inputs": [tensor(data=[float("nan"), *VALUES[1:]])]},
    "Infinity": {"inputs": [tensor(data=[float("inf"), *VALUES[1:]])]},
    "4000 digits": {"inputs": [tensor(data=[10**4000, *VALUES[1:]])]},
    "grey values": {"inputs": [tensor(data=[255, *VALUES[1:]])]},
    "shared memory": {"inputs": [tensor(parameters={"shared_memory_region": "x"})]},
    "data and a size": {"inputs": [tensor(parameters={"binary_data_size": 0})]},
    "bytes that are not there": {"inputs": [binary_tensor()]},
    "size no number": {"inputs": [tensor(parameters={"binary_data_size": "7"})]},
    "other output": {"inputs": [tensor()], "outputs": [{"name": "x"}]},
    "output twice": {"inputs": [tensor()], "outputs": 2 * [{"name": "probabilities"}]},
    **{
        f"{key} {value}": {
            "inputs": [tensor()],
            "outputs": [{"name": "probabilities", "parameters": {key: value}}],
        }
        for key, value in [
            ("binary_data", 1),
            ("classification", 0),
            ("classification", "3"),
            ("classification", True),
        ]
    },
}


@pytest.mark.parametrize("name", BAD)
async def test_bad_request(client: httpx.AsyncClient, name: str) -> None:
    """What cannot be read is a 400 that says why, in the protocol's shape."""
    body = BAD[name]
    response = await client.post(INFER, content=body if isinstance(body, str) else json.dumps(body))
    too_many = name == "shape of huge numbers"
    assert response.status_code == (413 if too_many else 400), response.text
    assert list(response.json()) == ["error"]
    assert len(response.content) < 600


@pytest.mark.parametrize("length", ["-1", "x", "1" * 30, "99999999", ""])
async def test_bad_length_of_json(client: httpx.AsyncClient, length: str) -> None:
    """A length of the JSON that cannot be is refused."""
    response = await client.post(INFER, content=b"{}", headers={JSON_LENGTH: length})
    assert response.status_code == 400
    assert JSON_LENGTH in response.json()["error"]


@pytest.mark.parametrize("size", [0, 4, len(CONTENT) - 4, len(CONTENT) + 4])
async def test_bad_number_of_bytes(client: httpx.AsyncClient, size: int) -> None:
    """The bytes must be those of the shape, whatever the size says."""
    content = (CONTENT + CONTENT)[:size]
    body = {"inputs": [tensor(data=None, parameters={"binary_data_size": size})]}
    assert (await infer_bytes(client, body, content)).status_code == 400


async def test_bytes_of_nan(client: httpx.AsyncClient) -> None:
    """NaN is refused as bytes too."""
    content = np.full_like(IMAGES, np.nan).tobytes()
    assert (await infer_bytes(client, {"inputs": [binary_tensor()]}, content)).status_code == 400


@pytest.mark.parametrize(
    "path", ["/v2/models/x", f"{MODEL}/versions/9", f"{MODEL}/versions/new", "/v2/models/x/ready"]
)
async def test_unknown_model(client: httpx.AsyncClient, path: str) -> None:
    """A model or version that is not served is a 404, for its metadata as for infer."""
    response = await client.get(path)
    assert response.status_code == 404
    assert "is not found" in response.json()["error"]


async def test_ready_with_a_full_queue(settings: Settings, classifier: FakeClassifier) -> None:
    """Being busy is no reason to be taken out."""
    app = create_app(settings.model_copy(update={"max_queue_images": 0}), classifier)
    async with client_of(app) as client:
        assert (await client.post(INFER, json={"inputs": [tensor()]})).status_code == 429
        assert (await client.get(f"{MODEL}/ready")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [("GET", INFER, "POST"), ("PUT", "/v2/health/live", "GET, HEAD")],
)
async def test_wrong_method(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    """Another method than the protocol has is a 405 that says which one it has."""
    response = await client.request(method, path)
    assert response.status_code == 405
    assert response.headers["Allow"] == allowed
    assert response.json() == {"error": f"Ask with {allowed} here."}


@pytest.mark.parametrize("path", ["/v2/repository/index", "/v2/models/digits/stats"])
async def test_nothing_there(client: httpx.AsyncClient, path: str) -> None:
    """What is not spoken here is a 404 in the protocol's shape."""
    response = await client.get(path)
    assert response.status_code == 404
    assert list(response.json()) == ["error"]


async def test_another_version_followed_meanwhile(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """Who asked for one version is not answered by another."""
    classifier.manifest = Manifest.model_construct(version=4, max_novelty=0.5)  # type: ignore[call-arg]
    response = await client.post(f"{MODEL}/versions/3/infer", json={"inputs": [tensor()]})
    assert response.status_code == 404
