"""Job: what one run of `train` is to do, and where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from training.data import Mnist
from training.presets import Preset, find_preset

START_SEED = 1


@dataclass(frozen=True)
class Job:
    """One run: what is trained, from which data, where its checkpoint and its versions go."""

    preset: Preset
    seed: int
    data: Mnist
    run_dir: Path
    models_dir: Path

    @property
    def first(self) -> Job | None:
        """The run that this one starts from, beside it and of seed 1: all seeds share a start."""
        name = self.preset.starts_from
        if name is None:
            return None
        folder = self.run_dir.parent / f"{name}-{START_SEED}"
        return replace(self, preset=find_preset(name), seed=START_SEED, run_dir=folder)
