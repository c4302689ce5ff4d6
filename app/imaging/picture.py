"""Pictures, as files or grey values → the digits on them, by the quickest way that is right.

Uploads and the files of the command line are both read here, so that they get the same answer. A
picture that stands in the MNIST frame already, as those of programs mostly do, is told from sums:
alone, or many at once.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import ParamSpec, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.errors import RequestError
from app.imaging import IMAGE_SIDE, DecodeLimits, Digit, decode, normalise, read_digit
from app.imaging.bounds import is_png_of
from app.imaging.framed import framed_digit, read_framed

P = ParamSpec("P")
Read = TypeVar("Read")
Pixels = NDArray[np.float32]  # (28, 28), 0 paper .. 1 ink
logger = logging.getLogger(__name__)


def read_picture(picture: bytes | NDArray[np.uint8], limits: DecodeLimits) -> Digit:
    """The digit of an image file, or of grey values (28, 28), 0..255.

    Raises what `decode` and `normalise` raise.
    """
    if not isinstance(picture, np.ndarray):
        if not is_png_of(picture, IMAGE_SIDE):
            return read_digit(picture, limits)
        picture = decode(picture, limits)
    return framed_digit(picture) or normalise(picture)


def read_files(files: Iterable[bytes], limits: DecodeLimits) -> list[Pixels | RequestError]:
    """The digit of each image file as the network reads it, or why there is none.

    Each file is let go of before the next is asked for.
    """
    found: list[Pixels | RequestError] = []
    small: dict[int, NDArray[np.uint8]] = {}  # 28 × 28 as they are, by place, to be told together
    for place, file in enumerate(files):
        if is_png_of(file, IMAGE_SIDE):
            grey = or_error(decode, file, limits)
            if isinstance(grey, np.ndarray):
                small[place] = grey
                found.append(np.empty(0, np.float32))  # in whose place one of the digits comes
            else:
                found.append(grey)
        else:
            digit = or_error(read_digit, file, limits)
            found.append(digit.pixels if isinstance(digit, Digit) else digit)
    for place, pixels in zip(small, _read_small(list(small.values())), strict=True):
        found[place] = pixels
    return found


def _read_small(pictures: Sequence[NDArray[np.uint8]]) -> list[Pixels | RequestError]:
    """The digits of grey pictures (28, 28), 0..255."""
    if not pictures:
        return []
    framed, known = read_framed(np.stack(pictures))  # (k, 28, 28), (k,)
    found: list[Pixels | RequestError] = list(framed)
    for place in np.flatnonzero(~known).tolist():
        digit = or_error(normalise, pictures[place])
        found[place] = digit.pixels if isinstance(digit, Digit) else digit
    return found


def or_error(read: Callable[P, Read], *what: P.args, **how: P.kwargs) -> Read | RequestError:
    """What `read` returns, or the error that it raises: one of many must not spoil the others."""
    try:
        return read(*what, **how)
    except RequestError as error:
        return error
    except Exception:
        logger.exception("a picture could not be read, unexpectedly")
        return RequestError("The image could not be read. The fault is ours.")
