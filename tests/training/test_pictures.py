"""Sets of pictures from folders and npz files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from training.errors import DataError
from training.pictures import load_pictures

IMAGES = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


def put(folder: Path, *names: str) -> Path:
    """Write empty files: a loader does not open them."""
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    return folder


def test_names_give_the_labels(tmp_path: Path) -> None:
    """By their first character, in the order of their names; what is no picture is passed over."""
    found = load_pictures(put(tmp_path, "7_b.png", "3_a.JPG", "notes.txt", ".9.png"), labelled=True)
    assert [(each.name, each.label) for each in found.pictures] == [("3_a.JPG", 3), ("7_b.png", 7)]
    assert found.name == tmp_path.name


def test_folders_give_the_labels(tmp_path: Path) -> None:
    """A folder named by a digit says more than the number that a file in it begins with."""
    found = load_pictures(put(tmp_path, "4/00012.png", "deep/er/9/x.png"), labelled=True)
    assert found.labels().tolist() == [4, 9]


def test_a_picture_without_a_label_is_named(tmp_path: Path) -> None:
    """The error says which file, and how to label it."""
    with pytest.raises(DataError, match=r"seven\.png has no label\. Let its name begin"):
        load_pictures(put(tmp_path, "seven.png"), labelled=True)


def test_pictures_that_are_not_digits_need_no_label(tmp_path: Path) -> None:
    """Nor is one taken from the name."""
    found = load_pictures(put(tmp_path, "5_cats.png"), labelled=False)
    assert [each.label for each in found.pictures] == [None]
    assert not found.labelled


def test_an_npz_of_images_and_labels(tmp_path: Path) -> None:
    """In their order, of any size."""
    np.savez(tmp_path / "some.npz", images=IMAGES, labels=[2, 0, 9])
    found = load_pictures(tmp_path / "some.npz", labelled=True)
    assert (found.name, found.labels().tolist()) == ("some", [2, 0, 9])
    np.testing.assert_array_equal(found.pictures[1].source, IMAGES[1])


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pictures": IMAGES}, "needs an array `images`"),
        ({"images": IMAGES.astype(float)}, "needs an array `images`, uint8"),
        ({"images": IMAGES[:0]}, "needs an array `images`"),
        ({"images": IMAGES}, "needs an array `labels` of 3 integers"),
        ({"images": IMAGES, "labels": [1, 2]}, "needs an array `labels`"),
        ({"images": IMAGES, "labels": [1, 2, 10]}, "needs an array `labels`"),
    ],
)
def test_an_npz_of_other_arrays_is_refused(
    arrays: dict[str, object], message: str, tmp_path: Path
) -> None:
    """One line names what it lacks."""
    np.savez(tmp_path / "some.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(DataError, match=message):
        load_pictures(tmp_path / "some.npz", labelled=True)


def test_a_broken_npz_is_refused(tmp_path: Path) -> None:
    """No traceback for a file of another kind."""
    (tmp_path / "some.npz").write_bytes(b"not a zip file")
    with pytest.raises(DataError, match="not an npz of plain arrays"):
        load_pictures(tmp_path / "some.npz", labelled=True)


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    """So is a path that does not exist."""
    with pytest.raises(DataError, match="holds no pictures"):
        load_pictures(tmp_path, labelled=True)
    with pytest.raises(DataError, match="neither a folder of pictures nor"):
        load_pictures(tmp_path / "nowhere", labelled=True)
