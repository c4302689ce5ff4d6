"""Small pictures that come in together are read together: one step over all, then the next.

    body ─▶ whatever else came in the same turn of the event loop ─▶ image ─▶ grey ─▶ framed pixels

A step that is done for one request after the other finds its code and tables in the processor's
caches. With requests handled each from end to end, as if it were alone, everything in between has
taken their place: reading took 170 µs of a request, and takes 70 when sixteen come together. A lone
request waits for nobody.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from app.api.bodies import Body
from app.api.inputs import Image, one_image
from app.imaging import IMAGE_SIDE, DecodeLimits, decode
from app.imaging.bounds import is_png_of, is_quick_png
from app.imaging.decode import decode_plain
from app.imaging.framed import read_framed

Thing = TypeVar("Thing")
Made = TypeVar("Made")

GROUP: Final = 32
"""Requests read at a stretch, which takes 2 ms; others of the event loop have their turn then."""

STRETCH_S: Final = 0.004
"""For how long bodies are taken apart at a stretch: some are made to take long."""

FEW: Final = 4
"""Pictures for which the frame is quicker told of each alone than of all at once."""


class Taken(NamedTuple):
    """A request's image, as far as it could be read on the way."""

    image: Image  # as it was sent, or its grey values (28, 28) uint8
    pixels: NDArray[np.float32] | None  # (28, 28), 0 paper .. 1 ink; None: it takes more to read it


Waiting = tuple[asyncio.Future[Taken], Thing]


class Intake:
    """Collects the bodies of /predict that come in one turn of the event loop, and reads them."""

    def __init__(self, limits: DecodeLimits) -> None:
        self._limits = limits
        self._waiting: deque[Waiting[Body]] = deque()

    def read(self, body: Body) -> asyncio.Future[Taken]:
        """The image of a body, to be awaited; fails with what `one_image` and `decode` raise."""
        loop = asyncio.get_running_loop()
        taken: asyncio.Future[Taken] = loop.create_future()
        if not self._waiting:
            loop.call_soon(self._read_group)
        self._waiting.append((taken, body))
        return taken

    def _read_group(self) -> None:
        group: list[Waiting[Body]] = []
        images: list[Waiting[Image]] = []
        ends = time.monotonic() + STRETCH_S
        while self._waiting and len(group) < GROUP and time.monotonic() < ends:
            group.append(self._waiting.popleft())
            images += _each(one_image, group[-1:])
        if self._waiting:
            asyncio.get_running_loop().call_soon(self._read_group)
        try:
            self._read_together(images)
        except Exception as error:  # a fault of ours, which nobody must wait for in vain
            for taken, _ in group:
                if not taken.done():
                    taken.set_exception(error)

    def _read_together(self, taken_apart: list[Waiting[Image]]) -> None:
        images = _each(self._decoded, taken_apart)
        small = [(taken, grey) for taken, grey in images if isinstance(grey, np.ndarray)]
        if len(small) >= FEW:
            pixels, known = read_framed(np.stack([grey for _, grey in small]))
            for place in np.flatnonzero(known).tolist():
                taken, grey = small[place]
                taken.set_result(Taken(grey, pixels[place]))
        for taken, image in images:
            if not taken.done():
                taken.set_result(Taken(image, None))

    def _decoded(self, image: Image) -> Image:
        """Grey values (28, 28) of a plain PNG of that size; anything else as it is."""
        if not isinstance(image, bytes) or not is_png_of(image, IMAGE_SIDE):
            return image
        plain = decode_plain(image, self._limits)
        if plain is not None:
            return plain
        return decode(image, self._limits) if is_quick_png(image, IMAGE_SIDE) else image


def _each(step: Callable[[Thing], Made], group: Iterable[Waiting[Thing]]) -> list[Waiting[Made]]:
    """Take a step for each request that still waits; those for which it fails are told so."""
    made: list[Waiting[Made]] = []
    for taken, thing in group:
        if taken.done():  # its client has left
            continue
        try:
            made.append((taken, step(thing)))
        except Exception as error:  # goes where it would have gone if the request were alone
            taken.set_exception(error)
    return made
