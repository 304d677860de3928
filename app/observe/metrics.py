"""What Prometheus may ask: counts and times of requests, and the state of store, queue and streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from app.http.refusals import Refusal
from app.runs.lifecycle import RunManager
from app.store import Change, Status, StoreError

BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 10.0)


class Metrics:
    """One server's figures. A request counts under the pattern of its address, so their number is bounded."""

    def __init__(self, manager: RunManager):
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "optimscope_requests", "Answers given.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "optimscope_request_seconds",
            "From a request to the end of its answer, streams left out.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self.frames = Counter("optimscope_frames", "Frames of runs that were kept.", registry=self.registry)
        self.registry.register(_State(manager))
        ProcessCollector(registry=self.registry)

    def notice(self, changes: Iterable[Change]) -> None:
        """Hears of changes in the store."""
        self.frames.inc(sum(len(change.frames) for change in changes))


class _State(Collector):
    """What is read when somebody asks."""

    def __init__(self, manager: RunManager):
        self._runs = manager

    def describe(self) -> Iterable[Metric]:
        """Nothing, so that registering reads no store that is not open yet."""
        return ()

    def collect(self) -> Iterator[Metric]:
        yield GaugeMetricFamily("optimscope_streams", "Streams that are open.", self._runs.hub.subscribers)
        try:
            counts, waiting = self._runs.store.count(), len(self._runs.jobs.waiting())
            size = self._runs.store.bytes_on_disk()
        except (Refusal, StoreError):
            return  # starting, stopping or in trouble: /readyz tells
        runs = GaugeMetricFamily("optimscope_runs", "Runs in the store.", labels=["status"])
        for status in Status:
            runs.add_metric([status.value], counts.get(status, 0))
        yield runs
        yield GaugeMetricFamily("optimscope_queue_length", "Runs that wait for a worker.", waiting)
        yield GaugeMetricFamily("optimscope_store_bytes", "Size of the database and its journal.", size)
