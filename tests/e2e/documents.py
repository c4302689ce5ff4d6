"""The documents, and the commands in them, for tests of what they say."""

from __future__ import annotations

import re

from tests.e2e.running import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def command_lines(block: str) -> list[str]:
    """The lines of a fenced block; what is continued is one line."""
    return re.sub(r"\\\n\s*", "", block).splitlines()
