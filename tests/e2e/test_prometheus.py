"""A real Prometheus scrapes the running service: metrics, alerts and dashboard fit together.

Debian's package prometheus has both programs; nothing of it needs to run as a service.
"""

from __future__ import annotations

import json
import math
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from app.metrics import PUBLISH_EVERY_S
from tests.e2e.running import (
    BOTH_READY,
    ROOT,
    SEVEN,
    Service,
    needs_shipped_model,
    running_service,
)

DEPLOY = ROOT / "deploy"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "rowscan.json"
SCRAPED_WITHIN_S = 60.0

needs_prometheus = pytest.mark.skipif(
    shutil.which("promtool") is None or shutil.which("prometheus") is None,
    reason="needs Prometheus: apt install prometheus",
)


def promtool(*arguments: str, given: str = "") -> str:
    """What promtool says; it must succeed."""
    done = subprocess.run(
        ["promtool", *arguments], cwd=ROOT, input=given, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{done.stdout}{done.stderr}"
    return done.stdout + done.stderr


@needs_prometheus
def test_configuration_is_valid() -> None:
    """Scrape configuration and alerts are what Prometheus takes."""
    promtool("check", "config", "deploy/prometheus.yml")
    promtool("check", "rules", "--lint-fatal", "deploy/alerts.yml")


@needs_prometheus
def test_alerts() -> None:
    """Each alert fires when it should and not when it should not."""
    promtool("test", "rules", "deploy/alerts_test.yml")


def alerts() -> dict[str, str]:
    """Every alert's name and what follows it, as far as the next."""
    _, *rest = re.split(r"^ +- alert: ", (DEPLOY / "alerts.yml").read_text(), flags=re.MULTILINE)
    return {name: body for name, _, body in (each.partition("\n") for each in rest)}


@pytest.mark.parametrize("alert", alerts())
def test_alert_is_tested_and_documented(alert: str) -> None:
    """Each alert has a rule test that fires and one that does not, and says what to do."""
    tests = (DEPLOY / "alerts_test.yml").read_text()
    expected = re.findall(rf"alertname: {alert}\n +eval_time: \w+\n +exp_alerts:(.*)\n", tests)
    assert "" in expected
    assert " []" in expected
    assert f"\n| `{alert}` |" in (ROOT / "docs" / "operations.md").read_text()


class Prometheus(NamedTuple):
    """A running Prometheus."""

    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The result of a query."""
        question = urllib.parse.urlencode({"query": expression})
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/query?{question}") as response:
                result: list[dict[str, Any]] = json.load(response)["data"]["result"]
                return result
        except urllib.error.HTTPError as error:
            pytest.fail(f"{expression}: {error.read().decode()}")

    def numbers(self, expression: str) -> list[float]:
        """The values of an instant query's result, without NaN."""
        values = [float(series["value"][1]) for series in self.query(expression)]
        return [value for value in values if not math.isnan(value)]


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """Two processes that have answered a little of everything."""
    with running_service(ROWSCAN_WORKERS="2") as running:
        yield running


def some_load(service: Service) -> None:
    """Pictures, and what is none."""
    for _ in range(20):
        service.post("image/png", SEVEN.read_bytes())
    with pytest.raises(urllib.error.HTTPError):
        service.post("image/png", b"no picture")


@pytest.fixture(scope="module")
def prometheus(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus]:
    """A Prometheus with the project's configuration, hurried, that has seen load come in."""
    folder = tmp_path_factory.mktemp("prometheus")
    config = (DEPLOY / "prometheus.yml").read_text()
    for given, here in (
        ("api:8000", service.url.removeprefix("http://")),
        (": 15s", ": 1s"),
        (": 10s", ": 1s"),
    ):
        assert given in config
        config = config.replace(given, here)
    (folder / "prometheus.yml").write_text(config)
    shutil.copy(DEPLOY / "alerts.yml", folder)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    with (folder / "log").open("w") as log:
        process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address={address}",
            ],
            stderr=log,
        )
    try:
        running = Prometheus(f"http://{address}")
        wait_for_load(running, service, folder / "log")
        yield running
    finally:
        process.terminate()
        process.wait(30)


def wait_for_load(prometheus: Prometheus, service: Service, log: Path) -> None:
    """Send requests until the recorded rules have seen some, and the second batch of answers."""
    patience_ends = time.monotonic() + SCRAPED_WITHIN_S
    while time.monotonic() < patience_ends:
        some_load(service)
        try:
            if prometheus.query("rowscan:digit_mix:distance") and prometheus.query(
                "rowscan:request_duration_seconds:p99_5m > 0"
            ):
                return
        except OSError:  # it is not up yet
            pass
        time.sleep(1)
    pytest.fail(log.read_text())


@needs_prometheus
@needs_shipped_model
def test_metrics_are_well_formed(service: Service) -> None:
    """Promtool finds nothing to say about names, units and help."""
    some_load(service)
    assert promtool("check", "metrics", given=service.metrics()) == ""


@needs_prometheus
@needs_shipped_model
def test_one_answer_for_all_processes(service: Service) -> None:
    """Whichever process is asked, it tells of the requests and the state of both."""
    before = settled(service)
    some_load(service)
    patience_ends = time.monotonic() + SCRAPED_WITHIN_S
    # The other process counts what it has answered within a second.
    while counted(service) != before + 20:
        assert time.monotonic() < patience_ends
        time.sleep(0.1)
    while BOTH_READY not in service.metrics():
        assert time.monotonic() < patience_ends
        time.sleep(0.1)


def settled(service: Service) -> float:
    """What is counted when both processes have counted all that they answered before."""
    found = counted(service)
    while True:
        time.sleep(2 * PUBLISH_EVERY_S)
        before, found = found, counted(service)
        if found == before:
            return found


def counted(service: Service) -> float:
    """Pictures that have been answered, as far as they are counted."""
    found = re.findall(
        r'^rowscan_requests_total{route="/predict",status="200"} (\S+)$',
        service.metrics(),
        re.MULTILINE,
    )
    return sum(map(float, found))


def dashboard_queries() -> list[str]:
    """Every query of the dashboard, with its variables filled in."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    found = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    return [query.replace("$__rate_interval", "1m").replace("$instance", ".*") for query in found]


@needs_prometheus
@needs_shipped_model
def test_dashboard(prometheus: Prometheus) -> None:
    """Every panel has something to show after a little load."""
    queries = dashboard_queries()
    assert len(queries) > 30
    assert [query for query in queries if not prometheus.numbers(query)] == []


@needs_prometheus
@needs_shipped_model
def test_what_alerts_look_at(prometheus: Prometheus) -> None:
    """Every metric in the alerts and recorded rules is there, and all rules can be evaluated."""
    text = (DEPLOY / "alerts.yml").read_text()
    names = set(re.findall(r"\browscan[_:][\w:]+", text)) | {"up"}
    assert [name for name in sorted(names) if not prometheus.numbers(name)] == []
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/rules") as response:
        groups = json.load(response)["data"]["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule["health"] for rule in rules} == {"ok"}
    firing = {rule["name"] for rule in rules if rule.get("state") == "firing"}
    assert firing == set()
