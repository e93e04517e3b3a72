"""What /metrics tells Prometheus: requests, times, batches, the waiting line, memory."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder

from vqa.batching import Batcher

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_SIZES = (1, 2, 4, 8, 16, 32)


class Meters:
    """Counts requests, and reads the batcher when asked; in a registry of its own.

    Args:
        batcher: whose batches and waiting line are told.
    """

    def __init__(self, batcher: Batcher) -> None:
        self._batcher = batcher
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "vqa_requests",
            "Requests to the API.",
            ("endpoint", "status"),
            registry=self._registry,
        )
        self._seconds = Histogram(
            "vqa_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ("endpoint",),
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._registry.register(self)

    def request(self, endpoint: str, status: int, seconds: float) -> None:
        """Counts one finished request."""
        self._requests.labels(endpoint, str(status)).inc()
        self._seconds.labels(endpoint).observe(seconds)

    def page(self, accept: str) -> tuple[bytes, str]:
        """All figures in the format that an Accept header wants, and its content type."""
        encode, kind = choose_encoder(accept)
        return encode(self._registry), kind

    def collect(self) -> Iterator[Metric]:
        """What the registry calls: the batcher's figures as they are now."""
        load = self._batcher.load()
        counts = [sum(n for size, n in load.sizes.items() if size <= bound) for bound in _SIZES]
        buckets = [(str(bound), n) for bound, n in zip(_SIZES, counts, strict=True)]
        buckets.append(("+Inf", sum(load.sizes.values())))
        asked = sum(size * n for size, n in load.sizes.items())
        yield HistogramMetricFamily("vqa_batch_size", "Questions asked together.", buckets, asked)
        yield GaugeMetricFamily("vqa_waiting", "Questions accepted, not answered.", load.waiting)
        yield CounterMetricFamily("vqa_refused", "Questions refused while busy.", load.refused)
        yield CounterMetricFamily(
            "vqa_waited_seconds", "Time that answered questions stood in line.", load.waited
        )
        yield GaugeMetricFamily(
            "vqa_cached_bytes", "Memory that encoded pictures take.", load.cached_bytes
        )
