"""Metrics that are states: read from the service and the process when somebody asks.

Each is a gauge of what is true now; of several workers the sum or the largest, of the living only.
"""

from __future__ import annotations

from typing import Final, Literal

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from app import __version__
from app.inference.service import Service

Mode = Literal["livesum", "livemax"]

MEMORY: Final = "process_resident_memory_bytes"
# What prometheus-client tells of a process where there is a /proc, and how several are one figure.
FIGURES: Final[dict[str, tuple[str, Mode]]] = {
    MEMORY: ("Resident memory; shared parts count each time", "livesum"),
    "process_open_fds": ("Open file descriptors", "livesum"),
    "process_max_fds": ("Most file descriptors that a process may open", "livemax"),
    "process_start_time_seconds": ("When the youngest process began, since 1970", "livemax"),
}
CPU: Final = "process_cpu_seconds"


class StateMetrics:
    """The gauges, and the processor time that has been counted so far."""

    def __init__(self, registry: CollectorRegistry, processes: int) -> None:
        self._registry = registry
        self._in_progress = self._gauge("requests_in_progress", "Requests that have not ended")
        self._queue = self._gauge("queue_images", "Images that wait for the network")
        self._queue_limit = self._gauge("queue_limit_images", "Most images that may wait")
        self._ready = self._gauge("ready_processes", "Processes that can answer")
        self._gauge("processes", "Processes that should serve", "livemax").set(processes)
        self._versions = self._gauge("model_processes", "Processes that serve it", label="version")
        self._served: set[int] = set()
        self._refused = self._gauge("refused_versions", "Versions that are refused", "livemax")
        self._stale = self._gauge(
            "newest_not_served", "1: the newest version of the folder does not answer", "livemax"
        )
        build = self._gauge("build_info", "The release that runs; always 1", "livemax", "version")
        build.labels(__version__).set(1)
        # The library's own collector tells of one process only, and not beside shared files.
        self._process = ProcessCollector(namespace="rowscan", registry=None)
        self._network_pid = 0  # of the process that reads the images, where there is one
        self._network = ProcessCollector(
            namespace="rowscan", pid=lambda: self._network_pid, registry=None
        )
        self._figures = {
            f"rowscan_{name}": self._gauge(name, meaning, mode)
            for name, (meaning, mode) in FIGURES.items()
        }
        self._cpu = Counter(f"rowscan_{CPU}", "Processor time used", registry=registry)
        self._cpu_counted_s = 0.0

    def _gauge(self, name: str, meaning: str, mode: Mode = "livesum", label: str = "") -> Gauge:
        labels = [label] if label else []
        registry = self._registry
        return Gauge(f"rowscan_{name}", meaning, labels, registry=registry, multiprocess_mode=mode)

    def refresh(self, service: Service, in_progress: int) -> None:
        """Note how the service is now."""
        self._in_progress.set(in_progress)
        self._queue.set(service.queued_images)
        self._queue_limit.set(service.max_queue_images)
        self._ready.set(service.status == "ready")
        self._refused.set(len(service.refused))
        self._stale.set(service.newest_not_served)
        if service.manifest is not None:
            self._served.add(service.manifest.version)
        for version in self._served:
            serves = service.manifest is not None and service.manifest.version == version
            self._versions.labels(str(version)).set(serves)
        self._refresh_process(service.network_pid)

    def _refresh_process(self, network_pid: int | None) -> None:
        """Note what this process takes, and with it that which reads its images."""
        found = _told_by(self._process)
        if network_pid is not None:
            self._network_pid = network_pid
            for name, value in _told_by(self._network).items():
                if name in (f"rowscan_{MEMORY}", f"rowscan_{CPU}"):
                    found[name] += value
        for name, gauge in self._figures.items():
            if name in found:
                gauge.set(found[name])
        cpu_s = found.get(f"rowscan_{CPU}", 0.0)
        self._cpu.inc(max(0.0, cpu_s - self._cpu_counted_s))
        self._cpu_counted_s = cpu_s


def _told_by(process: ProcessCollector) -> dict[str, float]:
    """What there is to tell of a process, by the name of the metric; nothing without a /proc."""
    return {family.name: family.samples[0].value for family in process.collect()}
