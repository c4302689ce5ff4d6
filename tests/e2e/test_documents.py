"""What the documents and the packaging say is true."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path

import pytest

from app.settings import Settings
from tests.e2e.docker_test import DOCUMENTED
from tests.e2e.documents import DOCUMENTS, KINDS, commands, commands_in
from tests.e2e.running import ROOT

LOCK_FILES = sorted((ROOT / "requirements").glob("*.txt"))
UNTRIED = {
    "make lock": "asks a package index for the newest versions; what it made is looked at below",
    "make lock ARGS=--upgrade": "the same",
    "make fuzz": "takes minutes; make test runs the same with fewer requests",
    "ROWSCAN_FUZZ_SEED=7 make fuzz": "the same",
    "make .venv/.dev": "installs hundreds of megabytes; CI begins with it",
    "make .venv/.train": "installs hundreds of megabytes, by the same rule",
    "apt install chromium": "changes the machine; .ci/run does it",
    "apt install prometheus": "the same",
    "apt install wrk": "changes the machine",
    "ROWSCAN_REQUIREMENTS=otel docker compose build api": "installs all packages anew; "
    "test_traces.py looks at what builds it",
    "docker build --build-arg REQUIREMENTS=otel .": "the same",
    "PYTHONPATH=. .venv/bin/python docs/cost_curve.py DATA_DIR": "trains for 40 minutes",
    "python -m app": "running.py starts every service of these tests by it",
}


def test_every_command_is_tried_or_excused() -> None:
    """By a test for its kind, or above, with the reason; and nothing is excused for nothing."""
    kinds = {kind: commands(kind) for kind in KINDS}
    tried = [command for found in kinds.values() for command in found]
    assert sorted({*tried, *UNTRIED}) == commands()
    assert sorted([*tried, *UNTRIED]) == commands(), "a command is of two kinds"
    assert [kind for kind, found in kinds.items() if not found] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("```bash\nmake nonsense  # why\n```\n", {"make nonsense"}),
        ("- a list\n  ```console\n  $ make a \\\n    b\n  said\n  ```\n", {"make a b"}),
        ("```json\nmake nonsense\n```\n", set()),
        ("Type `docker volume\nrm x`, `A_B=1 make x` or `.venv/bin/new -m y`.",
         {"docker volume rm x", "A_B=1 make x", ".venv/bin/new -m y"}),
        ("`make`, `rowscan/`, `app/main.py`, `A_B=1` and `digit` are names.", set()),
    ],
)  # fmt: skip
def test_commands_are_found(text: str, found: set[str]) -> None:
    """In fenced shell of any name, and in the text; a name alone is none."""
    assert commands_in(text) == found


@pytest.mark.parametrize("command", [each for each in UNTRIED if "make " in each])
def test_untried_make_command_is_known(command: str) -> None:
    """It names a target, and is understood."""
    planned = subprocess.run(
        ["make", "-n", *shlex.split(command.partition("make ")[2])],
        cwd=ROOT, capture_output=True, check=False,
    )  # fmt: skip
    assert planned.returncode == 0, planned.stderr


def test_make_alone_lists_the_tasks() -> None:
    """Whoever types `make` is told what there is."""
    helped = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    named = {
        command.partition("make ")[2].split()[0] for command in commands() if "make " in command
    }
    tasks = {target for target in named if not target.startswith(".")}
    assert {"serve", "test"} <= tasks
    assert tasks <= set(re.findall(r"^  make ([a-z-]+) ", helped, re.MULTILINE))


@pytest.mark.parametrize("command", commands("in CI"))
def test_command_is_a_step_of_ci(command: str) -> None:
    """CI runs it, with the variables that it names."""
    steps = (ROOT / ".ci" / "run").read_text()
    variables, _, target = command.partition("make ")
    assert re.search(rf"^ *step {target.split()[0]}$", steps, re.MULTILINE)
    for variable in variables.split():
        assert f"\nexport {variable}\n" in steps


def test_containers_are_tried() -> None:
    """`make docker-test` runs every command for containers."""
    assert sorted(DOCUMENTED) == commands("container")


def test_no_placeholder_is_left() -> None:
    """What was to be filled in has been."""
    assert not re.findall(r"@[A-Z]+@", "".join(path.read_text() for path in DOCUMENTS))


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
