"""The loop: it learns, it is repeatable, and a run that was killed ends like one that was not."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.tiny import TINY, printed, silent_console, tiny_network, tiny_split, weights_of
from training.checkpoint import CHECKPOINT_NAME
from training.data import Split
from training.errors import CheckpointError
from training.fit import Fitted, fit, restore, validate
from training.presets import TUTORIAL, Drawn, Preset
from training.progress import Progress

TRAINING, VALIDATION = tiny_split(400, seed=3), tiny_split(100, seed=4)


class KilledError(Exception):
    """Stands for a kill at a moment of the test's choice."""


class KillingProgress(Progress):
    """Kills the run when it has taken so many steps."""

    def __init__(self, after_steps: int) -> None:
        super().__init__(silent_console())
        self.left = after_steps

    def advance(self, steps: int) -> None:
        """Count down, then kill."""
        self.left -= steps
        if self.left < 0:
            raise KilledError


def run(
    run_dir: Path,
    preset: Preset,
    *,
    seed: int = 1,
    resume: bool = False,
    progress: Progress | None = None,
    teachers: Sequence[keras.Model] = (),
) -> Fitted:
    """Fit on the tiny split."""
    return fit(
        preset,
        TRAINING,
        VALIDATION,
        seed=seed,
        run_dir=run_dir,
        resume=resume,
        progress=progress or Progress(silent_console()),
        teachers=teachers,
    )


def results(fitted: Fitted) -> tuple[bytes, list[tuple[float, ...]]]:
    """Weights and figures, without the clock."""
    figures = [dataclasses.replace(epoch, duration_s=0) for epoch in fitted.history]
    return weights_of(fitted.network.get_weights()), [dataclasses.astuple(f) for f in figures]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Fitted]:
    """A whole run and its folder."""
    folder = tmp_path_factory.mktemp("uninterrupted")
    return folder, run(folder, TINY)


@pytest.fixture(scope="module")
def killed_run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that was killed in its second epoch."""
    folder = tmp_path_factory.mktemp("killed")
    with pytest.raises(KilledError):
        run(folder, TINY, progress=KillingProgress(after_steps=20))
    return folder


@pytest.fixture
def killed(killed_run: Path, tmp_path: Path) -> Path:
    """A copy of it to go on with."""
    return Path(shutil.copytree(killed_run, tmp_path / "killed"))


def test_it_learns(uninterrupted: tuple[Path, Fitted]) -> None:
    """Three epochs tell the bars apart."""
    _, fitted = uninterrupted
    assert fitted.history[-1].validation_accuracy > 0.9
    assert fitted.history[-1].loss < fitted.history[0].loss


def test_what_is_left_of_a_whole_run(uninterrupted: tuple[Path, Fitted], killed: Path) -> None:
    """The weights that it gives, bit by bit, and not what it took to get there."""
    folder, fitted = uninterrupted
    again = restore(TINY, TRAINING, seed=1, run_dir=folder)
    assert results(again) == results(fitted)
    with np.load(folder / CHECKPOINT_NAME) as whole, np.load(killed / CHECKPOINT_NAME) as half:
        assert len(whole.files) < len(half.files) / 3


def test_a_taught_preset_needs_teachers(tmp_path: Path) -> None:
    """Without them it would be trained untaught, under the same name."""
    with pytest.raises(ValueError, match="taught by 2 networks"):
        run(
            tmp_path,
            dataclasses.replace(
                TINY, taught_by="tutorial", teacher_seeds=(1, 2), teacher_share=0.5
            ),
        )


# TensorFlow warns that the input pipeline stays compiled.
@pytest.mark.filterwarnings("ignore:Even though the `tf.config")
def test_the_compiled_loop_is_the_written_one(tmp_path: Path) -> None:
    """Run as plain Python, step by step, it gives the same figures as compiled."""
    # Few steps: as plain Python each of them is slow.
    preset = dataclasses.replace(TINY, epochs=1, batch_size=100)
    compiled = run(tmp_path / "compiled", preset).history[0]
    tf.config.run_functions_eagerly(True)
    try:
        eager = run(tmp_path / "eager", preset).history[0]
    finally:
        tf.config.run_functions_eagerly(False)
    assert eager.loss == pytest.approx(compiled.loss, rel=1e-3)
    assert eager.validation_loss == pytest.approx(compiled.validation_loss, rel=1e-2)


def test_another_seed_gives_another_network(
    uninterrupted: tuple[Path, Fitted], tmp_path: Path
) -> None:
    """The seed is not decoration."""
    other = run(tmp_path, TINY, seed=2)
    assert results(other)[0] != results(uninterrupted[1])[0]


def test_the_tutorial_prints_its_lines(tmp_path: Path) -> None:
    """A line every so many steps, in the words of the example."""
    console = silent_console()
    preset = dataclasses.replace(TUTORIAL, steps=20, log_every_steps=10)
    run(tmp_path, preset, progress=Progress(console))
    lines = [line for line in printed(console).splitlines() if line.startswith("step")]
    assert len(lines) == 2
    assert lines[1].startswith("step: 20, loss: ")
    assert ", accuracy: " in lines[1]


@pytest.mark.parametrize(
    ("preset", "seed", "reason"),
    [
        (dataclasses.replace(TINY, units=9), 1, "other settings"),
        (dataclasses.replace(TINY, name="other"), 1, "made with --preset .* Use that preset"),
        (TINY, 2, "made with --seed 1"),
    ],
)
def test_another_recipe_cannot_be_resumed(
    uninterrupted: tuple[Path, Fitted], preset: Preset, seed: int, reason: str
) -> None:
    """A checkpoint goes on only with the recipe and the seed that it was made with."""
    with pytest.raises(CheckpointError, match=reason):
        run(uninterrupted[0], preset, seed=seed, resume=True)


def test_other_data_cannot_be_resumed(uninterrupted: tuple[Path, Fitted]) -> None:
    """Nor with another number of images: the schedule would be another."""
    with pytest.raises(CheckpointError, match="400 training images, not 200"):
        restore(TINY, tiny_split(200, seed=3), seed=1, run_dir=uninterrupted[0])


def test_all_that_default_does_is_resumed_too(tmp_path: Path) -> None:
    """Elastic maps, strokes, degraded ink, drawn pictures, light epochs, and teachers in turns.

    The same to the bit; the order of the teachers matters.
    """
    assert TINY.distortion is not None
    preset = dataclasses.replace(
        TINY,
        epochs=3,
        light_epochs=1,
        distortion=dataclasses.replace(
            TINY.distortion, elastic_px=1.0, stroke=0.5, degrade_every=3
        ),
        drawn=Drawn(20, 0.1, 20, 0.1, 20, 0.1),
        taught_by="tutorial",
        teacher_seeds=(1, 2),
        teacher_share=0.5,
    )
    # They need not know anything, but must not agree.
    teachers = [tiny_network(columns=11, seed=seed) for seed in preset.teacher_seeds]
    whole = run(tmp_path / "whole", preset, teachers=teachers)
    killing = KillingProgress(after_steps=40)
    with pytest.raises(KilledError):
        run(tmp_path / "killed", preset, progress=killing, teachers=teachers)
    resumed = run(tmp_path / "killed", preset, resume=True, teachers=teachers)
    assert results(resumed) == results(whole)
    turned = run(tmp_path / "turned", preset, teachers=teachers[::-1])
    assert results(turned)[0] != results(whole)[0]


@pytest.mark.parametrize("preset", [TINY, dataclasses.replace(TINY, epochs=1)])
def test_an_unfinished_run_is_not_overwritten(killed: Path, preset: Preset) -> None:
    """Neither forgetting --resume nor another, shorter preset costs the epochs that are done."""
    before = (killed / CHECKPOINT_NAME).read_bytes()
    with pytest.raises(CheckpointError, match=r"1 of 3 epochs\. Go on with --resume"):
        run(killed, preset)
    assert (killed / CHECKPOINT_NAME).read_bytes() == before


def test_a_missing_or_damaged_checkpoint_is_told(tmp_path: Path) -> None:
    """Both say what to do."""
    with pytest.raises(
        CheckpointError, match=r"no checkpoint\. Train first: train without --resume"
    ):
        run(tmp_path, TINY, resume=True)
    with pytest.raises(CheckpointError, match="Train first"):
        restore(TINY, TRAINING, seed=1, run_dir=tmp_path)
    (tmp_path / CHECKPOINT_NAME).write_bytes(b"PK not a checkpoint")
    with pytest.raises(CheckpointError, match="damaged"):
        run(tmp_path, TINY, resume=True)


def test_validation_counts_every_image() -> None:
    """507 images, the last seven misread: 500 hits, whatever the batches were."""
    labels = np.arange(507, dtype=np.uint8) % 10
    logits = 50 * np.eye(10, dtype=np.float32)[labels]
    logits[-7:] = np.roll(logits[-7:], 1, axis=1)
    split = Split(np.zeros((507, 28, 28), np.uint8), labels)
    loss, accuracy = validate(lambda _: logits, split)
    assert accuracy == pytest.approx(500 / 507)
    assert loss == pytest.approx(7 * 50 / 507)


def test_the_learning_rate_rises_and_falls(uninterrupted: tuple[Path, Fitted]) -> None:
    """60 steps: up to the peak over the first 9, then half a cosine down to zero."""
    rates = [epoch.learning_rate for epoch in uninterrupted[1].history]
    falls = [0.5 * (1 + np.cos(np.pi * (step - 9) / 51)) for step in (20, 40, 60)]
    np.testing.assert_allclose(rates, TINY.peak_learning_rate * np.array(falls), atol=1e-6)


def test_the_averaged_weights_are_shipped(
    uninterrupted: tuple[Path, Fitted], tmp_path: Path
) -> None:
    """The same training, with and without averaging, ships other weights."""
    raw = run(tmp_path, dataclasses.replace(TINY, average_decay=0.0))
    averaged = uninterrupted[1]
    assert [e.loss for e in raw.history] == [e.loss for e in averaged.history]
    assert results(raw)[0] != results(averaged)[0]


def test_gradients_are_clipped(tmp_path: Path) -> None:
    """Clipped to next to nothing, below what Adam's epsilon lets through, nothing is learnt."""
    fitted = run(tmp_path, dataclasses.replace(TINY, clip_norm=1e-12))
    assert fitted.history[-1].validation_loss == pytest.approx(
        fitted.history[0].validation_loss, abs=1e-3
    )
