"""The same files, the same answers: in process, by a service, and as POST /predict gives them."""

from __future__ import annotations

from pathlib import Path

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from numpy.typing import NDArray

from app.errors import ModelError
from app.inference.contract import Scores
from app.inference.fake import FakeClassifier
from app.settings import Settings
from rowscan.files import find_files
from rowscan.local import LocalModel
from rowscan.predict import Model
from rowscan.remote import RemoteModel
from rowscan.rows import PROBLEM_FIELDS, Row
from tests.rowscan.serving import serving


def read(model: Model, files: list[Path]) -> list[Row]:
    """All rows."""
    return [row for some in model.read(files) for row in some]


def same(rows: list[Row], others: list[Row]) -> bool:
    """Whether they say the same, but for the last digits, in which company tells."""
    return all(
        row.keys() == other.keys()
        and all(other[name] == pytest.approx(value, abs=1e-5) for name, value in row.items())
        for row, other in zip(rows, others, strict=True)
    )


def posted(url: str, path: Path) -> Row:
    """What POST /predict says of a file, as a row."""
    answer = httpx.post(f"{url}/predict", files={"file": path.read_bytes()})
    said = answer.json()
    kept = said if answer.status_code == 200 else {name: said[name] for name in PROBLEM_FIELDS}
    return {"file": str(path), **kept}


@pytest.fixture
def local(classifier: FakeClassifier, settings: Settings) -> LocalModel:
    """The fake network in this process."""
    return LocalModel(classifier, settings)


def test_all_ways_give_the_same_answer(folder: Path, local: LocalModel, app: FastAPI) -> None:
    """Of framed pictures in both polarities, a drawing, a blank and an empty file."""
    files = find_files([folder]).files
    with serving(app) as address:
        expected = [posted(address.url, path) for path in files]
        assert same(read(RemoteModel(address), files), expected)
    assert same(read(local, files), expected)
    assert [row.get("status", 200) for row in expected] == [200, 200, 422, 422, 200]


def test_too_large_a_file_is_a_row(tmp_path: Path, local: LocalModel, app: FastAPI) -> None:
    """Both ways; its neighbours are read."""
    (tmp_path / "large.png").write_bytes(bytes(100_001))
    (tmp_path / "text.png").write_bytes(b"text")
    files = find_files([tmp_path]).files
    with serving(app) as address:
        remote = read(RemoteModel(address), files)
    assert [row["status"] for row in remote] == [413, 415]
    assert [row["status"] for row in read(local, files)] == [413, 415]


def test_what_cannot_be_opened_is_a_row(folder: Path, local: LocalModel, app: FastAPI) -> None:
    """In its place, without a status, since no service has seen it."""
    files = [folder / "missing.png", folder / "b.png"]
    with serving(app) as address:
        assert same(read(RemoteModel(address), files), read(local, files))
    missing, seven = read(local, files)
    assert missing["detail"] == "The file cannot be read: No such file or directory."
    assert "status" not in missing
    assert "digit" in seven


def test_nothing_readable_needs_no_network(folder: Path, local: LocalModel, app: FastAPI) -> None:
    """A batch of none is not asked for."""
    missing = [folder / "missing.png"]
    with serving(app) as address:
        assert read(RemoteModel(address), missing) == read(local, missing)


def test_files_come_in_the_best_batches(folder: Path, classifier: FakeClassifier) -> None:
    """As many at once as the network reads best, in order."""
    files = [folder / name for _ in range(75) for name in ("a.PNG", "b.png")]
    found = read(LocalModel(classifier, Settings()), files)
    assert classifier.batches == [64, 64, 22]
    assert [row["file"] for row in found] == [str(path) for path in files]


def test_more_than_a_request_may_hold_is_cut(folder: Path, app: FastAPI) -> None:
    """The service takes 40 pictures; 64 come in halves, and in order."""
    files = [folder / "below" / "drawn.jpg", *[folder / "b.png"] * 63]
    with serving(app) as address:
        found = read(RemoteModel(address), files)
    assert [row["file"] for row in found] == [str(path) for path in files]
    assert all("digit" in row for row in found)


def test_a_network_that_fails_is_no_model(folder: Path, classifier: FakeClassifier) -> None:
    """It is said in one line."""
    classifier.failure = ValueError("something deep inside")
    with pytest.raises(ModelError, match="The network failed"):
        read(LocalModel(classifier, Settings()), [folder / "b.png"])


def test_a_network_that_gives_no_numbers_is_no_model(
    folder: Path, classifier: FakeClassifier
) -> None:
    """NaN is no probability."""

    class Broken(FakeClassifier):
        def classify(self, images: NDArray[np.float32]) -> Scores:
            scores = super().classify(images)
            return Scores(scores.probabilities * np.nan, scores.novelty)

    with pytest.raises(ModelError, match="not finite"):
        read(LocalModel(Broken(classifier.manifest), Settings()), [folder / "b.png"])
