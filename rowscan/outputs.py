"""Rows → lines on stdout and cells in a CSV file, and meanwhile a progress bar on stderr.

Lines go out as they come, so that a program can read along. On a terminal they wait until the
bar has gone.
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rowscan import rows
from rowscan.rows import Row

Advance = Callable[[int], None]
WriteCells = Callable[[list[object]], object]

STDOUT: Final = Path("-")  # in the place of a CSV file


@dataclass(frozen=True)
class Form:
    """What is written: a table, unless one of these asks for something else."""

    as_json: bool = False
    csv_file: Path | None = None


@dataclass
class Tally:
    """Counts rows, and the time since it was made."""

    read: int = 0
    not_digits: int = 0
    unread: int = 0
    passed_over: int = 0  # files beside the pictures, which are not counted among them
    begun: float = field(default_factory=time.monotonic)

    def count(self, row: Row) -> None:
        """Add one."""
        if not rows.was_read(row):
            self.unread += 1
            return
        self.read += 1
        self.not_digits += not row["is_digit"]

    def summary(self) -> str:
        """What came of all files, in one line."""
        seconds = max(time.monotonic() - self.begun, 1e-3)
        files = self.read + self.unread
        said = [f"{files:,} files in {seconds:.1f} s ({files / seconds:,.0f} a second)"]
        if self.not_digits:
            said.append(f"{self.not_digits:,} not a digit")
        if self.unread:
            said.append(f"{self.unread:,} could not be read")
        if self.passed_over:
            said.append(f"{self.passed_over:,} with other endings passed over")
        return ", ".join(said)


@contextmanager
def open_outputs(form: Form, stdout: TextIO) -> Iterator[Callable[[list[Row]], None]]:
    """What takes some rows and writes them. Raises OSError when the CSV file cannot be written."""
    printed = _lines(form)
    with _csv_writer(form.csv_file) as write_cells, _held_back(stdout) as say:
        head = [f"{line}\n" for line in printed.head] if printed else []

        def write(some: list[Row]) -> None:
            for row in some:
                write_cells(rows.csv_cells(row))
            if printed:
                say("".join([*head, *(f"{printed.line(row)}\n" for row in some)]))
                head.clear()

        yield write


class _Lines(NamedTuple):
    """What stdout gets."""

    head: tuple[str, ...]
    line: Callable[[Row], str]


def _lines(form: Form) -> _Lines | None:
    if form.as_json:
        return _Lines((), rows.json_line)
    if form.csv_file == STDOUT:
        head = rows.csv_line([*rows.CSV_HEAD])
        return _Lines((head,), lambda row: rows.csv_line(rows.csv_cells(row)))
    return _Lines((rows.TABLE_HEAD,), rows.table_line) if form.csv_file is None else None


@contextmanager
def _held_back(stdout: TextIO) -> Iterator[Callable[[str], None]]:
    """What prints: at once, or on a terminal at the end, whatever happens until then."""
    kept: list[str] = []

    def print_now(text: str) -> None:
        stdout.write(text)
        stdout.flush()

    try:
        yield kept.append if stdout.isatty() else print_now
    finally:
        print_now("".join(kept))


@contextmanager
def _csv_writer(path: Path | None) -> Iterator[WriteCells]:
    """What writes a row of cells to the file, if there is to be one.

    What was in it goes with the first row: when nothing can be read it is kept.
    """
    if path is None or path == STDOUT:
        yield lambda _: None
        return
    with ExitStack() as opened:
        write: WriteCells | None = None

        def write_cells(cells: list[object]) -> None:
            nonlocal write
            if write is None:
                write = _begin_csv(path, opened)
            write(cells)

        yield write_cells


def _begin_csv(path: Path, opened: ExitStack) -> WriteCells:
    # A file's name that is no Unicode is written as the bytes that it is.
    file = opened.enter_context(
        path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
    )
    writer = csv.writer(file)
    writer.writerow(rows.CSV_HEAD)
    return writer.writerow


@contextmanager
def progress(stderr: TextIO, files: int) -> Iterator[Advance]:
    """What is told how many more files are done; it shows a bar on a terminal, else nothing."""
    if not stderr.isatty():
        yield lambda _: None
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    console = Console(file=stderr)
    with Progress(*columns, console=console, transient=True, redirect_stdout=False) as bar:
        task = bar.add_task("Getting ready", total=files)
        yield lambda count: bar.update(task, advance=count, description="Reading")
