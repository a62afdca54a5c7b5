"""A package's `statistics`: how the inputs and labels of training were distributed (docs/package.md)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

MAX_BINS = 16
_QUANTILES = np.linspace(0, 1, 11)[1:-1]
"""Deciles: ten bins with as many rows each, where the values allow it."""
_DIGITS = 6

Columns = Mapping[str, Sequence[Any] | NDArray[Any]]
"""By name: the values of a table's column, or a tensor's rows [rows, …], as a client would send them; None or NaN where
a value is missing."""


def statistics_of(manifest: Mapping[str, Any], rows: Columns, outputs: ArrayLike | None = None) -> dict[str, Any]:
    """The manifest's `statistics` of training data.

    `rows`: by column or tensor; those that are not there, and texts, are left out.  `outputs` [rows, columns]: what the
    model answers to these rows; without it labels are left out.  Raises ValueError, naming the column.
    """
    features = [feature for spec in manifest["inputs"] for feature in _features(spec, rows)]
    counts = {len(rows[name]) for name in rows} | ({len(np.asarray(outputs))} if outputs is not None else set())
    if len(counts) != 1 or 0 in counts:
        raise ValueError(f"the columns have {sorted(counts)} values; expected as many in each, and at least one")
    labels = manifest["outputs"][0].get("labels")
    statistics: dict[str, Any] = {"rows": counts.pop(), "features": features}
    if labels and outputs is not None:
        statistics["labels"] = _label_shares(labels, np.asarray(outputs))
    return statistics


def columns_of(records: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Records as columns; what a record lacks is missing."""
    names = {name: None for record in records for name in record}
    return {name: [record.get(name) for record in records] for name in names}


def _features(spec: Mapping[str, Any], rows: Columns) -> Iterator[dict[str, Any]]:
    if spec["kind"] == "tensor":
        if spec["name"] in rows:
            yield from _tensor(spec, rows[spec["name"]])
        return
    for column in spec.get("columns", ()):
        if column["type"] == "text" or column["name"] not in rows:
            continue
        try:
            if column["type"] == "category":
                yield {"name": column["name"], **_category(column["categories"], rows[column["name"]])}
            else:
                yield {"name": column["name"], **_number(_floats(rows[column["name"]]))}
        except (TypeError, ValueError) as error:
            raise ValueError(f"column {column['name']}: {error}") from None


def _tensor(spec: Mapping[str, Any], rows: Sequence[Any] | NDArray[Any]) -> Iterator[dict[str, Any]]:
    numbers = np.asarray(rows, np.float32).astype(np.float64).reshape(len(rows), -1)
    expected = int(np.prod(spec["shape"]))
    if numbers.shape[1] != expected:
        raise ValueError(f"{spec['name']} has rows of {numbers.shape[1]} numbers; expected {expected}")
    for index in range(expected):
        yield {"name": spec["name"], "index": index, **_number(numbers[:, index])}


def _floats(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64]:
    return np.array([np.nan if value is None or value == "" else float(value) for value in values], np.float64)


def _number(values: NDArray[np.float64]) -> dict[str, Any]:
    there = values[~np.isnan(values)]
    edges = _edges(there)
    counts = np.bincount(np.searchsorted(edges, there, side="right"), minlength=len(edges) + 1)
    return {"edges": edges.tolist(), **_shares(counts, len(values))}


def _edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ascending, none twice; few values have a bin each, and more are cut at their deciles."""
    finite = values[np.isfinite(values)]
    if not len(finite):
        return np.zeros(0)
    distinct = np.unique(finite)
    if len(distinct) == 1:  # constant in training: what is below and what is above are bins of their own
        return np.array([distinct[0], np.nextafter(distinct[0], np.inf)])
    if len(distinct) < MAX_BINS:
        return distinct[:-1] + np.diff(distinct) / 2
    return np.unique(np.quantile(finite, _QUANTILES))


def _category(categories: Sequence[str], values: Sequence[Any] | NDArray[Any]) -> dict[str, Any]:
    """One share for each category, and one for all others."""
    places = {name: i for i, name in enumerate(categories)}
    counts = np.zeros(len(categories) + 1)
    for value in values:
        if value is not None and value == value:  # a NaN, as pandas has it, is missing
            counts[places.get(str(value), len(categories))] += 1
    return _shares(counts, len(values))


def _shares(counts: NDArray[Any], rows: int) -> dict[str, Any]:
    there = int(counts.sum())
    shares = counts / there if there else counts.astype(np.float64)
    return {
        "shares": [round(float(share), _DIGITS) for share in shares],
        "missing": round((rows - there) / rows, _DIGITS),
    }


def _label_shares(labels: Sequence[str], outputs: NDArray[Any]) -> dict[str, float]:
    """How often each label is the best one."""
    flat = outputs.reshape(len(outputs), -1)
    one = len(labels) == 2 and flat.shape[1] == 1
    best = (flat[:, 0] > 0.5).astype(int) if one else flat[:, : len(labels)].argmax(axis=1)
    counts = np.bincount(best, minlength=len(labels))
    return {label: round(float(count) / len(flat), _DIGITS) for label, count in zip(labels, counts, strict=True)}
