"""How a service is asked: patience with a busy one, and one line about one that is none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.schemas import SEVEN_ANSWER
from rowscan.remote import (
    CHUNK_BYTES,
    CHUNK_FILES,
    RemoteModel,
    ServiceError,
    chunks,
    retry_after_s,
)
from rowscan.rows import Row
from tests.rowscan.serving import Said, saying, unused_address

SEVEN = Said(200, json.dumps({"predictions": [SEVEN_ANSWER]}).encode())
PROBLEM = json.dumps({"type": "t", "title": "T", "status": 504, "detail": "D"}).encode()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file; what is in it does not matter here."""
    path = tmp_path / "7.png"
    path.write_bytes(b"PNG")
    return path


def ask(model: RemoteModel, *files: Path) -> list[Row]:
    """All rows."""
    return [row for some in model.read(files) for row in some]


def test_a_busy_service_is_asked_again(file: Path) -> None:
    """After as long as it says each time."""
    slept: list[float] = []
    with saying(Said(429, retry_after="2"), Said(503, retry_after="soon"), SEVEN) as service:
        rows = ask(RemoteModel(service.address, sleep=slept.append), file)
    assert rows == [{"file": str(file), **SEVEN_ANSWER}]
    assert slept == [2, 1]


def test_patience_ends(file: Path) -> None:
    """A service that is never ready is none."""
    with (
        saying(Said(503, retry_after="9")) as service,
        pytest.raises(ServiceError, match=r"not ready for 20 s \(status 503\)"),
    ):
        ask(RemoteModel(service.address, patience_s=20, sleep=lambda _: None), file)
    assert len(service.asked) == 3


def test_a_limit_is_waited_for(file: Path) -> None:
    """However long that is: a folder takes as long as the service lets a client take."""
    slept: list[float] = []
    limited = Said(429, b'{"type": "/problems/rate-limited"}', retry_after="63")
    with saying(limited, limited, SEVEN) as service:
        model = RemoteModel(service.address, patience_s=20, sleep=slept.append)
        assert len(ask(model, file)) == 1
    assert slept == [63, 63]


def test_what_takes_too_long_is_sent_in_halves(file: Path) -> None:
    """Down to one file, of which the service's problem is the row."""
    with saying(Said(504, PROBLEM), Said(504, PROBLEM), SEVEN) as service:
        first, second = ask(RemoteModel(service.address), file, file)
    assert (first["detail"], second["digit"]) == ("D", 7)


def test_a_closed_connection_is_opened_again(file: Path) -> None:
    """Kept connections are closed by services that stop or have waited long."""
    body = json.dumps({"predictions": [SEVEN_ANSWER] * CHUNK_FILES}).encode()
    with saying(Said(200, body, close=True)) as service:
        rows = ask(RemoteModel(service.address), *[file] * (CHUNK_FILES * 6))
    assert len(rows) == CHUNK_FILES * 6


def test_a_service_that_hangs_is_asked_once() -> None:
    """On a kept connection too: to ask again would take as long, and have it work twice."""
    with saying(Said(200), Said(200, after_s=0.5)) as service:
        model = RemoteModel(service.address, timeout_s=0.1)
        assert model._post("text/plain", b"").status == 200
        with pytest.raises(ServiceError, match="no answer in time"):
            model._post("text/plain", b"")
        assert len(service.asked) == 2


@pytest.mark.parametrize(
    "said",
    [
        Said(200, b"<html>"),
        Said(200, b'{"predictions": []}'),
        Said(200, b'{"predictions": [{}]}'),
        Said(404, b"not JSON"),
        Said(404, b'{"detail": "Not Found"}'),
    ],
)
def test_another_service_is_told(file: Path, said: Said) -> None:
    """Whatever it answers, the address is named."""
    with saying(said) as service, pytest.raises(ServiceError, match=service.address.url):
        ask(RemoteModel(service.address), file)


@pytest.mark.parametrize(
    ("key", "advice"),
    [(None, "Set ROWSCAN_API_KEY to it."), ("0123456789abcdef", "does not hold its key.")],
)
def test_a_key_is_wanted(file: Path, key: str | None, advice: str) -> None:
    """A user of the command line is told what can be done there."""
    said = Said(401, b'{"detail": "Send it as X-API-Key."}')
    with saying(said) as service, pytest.raises(ServiceError, match=advice):
        ask(RemoteModel(service.address, key), file)


class Gone(type(Path())):  # type: ignore[misc] # the system's kind of path
    """A path, like any other of its name, of which nothing can be opened."""

    def __fspath__(self) -> str:
        """Where nothing is."""
        return "/nowhere/7.png"


def test_a_file_named_twice(file: Path) -> None:
    """That it could not be read the one time takes nothing from the other."""
    with saying(SEVEN) as service:
        rows = ask(RemoteModel(service.address), Gone(file), file)
    assert ["digit" in row for row in rows] == [False, True]


def test_nobody_there(file: Path) -> None:
    """The line says what to do."""
    with pytest.raises(ServiceError, match=r"Connection refused.*rowscan serve"):
        ask(RemoteModel(unused_address()), file)


def test_chunks_are_bounded(tmp_path: Path) -> None:
    """In files and in bytes; a file that is larger goes alone, one that is gone weighs nothing."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"1")
    with large.open("wb") as file:
        file.truncate(CHUNK_BYTES + 1)
    files = [*[small] * (CHUNK_FILES + 1), large, tmp_path / "gone", small]
    assert [len(chunk) for chunk in chunks(files)] == [CHUNK_FILES, 1, 1, 2]
    assert list(chunks([])) == []


@pytest.mark.parametrize(
    ("said", "seconds"), [("3", 3), ("99999", 10), ("0", 1), ("-1", 1), ("", 1)]
)
def test_retry_after(said: str, seconds: float) -> None:
    """Whole seconds, not for ever."""
    assert retry_after_s({"Retry-After": said}) == seconds
