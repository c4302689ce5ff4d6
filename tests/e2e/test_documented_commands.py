"""Documented commands but for training's, in a sandbox: run, or where that takes long, parsed."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer.main
from typer.core import TyperGroup

from app.settings import Settings
from benchmarks.__main__ import BENCHMARKS
from rowscan.cli import build
from tests.e2e.documents import commands
from tests.e2e.running import (
    SEVEN,
    SHIPPED_MODEL,
    STOPPED_WITHIN_S,
    Service,
    free_port,
    needs_shipped_model,
)
from tests.e2e.sandbox import environment, make_sandbox, run_in, set_up


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With the shipped version."""
    folder = make_sandbox(tmp_path_factory.mktemp("sandbox"))
    shutil.copytree(SHIPPED_MODEL, folder / "models/digits/1")
    return folder


@needs_shipped_model
@pytest.mark.parametrize("command", commands("serve"))
def test_service_starts_and_answers(command: str, sandbox: Path) -> None:
    """It reads a digit, and a signal to all that was started ends it."""
    port = str(free_port())
    process = subprocess.Popen(
        command.replace("make", f"make {set_up()}").split(),
        cwd=sandbox,
        env=environment() | {"ROWSCAN_PORT": port},
        start_new_session=True,
    )
    try:
        service = Service(process, f"http://127.0.0.1:{port}")
        service.wait_until("ready")
        assert service.post("image/png", SEVEN.read_bytes())["digit"] == 7
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(STOPPED_WITHIN_S)


@pytest.mark.parametrize("command", commands("format"))
def test_format_mends(command: str, sandbox: Path) -> None:
    """Layout, and what lint can mend."""
    untidy = sandbox / "untidy.py"
    untidy.write_text('"""A module."""\nimport sys\n\n\nVALUE = {  "a":1}\n')
    run_in(sandbox, command)
    assert untidy.read_text() == '"""A module."""\n\nVALUE = {"a": 1}\n'


@pytest.mark.parametrize("command", commands("key"))
def test_key_is_one(command: str, sandbox: Path) -> None:
    """What it prints is taken for the service's key."""
    key = run_in(sandbox, command).strip()
    assert Settings(api_key=key).api_key is not None


@pytest.mark.parametrize("command", commands("drawing"))
def test_drawing_draws(command: str, sandbox: Path) -> None:
    """The pictures of docs/imaging.md are made anew."""
    pictures = [*(sandbox / "docs").glob("imaging*.png"), *(sandbox / "docs/imaging").glob("*.png")]
    assert pictures
    for picture in pictures:
        os.utime(picture, (0, 0))
    run_in(sandbox, command)
    assert [picture for picture in pictures if picture.stat().st_mtime > 0]


@needs_shipped_model
@pytest.mark.parametrize("command", commands("weighing"))
def test_imaging_is_weighed(command: str, sandbox: Path) -> None:
    """On the examples alone, without MNIST: a row for each step."""
    command = re.sub(r"\[.*?\]", "DIR", command).replace("ROWSCAN_DATA_DIR=… ", "")
    rows = run_in(sandbox, command).splitlines()
    assert rows[2] == "| nothing | 100.0 |"
    assert len(rows) > 10


@pytest.mark.parametrize("command", commands("install"))
def test_install_is_possible(command: str, sandbox: Path) -> None:
    """The extra exists; what it needs is here already, so that no index is asked."""
    dry = "install --dry-run --no-index --no-build-isolation"
    assert "Would install rowscan" in run_in(sandbox, command.replace("install", dry))


@pytest.mark.parametrize("command", commands("benchmark"))
def test_benchmark_is_known(
    command: str, sandbox: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Names and options are those that there are: the only complaint is about one that is not."""
    if command.startswith("make "):
        command = run_in(sandbox, command.replace("make ", "make --dry-run "))
    _, _, name, *options = shlex.split(command)
    assert {word for word in options if word.isalpha()} <= set(BENCHMARKS)
    monkeypatch.setattr(sys, "argv", [name, *options, "--no-such-option"])
    with pytest.raises(SystemExit):
        import_module(name if "." in name else f"{name}.__main__").main()
    said = capsys.readouterr().err.splitlines()[-1]
    assert said.endswith(": unrecognized arguments: --no-such-option")


@pytest.mark.parametrize("command", commands("help"))
def test_help_is_shown(command: str, sandbox: Path) -> None:
    """Without a word more, the commands are listed, and the exit code says that one is missing."""
    printed = run_in(sandbox, f"PATH=.venv/bin:$PATH {command} || [ $? = 2 ]")
    assert "Commands" in printed or "evaluate" in printed


@pytest.mark.parametrize("command", commands("name"))
def test_name_is_known(command: str) -> None:
    """Commands and options that the text names are there; tests/rowscan/ runs them."""
    group = typer.main.get_command(build(with_training=True))
    assert isinstance(group, TyperGroup)
    words = shlex.split(command)[1:]
    named = group if words[0].startswith("-") else group.commands[words.pop(0)]
    known = {option for each in named.params for option in each.opts}
    assert {word for word in words if word.startswith("-")} <= known
