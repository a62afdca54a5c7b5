"""A model package computed in plain numpy and double precision: what the engine's answers are compared with."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = NDArray[np.float64]


def answer(manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], row: Any) -> Row:
    """The outputs for one row as a client sends it; ValueError for what it may not send."""
    blocks: dict[str, Any] = {}
    entry = manifest["inputs"][0]
    columns = entry.get("columns", [])
    if entry["kind"] == "text":
        blocks[entry["name"]] = row
    elif entry["kind"] == "tensor":
        blocks[entry["name"]] = np.asarray(row, np.float64)
    else:
        values = row if isinstance(row, list) else [row.get(column["name"]) for column in columns]
        blocks[entry["name"]] = [_sent(column, value) for column, value in zip(columns, values, strict=True)]
    names = {entry["name"]: [column["name"] for column in columns]}
    for step in manifest.get("preprocess", []):
        _step(step, blocks, names, tensors)
    for layer in manifest["layers"]:
        blocks[layer["name"]] = _layer(layer, blocks, tensors)
    return np.concatenate([blocks[output["layer"]] for output in manifest["outputs"]])


def _sent(column: Mapping[str, Any], value: Any) -> Any:
    missing = column.get("missing", "error")
    if value is None:
        if missing == "error":
            raise ValueError(f"{column['name']} is missing")
        return math.nan if missing == "nan" else "" if missing == "empty" else float(missing)
    if column["type"] == "text":
        return value
    if column["type"] in ("number", "boolean"):
        return float(value)
    if value in column["categories"]:
        return float(column["categories"].index(value))
    if column.get("unknown", "error") == "error":
        raise ValueError(f"{column['name']}: {value}")
    return -1.0


def _step(step: Mapping[str, Any], blocks: dict[str, Any], names: dict[str, list[str]], tensors: Any) -> None:
    if step["op"] == "concatenate":
        blocks[step["output"]] = np.concatenate([np.asarray(blocks[name], float) for name in step["inputs"]])
        return
    source = blocks[step["input"]]
    output = step.get("output", step["input"])
    if step["op"] == "count_words":
        text = source if isinstance(source, str) else source[names[step["input"]].index(step["column"])]
        blocks[output] = _count(step, text, tensors)
        return
    if "columns" in step:
        own = names.get(step["input"], [])
        source = [source[c if isinstance(c, int) else own.index(c)] for c in step["columns"]]
    blocks[output] = _apply(step, np.asarray(source, np.float64), tensors)


def _values(value: Any, tensors: Any) -> Any:
    if isinstance(value, str):
        return tensors[value]
    if isinstance(value, list):
        return np.asarray([math.nan if v is None else v for v in value], float)
    return math.nan if value is None else value


def _each(value: Any, i: int) -> float:
    value = value[i] if isinstance(value, list) else value
    return math.nan if value is None else value


def _apply(step: Mapping[str, Any], x: Row, tensors: Any) -> Row:
    def of(key: str, default: Any = None) -> Any:
        return _values(step.get(key, default), tensors)

    op = step["op"]
    if op == "scale":
        return x * of("factor") + of("offset", 0)
    if op == "standardise":
        return (x - of("mean")) / of("scale")
    if op == "impute":
        return np.where(np.isnan(x), of("value"), x)
    if op == "is_missing":
        return np.isnan(x).astype(float)
    if op == "clip":
        return np.clip(x, of("min", -np.inf), of("max", np.inf))
    if op == "binarise":
        return (x > of("threshold")).astype(float)
    if op == "function":
        return np.asarray(getattr(np, step["function"])(x))
    if op == "power_transform":
        return np.asarray(
            [_power(step["method"], v, lam) for v, lam in zip(x, np.broadcast_to(of("lambdas"), x.shape), strict=True)]
        )
    if op == "normalise":
        norm = {"l1": np.abs(x).sum(), "l2": np.sqrt((x * x).sum()), "max": np.abs(x).max()}[step["norm"]]
        return x / norm if norm else x
    if op == "bucketise":
        return np.asarray([sum(b <= v for b in bounds) for v, bounds in zip(x, step["boundaries"], strict=True)], float)
    if op == "index":
        unknown, missing = step.get("unknown", -1), step.get("missing")
        out = []
        for i, (v, values) in enumerate(zip(x, step["values"], strict=True)):
            if np.isnan(v):
                out.append(values.index(None) if None in values else _each(missing, i))
            else:
                out.append(values.index(v) if v in values else _each(unknown, i))
        return np.asarray(out, float)
    if op == "map":
        out = []
        for i, (v, values) in enumerate(zip(x, step["values"], strict=True)):
            known = not np.isnan(v) and 0 <= v < len(values)
            other = _each(step.get("missing" if np.isnan(v) else "unknown"), i)
            out.append(_each(values, int(v)) if known else other)
        return np.asarray(out, float)
    if op == "one_hot":
        drop = step.get("drop") or [None] * len(x)
        out = []
        for v, size, left_out in zip(x, step["sizes"], drop, strict=True):
            out.extend(float(v == i) for i in range(size) if i != left_out)
        return np.asarray(out)
    if op == "polynomial":
        return np.asarray([np.prod(x[term]) if term else 1.0 for term in step["terms"]])
    if op == "select":
        return x if isinstance(step["columns"][0], str) or len(x) == len(step["columns"]) else x[step["columns"]]
    raise NotImplementedError(op)


def _power(method: str, x: float, power: float) -> float:
    if method == "box_cox":
        return math.log(x) if power == 0 else (x**power - 1) / power
    if x >= 0:
        return math.log1p(x) if power == 0 else ((x + 1) ** power - 1) / power
    return -math.log1p(-x) if power == 2 else -((1 - x) ** (2 - power) - 1) / (2 - power)


_PATTERNS = {"word": r"(?u)\b\w\w+\b", "word1": r"(?u)\b\w+\b", "whitespace": r"\S+"}


def _count(step: Mapping[str, Any], text: str, tensors: Any) -> Row:
    if "hashing" in step or step.get("analyzer", "word") != "word":
        raise NotImplementedError
    text = text.lower() if step.get("lowercase", True) else text
    words = re.findall(_PATTERNS[step.get("pattern", "word")], text)
    words = [word for word in words if word not in step.get("stop_words", ())]
    low, high = step.get("ngrams", [1, 1])
    found = Counter(" ".join(words[i : i + n]) for n in range(low, high + 1) for i in range(len(words) - n + 1))
    x = np.asarray([found[term] for term in step["vocabulary"]], float)
    if step.get("binary"):
        x = (x > 0).astype(float)
    if step.get("sublinear"):
        x = np.where(x > 0, 1 + np.log(np.maximum(x, 1)), 0)
    if "idf" in step:
        x = x * _values(step["idf"], tensors)
    return _apply({"op": "normalise", "norm": step["norm"]}, x, tensors) if step.get("norm") else x


def _layer(layer: Mapping[str, Any], blocks: Mapping[str, Any], tensors: Any) -> Row:
    x = np.concatenate([np.asarray(blocks[name], float) for name in layer["inputs"]])
    op = layer["op"]
    if op == "dense":
        x = x @ tensors[layer["kernel"]].astype(float) + (tensors[layer["bias"]] if "bias" in layer else 0)
    elif op == "batch_normalization":
        scale = tensors[layer["gamma"]] / np.sqrt(tensors[layer["variance"]] + layer["epsilon"])
        x = (x - tensors[layer["mean"]]) * scale + tensors[layer["beta"]]
    elif op == "normalise":
        x = _apply(layer, x, tensors)
    elif op == "select":
        x = x[layer["columns"]]
    elif op not in ("concatenate", "activation"):
        raise NotImplementedError(op)
    return _activated(layer.get("activation"), x)


def _activated(activation: Any, x: Row) -> Row:
    name = activation["name"] if isinstance(activation, Mapping) else activation
    functions: Mapping[Any, Any] = {
        None: lambda: x,
        "relu": lambda: np.maximum(x, 0),
        "tanh": lambda: np.tanh(x),
        "sigmoid": lambda: 1 / (1 + np.exp(-x)),
        "exponential": lambda: np.exp(x),
        "softmax": lambda: np.exp(x - x.max()) / np.exp(x - x.max()).sum(),
        "hard_sigmoid": lambda: np.clip(activation["alpha"] * x + activation["beta"], 0, 1),
        "hard_tanh": lambda: np.clip(x, activation["min"], activation["max"]),
    }
    return np.asarray(functions[name]())


def answers(manifest: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]], rows: Sequence[Any]) -> Row:
    """[rows, outputs]"""
    return np.stack([answer(manifest, tensors, row) for row in rows])
