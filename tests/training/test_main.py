"""The command line, as a person meets it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from training.__main__ import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_USAGE, main
from training.data import Mnist


def run_main(*arguments: object) -> int:
    """Run the command line in this process; return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["training", *map(str, arguments)])
        with pytest.raises(SystemExit) as stop:
            main()
    assert isinstance(stop.value.code, int)
    return stop.value.code


def test_help_names_the_commands(capsys: pytest.CaptureFixture[str]) -> None:
    """The three commands, and what they are for."""
    assert run_main("-h") == 0
    text = capsys.readouterr().out
    assert all(command in text for command in ("train", "evaluate", "export"))


@pytest.mark.parametrize("command", [(), ("train",), ("evaluate",), ("export",)])
def test_help_tells_the_exit_codes(
    capsys: pytest.CaptureFixture[str], command: tuple[str, ...]
) -> None:
    """Scripts go by them."""
    assert run_main(*command, "--help") == 0
    text = " ".join(capsys.readouterr().out.split())
    assert f"{EXIT_FAILED} it could not be done (one line says why), 2 wrong usage" in text
    assert f"{EXIT_INTERRUPTED} stopped by Ctrl-C" in text


def test_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    """Has the exit code that the help tells, and names the option."""
    assert run_main("export", "--tensorboard", "x") == 2
    assert "--tensorboard" in capsys.readouterr().err


def test_an_unknown_preset_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The line lists the presets that there are."""
    assert run_main("train", "--preset", "huge", "--data-dir", tmp_path) == EXIT_USAGE
    error = capsys.readouterr().err
    assert error.startswith(
        "error: There is no preset 'huge'. Choose one of: default, people, tutorial"
    )
    assert error.count("\n") == 1


def test_missing_data_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """So is a folder without the files."""
    assert run_main("train", "--data-dir", tmp_path, "--run-dir", tmp_path) == EXIT_FAILED
    assert "has neither train-images-idx3-ubyte.gz" in capsys.readouterr().err


def test_exporting_no_run_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before MNIST is looked for, and downloaded perhaps."""
    nowhere = "--data-dir", tmp_path / "nowhere"
    assert run_main("export", "--run-dir", tmp_path / "none", *nowhere) == EXIT_FAILED
    assert "none holds no checkpoint. Train first" in capsys.readouterr().err


def test_evaluating_nothing_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Said before MNIST is looked for."""
    nowhere = tmp_path / "nowhere"
    assert run_main("evaluate", "--model", nowhere, "--data-dir", nowhere) == EXIT_FAILED
    assert capsys.readouterr().err.startswith(
        f"error: There is no version in {nowhere}: No such file"
    )


def test_evaluating_no_version_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A folder that is no version is told before any picture is read."""
    arguments = ("--data-dir", tmp_path, "--pictures", tmp_path, "--corruptions")
    assert run_main("evaluate", "--model", tmp_path, *arguments) == EXIT_FAILED
    error = capsys.readouterr().err
    assert "cannot be read" in error
    assert error.count("\n") == 1


def test_ctrl_c_keeps_the_run(mnist: Mnist, tmp_path: Path) -> None:
    """Ctrl-C ends with a line that says how to go on, and with the shell's exit code for it."""
    program = f"""
import signal
from dataclasses import replace
from pathlib import Path
import training.data as data
import training.presets as presets
from tests.tiny import TINY
presets.PRESETS["people"] = replace(TINY, name="people", epochs=9_000)
signal.signal(signal.SIGINT, signal.default_int_handler)  # which a shell's background job lacks
folder = Path({str(mnist.folder)!r})
data.open_mnist = lambda _: data.Mnist(folder, {dict(mnist.sha256)!r}, {mnist.validation_images})
from training.__main__ import main
main()
"""
    folders = ["--run-dir", str(tmp_path), "--models-dir", str(tmp_path / "models")]
    process = subprocess.Popen(
        [sys.executable, "-c", program, "train", "--preset", "people", *folders],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert first.startswith("epoch 1/9000")
    assert process.returncode == EXIT_INTERRUPTED
    assert error.splitlines()[-1] == ("Stopped. The last whole epoch is kept: go on with --resume.")
    assert (tmp_path / "checkpoint.npz").exists()
