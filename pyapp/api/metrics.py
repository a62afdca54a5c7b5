"""GET /metrics: what Prometheus asks for, as text or OpenMetrics; docs/metrics.md lists everything.

Whichever worker is asked answers for all: the engine's counts are shared by the processes that serve, and outlive them.
What is loaded each worker says of itself, and they follow the same store.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from importlib import metadata
from itertools import accumulate
from typing import Any

import numpy as np
from flask import Blueprint, Response, request
from prometheus_client import Metric
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from pyapp import engine
from pyapp.serving.drift import FEWEST_ROWS, LEVELS, Drift, level_of
from pyapp.serving.parts import Parts
from pyapp.serving.routing import POINTS
from pyapp.serving.snapshot import Snapshot
from pyapp.serving.versions import State

from . import serving

bp = Blueprint("metrics", __name__)

VERSION = ("model", "version")

OUTCOMES = (
    "ok",
    "malformed",
    "too_large",
    "unsupported_type",
    "wrong_value",
    "overloaded",
    "deadline",
    "closed",
    "cancelled",
    "no_memory",
)
"""How a request can end in the engine: the names of ext/core/base/status.h."""

STEPS = {"parse": "parse", "preprocess": "preprocess", "queue": "queue", "forward": "compute", "reply": "reply"}
"""The engine's steps, and what they are called here."""

TIMES = tuple(1 << power for power in range(12, 36))
"""Bounds in ns, from 4 µs to 34 s, a doubling each: every other of the engine's own."""

REQUEST_ROWS = (1, 2, 3, 5, 7, 11, 15, 23, 31, 47, 63)
"""Bounds of the batches that requests were in: the engine's own, as the largest whole number below each."""

BATCH_ROWS = (1, 2, 4, 8, 16, 32, 48, 64)

DRIFTING_FEATURES = 32
"""Of a version's features so many have a series, those that have drifted furthest; all are counted by level."""


@bp.get("/metrics")
def metrics() -> Response:
    """In OpenMetrics where `Accept` asks for it, else in Prometheus's text format."""
    encode, content_type = choose_encoder(request.headers.get("Accept", ""))
    return Response(encode(Exporter(serving())), content_type=content_type)


class Exporter(Collector):
    """The metrics of one app at one moment."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts

    def collect(self) -> Iterator[Metric]:
        """All families, also those without samples yet."""
        stats, snapshot = self._parts.engine.stats(), self._parts.registry.snapshot
        yield from _requests(stats["models"], snapshot)
        yield from _queue(stats)
        yield from _versions(snapshot)
        yield from _decisions(snapshot)
        yield from _drift(snapshot)
        yield from _surroundings(stats["host"], is_listed=not self._parts.registry.error)


def _requests(models: list[dict[str, Any]], snapshot: Snapshot) -> Iterator[Metric]:
    """By version: those that were ever asked, and with zeros those that can be."""
    requests = CounterMetricFamily(
        "flask_serving_requests", "Requests that reached the engine, by how they ended.", labels=(*VERSION, "outcome")
    )
    rows = CounterMetricFamily("flask_serving_rows", "Rows of requests that were answered.", labels=VERSION)
    whole = HistogramMetricFamily(
        "flask_serving_request_duration_seconds",
        "Time in the engine of requests that were answered, from body to reply.",
        labels=VERSION,
    )
    steps = HistogramMetricFamily(
        "flask_serving_step_duration_seconds",
        "Time of each step of requests that were answered.",
        labels=(*VERSION, "step"),
    )
    batches = HistogramMetricFamily(
        "flask_serving_request_batch_rows", "Rows of the batch that a request was computed in.", labels=VERSION
    )
    asked = {(found["model"], found["version"]) for found in models}
    idle = [
        (name, number)
        for name, numbers in snapshot.available().items()
        for number in numbers
        if (name, number) not in asked
    ]
    for name, number in idle:
        for outcome in OUTCOMES:
            requests.add_metric((name, str(number), outcome), 0)
        rows.add_metric((name, str(number)), 0)
    for found in models:
        labels = (found["model"], str(found["version"]))
        for outcome in OUTCOMES:
            requests.add_metric((*labels, outcome), found["requests"].get(outcome.upper(), 0))
        rows.add_metric(labels, found["rows"])
        histograms = found["histograms"]
        whole.add_metric(labels, *_seconds(histograms["total"]))
        for kind, step in STEPS.items():
            steps.add_metric((*labels, step), *_seconds(histograms[kind]))
        counted = [(bound - 1, count) for bound, count in histograms["batch_rows"]["buckets"]]
        batches.add_metric(labels, _cumulative(counted, REQUEST_ROWS), histograms["batch_rows"]["sum"])
    yield from (requests, rows, whole, steps, batches)


def _queue(stats: dict[str, Any]) -> Iterator[Metric]:
    counters = {
        "requests": "Requests that were queued, shadows included.",
        "rejected": "Requests that were refused because too much was queued.",
        "expired": "Requests whose deadline passed while they were queued.",
        "cancelled": "Requests that were given up while they were queued.",
    }
    for name, text in counters.items():
        yield CounterMetricFamily(f"flask_serving_queue_{name}", text, value=stats[name])
    yield CounterMetricFamily("flask_serving_batches", "Batches that were computed.", value=stats["batches"])
    yield CounterMetricFamily(
        "flask_serving_batch_waits", "Batches that waited for more requests to join.", value=stats["waits"]
    )
    batches = HistogramMetricFamily("flask_serving_batch_rows", "Rows of the batches that were computed.", labels=())
    batches.add_metric((), _cumulative(stats["batch_rows"].items(), BATCH_ROWS), stats["rows"])
    yield batches
    yield GaugeMetricFamily("flask_serving_queued_rows", "Rows that wait to be computed.", value=stats["queued_rows"])
    yield GaugeMetricFamily("flask_serving_running_batches", "Batches being computed.", value=stats["running"])


def _versions(snapshot: Snapshot) -> Iterator[Metric]:
    states = GaugeMetricFamily(
        "flask_serving_version_state", "1 for the state that a version is in, else 0.", labels=(*VERSION, "state")
    )
    sizes = GaugeMetricFamily(
        "flask_serving_version_bytes", "Memory that a loaded version holds, in bytes.", labels=VERSION
    )
    for entry in snapshot.models.values():
        for version in entry.versions:
            labels = (entry.name, str(version.number))
            for state in State:
                states.add_metric((*labels, state.value), version.state is state)
            if version.model is not None:
                sizes.add_metric(labels, version.model.nbytes)
    yield from (states, sizes)


def _decisions(snapshot: Snapshot) -> Iterator[Metric]:
    default = GaugeMetricFamily(
        "flask_serving_default_version", "1 for the version that answers when none is asked for.", labels=VERSION
    )
    labelled = GaugeMetricFamily(
        "flask_serving_label", "1 for the version that answers for a label.", labels=("model", "label", "version")
    )
    split = GaugeMetricFamily(
        "flask_serving_split_share",
        "Share of the traffic that names no version, 0 to 1, by version or label.",
        labels=("model", "target"),
    )
    shadow = GaugeMetricFamily(
        "flask_serving_shadow_share",
        "Share of the traffic that a version or label also computes without answering, 0 to 1.",
        labels=("model", "target"),
    )
    for entry in snapshot.models.values():
        if entry.default is not None:
            default.add_metric((entry.name, str(entry.default)), 1)
        for label, number in entry.labels().items():
            labelled.add_metric((entry.name, label, str(number)), 1)
        for target, points in entry.routing.split.shares if entry.routing.split else ():
            split.add_metric((entry.name, target), points / POINTS)
        if entry.routing.shadow is not None:
            shadow.add_metric((entry.name, entry.routing.shadow.target), entry.routing.shadow.points / POINTS)
    yield from (default, labelled, split, shadow)


def _drift(snapshot: Snapshot) -> Iterator[Metric]:
    """Of the versions that answer and know their training; an index of too few rows is not told."""
    rows = CounterMetricFamily(
        "flask_serving_drift_rows", "Rows that were asked of a version that knows its training.", labels=VERSION
    )
    sampled = CounterMetricFamily(
        "flask_serving_drift_sampled_rows", "Rows of these whose inputs were compared with training.", labels=VERSION
    )
    levels = GaugeMetricFamily(
        "flask_serving_drift_features", "Features by how far they have drifted.", labels=(*VERSION, "level")
    )
    features = GaugeMetricFamily(
        "flask_serving_drift_feature_psi",
        "Population stability index of the features that have drifted furthest.",
        labels=(*VERSION, "feature"),
    )
    answers = GaugeMetricFamily(
        "flask_serving_drift_label_psi", "Population stability index of the predicted labels.", labels=VERSION
    )
    for entry in snapshot.models.values():
        for version in entry.versions:
            counts = version.model.drift() if version.model is not None else None
            if version.training is None or counts is None:
                continue
            labels = (entry.name, str(version.number))
            drift = version.training.measure(counts)
            rows.add_metric(labels, drift.rows)
            sampled.add_metric(labels, drift.sampled)
            by_level = Counter(level_of(index, drift.sampled) for index in drift.features.tolist())
            for level in LEVELS:
                levels.add_metric((*labels, level), by_level[level])
            for name, index in _furthest(version.training.features, drift).items():
                features.add_metric((*labels, name), index)
            if drift.label is not None and sum(counts["labels"]) >= FEWEST_ROWS:
                answers.add_metric(labels, drift.label)
    yield from (rows, sampled, levels, features, answers)


def _furthest(names: Sequence[str], drift: Drift) -> dict[str, float]:
    """Each name once: two series of the same labels would spoil the whole answer."""
    if drift.sampled < FEWEST_ROWS:
        return {}
    furthest = np.argsort(-drift.features, kind="stable")[:DRIFTING_FEATURES]
    return {names[i]: float(drift.features[i]) for i in furthest[::-1]}


def _surroundings(host: dict[str, int], *, is_listed: bool) -> Iterator[Metric]:
    yield GaugeMetricFamily(
        "flask_serving_store_up", "1 if the store could be listed the last time, else 0.", value=is_listed
    )
    counters = {
        "store_errors": "Looks at the store that failed.",
        "database_errors": "Looks at what was decided that failed.",
        "refused_late": "Requests refused as they had waited, or would have waited, too long for a thread.",
        "refused_key": "Requests that were refused because they had no API key, or a wrong one.",
        "refused_limit": "Requests that were refused because there were more than SERVING_RATE_LIMIT.",
        "refused_admin": "Requests for changes that were refused because they lacked the admin's token.",
        "observer_dropped": "Requests that were to be shadowed or journalled, and were dropped.",
    }
    for name, text in counters.items():
        yield CounterMetricFamily(f"flask_serving_{name}", text, value=host[name])
    build = InfoMetricFamily("flask_serving_build", "Flask Serving's version, OpenBLAS's, and its kernel.")
    build.add_metric((), {"version": _own_version(), "blas": engine.blas})
    yield build


def _seconds(histogram: dict[str, Any]) -> tuple[list[tuple[str, float]], float]:
    """Buckets and sum.  The engine's bounds are exclusive, and ours are not: that is a nanosecond."""
    buckets = _cumulative(histogram["buckets"], TIMES, scale=1e-9)
    return buckets, histogram["sum"] * 1e-9


def _cumulative(
    counted: Iterable[tuple[int, int]], bounds: tuple[int, ...], scale: float = 1
) -> list[tuple[str, float]]:
    """(value, count) as ("le", how many are at most that), the last for +Inf."""
    inside = [0] * (len(bounds) + 1)
    for value, count in counted:
        inside[next((i for i, bound in enumerate(bounds) if value <= bound), len(bounds))] += count
    names = [*(repr(float(bound * scale)) for bound in bounds), "+Inf"]
    return list(zip(names, accumulate(inside), strict=True))


def _own_version() -> str:
    try:
        return metadata.version("flask-serving")
    except metadata.PackageNotFoundError:  # run from a folder, never installed
        return "unknown"
