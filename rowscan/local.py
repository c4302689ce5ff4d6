"""Files → rows, in this process: the imaging and the network of the service, without the service.

    files ─ as many as the network takes ─ threads: load, decode, normalise ─▶ (k, 28, 28)
          ─ classify, in the calling thread ─▶ rows

The network runs outside the interpreter's lock, so the next pictures are decoded meanwhile.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.api.answers import prediction
from app.errors import ModelError, PayloadTooLargeError, RequestError
from app.imaging import IMAGE_SIDE, DecodeLimits
from app.imaging.picture import read_files
from app.inference.classifier import Classifier
from app.inference.readings import read_out
from app.settings import Settings
from rowscan import rows
from rowscan.files import FileError, load
from rowscan.flow import in_order
from rowscan.rows import Row

DECODERS: Final = 1
"""Decoding holds the interpreter's lock most of the time, so that a second one gains nothing."""


class Decoded(NamedTuple):
    """Some files, as far as they go without the network."""

    files: Sequence[Path]
    pixels: NDArray[np.float32]  # (k, 28, 28): of those that could be read, in order
    errors: dict[int, Row]  # by their place among the files: those that could not


class LocalModel:
    """Reads files with a network that is loaded here, within the limits of the settings."""

    def __init__(self, classifier: Classifier, settings: Settings) -> None:
        self._classifier = classifier
        self._limits = DecodeLimits(settings.max_image_pixels, settings.max_image_side)
        self._most_bytes = settings.max_upload_bytes

    def read(self, files: Sequence[Path]) -> Iterator[list[Row]]:
        """The rows of all files, some at a time, in order. Raises ModelError."""
        most = self._classifier.most_images
        chunks = (files[at : at + most] for at in range(0, len(files), most))
        for decoded in in_order(self._decode, chunks, DECODERS):
            yield self._rows(decoded)

    def _decode(self, files: Sequence[Path]) -> Decoded:
        errors: dict[int, Row] = {}
        loaded: list[int] = []

        def load_each() -> Iterator[bytes]:  # one at a time: all together may be large
            for place, path in enumerate(files):
                try:
                    data = self._load(path)
                except FileError as error:
                    errors[place] = rows.unreadable(path, str(error))
                except RequestError as error:
                    errors[place] = rows.failed(path, error)
                else:
                    loaded.append(place)
                    yield data

        read = read_files(load_each(), self._limits)
        digits = []
        for place, digit in zip(loaded, read, strict=True):
            if isinstance(digit, RequestError):
                errors[place] = rows.failed(files[place], digit)
            else:
                digits.append(digit)
        pixels = np.stack(digits) if digits else np.empty((0, IMAGE_SIDE, IMAGE_SIDE), np.float32)
        return Decoded(files, pixels, errors)

    def _load(self, path: Path) -> bytes:
        """The bytes of a file that is not too large. Raises FileError or PayloadTooLargeError."""
        data = load(path, self._most_bytes)
        if len(data) > self._most_bytes:
            raise PayloadTooLargeError(
                f"The file is larger than {self._most_bytes} bytes. Send a smaller image."
            )
        return data

    def _rows(self, decoded: Decoded) -> list[Row]:
        answered = iter(self._ask(decoded.pixels) if len(decoded.pixels) else [])
        return [
            decoded.errors[place]
            if place in decoded.errors
            else rows.answered(path, next(answered))
            for place, path in enumerate(decoded.files)
        ]

    def _ask(self, pixels: NDArray[np.float32]) -> list[Row]:
        """What the network says of pixels (k, 28, 28), as the service would answer it."""
        try:
            scores = self._classifier.classify(pixels)
        except Exception as error:
            raise ModelError("The network failed. Try another version of the model.") from error
        if not scores.are_of(len(pixels)):
            raise ModelError("The network gave numbers that are not finite. Try another version.")
        manifest = self._classifier.manifest
        readings = read_out(scores, manifest.max_novelty)
        return [prediction(reading, manifest.version) for reading in readings]
