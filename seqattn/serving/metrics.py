"""Figures of a server for Prometheus."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What one server counts, in a registry of its own."""

    def __init__(self, waiting: Callable[[], float]) -> None:
        """`waiting` gives the number of requests that wait for the models."""
        self._registry = CollectorRegistry()
        labels = ("path", "status")
        self._requests = Counter("seqattn_requests", "Requests answered.", labels, registry=self._registry)
        self._seconds = Histogram(
            "seqattn_request_seconds", "Time to the answer.", ("path",), registry=self._registry
        )
        self.texts = Counter("seqattn_texts", "Texts accepted for translation.", registry=self._registry)
        self.characters = Counter("seqattn_characters", "Characters of these texts.", registry=self._registry)
        gauge = Gauge("seqattn_waiting", "Requests that wait for the models.", registry=self._registry)
        gauge.set_function(waiting)

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count a request."""
        self._requests.labels(path, str(status)).inc()
        self._seconds.labels(path).observe(seconds)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)
