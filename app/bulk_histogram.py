"""A histogram of prometheus-client that counts many values at once, for `app.metrics`."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from prometheus_client import Histogram


class BulkHistogram(Histogram):
    """A histogram that takes many values in the time of a few."""

    def observe_all(self, observed: NDArray[np.floating]) -> None:
        """Count all values (n,)."""
        # The library has no public way to count more than one value at once.
        counts = np.bincount(np.searchsorted(self._upper_bounds, observed))
        self._sum.inc(float(observed.sum(dtype=np.float64)))
        for place in counts.nonzero()[0].tolist():
            self._buckets[place].inc(float(counts[place]))
