"""The least that reading a folder of pictures could take; apart, to import nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from app.inference.classifier import Classifier


def decode_and_read(folder: Path, classifier: Classifier) -> None:
    """Decode each file, then read them all in the best batches."""
    pictures = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    images = np.stack(pictures).astype(np.float32) / np.float32(255)  # (n, 28, 28)
    best = classifier.batch_sizes[-1]
    for first in range(0, len(images), best):
        classifier.classify(images[first : first + best])
