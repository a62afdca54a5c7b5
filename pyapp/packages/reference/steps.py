"""The steps of preprocessing over blocks."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .blocks import Block, Column
from .hashes import farmhash64, siphash
from .texts import count_words

Numbers = NDArray[np.float64]
Tensors = Mapping[str, NDArray[Any]]

_CATEGORIES = ("one_hot", "map")


def run_step(blocks: dict[str, Block], step: Mapping[str, Any], tensors: Tensors) -> None:
    """Does one step; what it makes takes the place of what it read, or is a block of its own under `output`."""
    op = step["op"]
    if "inputs" in step:
        read = [column for name in step["inputs"] for column in blocks[name].columns]
        block = Block(read, all(blocks[name].single for name in step["inputs"]))
    else:
        block = blocks[step["input"]]
    if op in ("count_words", "hash") and "columns" not in step:
        picked = _texts(block, step)
    else:
        kinds = ("category",) if op in _CATEGORIES and _is_table(block) else ("number",) if _is_table(block) else ()
        picked = block.pick(step.get("columns"), kinds or ("tensor", "number", "category", "made"))
    if op == "concatenate":
        picked = list(range(len(block.columns)))
    made = _run(op, step, [block.columns[i] for i in picked], tensors)
    if block.single:
        made = [[values.astype(np.float32).astype(np.float64) for values in group] for group in made]
    if "output" in step:
        values = [item for group in made for item in group]
        blocks[step["output"]] = Block([Column(item, kind="number") for item in values], block.single)
    elif op == "select":
        block.columns = [block.columns[i] for i in picked]
    else:
        block.columns = _replaced(block.columns, dict(zip(picked, made, strict=True)), block.single)


def _is_table(block: Block) -> bool:
    return any(column.name is not None for column in block.columns)


def _texts(block: Block, step: Mapping[str, Any]) -> list[int]:
    if "column" in step:
        return block.pick([step["column"]], ())
    found = [i for i, column in enumerate(block.columns) if isinstance(column.values, list)]
    return found or list(range(len(block.columns)))


def _replaced(columns: list[Column], made: Mapping[int, list[Numbers]], single: bool) -> list[Column]:
    """Each column's group in its place; a group of one keeps the column's name and type."""
    kept: list[Column] = []
    for i, column in enumerate(columns):
        group = made.get(i)
        if group is None:
            kept.append(column)
        elif len(group) == 1 and column.kind == "number":
            kept.append(Column(group[0], column.name, column.kind))
        else:
            kept += [Column(values, kind="tensor" if single else "made") for values in group]
    return kept


def _run(op: str, step: Mapping[str, Any], columns: list[Column], tensors: Tensors) -> list[list[Numbers]]:
    """For each column read the ones in its place; what is made of several together stands in that of the first."""
    if op == "count_words":
        texts = columns[0].values
        weights = _per_number(step["idf"], tensors) if "idf" in step else None
        return [list(count_words([str(text) for text in texts], step, weights).T)]
    if op == "hash":
        return [[_hashed(column, step)] for column in columns]
    if op == "one_hot":
        return _one_hot(columns, step)
    numbers = np.stack([column.numbers() for column in columns], axis=1)
    parameters = {
        key: _per_number(step[key], tensors)
        for key in ("factor", "offset", "mean", "scale", "value", "min", "max", "threshold", "lambdas")
        if key in step
    }
    with np.errstate(all="ignore"):
        made = list(_COMPUTE[op](numbers, step, parameters).T)
    together = op in ("polynomial", "multi_hot")
    return [made, *([] for _ in columns[1:])] if together else [[values] for values in made]


def _per_number(value: Any, tensors: Tensors) -> Numbers:
    return np.asarray(tensors[value] if isinstance(value, str) else value, np.float64)


def _one_hot(columns: list[Column], step: Mapping[str, Any]) -> list[list[Numbers]]:
    sizes = step.get("sizes", [column.sizes for column in columns])
    drop = step.get("drop")
    drops = drop if isinstance(drop, list) else [0 if drop == "first" else None] * len(columns)
    return [
        [(column.numbers() == index).astype(np.float64) for index in range(size) if index != dropped]
        for column, size, dropped in zip(columns, sizes, drops, strict=True)
    ]


def _hashed(column: Column, step: Mapping[str, Any]) -> Numbers:
    values = column.values
    texts = values if isinstance(values, list) else [str(int(value)) for value in values]
    mask, buckets = step.get("mask"), int(step["buckets"])

    def bucket(text: str) -> int:
        if mask is not None and text == mask:
            return 0
        data = text.encode("utf-8")
        value = siphash(data, step["key"]) if step.get("method") == "siphash" else farmhash64(data)
        return value % buckets if mask is None else 1 + value % (buckets - 1)

    return np.array([float(bucket(text)) for text in texts])


def _lists(step: Mapping[str, Any], key: str, count: int) -> list[Any]:
    lists: list[Any] = step[key]
    return lists if len(lists) == count else lists * count


def _number(value: Any) -> float:
    return math.nan if value is None else float(value)


def _by_list(find: Callable[[Sequence[Any], float, Mapping[str, Any]], float], key: str) -> Any:
    def compute(x: Numbers, step: Mapping[str, Any], p: Mapping[str, Numbers]) -> Numbers:
        lists = _lists(step, key, x.shape[1])
        columns = [[find(values, number, step) for number in column] for values, column in zip(lists, x.T, strict=True)]
        return np.array(columns, np.float64).T

    return compute


def _index(values: Sequence[Any], number: float, step: Mapping[str, Any]) -> float:
    for place, value in enumerate(values):
        if _number(value) == number or (math.isnan(_number(value)) and math.isnan(number)):
            return float(place)
    return _number(step.get("missing")) if math.isnan(number) else float(step.get("unknown", -1))


def _map(values: Sequence[Any], number: float, step: Mapping[str, Any]) -> float:
    if math.isnan(number):
        return _number(step.get("missing"))
    known = 0 <= number < len(values) and number == int(number)
    return _number(values[int(number)]) if known else _number(step.get("unknown"))


def _bucket(boundaries: Sequence[float], number: float, step: Mapping[str, Any]) -> float:
    return float(sum(boundary <= number for boundary in boundaries))


def _power(x: Numbers, step: Mapping[str, Any], p: Mapping[str, Numbers]) -> Numbers:
    lambdas = np.broadcast_to(p["lambdas"], x.shape)
    if step["method"] == "box_cox":
        return np.where(lambdas == 0, np.log(x), (x**lambdas - 1) / lambdas)
    above = np.where(lambdas == 0, np.log1p(x), ((x + 1) ** lambdas - 1) / lambdas)
    below = np.where(lambdas == 2, -np.log1p(-x), -((1 - x) ** (2 - lambdas) - 1) / (2 - lambdas))
    return np.where(np.isnan(x), x, np.where(x >= 0, above, below))


def norm_of(x: Numbers, norm: str) -> Numbers:
    """Of each row, [rows, 1]."""
    if norm == "l1":
        return np.asarray(np.abs(x).sum(axis=1, keepdims=True))
    if norm == "max":
        return np.asarray(np.abs(x).max(axis=1, keepdims=True))
    return np.asarray(np.sqrt((x * x).sum(axis=1, keepdims=True)))


def _normalise(x: Numbers, step: Mapping[str, Any], p: Mapping[str, Numbers]) -> Numbers:
    norms = norm_of(x, step.get("norm", "l2"))
    return x / np.where(norms == 0, 1, norms)


def _multi_hot(x: Numbers, step: Mapping[str, Any], p: Mapping[str, Numbers]) -> Numbers:
    counts = np.stack([(x == index).sum(axis=1) for index in range(step["size"])], axis=1).astype(np.float64)
    return counts if step.get("count") else (counts > 0).astype(np.float64)


def _polynomial(x: Numbers, step: Mapping[str, Any], p: Mapping[str, Numbers]) -> Numbers:
    return np.stack([np.prod(x[:, term], axis=1) if term else np.ones(len(x)) for term in step["terms"]], axis=1)


_COMPUTE: dict[str, Callable[[Numbers, Mapping[str, Any], Mapping[str, Numbers]], Numbers]] = {
    "scale": lambda x, step, p: x * p["factor"] + p.get("offset", np.float64(0)),
    "standardise": lambda x, step, p: (x - p["mean"]) / p["scale"],
    "impute": lambda x, step, p: np.where(np.isnan(x), p["value"], x),
    "is_missing": lambda x, step, p: np.isnan(x).astype(np.float64),
    "clip": lambda x, step, p: np.clip(x, p.get("min"), p.get("max")),
    "binarise": lambda x, step, p: (x > p["threshold"]).astype(np.float64),
    "function": lambda x, step, p: np.asarray(getattr(np, step["function"])(x)),
    "power_transform": _power,
    "normalise": _normalise,
    "bucketise": _by_list(_bucket, "boundaries"),
    "index": _by_list(_index, "values"),
    "map": _by_list(_map, "values"),
    "multi_hot": _multi_hot,
    "polynomial": _polynomial,
    "select": lambda x, step, p: x,
    "concatenate": lambda x, step, p: x,
}
