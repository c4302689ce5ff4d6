"""`rowscan` as a person types it: commands, help, completion, and what is missing."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from typer.testing import CliRunner

from app import __version__
from app.schemas import SEVEN_ANSWER
from rowscan import parts
from rowscan.cli import build
from tests.rowscan.serving import Said, saying, unused_address

ROOT = Path(__file__).parents[2]
OWN = ("serve", "predict", "health", "bench")


def rowscan(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command line as a process."""
    return subprocess.run(
        [sys.executable, "-m", "rowscan", *words],
        cwd=ROOT,
        env={**os.environ, "COLUMNS": "80", "TERMINAL_WIDTH": "80", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def invoke(*words: str, with_training: bool = True) -> tuple[int, str]:
    """Run a command in this process; its exit code and all that it printed."""
    result = CliRunner().invoke(
        build(with_training), list(words), prog_name="rowscan", env={"TERMINAL_WIDTH": "80"}
    )
    return result.exit_code, result.output


def test_help_names_every_command() -> None:
    """On screens of 80 columns."""
    done = rowscan("--help")
    assert done.returncode == 0
    assert all(f"│ {name} " in done.stdout for name in (*OWN, *parts.TRAINING_COMMANDS))
    assert max(map(len, done.stdout.splitlines())) <= 80


@pytest.mark.parametrize("command", ["serve", "predict", "health", *parts.TRAINING_COMMANDS])
def test_each_command_has_help(command: str) -> None:
    """With a sentence of what it does."""
    code, text = invoke(command, "-h")
    assert code == 0
    assert f"Usage: rowscan {command}" in text


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("predict", "0 all files were read, 1 some could not be read, 2 wrong usage, 3 there is"),
        ("train", "0 it is done, 1 it could not be done"),
    ],
)
def test_exit_codes_are_told(command: str, told: str) -> None:
    """Scripts go by them."""
    assert told in " ".join(invoke(command, "--help")[1].split())


def test_version() -> None:
    """That of the package."""
    assert rowscan("--version").stdout == f"rowscan {__version__}\n"


def test_nothing_asked_shows_the_help() -> None:
    """And an unknown command names itself; both are wrong usage."""
    assert "Usage: rowscan" in rowscan().stdout + rowscan().stderr
    done = rowscan("nonsense")
    assert done.returncode == 2
    assert "No such command 'nonsense'" in done.stderr


def test_completion() -> None:
    """The script is printed, and what it calls knows commands and training's options."""
    assert "complete -o default -F _rowscan_completion rowscan" in (
        rowscan(_ROWSCAN_COMPLETE="source_bash").stdout
    )
    asked = {"_ROWSCAN_COMPLETE": "complete_bash", "COMP_CWORD": "1", "COMP_WORDS": "rowscan pre"}
    assert rowscan(**asked).stdout.split() == ["predict"]
    asked |= {"COMP_CWORD": "2", "COMP_WORDS": "rowscan train --pre"}
    assert rowscan(**asked).stdout.split() == ["--preset"]


def test_training_is_trainings_own() -> None:
    """Its errors are told as it tells them."""
    done = rowscan("train", "--preset", "huge")
    assert done.returncode == 2
    assert done.stderr.startswith("error: There is no preset 'huge'.")


@pytest.mark.parametrize("command", parts.TRAINING_COMMANDS)
def test_without_training(command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is missing and how to get it, whatever is asked of it."""
    monkeypatch.setattr(parts, "TRAINING_NEEDS", ("training", "no_such_package"))
    code, said = invoke(command, "--seed", "1", with_training=False)
    assert code == 1
    assert said == f"rowscan: {command} needs no_such_package. {parts.INSTALL_TRAINING}\n"


def test_what_training_needs_is_what_the_extra_brings() -> None:
    """By the names of the packages, which are those that are imported."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extra = {need.partition(">")[0] for need in project["optional-dependencies"]["train"]}
    assert set(parts.TRAINING_NEEDS) == {"training", *extra}


def test_benchmarks_of_a_checkout() -> None:
    """Words are passed on."""
    done = rowscan("bench", "nonsense", "--quick")
    assert done.returncode == 2
    assert "no such benchmark: nonsense" in done.stderr
    done = rowscan("bench", "latency", "--models-dir", "nowhere")
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1].startswith("latency: nowhere cannot be read")


def test_benchmarks_without_a_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is said that they are nowhere else, and which packages they need."""
    monkeypatch.setattr(parts, "TRAINING_NEEDS", ("no_such_package",))
    assert invoke("bench")[1].startswith("rowscan: bench needs no_such_package. ")
    monkeypatch.setattr(parts, "ROOT", tmp_path)
    code, said = invoke("bench", "latency")
    assert code == 1
    assert said.startswith("rowscan: bench needs a checkout")


def test_health_and_predict_go_by_their_options() -> None:
    """Through the whole command line, as help and completion know it."""
    url = unused_address().url
    code, said = invoke("health", "--url", url)
    assert (code, said) == (1, f"rowscan: {url} does not answer: Connection refused\n")
    code, said = invoke("predict", "--json", "--url", url, "examples/7.png")
    assert code == 3
    assert said.startswith(f"rowscan: {url} does not answer")


def test_an_empty_address_is_none() -> None:
    """As of a variable that a script has not set: not the service of this machine instead."""
    code, said = invoke("health", "--url", "")
    assert (code, said) == (
        1,
        "rowscan: '' is no address. Give one such as http://localhost:8000.\n",
    )


@pytest.mark.parametrize(("to", "code", "lines"), [("> /dev/full", 2, 1), (">&-", 0, 0)])
def test_output_that_goes_nowhere(to: str, code: int, lines: int) -> None:
    """A full disk is told of in a line; a closed stdout is what was wanted."""
    body = json.dumps({"predictions": [SEVEN_ANSWER]}).encode()
    with saying(Said(200, body)) as service:
        words = [sys.executable, "-m", "rowscan", "predict", "--url", service.address.url]
        words.append("examples/7.png")
        done = subprocess.run(
            ["bash", "-c", f'exec "$@" {to}', "-", *words],
            cwd=ROOT, capture_output=True, text=True, check=False,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )  # fmt: skip
    assert (done.returncode, done.stderr.count("\n")) == (code, lines), done.stderr


def test_serve_is_the_app(tmp_path: Path) -> None:
    """A start that cannot succeed ends as that of `python -m app`; so do arguments."""
    done = rowscan("serve", ROWSCAN_PORT="0", ROWSCAN_MODELS_DIR=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.startswith(f"rowscan: {tmp_path} holds no version.")
    assert "takes no arguments" in rowscan("serve", "--port", "8001").stderr


def test_predict_as_a_process() -> None:
    """It starts without TensorFlow when a service is asked, and ends with the exit code."""
    program = """
import sys
from rowscan import cli
cli.leave = lambda code: sys.exit(f"{code} {'tensorflow' in sys.modules}")
cli.run(sys.argv[1:])
"""
    done = subprocess.run(
        [sys.executable, "-c", program, "predict", "--url", unused_address().url, "examples"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stderr.splitlines()[-1] == "3 False"


@pytest.mark.parametrize(
    ("package", "others"), [("app", ("training", "rowscan")), ("training", ("rowscan",))]
)
def test_who_knows_nothing_of_whom(package: str, others: tuple[str, ...]) -> None:
    """The service knows neither training nor the command line, training not the latter."""
    imports = re.compile(rf"^\s*(?:from|import) +(?:{'|'.join(others)})\b", re.MULTILINE)
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    assert [module for module in modules if imports.search(module.read_text())] == []
