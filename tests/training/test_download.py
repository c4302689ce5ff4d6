"""The download: whole files or none, from whichever mirror works."""

from __future__ import annotations

import gzip
import hashlib
import io
from pathlib import Path

import pytest

from training.download import ROUNDS, Response, cache_dir, fetch
from training.errors import DataError

CONTENT = b"digits " * 10_000
PACKED = gzip.compress(CONTENT)
DIGESTS = {"train": hashlib.sha256(CONTENT).hexdigest()}
MIRRORS = ("https://one/", "https://two/")


class FakeResponse(io.BytesIO):
    """A response body; its length is what the server claims."""

    @property
    def length(self) -> int:
        """As many bytes as a whole file has."""
        return len(PACKED)


class FakeWeb:
    """Answers by host, and remembers what was asked."""

    def __init__(self, **bodies: bytes | OSError) -> None:
        self.bodies = bodies
        self.asked: list[str] = []
        self.pauses: list[float] = []

    def open_url(self, url: str) -> Response:
        """Answer with the host's body, or fail as the network does."""
        self.asked.append(url)
        body = self.bodies[url.split("/")[2]]
        if isinstance(body, OSError):
            raise body
        return FakeResponse(body)

    def fetch(self, folder: Path) -> Path:
        """Download over this web."""
        return fetch(
            folder, DIGESTS, mirrors=MIRRORS, open_url=self.open_url, sleep=self.pauses.append
        )


def test_a_file_is_downloaded_once(tmp_path: Path) -> None:
    """The second time nothing is asked."""
    web = FakeWeb(one=PACKED)
    web.fetch(tmp_path / "cache")
    web.fetch(tmp_path / "cache")
    assert web.asked == ["https://one/train.gz"]
    assert (tmp_path / "cache" / "train.gz").read_bytes() == PACKED


@pytest.mark.parametrize(
    "first",
    [OSError("no route"), PACKED[:-9], gzip.compress(b"other"), b"<html>", b""],
    ids=["down", "truncated", "another file", "a portal", "empty"],
)
def test_the_second_mirror_makes_up_for_the_first(tmp_path: Path, first: bytes | OSError) -> None:
    """Whatever the first mirror gives, only the right file is kept."""
    web = FakeWeb(one=first, two=PACKED)
    web.fetch(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["train.gz"]
    assert web.pauses == []


def test_failure_leaves_nothing_and_says_what_to_do(tmp_path: Path) -> None:
    """Every mirror is tried again after longer and longer pauses, then one error tells why."""
    web = FakeWeb(one=OSError("no route"), two=PACKED[:-9])
    with pytest.raises(DataError, match=r"train\.gz could not be downloaded.*--data-dir"):
        web.fetch(tmp_path)
    assert list(tmp_path.iterdir()) == []
    assert len(web.asked) == ROUNDS * len(MIRRORS)
    assert web.pauses == [2.0, 4.0]


def test_a_cache_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    """A file where the folder should be is told, not traced."""
    (tmp_path / "cache").write_text("")
    with pytest.raises(DataError, match="XDG_CACHE_HOME"):
        FakeWeb(one=PACKED).fetch(tmp_path / "cache" / "mnist")


def test_the_cache_follows_the_users_choice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """XDG_CACHE_HOME wins over the home folder."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_dir() == tmp_path / "rowscan" / "mnist"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_dir() == Path.home() / ".cache" / "rowscan" / "mnist"
