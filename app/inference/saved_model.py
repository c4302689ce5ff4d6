"""A published version, verified and compiled: images (n, 28, 28) in, scores of n images out.

A batch is read in one call of a compiled program, or in a few.
"""

from __future__ import annotations

import weakref
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from app.errors import ModelError
from app.inference.contract import Scores, join
from app.inference.manifest import Manifest, check_files, read_manifest
from app.inference.programs import Programs
from app.inference.sizes import MOST_IMAGES, PROGRAM_SIZES, most_images, next_call

GRAPH = "saved_model.pb"
ASSETS = "assets/"  # files that a graph reads

Graph = frozenset[tuple[str, str]]  # names and digests of the files that make one up


class Spares:
    """Compiled programs whose version is not served any more, for the next version of their graph.

    TensorFlow never frees what XLA has compiled: some 10 MiB each time that a version is loaded
    anew. With spares, a graph is compiled twice however many of its versions come and go.
    """

    def __init__(self) -> None:
        self._free: dict[Graph, list[Programs]] = {}

    def get(self, version_dir: Path, manifest: Manifest) -> Programs:
        """Programs with the weights of a version, whose files have been checked."""
        free = self._free.setdefault(_graph_of(manifest), [])
        if not free:
            return Programs.load(version_dir)
        free[0].take_weights(version_dir)
        return free.pop(0)

    def lend(self, programs: Programs, classifier: SavedModelClassifier) -> None:
        """Have the programs back as soon as nobody holds the classifier."""
        free = self._free.setdefault(_graph_of(classifier.manifest), [])
        weakref.finalize(classifier, free.append, programs).atexit = False


def _graph_of(manifest: Manifest) -> Graph:
    """Return what two versions must share so that only their weights differ."""
    return frozenset(
        (name, digest.sha256)
        for name, digest in manifest.files.items()
        if name == GRAPH or name.startswith(ASSETS)
    )


class SavedModelClassifier:
    """A `Classifier` over one verified SavedModel version."""

    most_images = MOST_IMAGES

    def __init__(self, manifest: Manifest, programs: Programs) -> None:
        self.manifest = manifest
        self.programs = programs

    @classmethod
    def load(cls, version_dir: Path, spares: Spares | None = None) -> SavedModelClassifier:
        """Verify a version, compile it, warm it up and let it read its golden samples.

        What is compiled already among the `spares` is not compiled again. Raises `ModelError` when
        a file, a signature, an output or a golden answer is not as the manifest says.
        """
        manifest = read_manifest(version_dir)
        check_files(version_dir, manifest)
        programs = spares.get(version_dir, manifest) if spares else Programs.load(version_dir)
        classifier = cls(manifest, programs)
        if spares:
            spares.lend(programs, classifier)
        classifier._check_golden_samples(version_dir)
        return classifier

    def classify(self, images: NDArray[np.float32]) -> Scores:
        """Return the scores of images float32 (n, 28, 28), 0..1."""
        parts, left = [], images
        while len(left):
            size, count = next_call(len(left))
            parts.append(self.programs.run(size, left[:count]))
            left = left[count:]
        return join(parts)

    def _check_golden_samples(self, version_dir: Path) -> None:
        """Let every compiled program read the golden samples; raise when one answer is off."""
        golden = self.manifest.golden
        images, expected = golden.images(), golden.scores()
        for size in PROGRAM_SIZES:
            most = most_images(size)
            for start in range(0, len(images), most):
                batch = images[start : start + most]
                scores = self.programs.run(size, batch)
                if not scores.are_of(len(batch)):
                    raise ModelError(
                        f"{version_dir} answers with numbers that are not finite. Remove it."
                    )
                error = scores.off_by(expected.part(start, start + most))
                if error > golden.tolerance:
                    raise ModelError(
                        f"{version_dir} does not reproduce its golden samples: off by {error:.2g}, "
                        f"where {golden.tolerance:g} is allowed. Restore it or remove the version."
                    )
