"""One service and one loaded version, for all tests that leave them as they are.

To start or to load one takes seconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

from tests.e2e.running import SHIPPED_MODEL, STOPPED_WITHIN_S, Service, running_service

if TYPE_CHECKING:
    from app.inference.saved_model import SavedModelClassifier


@pytest.fixture(scope="session")
def service() -> Iterator[Service]:
    """`python -m app` with the shipped model, as people start it, and stopped as they stop it."""
    with running_service() as running:
        yield running
        running.process.terminate()
        assert running.process.wait(STOPPED_WITHIN_S) == 0


@pytest.fixture(scope="session")
def shipped() -> SavedModelClassifier:
    """The version that the repository ships."""
    from app.inference.saved_model import SavedModelClassifier

    return SavedModelClassifier.load(SHIPPED_MODEL)
