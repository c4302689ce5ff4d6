"""What an evaluation shows: misread digits, other pictures taken for digits, damaged digits.

Each picture as it was sent, beside what the network saw of it. `page` lays them out.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from app.imaging import IMAGE_SIDE
from training.answers import Reading, Subject
from training.pictures import Picture, PictureSet, encode_png

MAX_SHOWN: Final = 60  # of a set; the surest mistakes
THUMBNAIL_SIDE: Final = 144  # pixels, twice what the page shows, for dense screens
STRIP_IMAGES: Final = 5  # damaged digits of each kind


@dataclass(frozen=True)
class Shown:
    """One picture of a gallery."""

    name: str
    original: bytes | None  # a PNG; None when the file cannot be decoded
    seen: bytes | None  # a PNG, 28×28; None when the picture was refused
    label: int | None
    answer: int | None
    confidence: float  # 0..1; 0 when refused
    refusal: str


@dataclass(frozen=True)
class Gallery:
    """Some pictures of a set, the surest mistakes first, and how many there are."""

    name: str
    images: int
    mistakes: int
    of_digits: bool  # misread digits, or other pictures that were taken for digits
    shown: Sequence[Shown]


@dataclass(frozen=True)
class Strip:
    """The same few digits under one kind of damage, side by side: two PNGs, 140×28."""

    kind: str
    sent: bytes
    seen: bytes


def misread_gallery(subject: Subject, pictures: PictureSet, reading: Reading) -> Gallery:
    """Show the digits that were misread, the most confidently first, or refused."""
    probabilities = reading.answers.probabilities
    rows = np.flatnonzero(probabilities.argmax(axis=1) != pictures.labels()[reading.answered])
    rows = rows[np.argsort(-probabilities[rows].max(axis=1), kind="stable")]
    return _gallery(subject, pictures, reading, rows, sorted(reading.refused))


def accepted_gallery(subject: Subject, pictures: PictureSet, reading: Reading) -> Gallery:
    """Show the pictures that are no digits and were taken for digits, the likest first."""
    rows = np.flatnonzero(reading.answers.is_digit)
    rows = rows[np.argsort(reading.answers.novelty[rows], kind="stable")]
    return _gallery(subject, pictures, reading, rows, [])


def corruption_strip(subject: Subject, kind: str, pictures: PictureSet) -> Strip:
    """Show the first digits of a damaged set, and what the network sees of them as pictures."""
    first = pictures.pictures[:STRIP_IMAGES]
    blank = np.zeros((IMAGE_SIDE, IMAGE_SIDE), np.uint8)
    sent = [each.load() for each in first]
    seen = subject.see(first)
    return Strip(
        kind,
        encode_png(np.hstack([each for each in sent if not isinstance(each, bytes)])),
        encode_png(np.hstack([blank if each is None else each for each in seen])),
    )


def _gallery(
    subject: Subject,
    pictures: PictureSet,
    reading: Reading,
    rows: NDArray[np.intp],
    refused: Sequence[int],
) -> Gallery:
    """Show the first of these `rows` of the answers, then of the `refused`, as far as they fit."""
    first = rows[:MAX_SHOWN]
    mistakes = [pictures.pictures[reading.answered[row]] for row in first]
    shown = [
        _show(picture, seen, probabilities)
        for picture, seen, probabilities in zip(
            mistakes, subject.see(mistakes), reading.answers.probabilities[first], strict=True
        )
    ]
    shown += [
        _refused(pictures.pictures[place], reading.refused[place])
        for place in refused[: MAX_SHOWN - len(shown)]
    ]
    return Gallery(
        name=pictures.name,
        images=len(pictures.pictures),
        mistakes=len(rows) + len(refused),
        of_digits=pictures.labelled,
        shown=shown,
    )


def _show(
    picture: Picture, seen: NDArray[np.uint8] | None, probabilities: NDArray[np.float32]
) -> Shown:
    """Show a picture that was answered with these probabilities, (10,)."""
    return Shown(
        name=picture.name,
        original=_thumbnail(picture),
        seen=None if seen is None else encode_png(seen),
        label=picture.label,
        answer=int(probabilities.argmax()),
        confidence=float(probabilities.max()),
        refusal="",
    )


def _refused(picture: Picture, reason: str) -> Shown:
    """Show a picture that was refused."""
    return Shown(picture.name, _thumbnail(picture), None, picture.label, None, 0.0, reason)


def _thumbnail(picture: Picture) -> bytes | None:
    """Return a picture as a small PNG, in its colours, upright; None when it cannot be decoded."""
    if not isinstance(picture.source, Path):
        return encode_png(picture.source)
    file = io.BytesIO()
    try:
        with Image.open(picture.source) as image:
            image.thumbnail((THUMBNAIL_SIDE, THUMBNAIL_SIDE))
            ImageOps.exif_transpose(image).convert("RGBA").save(file, "PNG")
    except Exception:  # a decoder raises nearly anything for a broken file, and warns besides
        return None
    return file.getvalue()
