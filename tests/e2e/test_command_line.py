"""`rowscan predict` with the shipped model: in process, by a service, and as POST /predict says."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.e2e.documents import commands
from tests.e2e.running import ROOT, Service, needs_shipped_model

pytestmark = needs_shipped_model

Row = dict[str, Any]


def rowscan(*words: str) -> tuple[int, str]:
    """Exit code and stdout of the command line."""
    done = subprocess.run(
        [sys.executable, "-m", "rowscan", *words],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout


def assert_same(row: Row, other: Row) -> None:
    """The same fields and values, but for the last digits, in which company tells."""
    assert row.keys() == other.keys()
    for name, value in row.items():
        assert other[name] == pytest.approx(value, abs=1e-5)


def documented() -> list[tuple[str, str]]:
    """Each command of the README and what it is said to print."""
    shown = r"^\.venv/bin/rowscan ([^\n]*)\n```\n\n```\n(.*?)^```$"
    return re.findall(shown, (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)


def test_documented_commands_print_what_is_shown() -> None:
    """To the letter."""
    said = sorted(f".venv/bin/rowscan {words}" for words, _ in documented())
    assert said == commands("read")
    for words, shown in documented():
        assert rowscan(*shlex.split(words))[1] == shown


def test_all_ways_give_the_same_answer(service: Service) -> None:
    """Of every example, in every format that they have."""
    code, here = rowscan("predict", "--json", "examples")
    assert code == 0
    rows = [json.loads(line) for line in here.splitlines()]
    assert [row["digit"] for row in rows[:10]] == list(range(10))
    assert rowscan("health", "--url", service.url) == (0, f"{service.url} is ready\n")
    code, there = rowscan("predict", "--json", "examples", "--url", service.url)
    assert code == 0
    for row, line in zip(rows, there.splitlines(), strict=True):
        file = (ROOT / row["file"]).read_bytes()
        posted = httpx.post(f"{service.url}/predict", files={"file": file}, timeout=30).json()
        assert_same(row, {"file": row["file"], **posted})
        assert_same(row, json.loads(line))
