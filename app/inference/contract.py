"""What every published version takes and gives: the tensors of its signatures, and `Scores`.

The manifest repeats the tensors, the SavedModel must have them, the service feeds and reads them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, Field

from app.imaging import IMAGE_SIDE

CLASSES: Final = 10

Layout = tuple[str, str, tuple[int | None, ...] | None]  # name, dtype, shape; None: any rank


class TensorContract(BaseModel, frozen=True, extra="forbid"):
    """One tensor of a signature; null in `shape` is a free dimension."""

    name: str = Field(min_length=1)
    dtype: Literal["float32"] = "float32"
    shape: tuple[int | None, ...]
    meaning: str

    @property
    def layout(self) -> Layout:
        """What a signature must agree with."""
        return self.name, self.dtype, self.shape


INPUT: Final = TensorContract(
    name="image",
    shape=(None, IMAGE_SIDE, IMAGE_SIDE),
    meaning="batch, height, width; 0..1, light ink on dark, in the MNIST frame",
)
PROBABILITIES: Final = TensorContract(
    name="probabilities", shape=(None, CLASSES), meaning="batch, digit; each row sums to 1"
)
NOVELTY: Final = TensorContract(
    name="novelty", shape=(None,), meaning="batch; 0..1, higher: less like a digit"
)
# The first is what any server of SavedModels calls, the second what this service compiles and
# calls. Both take INPUT and read the same weights.
DEFAULT_SIGNATURE: Final = "serving_default"
NOVELTY_SIGNATURE: Final = "serving_novelty"
OUTPUTS: Final = {
    DEFAULT_SIGNATURE: (PROBABILITIES,),
    NOVELTY_SIGNATURE: (PROBABILITIES, NOVELTY),
}


class Scores(NamedTuple):
    """What a version says of n images, in their order."""

    probabilities: NDArray[np.float32]  # (n, 10), each row sums to 1
    novelty: NDArray[np.float32]  # (n,), 0..1, higher: less like a digit

    def part(self, first: int, last: int | None) -> Scores:
        """Return what it says of the images `first` to `last`, as a slice has them."""
        return Scores(self.probabilities[first:last], self.novelty[first:last])

    def are_of(self, images: int) -> bool:
        """Whether they are of so many images, all of them finite."""
        return all(len(each) == images and np.isfinite(each).all() for each in self)

    def are_digits(self, max_novelty: float) -> NDArray[np.bool_]:
        """Return of each image whether it is a digit to a version of that threshold: bool (n,).

        Compared in 64 bits: the threshold is one of Python's floats.
        """
        return self.novelty.astype(np.float64) <= max_novelty

    def off_by(self, other: Scores) -> float:
        """Return how far the two lie apart, where they do so most; NaN where one is no number."""
        each = [np.abs(mine - theirs).max() for mine, theirs in zip(self, other, strict=True)]
        return float(np.max(each))  # unlike max(), which would pass over a NaN


def join(parts: Iterable[Scores]) -> Scores:
    """Return the scores of the images of all parts, at least one, as one."""
    first, *others = parts
    if not others:  # as nearly always: a request of one image
        return first
    probabilities, novelty = zip(first, *others, strict=True)
    return Scores(np.concatenate(probabilities), np.concatenate(novelty))
