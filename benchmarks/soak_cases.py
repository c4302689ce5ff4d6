"""What the soak sends: good, bad, large, cancelled and stalled requests, and how each must end."""

from __future__ import annotations

import base64
import io
import json
from enum import Enum
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from benchmarks.bodies import MOST_IMAGES, Grey, golden_images
from benchmarks.service import HOST
from training.pictures import encode_png

EXAMPLES = Path(__file__).parents[1] / "examples"
TYPES = {"jpg": "image/jpeg", "png": "image/png", "gif": "image/gif", "webp": "image/webp"}
STACK = 16
STALL_MS = 500  # that an upload may take which never ends
PHOTO_SIZE = (4000, 3000)  # 12 megapixels
BMP_SIDE = 1630  # three bytes a pixel: 8 MB
SCRAPED = (
    "/health/live",
    "/health/ready",
    "/health",
    "/metrics",
    "/",
    "/v1/models/digits",
    "/v2/models/digits",
)
TOO_MANY_BYTES = 11_000_000
PREDICT, BATCH = "/predict", "/predict/batch"
V1, V2 = "/v1/models/digits:predict", "/v2/models/digits/infer"


class Manner(Enum):
    """How a request is sent."""

    WHOLE = "whole"
    LEAVE_UPLOADING = "half of it, then the connection is closed"
    LEAVE_WAITING = "whole, then the connection is closed before the answer"
    STALL = "half of it, then nothing more, and the answer is awaited"


class Case(NamedTuple):
    """A request, and the one way in which it may end."""

    name: str
    request: bytes
    status: int = 200
    pictures: tuple[str, ...] = ()  # whose digits the answer names, in this order
    manner: Manner = Manner.WHOLE


def http(method: str, path: str, **content: Any) -> bytes:  # noqa: ANN401 - as httpx has it
    """Return the bytes of a request, `content` as httpx.Request takes it."""
    request = httpx.Request(method, f"http://{HOST}{path}", **content)
    body = request.read()
    lines = [f"{method} {request.url.raw_path.decode()} HTTP/1.1"]
    lines += [f"{name}: {value}" for name, value in request.headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


def post(path: str, body: bytes, content_type: str, **headers: str) -> bytes:
    """Return the bytes of a POST; `headers` with _ for -."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return http("POST", path, content=body, headers={"Content-Type": content_type, **named})


def cases(models_dir: Path) -> dict[str, list[Case]]:
    """Return all requests, by what they have in common."""
    images = golden_images(models_dir)
    files = [file for file in sorted(EXAMPLES.iterdir()) if file.suffix[1:] in TYPES]
    return {
        "good": [
            *(case for file in files for case in _of_file(file)),
            *(case for at, image in enumerate(images) for case in _of_image(f"golden {at}", image)),
            *_of_many(images, files),
        ],
        "bad": _bad(images[0], (EXAMPLES / "7.png").read_bytes()),
        "large": _large(images),
        "left": _left(images),
        "stalled": _stalled(encode_png(images[0])),
        "scrape": [
            Case(path, http("GET", path))
            for path in SCRAPED
        ],
    }  # fmt: skip


def read_digits(answer: dict[str, Any]) -> list[int | None]:
    """Return the digits that an answer of any door names; None for a picture with a problem."""
    if "outputs" in answer:
        output = answer["outputs"][0]
        return list(np.reshape(output["data"], output["shape"]).argmax(axis=1).tolist())
    return [
        int(np.argmax(item)) if isinstance(item, list) else item.get("digit")
        for item in answer.get("predictions", [answer])
    ]


def _of_file(file: Path) -> list[Case]:
    """One picture file, in every way that takes one."""
    data, kind = file.read_bytes(), TYPES[file.suffix[1:]]
    ways = {
        "multipart": http("POST", PREDICT, files={"file": (file.name, data, kind)}),
        "raw": post(PREDICT, data, kind),
        "octets": post(PREDICT, data, "application/octet-stream"),
        "json image": http("POST", PREDICT, json={"image": _base64(data)}),
        "explained": post(f"{PREDICT}?explain=true", data, kind),
    }
    return [Case(f"{way} {file.name}", way_in, 200, (file.name,)) for way, way_in in ways.items()]


def _of_image(name: str, image: Grey) -> list[Case]:
    """One (28, 28) image, by every door."""
    tensor = image.astype(np.float32) / np.float32(255)
    ways = {
        "multipart": http("POST", PREDICT, files={"file": encode_png(image)}),
        "raw": post(PREDICT, encode_png(image), "image/png"),
        "json pixels": http("POST", PREDICT, json={"pixels": image.tolist()}),
        "TensorFlow Serving": http("POST", V1, json={"instances": [tensor.tolist()]}),
        "Open Inference": http("POST", V2, json={"inputs": [_nested(tensor)]}),
        "Open Inference, binary": _binary(tensor),
    }  # fmt: skip
    return [Case(f"{way} {name}", request, 200, (name,)) for way, request in ways.items()]


def _of_many(images: list[Grey], files: list[Path]) -> list[Case]:
    """Several pictures at once, a bad one among them in the last case."""
    some = tuple(f"golden {at % len(images)}" for at in range(STACK))
    stack = np.stack([images[at % len(images)] for at in range(STACK)])
    names = tuple(file.name for file in files)
    parts = [("files", (file.name, file.read_bytes())) for file in files]
    texts = [_base64(file.read_bytes()) for file in files]
    return [
        Case("npy stack", post(BATCH, _npy(stack), "application/x-npy"), 200, some),
        Case("batch pixels", http("POST", BATCH, json={"pixels": stack.tolist()}), 200, some),
        Case("batch multipart", http("POST", BATCH, files=parts), 200, names),
        Case("batch json", http("POST", BATCH, json={"images": texts}), 200, names),
        Case(
            "batch with a bad one",
            http("POST", BATCH, files=[*parts, ("files", ("bad.png", b"7"))]),
            200,
            (*names, "bad"),
        ),
    ]


def _bad(image: Grey, png: bytes) -> list[Case]:
    """What must be refused, and how."""
    not_a_number = image.astype(float)
    not_a_number[3, 4] = np.nan
    jpeg = (EXAMPLES / "9.jpg").read_bytes()
    wrong_shape = {
        "inputs": [{"name": "image", "shape": [1, 27, 28], "datatype": "FP32", "data": []}]
    }
    statuses = {
        "truncated png": (post(PREDICT, png[:-500], "image/png"), 422),
        "truncated jpeg": (http("POST", PREDICT, files={"file": jpeg[: len(jpeg) // 2]}), 422),
        "text": (post(PREDICT, b"seven", "image/png"), 415),
        "blank": (post(PREDICT, encode_png(np.zeros((28, 28), np.uint8)), "image/png"), 422),
        "several frames": (post(PREDICT, _animated(image), "image/gif"), 415),
        "wrong type": (post(PREDICT, png, "text/plain"), 415),
        "nothing": (post(PREDICT, b"", "image/png"), 400),
        "wrong shape": (http("POST", PREDICT, json={"pixels": image[:27].tolist()}), 422),
        "NaN": (_json(PREDICT, {"pixels": not_a_number.tolist()}), 422),
        "broken json": (post(PREDICT, b'{"pixels": [[', "application/json"), 400),
        "no such part": (http("POST", PREDICT, files={"picture": png}), 400),
        "too many parts": (http("POST", PREDICT, files=200 * [("file", png[:99])]), 413),
        "too many images": (http("POST", BATCH, files=(MOST_IMAGES + 1) * [("files", b"7")]), 413),
        "npy of floats": (post(BATCH, _npy(not_a_number[np.newaxis]), "application/x-npy"), 422),
        "npy cut off": (post(BATCH, _npy(image[np.newaxis])[:-9], "application/x-npy"), 400),
        "deadline of words": (post(PREDICT, png, "image/png", X_Deadline_Ms="soon"), 422),
        "v1 of no shape": (http("POST", V1, json={"instances": [[1, 2], [3]]}), 400),
        "v1 of NaN": (_json(V1, {"instances": [not_a_number.tolist()]}), 400),
        "v2 of a wrong shape": (http("POST", V2, json=wrong_shape), 400),
        "unknown model": (http("POST", "/v1/models/letters:predict", json={"instances": [0]}), 404),
        "unknown path": (post("/predicts", png, "image/png"), 404),
        "wrong method": (http("GET", BATCH), 405),
    }  # fmt: skip
    return [Case(name, request, status) for name, (request, status) in statuses.items()]


def _large(images: list[Grey]) -> list[Case]:
    """Photos, bodies near the limit and over it."""
    too_many = bytes(TOO_MANY_BYTES)
    bmp = _enlarged(images[0], (BMP_SIDE, BMP_SIDE), "BMP")
    stack = np.stack([images[at % len(images)] for at in range(MOST_IMAGES)])
    return [
        *(
            Case(
                f"photo {at}",
                post(PREDICT, _enlarged(images[at], PHOTO_SIZE, "JPEG"), "image/jpeg"),
                200,
                (f"photo {at}",),
            )
            for at in range(3)
        ),
        Case("8 MB, raw", post(PREDICT, bmp, "image/bmp"), 200, ("8 MB",)),
        Case("8 MB, multipart", http("POST", PREDICT, files={"file": bmp}), 200, ("8 MB",)),
        Case(
            "256 images",
            post(BATCH, _npy(stack), "application/x-npy"),
            200,
            tuple(f"golden {at % len(images)}" for at in range(MOST_IMAGES)),
        ),
        Case("too large, raw", post(PREDICT, too_many, "image/png"), 413),
        Case("too large, multipart", http("POST", PREDICT, files={"file": too_many}), 413),
        Case("too large, v1", post(V1, too_many, "application/json"), 413),
    ]  # fmt: skip


def _left(images: list[Grey]) -> list[Case]:
    """Clients that go away; what the service would have said is seen by nobody."""
    stack = np.stack([images[at % len(images)] for at in range(MOST_IMAGES)])
    ways = {
        "photo": post(PREDICT, _enlarged(images[3], PHOTO_SIZE, "JPEG"), "image/jpeg"),
        "form": http("POST", PREDICT, files={"file": encode_png(images[0])}),
        "stack": post(BATCH, _npy(stack), "application/x-npy"),
        "tensors": http("POST", V1, json={"instances": (stack[:64] / 255).tolist()}),
    }
    return [
        Case(f"{name}, {manner.name}", request, manner=manner)
        for name, request in ways.items()
        for manner in (Manner.LEAVE_UPLOADING, Manner.LEAVE_WAITING)
    ]


def _stalled(png: bytes) -> list[Case]:
    """Uploads that stop half-way, and are told that their time is over."""
    short = str(STALL_MS)
    ways = {
        "raw": post(PREDICT, png, "image/png", X_Deadline_Ms=short),
        "form": http("POST", PREDICT, files={"file": png}, headers={"X-Deadline-Ms": short}),
        "batch": http("POST", BATCH, files={"files": png}, headers={"X-Deadline-Ms": short}),
    }
    return [Case(f"{name}, stalled", way, 504, (), Manner.STALL) for name, way in ways.items()]


def _enlarged(image: Grey, size: tuple[int, int], kind: str) -> bytes:
    """The digit drawn with a dark pen in the middle of a large sheet, as a file."""
    side = min(size) // 2
    drawn = Image.fromarray(255 - image).resize((side, side), Image.Resampling.BICUBIC)
    sheet = Image.new("RGB", size, (255, 255, 255))
    sheet.paste(drawn, ((size[0] - side) // 2, (size[1] - side) // 2))
    file = io.BytesIO()
    sheet.save(file, kind)
    return file.getvalue()


def _animated(image: Grey) -> bytes:
    file = io.BytesIO()
    frames = [Image.fromarray(image), Image.fromarray(255 - image)]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    return file.getvalue()


def _tensor(tensor: NDArray[np.float32]) -> dict[str, object]:
    return {"name": "image", "shape": [1, *tensor.shape], "datatype": "FP32"}


def _nested(tensor: NDArray[np.float32]) -> dict[str, object]:
    return _tensor(tensor) | {"data": [tensor.tolist()]}


def _binary(tensor: NDArray[np.float32]) -> bytes:
    """The binary form of the Open Inference Protocol: JSON, and the numbers after it."""
    data = tensor.astype("<f4").tobytes()
    described = _tensor(tensor) | {"parameters": {"binary_data_size": len(data)}}
    head = json.dumps({"inputs": [described]}).encode()
    length = {"Inference_Header_Content_Length": str(len(head))}
    return post(V2, head + data, "application/octet-stream", **length)


def _json(path: str, body: object) -> bytes:
    """JSON with NaN in it, which httpx would not write."""
    return post(path, json.dumps(body).encode(), "application/json")


def _npy(stack: NDArray[Any]) -> bytes:
    file = io.BytesIO()
    np.save(file, stack)
    return file.getvalue()


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
