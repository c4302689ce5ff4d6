"""Asking a running service over HTTP: each picture as an upload, as `answers` does in process."""

from __future__ import annotations

import base64
import io
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final, NamedTuple

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from app.client_key import key_advice
from app.inference.contract import CLASSES
from training.answers import Advance, Answers, Reading, Times
from training.errors import TrainingError
from training.pictures import Picture, encode_png

CONNECTIONS: Final = 16
TIMEOUT_S: Final = 30.0
NO_KEY: Final = 401

REFUSALS: Final = frozenset({413, 415, 422})
"""Too large, of a kind that is not read, undecodable or blank: it is about the picture."""

Json = dict[str, Any]


ANSWER_KEYS = ("probabilities", "novelty", "is_digit", "model_version")


class Exchange(NamedTuple):
    """One upload: its answer, or why it was refused, and how long that took."""

    answer: Json | None
    refusal: str
    duration_s: float


class RemoteService:
    """The service at `url`, which may want a key.

    Raises `TrainingError` when it does not answer as it should.
    """

    takes_frames = False

    def __init__(self, url: str, key: str = "") -> None:
        self._url = url
        self._key = {"X-API-Key": key} if key else {}
        self._versions: set[int] = set()

    @property
    def source(self) -> str:
        """The address and the version that answered."""
        return ", ".join([self._url, *(f"version {version}" for version in self._versions)])

    def read(self, pictures: Sequence[Picture], advance: Advance) -> Reading:
        """Upload every picture, several at a time."""
        with self._client() as client, ThreadPoolExecutor(CONNECTIONS) as pool:

            def exchange(picture: Picture) -> Exchange:
                done = _post(client, picture, "/predict")
                advance(1)
                return done

            exchanges = list(pool.map(exchange, pictures))
        answers = [each.answer for each in exchanges if each.answer is not None]
        self._note_versions(answers)
        return Reading(
            np.array(
                [place for place, each in enumerate(exchanges) if each.answer is not None], np.intp
            ),
            _answers_of(answers),
            {place: each.refusal for place, each in enumerate(exchanges) if each.answer is None},
            Times(request_ms=1000 * sum(each.duration_s for each in exchanges) / len(exchanges)),
        )

    def see(self, pictures: Sequence[Picture]) -> list[NDArray[np.uint8] | None]:
        """Ask for explanations and return the pictures in them.

        One at a time, since each takes the room of 28 images in the service's queue.
        """
        with self._client() as client:
            answers = [
                _post(client, each, "/predict?explain=true", ["seen"]).answer for each in pictures
            ]
        return [None if answer is None else _seen(answer) for answer in answers]

    def _client(self) -> httpx.Client:
        """Return a client with as many connections as are used."""
        limits = httpx.Limits(max_connections=CONNECTIONS)
        try:
            return httpx.Client(
                base_url=self._url, timeout=TIMEOUT_S, limits=limits, headers=self._key
            )
        except httpx.InvalidURL as error:
            raise TrainingError(f"{self._url} is not an address ({error}).") from error

    def _note_versions(self, answers: Sequence[Json]) -> None:
        """Remember which version answered; there must be one through the whole evaluation."""
        self._versions |= {int(answer["model_version"]) for answer in answers}
        if len(self._versions) > 1:
            raise TrainingError(
                f"{self._url} changed its model during the evaluation. Measure again."
            )


def _seen(answer: Json) -> NDArray[np.uint8]:
    """Return the picture in an explanation, (28, 28), from its data URL."""
    png = base64.b64decode(answer["seen"]["image"].partition(",")[2])
    return np.asarray(Image.open(io.BytesIO(png)).convert("L"))


def _refused(client: httpx.Client, response: httpx.Response) -> str:
    """Say what a service answered that is not about a picture; a problem has its own words."""
    if response.status_code == NO_KEY:
        return f"{client.base_url} wants a key. {key_advice('X-API-Key' in client.headers)}"
    try:
        said = response.json()["detail"]
    except (ValueError, KeyError, TypeError):
        said = "it is not this service. Check the address"
    return f"{client.base_url} answered {response.status_code}: {said}"


def _answers_of(answers: Sequence[Json]) -> Answers:
    """Bring JSON answers into arrays."""
    probabilities = np.array([each["probabilities"] for each in answers], np.float32)
    return Answers(
        probabilities.reshape(-1, CLASSES),
        np.array([each["novelty"] for each in answers], np.float32),
        np.array([each["is_digit"] for each in answers], bool),
    )


def _post(
    client: httpx.Client, picture: Picture, path: str, keys: Sequence[str] = ANSWER_KEYS
) -> Exchange:
    """Upload one picture as a browser's form or curl -F does; an array goes as a PNG.

    The answer holds `keys`; whoever answers without them is not the service.
    """
    content = picture.load()
    data = content if isinstance(content, bytes) else encode_png(content)
    started = time.perf_counter()
    try:
        response = client.post(path, files={"file": ("picture", data)})
        duration_s = time.perf_counter() - started
        if response.status_code in REFUSALS:
            return Exchange(None, str(response.json()["detail"]), duration_s)
        response.raise_for_status()
        answer = response.json()
        return Exchange({key: answer[key] for key in keys}, "", duration_s)
    except httpx.HTTPStatusError as error:
        raise TrainingError(_refused(client, error.response)) from error
    except (ValueError, KeyError, TypeError) as error:
        raise TrainingError(
            f"{client.base_url} answers otherwise than this service. Check address and version."
        ) from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise TrainingError(
            f"{client.base_url} does not answer ({error}). Is the service running?"
        ) from error
