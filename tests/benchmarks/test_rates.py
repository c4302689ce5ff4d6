"""What the figures of runs at a fixed rate amount to, of what wrk tells."""

from __future__ import annotations

import pytest

from benchmarks.fixed_rate import CONNECTIONS, waits
from benchmarks.open_loop import Outcome
from benchmarks.overload import figures
from benchmarks.wrk import LEAD_MS, Told

QUIET = Told(
    requests=2000, us=1_000_000 + 1000 * LEAD_MS, p50_us=2000, p99_us=9000, bad=0, broken=0,
    late=3, latest_ms=4.5, served=0, refused=0, silent=0,
)  # fmt: skip


def test_times_are_as_told() -> None:
    """Milliseconds from sending, and what was sent late beside them."""
    assert waits(QUIET, per_s=2000) == (2.0, 9.0, 3, 4.5, 0)


def test_what_is_never_answered_has_failed() -> None:
    """All that is missing but what the connections may have had under way at the end."""
    hung = QUIET._replace(requests=500, bad=7, broken=2)
    assert waits(hung, per_s=2000).failed == 7 + 2 + 2000 - 500 - 2 - CONNECTIONS


def test_nothing_answered_is_no_quick_service() -> None:
    """A percentile of nothing would be 0 ms."""
    with pytest.raises(RuntimeError, match="nothing was answered"):
        waits(QUIET._replace(requests=0), per_s=2000)


def test_the_crowd_and_the_sample_count_together() -> None:
    """Goodput and refusals are of both; times and headers of refusals of the sample."""
    crowd = QUIET._replace(us=1_000_000, requests=1000, served=200, refused=799, silent=1)
    samples = [Outcome(0.0, 0.3, 200, False)] * 2 + [Outcome(0.0, 0.02, 429, True)] * 8
    probes = [Outcome(0.0, 0.001, 200, False), Outcome(0.0, 0.001, 503, False)]
    found = figures(crowd, samples, probes, peak_per_s=202)
    assert found["goodput_of_peak"] == 1
    assert found["refused_share"] == pytest.approx(807 / 1010)
    assert found["refused_p99_ms"] == pytest.approx(20)
    assert found["refused_without_retry_after"] == 1
    assert found["other_statuses"] == 1
    assert found["probes_not_ready"] == 1
