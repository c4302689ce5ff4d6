"""Which files a path stands for, and what is said of one that cannot be read."""

from __future__ import annotations

from pathlib import Path

import pytest

from rowscan.files import FileError, find_files, load


def test_a_folder_stands_for_its_pictures(folder: Path) -> None:
    """Those below it too, in the order of names; other files are passed over."""
    found = [path.relative_to(folder).as_posix() for path in find_files([folder]).files]
    assert found == ["a.PNG", "b.png", "blank.png", "empty.gif", "below/drawn.jpg"]


def test_a_named_file_is_taken_as_it_is(folder: Path) -> None:
    """Whatever it is called, there or not, and in the order given."""
    named = [folder / "notes.txt", folder / "missing.png", folder / "b.png"]
    assert find_files(named) == (named, 0)


def test_no_more_than_allowed_is_read(folder: Path) -> None:
    """One byte more tells that there is more."""
    assert load(folder / "notes.txt", 3) == b"not "


def test_a_path_that_cannot_be_looked_at_stops_no_other(folder: Path) -> None:
    """It is one of the files, to be told of in its place."""
    named = [folder / ("7" * 300), folder / "b.png"]
    assert find_files(named) == (named, 0)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("missing.png", "No such file"),
        ("below", "folder cannot be listed"),
        ("7" * 300, "name too long"),
    ],
)
def test_what_cannot_be_read_says_why(folder: Path, name: str, why: str) -> None:
    """In words, without a traceback."""
    with pytest.raises(FileError, match=why):
        load(folder / name, 100)


def test_what_is_no_picture_is_counted(tmp_path: Path) -> None:
    """All but what is hidden, which nobody put there to be read."""
    for name in ("7.png", "7.heic", "below/notes.txt", ".DS_Store"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert find_files([tmp_path, tmp_path / "7.heic"]) == (
        [tmp_path / "7.png", tmp_path / "7.heic"],
        2,
    )
