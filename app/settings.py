"""Settings: `app/__main__.py` reads them from the environment and passes them in."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from app.logs import LogFormat


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
        "a client may ask for less with X-Deadline-Ms.",
    )
    drain_s: float = Field(
        20.0, ge=0, le=600, description="Longest wait for accepted requests at stop, in seconds."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least severe log line that is written."
    )
    log_format: LogFormat = Field(
        "auto", description="Log lines: json, text, or auto, which is text on a terminal."
    )
    access_log: float = Field(
        0.0,
        ge=0,
        le=1,
        description="Share of good requests that leave a log line; "
        "refused and failed ones always do, up to 10 a second.",
    )

    @field_validator("max_queue_images")
    @classmethod
    def _room_for_a_batch(cls, value: int, info: ValidationInfo) -> int:
        """A request that could never be queued would be told to try again, for ever."""
        if value < info.data.get("max_batch_images", 0):
            raise ValueError("must not be less than ROWSCAN_MAX_BATCH_IMAGES")
        return value
