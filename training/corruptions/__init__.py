"""MNIST's test images, damaged in the fifteen ways of MNIST-C; for evaluation alone.

    images (n, 28, 28) uint8 ─ corrupt(kind, seed) ─▶ the same images, damaged

The kinds, their parameters and the severity of each are those of N. Mu and J. Gilmer, "MNIST-C: A
Robustness Benchmark for Computer Vision", 2019, arXiv:1906.02337, and of the published generator
where the paper leaves them open. The code is our own, so the pixels differ from the published files
by the random numbers, and in the last bits.

Each kind is a function of float32 images (n, 28, 28), 0..1, light ink on dark, and a source of
random numbers, and returns images of the same kind.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from training.corruptions.blur import glass_blur, motion_blur
from training.corruptions.edges import canny_edges
from training.corruptions.geometry import rotate, scale, shear, translate
from training.corruptions.light import brightness, fog, stripe
from training.corruptions.lines import dotted_line, zigzag
from training.corruptions.noise import impulse_noise, shot_noise, spatter

__all__ = ["KINDS", "corrupt"]

KINDS: Final[
    Mapping[str, Callable[[NDArray[np.float32], np.random.Generator], NDArray[np.float32]]]
] = {
    "shot noise": shot_noise,
    "impulse noise": impulse_noise,
    "glass blur": glass_blur,
    "motion blur": motion_blur,
    "shear": shear,
    "scale": scale,
    "rotate": rotate,
    "brightness": brightness,
    "translate": translate,
    "stripe": stripe,
    "fog": fog,
    "spatter": spatter,
    "dotted line": dotted_line,
    "zigzag": zigzag,
    "canny edges": canny_edges,
}
"""In the order of the published list."""

CHUNK_IMAGES: Final = 250
"""Damaged at a time, with random numbers of their own: an image gets the same whatever follows it,
and fog needs no more than 100 MB."""


def corrupt(images: NDArray[np.uint8], kind: str, seed: int = 0) -> NDArray[np.uint8]:
    """Return images (n, 28, 28) damaged in one of `KINDS`; the same for the same seed."""
    damage, number = KINDS[kind], list(KINDS).index(kind)
    damaged = np.empty_like(images)
    for start in range(0, len(images), CHUNK_IMAGES):
        chunk = slice(start, start + CHUNK_IMAGES)
        random = np.random.default_rng([seed, number, start])
        clean = images[chunk].astype(np.float32) / np.float32(255)
        damaged[chunk] = np.rint(np.clip(damage(clean, random), 0, 1) * 255)
    return damaged
