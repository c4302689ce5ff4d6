"""Log records → lines on stdout: JSON for machines, text for people.

Each record is one line of JSON. As text it is one line too, and a traceback below it is indented.
Nothing that a client sent can begin a line of its own, or move a terminal's cursor.

A record may carry `fields`, a dict of what is searched for: `logger.info(…, extra=fields(…))`.
"""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any, Final, Literal, TextIO

LogFormat = Literal["auto", "json", "text"]

FIELDS: Final = "fields"  # the attribute of a record that holds them
SERVICE: Final = "rowscan"
TEXT: Final = "%(asctime)s %(levelname)s %(name)s: %(message)s"
LINE_ENDS: Final = (0x2028, 0x2029)
CONTROLS: Final = (*range(32), *range(127, 160), *LINE_ENDS)
ESCAPED: Final = {code: f"\\u{code:04x}" for code in CONTROLS}
ESCAPED_BUT_NEWLINES: Final = {code: text for code, text in ESCAPED.items() if code != ord("\n")}


def fields(**values: object) -> dict[str, Any]:
    """What to pass as `extra` so that a line has these fields; those that are None are left out."""
    return {FIELDS: {name: value for name, value in values.items() if value is not None}}


class JsonFormatter(logging.Formatter):
    """A record as an object: time, level, logger, message, then its fields; exception if any."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, all of it ASCII."""
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {
            "time": time.replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, FIELDS, {}),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class TextFormatter(logging.Formatter):
    """A record as a line to read, with its fields as name=value behind the message."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's
        """The line, without control characters."""
        shown = [f"{name}={value}" for name, value in getattr(record, FIELDS, {}).items()]
        record.message = " ".join([record.message, *shown])
        return super().formatMessage(record).translate(ESCAPED)

    def formatException(self, ei: Any) -> str:  # noqa: ANN401, N802 - logging's
        """The traceback, indented so that no line of it looks like a record."""
        lines = super().formatException(ei).translate(ESCAPED_BUT_NEWLINES).split("\n")
        return "\n".join(f"    {line}" for line in lines)


def configure_logging(level: str, log_format: LogFormat, stream: TextIO) -> None:
    """Have all records of this level and above written to the stream; auto looks who reads it."""
    as_text = log_format == "text" or (log_format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter(TEXT) if as_text else JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
    # They warn of every malformed request and body, however many come; the client is told anyway.
    for name in ("uvicorn.error", "python_multipart"):
        logging.getLogger(name).setLevel(logging.ERROR)


def announce(text: str) -> None:
    """A line that is written whatever the level: the service is there."""
    logger = logging.getLogger(SERVICE)
    logger.handle(logger.makeRecord(SERVICE, logging.INFO, "", 0, text, (), None))
