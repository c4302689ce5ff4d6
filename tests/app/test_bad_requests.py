"""Bad requests, in every way in: each with its exact status and problem, and nothing lost by it."""

from __future__ import annotations

import asyncio
import gzip
import io
import json
import struct
import zlib
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from PIL import Image

from app.api.documentation import SEVEN
from app.api.explain import encode_png
from app.inference.fake import FakeClassifier
from tests.app import ways_in
from tests.app.ways_in import EVERY_WAY, SEVEN_PNG, Request, compressed

MALFORMED = (400, "/problems/malformed-request")
INVALID = (422, "/problems/invalid-input")
TOO_LARGE = (413, "/problems/payload-too-large")
UNSUPPORTED = (415, "/problems/unsupported-image")
UNDECODABLE = (422, "/problems/undecodable-image")
BLANK = (422, "/problems/blank-image")
QUEUE_FULL = (429, "/problems/queue-full")
DRAINING = (503, "/problems/draining")
DEADLINE = (504, "/problems/deadline-exceeded")
NOT_FOUND = (404, "/problems/not-found")
WRONG_METHOD = (405, "/problems/method-not-allowed")

MAX_PROBLEM_BYTES = 1024


class Bad(NamedTuple):
    """A request that must be refused."""

    name: str
    request: Request
    expected: tuple[int, str]


def encode(kind: str, image: Image.Image | None = None, **options: Any) -> bytes:  # noqa: ANN401 - Pillow's
    """The seven, or another image, as a file."""
    file = io.BytesIO()
    (image or Image.fromarray(SEVEN)).save(file, kind, **options)
    return file.getvalue()


def animated(kind: str) -> bytes:
    """Two frames."""
    frames = [Image.fromarray(SEVEN), Image.fromarray(255 - SEVEN)]
    return encode(kind, frames[0], save_all=True, append_images=frames[1:])


def declared_png(width: int, height: int) -> bytes:
    """A PNG whose header claims a size, with nothing behind it."""
    head = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return SEVEN_PNG[:12] + head + struct.pack(">I", zlib.crc32(head)) + SEVEN_PNG[33:]


def two_headed_png(first: int, second: int) -> bytes:
    """A PNG of one side that says in a second header that it is of another."""
    head, tail = declared_png(first, first)[:33], encode_png(np.full((second, second), 9, np.uint8))
    return head + tail[8:]


def as_if_28(data: bytes) -> bytes:
    """The file with a PNG's size where a PNG has it."""
    return data[:12] + b"IHDR" + struct.pack(">II", 28, 28) + data[24:]


def json_body(text: str | bytes, url: str = "/predict") -> Request:
    """A JSON body, as written."""
    return {"url": url, "content": text, "headers": {"Content-Type": "application/json"}}


def multipart_body(
    body: bytes, content_type: str = "multipart/form-data; boundary=b", url: str = "/predict"
) -> Request:
    """A multipart body, as written."""
    return {"url": url, "content": body, "headers": {"Content-Type": content_type}}


def npy_body(header: bytes, content: bytes = b"") -> Request:
    """A .npy file with any header."""
    data = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + content
    return ways_in.raw(data, "application/x-npy") | {"url": "/predict/batch"}


def pixels(change: object) -> Request:
    """The seven's pixels with one of them changed, NaN and infinities included."""
    grid: list[list[object]] = SEVEN.tolist()
    grid[3][4] = change
    return json_body(json.dumps({"pixels": grid}))


PART = b'--b\r\nContent-Disposition: form-data; name="file"; filename="7.png"\r\n\r\n'
BLANK_PNG = encode_png(np.zeros((28, 28), np.uint8))
IMAGES = {
    "empty of ink": (BLANK_PNG, BLANK),
    "all white": (encode_png(np.full((90, 60), 255, np.uint8)), BLANK),
    "truncated png": (SEVEN_PNG[:-30], UNDECODABLE),
    "corrupt png": (SEVEN_PNG.replace(b"IDAT", b"IDAT\xff", 1), UNDECODABLE),
    "truncated jpeg": (
        encode("JPEG", Image.fromarray(SEVEN).resize((200, 200)))[:-900],
        UNDECODABLE,
    ),
    "png of only its signature": (SEVEN_PNG[:8], UNDECODABLE),
    "png of two sizes": (two_headed_png(28, 40), UNDECODABLE),
    "png of two sizes, the second huge": (two_headed_png(28, 1900), UNDECODABLE),
    "gif whose bytes look like a png of 28 × 28": (as_if_28(animated("GIF")), UNSUPPORTED),
    "text": (b"7", UNSUPPORTED),
    "svg": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", UNSUPPORTED),
    "tiff": (encode("TIFF"), UNSUPPORTED),
    "animated gif": (animated("GIF"), UNSUPPORTED),
    "animated png": (animated("PNG"), UNSUPPORTED),
    "too many pixels": (declared_png(1900, 1900), TOO_LARGE),
    "too wide": (declared_png(2001, 20), TOO_LARGE),
    "a decompression bomb": (declared_png(2**31 - 1, 2**31 - 1), TOO_LARGE),
}
BAD_IMAGES = [
    Bad(f"{name}, {way}", send(data), expected)
    for name, (data, expected) in IMAGES.items()
    for way, send in ways_in.ONE_IMAGE.items()
]
BAD_BODIES = [
    Bad("empty body", ways_in.raw(b""), MALFORMED),
    Bad("empty json", json_body(""), MALFORMED),
    Bad("body over the limit, raw", ways_in.raw(bytes(100_001)), TOO_LARGE),
    Bad("body over the limit, multipart", ways_in.multipart(bytes(100_001)), TOO_LARGE),
    Bad("body over the limit, json", ways_in.json_image(bytes(100_001)), TOO_LARGE),
    Bad("body over the limit, batch", ways_in.batch_multipart(bytes(100_001)), TOO_LARGE),
    Bad("unknown content type", ways_in.raw(SEVEN_PNG, "text/plain"), UNSUPPORTED),
    Bad("form of curl -d", {"url": "/predict", "data": {"a": "b"}}, UNSUPPORTED),
    Bad("senseless content type", ways_in.raw(SEVEN_PNG, ";;=\t/"), UNSUPPORTED),
    Bad("compressed in another way", compressed(SEVEN_PNG, "br"), UNSUPPORTED),
    Bad("not compressed", compressed(SEVEN_PNG), MALFORMED),
    Bad("nothing, compressed", compressed(gzip.compress(b"")), MALFORMED),
    Bad("compressed, broken off", compressed(gzip.compress(SEVEN_PNG)[:-9]), MALFORMED),
    Bad("more after its end", compressed(gzip.compress(SEVEN_PNG) + b"more"), MALFORMED),
    Bad("compressed, over the limit", compressed(gzip.compress(bytes(100_001))), TOO_LARGE),
]
BAD_MULTIPART = [
    Bad("no part", multipart_body(b"--b--\r\n"), MALFORMED),
    Bad("no boundary named", multipart_body(PART, "multipart/form-data"), MALFORMED),
    Bad(
        "boundary beyond all measure",
        multipart_body(PART, "multipart/form-data; boundary=" + 5000 * "b"),
        MALFORMED,
    ),
    Bad("another boundary", multipart_body(PART.replace(b"--b", b"--c")), MALFORMED),
    Bad("no last boundary", multipart_body(PART + SEVEN_PNG), MALFORMED),
    Bad("breaks off in a header", multipart_body(PART[:30]), MALFORMED),
    Bad("not multipart at all", multipart_body(SEVEN_PNG), MALFORMED),
    Bad("broken header", multipart_body(b"--b\r\n\x00\x01: x\r\n\r\n7\r\n--b--"), MALFORMED),
    Bad("endless header", multipart_body(b"--b\r\nA: " + 9000 * b"x"), MALFORMED),
    Bad("part of another name", {"url": "/predict", "files": {"image": SEVEN_PNG}}, MALFORMED),
    Bad("empty file", ways_in.multipart(b""), UNDECODABLE),
    Bad(
        "two files",
        {"url": "/predict", "files": [("file", SEVEN_PNG), ("file", SEVEN_PNG)]},
        TOO_LARGE,
    ),
    Bad("very many parts", multipart_body(1000 * b"--b\r\nA: b\r\n\r\n\r\n"), TOO_LARGE),
]
BAD_JSON = [
    Bad("not json", json_body("{"), MALFORMED),
    Bad("not utf-8", json_body(b'{"image": "\xff"}'), MALFORMED),
    Bad("lone surrogate", json_body(r'{"image": "\ud800"}'), MALFORMED),
    Bad("lone surrogate as a key", json_body(r'{"\udc00": 1}'), MALFORMED),
    Bad("nested very deeply", json_body(10_000 * '{"a":' + 10_000 * "}"), INVALID),
    Bad("countless keys", json_body("{" + 9000 * '"a":0,' + '"a":0}'), INVALID),
    Bad("pixels nested very deeply", json_body('{"pixels":' + 40_000 * "["), MALFORMED),
    Bad("a list", json_body("[]"), INVALID),
    Bad("null", json_body("null"), INVALID),
    Bad("a bare NaN", json_body("NaN"), INVALID),
    Bad("no key", json_body("{}"), INVALID),
    Bad("unknown key", json_body('{"<script>": 1}'), INVALID),
    Bad("both keys", json_body('{"image": "", "pixels": []}'), INVALID),
    Bad("image is a number", json_body('{"image": 7}'), INVALID),
    Bad("image is no base64", json_body('{"image": "!!!!"}'), INVALID),
    Bad("image is not ascii", json_body('{"image": "sieben €"}'), INVALID),
    Bad("image of bad padding", json_body('{"image": "AAAAA"}'), INVALID),
    Bad("image of no bytes", json_body('{"image": ""}'), INVALID),
    Bad("pixels are a string", json_body('{"pixels": "7"}'), INVALID),
    Bad("27 rows", ways_in.json_pixels(SEVEN[:27].tolist()), INVALID),
    Bad("29 rows", ways_in.json_pixels([*SEVEN.tolist(), [0] * 28]), INVALID),
    Bad("27 columns", ways_in.json_pixels(SEVEN[:, :27].tolist()), INVALID),
    Bad("784 in a row", ways_in.json_pixels(SEVEN.ravel().tolist()), INVALID),
    Bad("one channel too many", ways_in.json_pixels(SEVEN[..., None].tolist()), INVALID),
    Bad("no rows", ways_in.json_pixels([]), INVALID),
    Bad("scaled to 0..1", ways_in.json_pixels((SEVEN / 255).tolist()), INVALID),
    Bad("pixel of 256", pixels(256), INVALID),
    Bad("pixel of -1", pixels(-1), INVALID),
    Bad("pixel of NaN", pixels(float("nan")), INVALID),
    Bad("pixel of Infinity", pixels(float("inf")), INVALID),
    Bad("pixel of 1e999", json_body('{"pixels": [[1e999]]}'), INVALID),
    Bad("pixel of 5000 digits", json_body('{"pixels": [[' + 5000 * "9" + "]]}"), MALFORMED),
    Bad("pixel is a string", pixels("7"), INVALID),
    Bad("pixel is true", pixels(True), INVALID),
    Bad("pixel is null", pixels(None), INVALID),
    Bad("pixel is a row", pixels([7]), INVALID),
    Bad("all pixels 0", ways_in.json_pixels([[0] * 28] * 28), BLANK),
    Bad("all pixels 255", ways_in.json_pixels([[255.0] * 28] * 28), BLANK),
]
BATCH = "/predict/batch"
GOOD_NPY_HEADER = b"{'descr': '|u1', 'fortran_order': False, 'shape': (1, 28, 28)}\n"
BAD_BATCHES = [
    Bad("batch of one image's bytes", ways_in.raw(SEVEN_PNG) | {"url": BATCH}, UNSUPPORTED),
    Bad("batch as text", ways_in.raw(SEVEN_PNG, "text/csv") | {"url": BATCH}, UNSUPPORTED),
    Bad("batch without files", {"url": BATCH, "files": {"file": SEVEN_PNG}}, MALFORMED),
    Bad("batch that breaks off", multipart_body(PART + SEVEN_PNG, url=BATCH), MALFORMED),
    Bad("batch of too many files", ways_in.batch_multipart(*[b"7"] * 41), TOO_LARGE),
    Bad("batch of too many images", ways_in.batch_json(*[b"7"] * 41), TOO_LARGE),
    Bad(
        "batch of too many pixels", json_body('{"pixels": [' + 40 * "0," + "0]}", BATCH), TOO_LARGE
    ),
    Bad("batch of nothing", json_body('{"images": []}', BATCH), INVALID),
    Bad("batch without a key", json_body("{}", BATCH), INVALID),
    Bad("batch of both keys", json_body('{"images": [], "pixels": []}', BATCH), INVALID),
    Bad("batch that is no list", json_body('{"images": "AAAA"}', BATCH), INVALID),
    Bad("batch of bad json", json_body('{"images": [', BATCH), MALFORMED),
    Bad("batch of lone surrogates", json_body(r'{"images": ["\ud800"]}', BATCH), MALFORMED),
    Bad("npy of nothing", npy_body(b""), MALFORMED),
    Bad("npy with text for a header", npy_body(b"hello\n"), MALFORMED),
    Bad("npy with a header of code", npy_body(b"__import__('os').abort()\n"), MALFORMED),
    Bad("npy with an endless header", npy_body(b"(" * 60_000), MALFORMED),
    Bad("npy nested very deeply", npy_body(b"(" * 500), MALFORMED),
    Bad("npy without its content", npy_body(GOOD_NPY_HEADER), MALFORMED),
    Bad("npy with too much content", npy_body(GOOD_NPY_HEADER, bytes(785)), MALFORMED),
    Bad(
        "npy that claims terabytes",
        npy_body(GOOD_NPY_HEADER.replace(b"(1,", b"(4000000000,")),
        TOO_LARGE,
    ),
    Bad("npy of a negative shape", npy_body(GOOD_NPY_HEADER.replace(b"(1,", b"(-1,")), INVALID),
    Bad("npy of version 9", ways_in.raw(b"\x93NUMPY\x09\x00", "") | {"url": BATCH}, MALFORMED),
    Bad(
        "npy that is a png", ways_in.raw(SEVEN_PNG, "application/x-npy") | {"url": BATCH}, MALFORMED
    ),
    Bad("npy of floats", ways_in.batch_npy(np.zeros((1, 28, 28))), INVALID),
    Bad("npy of objects", ways_in.batch_npy(np.full((1, 28, 28), None)), INVALID),
    Bad("npy of one image", ways_in.batch_npy(SEVEN), INVALID),
    Bad("npy of columns", ways_in.batch_npy(np.zeros((1, 28, 27), np.uint8)), INVALID),
    Bad("npy of no image", ways_in.batch_npy(np.zeros((0, 28, 28), np.uint8)), INVALID),
    Bad("npy of too many", ways_in.batch_npy(np.zeros((41, 28, 28), np.uint8)), TOO_LARGE),
]
BAD_PARAMETERS = [
    Bad("senseless explain", EVERY_WAY["raw"] | {"params": {"explain": "perhaps"}}, INVALID),
    *(
        Bad(
            f"deadline of {deadline[:9]}",
            EVERY_WAY["multipart"] | {"headers": {"X-Deadline-Ms": deadline}},
            INVALID,
        )
        for deadline in ("0", "-5", "soon", "NaN", "1.5", 5000 * "9")
    ),
    Bad("unknown path", EVERY_WAY["raw"] | {"url": "/predicts"}, NOT_FOUND),
    Bad("path with a slash too many", EVERY_WAY["raw"] | {"url": "/predict/"}, NOT_FOUND),
    Bad("wrong method", {"url": "/health/live"}, WRONG_METHOD),
]
TABLE = [
    *BAD_IMAGES,
    *BAD_BODIES,
    *BAD_MULTIPART,
    *BAD_JSON,
    *BAD_BATCHES,
    *BAD_PARAMETERS,
]


def assert_problem(response: httpx.Response, expected: tuple[int, str]) -> None:
    """The response is exactly this problem, small and complete."""
    problem = response.json()
    assert (response.status_code, problem["type"]) == expected, response.text
    assert list(problem) == ["type", "title", "status", "detail", "request_id"]
    assert problem["status"] == response.status_code
    assert problem["request_id"] == response.headers["X-Request-ID"]
    assert response.headers["content-type"] == "application/problem+json"
    assert len(response.content) <= MAX_PROBLEM_BYTES


@pytest.mark.parametrize("bad", TABLE, ids=[bad.name for bad in TABLE])
async def test_bad_request(client: httpx.AsyncClient, bad: Bad) -> None:
    """A bad request gets its problem, and the next good one the same answer as ever."""
    before = await client.post(**EVERY_WAY["multipart"])
    assert_problem(await client.post(**bad.request), bad.expected)
    after = await client.post(**EVERY_WAY["multipart"])
    assert before.status_code == 200
    assert after.content == before.content


TWO_FILES = [("file", ("7.png", SEVEN_PNG)), ("file", ("7.png", SEVEN_PNG))]


@pytest.mark.parametrize(
    ("bad", "advice"),
    [
        ({"url": "/predict", "files": TWO_FILES}, "/predict/batch takes many"),
        (ways_in.raw(SEVEN_PNG, "application/x-npy"), "Send it to /predict/batch"),
        (ways_in.raw(SEVEN_PNG, "text/plain"), "curl -H 'Content-Type: image/png' does"),
        (json_body('{"img": "abc"}'), "Known are image and pixels."),
    ],
    ids=["two files", "a stack", "no type of an image", "unknown key"],
)
async def test_what_to_do_instead(client: httpx.AsyncClient, bad: Request, advice: str) -> None:
    """Those who come close are told what would have been right."""
    response = await client.post(**bad)
    assert advice in response.json()["detail"]


async def test_all_bad_requests_at_once(client: httpx.AsyncClient) -> None:
    """All of them together neither disturb each other nor the good ones among them."""
    before = await client.post(**EVERY_WAY["multipart"])
    crowd = asyncio.Semaphore(8)

    async def send(request: Request) -> httpx.Response:
        async with crowd:
            return await client.post(**request)

    requests = [request for bad in TABLE for request in (bad.request, EVERY_WAY["multipart"])]
    responses = await asyncio.gather(*(send(request) for request in requests))
    for bad, response, good in zip(TABLE, responses[::2], responses[1::2], strict=True):
        assert_problem(response, bad.expected)
        assert good.content == before.content


@pytest.mark.parametrize("name", IMAGES)
async def test_bad_image_of_a_batch(client: httpx.AsyncClient, name: str) -> None:
    """In a batch the same problems stand in the place of their images."""
    data, expected = IMAGES[name]
    for send in ways_in.MANY_IMAGES.values():
        response = await client.post(**send(SEVEN_PNG, data))
        good, bad = response.json()["predictions"]
        assert good["model_version"] == 3
        assert (bad["status"], bad["type"]) == expected


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_queue_full(
    app: FastAPI, client: httpx.AsyncClient, classifier: FakeClassifier, way: str
) -> None:
    """When all places in the queue are taken: at once 429, and when to try again."""
    classifier.gate.clear()
    running = asyncio.create_task(client.post(**EVERY_WAY["raw"]))
    await asyncio.to_thread(classifier.entered.wait, 10)
    filling = asyncio.create_task(client.post(**ways_in.batch_npy(np.stack([SEVEN] * 40))))
    batcher = app.state.service.model().batcher
    while batcher.queued_images < 40:  # noqa: ASYNC110 - the batcher tells nobody of this
        await asyncio.sleep(0.001)
    response = await client.post(**EVERY_WAY[way])
    assert_problem(response, QUEUE_FULL)
    assert response.headers["Retry-After"] == "1"
    # Nothing is read or decoded to find that out: what is wrong with the body is not even noticed.
    assert_problem(await client.post(**ways_in.raw(b"no image")), QUEUE_FULL)
    classifier.gate.set()
    assert {(await running).status_code, (await filling).status_code} == {200}


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_draining(app: FastAPI, client: httpx.AsyncClient, way: str) -> None:
    """A service that stops takes nothing new: 503, and when to try again."""
    app.state.service.begin_drain()
    response = await client.post(**EVERY_WAY[way])
    assert_problem(response, DRAINING)
    assert response.headers["Retry-After"] == "1"


@pytest.mark.parametrize("way", EVERY_WAY)
async def test_deadline(client: httpx.AsyncClient, classifier: FakeClassifier, way: str) -> None:
    """When the network takes too long for the client: 504 at that moment."""
    classifier.gate.clear()
    headers = {**EVERY_WAY[way].get("headers", {}), "X-Deadline-Ms": "30"}
    assert_problem(await client.post(**EVERY_WAY[way] | {"headers": headers}), DEADLINE)
    classifier.gate.set()
    assert (await client.post(**EVERY_WAY[way])).status_code == 200


async def test_problems_do_not_repeat_the_input(client: httpx.AsyncClient) -> None:
    """What was sent does not come back, be it a value, a key, a file name or a header."""
    secret = "s3cret"  # noqa: S105 - of nobody
    for request in (
        json_body(json.dumps({secret: secret})),
        json_body(json.dumps({"pixels": [[secret]]})),
        json_body(json.dumps({"image": secret})),
        json_body(f'{{"image": {secret}'),
        {"url": "/predict", "files": {secret: (secret, secret)}},
        ways_in.raw(secret.encode(), f"text/{secret}"),
        EVERY_WAY["raw"] | {"params": {"explain": secret}},
        EVERY_WAY["raw"] | {"headers": {"X-Deadline-Ms": secret}},
        {"url": "/" + secret},
    ):
        response = await client.post(**request)
        assert response.status_code >= 400
        assert secret not in response.text
