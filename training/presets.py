"""Presets: what one training run does otherwise than another, frozen, with what it gave.

A published version records its preset, and the source revision that holds all the rest: what is
drawn, how ink is degraded, how much a stranger weighs. With both it can be made again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from training.errors import UnknownPresetError


@dataclass(frozen=True)
class Distortion:
    """Bounds of what each training image goes through, drawn uniformly between them."""

    rotation_rad: float
    shear: float
    scale: tuple[float, float]
    shift_px: float
    elastic_px: float = 0.0  # standard deviation of the smooth displacement
    stroke: float = 0.0  # 1: strokes up to 1 px thicker and half a pixel thinner on each side
    degrade_every: int | None = None  # of so many images one has its ink and paper degraded too


@dataclass(frozen=True)
class Drawn:
    """Pictures that `training.drawn` adds to the data set, and their shares of each batch."""

    printed: int
    printed_share: float
    written: int  # by other hands than MNIST's
    written_share: float
    strangers: int
    stranger_share: float


@dataclass(frozen=True)
class Preset:
    """One training recipe. Every field acts; none is decoration."""

    name: str
    # Network
    units: int
    readings: tuple[Literal["rows", "columns"], ...]
    bidirectional: bool
    pooling: Literal["last", "max_mean"]
    dropout: float
    # Data
    batch_size: int
    shuffle_buffer: int | None  # None: a full permutation every epoch
    distortion: Distortion | None
    drawn: Drawn | None  # with it, the network has an eleventh output: the stranger's
    # Schedule: `epochs` passes over the training split, or `steps` batches of an endless stream
    epochs: int | None
    steps: int | None
    log_every_steps: int | None  # print the batch's loss and accuracy this often
    peak_learning_rate: float
    warmup_fraction: float | None  # None: a constant learning rate, no decay
    # Regularisation
    label_smoothing: float
    clip_norm: float | None
    average_decay: float  # of the weights' exponential moving average; 0: the last weights
    light_epochs: int = 0  # the last ones: distortions half as strong, degraded ink half as often
    # The preset whose networks, of these seeds, are trained first and teach this one
    taught_by: str | None = None
    teacher_seeds: tuple[int, ...] = ()
    teacher_share: float = 0.0  # of each target, that is what they answer, in turn

    def __post_init__(self) -> None:
        """Refuse a preset whose length is not clear, or of which a part would not act."""
        if (self.epochs is None) == (self.steps is None):
            raise ValueError(f"preset {self.name}: give epochs or steps, one of the two")
        if self.shuffle_buffer is not None and (self.distortion or self.drawn):
            raise ValueError(
                f"preset {self.name}: with a shuffle buffer nothing is distorted or drawn; "
                "set shuffle_buffer to None"
            )
        if len({self.taught_by is None, not self.teacher_seeds, not self.teacher_share}) > 1:
            raise ValueError(
                f"preset {self.name}: give teachers, their seeds and their share, or none of them"
            )
        if len(set(self.teacher_seeds)) < len(self.teacher_seeds):
            raise ValueError(f"preset {self.name}: give each teacher's seed once")

    @property
    def total_epochs(self) -> int:
        """How many epochs the history of a whole run has: one, when its length is in steps."""
        return self.epochs or 1


TUTORIAL = Preset(
    name="tutorial",
    units=32,
    readings=("rows",),
    bidirectional=False,
    pooling="last",
    dropout=0.0,
    batch_size=32,
    shuffle_buffer=5000,
    distortion=None,
    drawn=None,
    epochs=None,
    steps=1000,
    log_every_steps=100,
    peak_learning_rate=1e-3,
    warmup_fraction=None,
    label_smoothing=0.0,
    clip_norm=None,
    average_decay=0.0,
)
"""The recurrent-network example as written: LSTM 32 over rows, Adam 0.001, 1000 batches of 32.

MNIST test: 89.1%, five seeds from 87.2 to 91.0; the example itself, run eagerly, gives 87 to 90.
`python -m training train --preset tutorial --seed 1` … `--seed 5`
"""

HANDS_AND_PENS = Distortion(
    rotation_rad=0.26,
    shear=0.35,
    scale=(0.8, 1.2),
    shift_px=2.5,
    elastic_px=1.2,
    stroke=0.8,
    degrade_every=3,
)
"""What pens, scanners and cameras do to a digit, and what other hands make of it."""

PEOPLE = Preset(
    name="people",
    units=144,
    readings=("rows",),
    bidirectional=True,
    pooling="max_mean",
    dropout=0.2,
    batch_size=128,
    shuffle_buffer=None,
    distortion=HANDS_AND_PENS,
    drawn=Drawn(
        printed=6_000,
        printed_share=0.03,
        written=20_000,
        written_share=0.09,
        strangers=30_000,
        stranger_share=0.1,
    ),
    epochs=90,
    steps=None,
    log_every_steps=None,
    peak_learning_rate=3e-3,
    warmup_fraction=0.05,
    label_smoothing=0.05,
    clip_norm=1.0,
    average_decay=0.999,
    light_epochs=8,
)
"""The rows by a bidirectional LSTM 144, with all that pens, scanners and cameras do to a digit,
with digits of print and of other hands than MNIST's, and with strangers to tell apart.

MNIST test: 99.59, 99.67 and 99.67% (seeds 1 to 3, which come with the source), by revision e257e0f;
82 minutes beside other work.
`python -m training train --preset people --seed 1`
"""

DEFAULT = replace(
    PEOPLE,
    name="default",
    epochs=70,
    light_epochs=16,
    taught_by="people",
    teacher_seeds=(1, 2, 3),
    teacher_share=0.8,
)
"""What ships: as `people`, from random weights, taught by three of its networks.

MNIST test: 99.68, 99.73 and 99.70% (seeds 1 to 3), the first in 64 minutes beside other work, by
revision 874cce2 and other teachers than those that come with the source; the others by 677df39.
`python -m training train --preset default --seed 1`
"""

PRESETS = {preset.name: preset for preset in (TUTORIAL, PEOPLE, DEFAULT)}


def find_preset(name: str) -> Preset:
    """Return the preset called `name`; raises `UnknownPresetError` that lists those there are."""
    try:
        return PRESETS[name]
    except KeyError:
        known = ", ".join(sorted(PRESETS))
        raise UnknownPresetError(f"There is no preset {name!r}. Choose one of: {known}.") from None
