"""The least that reading a folder of pictures could take; apart, to import nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from app.inference.classifier import Classifier


def decode_and_read(folder: Path, classifier: Classifier) -> None:
    """Decode each file, then read them all as many at a time as it takes."""
    pictures = [np.asarray(Image.open(path)) for path in sorted(folder.iterdir())]
    images = np.stack(pictures).astype(np.float32) / np.float32(255)  # (n, 28, 28)
    most = classifier.most_images
    for first in range(0, len(images), most):
        classifier.classify(images[first : first + most])
