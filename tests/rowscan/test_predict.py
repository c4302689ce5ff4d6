"""`rowscan predict` around the model: what goes where, and the exit code."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from pydantic import SecretStr

from app.inference.fake import FakeClassifier
from app.main import create_app
from app.settings import Settings
from rowscan.local import LocalModel
from rowscan.outputs import Form
from rowscan.predict import (
    ALL_READ,
    INTERRUPTED,
    NOBODY_READS,
    SOME_NOT_READ,
    USAGE,
    UsageError,
    main,
    open_model,
    predict,
)
from rowscan.remote import RemoteModel
from rowscan.rows import Row
from tests.rowscan.serving import serving, unused_address

FULL = Path("/dev/full")


class Terminal(io.StringIO):
    """A stream that says that somebody is looking."""

    def isatty(self) -> bool:
        """They are."""
        return True


class Run:
    """The command with a fake network, and what it wrote."""

    def __init__(self, classifier: FakeClassifier) -> None:
        self._model = LocalModel(classifier, Settings())
        self.out: io.StringIO = io.StringIO()
        self.err: io.StringIO = io.StringIO()

    def __call__(self, *paths: Path, form: Form | None = None) -> int:
        """The exit code."""
        return predict(paths, form or Form(), lambda: self._model, self.out, self.err)

    @property
    def lines(self) -> list[str]:
        """Of stdout."""
        return self.out.getvalue().splitlines()


@pytest.fixture
def run(classifier: FakeClassifier) -> Run:
    """Ready to run."""
    return Run(classifier)


def test_a_table_for_people(folder: Path, run: Run) -> None:
    """A head, a line a file, and what came of it all beside it."""
    assert run(folder) == SOME_NOT_READ
    assert run.lines[0] == "digit  confidence  file"
    assert len(run.lines) == 6
    assert run.lines[4].endswith(
        "empty.gif  (The image file is empty. Send one with a picture in it.)"
    )
    assert run.err.getvalue().startswith("5 files in ")
    assert run.err.getvalue().endswith(
        " a second), 2 could not be read, 1 with other endings passed over\n"
    )


def test_all_read(folder: Path, run: Run) -> None:
    """0; of a single file there is nothing to sum up."""
    assert run(folder / "b.png") == ALL_READ
    assert run.err.getvalue() == ""


def test_what_is_no_digit_is_counted(folder: Path, classifier: FakeClassifier, run: Run) -> None:
    """It was read all the same."""
    classifier.manifest = classifier.manifest.model_copy(update={"max_novelty": 0.0})
    assert run(folder / "b.png", folder / "a.PNG") == ALL_READ
    assert run.err.getvalue().endswith(", 2 not a digit\n")


def test_json_lines_for_programs(folder: Path, run: Run) -> None:
    """An object a line and nothing else anywhere."""
    assert run(folder, form=Form(as_json=True)) == SOME_NOT_READ
    rows = [json.loads(line) for line in run.lines]
    assert [Path(row["file"]).name for row in rows] == [
        "a.PNG", "b.png", "blank.png", "empty.gif", "drawn.jpg",
    ]  # fmt: skip
    assert run.err.getvalue() == ""


def test_a_csv_file_instead_of_the_table(folder: Path, tmp_path: Path, run: Run) -> None:
    """Its rows are the files, its columns named."""
    file = tmp_path / "read.csv"
    run(folder, form=Form(csv_file=file))
    with file.open(newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert run.lines == []
    assert [row["file"] for row in rows][1] == str(folder / "b.png")
    assert float(rows[1]["confidence"]) == max(float(rows[1][f"p{digit}"]) for digit in range(10))
    assert rows[2]["error"]


def test_csv_on_stdout(folder: Path, run: Run) -> None:
    """For a pipe; but not beside JSON, which goes there too."""
    run(folder, form=Form(csv_file=Path("-")))
    rows = list(csv.DictReader(run.lines))
    assert [row["digit"] != "" for row in rows] == [True, True, False, False, True]
    with pytest.raises(UsageError, match="cannot both go to stdout"):
        run(folder, form=Form(as_json=True, csv_file=Path("-")))


def test_csv_beside_json(folder: Path, tmp_path: Path, run: Run) -> None:
    """Who asks for both gets both, of a name that is no Unicode too."""
    odd = tmp_path / os.fsdecode(b"\xff.png")
    odd.write_bytes((folder / "b.png").read_bytes())
    run(odd, form=Form(as_json=True, csv_file=tmp_path / "read.csv"))
    assert json.loads(run.lines[0])["file"] == str(odd)
    assert b"/\xff.png," in (tmp_path / "read.csv").read_bytes()


def test_no_bar_where_nobody_looks(folder: Path, run: Run) -> None:
    """A log would be full of it."""
    run(folder)
    assert "━" not in run.err.getvalue()


def test_a_bar_on_a_terminal(folder: Path, run: Run) -> None:
    """It counts the files, and is gone before the table is there."""
    run.out = run.err = Terminal()
    run(folder)
    shown = run.out.getvalue()
    assert shown.rindex("━") < shown.index("digit  confidence")
    assert "5/5" in shown


def test_what_was_read_before_it_broke_is_shown(folder: Path) -> None:
    """On a terminal, where it was held back for the bar."""

    class Breaks:
        def read(self, files: Sequence[Path]) -> Iterator[list[Row]]:
            yield [{"file": str(files[1]), "digit": 7, "confidence": 1.0, "is_digit": True}]
            raise KeyboardInterrupt

    out = Terminal()
    with pytest.raises(KeyboardInterrupt):
        predict([folder], Form(), Breaks, out, io.StringIO())
    assert "b.png" in out.getvalue()


def test_no_pictures(tmp_path: Path, run: Run) -> None:
    """It is said which are looked for."""
    with pytest.raises(UsageError, match=r"no name ends in \.bmp, \.gif"):
        run(tmp_path)


def test_csv_that_cannot_be_written(folder: Path, tmp_path: Path, run: Run) -> None:
    """Before the model takes its time."""
    with pytest.raises(UsageError, match="cannot be written: No such file"):
        run(folder, form=Form(csv_file=tmp_path / "missing" / "read.csv"))


def test_csv_of_a_run_that_fails(folder: Path, tmp_path: Path) -> None:
    """What was in the file is still there when there is nobody who reads."""
    file = tmp_path / "read.csv"
    file.write_text("of the run before")
    url = unused_address().url
    assert main([folder], url, Form(csv_file=file)) == NOBODY_READS
    assert file.read_text() == "of the run before"


@pytest.mark.skipif(not FULL.exists(), reason="there is no /dev/full here")
def test_csv_on_a_full_disk(
    folder: Path, models_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line says what is wrong, and no traceback."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROWSCAN_MODELS_DIR", str(models_dir))
        assert main([folder], None, Form(csv_file=FULL)) == USAGE
    assert "rowscan: the output cannot be written: No space left" in capsys.readouterr().err


@pytest.mark.parametrize("wanted", ["a-key-of-the-tests", "another-key-of-theirs"])
def test_a_service_that_wants_a_key(
    folder: Path, settings: Settings, classifier: FakeClassifier, wanted: str
) -> None:
    """It is sent the one of the environment; without the right one its own words are shown."""
    with (
        serving(
            create_app(settings.model_copy(update={"api_key": SecretStr(wanted)}), classifier)
        ) as address,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setenv("ROWSCAN_API_KEY", "a-key-of-the-tests")
        refused = wanted != "a-key-of-the-tests"
        assert main([folder], address.url, Form()) == (NOBODY_READS if refused else SOME_NOT_READ)


def test_a_key_that_no_header_holds() -> None:
    """The setting is named."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROWSCAN_API_KEY", "a key\nof two lines")
        with pytest.raises(UsageError, match="ROWSCAN_API_KEY"):
            open_model("http://localhost:8000")


def test_models(models_dir: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Without a URL the newest version is loaded here; with one the service is asked."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ROWSCAN_MODELS_DIR", str(models_dir))
        patch.setenv("ROWSCAN_MODEL_DIR", "/mistyped")
        assert isinstance(open_model(None), LocalModel)
    assert caplog.messages == ["ROWSCAN_MODEL_DIR is no setting. Did you mean ROWSCAN_MODELS_DIR?"]
    assert isinstance(open_model("http://localhost:8000"), RemoteModel)


@pytest.mark.parametrize(
    ("name", "value", "code"),
    [("ROWSCAN_MODELS_DIR", "/missing", NOBODY_READS), ("ROWSCAN_PORT", "http", USAGE)],
)
def test_no_model(
    folder: Path, name: str, value: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line that names the setting."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(name, value)
        assert main([folder], None, Form()) == code
    said = capsys.readouterr()
    assert (said.out, said.err.count("\n")) == ("", 1)
    assert said.err.startswith("rowscan: ")
    assert name in said.err


def test_no_service(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line that names the address; one that is none is wrong usage."""
    for url, code in ((unused_address().url, NOBODY_READS), ("ftp://localhost", USAGE)):
        assert main([folder], url, Form()) == code
        said = capsys.readouterr()
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert url in said.err


def test_ctrl_c(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no error, and says what is missing."""

    class Interrupted(type(tmp_path)):  # type: ignore[misc]
        def __fspath__(self) -> str:
            raise KeyboardInterrupt

    assert main([Interrupted("x")], None, Form()) == INTERRUPTED
    assert capsys.readouterr().err == "rowscan: stopped. What is not listed was not read.\n"
