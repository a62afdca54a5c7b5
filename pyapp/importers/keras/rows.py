"""What flows between the layers while a model is rebuilt: rows of numbers, of a shape, made by something."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Activation, Network

MAX_SELECTED = 1 << 22
"""Columns that may be named one by one."""
MAX_GROUPS = 1024
"""Slices along an axis that may be computed each by itself."""


_STRINGS = "reads strings; only StringLookup, Hashing and TextVectorization turn them into numbers that can be served"


class UnservableError(Exception):
    """Why one layer cannot be served, and what to do."""


@dataclass(frozen=True, slots=True)
class Rows:
    """One tensor of the Keras model.  A row is flat, row-major."""

    name: str
    """Of the input, block or layer that makes it; "" for columns of a table and for constants."""
    shape: tuple[int, ...]
    """Without the batch."""
    columns: tuple[str, ...] = ()
    """Columns of the table, as they are sent."""
    text: bool = False
    """Strings, not numbers."""
    early: bool = False
    """Preprocessing steps may still read it."""
    alone: bool = True
    """Nobody else reads it, so that a step may change it in place."""
    constant: NDArray[Any] | None = None
    """The row itself, if it never changes."""
    indicators: "Rows | None" = None
    """A 1 at the index that this number is, 0 elsewhere; where the number itself is no longer for steps to read."""
    parts: tuple["Rows", ...] = ()
    """They lie side by side, but need not be copied there."""
    sparse: bool = False
    """Mostly 0: what counts words."""

    @property
    def size(self) -> int:
        """How many numbers."""
        return int(np.prod(self.shape, dtype=np.int64))


class Builder:
    """Adds layers and steps to a network, and remembers what a layer of the source may need of it."""

    def __init__(self, major: int) -> None:
        """`major`: 1, 2 or 3, of the Keras that wrote the file."""
        self.network = Network()
        self.major = major
        self.table = ""
        """The name of the input that is a table, if there is one."""
        self.types: dict[str, str] = {}
        """Of the table's columns."""
        self._selected: dict[tuple[str, ...], str] = {}

    def read(self, rows: Rows) -> str:
        """The name under which layers read the rows."""
        if rows.constant is not None:
            return self.network.add("constant", "constant", [], value=rows.constant.reshape(-1).astype(np.float32))
        if rows.parts:
            return self.network.add("concatenate", "concatenate", [self.read(part) for part in rows.parts])
        if not rows.columns:
            if rows.text:
                raise UnservableError(_STRINGS)
            return rows.name
        if any(self.types[column] == "text" for column in rows.columns):
            raise UnservableError(_STRINGS)
        if rows.columns not in self._selected:
            self._selected[rows.columns] = self.network.step(
                "select", self.table, "_".join(rows.columns[:4]), columns=list(rows.columns)
            )
        return self._selected[rows.columns]

    def step(self, op: str, rows: Rows, name: str, **parameters: Any) -> Rows:
        """The rows after a step, of the same shape."""
        if rows.columns:
            made = self.network.step(op, self.table, name, columns=list(rows.columns), **parameters)
        else:
            made = self.network.step(op, rows.name, None if rows.alone else name, **parameters)
        return Rows(made, rows.shape, early=True)

    def add(
        self,
        op: str,
        name: str,
        read: Sequence[Rows],
        shape: tuple[int, ...],
        activation: Activation = None,
        **more: Any,
    ) -> Rows:
        """A layer."""
        return Rows(self.network.add(op, name, [self.read(rows) for rows in read], activation, **more), shape)

    def select(self, rows: Rows, name: str, columns: NDArray[Any], shape: tuple[int, ...]) -> Rows:
        """Some of the numbers, in that order; the rows themselves if these are all of them."""
        columns = np.asarray(columns).reshape(-1)
        if columns.size == rows.size and (columns == np.arange(rows.size)).all():
            return replace(rows, shape=shape)
        if columns.size > MAX_SELECTED:
            raise UnservableError(f"rearranges {columns.size} numbers; at most {MAX_SELECTED} can be served")
        if rows.constant is not None:
            return replace(rows, shape=shape, constant=rows.constant.reshape(-1)[columns])
        return self.add("select", name, [rows], shape, columns=columns.tolist())

    def affine(self, rows: Rows, name: str, scale: Any, shift: Any) -> Rows:
        """The rows · scale + shift; both broadcast to the rows' shape."""
        scale, shift = (
            np.broadcast_to(np.asarray(value, np.float64), rows.shape).reshape(-1).astype(np.float32)
            for value in (scale, shift)
        )
        return Rows(self.network.affine(name, self.read(rows), scale, shift), rows.shape)

    def spread(self, rows: Rows, name: str, shape: tuple[int, ...]) -> Rows:
        """Broadcast as numpy does it."""
        if rows.shape == shape or rows.size == int(np.prod(shape)):
            return replace(rows, shape=shape)
        index = np.arange(rows.size).reshape(rows.shape)
        return self.select(rows, name, np.broadcast_to(index, shape), shape)

    def grouped(self, rows: Rows, name: str, axes: Sequence[int], one: Callable[[Rows, str], Rows]) -> Rows:
        """`one(rows, name)` applied to each slice along the axes (of the row, ≥ 0), or to the whole row."""
        others = [axis for axis in range(len(rows.shape)) if axis not in axes]
        groups = int(np.prod([rows.shape[axis] for axis in others], dtype=np.int64))
        if groups == 1:
            return replace(one(replace(rows, shape=(rows.size,)), name), shape=rows.shape)
        if groups > MAX_GROUPS:
            raise UnservableError(f"works on {groups} slices of a row; at most {MAX_GROUPS} can be served")
        index = np.arange(rows.size).reshape(rows.shape).transpose([*others, *axes]).reshape(groups, -1)
        slices = [
            one(self.select(rows, f"{name}_{i}_in", columns, (columns.size,)), f"{name}_{i}")
            for i, columns in enumerate(index)
        ]
        joined = self.add("concatenate", f"{name}_joined", slices, (rows.size,))
        return self.select(joined, name, np.argsort(index.reshape(-1)), rows.shape)
