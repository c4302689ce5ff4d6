"""From data to a published version: what lies there at the end, and what does not when it fails."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from app.inference.manifest import check_files, read_manifest
from app.inference.saved_model import SavedModelClassifier
from tests.conftest import reading_back_here
from tests.tiny import TINY, printed, short_presets, silent_console, tiny_network
from training.answers import find_version
from training.checkpoint import (
    CHECKPOINT_NAME,
    EpochFigures,
    Recipe,
    is_whole,
    save_checkpoint,
)
from training.data import Mnist
from training.errors import CheckpointError, TrainingError
from training.evaluate import classify_all
from training.export import publish
from training.fit import Fitted, restore
from training.job import PUBLISHED_TEACHERS, Job
from training.measure import Plan
from training.network import build_network, compile_predict
from training.outputs import Outputs
from training.presets import PRESETS, find_preset
from training.release import assess
from training.revision import source_revision
from training.run import evaluate_version, export, train, what_is_kept
from training.signatures import scores_of

SHORT_TUTORIAL = short_presets()["tutorial"]


def test_the_version_tells_how_it_was_made(finished: Job, trained_version: Path) -> None:
    """Preset, seed, data and splits are in the manifest, and every file is the one it lists."""
    manifest = read_manifest(trained_version)
    check_files(trained_version, manifest)
    assert manifest.training.preset["units"] == 8
    assert manifest.training.seed == finished.seed
    assert manifest.training.data == finished.data.sha256
    assert manifest.training.split == {"training": 400, "validation": 100, "test": 200}
    assert manifest.test.images == 200


def test_the_report_is_whole(finished: Job, trained_version: Path) -> None:
    """Metrics, pictures and card lie in the version as in the run."""
    names = sorted(path.name for path in (trained_version / "assets.extra/report").iterdir())
    assert names == [
        "calibration.png",
        "confusion.png",
        "index.html",
        "learning_curves.png",
        "metrics.json",
        "misread.png",
        "model_card.md",
    ]
    metrics = json.loads((finished.run_dir / "report/metrics.json").read_text())
    assert metrics["test"]["images"] == 200
    assert len(metrics["history"]) == 3


def test_the_published_answers_are_the_networks(finished: Job, trained_version: Path) -> None:
    """SavedModel and XLA change neither a probability nor a novelty."""
    training, _ = finished.data.training()
    fitted = restore(finished.preset, training, seed=finished.seed, run_dir=finished.run_dir)
    images = finished.data.test().scaled()
    expected = scores_of(
        compile_predict(fitted.network)(images), read_manifest(trained_version).temperature
    )
    assert classify_all(SavedModelClassifier.load(trained_version), images).off_by(expected) < 1e-5


class Again(NamedTuple):
    """The same weights measured by `evaluate`, and exported once more with what it found."""

    figures: Path
    models_dir: Path
    evaluated: str  # what each of the two printed
    exported: str


@pytest.fixture(scope="module")
def again(finished: Job, trained_version: Path, tmp_path_factory: pytest.TempPathFactory) -> Again:
    """An evaluation and an export into a folder that has a version 4. Read only."""
    folder = tmp_path_factory.mktemp("again")
    figures, models_dir = folder / "figures.json", folder / "models"
    (models_dir / "4").mkdir(parents=True)
    evaluating, exporting = silent_console(), silent_console()
    evaluate_version(trained_version, Plan(finished.data), Outputs(figures), evaluating)
    with reading_back_here():
        export(dataclasses.replace(finished, models_dir=models_dir), exporting, figures)
    return Again(figures, models_dir, printed(evaluating), printed(exporting))


def test_a_second_export_is_the_next_version(again: Again) -> None:
    """Numbers go up from the highest there is; nothing but versions is left in the folder."""
    assert sorted(path.name for path in again.models_dir.iterdir()) == ["4", "5"]
    assert "Published" in again.exported
    assert read_manifest(again.models_dir / "5").version == 5


def test_a_version_that_answers_otherwise_is_not_published(finished: Job, tmp_path: Path) -> None:
    """The fresh process must give the network's answers; if not, nothing is left behind."""
    training, validation = finished.data.training()
    fitted = restore(finished.preset, training, seed=finished.seed, run_dir=finished.run_dir)
    found = assess(finished, fitted, len(training), validation, finished.data.test())
    other = found.validation_scores.novelty.copy()
    other[50:] = 1 - other[50:]  # the golden samples come before
    scores = found.validation_scores._replace(novelty=other)
    report_dir = finished.run_dir / "report"
    with pytest.raises(TrainingError, match="answers otherwise"):
        publish(fitted.network, found.report, validation, scores, report_dir, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_network_with_a_head_is_published(finished: Job, tmp_path: Path) -> None:
    """Its strangeness becomes the novelty; the threshold turns away one digit in a hundred."""
    training, validation = finished.data.training()
    fitted = Fitted(tiny_network(columns=11), history=[], source_revision="unknown")
    found = assess(finished, fitted, len(training), validation, finished.data.test())
    report_dir = finished.run_dir / "report"
    version = publish(
        fitted.network, found.report, validation, found.validation_scores, report_dir, tmp_path
    )
    served = classify_all(SavedModelClassifier.load(version), validation.scaled())
    strangeness = compile_predict(fitted.network)(validation.scaled())[:, 10]
    np.testing.assert_allclose(served.novelty, 1 / (1 + np.exp(-strangeness)), atol=1e-5)
    assert (served.novelty > read_manifest(version).max_novelty).sum() == 1
    assert found.report.validation.abstained == 1


def test_a_stopped_run_tells_what_is_kept(finished: Job, tmp_path: Path) -> None:
    """Before the end of an epoch nothing, then what can be gone on with.

    Of a run that was there before, or has come to its end, it is not said that it was stopped.
    """
    stopped = dataclasses.replace(finished, run_dir=tmp_path)
    assert "begins again" in what_is_kept(stopped)
    recipe = Recipe(dataclasses.replace(finished.preset, epochs=2), finished.seed, 400)
    save_checkpoint(
        tmp_path, [], recipe, "unknown", [EpochFigures(1, 1.0, 0.5, 1.0, 0.5, 1.0, 1.0)]
    )
    assert "go on with --resume" in what_is_kept(stopped)
    assert "holds a whole run" in what_is_kept(finished)


def test_a_failed_export_leaves_nothing(finished: Job, tmp_path: Path) -> None:
    """A folder that cannot be one is an error in one sentence."""
    (tmp_path / "models").write_text("")
    job = dataclasses.replace(finished, models_dir=tmp_path / "models")
    with pytest.raises(TrainingError, match=r"No version can be published in .* another folder"):
        export(job, silent_console())


def test_a_folder_that_holds_no_version_is_told_before_the_work(
    finished: Job, tmp_path: Path
) -> None:
    """Not after hours of training."""
    (tmp_path / "models").write_text("")
    job = dataclasses.replace(finished, run_dir=tmp_path / "run", models_dir=tmp_path / "models")
    with pytest.raises(TrainingError, match="No version can be published in"):
        train(job, resume=False, console=silent_console())
    assert not job.run_dir.exists()


def test_evaluate_measures_a_version(again: Again, trained_version: Path) -> None:
    """The same figures as the training run wrote, on screen and as JSON."""
    figures = json.loads(again.figures.read_text())
    assert figures["digits"][0]["correct"] == read_manifest(trained_version).test.correct
    assert f"Pictures read by {trained_version}" in again.evaluated


def test_the_report_shows_an_evaluation_of_the_same_weights(
    again: Again, finished: Job, trained_version: Path, tmp_path: Path
) -> None:
    """`evaluate --json` of a version goes into the next one's report; not that of other weights."""
    page = (again.models_dir / "5/assets.extra/report/index.html").read_text()
    assert f"<h2>Pictures read by {trained_version}</h2>" in page
    other = json.loads(again.figures.read_text())
    other["digits"][0]["confusion"][3][5] += 1
    job, figures = dataclasses.replace(finished, models_dir=tmp_path), tmp_path / "figures.json"
    for content, reason in (
        (json.dumps(other), "otherwise than these weights"),
        ("{}", "Write it with evaluate --json"),
    ):
        figures.write_text(content)
        with pytest.raises(TrainingError, match=reason):
            export(job, silent_console(), figures)


def test_the_newest_version_is_measured(tmp_path: Path) -> None:
    """Unless another one is named; not a folder of versions, nor one that is not there."""
    for number in (2, 10):
        (tmp_path / str(number)).mkdir()
    assert find_version(None, tmp_path) == tmp_path / "10"
    assert find_version(tmp_path / "2", tmp_path) == tmp_path / "2"
    with pytest.raises(TrainingError, match=r"holds versions\. Name one of them: .*10"):
        find_version(tmp_path, tmp_path)
    for named, models_dir in ((tmp_path / "3", tmp_path), (None, tmp_path / "2")):
        with pytest.raises(TrainingError, match=r"There is no version in .*[23][.:]"):
            find_version(named, models_dir)


def test_evaluate_refuses_a_broken_version(mnist: Mnist, tmp_path: Path) -> None:
    """No traceback for a folder that is no version."""
    with pytest.raises(TrainingError, match="cannot be read"):
        evaluate_version(tmp_path, Plan(mnist), Outputs(), silent_console())


def test_evaluate_over_http_without_a_service(mnist: Mnist) -> None:
    """One sentence that asks whether the service runs."""
    with pytest.raises(TrainingError, match="Is the service running"):
        evaluate_version("http://127.0.0.1:9", Plan(mnist), Outputs(), silent_console())


def test_figures_that_cannot_be_written_are_told_before_the_work(
    mnist: Mnist, trained_version: Path, tmp_path: Path
) -> None:
    """A mistyped --json fails at once, naming the file."""
    console = silent_console()
    outputs = Outputs(json_file=tmp_path / "nowhere" / "figures.json")
    with pytest.raises(TrainingError, match=r"figures\.json cannot be written: No such file"):
        evaluate_version(trained_version, Plan(mnist), outputs, console)
    assert printed(console) == ""


def test_the_source_revision_is_a_commit_or_unknown() -> None:
    """A manifest never holds an empty revision."""
    assert source_revision() == "unknown" or len(source_revision().removesuffix("+changes")) == 40


@pytest.fixture(scope="module")
def taught(mnist: Mnist, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    """A short run with two teachers, which are trained before it, published as version 1."""
    preset = dataclasses.replace(
        SHORT_TUTORIAL,
        name="taught",
        taught_by="tutorial",
        teacher_seeds=(1, 2),
        teacher_share=0.7,
    )
    folder = tmp_path_factory.mktemp("taught")
    job = Job(
        preset, 1, mnist, folder / "runs/taught", folder / "models", boards_dir=folder / "logs"
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(PRESETS, "tutorial", SHORT_TUTORIAL)
        with reading_back_here():
            train(job, resume=False, console=silent_console())
        yield job


def test_a_taught_run_tells_of_its_teachers(taught: Job) -> None:
    """In the manifest, on the card and on the page."""
    version = taught.models_dir / "1"
    stages = read_manifest(version).training.stages
    assert [(stage.preset["name"], stage.seed) for stage in stages] == [
        ("tutorial", 1), ("tutorial", 2),
    ]  # fmt: skip
    card = (version / "assets.extra/report/model_card.md").read_text()
    assert "2. preset `tutorial`, seed 2: 1 epoch, " in card
    assert "Of each of its targets 70% is what they answer, in turn.\n" in card
    page = (version / "assets.extra/report/index.html").read_text()
    assert page.count("<td>tutorial</td>") == 2


def test_every_run_is_logged_for_tensorboard(taught: Job) -> None:
    """In a folder of its own each, those of the teachers included."""
    assert taught.boards_dir is not None
    logs = {path.name: list(path.iterdir()) for path in taught.boards_dir.iterdir()}
    assert sorted(logs) == ["taught-1", "tutorial-1", "tutorial-2"]
    assert all(len(files) == 1 for files in logs.values())


def test_a_taught_run_goes_on_with_its_teachers_or_not_at_all(taught: Job, tmp_path: Path) -> None:
    """Without one of them, nothing goes on."""
    shutil.copytree(taught.run_dir.parent, tmp_path / "runs")
    job = dataclasses.replace(taught, run_dir=tmp_path / "runs" / taught.run_dir.name)
    (tmp_path / "runs/tutorial-2" / CHECKPOINT_NAME).unlink()
    for again in (partial(train, resume=True), export):
        with pytest.raises(CheckpointError, match=r"tutorial-2, .* gone"):
            again(job, console=silent_console())


def test_teachers_are_trained_once(taught: Job, tmp_path: Path) -> None:
    """Those that are there are kept, for a new run too, and also with --resume."""
    shutil.copytree(taught.run_dir.parent / "tutorial-1", tmp_path / "tutorial-1")
    teacher = (tmp_path / "tutorial-1" / CHECKPOINT_NAME).read_bytes()
    preset = dataclasses.replace(taught.preset, name="second", teacher_seeds=(1,))
    job = Job(preset, 1, taught.data, tmp_path / "run", tmp_path / "models")
    with reading_back_here():
        train(job, resume=True, console=silent_console())
    assert (tmp_path / "tutorial-1" / CHECKPOINT_NAME).read_bytes() == teacher
    card = (tmp_path / "models/1/assets.extra/report/model_card.md").read_text()
    assert "Of each of its targets 70% is what it answers.\n" in card


def test_teachers_lie_beside_the_run(mnist: Mnist, tmp_path: Path) -> None:
    """Of the seeds that its preset names, whatever its own."""
    job = Job(
        find_preset("default"),
        7,
        mnist,
        tmp_path / "runs/default-7",
        tmp_path,
        teachers_dir=tmp_path / "none",
    )
    folders = [teacher.run_dir for teacher in job.teachers]
    assert folders == [tmp_path / f"runs/people-{seed}" for seed in (1, 2, 3)]
    assert job.teachers[0].teachers == []


def test_teachers_that_come_with_the_source(taught: Job, tmp_path: Path) -> None:
    """They teach if they are whole and what they are called, whatever lies beside the run."""
    first = taught.run_dir.parent / "tutorial-1"
    for copy in ("published/tutorial-1", "published/tutorial-2", "runs/tutorial-1"):
        shutil.copytree(first, tmp_path / copy)
    job = dataclasses.replace(
        taught, run_dir=tmp_path / "runs/taught", teachers_dir=tmp_path / "published"
    )
    assert [teacher.run_dir for teacher in job.teachers] == [
        tmp_path / "published/tutorial-1",
        tmp_path / "runs/tutorial-2",
    ]


def test_what_comes_with_the_source_is_whole() -> None:
    """All that teach `default`: each of its preset as it is now, with its network's weights."""
    folders = sorted(PUBLISHED_TEACHERS.iterdir())
    assert [each.name for each in folders] == ["people-1", "people-2", "people-3"]
    for folder in folders:
        name, _, seed = folder.name.rpartition("-")
        preset = find_preset(name)
        assert is_whole(folder, preset, int(seed))
        with np.load(folder / CHECKPOINT_NAME) as archive:
            shapes = [archive[str(index)].shape for index in range(len(archive.files) - 1)]
        assert shapes == [each.shape for each in build_network(preset, unroll=False).variables]


@pytest.mark.parametrize(
    ("teachers", "reason"),
    [
        ({"teacher_share": 0.5}, "or none of them"),
        ({"taught_by": "tutorial", "teacher_share": 0.5}, "or none of them"),
        (
            {"taught_by": "tutorial", "teacher_seeds": (1, 1), "teacher_share": 0.5},
            "each teacher's seed once",
        ),
    ],
)
def test_presets_name_their_teachers_clearly(teachers: dict[str, Any], reason: str) -> None:
    """All of them, and no seed twice."""
    with pytest.raises(ValueError, match=reason):
        dataclasses.replace(TINY, **teachers)
