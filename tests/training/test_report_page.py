"""The page of a report holds all of it, in one file that follows the reader's colours."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.tiny import tiny_network
from training.checkpoint import EpochFigures
from training.corruptions import KINDS
from training.fit import Fitted
from training.job import Job
from training.plots import ACCENT, INK, MUTED
from training.release import Assessment, assess
from training.report_page import write_report_page


@pytest.fixture(scope="module")
def found(finished: Job) -> Assessment:
    """What a network with random weights, after an epoch, gives."""
    training, validation = finished.data.training()
    epoch = EpochFigures(1, 2.3, 0.1, 2.3, 0.1, learning_rate=1e-3, duration_s=1.0)
    fitted = Fitted(tiny_network(columns=10), history=[epoch], source_revision="unknown")
    return assess(finished, fitted, len(training), validation, finished.data.test())


@pytest.fixture(scope="module")
def page(finished: Job, found: Assessment) -> str:
    """Its page."""
    scores = found.test_scores
    return write_report_page(found.report, finished.data.test(), scores.probabilities)


def test_it_has_every_part(trained_version: Path) -> None:
    """Curves and calibration as drawings, then the tables, in the page that was published."""
    page = (trained_version / "assets.extra/report/index.html").read_text()
    assert page.count("<svg") == 2
    assert "test images read rightly" in page
    for title in ("How it was made", "Each digit", "What was taken for what", "Cost"):
        assert f"<h2>{title}</h2>" in page


def test_it_tells_what_damage_does(finished: Job, trained_version: Path) -> None:
    """A row for each kind, of validation images that are named, without being asked for."""
    page = (trained_version / "assets.extra/report/index.html").read_text()
    title = "<h2>The first 100 MNIST validation images under MNIST-C"
    _, _, table = page.partition(title)
    rows = re.findall(r"<tr><td>(.*?)</td>", table.partition("</table>")[0])
    assert rows == ["none", *KINDS, "mean of 15"]
    metrics = json.loads((finished.run_dir / "report/metrics.json").read_text())
    undamaged, *damaged = metrics["damaged"]["corruptions"]
    assert undamaged["array_accuracy"] == metrics["validation"]["accuracy"]
    assert min(each["array_accuracy"] for each in damaged) < undamaged["array_accuracy"]


def test_it_asks_no_host_and_runs_nothing(trained_version: Path) -> None:
    """Nothing is loaded but what is inside; the names of XML's vocabularies are no addresses."""
    page = (trained_version / "assets.extra/report/index.html").read_text()
    page = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]*|xmlns(:\w+)?=\"[^\"]*\"", "", page)
    assert re.findall(r"https?:|//|@import|url\((?!#)|<script|\son\w+=", page) == []
    assert re.findall(r"(?:src|href)=\"(?!\"|#).", page) == []


def test_drawings_follow_the_colours_of_the_page(trained_version: Path) -> None:
    """None of those that only light paper shows is left, and no ground is painted."""
    page = (trained_version / "assets.extra/report/index.html").read_text()
    drawings = "".join(re.findall(r"<svg.*?</svg>", page, flags=re.DOTALL))
    assert "var(--ink)" in drawings
    for colour in (INK, ACCENT, MUTED, "#ffffff", "#000000"):
        assert colour not in drawings


def test_each_mistake_is_shown_with_its_answer(found: Assessment, page: str) -> None:
    """The surest hundred, and the number of the rest."""
    misread = found.report.test.misread
    assert len(misread) > 100
    assert f"<h2>{len(misread)} misread test images</h2>" in page
    assert f"without the {len(misread) - 100} least sure" in page
    assert page.count('class="one"') == 100


def test_mistakes_are_counted_where_they_were_made(found: Assessment, page: str) -> None:
    """Every cell of the confusion is there, the most frequent mistake the darkest."""
    counts = found.report.test.confusion
    wrong = [
        count
        for digit, row in enumerate(counts)
        for answer, count in enumerate(row)
        if count and answer != digit
    ]
    shades = re.findall(r'class="wrong" style="--much: (\d+)">(\d+)<', page)
    assert [int(count) for _, count in shades] == wrong
    assert {int(shade) for shade, count in shades if int(count) == max(wrong)} == {60}


def test_curves_and_calibration_are_drawn(page: str) -> None:
    """As pictures in the page itself, which needs no other file."""
    assert page.count("<svg") == 2
