"""What was found out about a file, as a row: JSON for programs, CSV for sheets, text for people.

A row has the fields of the HTTP answer, of a prediction or of a problem, and `file` before them.
"""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from app.errors import RequestError, problem_of

Row = dict[str, Any]

PROBLEM_FIELDS: Final = ("type", "title", "status", "detail")
CSV_FIELDS: Final = ("file", "digit", "confidence", "is_digit", "novelty", "model_version")
CSV_HEAD: Final = [*CSV_FIELDS, *(f"p{digit}" for digit in range(10)), "error"]
TABLE_HEAD: Final = "digit  confidence  file"


def answered(path: Path, prediction: Mapping[str, Any]) -> Row:
    """The row of a file that was read."""
    return {"file": os.fspath(path), **prediction}


def refused(path: Path, problem: Mapping[str, Any]) -> Row:
    """The row of a file that is no picture of a digit, by the problem that the service answers."""
    return {"file": os.fspath(path), **{name: problem[name] for name in PROBLEM_FIELDS}}


def failed(path: Path, error: RequestError) -> Row:
    """The same by the error behind it."""
    return refused(path, {**problem_of(error)._asdict(), "detail": str(error)})


def unreadable(path: Path, why: str) -> Row:
    """The row of a file that could not be opened: no service has seen it, so there is no status."""
    return {
        "file": os.fspath(path),
        "type": "/problems/unreadable-file",
        "title": "Unreadable file",
        "detail": why,
    }


def was_read(row: Row) -> bool:
    """Whether there is an answer in it."""
    return "digit" in row


def json_line(row: Row) -> str:
    """One line of JSON, in ASCII: a file may have a name that is no Unicode."""
    return json.dumps(row, separators=(",", ":"))


def csv_cells(row: Row) -> list[object]:
    """The cells below CSV_HEAD, empty where the row has nothing to say."""
    cells = [row.get(name, "") for name in CSV_FIELDS]
    cells = [str(cell).lower() if isinstance(cell, bool) else cell for cell in cells]  # as JSON
    return [*cells, *row.get("probabilities", [""] * 10), row.get("detail", "")]


def csv_line(cells: list[object]) -> str:
    """The line of some cells, without its end."""
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(cells)
    return line.getvalue()


def table_line(row: Row) -> str:
    """One line below TABLE_HEAD; what there is to remark stands behind the file, in brackets."""
    file = _printable(row["file"])
    if not was_read(row):
        return f"{'-':>5}  {'-':>10}  {file}  ({row['detail']})"
    remark = "" if row["is_digit"] else f"  (not a digit, novelty {row['novelty']:.2f})"
    return f"{row['digit']:>5}  {row['confidence']:>10.2%}  {file}{remark}"


def _printable(name: str) -> str:
    """A file's name for a terminal, to which some characters are orders."""
    return "".join(
        character if character.isprintable() else ascii(character)[1:-1] for character in name
    )
