"""POST /predict and /predict/batch when all is well."""

from __future__ import annotations

import base64
import gzip
import json
import zlib
from collections.abc import Callable
from typing import Any

import httpx
import numpy as np
import pytest
from numpy.typing import NDArray

from app.api.documentation import SEVEN
from app.api.explain import encode_png
from app.imaging import decode
from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from app.main import create_app
from app.settings import Settings
from tests.app import ways_in
from tests.app.ways_in import SEVEN_PNG
from tests.conftest import client_of

ONE = np.zeros((28, 28), np.uint8)
ONE[4:24, 13:16] = 255
ONE_PNG = encode_png(ONE)


async def predict(client: httpx.AsyncClient, request: ways_in.Request) -> dict[str, Any]:
    """The JSON of a good answer."""
    response = await client.post(**request)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


async def test_answer(client: httpx.AsyncClient) -> None:
    """An answer has the digit, how sure the network is of it, and of the others."""
    answer = await predict(client, ways_in.raw(SEVEN_PNG))
    assert list(answer) == [
        "digit",
        "confidence",
        "probabilities",
        "is_digit",
        "novelty",
        "model_version",
    ]
    assert answer["confidence"] == max(answer["probabilities"])
    assert answer["probabilities"][answer["digit"]] == answer["confidence"]
    assert sum(answer["probabilities"]) == pytest.approx(1, abs=1e-6)
    assert answer["is_digit"] is True
    assert answer["model_version"] == 3


@pytest.mark.parametrize(
    ("encoding", "compress"), [("gzip", gzip.compress), ("Deflate", zlib.compress)]
)
async def test_compressed(
    client: httpx.AsyncClient, encoding: str, compress: Callable[[bytes], bytes]
) -> None:
    """A body may come compressed."""
    expected = await predict(client, ways_in.raw(SEVEN_PNG))
    assert await predict(client, ways_in.compressed(compress(SEVEN_PNG), encoding)) == expected


@pytest.mark.parametrize("way", [way for way in ways_in.EVERY_WAY if "batch" not in way])
async def test_every_way_in_gives_the_same_answer(client: httpx.AsyncClient, way: str) -> None:
    """It does not matter how an image is sent."""
    expected = await client.post(**ways_in.raw(SEVEN_PNG))
    response = await client.post(**ways_in.EVERY_WAY[way])
    assert response.content == expected.content


@pytest.mark.parametrize("way", [way for way in ways_in.EVERY_WAY if "batch" in way])
async def test_batch_gives_the_same_answer(client: httpx.AsyncClient, way: str) -> None:
    """Nor whether it is sent alone or in a batch."""
    expected = await predict(client, ways_in.raw(SEVEN_PNG))
    assert await predict(client, ways_in.EVERY_WAY[way]) == {"predictions": [expected]}


@pytest.mark.parametrize(
    "content_type", ["image/png", "image/x-anything", "application/octet-stream", "IMAGE/PNG; a=b"]
)
async def test_content_types_of_bytes(client: httpx.AsyncClient, content_type: str) -> None:
    """The bytes say what they are; the Content-Type only that they are an image."""
    await predict(client, ways_in.raw(SEVEN_PNG, content_type))


async def test_bytes_without_content_type(client: httpx.AsyncClient) -> None:
    """Bytes that do not say what they are may be an image."""
    await predict(client, {"url": "/predict", "content": SEVEN_PNG})


async def test_other_parts_are_skipped(client: httpx.AsyncClient) -> None:
    """A form may have other fields beside the file."""
    request = ways_in.multipart(SEVEN_PNG) | {"data": {"comment": "a seven"}}
    await predict(client, request)


async def test_base64_as_tools_write_it(client: httpx.AsyncClient) -> None:
    """Wrapped lines and the head of a data URL are read."""
    text = base64.encodebytes(SEVEN_PNG).decode()
    for image in (text, "data:image/png;base64," + text):
        await predict(client, {"url": "/predict", "json": {"image": image}})


@pytest.mark.parametrize("digits", [9, 310, 401, 4000])
async def test_endless_patience(client: httpx.AsyncClient, digits: int) -> None:
    """Who allows more time than the service takes anyway is answered, however much it is."""
    headers = {"X-Deadline-Ms": digits * "9"}
    await predict(client, ways_in.multipart(SEVEN_PNG) | {"headers": headers})


async def test_large_images_are_decoded_beside_the_event_loop(client: httpx.AsyncClient) -> None:
    """A photograph's size goes another way to the same answer."""
    noise = np.random.default_rng(0).integers(0, 50, (350, 350), np.uint8)
    noise[100:300, 180:220] = 255
    large = encode_png(noise)
    assert len(large) > 64 * 1024
    answer = await predict(client, ways_in.raw(large))
    assert answer == await predict(client, ways_in.multipart(large))


def novelty_of(image: NDArray[np.uint8], classifier: FakeClassifier) -> float:
    """What the network says of an image (28, 28) that goes through as it is."""
    pixels = image.astype(np.float32) / np.float32(255)
    return float(classifier.classify(pixels[np.newaxis]).novelty[0])


@pytest.mark.parametrize(("margin", "is_digit"), [(0.0, True), (-1e-6, False)])
async def test_too_novel_is_no_digit(
    settings: Settings, manifest: Manifest, margin: float, is_digit: bool
) -> None:
    """Novelty up to the threshold of the version is a digit's; anything above is not."""
    novelty = novelty_of(SEVEN, FakeClassifier(manifest))
    demanding = FakeClassifier(manifest.model_copy(update={"max_novelty": novelty + margin}))
    async with client_of(create_app(settings, demanding)) as client:
        answer = await predict(client, ways_in.raw(SEVEN_PNG))
    assert answer["is_digit"] is is_digit
    assert answer["novelty"] == pytest.approx(novelty, abs=1e-8)


async def test_novelty_is_of_the_image_beside_it(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """In a batch, with a bad picture between, each answer has the novelty of its own image."""
    request = ways_in.batch_multipart(SEVEN_PNG, b"x", ONE_PNG)
    first, _, third = (await predict(client, request))["predictions"]
    assert first["novelty"] == pytest.approx(novelty_of(SEVEN, classifier), abs=1e-8)
    assert third["novelty"] == pytest.approx(novelty_of(ONE, classifier), abs=1e-8)


async def test_explaining_tells_the_novelty_of_the_whole(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """Of the picture's 28 stages, the last one's counts."""
    answer = await predict(client, ways_in.raw(SEVEN_PNG) | {"params": {"explain": "true"}})
    assert answer["novelty"] == pytest.approx(novelty_of(SEVEN, classifier), abs=1e-8)


async def test_explain_shows_what_was_seen(client: httpx.AsyncClient) -> None:
    """?explain=true returns the very image that the network read, and how it came about."""
    answer = await predict(client, ways_in.raw(SEVEN_PNG) | {"params": {"explain": "true"}})
    head, _, data = answer["seen"]["image"].partition(",")
    assert head == "data:image/png;base64"
    np.testing.assert_array_equal(decode(base64.b64decode(data)), SEVEN)
    assert answer["seen"]["inverted"] is False
    assert list(answer["seen"]["box"]) == ["left", "top", "right", "bottom"]


async def test_explain_shows_the_opinion_after_each_row(
    client: httpx.AsyncClient, classifier: FakeClassifier
) -> None:
    """Row k is what the network says when all below row k is blank; the last is the answer."""
    answer = await predict(client, ways_in.raw(SEVEN_PNG) | {"params": {"explain": "true"}})
    half = SEVEN.astype(np.float32) / np.float32(255)
    half[14:] = 0
    expected = classifier.classify(half[np.newaxis]).probabilities[0]
    np.testing.assert_allclose(answer["rows"][13], expected, atol=1e-6)
    assert len(answer["rows"]) == 28
    assert answer["rows"][27] == answer["probabilities"]


async def test_explaining_changes_no_answer(client: httpx.AsyncClient) -> None:
    """The same answer, with more to it."""
    plain = await predict(client, ways_in.raw(SEVEN_PNG))
    explained = await predict(client, ways_in.raw(SEVEN_PNG) | {"params": {"explain": "true"}})
    assert explained | plain == explained


async def test_batch_keeps_the_order(client: httpx.AsyncClient) -> None:
    """The answers stand where their images stood."""
    seven = await predict(client, ways_in.raw(SEVEN_PNG))
    one = await predict(client, ways_in.raw(ONE_PNG))
    files = [SEVEN_PNG, ONE_PNG, ONE_PNG, SEVEN_PNG]
    expected = [seven, one, one, seven]
    assert seven != one
    for request in (
        ways_in.batch_multipart(*files),
        ways_in.batch_json(*files),
        ways_in.batch_npy(np.stack([SEVEN, ONE, ONE, SEVEN])),
        ways_in.batch_npy(np.asfortranarray(np.stack([SEVEN, ONE, ONE, SEVEN]))),
        ways_in.batch_npy(np.stack([SEVEN, ONE, ONE, SEVEN]), "application/octet-stream"),
    ):
        assert (await predict(client, request))["predictions"] == expected


async def test_bad_item_of_a_batch_has_its_own_problem(client: httpx.AsyncClient) -> None:
    """One that cannot be read has a problem in its place; the others are answered."""
    seven = await predict(client, ways_in.raw(SEVEN_PNG))
    blank = encode_png(np.zeros((28, 28), np.uint8))
    response = await client.post(**ways_in.batch_multipart(SEVEN_PNG, blank, b"x", SEVEN_PNG))
    first, second, third, fourth = response.json()["predictions"]
    assert first == fourth == seven
    assert second["type"] == "/problems/blank-image"
    assert third["type"] == "/problems/unsupported-image"
    assert third["request_id"] == response.headers["X-Request-ID"]


async def test_batch_json_items_fail_one_by_one(client: httpx.AsyncClient) -> None:
    """Items of the wrong kind, NaN among them, do not spoil the list."""
    row = [0] * 28
    items = [SEVEN.tolist(), "7", None, [row] * 27, [[float("nan")] * 28] * 28, [[256] * 28] * 28]
    response = await client.post(
        "/predict/batch",
        content=json.dumps({"pixels": items}),
        headers={"Content-Type": "application/json"},
    )
    statuses = [item.get("status") for item in response.json()["predictions"]]
    assert statuses == [None, 422, 422, 422, 422, 422]
    assert response.json()["predictions"][5]["detail"].startswith("pixels[5][0][0]: ")


async def test_batch_of_bad_items_only(client: httpx.AsyncClient) -> None:
    """Nothing to ask the network is not a failure of the request."""
    answer = await predict(client, ways_in.batch_multipart(b"x", b"y"))
    assert [item["status"] for item in answer["predictions"]] == [415, 415]


async def test_pixels_as_floats(client: httpx.AsyncClient) -> None:
    """Fractions of a grey value are rounded to the nearest."""
    expected = await client.post(**ways_in.json_pixels(SEVEN.tolist()))
    nearby = np.clip(SEVEN.astype(float) + 0.3, 0, 255)
    response = await client.post(**ways_in.json_pixels(nearby.tolist()))
    assert response.content == expected.content
