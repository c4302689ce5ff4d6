"""The page of a report: one HTML file that needs nothing else, beside the model card.

report, misread test images ─▶ figures as SVG, tables, pictures ─▶ `assets.extra/report/index.html`

The charts are drawn by `training.plots`; their three colours become those of the page, so that they
follow it into the dark.
"""

from __future__ import annotations

import io
import re
from html import escape
from typing import TYPE_CHECKING, Final

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from app.inference.contract import CLASSES
from training.card import duration_text
from training.data import Split
from training.evaluate import Evaluation
from training.network import PREDICT_BATCH, forward_flops
from training.page import lay_image, lay_page, lay_table
from training.pictures import encode_png
from training.plots import (
    ACCENT,
    INK,
    MUTED,
    draw_calibration,
    draw_learning_curves,
    surest_mistakes,
)
from training.tables import Table, tables_of

if TYPE_CHECKING:
    from training.report import Report

BYTES_PER_WEIGHT: Final = 4  # float32
MOST_SHADE: Final = 60  # percent of the colour, on the most frequent mistake
WIDE: Final = 2  # a chart so much wider than high takes the width of the page
PAGE_COLOURS: Final = {INK: "var(--ink)", ACCENT: "var(--accent)", MUTED: "var(--soft)"}


def write_report_page(report: Report, test: Split, answers: NDArray[np.float32]) -> str:
    """Return the page; `answers` are the probabilities (n, 10) on `test`."""
    parts = [
        _header(report),
        "<h2>Training</h2>",
        _chart(draw_learning_curves(report.history), "Loss and misread share over epochs"),
        lay_table(_stages(report)),
        lay_table(_digits(report.test)),
        _confusion(report.test.confusion),
        _misread(report.test.misread, test, answers),
        "<h2>Calibration</h2>",
        "<p>How often an answer is right that is given with a confidence; the small numbers count "
        "the answers.</p>",
        _chart(draw_calibration(report.test), "Share read rightly over confidence"),
        *(
            lay_table(table)
            for figures in (report.measured, report.damaged)
            if figures
            for table in tables_of(figures)
        ),
        lay_table(_cost(report)),
    ]
    return lay_page(f"digits, preset {report.preset.name} – rowscan report", parts)


def _header(report: Report) -> str:
    """Say what it is, and the first figure that anyone asks for."""
    test = report.test
    low, high = test.accuracy_interval
    return f"""<header>
<h1>rowscan · digits, preset {escape(report.preset.name)}, seed {report.seed}</h1>
<p class="headline">{test.accuracy:.2%}</p>
<p>of {test.images:,} MNIST test images read rightly (95%: {low:.2%} to {high:.2%}),
{test.images - test.correct:,} misread. On {report.validation.images:,} validation images:
{report.validation.accuracy:.2%}.</p>
</header>"""


def _chart(figure: Figure, description: str) -> str:
    """Return a figure as SVG in the colours of the page, its letters as text."""
    file = io.StringIO()
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": description}):
        figure.savefig(file, format="svg", transparent=True, metadata={"Date": None})
    drawing = file.getvalue()
    svg = drawing[drawing.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    shape = "" if figure.get_figwidth() > figure.get_figheight() * WIDE else " square"
    for colour, variable in PAGE_COLOURS.items():
        svg = svg.replace(colour, variable)
    named = svg.replace("<svg", f'<svg role="img" aria-label="{escape(description)}"', 1)
    return f'<figure class="chart{shape}">{named}</figure>'


def _stages(report: Report) -> Table:
    """Return the trainings behind the version, the first one first."""
    this = (
        report.preset.name,
        report.seed,
        len(report.history),
        report.duration_s,
        report.source_revision,
    )
    before = [
        (str(past.preset["name"]), past.seed, past.epochs, past.duration_s, past.source_revision)
        for past in report.stages
    ]
    return Table(
        title="How it was made",
        note=(
            f"By python -m training train --preset {report.preset.name} --seed {report.seed}. "
            f"{report.training_images:,} images to train, {report.validation.images:,} to "
            f"validate, {report.test.images:,} to test, read once. Confidence by temperature "
            f"{report.temperature:.3f}; not a digit above novelty {report.max_novelty:.3g}; both "
            f"fitted on validation images. The manifest names libraries and machine."
        ),
        columns=("preset", "seed", "epochs", "time", "revision"),
        groups=[
            [
                (name, str(seed), str(epochs), duration_text(seconds), revision)
                for name, seed, epochs, seconds, revision in (*before, this)
            ]
        ],
    )


def _digits(test: Evaluation) -> Table:
    """Return how each digit was read."""
    return Table(
        title="Each digit",
        note="Recall: of those written, the share read rightly. Precision: of those answered.",
        columns=("digit", "images", "misread", "recall", "precision"),
        groups=[
            [
                (
                    str(each.digit),
                    f"{each.images:,}",
                    f"{each.images - test.confusion[each.digit][each.digit]:,}",
                    f"{each.recall:.2%}",
                    f"{each.precision:.2%}",
                )
                for each in test.classes
            ]
        ],
    )


def _confusion(confusion: list[list[int]]) -> str:
    """Lay out the (10, 10) counts; the shade is of the mistakes, the diagonal stays plain."""
    counts = np.array(confusion)
    most = max(1, int((counts - np.diag(counts.diagonal())).max()))
    head = "".join(f'<th scope="col">{digit}</th>' for digit in range(CLASSES))
    rows = "\n".join(
        f"<tr><td>{digit}</td>{_confusion_cells(digit, row, most)}</tr>"
        for digit, row in enumerate(confusion)
    )
    return f"""<h2>What was taken for what</h2>
<p>Rows as written, columns as answered.</p>
<div class="scroll"><table class="confusion">
<thead><tr><th scope="col">written</th>{head}</tr></thead>
<tbody>
{rows}
</tbody></table></div>"""


def _confusion_cells(digit: int, row: list[int], most: int) -> str:
    """Lay out one row: right answers bold, mistakes shaded by their number."""
    cells = []
    for answer, count in enumerate(row):
        if answer == digit:
            cells.append(f"<td><b>{count:,}</b></td>")
        elif count:
            shade = round(MOST_SHADE * count / most)
            cells.append(f'<td class="wrong" style="--much: {shade}">{count:,}</td>')
        else:
            cells.append("<td></td>")
    return "".join(cells)


def _misread(misread: list[int], test: Split, answers: NDArray[np.float32]) -> str:
    """Lay out the misread test images, written → answered, the surest mistakes first."""
    surest = surest_mistakes(misread, answers)
    cards = "\n".join(_misread_card(test, index, answers[index]) for index in surest)
    hidden = len(misread) - len(surest)
    more = f", without the {hidden:,} least sure" if hidden else ""
    return f"""<h2>{len(misread):,} misread test images</h2>
<p>Written → answered, the surest first{more}.</p>
<div class="cards misread">
{cards}
</div>"""


def _misread_card(test: Split, index: int, answer: NDArray[np.float32]) -> str:
    """Lay out one misread image, answered with these probabilities, (10,)."""
    image = lay_image(encode_png(test.images[index]), "one", "a misread test image", "")
    return f"""<figure>{image}
<figcaption>{test.labels[index]} → <b>{answer.argmax()}</b>
<small class="whole">{answer.max():.1%} sure · no. {index}</small></figcaption></figure>"""


def _cost(report: Report) -> Table:
    """Return what an image and the weights cost."""
    return Table(
        title="Cost",
        note=(
            f"Time: in the training process, in batches of {PREDICT_BATCH}, on the machine that "
            "the manifest names. The service compiles the network and is measured by make bench."
        ),
        columns=("what", "how much"),
        groups=[
            [
                ("operations", f"{forward_flops(report.preset) / 1e6:.1f} MFLOP"),
                ("time of the network", f"{report.network_us:,.0f} µs"),
            ],
            [
                ("parameters", f"{report.parameters:,}"),
                ("as float32", f"{report.parameters * BYTES_PER_WEIGHT:,} bytes"),
            ],
        ],
    )
