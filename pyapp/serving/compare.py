"""Two versions on the same rows: how often they agree, how far their scores are apart, and what each says.

Sums only, so that processes, and moments, can be added together.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from .answers import Answers, distances

DISTANCE_BOUNDS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0)
"""Upper bounds of the buckets of distances; one more holds what is beyond."""

LATENCY_BOUNDS_MS = (0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 1000.0)

CONFUSION_LABELS = 100
"""With more labels than that, only those that disagree are counted by label."""


@dataclass(slots=True)
class Side:
    """One of the two versions."""

    errors: int = 0
    """Requests that it could not answer."""
    last_error: str = ""
    latency: list[int] = field(default_factory=lambda: [0] * (len(LATENCY_BOUNDS_MS) + 1))
    """Requests by the time they took, in the buckets of LATENCY_BOUNDS_MS."""
    latency_ms: float = 0.0
    """Sum."""


@dataclass(slots=True)
class Comparison:
    """Of version `first` and version `second` of a model."""

    requests: int = 0
    rows: int = 0
    agreed: int = 0
    """Rows with the same best label; of a regression, with values within 1 %."""
    distance: list[int] = field(default_factory=lambda: [0] * (len(DISTANCE_BOUNDS) + 1))
    """Rows by the largest difference between two scores (of a regression relative to the value)."""
    distance_sum: float = 0.0
    confusion: dict[str, dict[str, int]] = field(default_factory=dict)
    """First's label → second's label → rows."""
    right: list[int] = field(default_factory=lambda: [0, 0, 0])
    """Rows whose true label is known, those of them that the first has right, and the second."""
    first: Side = field(default_factory=Side)
    second: Side = field(default_factory=Side)

    def add(self, first: Answers, second: Answers, true: Sequence[str] | None = None) -> None:
        """Rows that both answered.  Raises ValueError if the two can't be compared."""
        self.requests += 1
        gaps = distances(first, second)
        self.rows += len(gaps)
        worst = np.nan_to_num(gaps.max(axis=1), nan=math.inf, posinf=math.inf)
        for i in np.searchsorted(DISTANCE_BOUNDS, worst):
            self.distance[int(i)] += 1
        self.distance_sum += float(worst[np.isfinite(worst)].sum())
        if not first.labels:
            self.agreed += int((worst <= 0.01).sum())
            return
        said = first.best(), second.best()
        all_counted = len({*first.labels, *second.labels}) <= CONFUSION_LABELS
        for a, b in zip(*said, strict=True):
            self.agreed += a == b
            if a != b or all_counted:
                row = self.confusion.setdefault(a, {})
                row[b] = row.get(b, 0) + 1
        for truth, a, b in zip(true or (), *said, strict=False):
            self.right[0] += 1
            self.right[1] += a == truth
            self.right[2] += b == truth

    def took(self, first_ms: float, second_ms: float) -> None:
        """How long the two took for a request."""
        for side, ms in ((self.first, first_ms), (self.second, second_ms)):
            side.latency[int(np.searchsorted(LATENCY_BOUNDS_MS, ms))] += 1
            side.latency_ms += ms

    def merge(self, other: "Comparison") -> None:
        """Adds what another process, or moment, has seen."""
        self.requests += other.requests
        self.rows += other.rows
        self.agreed += other.agreed
        self.distance = [a + b for a, b in zip(self.distance, other.distance, strict=True)]
        self.distance_sum += other.distance_sum
        self.right = [a + b for a, b in zip(self.right, other.right, strict=True)]
        for a, row in other.confusion.items():
            mine = self.confusion.setdefault(a, {})
            for b, count in row.items():
                mine[b] = mine.get(b, 0) + count
        for side, more in ((self.first, other.first), (self.second, other.second)):
            side.errors += more.errors
            side.last_error = more.last_error or side.last_error
            side.latency = [a + b for a, b in zip(side.latency, more.latency, strict=True)]
            side.latency_ms += more.latency_ms

    def to_document(self) -> dict[str, Any]:
        """The sums, as JSON."""
        return {
            "requests": self.requests,
            "rows": self.rows,
            "agreed": self.agreed,
            "distance": self.distance,
            "distance_sum": self.distance_sum,
            "confusion": self.confusion,
            "right": self.right,
            "first": _side_document(self.first),
            "second": _side_document(self.second),
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> "Comparison":
        """The way back."""
        return cls(**{**document, "first": Side(**document["first"]), "second": Side(**document["second"])})

    def report(self) -> dict[str, Any]:
        """What people want to know of the sums."""
        rows = max(self.rows, 1)
        known = self.right[0]
        return {
            "requests": self.requests,
            "rows": self.rows,
            "agreement": self.agreed / rows if self.rows else None,
            "mean_distance": self.distance_sum / rows if self.rows else None,
            "distance": [
                {"at_most": bound, "rows": count}
                for bound, count in zip((*DISTANCE_BOUNDS, None), self.distance, strict=True)
            ],
            "confusion": self.confusion,
            "accuracy": [self.right[1] / known, self.right[2] / known] if known else None,
            "first": _side_report(self.first),
            "second": _side_report(self.second),
        }


def _side_document(side: Side) -> dict[str, Any]:
    return {
        "errors": side.errors,
        "last_error": side.last_error,
        "latency": side.latency,
        "latency_ms": side.latency_ms,
    }


def _side_report(side: Side) -> dict[str, Any]:
    answered = sum(side.latency)
    return {
        "errors": side.errors,
        "last_error": side.last_error,
        "mean_ms": side.latency_ms / answered if answered else None,
        "p50_ms": _quantile(side.latency, 0.5),
        "p99_ms": _quantile(side.latency, 0.99),
    }


def _quantile(counts: list[int], share: float) -> float | None:
    """The upper bound of the bucket that holds it."""
    left = share * sum(counts)
    for bound, count in zip((*LATENCY_BOUNDS_MS, math.inf), counts, strict=True):
        left -= count
        if left <= 0 < sum(counts):
            return bound if math.isfinite(bound) else None
    return None
