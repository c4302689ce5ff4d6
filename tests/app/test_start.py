"""`python -m app` as a process: a start that cannot succeed says so in one line."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from app.__main__ import warn_of_typos
from app.process import child_command, child_environment

ROOT = Path(__file__).parents[2]
START_LIMIT_S = 120


def start(
    environment: Mapping[str, str], *arguments: str, program: tuple[str, str] = ("-m", "app")
) -> subprocess.CompletedProcess[str]:
    """Run the service until it ends by itself."""
    return subprocess.run(
        [sys.executable, *program, *arguments],
        cwd=ROOT,
        env={**os.environ, "ROWSCAN_PORT": "0", **environment},
        capture_output=True,
        text=True,
        timeout=START_LIMIT_S,
        check=False,
    )


def assert_one_line(
    ended: subprocess.CompletedProcess[str], *words: str, exit_code: int = 1
) -> None:
    """It ended with that code and one line that has these words."""
    assert ended.returncode == exit_code
    assert ended.stderr.count("\n") == 1, ended.stderr
    assert ended.stderr.startswith("rowscan: ")
    assert all(word in ended.stderr for word in words), ended.stderr
    assert "Traceback" not in ended.stdout + ended.stderr


def test_children_are_of_the_same_program(tmp_path: Path) -> None:
    """Whatever is called `app` in the folder in which the service was started."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/__init__.py").write_text("raise SystemExit('another app')")
    command = child_command("app.inference.sizes")
    subprocess.run(command, cwd=tmp_path, env=child_environment(), check=True)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ROWSCAN_PORT", "http"),
        ("ROWSCAN_MAX_QUEUE_IMAGES", "100"),
    ],
)
def test_invalid_setting(name: str, value: str) -> None:
    """The setting is named; its value, which may be a secret put into the wrong place, is not."""
    ended = start({name: value})
    assert_one_line(ended, name)


def test_all_invalid_settings() -> None:
    """All that are wrong are named, in words that are not pydantic's."""
    wrong = {"ROWSCAN_API_KEY": "short", "ROWSCAN_WORKERS": "0", "ROWSCAN_CORS_ORIGINS": "x/y"}
    ended = start(wrong)
    assert_one_line(ended, *wrong, "at least 16 characters")
    assert "alue error" not in ended.stderr


def test_mistyped_setting(caplog: pytest.LogCaptureFixture) -> None:
    """Who mistypes a setting is told which there is; other names are none of ours."""
    others = ["ROWSCAN_DATA_DIR", "ROWSCAN_IMAGE", "ROWSCAN_SERVICE_HOST", "ROWSCAN_PORT_80_TCP"]
    warn_of_typos(["ROWSCAN_PROT", "rowscan_port", "ROWSCAN_KEY", "PATH", *others])
    assert caplog.messages == [
        "ROWSCAN_PROT is no setting. Did you mean ROWSCAN_PORT?",
        "ROWSCAN_KEY is no setting. Did you mean ROWSCAN_API_KEY?",
    ]


def test_arguments_are_refused() -> None:
    """Nobody believes to have changed the port with --port."""
    ended = start({}, "--port", "8001")
    assert_one_line(ended, "takes no arguments", "ROWSCAN_PORT", exit_code=2)


def test_port_taken() -> None:
    """The port is named, and the setting that changes it; a mistyped one before."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        ended = start({"ROWSCAN_PORT": port, "ROWSCAN_PROT": "1"})
    assert_one_line(ended, port, "ROWSCAN_PORT")
    assert "ROWSCAN_PROT is no setting" in ended.stdout


def test_address_of_another_machine() -> None:
    """So is an address that is none of this machine's."""
    assert_one_line(start({"ROWSCAN_HOST": "192.0.2.1"}), "192.0.2.1", "ROWSCAN_HOST")


def test_no_model(tmp_path: Path) -> None:
    """Without a model there is nothing to serve; where it was looked for is said."""
    models = str(tmp_path / "missing")
    assert_one_line(start({"ROWSCAN_MODELS_DIR": models}), models, "ROWSCAN_MODELS_DIR")


def test_broken_model(tmp_path: Path) -> None:
    """A version that is no version is named."""
    (tmp_path / "1").mkdir()
    assert_one_line(start({"ROWSCAN_MODELS_DIR": str(tmp_path)}), str(tmp_path / "1"))


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_stop_before_there_is_a_server(signal_number: signal.Signals) -> None:
    """A stop in the middle of the imports ends at once with 0, and without a traceback."""
    command = [sys.executable, "-X", "importtime", "-m", "app"]  # tells its imports on stderr
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "logging" not in process.stderr.readline():
            assert process.poll() is None
        process.send_signal(signal_number)
        said = process.stderr.read()
    assert process.returncode == 0
    assert "Traceback" not in said


def test_no_room_for_the_network() -> None:
    """When the system cannot start one more process, the service ends, and says why."""
    program = (
        "import sys; sys.executable = '/nowhere/python'; "
        "import app.__main__; sys.exit(app.__main__.main())"
    )
    ended = start({}, program=("-c", program))
    assert_one_line(ended, "The network's process could not be started", "/nowhere/python")


def test_import_is_light() -> None:
    """Importing the app reads no setting and takes no TensorFlow in."""
    program = "import sys, app.main; sys.exit('tensorflow' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, "ROWSCAN_PORT": "senseless"},
        timeout=START_LIMIT_S,
        check=True,
    )
