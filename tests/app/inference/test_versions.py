"""Which version is served, at the start and later."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.errors import ModelError
from app.inference.classifier import Classifier
from app.inference.fake import FakeClassifier
from app.inference.manifest import Manifest
from app.inference.versions import Load, Versions, find_versions, saved_models


def test_versions_are_numbers_and_the_newest_comes_first(tmp_path: Path) -> None:
    """Ten is newer than nine; what is no number is no version."""
    for name in ("9", "10", "2", ".staging-7", "latest", "03", "0", "²"):
        (tmp_path / name).mkdir()
    (tmp_path / "11").write_text("a file")
    assert find_versions(tmp_path) == [10, 9, 2]


def test_a_bad_version_is_passed_over_and_told(models_dir: Path, tmp_path: Path) -> None:
    """A restart finds the version that served before the bad one came."""
    shutil.copytree(models_dir / "1", tmp_path / "1")
    (tmp_path / "2").mkdir()
    loaded = Versions(tmp_path, saved_models).load_newest()
    assert loaded.classifier.manifest.version == 1
    assert "manifest.json cannot be read" in loaded.refused[2]
    assert loaded.error == loaded.refused[2]


def test_a_pinned_version_is_the_only_choice(models_dir: Path, tmp_path: Path) -> None:
    """A pin is a decision: nothing else is served in its place."""
    shutil.copytree(models_dir / "1", tmp_path / "1")
    (tmp_path / "2").mkdir()
    assert Versions(tmp_path, saved_models, pinned=1).load_newest().refused == {}
    with pytest.raises(ModelError, match=r"2/assets\.extra/manifest\.json cannot be read"):
        Versions(tmp_path, saved_models, pinned=2).load_newest()
    with pytest.raises(
        ModelError, match="no version 3, which ROWSCAN_MODEL_VERSION asks for; it has 2, 1"
    ):
        Versions(tmp_path, saved_models, pinned=3).load_newest()


def test_no_version_at_all_says_what_to_do(tmp_path: Path) -> None:
    """An empty folder, or none."""
    with pytest.raises(ModelError, match=r"holds no version\. Train one"):
        Versions(tmp_path, saved_models).load_newest()
    (tmp_path / "digits/1").mkdir(parents=True)
    for folder in (tmp_path, tmp_path / "digits/1"):
        with pytest.raises(ModelError, match=rf"Set ROWSCAN_MODELS_DIR to {tmp_path}/digits, "):
            Versions(folder, saved_models).load_newest()
    with pytest.raises(ModelError, match=r"cannot be read.*ROWSCAN_MODELS_DIR"):
        Versions(tmp_path / "nowhere", saved_models).load_newest()


class Folder:
    """A folder of versions of one file each, which says whether the version is good."""

    def __init__(self, models_dir: Path) -> None:
        self.path = models_dir
        self.tried: list[int] = []
        self.versions = Versions(models_dir, loader=self._loader)

    def put(self, version: int, content: str = "good") -> None:
        """Publish a version, or write over one."""
        (self.path / str(version)).mkdir(exist_ok=True)
        (self.path / str(version) / "file").write_text(content)

    def look(self) -> int | None:
        """Look again; the version that is to be served from now on, if it is another."""
        classifier = self.versions.look_again().classifier
        return classifier.manifest.version if classifier else None

    def _loader(self) -> Load[Classifier]:
        return self._load

    def _load(self, version_dir: Path) -> Classifier:
        version = int(version_dir.name)
        self.tried.append(version)
        content = (version_dir / "file").read_text()
        if content != "good":
            raise ModelError(f"{version} is {content}")
        return FakeClassifier(Manifest.model_construct(version=version))  # type: ignore[call-arg]


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """Versions 1 and 2, of which 2 is served."""
    folder = Folder(tmp_path)
    folder.put(1)
    folder.put(2)
    folder.versions.load_newest()
    folder.tried.clear()
    return folder


def test_a_newer_version_is_loaded_once(folder: Folder) -> None:
    """It is served from then on; looking again changes nothing."""
    folder.put(3)
    assert [folder.look(), folder.look(), folder.look()] == [3, None, None]
    assert folder.tried == [3]


def test_an_older_version_is_not_looked_at(folder: Folder) -> None:
    """What is older than the served one is nothing new, whatever happens to it."""
    folder.put(1, "bad")
    assert folder.versions.look_again() == (None, {}, None)
    assert folder.tried == []


def test_a_bad_version_is_refused_and_told_once(
    folder: Folder, caplog: pytest.LogCaptureFixture
) -> None:
    """The old one goes on; the bad one is not tried again until its files change."""
    folder.put(3, "bad")
    for _ in range(3):
        assert folder.versions.look_again() == (None, {3: "3 is bad"}, "3 is bad")
    assert folder.tried == [3]
    assert len(caplog.records) == 1


def test_a_mended_version_is_served(folder: Folder) -> None:
    """So is a copy that was half done when it was first seen."""
    folder.put(3, "go")
    assert folder.look() is None
    folder.put(3, "good")
    look = folder.versions.look_again()
    assert look.classifier is not None
    assert (look.classifier.manifest.version, look.refused, look.error) == (3, {}, None)


def test_a_removed_bad_version_is_forgotten(folder: Folder) -> None:
    """Nobody is told for ever of what is not there any more."""
    folder.put(3, "bad")
    folder.look()
    shutil.rmtree(folder.path / "3")
    assert folder.versions.look_again() == (None, {}, None)


def test_going_back_is_removing_the_folder(folder: Folder) -> None:
    """The newest good version that is left follows; put back, the other one returns."""
    (folder.path / "2").rename(folder.path / "kept-2")
    assert folder.look() == 1
    (folder.path / "kept-2").rename(folder.path / "2")
    assert folder.look() == 2


def test_without_another_good_version_it_goes_on_from_memory(folder: Folder) -> None:
    """A folder that disappears takes nothing down, and it is said."""
    folder.put(1, "bad")
    shutil.rmtree(folder.path / "2")
    look = folder.versions.look_again()
    assert look.classifier is None
    assert look.refused == {1: "1 is bad"}
    assert look.error is not None
    assert look.error.startswith("The folder of version 2 is gone")
    shutil.rmtree(folder.path)
    assert "cannot be read" in (folder.versions.look_again().error or "")


def test_the_served_version_spoilt_on_disk_goes_on(folder: Folder) -> None:
    """It is as good as ever in memory, better than an older one, and its files are told of."""
    folder.put(2, "rotten")
    for _ in range(2):
        assert folder.versions.look_again() == (None, {2: "2 is rotten"}, "2 is rotten")
    assert folder.tried == [2]
    folder.put(2, "good")
    assert folder.look() == 2


def test_an_error_that_nobody_foresaw_is_a_refusal(folder: Folder) -> None:
    """Whatever a strange version makes go wrong, it is one line, and the old one goes on."""
    (folder.path / "3").mkdir()
    look = folder.versions.look_again()
    assert look.classifier is None
    assert look.refused[3].startswith("Version 3 could not be loaded: FileNotFoundError: ")


def test_a_folder_that_is_a_link_is_refused(models_dir: Path, tmp_path: Path) -> None:
    """What it leads to could be changed after it was verified."""
    (tmp_path / "1").symlink_to(models_dir / "1")
    with pytest.raises(ModelError, match=r"1 is a link\."):
        Versions(tmp_path, saved_models).load_newest()
