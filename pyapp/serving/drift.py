"""How far what a version is asked, and what it answers, has drifted from its training.

The engine counts in the bins of the package's statistics; here the counts are compared with the shares of training by
the population stability index,

    PSI = Σ over the bins of (seen − expected) · ln(seen / expected)

Both shares are smoothed, so that an empty bin is no infinity: (count + ½) / (rows + ½ · bins), the expected count being
the share times the rows of training.  Missing values are one more bin.  As is usual, a PSI below 0.1 is called stable,
one up to 0.25 a moderate and one beyond a large drift; with fewer than 100 rows seen nothing is said.
"""

import json
import math
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pyapp import engine

MODERATE = 0.1
LARGE = 0.25
FEWEST_ROWS = 100

_LEVELS = ("unknown", "stable", "moderate", "large")


def counts_folder() -> str | None:
    """Where processes that serve the same versions count together, and go on after a restart; None: nowhere.

    The engine makes it when it is needed, and counts in memory where it can't.
    """
    try:
        state = Path(os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state")
    except RuntimeError:  # a user without a home
        return None
    return str(state / "flask-serving" / "counts")


def psi(expected: Sequence[float], rows: float, seen: Sequence[int]) -> float:
    """Of shares of training, which had so many rows, and counts now, bin by bin."""
    bins, total = len(expected), sum(seen)
    result = 0.0
    for share, count in zip(expected, seen, strict=True):
        a = (share * rows + 0.5) / (rows + 0.5 * bins)
        b = (count + 0.5) / (total + 0.5 * bins)
        result += (b - a) * math.log(b / a)
    return result


def level_of(index: float, rows: int) -> str:
    """What is said of a PSI that comes of so many rows: unknown, stable, moderate or large."""
    if rows < FEWEST_ROWS:
        return _LEVELS[0]
    return _LEVELS[1] if index < MODERATE else _LEVELS[2] if index <= LARGE else _LEVELS[3]


def report(model: engine.Model) -> dict[str, Any] | None:
    """The drift of a version by feature, the largest first, and by label; None if its training is not known."""
    counts = model.drift()
    if counts is None:
        return None
    statistics = json.loads(model.manifest)["statistics"]
    rows = statistics["rows"]
    features = [
        _feature(feature, rows, seen) for feature, seen in zip(statistics["features"], counts["features"], strict=True)
    ]
    features.sort(key=lambda feature: -feature["psi"])
    label = _labels(statistics["labels"], rows, model.labels, counts["labels"]) if counts["labels"] else None
    found = [*features, *([label] if label else [])]
    return {
        "rows": counts["rows"],
        "sampled": counts["sampled"],
        "trained_rows": rows,
        "level": max((one["level"] for one in found), key=_LEVELS.index, default=_LEVELS[0]),
        "features": features,
        "label": label,
    }


def _feature(feature: dict[str, Any], rows: int, seen: Sequence[int]) -> dict[str, Any]:
    """`seen`: by bin, then missing values; `expected` and `seen` of the report are shares in the same order."""
    missing = feature.get("missing", 0.0)
    expected = [*(share * (1 - missing) for share in feature["shares"]), missing]
    index, total = psi(expected, rows, seen), sum(seen)
    return {
        "name": feature["name"],
        **({"index": feature["index"]} if "index" in feature else {}),
        "psi": index,
        "level": level_of(index, total),
        **({"edges": feature["edges"]} if "edges" in feature else {}),
        "expected": expected,
        "seen": _shares(seen),
    }


def _labels(shares: dict[str, float], rows: int, labels: Sequence[str], seen: Sequence[int]) -> dict[str, Any]:
    expected = [shares.get(label, 0.0) for label in labels]
    index = psi(expected, rows, seen)
    return {
        "psi": index,
        "level": level_of(index, sum(seen)),
        "labels": {
            label: {"expected": share, "seen": now}
            for label, share, now in zip(labels, expected, _shares(seen), strict=True)
        },
    }


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]
