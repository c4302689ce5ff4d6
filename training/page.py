"""The page of an evaluation: one HTML file that needs nothing else, from its figures and pictures.

Every picture is inside it as a data URL; it has no script and asks no host for anything. The page
of a report is laid out with the same parts.
"""

from __future__ import annotations

import base64
import struct
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import Final

from training.figures import Figures
from training.gallery import Gallery, Shown, Strip
from training.measure import Measurement
from training.tables import Table, tables_of

STYLE: Final = Path(__file__).with_suffix(".css")
SMALL_PX: Final = 64  # originals up to here are shown as pixels, larger ones smoothly


def write_page(found: Measurement) -> str:
    """Return the page: the accuracy, the tables, then what was misread and what was damaged."""
    parts = [
        _header(found.figures),
        *(lay_table(table) for table in tables_of(found.figures)),
        *(_gallery(gallery) for gallery in found.galleries),
        *([_strips(found)] if found.strips else []),
    ]
    return lay_page(f"{found.figures.source} – rowscan evaluation", parts)


def lay_page(title: str, parts: Sequence[str]) -> str:
    """Return the whole file, from the parts of its body."""
    body = "\n".join(parts)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<style>
{STYLE.read_text(encoding="utf-8")}</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def _header(figures: Figures) -> str:
    """Say what was measured, and the first figure that anyone asks for."""
    mnist = figures.digits[0]
    low, high = mnist.accuracy_interval
    return f"""<header>
<h1>rowscan · {escape(figures.source)}</h1>
<p class="headline">{mnist.accuracy:.2%}</p>
<p>of {mnist.images:,} MNIST test images read rightly (95%: {low:.2%} to {high:.2%}),
{mnist.images - mnist.correct:,} misread.</p>
</header>"""


def lay_table(table: Table) -> str:
    """Lay out a table; it scrolls sideways where it is too wide."""
    head = "".join(f"<th>{escape(column)}</th>" for column in table.columns)
    bodies = []
    for group in table.groups:
        rows = ["".join(f"<td>{escape(cell)}</td>" for cell in row) for row in group]
        bodies.append("<tbody>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</tbody>")
    return f"""<h2>{escape(table.title)}</h2>
<p>{escape(table.note)}</p>
<div class="scroll"><table><thead><tr>{head}</tr></thead>{"".join(bodies)}</table></div>"""


def _gallery(gallery: Gallery) -> str:
    """Lay out the mistakes of a set."""
    what = "misread" if gallery.of_digits else "taken for digits"
    hidden = gallery.mistakes - len(gallery.shown)
    note = "Each as it was sent, beside what the network saw."
    if hidden:
        note += f" The {len(gallery.shown)} surest are shown, {hidden:,} are not."
    if not gallery.shown:
        note = "None."
    cards = "\n".join(_card(shown) for shown in gallery.shown)
    return f"""<h2>{escape(gallery.name)}: {gallery.mistakes:,} of {gallery.images:,} {what}</h2>
<p>{note}</p>
<div class="cards">
{cards}
</div>"""


def _card(shown: Shown) -> str:
    """Lay out one picture: original, what the network saw, true → answered, how surely."""
    original = lay_image(shown.original, _kind(shown.original), "as sent", "not decodable")
    seen = lay_image(shown.seen, "seen", "as seen by the network", "refused")
    truth = "" if shown.label is None else f"{shown.label} → "
    if shown.answer is None:
        says, name = (
            f"{truth}<b>refused</b>",
            f'<small class="whole">{escape(shown.refusal)}</small>',
        )
    else:
        says, name = f"{truth}<b>{shown.answer}</b> · {shown.confidence:.1%}", ""
    title = escape(shown.name)
    return f"""<figure><div class="pair">{original}{seen}</div>
<figcaption>{says}{name}<small title="{title}">{title}</small></figcaption></figure>"""


def _strips(found: Measurement) -> str:
    """Lay out a few digits under each kind of damage."""
    cards = "\n".join(
        _strip(strip, figures.array_accuracy, figures.picture_accuracy)
        for strip, figures in zip(found.strips, found.figures.corruptions, strict=True)
    )
    return f"""<h2>The damage</h2>
<p>Above as sent; below what the network saw of it, sent as pictures.</p>
<div class="cards strips">
{cards}
</div>"""


def _strip(strip: Strip, as_arrays: float | None, as_pictures: float) -> str:
    """Lay out one kind of damage."""
    arrays = "" if as_arrays is None else f"{as_arrays:.1%} as arrays · "
    return f"""<figure>{lay_image(strip.sent, "strip", "as sent", "")}
{lay_image(strip.seen, "strip", "as seen by the network", "")}
<figcaption>{escape(strip.kind)}
<small>{arrays}{as_pictures:.1%} as pictures</small></figcaption></figure>"""


def lay_image(png: bytes | None, kind: str, description: str, instead: str) -> str:
    """Return a PNG as an image, or a word in its place."""
    if png is None:
        return f"<span>{instead}</span>"
    data = base64.b64encode(png).decode("ascii")
    return f'<img class="{kind}" alt="{description}" src="data:image/png;base64,{data}">'


def _kind(png: bytes | None) -> str:
    """Return whether a PNG is so small that its pixels should be seen."""
    if png is None:
        return ""
    sides: tuple[int, int] = struct.unpack(">II", png[16:24])  # of the IHDR chunk
    return "small" if max(sides) <= SMALL_PX else "large"
