"""`rowscan predict` with the shipped model: in process, by a service, and as POST /predict says."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import httpx
import pytest

from tests.e2e.running import ROOT, needs_shipped_model, running_service

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


def test_all_ways_give_the_same_answer() -> None:
    """Of every example, in every format that they have."""
    code, here = rowscan("predict", "--json", "examples")
    assert code == 0
    rows = [json.loads(line) for line in here.splitlines()]
    assert [row["digit"] for row in rows[:10]] == list(range(10))
    with running_service() as service:
        assert rowscan("health", "--url", service.url) == (0, f"{service.url} is ready\n")
        code, there = rowscan("predict", "--json", "examples", "--url", service.url)
        for row in rows:
            file = (ROOT / row["file"]).read_bytes()
            posted = httpx.post(f"{service.url}/predict", files={"file": file}, timeout=30).json()
            assert_same(row, {"file": row["file"], **posted})
    assert code == 0
    for row, line in zip(rows, there.splitlines(), strict=True):
        assert_same(row, json.loads(line))
