"""Pictures to evaluate on: MNIST's test images, a folder of files, or an npz of arrays.

    path ─ load_pictures ─▶ PictureSet ─▶ `answers` or `remote` reads it, `gallery` shows some of it

Files stay on disk until they are read, so a set may be larger than the memory.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from training.data import Split
from training.errors import DataError

SUFFIXES: Final = frozenset(
    {".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp", ".tif", ".tiff", ".heic", ".avif"}
)
"""Of files that are taken for pictures. The service refuses some of these kinds, which counts."""

DIGITS: Final = frozenset("0123456789")


@dataclass(frozen=True)
class Picture:
    """One picture, and the digit on it where that is known."""

    name: str
    source: Path | NDArray[np.uint8]  # a file, or grey values (height, width)
    label: int | None = None
    framed: bool = False  # (28, 28) as the network takes it: in process, no imaging comes before

    def load(self) -> bytes | NDArray[np.uint8]:
        """Return the bytes of the file, or the grey values."""
        return self.source.read_bytes() if isinstance(self.source, Path) else self.source


@dataclass(frozen=True)
class PictureSet:
    """Pictures that are measured together."""

    name: str
    pictures: Sequence[Picture]

    @property
    def labelled(self) -> bool:
        """Whether the digits on its pictures are known."""
        return self.pictures[0].label is not None

    def labels(self) -> NDArray[np.uint8]:
        """Return the labels, (n,); every picture must have one."""
        return np.array([each.label for each in self.pictures], np.uint8)


def encode_png(image: NDArray[np.uint8]) -> bytes:
    """Return a greyscale image (height, width) as a PNG file."""
    file = io.BytesIO()
    Image.fromarray(image).save(file, "PNG")
    return file.getvalue()


def from_arrays(
    name: str, images: NDArray[np.uint8], labels: NDArray[np.uint8] | None, *, framed: bool = False
) -> PictureSet:
    """Make a set of images (n, height, width) and labels (n,), 0..9, or none."""
    known = [None] * len(images) if labels is None else [int(label) for label in labels]
    return PictureSet(
        name,
        [
            Picture(f"image {index}", image, label, framed)
            for index, (image, label) in enumerate(zip(images, known, strict=True))
        ],
    )


def from_split(name: str, split: Split) -> PictureSet:
    """Make a set of MNIST's images, which are in the network's frame already."""
    return from_arrays(name, split.images, split.labels, framed=True)


def load_pictures(path: Path, *, labelled: bool) -> PictureSet:
    """Find the pictures in a folder, in its folders too, or in an npz.

    With `labelled`, each must have a label: the folder that a file is in, when its name is one
    digit, else the first character of the file's name; in an npz, the array `labels`. Raises
    `DataError` when there is no picture, or one without its label.
    """
    if path.is_dir():
        return _load_folder(path, labelled=labelled)
    if path.suffix == ".npz" and path.is_file():
        return _load_npz(path, labelled=labelled)
    raise DataError(
        f"{path} is neither a folder of pictures nor an .npz with images. Check the path."
    )


def _load_folder(folder: Path, *, labelled: bool) -> PictureSet:
    """Find the picture files under `folder`, sorted by path."""
    name = folder.resolve().name
    files = sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in SUFFIXES and not path.name.startswith(".") and path.is_file()
    )
    if not files:
        raise DataError(f"{folder} holds no pictures. Put files such as 7_1.png or 7/1.png in it.")
    pictures = [
        Picture(str(file.relative_to(folder)), file, _label_of(file) if labelled else None)
        for file in files
    ]
    return PictureSet(name, pictures)


def _label_of(file: Path) -> int:
    """Return the digit that names the file's folder, else the one that its own name begins with.

    In this order, since files that are sorted into folders are often numbered: 7/00012.png.
    """
    folder = file.absolute().parent.name
    for text in (folder, file.name[0]):
        if text in DIGITS:
            return int(text)
    raise DataError(
        f"{file} has no label. Let its name begin with its digit, or put it in a folder named so."
    )


def _load_npz(path: Path, *, labelled: bool) -> PictureSet:
    """Read `images` uint8 (n, height, width) and, with `labelled`, `labels` (n,), 0..9."""
    try:
        with zipfile.ZipFile(path):  # np.load takes other files too, and fails in other ways
            arrays = dict(np.load(path, allow_pickle=False))
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(
            f"{path} is not an npz of plain arrays ({error}). Save it again."
        ) from error
    images, labels = arrays.get("images"), arrays.get("labels") if labelled else None
    if images is None or images.dtype != np.uint8 or images.ndim != 3 or images.size == 0:
        raise DataError(f"{path} needs an array `images`, uint8 (n, height, width).")
    if labelled and not _are_labels(labels, len(images)):
        raise DataError(f"{path} needs an array `labels` of {len(images):,} integers 0 to 9.")
    return from_arrays(path.stem, images, labels)


def _are_labels(labels: NDArray[np.generic] | None, count: int) -> bool:
    """Whether these are `count` digits."""
    return (
        labels is not None
        and labels.shape == (count,)
        and np.issubdtype(labels.dtype, np.integer)
        and bool(np.isin(labels, range(10)).all())
    )
