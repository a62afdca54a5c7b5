"""How far what a version is asked, and what it answers, has drifted from its training.

The engine counts in the bins of the package's statistics; here the counts are compared with the shares of training by
the population stability index,

    PSI = Σ over the bins of (seen − expected) · ln(seen / expected)

Both shares are smoothed, so that an empty bin is no infinity: (count + ½) / (rows + ½ · bins), the expected count being
the share times the rows of training.  Missing values are one more bin.  As is usual, a PSI below 0.1 is called stable,
one up to 0.25 a moderate and one beyond a large drift; with fewer than 100 rows seen nothing is said.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from pyapp import engine

MODERATE = 0.1
LARGE = 0.25
FEWEST_ROWS = 100

LEVELS = ("unknown", "stable", "moderate", "large")

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Training:
    """What a version's training has seen, laid out as the engine counts."""

    rows: int
    features: tuple[str, ...]
    """Columns by name, a number of a tensor as `name[index]`."""
    expected: Floats
    """Shares of all features' bins one after the other, missing values being the last bin of each."""
    first: NDArray[np.intp]
    """Where each feature's begin."""
    labels: Floats
    """Shares by label, in the order of the labels; empty if they are not known."""

    @classmethod
    def of(cls, model: engine.Model) -> "Training | None":
        """None if the package does not tell."""
        statistics = json.loads(model.manifest).get("statistics")
        return cls.read(statistics, model.labels) if statistics is not None else None

    @classmethod
    def read(cls, statistics: Mapping[str, Any], of_model: Sequence[str]) -> "Training":
        """The manifest's statistics, and the model's labels."""
        shares = [_expected(feature) for feature in statistics["features"]]
        labels = statistics.get("labels")
        return cls(
            rows=statistics["rows"],
            features=tuple(map(_name, statistics["features"])),
            expected=_flat(shares),
            first=np.cumsum([0, *map(len, shares)], dtype=np.intp)[:-1],
            labels=_flat([[labels.get(label, 0.0) for label in of_model]] if labels is not None else []),
        )

    def measure(self, counts: Mapping[str, Any]) -> "Drift":
        """How far the version has drifted, by what Model.drift has counted."""
        return Drift(
            counts["rows"],
            counts["sampled"],
            psi(self.expected, self.rows, _flat(counts["features"]), self.first),
            psi(self.labels, self.rows, counts["labels"], [0])[0].item() if len(self.labels) else None,
        )


@dataclass(frozen=True, slots=True)
class Drift:
    """Of a version at one moment."""

    rows: int
    """That were asked."""
    sampled: int
    """Those of them whose inputs were counted."""
    features: Floats
    """PSI of each."""
    label: float | None
    """PSI of the predicted labels; None if training's are not known."""


def psi(expected: ArrayLike, rows: float, seen: ArrayLike, first: ArrayLike) -> Floats:
    """Of shares of training, which had so many rows, and counts now, for each group of bins; they begin at `first`."""
    begins = np.asarray(first, np.intp)
    counts = np.asarray(seen, np.float64)
    if not len(begins):
        return np.zeros(0)
    bins = np.diff(begins, append=len(counts))
    room = np.repeat(0.5 * bins, bins)
    a = (np.asarray(expected) * rows + 0.5) / (rows + room)
    b = (counts + 0.5) / (np.repeat(np.add.reduceat(counts, begins), bins) + room)
    found: Floats = np.add.reduceat((b - a) * np.log(b / a), begins)
    return found


def level_of(index: float, rows: int) -> str:
    """What is said of a PSI that comes of so many rows: unknown, stable, moderate or large."""
    if rows < FEWEST_ROWS:
        return LEVELS[0]
    return LEVELS[1] if index < MODERATE else LEVELS[2] if index <= LARGE else LEVELS[3]


def report(model: engine.Model) -> dict[str, Any] | None:
    """The drift of a version by feature, the largest first, and by label; None if its training is not known."""
    counts = model.drift()
    if counts is None:
        return None
    statistics = json.loads(model.manifest)["statistics"]
    training = Training.read(statistics, model.labels)
    drift = training.measure(counts)
    features = list(map(_feature, statistics["features"], drift.features.tolist(), counts["features"]))
    features.sort(key=lambda feature: -feature["psi"])
    label = _label(training, drift.label, model.labels, counts["labels"]) if drift.label is not None else None
    found = [*features, *([label] if label else [])]
    return {
        "rows": drift.rows,
        "sampled": drift.sampled,
        "trained_rows": training.rows,
        "level": max((one["level"] for one in found), key=LEVELS.index, default=LEVELS[0]),
        "features": features,
        "label": label,
    }


def _feature(feature: Mapping[str, Any], index: float, seen: Sequence[int]) -> dict[str, Any]:
    """`seen`: by bin, then missing values; `expected` and `seen` of the report are shares in the same order."""
    return {
        "name": feature["name"],
        **({"index": feature["index"]} if "index" in feature else {}),
        "psi": index,
        "level": level_of(index, sum(seen)),
        **({"edges": feature["edges"]} if "edges" in feature else {}),
        "expected": _expected(feature),
        "seen": _shares(seen),
    }


def _label(training: Training, index: float, labels: Sequence[str], seen: Sequence[int]) -> dict[str, Any]:
    return {
        "psi": index,
        "level": level_of(index, sum(seen)),
        "labels": {
            label: {"expected": share, "seen": now}
            for label, share, now in zip(labels, training.labels.tolist(), _shares(seen), strict=True)
        },
    }


def _name(feature: Mapping[str, Any]) -> str:
    return f"{feature['name']}[{feature['index']}]" if "index" in feature else str(feature["name"])


def _expected(feature: Mapping[str, Any]) -> list[float]:
    """Shares by bin, then of missing values."""
    missing = feature.get("missing", 0.0)
    return [*(share * (1 - missing) for share in feature["shares"]), missing]


def _shares(counts: Sequence[int]) -> list[float]:
    total = sum(counts)
    return [count / total if total else 0.0 for count in counts]


def _flat(lists: Iterable[Iterable[float]]) -> Floats:
    return np.fromiter(chain.from_iterable(lists), np.float64)
