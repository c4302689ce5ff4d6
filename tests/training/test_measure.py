"""An evaluation with a fake network: figures, galleries, tables and the page."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest

from app.inference.fake import FakeClassifier
from tests.tiny import printed, silent_console, tiny_split, write_idx
from training.answers import LocalVersion
from training.data import Mnist
from training.figures import CorruptionFigures, Figures
from training.measure import Measurement, Plan, measure
from training.page import write_page
from training.pictures import encode_png
from training.tables import markdown_tables, print_tables

BARS = tiny_split(4, seed=8).images
SQUARE = np.pad(np.full((20, 20), 255, np.uint8), 4)


@pytest.fixture
def subject(classifier: FakeClassifier) -> LocalVersion:
    """The fake network, in process."""
    return LocalVersion(classifier, "a <fake>", classifier.manifest.max_novelty)


@pytest.fixture
def found(subject: LocalVersion, mnist: Mnist, tmp_path: Path) -> Measurement:
    """A folder with one good, one broken and one blank picture, and four that are not digits."""
    digits = tmp_path / "some & more"
    digits.mkdir()
    (digits / "0_good.png").write_bytes(encode_png(BARS[0]))
    (digits / "1_broken.png").write_bytes(encode_png(BARS[1])[:60])
    (digits / "2_blank.png").write_bytes(encode_png(np.zeros((30, 30), np.uint8)))
    np.savez(tmp_path / "others.npz", images=np.stack([SQUARE, BARS[1], SQUARE, BARS[3]]))
    plan = Plan(mnist, [digits], [tmp_path / "others.npz"], show=True)
    return measure(subject, plan, silent_console())


def test_refused_pictures_count_as_misread(found: Measurement) -> None:
    """One that is broken and one that is blank stop nothing, and are told apart in the figures."""
    figures = found.figures.digits[1]
    assert (figures.images, figures.refused) == (3, 2)
    assert figures.accuracy <= 1 / 3
    assert sum(map(sum, figures.confusion)) == 1


def test_a_set_of_which_nothing_can_be_read(
    subject: LocalVersion, mnist: Mnist, tmp_path: Path
) -> None:
    """It scores 0, and has no calibration."""
    (tmp_path / "3.png").write_bytes(b"nothing")
    figures = measure(subject, Plan(mnist, [tmp_path]), silent_console()).figures.digits[1]
    assert (figures.accuracy, figures.turned_away) == (0, 1)
    assert figures.brier_score is None


def test_what_is_not_turned_away_is_shown(found: Measurement) -> None:
    """To the fake network a picture that is half ink is no digit; a bar is one."""
    figures, accepted = found.figures.others[0], found.galleries[-1]
    assert (figures.turned_away, accepted.mistakes) == (0.5, 2)
    assert {each.name for each in accepted.shown} == {"image 1", "image 3"}
    assert 0 < figures.auroc < 1


def test_the_surest_mistakes_come_first(found: Measurement) -> None:
    """Then the refused ones, with the reason."""
    mnist, digits = found.galleries[:2]
    sureness = [each.confidence for each in mnist.shown]
    assert sureness == sorted(sureness, reverse=True)
    assert len(mnist.shown) <= 60
    assert [bool(each.refusal) for each in digits.shown[-2:]] == [True, True]


def test_corruptions_are_read_both_ways(subject: LocalVersion, tmp_path: Path) -> None:
    """As arrays and as pictures, undamaged first; the mean is over the damaged."""
    few = Mnist(tmp_path, write_idx(tmp_path, "t10k", tiny_split(20, seed=2)))
    found = measure(subject, Plan(few, corruptions=True, show=True), silent_console())
    clean, *damaged = found.figures.corruptions
    assert clean.kind == "none"
    assert clean.array_accuracy == found.figures.digits[0].accuracy
    assert len(damaged) == len(found.strips) - 1 == 15
    assert found.figures.corruption_mean is not None
    mean = np.mean([each.picture_accuracy for each in damaged])
    assert found.figures.corruption_mean.picture_accuracy == pytest.approx(mean)
    assert "| canny edges |" in markdown_tables(found.figures)
    assert "canny edges" in write_page(found)


def test_the_page_is_whole_and_asks_no_host(found: Measurement) -> None:
    """Names are escaped, pictures are inside, and there is no address on it."""
    page = write_page(found)
    assert "a &lt;fake&gt;" in page
    assert "some &amp; more: " in page
    assert "truncated or corrupt" in page
    assert page.count("data:image/png;base64,") >= 2
    without_data = re.sub(r"data:image/png;base64,[A-Za-z0-9+/=]*", "data:", page)
    addresses = re.findall(r"https?:|//|@import|url\(|(?:src|href)=.(?!data:)", without_data)
    assert addresses == []


def test_markdown_has_a_row_a_set(found: Measurement) -> None:
    """Each with as many cells as there are columns."""
    rows = [line for line in markdown_tables(found.figures).splitlines() if line.startswith("|")]
    assert [row.split(" | ")[0] for row in rows[2:]] == [
        "| MNIST test",
        "| some & more",
        "| others",
    ]
    assert len({row.count("|") for row in rows}) == 1


def test_a_narrow_console_keeps_the_accuracy(found: Measurement) -> None:
    """What matters least is left out, and that is said."""
    console = silent_console()
    console.width = 60
    print_tables(console, found.figures)
    assert "accuracy" in printed(console)
    assert "Too wide for this window: Brier" in printed(console)
    assert "…" not in printed(console)


def test_only_columns_that_there_were_are_left_out() -> None:
    """Damage has no Brier score that could be missed."""
    fog = CorruptionFigures("fog", 0.9, 0.9, 0.1, 0.0, 0.01)
    console = silent_console()
    console.width = 40
    print_tables(console, Figures("a version", [], [], [fog], fog))
    assert "Too wide for this window: refused, ECE" in " ".join(printed(console).split())
    assert "Brier" not in printed(console)


def test_figures_are_json(found: Measurement) -> None:
    """Plain numbers, none of them NaN."""
    text = json.dumps(asdict(found.figures), allow_nan=False)
    assert json.loads(text)["digits"][0]["name"] == "MNIST test"
