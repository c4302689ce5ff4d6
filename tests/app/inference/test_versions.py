"""Which version is served."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from app.errors import ModelError
from app.inference.versions import find_versions, load_newest


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
    loaded = load_newest(tmp_path)
    assert loaded.classifier.manifest.version == 1
    assert "manifest.json cannot be read" in loaded.refused[2]


def test_a_pinned_version_is_the_only_choice(models_dir: Path, tmp_path: Path) -> None:
    """A pin is a decision: nothing else is served in its place."""
    shutil.copytree(models_dir / "1", tmp_path / "1")
    (tmp_path / "2").mkdir()
    assert load_newest(tmp_path, pinned=1).refused == {}
    with pytest.raises(ModelError, match=r"2/assets\.extra/manifest\.json cannot be read"):
        load_newest(tmp_path, pinned=2)
    with pytest.raises(ModelError, match="no version 3, which ROWSCAN_MODEL_VERSION asks for"):
        load_newest(tmp_path, pinned=3)


def test_no_version_at_all_says_what_to_do(tmp_path: Path) -> None:
    """An empty folder, or none."""
    with pytest.raises(ModelError, match=r"holds no version\. Train one"):
        load_newest(tmp_path)
    with pytest.raises(ModelError, match=r"cannot be read.*ROWSCAN_MODELS_DIR"):
        load_newest(tmp_path / "nowhere")
