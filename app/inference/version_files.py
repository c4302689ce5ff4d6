"""The files of a published version: which there are, and the size and digest of each."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from app.errors import ModelError

MANIFEST_PATH = PurePosixPath("assets.extra/manifest.json")
HASH_CHUNK_BYTES = 1 << 20

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    """What all parts of a manifest share: nothing unknown, nothing changed later."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FileDigest(Part):
    """Size and sha256 of one file of the version."""

    bytes: int = Field(ge=0)
    sha256: Sha256


def list_files(version_dir: Path) -> list[str]:
    """Return the relative names of all files in `version_dir` but the manifest's.

    Raises `ModelError` on a link, the folder itself included.
    """
    if version_dir.is_symlink():
        raise ModelError(f"{version_dir} is a link. A version is a folder of plain files.")
    names = []
    for folder, subfolders, files in os.walk(version_dir):
        for name in (*subfolders, *files):
            path = Path(folder, name)
            if path.is_symlink():
                raise ModelError(f"{path} is a link. A version holds plain files only.")
        names += [Path(folder, name).relative_to(version_dir).as_posix() for name in files]
    return [name for name in names if name != str(MANIFEST_PATH)]


def digest_file(path: Path) -> FileDigest:
    """Return size and sha256 of a file; raises `ModelError` when it cannot be read."""
    digest, size = hashlib.sha256(), 0
    try:
        with path.open("rb") as file:
            while chunk := file.read(HASH_CHUNK_BYTES):
                digest.update(chunk)
                size += len(chunk)
    except OSError as error:
        raise ModelError(f"{path} cannot be read ({error.strerror}).") from error
    return FileDigest(bytes=size, sha256=digest.hexdigest())
