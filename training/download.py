"""Download MNIST once into the user's cache: several mirrors, retries, a progress bar, a checksum.

A file appears under its own name only when it is whole and has the right sha256; until then it has
another name, which is deleted when anything fails.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import time
import urllib.error
import urllib.request
import zlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from http.client import HTTPException
from pathlib import Path
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from training.errors import DataError

MIRRORS = (
    "https://storage.googleapis.com/cvdf-datasets/mnist/",
    "https://ossci-datasets.s3.amazonaws.com/mnist/",
)
ROUNDS = 3  # how often each mirror is asked
PAUSE_S = 2.0  # before the second round; doubled before each further one
TIMEOUT_S = 30.0  # without a byte
CHUNK_BYTES = 64 * 1024


class Response(Protocol):
    """The part of an HTTP response that a download reads."""

    @property
    def length(self) -> int | None:
        """Bytes of the body, when the server said so."""

    def read(self, size: int) -> bytes:
        """Return up to `size` bytes; empty at the end."""

    def close(self) -> None:
        """Let the connection go."""


def open_url(url: str) -> Response:
    """Open `url` with the standard library; raises `OSError` when it cannot be had."""
    response: Response = urllib.request.urlopen(url, timeout=TIMEOUT_S)  # noqa: S310  MIRRORS are https
    return response


def cache_dir() -> Path:
    """Return the folder for downloads: `rowscan/mnist` in `$XDG_CACHE_HOME` or `~/.cache`."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rowscan" / "mnist"


def fetch(
    folder: Path,
    digests: Mapping[str, str],
    *,
    mirrors: Sequence[str] = MIRRORS,
    open_url: Callable[[str], Response] = open_url,
    sleep: Callable[[float], None] = time.sleep,
) -> Path:
    """Make `folder` hold `<name>.gz` for every name in `digests`, sha256 of the decompressed bytes.

    Files that are there already are kept: their checksum is checked where they are read. Returns
    `folder`; raises `DataError` when no mirror gave a good file, or the folder cannot be written.
    """
    wanted = {
        name: digest for name, digest in digests.items() if not (folder / f"{name}.gz").exists()
    }
    if not wanted:
        return folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataError(
            f"{folder} cannot be made: {error.strerror}. Set XDG_CACHE_HOME elsewhere."
        ) from error
    bar = Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn(),
        console=Console(stderr=True),
    )  # fmt: skip
    with bar:
        for name, digest in wanted.items():
            _fetch_one(folder / f"{name}.gz", digest, mirrors, open_url, sleep, bar)
    return folder


def _fetch_one(
    target: Path,
    digest: str,
    mirrors: Sequence[str],
    open_url: Callable[[str], Response],
    sleep: Callable[[float], None],
    bar: Progress,
) -> None:
    """Ask each mirror in turn, `ROUNDS` times over, until `target` is there and right."""
    failures: list[str] = []
    for attempt in range(ROUNDS):
        if attempt:
            sleep(PAUSE_S * 2 ** (attempt - 1))
        for mirror in mirrors:
            task = bar.add_task(target.name, total=None)
            try:
                update = partial(bar.update, task)
                _download(mirror + target.name, target, digest, open_url, update)
            except (OSError, HTTPException, EOFError, zlib.error, DataError) as error:
                bar.remove_task(task)
                failures.append(f"{mirror}: {error}")
            else:
                return
    raise DataError(
        f"{target.name} could not be downloaded ({failures[-1]}). Check the network, or put "
        "MNIST's four IDX files in a folder and name it with --data-dir."
    )


def _download(
    url: str,
    target: Path,
    digest: str,
    open_url: Callable[[str], Response],
    update: Callable[..., None],
) -> None:
    """Write `url` beside `target`, check it, rename it into place; on failure leave nothing."""
    unfinished = target.with_name(f"{target.name}.{os.getpid()}.part")
    response = open_url(url)
    try:
        total, received = response.length, 0
        with unfinished.open("wb") as file:
            while chunk := response.read(CHUNK_BYTES):
                file.write(chunk)
                received += len(chunk)
                update(completed=received, total=total)
        if hashlib.sha256(gzip.decompress(unfinished.read_bytes())).hexdigest() != digest:
            raise DataError("the file there is not the published one: its sha256 differs")
        unfinished.replace(target)
    finally:
        response.close()
        unfinished.unlink(missing_ok=True)
