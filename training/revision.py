"""Which source a run was made from."""

from __future__ import annotations

import subprocess
from pathlib import Path


def source_revision() -> str:
    """Return the commit of the source; "+changes" when it differs, "unknown" outside a checkout."""
    here = Path(__file__).parent

    def git(*arguments: str) -> str:
        command = ["git", *arguments]
        done = subprocess.run(command, cwd=here, capture_output=True, text=True, check=True)  # noqa: S603  fixed arguments
        return done.stdout.strip()

    try:
        revision = git("rev-parse", "HEAD")
        changed = git("status", "--porcelain", "--untracked-files=no", "--", "../app", ".")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return f"{revision}+changes" if changed else revision
