"""Bodies that come in together are read together, each as if it had come alone."""

from __future__ import annotations

import asyncio
import time

import numpy as np
import pytest
from numpy.typing import NDArray

from app.api import intake as intake_module
from app.api.bodies import Body
from app.api.explain import encode_png
from app.api.intake import FEW, GROUP, Intake
from app.api.reading import Reader
from app.errors import BlankImageError, UndecodableImageError, UnsupportedImageError
from app.imaging import DecodeLimits, decode
from tests.app.ways_in import SEVEN_PNG

SEVEN = decode(SEVEN_PNG).copy()
SEVEN[8, 7:21] = 200  # soft, as scaled strokes are: recognised as framed
FRAMED = Body("image/png", encode_png(SEVEN))
DARK = Body("image/png", encode_png(255 - SEVEN))
SHIFTED = Body("image/png", encode_png(np.roll(SEVEN, 4, axis=1)))  # to be framed anew
LARGER = Body("image/png", encode_png(SEVEN.repeat(2, axis=0).repeat(2, axis=1)))
BLANK = Body("image/png", encode_png(np.zeros((28, 28), np.uint8)))
TORN = Body("image/png", SEVEN_PNG[:-30])
TEXT = Body("text/plain", b"seven")
TWO_HEADED = Body("image/png", FRAMED.data[:33] + LARGER.data[8:])  # 28 × 28, and then 56 × 56
GOOD = (FRAMED, DARK, SHIFTED, LARGER)


async def read(*bodies: Body) -> list[NDArray[np.float32] | BaseException]:
    """What becomes of each of several bodies that come in at once."""
    reader = Reader(DecodeLimits(), max_batch_images=10)
    deadline = time.monotonic() + 60
    found = await asyncio.gather(
        *(reader.read_pixels(body, deadline) for body in bodies), return_exceptions=True
    )
    reader.close()
    return found


@pytest.mark.parametrize("copies", [1, FEW, GROUP])
async def test_company_changes_nothing(copies: int) -> None:
    """Few or many, more than are read at a stretch too: each has the pixels that it has alone."""
    alone = [(await read(body))[0] for body in GOOD]
    together = await read(*(GOOD * copies))
    np.testing.assert_array_equal(together, alone * copies)


async def test_a_bad_one_leaves_the_others_intact() -> None:
    """Each has the error that it would have alone."""
    alone = (await read(FRAMED))[0]
    found = await read(FRAMED, BLANK, TORN, TEXT, TWO_HEADED, *(FRAMED,) * FEW)
    kinds = [type(each) for each in found[1:5]]
    assert kinds == [
        BlankImageError, UndecodableImageError, UnsupportedImageError, UndecodableImageError,
    ]  # fmt: skip
    for each in (found[0], *found[5:]):
        np.testing.assert_array_equal(each, alone)


async def test_a_fault_of_ours_reaches_all_who_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is an error for each, not an answer that never comes."""

    def fail(_: object) -> None:
        raise ValueError("unforeseen")

    monkeypatch.setattr(intake_module, "read_framed", fail)
    found = await asyncio.wait_for(read(*(FRAMED,) * FEW, TEXT), timeout=60)
    assert [type(each) for each in found] == [ValueError] * FEW + [UnsupportedImageError]


async def test_who_has_left_is_passed_over() -> None:
    """A request that is gone is not read, and the others do not wait for it."""
    intake = Intake(DecodeLimits())
    torn, *others = [intake.read(body) for body in (TORN, *(FRAMED,) * FEW)]
    torn.cancel()
    assert all(taken.pixels is not None for taken in await asyncio.gather(*others))
    assert torn.cancelled()
