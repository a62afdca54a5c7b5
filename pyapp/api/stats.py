"""GET /api/stats: what the engine is doing, for the page: counts, and quantiles of times and batches, per version."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, jsonify

from . import serving

bp = Blueprint("stats", __name__, url_prefix="/api")

TIMES = ("parse", "preprocess", "queue", "forward", "reply", "total")
"""The steps of a request, and all of it."""

COUNTS = ("requests", "rows", "batches", "rejected", "expired", "cancelled", "queued_rows", "running")


@bp.get("/stats")
def stats() -> Response:
    """Counts since the engine was made; who wants rates takes the difference of two readings."""
    found = serving().engine.stats()
    counts = {name: found[name] for name in COUNTS if name in found}
    response = jsonify(**counts, models=[_version(version) for version in found["models"]])
    response.headers["Cache-Control"] = "no-store"
    return response


def _version(counted: Mapping[str, Any]) -> dict[str, Any]:
    histograms = counted["histograms"]
    return {
        "model": counted["model"],
        "version": counted["version"],
        "rows": counted["rows"],
        "requests": counted["requests"],
        "batch_rows": summary(histograms["batch_rows"]),
        "times_ms": {name: summary(histograms[name], 1e-6) for name in TIMES if name in histograms},
    }


def summary(histogram: Mapping[str, Any], unit: float = 1) -> dict[str, Any]:
    """Count, mean and quantiles, multiplied by `unit`; None where nothing was counted."""
    count, buckets = histogram["count"], histogram["buckets"]
    return {
        "count": count,
        "mean": histogram["sum"] / count * unit if count else None,
        "p50": _scaled(quantile(buckets, 0.5), unit),
        "p99": _scaled(quantile(buckets, 0.99), unit),
    }


def quantile(buckets: Sequence[tuple[int, int]], share: float) -> int | None:
    """The largest whole number of the bucket that holds it: at most half as much again as the true one.

    `buckets`: (exclusive upper bound, count), ascending.
    """
    left = share * sum(count for _, count in buckets)
    for bound, count in buckets:
        left -= count
        if left <= 0:
            return bound - 1
    return None


def _scaled(value: int | None, unit: float) -> float | None:
    return None if value is None else value * unit
