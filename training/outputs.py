"""Where an evaluation is written, beside the console: JSON, Markdown, a page."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from training.errors import TrainingError
from training.measure import Measurement
from training.page import write_page
from training.tables import markdown_tables


@dataclass(frozen=True)
class Outputs:
    """The files that were asked for."""

    json_file: Path | None = None
    markdown_file: Path | None = None
    page_file: Path | None = None

    def touch(self) -> None:
        """Raise TrainingError now, rather than after the work, when one cannot be written."""
        for file in (self.json_file, self.markdown_file, self.page_file):
            if file is not None:
                try:
                    file.touch()
                except OSError as error:
                    raise TrainingError(f"{file} cannot be written: {error.strerror}.") from error

    def write(self, found: Measurement) -> None:
        """Write each."""
        if self.json_file is not None:
            figures = json.dumps(asdict(found.figures), indent=1)
            self.json_file.write_text(figures + "\n", encoding="utf-8")
        if self.markdown_file is not None:
            self.markdown_file.write_text(markdown_tables(found.figures), encoding="utf-8")
        if self.page_file is not None:
            self.page_file.write_text(write_page(found), encoding="utf-8")
