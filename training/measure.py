"""The evaluation: sets of pictures through a version or a service, figures and galleries out.

Plan ─ load ─▶ sets ─ Subject.read ─▶ readings ─ figures ─▶ tables, JSON
                                               └ gallery ─▶ page
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from training.answers import Reading, Subject
from training.corruptions import KINDS, corrupt
from training.data import Mnist, Split
from training.figures import (
    MNIST_NAME,
    CorruptionFigures,
    DigitFigures,
    Figures,
    OtherFigures,
    digit_scores,
    mean_corruption,
    score_corruption,
    score_digits,
    score_others,
)
from training.gallery import Gallery, Strip, accepted_gallery, corruption_strip, misread_gallery
from training.pictures import PictureSet, from_split, load_pictures

UNDAMAGED: Final = "none"


@dataclass(frozen=True)
class Plan:
    """What to measure on."""

    data: Mnist  # its test images come first
    pictures: Sequence[Path] = ()  # folders and npz files of labelled digits
    not_digits: Sequence[Path] = ()  # the same, of pictures that are not digits
    corruptions: bool = False  # the test images under each of MNIST-C's kinds of damage
    show: bool = False  # keep pictures for the page


@dataclass
class Measurement:
    """What was found, and some pictures of it."""

    figures: Figures
    galleries: Sequence[Gallery]
    strips: Sequence[Strip]


def measure(subject: Subject, plan: Plan, console: Console) -> Measurement:
    """Measure all that is planned. Every set is looked for before the work begins."""
    test = plan.data.test()
    digits = [load_pictures(path, labelled=True) for path in plan.pictures]
    others = [load_pictures(path, labelled=False) for path in plan.not_digits]
    run = _Run(subject, plan.show, _bar(console))
    with run.bar:
        mnist = from_split(MNIST_NAME, test)
        reading = run.read(mnist)
        run.note_digits(mnist, reading)
        for each in digits:
            run.note_digits(each, run.read(each))
        for each in others:
            run.note_others(each, run.read(each), reading)
        if plan.corruptions:
            for kind in (UNDAMAGED, *KINDS):
                run.note_corruption(kind, test)
    return run.measurement()


def measure_damage(subject: Subject, images: Split, name: str) -> Figures:
    """Read images, which are those called `name`, undamaged and under every kind of damage."""
    run = _Run(subject, show=False, bar=_bar(Console(quiet=True)))
    for kind in (UNDAMAGED, *KINDS):
        run.note_corruption(kind, images)
    return replace(run.measurement().figures, corrupted=name)


@dataclass
class _Run:
    """An evaluation under way: it reads sets and notes what came of them."""

    subject: Subject
    show: bool
    bar: Progress
    digits: list[DigitFigures] = field(default_factory=list)
    others: list[OtherFigures] = field(default_factory=list)
    corruptions: list[CorruptionFigures] = field(default_factory=list)
    galleries: list[Gallery] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)

    def read(self, pictures: PictureSet) -> Reading:
        """Read a set, under a bar of its own."""
        task = self.bar.add_task(pictures.name, total=len(pictures.pictures))
        reading = self.subject.read(pictures.pictures, lambda count: self.bar.advance(task, count))
        self.bar.remove_task(task)
        return reading

    def note_digits(self, pictures: PictureSet, reading: Reading) -> None:
        """Note how labelled digits were read."""
        self.digits.append(score_digits(pictures, reading))
        if self.show:
            self.galleries.append(misread_gallery(self.subject, pictures, reading))

    def note_others(self, pictures: PictureSet, reading: Reading, mnist: Reading) -> None:
        """Note how pictures that are not digits were told from MNIST's."""
        self.others.append(score_others(pictures, reading, digit_scores(mnist)))
        if self.show:
            self.galleries.append(accepted_gallery(self.subject, pictures, reading))

    def note_corruption(self, kind: str, split: Split) -> None:
        """Damage the images and read them, as arrays where possible, and as pictures."""
        images = split.images if kind == UNDAMAGED else corrupt(split.images, kind)
        frames = from_split(kind, Split(images, split.labels))
        pictures = PictureSet(kind, [replace(each, framed=False) for each in frames.pictures])
        as_arrays = None
        if self.subject.takes_frames:
            as_arrays = score_digits(frames, self.read(frames))
        as_pictures = score_digits(pictures, self.read(pictures))
        self.corruptions.append(score_corruption(kind, as_arrays, as_pictures))
        if self.show:
            self.strips.append(corruption_strip(self.subject, kind, pictures))

    def measurement(self) -> Measurement:
        """Return all that was noted."""
        figures = Figures(
            source=self.subject.source,
            digits=self.digits,
            others=self.others,
            corruptions=self.corruptions,
            corruption_mean=mean_corruption(self.corruptions[1:]) if self.corruptions else None,
        )
        return Measurement(figures, self.galleries, self.strips)


def _bar(console: Console) -> Progress:
    """Return the bar that is seen while a set is read, on a terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed:,.0f}/{task.total:,.0f}"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
