"""When the environments of a comparison are made, and made anew; nothing is installed here."""

from __future__ import annotations

import subprocess
import sys
import venv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks import environments


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The folders of those that were made, in the order of their making."""
    folders: list[Path] = []

    def create(folder: Path, **_: Any) -> None:  # noqa: ANN401 - as `venv.create`
        folder.mkdir(parents=True)
        folders.append(folder)

    monkeypatch.setattr(environments, "SERVERS", tmp_path)
    monkeypatch.setattr(environments, "FOLDER", tmp_path / "environments")
    monkeypatch.setattr(venv, "create", create)
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: None)
    (tmp_path / "peer.txt").write_text("peer==1")
    return folders


def test_made_once(made: list[Path], tmp_path: Path) -> None:
    """What is there is used as it is."""
    folder = tmp_path / "environments" / "peer"
    for _ in range(2):
        assert environments.python_of("peer") == str(folder / "bin" / "python")
    assert made == [folder]


@pytest.mark.parametrize(
    "change",
    [
        lambda folder, _: (folder / "peer.txt").write_text("peer==2"),
        lambda _, patch: patch.setattr(sys, "version", "3.11.0 (another build)"),
        lambda _, patch: patch.setattr(sys, "base_prefix", "/elsewhere"),
    ],
    ids=["packages", "build of Python", "place of Python"],
)
def test_made_anew(
    made: list[Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[Path, pytest.MonkeyPatch], object],
) -> None:
    """Other packages, or another Python, with which nothing else would be compared."""
    environments.python_of("peer")
    change(tmp_path, monkeypatch)
    environments.python_of("peer")
    assert len(made) == 2
