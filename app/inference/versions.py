"""Which version to serve: the newest that can be trusted, or the one that is pinned.

Between the folder of published versions and the service: `load_newest` at the start, `look_again`
from time to time. Nothing is loaded twice for the same files, be it served or refused.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final, Generic, NamedTuple, TypeVar

from app.errors import ModelError, in_one_line
from app.inference.classifier import Classifier
from app.inference.observer import VersionObserver

logger = logging.getLogger(__name__)

MOST_NAMED: Final = 5
"""Versions that a message lists, of however many there are."""

Version_co = TypeVar("Version_co", covariant=True)  # that is loaded, of whatever kind
Load = Callable[[Path], Version_co]  # raises ModelError when the version is not to be served
# Path, mode, inode, size and time of change of each file and folder.
Fingerprint = frozenset[tuple[str, int, int, int, int]]


class Loaded(NamedTuple, Generic[Version_co]):
    """A classifier that answers, and why each newer version was passed over."""

    classifier: Version_co
    refused: dict[int, str]
    error: str | None = None  # why it is not the newest version of the folder


class Look(NamedTuple, Generic[Version_co]):
    """What came of looking into the folder again."""

    classifier: Version_co | None  # to be served from now on; None: what is served goes on
    refused: dict[int, str]
    error: str | None  # why it is not the newest version of the folder that is served


class _Served(NamedTuple):
    version: int
    files: Fingerprint


class _Refusal(NamedTuple):
    why: str
    files: Fingerprint


def find_versions(models_dir: Path) -> list[int]:
    """Return the version numbers in `models_dir`, newest first.

    A version is a folder whose name is a positive number as Python writes it; all else, such as a
    version that is being written, is none of ours.
    """
    try:
        names = [entry.name for entry in models_dir.iterdir() if entry.is_dir()]
    except OSError as error:
        raise ModelError(
            f"{models_dir} cannot be read ({error.strerror}). "
            "Set ROWSCAN_MODELS_DIR, or train a version: make train."
        ) from error
    numbers = (int(name) for name in names if name.isascii() and name.isdigit() and name[0] != "0")
    return sorted(numbers, reverse=True)


def _advice(models_dir: Path) -> str:
    """What to do about a folder that holds no version: perhaps it is one level off."""
    near = [models_dir.resolve().parent, *filter(Path.is_dir, models_dir.iterdir())]
    for folder in near:
        with contextlib.suppress(ModelError):
            if find_versions(folder):
                return f"Set ROWSCAN_MODELS_DIR to {folder}, which does."
    return "Train one (make train) or set ROWSCAN_MODELS_DIR."


def fingerprint(version_dir: Path) -> Fingerprint:
    """Return what changes when a file of the version does, without reading any."""
    entries = {str(version_dir)}
    for folder, subfolders, files in os.walk(version_dir):
        entries |= {str(Path(folder, name)) for name in (*subfolders, *files)}
    found = set()
    for entry in entries:
        with contextlib.suppress(OSError):  # gone meanwhile, which the next look will notice
            status = os.lstat(entry)
            kind = (status.st_mode, status.st_ino, status.st_size, status.st_mtime_ns)
            found.add((entry, *kind))
    return frozenset(found)


def saved_models() -> Load[Classifier]:
    """Return what loads with TensorFlow, whose import takes seconds and hundreds of megabytes."""
    # Read when TensorFlow starts. One thread is enough, beside the event loop or what decodes
    # files: to share a call of 8 images among two takes 2.2 ms of processor time instead of 1.3.
    os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
    from app.inference.saved_model import SavedModelClassifier, Spares

    return partial(SavedModelClassifier.load, spares=Spares())


class Versions(Generic[Version_co]):
    """The versions of a folder, and what has come of those that were tried.

    Used by one thread at a time. `loader` is called once, at the first load.
    """

    def __init__(
        self,
        models_dir: Path,
        loader: Callable[[], Load[Version_co]],
        pinned: int | None = None,
        observer: VersionObserver | None = None,
    ) -> None:
        self._models_dir = models_dir
        self._pinned = pinned
        self._loader = loader
        self._observer = observer
        self._load: Load[Version_co] | None = None
        self._served: _Served | None = None
        self._refused: dict[int, _Refusal] = {}

    def load_newest(self) -> Loaded[Version_co]:
        """Load the newest version that passes every check, or only the pinned one.

        Raises `ModelError` when no version can be served; its message holds the reason for the
        newest one.
        """
        versions = find_versions(self._models_dir)
        if self._pinned is not None:
            if self._pinned not in versions:
                held = ", ".join(map(str, versions[:MOST_NAMED])) or "none"
                raise ModelError(
                    f"{self._models_dir} has no version {self._pinned}, which "
                    f"ROWSCAN_MODEL_VERSION asks for; it has {held}."
                )
            versions = [self._pinned]
        if not versions:
            raise ModelError(f"{self._models_dir} holds no version. {_advice(self._models_dir)}")
        classifier = self._load_first_good(versions)
        if classifier is None:
            raise ModelError(self._refused[versions[0]].why)
        return Loaded(classifier, self._reasons(), self._trouble(versions))

    def look_again(self) -> Look[Version_co]:
        """Load what is new in the folder and better than what is served.

        That is a newer version, the served one with other files, and an older one when the folder
        of the served one is gone. What is refused is tried again when its files have changed.
        """
        try:
            versions = find_versions(self._models_dir)
        except ModelError as error:
            return Look(None, self._reasons(), str(error))
        for version in self._refused.keys() - versions:
            del self._refused[version]
        classifier = self._load_first_good(versions)
        return Look(classifier, self._reasons(), self._trouble(versions))

    def _load_first_good(self, versions: list[int]) -> Version_co | None:
        """Go down the versions as far as to the one that is served; None: there is no better."""
        for version in versions:
            files = fingerprint(self._models_dir / str(version))
            if (version, files) == self._served:
                self._refused.pop(version, None)
                return None
            if version not in self._refused or self._refused[version].files != files:
                classifier = self._try(version, files)
                if classifier is not None:
                    return classifier
            if self._served is not None and self._served.version == version:
                return None  # spoilt on disk, in memory as good as ever
        return None

    def _try(self, version: int, files: Fingerprint) -> Version_co | None:
        self._load = self._load or self._loader()
        try:
            classifier = self._load(self._models_dir / str(version))
        except ModelError as error:
            why = str(error)
        except Exception as error:
            why = f"Version {version} could not be loaded: {in_one_line(error)}"
            logger.debug("Where it failed", exc_info=True)
        else:
            self._served = _Served(version, files)
            self._refused.pop(version, None)
            if self._observer is not None:
                self._observer.version_loaded()
            return classifier
        if self._observer is not None:
            self._observer.version_refused()
        logger.warning("Version %d is refused: %s", version, why)
        self._refused[version] = _Refusal(why, files)
        return None

    def _reasons(self) -> dict[int, str]:
        return {version: refusal.why for version, refusal in self._refused.items()}

    def _trouble(self, versions: list[int]) -> str | None:
        if self._served is not None and self._served.version not in versions:
            return (
                f"The folder of version {self._served.version} is gone, and {self._models_dir} "
                "holds no other good one. It goes on from memory."
            )
        newest = self._refused.get(versions[0]) if versions else None
        return newest.why if newest else None
