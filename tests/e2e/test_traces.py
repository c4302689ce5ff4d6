"""Traces of several processes, each of which exports its own; and what a container has for them."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from tests.e2e.running import ROOT, SEVEN, running_service
from tests.otlp import collecting


def test_workers_export_until_they_stop(models_dir: Path) -> None:
    """Every request is there once, from whichever process answered it, when all have stopped."""
    late = str(3_600_000)  # so that only a stop exports
    with collecting() as collector:
        on = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": late}
        on["ROWSCAN_MODELS_DIR"] = str(models_dir)
        with running_service(ROWSCAN_WORKERS="2", **on) as service:
            for _ in range(5):
                service.post("image/png", SEVEN.read_bytes())
            assert collector.spans == []
        requests = collector.requests()
    assert [span.name for span in requests] == ["POST /predict"] * 5
    assert service.process.pid not in {span.resource["process.pid"] for span in requests}


def test_image_for_traces_has_the_extra() -> None:
    """The requirements that it is built with name every package of `otel`."""
    extra = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    locked = (ROOT / "requirements" / "otel.txt").read_text().splitlines()
    names = {line.partition("==")[0] for line in locked}
    assert {each.partition(">")[0] for each in extra["otel"]} <= names


def test_compose_passes_the_variables_of_traces() -> None:
    """All that operations names in full, and builds the image as it says there."""
    operations = (ROOT / "docs" / "operations.md").read_text()
    compose = (ROOT / "docker-compose.yml").read_text()
    rows = re.findall(r"^\| (`OTEL_.*?) \|", operations, re.MULTILINE)
    named = set(re.findall(r"`(OTEL_[A-Z_]+)`", " ".join(rows)))
    assert named == set(re.findall(r"^      - (OTEL_\w+)$", compose, re.MULTILINE))
    assert "ROWSCAN_REQUIREMENTS=otel docker compose build" in operations
    assert "REQUIREMENTS: ${ROWSCAN_REQUIREMENTS:-serve}\n" in compose
    assert "ARG REQUIREMENTS=serve\n" in (ROOT / "Dockerfile").read_text()
