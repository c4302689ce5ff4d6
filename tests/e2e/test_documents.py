"""What the documents and the packaging say is true."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest
import typer.main

from app.settings import Settings
from tests.e2e.documents import DOCUMENTS, command_lines
from tests.e2e.running import ROOT
from training.__main__ import cli

LOCK_FILES = sorted((ROOT / "requirements").glob("*.txt"))
MAKE, TRAINING = "make ", ".venv/bin/python -m training "
TRIED_ELSEWHERE = {
    ".venv/bin/rowscan ": "test_command_line.py runs them and compares what they print",
    "curl ": "test_service.py sends them to a service",
    "docker compose ": "docker_test.py runs compose where there is a container engine",
}
UNTRIED = {
    "ROWSCAN_DATA_DIR=… PYTHONPATH=. .venv/bin/python docs/imaging_numbers.py": "takes minutes",
}


def commands(beginning: str = "") -> list[str]:
    """The commands in the documents that begin so, from fenced sh blocks, without comments."""
    text = "\n".join(path.read_text() for path in DOCUMENTS)
    blocks = re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = command_lines("".join(blocks))
    found = {re.sub(r"\s+# .*", "", line) for line in lines if line}
    return sorted(command for command in found if command.startswith(beginning))


def make_targets() -> set[str]:
    """The targets that the documents name."""
    return {command.split()[1] for command in commands(MAKE)}


def test_every_command_is_of_a_kind_that_is_tried() -> None:
    """What can't be tried is listed above, with the reason."""
    kinds = (MAKE, TRAINING, *TRIED_ELSEWHERE, *UNTRIED)
    assert [command for command in commands() if not command.startswith(kinds)] == []
    assert [kind for kind in kinds if not commands(kind)] == []


@pytest.mark.parametrize("command", commands(MAKE))
def test_documented_make_command_is_known(command: str) -> None:
    """Every `make` command of the documents names a target, and is understood."""
    planned = subprocess.run(
        ["make", "-n", *shlex.split(command)[1:]], cwd=ROOT, capture_output=True, check=False
    )
    assert planned.returncode == 0, planned.stderr


def test_make_alone_lists_the_tasks() -> None:
    """Whoever types `make` is told what there is."""
    helped = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    tasks = {target for target in make_targets() if not target.startswith(".")}
    assert tasks <= set(re.findall(r"^  make ([a-z-]+) ", helped, re.MULTILINE))


@pytest.mark.parametrize("command", commands(TRAINING))
def test_documented_training_command_is_known(command: str) -> None:
    """Every `python -m training` command of the documents exists, with its options."""
    name, *arguments = shlex.split(command.removeprefix(TRAINING))
    group = typer.main.get_group(cli)
    known = {option for each in group.commands[name].params for option in each.opts}
    assert {argument for argument in arguments if argument.startswith("--")} <= known


def test_no_placeholder_is_left() -> None:
    """What was to be filled in has been."""
    assert not re.findall(r"@[A-Z]+@", "".join(path.read_text() for path in DOCUMENTS))


def test_readme_names_the_two_first_commands() -> None:
    """The README shows how to serve and how to test."""
    assert {"serve", "test"} <= make_targets()


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
    dev, otel, serve, train = (
        {line for line in path.read_text().splitlines() if "==" in line} for path in LOCK_FILES
    )
    assert serve <= train <= dev
    assert serve <= otel <= dev


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
