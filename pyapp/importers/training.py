"""The statistics of training data that a package carries, so that drift can be told from them (docs/drift.md)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pyapp import engine
from pyapp.packages.statistics import columns_of, statistics_of

from .answers import Progress, answers
from .evaluation import read_table
from .problems import ImportRefusedError
from .samples import rows_of


def training_statistics(
    model: engine.Model, manifest: Mapping[str, Any], path: Path, target: str | None, progress: Progress | None = None
) -> dict[str, Any]:
    """Of a CSV file's columns but `target`, and of what the model answers to them.  Raises ImportRefusedError."""
    lines = read_table(path, "--train-data")
    if target is not None:
        for line in lines:
            line.pop(target, None)
    rows = rows_of(lines, manifest, path)
    try:
        return statistics_of(manifest, _columns(manifest, rows), answers(model, rows, progress))
    except (engine.InputError, ValueError) as error:
        raise ImportRefusedError(f"{path}: {error}") from error


def _columns(manifest: Mapping[str, Any], rows: Sequence[Any]) -> Mapping[str, Any]:
    """Rows as the model takes them, by column of a table, or by tensor."""
    inputs = manifest["inputs"]
    if inputs[0]["kind"] == "text" and len(inputs) == 1:
        return {"": rows}  # a text has no statistics of its own; its rows are counted
    if any(item["kind"] != "tensor" for item in inputs):
        return columns_of(rows)
    table, found, at = np.asarray(rows, np.float32), {}, 0
    for item in inputs:
        width = int(np.prod(item["shape"]))
        found[item["name"]] = table[:, at : at + width]
        at += width
    return found
