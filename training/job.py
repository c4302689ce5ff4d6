"""Job: what one run of `train` is to do, and where."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from training.data import Mnist
from training.presets import Preset, find_preset


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
    def teachers(self) -> list[Job]:
        """The runs whose networks teach this one, in folders beside its own."""
        name = self.preset.taught_by
        if name is None:
            return []
        return [
            replace(
                self,
                preset=find_preset(name),
                seed=seed,
                run_dir=self.run_dir.parent / f"{name}-{seed}",
            )
            for seed in self.preset.teacher_seeds
        ]

    @property
    def board_dir(self) -> Path | None:
        """Where the logs of this run go: they are compared by the names of these folders."""
        if self.boards_dir is None:
            return None
        return self.boards_dir / f"{self.preset.name}-{self.seed}"
