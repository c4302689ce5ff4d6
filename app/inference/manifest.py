"""The contract of a published version: what `assets.extra/manifest.json` says and binds.

Training writes it last, when every other file of the version lies there; serving reads it first and
touches no file that it does not list. A SavedModel is code, so this is also what keeps foreign code
out.
"""

from __future__ import annotations

import base64
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, ValidationError, model_validator

from app.errors import ModelError
from app.imaging import IMAGE_SIDE
from app.inference.contract import CLASSES, INPUT, OUTPUTS, Scores, TensorContract
from app.inference.version_files import (
    MANIFEST_PATH,
    FileDigest,
    Part,
    Sha256,
    digest_file,
    list_files,
)

MODEL_NAME: Final = "digits"
FORMAT: Final = 3  # raised when a reader of the old format could not read the new one
MAX_MANIFEST_BYTES = 1_000_000

Probability = Annotated[float, Field(ge=0, le=1)]
Novelty = Annotated[float, Field(ge=0, le=1)]  # higher: less like a digit


class GoldenSample(Part):
    """One image with the answer that the version gave when it was exported."""

    label: int = Field(ge=0, lt=CLASSES)
    pixels: str  # base64 of 28 × 28 uint8, row by row, light ink on dark
    probabilities: tuple[Probability, ...] = Field(min_length=CLASSES, max_length=CLASSES)
    novelty: Novelty

    def image(self) -> NDArray[np.float32]:
        """Return the image as the network takes it: float32 (28, 28), 0..1."""
        raw = np.frombuffer(base64.b64decode(self.pixels, validate=True), np.uint8)
        return raw.reshape(IMAGE_SIDE, IMAGE_SIDE).astype(np.float32) / np.float32(255)


class Golden(Part):
    """The golden samples, and how far what is served may lie from what was recorded."""

    tolerance: float = Field(gt=0, lt=0.1)
    samples: tuple[GoldenSample, ...] = Field(min_length=1)

    def images(self) -> NDArray[np.float32]:
        """Return the images of all samples: float32 (samples, 28, 28), 0..1."""
        return np.stack([sample.image() for sample in self.samples])

    def scores(self) -> Scores:
        """Return the recorded answers to all samples."""
        return Scores(
            np.array([sample.probabilities for sample in self.samples], np.float32),
            np.array([sample.novelty for sample in self.samples], np.float32),
        )


class Stage(Part):
    """A training that this one goes back to, on the same data."""

    preset: dict[str, object]
    seed: int
    duration_s: float
    source_revision: str


class Training(Part):
    """How the version was made, so that it can be made again."""

    preset: dict[str, object]
    seed: int
    duration_s: float
    data: dict[str, Sha256]  # sha256 of the decompressed data files
    split: dict[str, int]  # images in each split
    source_revision: str
    libraries: dict[str, str]
    machine: str
    # Those before, whose networks taught this one.
    stages: tuple[Stage, ...]


class TestFigures(Part):
    """What the version scored on the images that no choice was made on."""

    __test__ = False  # not a test class, whatever its name begins with

    images: int
    correct: int
    accuracy: Probability
    expected_calibration_error: Probability
    negative_log_likelihood: float


class Manifest(Part):
    """All that a reader must know of a published version."""

    format: Literal[3] = FORMAT
    model: Literal["digits"] = MODEL_NAME
    version: int = Field(ge=1)
    created: datetime
    files: dict[str, FileDigest] = Field(min_length=1)
    input: TensorContract  # of every signature
    outputs: dict[str, tuple[TensorContract, ...]]  # of each signature, by its name
    classes: tuple[str, ...] = Field(min_length=CLASSES, max_length=CLASSES)
    temperature: float = Field(gt=0)  # the exported softmax divides the logits by it
    max_novelty: Novelty  # above it, the service says that the picture is no digit
    flops: int = Field(ge=0)  # of one image's forward pass
    parameters: int = Field(ge=0)
    training: Training
    test: TestFigures
    golden: Golden

    @model_validator(mode="after")
    def _is_what_is_served(self) -> Manifest:
        """A version of other tensors may be a fine one, but is not one that this service feeds."""
        if self.input.layout != INPUT.layout:
            raise ValueError(f"its input must be {INPUT.layout}")
        for name, outputs in OUTPUTS.items():
            wanted = [each.layout for each in outputs]
            if [each.layout for each in self.outputs.get(name, ())] != wanted:
                raise ValueError(f"the outputs of {name} must be {wanted}")
        return self


def read_manifest(version_dir: Path) -> Manifest:
    """Read and check the manifest in `version_dir`; raises `ModelError` that says what is wrong."""
    if not version_dir.is_dir():
        raise ModelError(f"There is no version in {version_dir}. Name a folder that holds one.")
    path = version_dir / MANIFEST_PATH
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MANIFEST_BYTES + 1)
    except OSError as error:
        raise ModelError(
            f"{path} cannot be read ({error.strerror}). Restore it or remove the version."
        ) from error
    if len(content) > MAX_MANIFEST_BYTES:
        raise ModelError(
            f"{path} is larger than {MAX_MANIFEST_BYTES} bytes. Restore it or remove the version."
        )
    try:
        manifest = Manifest.model_validate_json(content)
        manifest.golden.images()
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise ModelError(
            f"{path} is not a manifest of format {FORMAT}: {where}: {first['msg']}. "
            "Publish the version again or remove it."
        ) from error
    except ValueError as error:
        raise ModelError(f"{path} has a golden sample that is not a 28×28 image.") from error
    if version_dir.name != str(manifest.version):
        raise ModelError(
            f"{version_dir} holds version {manifest.version}. Rename the folder to that number."
        )
    return manifest


def check_files(version_dir: Path, manifest: Manifest) -> None:
    """Check that the folder holds exactly the files that the manifest lists, byte for byte.

    Raises `ModelError` that names the first file that is missing, changed, unlisted or a link.
    """
    present = set(list_files(version_dir))
    listed = set(manifest.files)
    for name in sorted(listed - present):
        raise ModelError(f"{version_dir / name} is missing. Restore it or remove the version.")
    for name in sorted(present - listed):
        raise ModelError(
            f"{version_dir / name} is not in the manifest. Remove it or publish the version again."
        )
    for name, expected in sorted(manifest.files.items()):
        if digest_file(version_dir / name) != expected:
            raise ModelError(
                f"{version_dir / name} is not the published file. Restore it or remove the version."
            )


def write_manifest(version_dir: Path, manifest: Manifest) -> None:
    """Write `manifest` into a version that is being made."""
    path = version_dir / MANIFEST_PATH
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(manifest.model_dump_json(indent=2) + "\n", encoding="utf-8")
