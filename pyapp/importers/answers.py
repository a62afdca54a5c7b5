"""What a loaded model answers to rows of any kind: sent through the engine as a client's request would be."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pyapp import engine

ROWS_AT_ONCE = 256

Progress = Callable[[int, int], None]
"""Called with (rows done, rows in all)."""


def answers(model: engine.Model, rows: Sequence[Any], progress: Progress | None = None) -> NDArray[np.float32]:
    """All outputs, float32 [rows, outputs]; of rows with tables or texts the first output, and NaN for the others.

    `rows` are numbers, records, lists or texts, as samples.jsonl has them.

    Raises engine.InputError with the number of the row that the model refuses.
    """
    inputs = json.loads(model.manifest)["inputs"]
    made = [np.empty((0, model.outputs), np.float32)]
    runner = engine.Engine(max_body_bytes=1 << 30)
    try:
        for start in range(0, len(rows), ROWS_AT_ONCE):
            some = rows[start : start + ROWS_AT_ONCE]
            if all(item["kind"] == "tensor" for item in inputs):
                made.append(model.predict(np.stack([flat(row, inputs) for row in some])))
            else:
                made.append(_asked(runner, model, [record(row, inputs) for row in some], start))
            if progress:
                progress(min(start + ROWS_AT_ONCE, len(rows)), len(rows))
    finally:
        runner.close()
    return np.concatenate(made)


def flat(row: Any, inputs: Sequence[dict[str, Any]]) -> NDArray[np.float32]:
    """The numbers of a row for tensors alone: an array, or a record of arrays by their names."""
    if isinstance(row, dict):
        return np.concatenate([np.ravel(np.asarray(row[item["name"]], np.float32)) for item in inputs])
    return np.ravel(np.asarray(row, np.float32))


def record(row: Any, inputs: Sequence[dict[str, Any]]) -> Any:
    """A list of values as a record."""
    if not isinstance(row, list | tuple):
        return row
    names = [column["name"] for item in inputs for column in item.get("columns", [item])]
    return dict(zip(names, row, strict=False))


def _asked(runner: engine.Engine, model: engine.Model, rows: Sequence[Any], start: int) -> NDArray[np.float32]:
    """By one request; where it is refused, by one for each row, so that the row at fault is named."""
    body = json.dumps([plain(row) for row in rows]).encode()
    status, _, reply = runner.handle(model, "classify", body, "application/json")
    if status != 200 and len(rows) > 1:
        return np.concatenate([_asked(runner, model, [row], start + i) for i, row in enumerate(rows)])
    told = json.loads(reply)
    if status != 200:
        raise engine.InputError(f"row {start + 1}: {told['error']}")
    made = np.full((len(rows), model.outputs), np.nan, np.float32)
    for row, result in zip(made, told.get("results", [told]), strict=True):
        numbers = _numbers(model, result)
        row[: len(numbers)] = numbers
    return made


def _numbers(model: engine.Model, result: dict[str, Any]) -> list[float]:
    """Of the first output, in a result of /classify."""
    if "scores" not in result:
        return result["values"] if "values" in result else [result["value"]]
    columns = next(iter(model.output_columns.values()))
    scores: list[float] = result["scores"]
    return scores[-columns:]  # a single column with two labels is told as the scores of both


def plain(value: Any) -> Any:
    """For JSON: arrays as lists, null for NaN, which is what a missing value is sent as."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return None if isinstance(value, float) and value != value else value
