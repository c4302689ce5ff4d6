"""Log lines: a JSON object for machines, a line for people, and nothing smuggled into either."""

from __future__ import annotations

import io
import json
import logging
import sys
from collections.abc import Iterator
from typing import Any

import pytest

from app.logs import (
    TEXT,
    JsonFormatter,
    LogFormat,
    TextFormatter,
    announce,
    configure_logging,
    fields,
)

HOSTILE = "x\n2026-11-25 00:00:00,000 INFO app: all is well\x1b[2J\x85\u2028\ud800"


class Terminal(io.StringIO):
    """A stream that says it is one."""

    def isatty(self) -> bool:
        """As a terminal answers."""
        return True


def record(message: str, *args: object, **more: Any) -> logging.LogRecord:  # noqa: ANN401 - logging's
    """A record as logging makes it."""
    return logging.getLogger("app.test").makeRecord(
        "app.test",
        logging.WARNING,
        __file__,
        1,
        message,
        args,
        more.pop("exc_info", None),
        extra=more,
    )


def raised(message: str) -> Any:  # noqa: ANN401 - exc_info
    """What a logger has of an error."""
    try:
        int(message)
    except ValueError:
        return sys.exc_info()


@pytest.fixture
def root() -> Iterator[logging.Logger]:
    """The root logger, put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = handlers
    root.setLevel(level)


def test_json_line() -> None:
    """The four names that are always there, then the fields that have a value."""
    shown = record("%d of them", 3, **fields(request_id="mine", trace_id=None))
    line = json.loads(JsonFormatter().format(shown))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "warning",
        "logger": "app.test",
        "message": "3 of them",
        "request_id": "mine",
    }


def test_json_line_with_a_traceback() -> None:
    """It is still one line, which every decoder reads."""
    line = JsonFormatter().format(record(HOSTILE, exc_info=raised(HOSTILE)))
    assert line.isascii()
    assert line.isprintable()
    decoded = json.loads(line)
    assert decoded["message"] == HOSTILE
    assert decoded["exception"].startswith("Traceback")


def test_text_line() -> None:
    """Fields stand behind the message."""
    line = TextFormatter(TEXT).format(record("request", **fields(status=200, route="/predict")))
    assert line.endswith("WARNING app.test: request status=200 route=/predict")


def test_text_cannot_be_smuggled_in() -> None:
    """Neither a message nor an error can begin a line, or reach the terminal's controls."""
    line = TextFormatter(TEXT).format(record(HOSTILE, exc_info=raised(HOSTILE)))
    first, *following = line.split("\n")
    assert r"x\u000a2026" in first
    assert following
    assert all(each.startswith("    ") for each in following)
    assert not set("\x1b\x85\u2028") & set(line)


@pytest.mark.parametrize(
    ("log_format", "stream", "as_json"),
    [
        ("auto", io.StringIO(), True),
        ("auto", Terminal(), False),
        ("text", io.StringIO(), False),
        ("json", Terminal(), True),
    ],
)
def test_format(
    root: logging.Logger, log_format: LogFormat, stream: io.StringIO, as_json: bool
) -> None:
    """A terminal gets text and everything else JSON, unless told otherwise."""
    configure_logging("error", log_format, stream)
    root.warning("too mild to be written")
    announce("ready at 100%s")
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "ready at 100%s" in line
    assert line.startswith("{") is as_json


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("name", ["uvicorn.error", "python_multipart"])
def test_malformed_requests_leave_no_line(name: str) -> None:
    """Nothing bounds how many come; what fails in the server itself is written."""
    stream = io.StringIO()
    configure_logging("debug", "json", stream)
    logging.getLogger(name).warning("Invalid HTTP request received.")
    logging.getLogger(name).error("Exception in ASGI application")
    assert [json.loads(line)["level"] for line in stream.getvalue().splitlines()] == ["error"]
