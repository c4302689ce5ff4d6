"""Asking a version in process: pictures in, answers out, by the very functions that serve.

    Picture ─ read_digit or normalise ─▶ (28, 28) ─ batches ─ classify ─▶ Reading

`remote.RemoteService` asks a running service the same. `_ask` is the one place that knows what a
classifier answers with.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import ModelError, RequestError
from app.imaging import normalise, read_digit
from app.inference.classifier import Network
from app.inference.contract import CLASSES
from app.inference.versions import find_versions
from training.errors import TrainingError
from training.pictures import Picture

Advance = Callable[[int], None]  # told how many pictures are done since the last call


@dataclass(frozen=True)
class Answers:
    """What was said of n pictures, in order."""

    probabilities: NDArray[np.float32]  # (n, 10)
    novelty: NDArray[np.float32]  # (n,), 0..1: the higher, the less it looks like a digit
    is_digit: NDArray[np.bool_]  # (n,)

    @classmethod
    def join(cls, parts: Sequence[Answers]) -> Answers:
        """Put answers one behind the other; of none come answers about no picture."""
        if not parts:
            return cls(
                np.empty((0, CLASSES), np.float32), np.empty(0, np.float32), np.empty(0, bool)
            )
        return cls(
            np.concatenate([each.probabilities for each in parts]),
            np.concatenate([each.novelty for each in parts]),
            np.concatenate([each.is_digit for each in parts]),
        )


@dataclass(frozen=True)
class Times:
    """Mean time a picture, in ms; what does not apply is None."""

    imaging_ms: float | None = None  # in process: from the file's bytes to the network's frame
    network_ms: float | None = None  # in process, in the largest batches
    request_ms: float | None = None  # over HTTP, as the client sees it, beside other requests


@dataclass(frozen=True)
class Reading:
    """What came of a set: answers about the pictures that could be read, reasons for the others."""

    answered: NDArray[np.intp]  # (m,), places in the set, ascending
    answers: Answers  # about these m
    refused: dict[int, str]  # place in the set → why
    times: Times


class Subject(Protocol):
    """What is measured: a version in process, or a running service."""

    @property
    def source(self) -> str:
        """What answered, in words; whole once pictures have been read."""

    @property
    def takes_frames(self) -> bool:
        """Whether pictures in the network's frame reach it as they are, with no imaging before."""

    def read(self, pictures: Sequence[Picture], advance: Advance) -> Reading:
        """Read all pictures; one that cannot be read is refused and stops nothing."""

    def see(self, pictures: Sequence[Picture]) -> list[NDArray[np.uint8] | None]:
        """Return what the network sees of each, (28, 28) 0..255; None of one that is refused."""


def find_version(named: Path | None, models_dir: Path) -> Path:
    """Return the folder of a version: the one that is named, or the newest one in `models_dir`.

    Raises `TrainingError` when there is none. Whether it is a good one is for `LocalVersion.load`.
    """
    folder = named or models_dir
    try:
        within = find_versions(folder)
    except ModelError as error:
        why = getattr(error.__cause__, "strerror", error)
        raise TrainingError(f"There is no version in {folder}: {why}.") from error
    if named is not None and within:
        raise TrainingError(f"{folder} holds versions. Name one of them: {folder / str(within[0])}")
    if named is None and not within:
        raise TrainingError(
            f"There is no version in {folder}. Train one, or name its folder with --model."
        )
    return named or folder / str(within[0])


class LocalVersion:
    """A version in this process; novelties above `max_novelty` mean "not a digit"."""

    takes_frames = True

    def __init__(self, network: Network, source: str, max_novelty: float) -> None:
        self.source = source
        self._network = network
        self._max_novelty = max_novelty

    @classmethod
    def load(cls, version_dir: Path) -> LocalVersion:
        """Verify and compile a version. Raises `TrainingError` when it must not be served."""
        from app.inference.saved_model import SavedModelClassifier  # which imports TensorFlow

        try:
            classifier = SavedModelClassifier.load(version_dir)
        except ModelError as error:
            raise TrainingError(str(error)) from error
        return cls(classifier, str(version_dir), classifier.manifest.max_novelty)

    def read(self, pictures: Sequence[Picture], advance: Advance) -> Reading:
        """Prepare and classify, a batch at a time."""
        answered: list[int] = []
        refused: dict[int, str] = {}
        parts: list[Answers] = []
        imaging_s = network_s = 0.0
        size = self._network.most_images
        for start in range(0, len(pictures), size):
            frames = []
            for place, picture in enumerate(pictures[start : start + size], start):
                content = picture.load()
                started = time.perf_counter()
                try:
                    frames.append(_prepare(content, framed=picture.framed))
                    answered.append(place)
                except RequestError as error:
                    refused[place] = str(error)
                imaging_s += time.perf_counter() - started
            started = time.perf_counter()
            if frames:
                parts.append(self._ask(np.stack(frames)))
            network_s += time.perf_counter() - started
            advance(len(pictures[start : start + size]))
        times = Times(
            imaging_ms=1000 * imaging_s / len(pictures),
            network_ms=1000 * network_s / max(1, len(answered)),
        )
        return Reading(np.array(answered, np.intp), Answers.join(parts), refused, times)

    def _ask(self, frames: NDArray[np.float32]) -> Answers:
        """Ask the network about frames (n, 28, 28), 0..1."""
        scores = self._network.classify(frames)
        return Answers(*scores, scores.are_digits(self._max_novelty))

    def see(self, pictures: Sequence[Picture]) -> list[NDArray[np.uint8] | None]:
        """Prepare the pictures once more."""
        return [_see(picture) for picture in pictures]


def _see(picture: Picture) -> NDArray[np.uint8] | None:
    """Return a picture in the network's frame, (28, 28) 0..255; None when it is refused."""
    try:
        frame = _prepare(picture.load(), framed=picture.framed)
    except RequestError:
        return None
    return np.rint(255 * frame).astype(np.uint8)


def _prepare(content: bytes | NDArray[np.uint8], *, framed: bool) -> NDArray[np.float32]:
    """Bring a picture into the network's frame, (28, 28) 0..1. Raises `RequestError`."""
    if isinstance(content, bytes):
        return read_digit(content).pixels
    if framed:
        return content.astype(np.float32) / np.float32(255)
    return normalise(content).pixels
