"""Traces of several processes, each of which exports its own, to the last one before it stops."""

from __future__ import annotations

from tests.e2e.running import SEVEN, needs_shipped_model, running_service
from tests.otlp import collecting


@needs_shipped_model
def test_workers_export_until_they_stop() -> None:
    """Every request is there once, from whichever process answered it, when all have stopped."""
    late = str(3_600_000)  # so that only a stop exports
    with collecting() as collector:
        on = {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_BSP_SCHEDULE_DELAY": late}
        with running_service(ROWSCAN_WORKERS="2", **on) as service:
            for _ in range(5):
                service.post("image/png", SEVEN.read_bytes())
            assert collector.spans == []
        requests = collector.requests()
    assert [span.name for span in requests] == ["POST /predict"] * 5
    assert service.process.pid not in {span.resource["process.pid"] for span in requests}
