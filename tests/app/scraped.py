"""What a scrape of /metrics says."""

from __future__ import annotations

import httpx
from prometheus_client.parser import text_string_to_metric_families


class Scraped:
    """The metrics of one scrape."""

    def __init__(self, text: str) -> None:
        self.families = list(text_string_to_metric_families(text))
        self.samples = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in self.families
            for sample in family.samples
        }

    def value(self, name: str, **labels: str) -> float:
        """Of rowscan_<name> with exactly these labels; 0 when there is none."""
        return self.samples.get((f"rowscan_{name}", frozenset(labels.items())), 0.0)

    def labels(self, name: str, label: str) -> set[str]:
        """All values that a label of rowscan_<name> has."""
        return {dict(labels)[label] for known, labels in self.samples if known == f"rowscan_{name}"}

    def nonzero(self, name: str, label: str) -> dict[str, float]:
        """The values of rowscan_<name> that are not 0, by their label."""
        return {
            dict(labels)[label]: value
            for (known, labels), value in self.samples.items()
            if known == f"rowscan_{name}" and value
        }


async def scrape(client: httpx.AsyncClient) -> Scraped:
    """Ask for /metrics."""
    response = await client.get("/metrics")
    assert response.status_code == 200
    assert response.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    return Scraped(response.text)
