"""Evaluation over HTTP: the images through a running service, each as a PNG upload."""

from __future__ import annotations

import io
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.errors import TrainingError

CONNECTIONS = 16
TIMEOUT_S = 30.0


@dataclass(frozen=True)
class RemoteAnswers:
    """What the service said of n images, in order."""

    probabilities: NDArray[np.float32]  # (n, 10)
    is_digit: NDArray[np.bool_]  # (n,)
    model_version: int


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Return a greyscale image (height, width) as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def ask_service(
    url: str, images: NDArray[np.uint8], advance: Callable[[int], None]
) -> RemoteAnswers:
    """Post every image (n, height, width) to `url`/predict.

    Raises `TrainingError` when one is not answered. `advance` is called with the number of images
    that were answered since the last call.
    """
    with (
        httpx.Client(
            base_url=url, timeout=TIMEOUT_S, limits=httpx.Limits(max_connections=CONNECTIONS)
        ) as client,
        ThreadPoolExecutor(CONNECTIONS) as pool,
    ):

        def ask(image: NDArray[np.uint8]) -> dict[str, object]:
            answer = _post(client, encode_png(image))
            advance(1)
            return answer

        answers = list(pool.map(ask, images))
    versions = {answer["model_version"] for answer in answers}
    if len(versions) != 1:
        raise TrainingError(f"{url} changed its model during the evaluation. Measure again.")
    return RemoteAnswers(
        np.array([answer["probabilities"] for answer in answers], np.float32),
        np.array([answer["is_digit"] for answer in answers], bool),
        int(str(versions.pop())),
    )


def _post(client: httpx.Client, png: bytes) -> dict[str, object]:
    """Upload one file as a browser's form or curl -F does, and return the answer."""
    try:
        response = client.post("/predict", files={"file": ("digit.png", png, "image/png")})
        response.raise_for_status()
        answer: dict[str, object] = response.json()
    except httpx.HTTPStatusError as error:
        raise TrainingError(
            f"{client.base_url} answered {error.response.status_code}: {error.response.text}"
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise TrainingError(
            f"{client.base_url} does not answer ({error}). Is the service running?"
        ) from error
    return answer
