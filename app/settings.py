"""Settings: `app/__main__.py` reads them from the environment and passes them in."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from app.logs import LogFormat

ORIGIN = re.compile(r"\*|https?://[a-z0-9.-]+(:[0-9]+)?|https?://\[[0-9a-f:]+\](:[0-9]+)?")
VISIBLE_ASCII = re.compile(r"[!-~]+")
MIN_KEY_CHARS = 16


class Settings(BaseSettings):
    """How one process serves. Every field `name` is the environment variable `ROWSCAN_NAME`."""

    model_config = SettingsConfigDict(env_prefix="ROWSCAN_", frozen=True, env_ignore_empty=True)

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all.")
    port: int = Field(8000, ge=0, le=65535, description="TCP port; 0 lets the system choose.")
    workers: int = Field(
        1,
        ge=1,
        le=64,
        description="Processes that serve, each with a model of its own and the limits below.",
    )
    models_dir: Path = Field(
        Path("models/digits"), description="Folder of published versions: 1, 2, …"
    )
    model_version: int | None = Field(
        None, ge=1, description="Serve exactly this version; unset: the newest good one."
    )
    reload_s: float = Field(
        5.0,
        ge=0,
        le=86_400,
        description="Look for another version every so many seconds; 0: only at the start. "
        "A pinned version is served for good.",
    )
    max_upload_bytes: int = Field(
        10_000_000, ge=1_000, le=1_000_000_000, description="Largest request body, in bytes."
    )
    max_image_pixels: int = Field(
        24_000_000,
        ge=784,
        le=178_956_970,  # Pillow opens nothing larger
        description="Largest image, in pixels.",
    )
    max_image_side: int = Field(
        8192, ge=28, le=65_535, description="Longest side of an image, in pixels."
    )
    max_batch_images: int = Field(
        256, ge=1, le=100_000, description="Most images in one /predict/batch request."
    )
    max_queue_images: int = Field(
        1024,
        ge=28,
        le=1_000_000,
        description="Most images waiting for the network, and in one request of /v1 or /v2.",
    )
    deadline_s: float = Field(
        10.0,
        gt=0,
        le=600,
        description="Longest a request may take, in seconds; "
        "a client of /predict or /predict/batch may ask for less with X-Deadline-Ms.",
    )
    drain_s: float = Field(
        20.0, ge=0, le=600, description="Longest wait for accepted requests at stop, in seconds."
    )
    cors_origins: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Other sites whose pages may ask, with commas between them, such as "
        "https://example.org; * for all.",
    )
    api_key: SecretStr | None = Field(
        None,
        description="Key that every request must have, but for the page and health checks; "
        f"{MIN_KEY_CHARS} characters at least.",
    )
    rate_limit: float = Field(
        0.0,
        ge=0,
        le=1_000_000,
        description="Images a second that are read for one client address; 0: as many as it sends.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line that is written."
    )
    log_format: LogFormat = Field(
        "auto", description="Log lines: json, text, or auto, which is text on a terminal."
    )
    access_log: float = Field(
        1.0,
        ge=0,
        le=1,
        description="Share of good requests that leave a log line, up to 100 a second; "
        "refused and failed ones always do, up to 10 a second; probes never.",
    )

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _split_origins(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        return tuple(origin.strip() for origin in value.split(",") if origin.strip())

    @field_validator("cors_origins")
    @classmethod
    def _as_browsers_send_them(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """Anything else, such as one with a slash at the end, would never be met."""
        if not all(ORIGIN.fullmatch(origin) for origin in value):
            raise ValueError("must be origins such as https://example.org, without a path, or *")
        return value

    @field_validator("api_key")
    @classmethod
    def _sendable(cls, value: SecretStr | None) -> SecretStr | None:
        """Long enough not to be guessed, and no more than a header holds."""
        if value is None:
            return None
        if len(value) < MIN_KEY_CHARS:
            raise ValueError(f"must have at least {MIN_KEY_CHARS} characters")
        if not VISIBLE_ASCII.fullmatch(value.get_secret_value()):
            raise ValueError("must be of visible ASCII characters, without spaces")
        return value

    @field_validator("max_queue_images")
    @classmethod
    def _room_for_a_batch(cls, value: int, info: ValidationInfo) -> int:
        """A request that could never be queued would be told to try again, for ever."""
        if value < info.data.get("max_batch_images", 0):
            raise ValueError("must not be less than ROWSCAN_MAX_BATCH_IMAGES")
        return value
