"""Every documented command of training does what it says, on tiny data with short presets."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest

import training.__main__ as command_line
from app.inference.manifest import read_manifest
from tests.conftest import reading_back_here
from tests.e2e.documents import commands
from tests.e2e.running import Service, needs_shipped_model
from tests.e2e.sandbox import SHORT, make_sandbox, run_in
from tests.tiny import short_presets, tiny_mnist
from training.data import Mnist
from training.presets import PRESETS

SERVICE = "http://localhost:8000"
EXPORTS = [command for command in commands("training") if " export" in command]
# The figures that are exported are those of an evaluation.
EVALUATIONS = [command for command in commands("training") if command not in EXPORTS]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where `make train` has published version 1 of the default preset, with its short stages."""
    folder = make_sandbox(tmp_path_factory.mktemp("sandbox"))
    assert "Published models/digits/1" in run_in(folder, "make train", PYTHONPATH=str(SHORT))
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Mnist:
    """What `make train` trained on."""
    return tiny_mnist(tmp_path_factory.mktemp("data"), test_images=50)


def run(
    command: str, folder: Path, data: Mnist, capsys: pytest.CaptureFixture[str], url: str = ""
) -> str:
    """Run a command in this process, where TensorFlow is there already; return what it printed."""
    words = shlex.split(command.replace("--url …", f"--url {SERVICE}").replace(SERVICE, url))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setattr(sys, "argv", words[2:])
        # Hours of work and a download; the presets are those of the run in the sandbox.
        patch.setattr(command_line, "open_mnist", lambda _: data)
        for name, preset in short_presets().items():
            patch.setitem(PRESETS, name, preset)
        with reading_back_here(), pytest.raises(SystemExit) as stop:
            command_line.main()
    said = capsys.readouterr()
    assert stop.value.code == 0, said.err
    return said.out


@pytest.mark.parametrize("command", commands("make train"))
def test_make_trains(
    command: str, sandbox: Path, data: Mnist, capsys: pytest.CaptureFixture[str]
) -> None:
    """It trains, evaluates, and publishes a version of the preset that is asked for."""
    folder = sandbox / "models/digits"
    if command != "make train":  # which the sandbox began with
        run(run_in(sandbox, command.replace("make ", "make --dry-run ")), sandbox, data, capsys)
    made = [read_manifest(each).training.preset["name"] for each in folder.iterdir()]
    assert ("tutorial" if "tutorial" in command else "default") in made


@needs_shipped_model
@pytest.mark.parametrize("command", EVALUATIONS)
def test_evaluation(
    command: str, sandbox: Path, data: Mnist, service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """It prints a table of all that it was to read, and writes the files that it names."""
    printed = run(command, sandbox, data, capsys, service.url)
    words = shlex.split(command)
    assert "MNIST test" in printed
    assert ("mean of 15" in printed) == ("--corruptions" in words)
    assert ("DIR" in printed) == ("DIR" in words)
    assert ("FILE" in printed) == ("FILE.npz" in words)
    for option in {"--json", "--markdown", "--page"} & set(words):
        assert (sandbox / words[words.index(option) + 1]).stat().st_size > 0


@pytest.mark.parametrize("command", EXPORTS)
def test_export(
    command: str, sandbox: Path, data: Mnist, capsys: pytest.CaptureFixture[str]
) -> None:
    """It publishes the next version, whose report shows the figures that it was given."""
    printed = run(command, sandbox, data, capsys)
    version = sandbox / printed.partition("Published ")[2].partition(",")[0]
    page = (version / "assets.extra/report/index.html").read_text()
    assert ("Pictures read by models/digits/1" in page) == ("--evaluation" in command)
