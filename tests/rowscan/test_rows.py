"""Rows as JSON, as cells and as text."""

from __future__ import annotations

import json
from pathlib import Path

from app.errors import BlankImageError
from app.schemas import SEVEN_ANSWER
from rowscan import rows

SEVEN = rows.answered(Path("7.png"), SEVEN_ANSWER)
BLANK = rows.failed(Path("blank.png"), BlankImageError("Nothing is drawn on it."))


def test_json_has_the_fields_of_the_http_answer() -> None:
    """And the file before them."""
    assert json.loads(rows.json_line(SEVEN)) == {"file": "7.png", **SEVEN_ANSWER}
    assert next(iter(json.loads(rows.json_line(SEVEN)))) == "file"


def test_json_of_a_problem() -> None:
    """It is the problem that the service would answer."""
    assert json.loads(rows.json_line(BLANK)) == {
        "file": "blank.png",
        "type": "/problems/blank-image",
        "title": "Blank image",
        "status": 422,
        "detail": "Nothing is drawn on it.",
    }


def test_cells_fill_the_head() -> None:
    """A cell a column, whether the file was read or not."""
    for row in (SEVEN, BLANK, rows.unreadable(Path("x"), "gone")):
        assert len(rows.csv_cells(row)) == len(rows.CSV_HEAD)
    seven = dict(zip(rows.CSV_HEAD, rows.csv_cells(SEVEN), strict=True))
    assert (seven["digit"], seven["p7"], seven["error"]) == (7, SEVEN_ANSWER["confidence"], "")
    assert seven["is_digit"] == "true"  # as JSON has it
    blank = dict(zip(rows.CSV_HEAD, rows.csv_cells(BLANK), strict=True))
    assert (blank["digit"], blank["error"]) == ("", "Nothing is drawn on it.")


def test_text_says_what_is_to_be_said() -> None:
    """The digit and how sure it is; that it is none; why it could not be read."""
    sure = SEVEN | {"confidence": 0.999}
    assert rows.table_line(sure) == "    7      99.90%  7.png"
    doubtful = sure | {"is_digit": False, "novelty": 0.5}
    assert rows.table_line(doubtful).endswith("7.png  (not a digit, novelty 0.50)")
    assert rows.table_line(BLANK).endswith("-  blank.png  (Nothing is drawn on it.)")


def test_a_name_gives_no_orders_to_a_terminal() -> None:
    """Escapes and bytes that are no Unicode are shown as what they are; letters are left alone."""
    row = SEVEN | {"file": "é\x1b[2J\udcff.png"}
    assert rows.table_line(row).endswith("é\\x1b[2J\\udcff.png")
    assert json.loads(rows.json_line(row))["file"] == "é\x1b[2J\udcff.png"
