"""Settings: where they come from, and which are refused."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from app.settings import Settings

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| `(ROWSCAN_\w+)` \| (.*?) \| (.*) \|$", re.MULTILINE)


def test_defaults() -> None:
    """Without an environment the service listens to this machine only."""
    settings = Settings()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)


def test_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """ROWSCAN_… is read; empty means unset."""
    monkeypatch.setenv("ROWSCAN_PORT", "9000")
    monkeypatch.setenv("ROWSCAN_MODEL_VERSION", "")
    settings = Settings()
    assert settings.port == 9000
    assert settings.model_version is None


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_documented(name: str) -> None:
    """A setting that is not explained cannot be used, one that is explained wrongly neither."""
    variable, field = f"ROWSCAN_{name.upper()}", Settings.model_fields[name]
    rows = {row[1]: row.groups()[1:] for row in ROW.finditer((ROOT / "README.md").read_text())}
    default, description = (cell.replace("`", "") for cell in rows[variable])
    assert default == ("" if field.default in (None, ()) else str(field.default))
    assert description == field.description
    assert f"`{variable}" in (ROOT / "docs" / "operations.md").read_text()


def test_settings_do_not_change() -> None:
    """What the service was started with stays."""
    with pytest.raises(ValidationError):
        Settings().port = 1  # type: ignore[misc]


@pytest.mark.parametrize(
    "wrong",
    [
        {"port": 65_536},
        {"max_image_pixels": 178_956_971},
        {"deadline_s": 0},
        {"deadline_s": float("inf")},
        {"log_level": "loud"},
        {"max_batch_images": 100, "max_queue_images": 99},
        {"access_log": 1.1},
        {"log_format": "xml"},
        {"api_key": "short"},
        {"api_key": ""},
        {"api_key": "with a space in the middle"},
        {"cors_origins": "https://example.org/"},
        {"cors_origins": "example.org"},
        {"rate_limit": -1},
        {"rate_limit": float("inf")},
    ],
)
def test_wrong_values_are_refused(wrong: dict[str, object]) -> None:
    """A value that cannot work is refused at the start, not met later."""
    with pytest.raises(ValidationError):
        Settings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("written", "origins"),
    [
        ("", ()),
        ("*", ("*",)),
        ("https://a.org, http://localhost:3000", ("https://a.org", "http://localhost:3000")),
        ("http://[::1]:3000,", ("http://[::1]:3000",)),
    ],
)
def test_origins(monkeypatch: pytest.MonkeyPatch, written: str, origins: tuple[str, ...]) -> None:
    """Several origins stand in one variable, with commas."""
    monkeypatch.setenv("ROWSCAN_CORS_ORIGINS", written)
    assert Settings().cors_origins == origins


def test_key_is_not_shown() -> None:
    """Whoever prints the settings does not print the key."""
    assert "a-key-of-the-tests" not in repr(Settings(api_key=SecretStr("a-key-of-the-tests")))
