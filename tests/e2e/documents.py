"""The documents, and the commands in them, for tests of what they say.

A command is every line of a fenced block of shell, and every piece of inline code that begins with
the name of a program and says what it is to do: `make` names a program, `make train` is a command.
Which test tries which commands is in `KINDS`.
"""

from __future__ import annotations

import re
from typing import Final

from tests.e2e.running import ROOT

DOCUMENTS = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    ROOT / "CHANGELOG.md",
    *sorted((ROOT / "docs").glob("*.md")),
]

SHELL = "(?:sh|bash|shell|console)"
FENCED_SHELL: Final = re.compile(rf"^ *```{SHELL}\n(.*?)^ *```", re.DOTALL | re.MULTILINE)
FENCED: Final = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)
PROGRAMS: Final = (
    r"apt(?:-get)?|bash|curl|docker(?:-compose)?|git|helm|kubectl|make|mypy|openssl|pip|podman|pytest"
    r"|python3?|rowscan|ruff|sh|tensorboard|uv|uvicorn|wrk"
)
VARIABLES = r"(?:[A-Z_]+=\S* )*"
INLINE_COMMAND: Final = re.compile(rf"{VARIABLES}(?:{PROGRAMS}|\.[\w./-]*/[\w.-]+) \S.*")

PYTHON = r"(?:\.venv/bin/)?python"
KINDS: Final = {
    "request": r"curl .*localhost:8000.*",  # test_service.py
    "read": r"\.venv/bin/rowscan predict .+",  # test_command_line.py
    "container": r"docker compose .+",  # docker_test.py
    "make train": r"make train(?: .*)?",  # test_documented_training.py
    "training": rf"{PYTHON} -m training .+",  # the same
    "serve": r"make serve",  # test_documented_commands.py, as all below
    "format": r"make format",
    "key": r"openssl .+",
    "drawing": r".* docs/imaging_(?:steps|figures)\.py",
    "weighing": r".* docs/imaging_numbers\.py .*",
    "install": r"\.venv/bin/pip install .+",
    "benchmark": rf"make bench(?: .+)?|{PYTHON} -m benchmarks\b.*",
    "help": rf"{PYTHON} -m (?:rowscan|training)",
    "name": r"rowscan .+",
    "in CI": rf"{VARIABLES}make (?:check|test|docker-test)(?: .+)?",
}
"""Kinds of commands that are tried, each told by its form."""


def command_lines(block: str) -> list[str]:
    """The lines of a fenced block; what is continued is one line."""
    return re.sub(r"\\\n\s*", "", block).splitlines()


def commands_in(text: str) -> set[str]:
    """The commands in a document, without prompts and comments."""
    found = set()
    for block in FENCED_SHELL.findall(text):
        lines = [re.sub(r"\s+# .*", "", line.strip()) for line in command_lines(block)]
        prompted = [line[2:] for line in lines if line.startswith("$ ")]
        found.update(prompted or lines)
    for code in re.findall(r"`([^`]+)`", FENCED.sub("", text)):
        line = " ".join(code.split())
        if INLINE_COMMAND.fullmatch(line):
            found.add(line)
    return {line for line in found if line and not line.startswith("#")}


def commands(kind: str = "") -> list[str]:
    """The commands of all documents; those of one kind, or all."""
    found = set().union(*(commands_in(path.read_text()) for path in DOCUMENTS))
    form = re.compile(KINDS[kind] if kind else ".+")
    return sorted(command for command in found if form.fullmatch(command))
