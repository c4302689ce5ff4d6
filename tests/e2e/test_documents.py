"""What the documents and the packaging say is true."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from app.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md"]
LOCK_FILES = sorted((ROOT / "requirements").glob("*.txt"))


def commands(pattern: str) -> list[str]:
    """What the pattern's group finds in the documents' fenced sh blocks, each once."""
    text = "\n".join(path.read_text() for path in DOCUMENTS if path.exists())
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = "\n".join(blocks)
    return sorted(set(re.findall(pattern, lines, re.MULTILINE)))


@pytest.mark.parametrize("target", commands(r"^make ([a-z-]+)"))
def test_documented_make_target_exists(target: str) -> None:
    """Every `make` command of the documents names a target."""
    planned = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False)
    assert planned.returncode == 0


@pytest.mark.parametrize("command", commands(r"python -m training ([a-z-]+)"))
def test_documented_training_command_exists(command: str) -> None:
    """Every `python -m training` command of the documents exists."""
    helped = subprocess.run(
        [sys.executable, "-m", "training", command, "--help"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert helped.returncode == 0


def test_no_placeholder_is_left() -> None:
    """What was to be filled in has been."""
    assert not re.findall(r"@[A-Z]+@", "".join(path.read_text() for path in DOCUMENTS))


def test_readme_names_the_two_first_commands() -> None:
    """The README shows how to serve and how to test."""
    assert {"serve", "test"} <= set(commands(r"^make ([a-z-]+)"))


@pytest.mark.parametrize("path", LOCK_FILES, ids=lambda path: path.name)
def test_lock_file_names_no_place(path: Path) -> None:
    """A lock file holds versions and hashes, no index, host or path."""
    known = re.compile(
        r"[a-z0-9.-]+(\[[a-z]+\])?==[^ /]+( ; [^/]+)? \\|    --hash=sha256:[0-9a-f]{64}( \\)?",
        re.ASCII,
    )
    assert [line for line in path.read_text().splitlines() if not known.fullmatch(line)] == []


def test_lock_files_agree() -> None:
    """What serves in production is what is trained and tested with."""
    dev, serve, train = (
        {line for line in path.read_text().splitlines() if "==" in line} for path in LOCK_FILES
    )
    assert serve <= train <= dev


def test_images_carry_the_version() -> None:
    """The image labels name the version of the project."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    labels = re.findall(r'image\.version="(.*?)"', (ROOT / "Dockerfile").read_text())
    assert labels == [version, version]


def test_compose_passes_every_setting() -> None:
    """Every setting can be given to the container, but for those that the image fixes."""
    fixed = {"ROWSCAN_HOST", "ROWSCAN_PORT", "ROWSCAN_MODELS_DIR"}
    settings = {f"ROWSCAN_{name.upper()}" for name in Settings.model_fields}
    compose = (ROOT / "docker-compose.yml").read_text()
    assert set(re.findall(r"^      - (ROWSCAN_\w+)$", compose, re.MULTILINE)) == settings - fixed
