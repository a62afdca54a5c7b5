"""A fitted model as plain data: objects with a class's name and attributes, and never the class itself.

Values are what JSON has, tuples, slices, numpy arrays (also of dtype object), and the classes below.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


class RefusedError(ValueError):
    """Why an object cannot be served and what to do; whoever walks the model adds the place."""


@dataclass(frozen=True, slots=True)
class Name:
    """A function or a class, by its name alone."""

    path: str
    """With its module: "numpy.log1p"."""

    @property
    def short(self) -> str:
        """Without the module."""
        return self.path.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Opaque:
    """What is in the file but not known here; an error only where its value is needed."""

    what: str


@dataclass(frozen=True, slots=True)
class Sparse:
    """A matrix of scipy in one of its formats csr, csc, coo and dia."""

    format: str
    shape: tuple[int, int]
    parts: Mapping[str, NDArray[Any]]
    """As scipy.sparse.save_npz names them."""

    def dense(self, limit: int = 1 << 28) -> Numbers:
        """[rows, columns]; refused beyond `limit` numbers."""
        rows, columns = self.shape
        if rows < 0 or columns < 0 or rows * columns > limit:
            raise RefusedError(f"a sparse matrix of {rows} x {columns} is too large to be written out")
        try:
            i, j, values = self._places()
            out = np.zeros(self.shape)
            np.add.at(out, (i, j), values)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise RefusedError(f"a sparse matrix ({self.format}) is broken: {error}") from error
        return out

    def _places(self) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        data = self.parts["data"]
        if self.format == "coo":
            coordinates = self.parts.get("coords")
            if coordinates is not None:
                return coordinates[0], coordinates[1], data
            return self.parts["row"], self.parts["col"], data
        if self.format == "dia":
            j = np.arange(data.shape[1])
            i = j[None, :] - self.parts["offsets"][:, None]
            inside = (i >= 0) & (i < self.shape[0]) & (j[None, :] < self.shape[1])
            return i[inside], np.broadcast_to(j, i.shape)[inside], data[inside]
        if self.format not in ("csr", "csc"):
            raise ValueError("expected csr, csc, coo or dia")
        lengths = np.diff(self.parts["indptr"])
        if (lengths < 0).any() or int(lengths.sum()) != len(data):
            raise ValueError("indptr does not fit data")
        outer = np.repeat(np.arange(len(lengths)), lengths)
        inner = self.parts["indices"]
        if len(inner) and int(inner.min()) < 0:
            raise ValueError("negative indices")
        return (outer, inner, data) if self.format == "csr" else (inner, outer, data)


class Thing:
    """An object of a class: an estimator, in most cases.  Attributes are made when they are first asked for."""

    def __init__(self, path: str, attributes: Mapping[str, Any], value: Callable[[Any], Any] = lambda node: node):
        """`path`: module and class; `value` makes an attribute of what `attributes` holds."""
        self.path = path
        self._attributes = attributes
        self._value = value
        self._made: dict[str, Any] = {}

    def __repr__(self) -> str:
        return self.path

    @property
    def name(self) -> str:
        """The class without its module."""
        return self.path.rpartition(".")[2]

    def __contains__(self, attribute: str) -> bool:
        return attribute in self._attributes

    def has(self, attribute: str) -> bool:
        """True if it is there and not None."""
        return attribute in self._attributes and self.get(attribute) is not None

    def get(self, attribute: str, default: Any = None) -> Any:
        """The attribute's value, or the default where there is none."""
        if attribute not in self._attributes:
            return default
        if attribute not in self._made:
            self._made[attribute] = self._value(self._attributes[attribute])
        return self._made[attribute]

    def need(self, attribute: str) -> Any:
        """The attribute's value; refused where there is none."""
        if attribute not in self._attributes:
            raise RefusedError(f"{self.name} has no {attribute}: is it fitted? Fit it before it is saved")
        return self.get(attribute)

    def numbers(self, attribute: str, dimensions: int | None = None) -> Numbers:
        """The attribute in double precision, finite or NaN; refused if it has not that many dimensions."""
        value = self.need(attribute)
        if isinstance(value, Sparse):
            value = value.dense()
        try:
            array = np.asarray(value, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise RefusedError(f"{attribute} of {self.name} is not numeric") from error
        if np.isinf(array).any():
            raise RefusedError(f"{attribute} of {self.name} holds an infinity")
        if dimensions is not None and array.ndim != dimensions:
            raise RefusedError(
                f"{attribute} of {self.name} has the shape {array.shape}; expected {dimensions} dimensions"
            )
        return array

    def thing(self, attribute: str) -> "Thing":
        """The attribute, which must be an object itself."""
        value = self.need(attribute)
        if not isinstance(value, Thing):
            raise RefusedError(f"{attribute} of {self.name} is {value!r}; expected an estimator")
        return value
