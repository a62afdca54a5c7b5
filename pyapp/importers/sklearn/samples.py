"""Rows that a model's input would take, made from its manifest: to ask the model itself for samples."""

from collections.abc import Mapping
from typing import Any

import numpy as np

COUNT = 8


def made_rows(manifest: Mapping[str, Any]) -> list[Any]:
    """A few rows as a client sends them, the same each time; [] if there is nothing to make them from."""
    generator = np.random.default_rng(0)
    entry = manifest["inputs"][0]
    steps = manifest.get("preprocess", [])
    if entry["kind"] == "tensor":
        centre, spread = _range(steps, None, int(np.prod(entry["shape"])))
        rows = centre + spread * generator.normal(size=(COUNT, len(centre)))
        return [[_short(number) for number in row] for row in rows]
    if entry["kind"] == "text":
        return [_text(steps, None, generator) for _ in range(COUNT)]
    return [{column["name"]: _value(column, steps, generator) for column in entry["columns"]} for _ in range(COUNT)]


def _short(number: float) -> float:
    """With few digits, and the same in float32."""
    return float(str(np.float32(f"{number:.4g}")))


def _value(column: Mapping[str, Any], steps: list[dict[str, Any]], generator: np.random.Generator) -> Any:
    kind = column["type"]
    if kind == "category":
        return str(generator.choice(column["categories"]))
    if kind == "boolean":
        return bool(generator.integers(2))
    if kind == "text":
        return _text(steps, column["name"], generator)
    for step in steps:  # a number with a list of values has one of these
        if step["op"] == "index" and column["name"] in step.get("columns", ()):
            known = [value for value in step["values"][step["columns"].index(column["name"])] if value is not None]
            return generator.choice(known).item() if known else 0.0
    centre, spread = _range(steps, column["name"], 1)
    return _short(float(centre[0] + spread[0] * generator.normal()))


def _range(steps: list[dict[str, Any]], name: str | None, count: int) -> tuple[Any, Any]:
    """Where the numbers lie, as far as the first scaler tells."""
    for step in steps:
        columns = step.get("columns")
        if step["op"] != "standardise" or (name is not None and columns is not None and name not in columns):
            continue
        place = columns.index(name) if name is not None and columns is not None else None
        found = [step["mean"], step["scale"]]
        if any(isinstance(values, str) for values in found) or (name is not None and place is None):
            continue
        if place is not None:
            found = [values[place] if isinstance(values, list) else values for values in found]
        return np.broadcast_to(found[0], (count,)), np.broadcast_to(found[1], (count,))
    return np.zeros(count), np.ones(count)


def _text(steps: list[dict[str, Any]], column: str | None, generator: np.random.Generator) -> str:
    for step in steps:
        if step["op"] == "count_words" and step.get("column") == column and step.get("vocabulary"):
            chosen = generator.integers(len(step["vocabulary"]), size=6)
            return " ".join(step["vocabulary"][i] for i in chosen)
    return "a few words, to be counted"
