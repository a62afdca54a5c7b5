"""Inputs of texts: all inputs together are one table then, and encoders are steps that read its columns.

What a column is (a number, a category) shows only where it is used.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from .builder import Builder, finite
from .node import Node
from .values import Cells, RefusedError, Rows

NAME = "row"


class Table:
    """The columns, by the names of the file's inputs."""

    def __init__(self) -> None:
        """Without columns."""
        self.columns: dict[str, dict[str, Any]] = {}

    def add(self, name: str, text: bool) -> None:
        """A column; of a text the categories are not known yet."""
        self.columns[name] = {"name": name, "type": "category" if text else "number"}

    def numbers(self, builder: Builder, cells: Cells, missing: str | None = None) -> Rows:
        """Those columns as a block of numbers, which steps may go on with."""
        for name in cells.names:
            if self.columns[name]["type"] != "number":
                raise RefusedError(
                    f"computes with the texts of input {name!r}; they need a OneHotEncoder or LabelEncoder"
                )
            if missing is not None:
                self.columns[name]["missing"] = missing
        return self._block(builder, "select", "numbers", cells.names, len(cells.names), columns=list(cells.names))

    def one_hot(self, builder: Builder, cells: Cells, categories: list[str], unknown: str) -> Rows:
        """Indicators of every column, one column after the other."""
        for name in cells.names:
            self._category(name, categories, unknown)
        width = len(cells.names) * len(categories)
        rows = self._block(
            builder, "one_hot", "_".join(cells.names)[:100], cells.names, width, columns=list(cells.names)
        )
        lead = (*cells.shape[:-1], len(cells.names)) if len(cells.shape) > 1 else (1,)
        return replace(rows, shape=(*lead, len(categories)))

    def mapped(self, builder: Builder, cells: Cells, keys: list[str], values: list[Any], default: Any) -> Rows:
        """A number for each category."""
        finite(np.array([*values, default], dtype=np.float64))
        for name in cells.names:
            self._category(name, keys, "ignore")
        numbers = [[float(value) for value in values]] * len(cells.names)
        return self._block(
            builder,
            "map",
            "_".join(cells.names)[:100],
            cells.names,
            len(cells.names),
            columns=list(cells.names),
            values=numbers,
            unknown=float(default) + 0.0,
        )

    def _category(self, name: str, categories: list[str], unknown: str) -> None:
        column = self.columns[name]
        if column["type"] != "category":
            raise RefusedError(f"encodes texts, but input {name!r} holds numbers")
        if len(set(categories)) != len(categories) or not categories:
            raise RefusedError("has the same category twice, or none")
        wanted = {"categories": list(categories), "unknown": unknown}
        if column.get("categories", wanted["categories"]) != wanted["categories"]:
            raise RefusedError(f"has other categories for input {name!r} than an encoder before it")
        if column.get("unknown") != "error":
            column.update(wanted)

    def _block(
        self, builder: Builder, op: str, output: str, names: tuple[str, ...], width: int, **parameters: Any
    ) -> Rows:
        source = builder.network.step(op, NAME, output, **parameters)
        return builder.begin(
            Rows(source, (1, width), 0 if builder.batch != 1 else None, np.dtype(np.float32), front=True)
        )

    def finish(self, builder: Builder) -> None:
        """Writes the columns into the input, once it is known what they are."""
        unused = [
            name for name, column in self.columns.items() if column["type"] == "category" and "categories" not in column
        ]
        for name in unused:
            del self.columns[name]
            builder.note(f"input {name!r} is not read")
        builder.network.inputs[0]["columns"] = list(self.columns.values())


def own_block(builder: Builder, node: Node, rows: Rows) -> Rows:
    """A block of preprocessing that nobody else reads, for a step to change."""
    if not rows.shared and rows.columns is None:
        return rows
    width = builder.width_of(rows)
    columns = list(range(width)) if rows.columns is None else rows.columns.tolist()
    source = builder.network.step("select", rows.source, f"{node.name}_columns", columns=columns)
    return builder.begin(replace(rows, source=source, columns=None, shared=False))
