"""Files and folders as given → the files to read; and the bytes of one.

Of a folder, all files below it are read whose names say that they are pictures, in the order of
their names. A file that is named itself is read whatever it is called.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, NamedTuple

SUFFIXES: Final = frozenset({".png", ".jpg", ".jpeg", ".gif", ".bmp", ".webp"})


class FileError(Exception):
    """A file that cannot be read at all; the message says why."""


class Found(NamedTuple):
    """What some paths stand for."""

    files: list[Path]  # each path's own in the order of their names
    others: int  # files in folders whose names are no pictures'; hidden ones are not counted


def find_files(paths: Iterable[Path]) -> Found:
    """The files that the paths stand for."""
    files: list[Path] = []
    others = 0
    for path in paths:
        # Unlike Path.is_dir it never raises: what is wrong with a path is said in its own row.
        is_folder = os.path.isdir(path)  # noqa: PTH112
        below = _pictures_below(path) if is_folder else Found([path], 0)
        files += below.files
        others += below.others
    return Found(files, others)


def load(path: Path, most_bytes: int) -> bytes:
    """The bytes of a file, though no more than one above `most_bytes`. Raises FileError."""
    try:
        with open(path, "rb") as file:  # noqa: PTH123 - half the time of Path.open, for thousands
            return file.read(most_bytes + 1)
    except IsADirectoryError as error:
        raise FileError("This folder cannot be listed. Check its permissions.") from error
    except OSError as error:
        raise FileError(f"The file cannot be read: {error.strerror}.") from error


def _pictures_below(folder: Path) -> Found:
    """All pictures of a folder and its subfolders; a folder that cannot be listed is one of them.

    To be read it is then tried like a file, and said to be what it is.
    """
    found: list[Path] = []
    others = 0

    def add_unlisted(error: OSError) -> None:
        found.append(Path(error.filename))

    for below, subfolders, names in os.walk(folder, onerror=add_unlisted):
        subfolders.sort()
        paths = [Path(below, name) for name in sorted(names)]
        found += [path for path in paths if _is_picture(path)]
        others += sum(not (_is_picture(path) or path.name.startswith(".")) for path in paths)
    return Found(found, others)


def _is_picture(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES
