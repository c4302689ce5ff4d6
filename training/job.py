"""Job: what one run of `train` is to do, and where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from training.data import Mnist
from training.presets import Preset, find_preset

START_SEED = 1  # of the run that others start from


@dataclass(frozen=True)
class Job:
    """One run: what is trained, from which data, where its checkpoint and its versions go."""

    preset: Preset
    seed: int
    data: Mnist
    run_dir: Path
    models_dir: Path
    boards_dir: Path | None = None  # a folder of TensorBoard's logs for each run, if wanted

    @property
    def first(self) -> Job | None:
        """The run that this one starts from, in a folder beside its own; whatever its own seed."""
        name = self.preset.starts_from
        if name is None:
            return None
        return replace(
            self,
            preset=find_preset(name),
            seed=START_SEED,
            run_dir=self.run_dir.parent / f"{name}-{START_SEED}",
        )

    @property
    def board_dir(self) -> Path | None:
        """Where the logs of this run go: they are compared by the names of these folders."""
        if self.boards_dir is None:
            return None
        return self.boards_dir / f"{self.preset.name}-{self.seed}"
