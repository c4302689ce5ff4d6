"""The service as people start it: a process of its own, the shipped model, a real socket."""

from __future__ import annotations

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from app.inference.version_files import MANIFEST_PATH
from app.schemas import SEVEN_ANSWER, BatchPrediction, Prediction
from tests.e2e.documents import DOCUMENTS, FENCED_SHELL, commands, commands_in
from tests.e2e.running import (
    ROOT,
    SEVEN,
    STOPPED_WITHIN_S,
    Service,
    needs_shipped_model,
    starting_service,
)

pytestmark = needs_shipped_model


def documented_requests() -> list[tuple[str, dict[str, Any] | None]]:
    """Each curl command of the documents, and the answer where one is shown under it."""
    found: list[tuple[str, dict[str, Any] | None]] = []
    text = "\n".join(path.read_text() for path in DOCUMENTS)
    blocks = rf"{FENCED_SHELL.pattern}(?:\n+```json\n(.*?)^```)?"
    for block, shown in re.findall(blocks, text, FENCED_SHELL.flags):
        curls = sorted(commands_in(f"```sh\n{block}```") & {*commands("request")})
        found += [(curl, json.loads(shown) if shown else None) for curl in curls]
    return found


def test_multipart_upload(service: Service) -> None:
    """A form with a part named `file` is read, as curl -F sends it."""
    body = (
        b'--line\r\nContent-Disposition: form-data; name="file"; filename="7.png"\r\n'
        b"Content-Type: image/png\r\n\r\n" + SEVEN.read_bytes() + b"\r\n--line--\r\n"
    )
    assert service.post("multipart/form-data; boundary=line", body)["digit"] == 7


def test_raw_body(service: Service) -> None:
    """The bytes of the file as the body are read."""
    assert service.post("image/png", SEVEN.read_bytes())["digit"] == 7


def test_json_body(service: Service) -> None:
    """The file in base64 within JSON is read, with the same answer as the bytes."""
    body = json.dumps({"image": base64.b64encode(SEVEN.read_bytes()).decode()}).encode()
    assert service.post("application/json", body) == service.post("image/png", SEVEN.read_bytes())


def assert_is_answer(command: str, answer: dict[str, Any]) -> None:
    """The answer has all keys of what this route answers, and their kinds of values."""
    if "/health" in command:
        assert answer == {"status": "ready"}
    elif "/predict/batch" in command:
        predictions = BatchPrediction.model_validate(answer).predictions
        assert [type(item) for item in predictions] == [Prediction] * command.count("files=@")
    else:
        read = Prediction.model_validate(answer)
        assert read.model_dump(exclude_none=True) == answer
        # Examples are named by the digit that they show.
        assert re.findall(r"examples/(\d)\.", command) in ([], [str(read.digit)])


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl here")
@pytest.mark.parametrize(("command", "shown"), documented_requests())
def test_documented_request(service: Service, command: str, shown: dict[str, Any] | None) -> None:
    """Every curl command works as it stands, and answers what is shown under it."""
    command = command.replace("localhost:8000", service.url.removeprefix("http://"))
    done = subprocess.run(
        ["bash", "-c", command], cwd=ROOT, capture_output=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    if "/metrics" in command:
        assert b"\nrowscan_ready_processes 1.0\n" in done.stdout
        return
    answer = json.loads(done.stdout)
    assert_is_answer(command, answer)
    if shown is not None:
        assert list(answer) == list(shown)
        for key, value in shown.items():
            assert answer[key] == pytest.approx(value, abs=1e-4)


def test_documented_answer_is_true(service: Service) -> None:
    """What /docs shows as an answer is what the shipped version says about examples/7.png."""
    answer = service.post("image/png", SEVEN.read_bytes())
    for key, value in SEVEN_ANSWER.items():
        assert answer[key] == pytest.approx(value, abs=1e-4)


def test_every_documented_request_is_sent() -> None:
    """Those in the text would be none of the above."""
    assert {curl for curl, _ in documented_requests()} == {*commands("request")}


def test_first_request_of_the_readme_is_shown_with_its_answer() -> None:
    """The README begins with a request and its answer."""
    command, shown = documented_requests()[0]
    assert "examples/7.png" in command
    assert shown is not None


@pytest.mark.parametrize(
    ("signal_number", "loading_s"),
    [
        (signal.SIGTERM, 0.0),
        (signal.SIGTERM, 1.0),
        (signal.SIGTERM, 1.5),
        (signal.SIGTERM, 2.0),
        (signal.SIGINT, 1.0),
    ],
)
def test_stop_while_loading(signal_number: signal.Signals, loading_s: float) -> None:
    """A stop in the middle of TensorFlow's start is as clean as any other."""
    with starting_service() as starting:
        starting.wait_until("live")
        time.sleep(loading_s)
        starting.process.send_signal(signal_number)
        assert starting.process.wait(STOPPED_WITHIN_S) == 0


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_stop_does_not_wait_for_a_model(signal_number: signal.Signals, tmp_path: Path) -> None:
    """That nobody will use: here one whose manifest is never there to be read."""
    manifest = tmp_path / "1" / MANIFEST_PATH
    manifest.parent.mkdir(parents=True)
    os.mkfifo(manifest)
    # A drain longer than the patience below: to wait for its end would be seen, too.
    settings = {"ROWSCAN_MODELS_DIR": str(tmp_path), "ROWSCAN_DRAIN_S": "600"}
    with starting_service(**settings) as starting:
        starting.wait_until("live")
        # Opened for writing once the other end is being read from.
        with manifest.open("wb"):
            starting.process.send_signal(signal_number)
            assert starting.process.wait(STOPPED_WITHIN_S) == 0
