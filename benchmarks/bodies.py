"""What the load consists of: one golden sample of the served version, in three ways."""

from __future__ import annotations

import io
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from app.inference.manifest import read_manifest
from app.inference.versions import find_versions
from training.pictures import encode_png

Grey = NDArray[np.uint8]
BOUNDARY = "rowscan-benchmark"
MOST_IMAGES = 256  # in one request, as the service has it
QUEUED_IMAGES = 1024  # in all of them together, likewise


class Body(NamedTuple):
    """What is posted again and again."""

    path: str
    content_type: str
    content: bytes
    images: int = 1

    def request(self, port: int) -> bytes:
        """Return the bytes of the whole HTTP request."""
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
            f"Content-Type: {self.content_type}\r\nContent-Length: {len(self.content)}\r\n\r\n"
        )
        return head.encode() + self.content


def single_bodies(models_dir: Path) -> dict[str, Body]:
    """Return the two ways to send one digit, by name."""
    png = encode_png(golden_images(models_dir)[0])
    return {
        "multipart": Body("/predict", f"multipart/form-data; boundary={BOUNDARY}", form(png)),
        "raw": Body("/predict", "image/png", png),
    }


def bulk_body(models_dir: Path, connections: int) -> Body:
    """Return a .npy body of as many images as so many connections can have under way each."""
    images = golden_images(models_dir)
    count = min(MOST_IMAGES, QUEUED_IMAGES // connections)
    file = io.BytesIO()
    np.save(file, np.stack([images[at % len(images)] for at in range(count)]))
    return Body("/predict/batch", "application/x-npy", file.getvalue(), count)


def golden_images(models_dir: Path) -> list[Grey]:
    """Return the golden samples of the served version, (28, 28) each."""
    golden = read_manifest(models_dir / str(find_versions(models_dir)[0])).golden
    return [(sample.image() * 255).round().astype(np.uint8) for sample in golden.samples]


def form(file: bytes) -> bytes:
    """Return a multipart body with one file part named `file`."""
    head = (
        f"--{BOUNDARY}\r\n"
        'Content-Disposition: form-data; name="file"; filename="digit.png"\r\n'
        "Content-Type: image/png\r\n\r\n"
    )
    return head.encode() + file + f"\r\n--{BOUNDARY}--\r\n".encode()
