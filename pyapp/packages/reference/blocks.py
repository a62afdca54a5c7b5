"""Blocks: the columns that an input or a step's output has at some point, by name while they are a table's."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class Column:
    """One column of all rows: numbers, float64 [rows], or a text for each row."""

    values: NDArray[np.float64] | list[str]
    name: str | None = None
    kind: str = "made"
    """The type of a table's column while it is one, "made" once a step has made it; "tensor" in a tensor."""
    sizes: int = 0
    """How many indices a category's column has."""

    def numbers(self) -> NDArray[np.float64]:
        """The values, if they are numbers."""
        if isinstance(self.values, list):
            raise ValueError(f"{self.name} is a text; expected numbers")
        return self.values


@dataclass(slots=True)
class Block:
    """Columns side by side."""

    columns: list[Column] = field(default_factory=list)
    single: bool = False
    """From a tensor: what a step makes of it is rounded to float32."""

    def is_numbers(self) -> bool:
        """Whether layers may read it."""
        return not any(isinstance(column.values, list) for column in self.columns)

    def numbers(self) -> NDArray[np.float64]:
        """float64 [rows, columns], rounded to float32 as layers read it."""
        stacked = np.stack([column.numbers() for column in self.columns], axis=1)
        return stacked.astype(np.float32).astype(np.float64)

    def pick(self, columns: Sequence[str | int] | None, kinds: Sequence[str]) -> list[int]:
        """The places of those columns; without them, of all that a step is for."""
        if columns is None:
            return [i for i, column in enumerate(self.columns) if column.kind in kinds]
        names = {column.name: i for i, column in enumerate(self.columns) if column.name is not None}
        return [item if isinstance(item, int) else names[item] for item in columns]


def read_inputs(inputs: Sequence[Mapping[str, Any]], rows: Sequence[Any]) -> dict[str, Block]:
    """The blocks of the rows as they were sent."""
    if all(item["kind"] == "tensor" for item in inputs):
        return _read_tensors(inputs, rows)
    names = [name for item in inputs for name in _names_in(item)]
    records = [_record(row, names) for row in rows]
    blocks = {}
    for item in inputs:
        if item["kind"] == "tensor":
            numbers = np.array([np.ravel(record[item["name"]]) for record in records], np.float64)
            blocks[item["name"]] = _tensor_block(numbers)
            continue
        columns = item.get("columns", [{"name": item["name"], "type": "text"}])
        blocks[item["name"]] = Block(
            [_column(column, [record.get(column["name"]) for record in records]) for column in columns]
        )
    return blocks


def _read_tensors(inputs: Sequence[Mapping[str, Any]], rows: Sequence[Any]) -> dict[str, Block]:
    sizes = [math.prod(item["shape"]) for item in inputs]
    flat = [
        np.concatenate([np.ravel(row[item["name"]]) for item in inputs]) if isinstance(row, Mapping) else np.ravel(row)
        for row in rows
    ]
    numbers = np.array(flat, np.float32).astype(np.float64).reshape(len(rows), sum(sizes))
    starts = np.cumsum([0, *sizes])
    return {
        item["name"]: _tensor_block(numbers[:, start : start + size])
        for item, start, size in zip(inputs, starts, sizes, strict=False)
    }


def _tensor_block(numbers: NDArray[np.float64]) -> Block:
    return Block([Column(numbers[:, i], kind="tensor") for i in range(numbers.shape[1])], single=True)


def _names_in(item: Mapping[str, Any]) -> list[str]:
    return [column["name"] for column in item.get("columns", ())] or [item["name"]]


def _record(row: Any, names: Sequence[str]) -> Mapping[str, Any]:
    if isinstance(row, Mapping):
        return row
    return dict(zip(names, row if isinstance(row, list | tuple) else [row], strict=False))


def _column(column: Mapping[str, Any], values: Sequence[Any]) -> Column:
    missing = column.get("missing", "error")
    if missing == "error" and any(value is None for value in values):
        raise ValueError(f"{column['name']} has a missing value")
    kind, name = column["type"], column["name"]
    if kind == "text":
        return Column(["" if value is None else str(value) for value in values], name, kind)
    absent = math.nan if missing in ("nan", "error") else float(missing)
    if kind != "category":
        return Column(np.array([absent if value is None else float(value) for value in values]), name, kind)
    index = {category: i for i, category in enumerate(column["categories"])}
    unknown = column.get("unknown", "error")
    other = len(index) if unknown == "index" else -1
    if unknown == "error" and any(value is not None and value not in index for value in values):
        raise ValueError(f"{name} has a value that is none of its categories")
    numbers = [absent if value is None else float(index.get(value, other)) for value in values]
    return Column(np.array(numbers), name, kind, len(index) + (unknown == "index"))
