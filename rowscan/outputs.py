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

    @property
    def as_table(self) -> bool:
        """Whether people read stdout."""
        return not self.as_json and self.csv_file is None


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
    line = rows.json_line if form.as_json else rows.table_line
    lines = form.as_json or form.as_table
    with _held_back(stdout) as say, _csv_writer(form.csv_file, say) as write_cells:
        head = [f"{rows.TABLE_HEAD}\n"] if form.as_table else []

        def write(some: list[Row]) -> None:
            for row in some:
                write_cells(rows.csv_cells(row))
            if lines:
                say("".join([*head, *(f"{line(row)}\n" for row in some)]))
                head.clear()

        yield write


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


class _Lines(NamedTuple):
    """What csv takes for a file."""

    write: Callable[[str], None]


@contextmanager
def _csv_writer(path: Path | None, say: Callable[[str], None]) -> Iterator[WriteCells]:
    """What writes a row of cells to the file, if there is to be one, or says it.

    What was in it goes with the first row: when nothing can be read it is kept.
    """
    if path is None:
        yield lambda _: None
        return
    with ExitStack() as opened:
        write: WriteCells | None = None

        def write_cells(cells: list[object]) -> None:
            nonlocal write
            if write is None:
                write = _begin_csv(path, opened, say)
            write(cells)

        yield write_cells


def _begin_csv(path: Path, opened: ExitStack, say: Callable[[str], None]) -> WriteCells:
    if path == STDOUT:
        writer = csv.writer(_Lines(say), lineterminator="\n")
    else:
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
