"""Inputs and outputs for samples.jsonl: from a file of the user's, or made from what the manifest tells of inputs."""

import csv
import json
import math
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .problems import ImportRefusedError

COUNT = 10
MAX_LINES = 1000
"""As many as the engine replays."""

_WORDS = ("free", "call", "now", "hello", "the", "good", "price", "house", "2nd", "what", "is", "this")


def read_samples(path: Path, manifest: Mapping[str, Any]) -> tuple[list[Any], list[Any] | None]:
    """The inputs in the file, and the outputs if it has them.  Raises ImportRefusedError.

    .jsonl: a line is {"input": …, "output": …}, or an input; .npy: an array [rows, …]; .csv: a header, then rows.
    """
    try:
        if path.suffix == ".npy":
            array = np.load(path, allow_pickle=False)[:MAX_LINES]
            return list(np.atleast_2d(array.astype(np.float32))), None
        if path.suffix == ".csv":
            return read_csv(path, manifest)[:MAX_LINES], None
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.strip()][:MAX_LINES]
        values = [json.loads(line) for line in lines]
    except OSError as error:
        raise ImportRefusedError(f"{path}: {error.strerror}; --samples takes a file") from error
    except (ValueError, EOFError, RecursionError, csv.Error) as error:
        raise ImportRefusedError(f"{path}: {error}; --samples takes .jsonl, .csv or .npy") from error
    if not values:
        raise ImportRefusedError(f"{path} holds no line; expected one sample a line")
    whole = [value for value in values if isinstance(value, dict) and set(value) == {"input", "output"}]
    if not whole:
        return values, None
    if len(whole) != len(values):
        raise ImportRefusedError(f"{path}: some lines have input and output and some have not; expected all, or none")
    return [value["input"] for value in whole], [value["output"] for value in whole]


def read_csv(path: Path, manifest: Mapping[str, Any]) -> list[Any]:
    """Its rows as inputs: records by the header for a table, numbers or a text else.  Raises ImportRefusedError."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        return rows_of(list(csv.DictReader(file)), manifest, path)


def rows_of(lines: Sequence[Mapping[str, str]], manifest: Mapping[str, Any], path: Path) -> list[Any]:
    """Lines of a CSV file as the model's inputs.  Raises ImportRefusedError naming the line and column."""
    inputs = manifest["inputs"]
    if all(item["kind"] == "tensor" for item in inputs):
        width = sum(math.prod(item["shape"]) for item in inputs)
        if lines and len(lines[0]) != width:
            raise ImportRefusedError(f"{path}: {len(lines[0])} columns beside the target; the model takes {width}")
        return [
            [_number(text, f"{path}, row {i}, column {name}") for name, text in line.items()]
            for i, line in enumerate(lines, 1)
        ]
    if len(inputs) == 1 and inputs[0]["kind"] == "text":
        if lines and len(lines[0]) != 1 and inputs[0]["name"] not in lines[0]:
            raise ImportRefusedError(f"{path}: {len(lines[0])} columns beside the target; expected one, of texts")
        return [line.get(inputs[0]["name"], next(iter(line.values()))) for line in lines]
    columns = [column for item in inputs for column in item.get("columns", [item])]
    lacking = [column["name"] for column in columns if lines and column["name"] not in lines[0]]
    if lacking:
        raise ImportRefusedError(f"{path}: no column {', '.join(lacking)}; there are {', '.join(lines[0])}")
    return [
        {column["name"]: _cell(line[column["name"]], column, f"{path}, row {i}") for column in columns}
        for i, line in enumerate(lines, 1)
    ]


def _cell(text: str | None, column: Mapping[str, Any], place: str) -> Any:
    kind = column.get("type", column.get("kind"))
    if not text:
        return "" if kind == "text" else None
    if kind == "number":
        return _number(text, f"{place}, column {column['name']}")
    if kind == "boolean":
        truth = {
            "true": True,
            "yes": True,
            "1": True,
            "1.0": True,
            "false": False,
            "no": False,
            "0": False,
            "0.0": False,
        }
        if text.strip().lower() not in truth:
            raise ImportRefusedError(f"{place}, column {column['name']}: {text!r}; expected true or false")
        return truth[text.strip().lower()]
    return text


def _number(text: str | None, place: str) -> float | None:
    """A cell of numbers; true and false are 1 and 0: pandas writes booleans so that a model takes as numbers."""
    word = (text or "").strip().lower()
    try:
        return float(word == "true") if word in ("true", "false") else float(word) if word else None
    except ValueError:
        raise ImportRefusedError(f"{place}: {text!r} is no number") from None


def make_inputs(manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], count: int = COUNT) -> list[Any]:
    """Plausible inputs, the same each time: around the means, among the categories and words that the manifest has."""
    chance = random.Random(0)  # noqa: S311 - samples, no secrets
    inputs = manifest["inputs"]
    rows = [{item["name"]: _value(item, manifest, tensors, chance) for item in inputs} for _ in range(count)]
    if len(inputs) == 1:
        return [row[inputs[0]["name"]] for row in rows]
    return [_joined(row, inputs) for row in rows]


def _joined(row: Mapping[str, Any], inputs: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for item in inputs:
        if item["kind"] == "table":
            record.update(row[item["name"]])
        else:
            record[item["name"]] = row[item["name"]]
    return record


def _value(
    item: Mapping[str, Any], manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], chance: random.Random
) -> Any:
    steps = [step for step in manifest.get("preprocess", ()) if step.get("input") == item["name"]]
    if item["kind"] == "text":
        return _text(steps, None, chance)
    if item["kind"] == "table":
        return {column["name"]: _table_value(column, steps, tensors, chance) for column in item["columns"]}
    size = math.prod(item["shape"])
    means, scales = _statistics(item["name"], size, steps, manifest, tensors)
    if "image" in item or any(step["op"] == "scale" and _is_small(step["factor"]) for step in steps):
        return [float(chance.randrange(256)) for _ in range(size)]
    values = [chance.gauss(means[i], scales[i]) for i in range(size)]
    return np.array(values, np.float32)


def _is_small(factor: Any) -> bool:
    return isinstance(factor, int | float) and 0 < abs(factor) < 0.02  # as 1/255


def _statistics(
    name: str,
    size: int,
    steps: Sequence[Mapping[str, Any]],
    manifest: Mapping[str, Any],
    tensors: Mapping[str, NDArray[Any]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Means and deviations of a tensor's numbers: of a standardising step, or of a normalisation that reads it."""
    for step in steps:
        if step["op"] == "standardise" and "columns" not in step:
            return _spread(step["mean"], size, tensors), _spread(step["scale"], size, tensors)
    for layer in manifest["layers"]:
        if layer["op"] == "batch_normalization" and layer["inputs"] == [name]:
            return _spread(layer["mean"], size, tensors), np.sqrt(np.abs(_spread(layer["variance"], size, tensors)))
    return np.zeros(size), np.ones(size)


def _spread(value: Any, size: int, tensors: Mapping[str, NDArray[Any]]) -> NDArray[np.float64]:
    numbers = np.ravel(np.asarray(tensors[value] if isinstance(value, str) else value, np.float64))
    return np.resize(numbers, size)


def _table_value(
    column: Mapping[str, Any],
    steps: Sequence[Mapping[str, Any]],
    tensors: Mapping[str, NDArray[Any]],
    chance: random.Random,
) -> Any:
    if column.get("missing", "error") != "error" and chance.random() < 0.1:
        return None
    kind, name = column["type"], column["name"]
    if kind == "boolean":
        return chance.random() < 0.5
    if kind == "category":
        return chance.choice(column["categories"])
    if kind == "text":
        return _text(steps, name, chance)
    for step in steps:
        names = step.get("columns")
        place = 0 if names is None else names.index(name) if name in names else None
        if place is None:
            continue
        if step["op"] == "standardise" and names is not None:
            means, scales = (_spread(step[key], len(names), tensors) for key in ("mean", "scale"))
            return round(chance.gauss(means[place], scales[place]), 4)
        if step["op"] == "index" and names is not None:
            known = [value for value in np.resize(np.array(step["values"], object), len(names)) if value is not None]
            return chance.choice(known) if known and not isinstance(known[0], list) else 0.0
        if step["op"] == "bucketise" and names is not None:
            bounds = step["boundaries"][place % len(step["boundaries"])]
            return round(chance.uniform(min(bounds) - 1, max(bounds) + 1), 4) if bounds else 0.0
    return round(chance.gauss(0, 1), 4)


def _text(steps: Sequence[Mapping[str, Any]], column: str | None, chance: random.Random) -> str:
    """A few words, most of them of the vocabulary."""
    words: Sequence[str] = _WORDS
    for step in steps:
        if step["op"] in ("count_words", "hash") and step.get("column") == column and step.get("vocabulary"):
            words = step["vocabulary"]
    return " ".join(chance.choice(words if chance.random() < 0.8 else _WORDS) for _ in range(chance.randint(1, 12)))
