"""Job: what one run of `train` is to do, and where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from training.checkpoint import is_whole
from training.data import Mnist
from training.presets import Preset, find_preset

PUBLISHED_TEACHERS: Final = Path(__file__).parent / "teachers"
"""Whole runs that come with the source, so that not everyone has to train them first."""


@dataclass(frozen=True)
class Job:
    """One run: what is trained, from which data, where its checkpoint and its versions go."""

    preset: Preset
    seed: int
    data: Mnist
    run_dir: Path
    models_dir: Path
    boards_dir: Path | None = None  # a folder of TensorBoard's logs for each run, if wanted
    teachers_dir: Path = PUBLISHED_TEACHERS

    @property
    def teachers(self) -> list[Job]:
        """The runs whose networks teach this one.

        Those that come with the source, if they do; else in folders beside its own. Not those
        beside it first: a run that goes on would have another teacher when one has been trained
        meanwhile.
        """
        if self.preset.taught_by is None:
            return []
        preset = find_preset(self.preset.taught_by)
        return [
            replace(self, preset=preset, seed=seed, run_dir=self._teacher_dir(preset, seed))
            for seed in self.preset.teacher_seeds
        ]

    def _teacher_dir(self, preset: Preset, seed: int) -> Path:
        name = f"{preset.name}-{seed}"
        published = self.teachers_dir / name
        return published if is_whole(published, preset, seed) else self.run_dir.parent / name

    @property
    def board_dir(self) -> Path | None:
        """Where the logs of this run go: they are compared by the names of these folders."""
        if self.boards_dir is None:
            return None
        return self.boards_dir / f"{self.preset.name}-{self.seed}"
