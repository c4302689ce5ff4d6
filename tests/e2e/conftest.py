"""One service for all tests that leave it running: to start one takes seconds."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.running import Service, running_service


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """`python -m app` with the shipped model, as people start it."""
    with running_service() as running:
        yield running
