"""The tables of an evaluation, from its figures: on the console, as Markdown, and for the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table as RichTable

from training.answers import Times
from training.figures import CorruptionFigures, DigitFigures, Figures, OtherFigures

NOTHING = "–"
LEAVE_OUT_FIRST = ("Brier", "refused", "ms an image", "ECE", "95%")

Row = tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """Text in rows; the first column is names, the others are figures."""

    title: str
    note: str  # what a reader must know to read it
    columns: Row
    groups: Sequence[Sequence[Row]]  # set apart by a line


def tables_of(figures: Figures) -> Iterator[Table]:
    """Yield the table of the sets and that of the corruptions, where they were measured."""
    sets = [
        [_digits_row(each) for each in figures.digits],
        [_others_row(each) for each in figures.others],
    ]
    if any(sets):
        yield Table(
            title=f"Pictures read by {figures.source}",
            note=_note_on_sets(figures),
            columns=(
                "set", "images", "accuracy", "95%", "ECE", "Brier",
                "turned away", "AUROC", "refused", "ms an image",
            ),
            groups=[group for group in sets if group],
        )  # fmt: skip
    if figures.corruption_mean is not None:
        yield Table(
            title=f"{figures.corrupted} under MNIST-C's kinds of damage",
            note=(
                "Accuracy of the damaged arrays as they are, which is how MNIST-C is read; and of "
                "the same sent as pictures, through the imaging. The last three "
                "are of the pictures; refused are those on which it found nothing drawn."
            ),
            columns=("damage", "arrays", "pictures", "turned away", "refused", "ECE"),
            groups=[
                [_corruption_row(each) for each in figures.corruptions[:1]],
                [_corruption_row(each) for each in figures.corruptions[1:]],
                [_corruption_row(figures.corruption_mean)],
            ],
        )


def print_tables(console: Console, figures: Figures) -> None:
    """Print every table, for a person; a narrow console goes without what matters least."""
    for table in tables_of(figures):
        leave_out = [name for name in LEAVE_OUT_FIRST if name in table.columns]
        printed, left_out = _draw(table, left_out=()), 0
        unbounded = console.options.update(max_width=10_000)
        while (
            left_out < len(leave_out)
            and console.measure(printed, options=unbounded).maximum > console.width
        ):
            left_out += 1
            printed = _draw(table, left_out=leave_out[:left_out])
        console.print(table.title, style="bold", highlight=False)
        console.print(printed, highlight=False)
        console.print(table.note, style="dim", highlight=False)
        if left_out:
            names = ", ".join(leave_out[:left_out])
            console.print(f"Too wide for this window: {names}.", style="dim", highlight=False)
        console.print()


def _draw(table: Table, left_out: Sequence[str]) -> RichTable:
    """Draw a table for the console, without the columns that are left out."""
    kept = [index for index, name in enumerate(table.columns) if name not in left_out]
    drawn = RichTable(box=SIMPLE_HEAD, pad_edge=False)
    for index in kept:
        drawn.add_column(table.columns[index], justify="right" if index else "left", no_wrap=True)
    for group in table.groups:
        for row in group:
            drawn.add_row(*(row[index] for index in kept))
        drawn.add_section()
    return drawn


def markdown_tables(figures: Figures) -> str:
    """Return every table as Markdown."""
    parts = []
    for table in tables_of(figures):
        rows = [row for group in table.groups for row in group]
        lines = [
            _markdown_row(table.columns),
            "|---|" + "---:|" * (len(table.columns) - 1),
            *map(_markdown_row, rows),
        ]
        parts.append(f"**{table.title}**\n\n" + "\n".join(lines) + f"\n\n{table.note}\n")
    return "\n".join(parts)


def _markdown_row(cells: Row) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _note_on_sets(figures: Figures) -> str:
    """Explain the columns, and only those words that occur."""
    notes = ["Turned away: answered “not a digit”, or refused. Refused ones count as misread."]
    if figures.others:
        notes.append("AUROC: told from the MNIST test images; 0.5 is chance.")
    if figures.digits[0].times.request_ms is not None:
        notes.append("Times are of requests, 16 at once.")
    else:
        notes.append("Times: imaging + network.")
    return " ".join(notes)


def _digits_row(figures: DigitFigures) -> Row:
    return (
        figures.name,
        f"{figures.images:,}",
        _percent(figures.accuracy, 2),
        _interval(figures.accuracy_interval),
        _percent(figures.expected_calibration_error, 2),
        _plain(figures.brier_score),
        _percent(figures.turned_away),
        NOTHING,
        f"{figures.refused:,}",
        _times(figures.times),
    )


def _others_row(figures: OtherFigures) -> Row:
    return (
        figures.name,
        f"{figures.images:,}",
        NOTHING,
        NOTHING,
        NOTHING,
        NOTHING,
        _percent(figures.turned_away),
        f"{figures.auroc:.3f}",
        f"{figures.refused:,}",
        _times(figures.times),
    )


def _corruption_row(figures: CorruptionFigures) -> Row:
    return (
        figures.kind,
        _percent(figures.array_accuracy, 2),
        _percent(figures.picture_accuracy, 2),
        _percent(figures.picture_turned_away),
        _percent(figures.picture_refused),
        _percent(figures.picture_calibration_error, 2),
    )


def _percent(share: float | None, decimals: int = 1) -> str:
    return NOTHING if share is None else f"{share:.{decimals}%}"


def _interval(interval: tuple[float, float]) -> str:
    return f"{100 * interval[0]:.2f} to {100 * interval[1]:.2f}"


def _plain(figure: float | None) -> str:
    return NOTHING if figure is None else f"{figure:.4f}"


def _times(times: Times) -> str:
    if times.request_ms is not None:
        return f"{times.request_ms:.1f}"
    return f"{times.imaging_ms or 0:.2f} + {times.network_ms or 0:.2f}"
