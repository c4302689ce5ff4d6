"""Which version to serve: the newest that can be trusted, or the one that is pinned."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

from app.errors import ModelError
from app.inference.classifier import Classifier
from app.inference.saved_model import SavedModelClassifier

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Loaded:
    """A classifier that answers, and why each newer version was passed over."""

    classifier: Classifier
    refused: dict[int, str] = field(default_factory=dict)


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


def load_newest(models_dir: Path, pinned: int | None = None) -> Loaded:
    """Load the newest version that passes every check, or only `pinned`.

    Raises `ModelError` when no version can be served; its message holds the reason for the newest
    one.
    """
    versions = find_versions(models_dir)
    if pinned is not None:
        if pinned not in versions:
            raise ModelError(
                f"{models_dir} has no version {pinned}, which ROWSCAN_MODEL_VERSION asks for."
            )
        versions = [pinned]
    if not versions:
        raise ModelError(
            f"{models_dir} holds no version. Train one (make train) or set ROWSCAN_MODELS_DIR."
        )
    refused: dict[int, str] = {}
    for version in versions:
        try:
            classifier = SavedModelClassifier.load(models_dir / str(version))
        except ModelError as error:
            refused[version] = str(error)
        else:
            for number, reason in refused.items():
                logger.warning("version %d is passed over: %s", number, reason)
            return Loaded(classifier, refused)
    raise ModelError(refused[versions[0]])
