"""What flows from one estimator to the next while steps and layers are written.

A model's row is a list of parts that lie side by side:

  Raw      columns of the input, untouched but for replaced missing categories
  Block    a block of numbers that a step or a layer has made, with a picking of its columns, a scale and a shift that
           are pending: the next dense layer takes them into its kernel, in double precision
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..network import Activation, Network
from .columns import MISSING, Columns, Mark
from .tree import Numbers, RefusedError

Marks = frozenset[Mark]

_NOT_IN_PLACE = ("one_hot", "map", "polynomial")
"""Steps whose numbers are no columns of the table any more, so that later steps would find none there."""

_AS_TENSOR = 64  # parameters of more numbers are tensors


@dataclass(frozen=True, slots=True)
class RawColumn:
    """A column of the input.  Of a category: values that stand for another one, and what a missing one is."""

    index: int
    fill: str | None = None
    recode: Mapping[str, str] = field(default_factory=dict)

    @property
    def marks(self) -> Marks:
        """What makes it NaN."""
        return frozenset() if self.fill is not None else frozenset({(MISSING, self.index)})


@dataclass(frozen=True, slots=True)
class Raw:
    """Columns of the input."""

    columns: tuple[RawColumn, ...]
    scalar: bool = False
    """A single column selected by its bare name: a series of texts, not a table of one column."""

    @property
    def width(self) -> int:
        """How many columns."""
        return len(self.columns)

    @property
    def marks(self) -> tuple[Marks, ...]:
        """Of each column."""
        return tuple(column.marks for column in self.columns)


@dataclass(frozen=True, slots=True)
class Block:
    """Numbers under a name.  Its row is block[pick] · scale + shift."""

    name: str
    size: int
    """Numbers in the block itself."""
    marks: tuple[Marks, ...]
    """Of each number of the row: what makes it NaN."""
    origin: str = "step"
    """Or "words": mostly 0, never written down where dense layers read it; or "layer"."""
    owned: bool = True
    """Nobody else reads it, so that steps may work in place."""
    pick: NDArray[np.intp] | None = None
    scale: Numbers | None = None
    shift: Numbers | None = None

    @property
    def width(self) -> int:
        """Numbers in a row."""
        return self.size if self.pick is None else len(self.pick)


Part = Raw | Block
Rows = tuple[Part, ...]


def width(rows: Rows) -> int:
    """Numbers in a row."""
    return sum(part.width for part in rows)


def marks(rows: Rows) -> list[Marks]:
    """Of each number of the row."""
    return [mark for part in rows for mark in part.marks]


def shared(rows: Rows) -> Rows:
    """The same for several readers: none of them may work in place."""
    return tuple(replace(part, owned=False) if isinstance(part, Block) else part for part in rows)


def spans(rows: Rows) -> Iterator[tuple[Part, slice]]:
    """Each part with its place in the row."""
    start = 0
    for part in rows:
        yield part, slice(start, start + part.width)
        start += part.width


def runs(part: Part, traits: Sequence[Any]) -> Iterator[tuple[Part, slice]]:
    """Cuts a part where its numbers' traits change."""
    cuts = [i for i in range(1, part.width) if traits[i] != traits[i - 1]]
    for start, end in zip([0, *cuts], [*cuts, part.width], strict=True):
        cut = _picked(part, range(start, end))
        yield replace(cut, owned=False) if cuts and isinstance(cut, Block) else cut, slice(start, end)


class Writer:
    """Writes steps and layers.  `label` names what comes next; it is the place in the model."""

    def __init__(self, columns: Columns, writes_table: bool) -> None:
        """Begins a network with the input that the columns say."""
        self.columns = columns
        self.network = Network()
        self.label = "rows"
        # The first walk must not take what it has seen so far for the whole.
        self._in_place = writes_table and columns.is_plain
        self._table = columns.is_table
        if columns.is_text:
            self.input = self.network.text_input("text")
        elif self._table:
            self.input = self.network.table_input("table", [])
        else:
            self.input = self.network.tensor_input("x", [len(columns.columns)])
        self._linear: dict[str, tuple[list[str], Numbers, Numbers]] = {}  # dense layers without an activation

    def start(self) -> Rows:
        """The whole input."""
        return (Raw(tuple(RawColumn(i) for i in range(len(self.columns.columns)))),)

    # ---- steps

    def step(self, part: Part, op: str, exact: bool = True, kind: str | None = "number", **parameters: Any) -> Block:
        """A step on one part alone that keeps its width; `exact`: float32 would not do; `kind`: of the columns read."""
        return self.emit(part, op, part.width, part.marks, exact, kind, **parameters)

    def emit(
        self,
        part: Part,
        op: str,
        size: int,
        new_marks: Sequence[Marks],
        exact: bool = True,
        kind: str | None = "number",
        **parameters: Any,
    ) -> Block:
        """A step on one part that makes `size` numbers of it."""
        parameters = {key: self.parameter(key, value) for key, value in parameters.items()}
        self.columns.exact |= exact
        if isinstance(part, Raw):
            name = self._emit_raw(part, op, kind, parameters)
            return Block(name, size, tuple(new_marks))
        part = self.written(part)
        if part.origin == "layer":
            raise RefusedError("follows a layer, where only linear steps and norms can be served; move it before that")
        in_place = part.owned
        if part.name == self.input and op in _NOT_IN_PLACE:
            in_place = False
            if (
                op != "polynomial"
            ):  # these are for a table's categories, unless columns are named: here, by their places
                parameters["columns"] = list(range(part.width))
        name = self.network.step(op, part.name, output=None if in_place else self.label, **parameters)
        return Block(name, size, tuple(new_marks))

    def _emit_raw(self, part: Raw, op: str, kind: str | None, parameters: Mapping[str, Any]) -> str:
        for column in part.columns:
            if kind is not None:
                self.columns.need(column.index, kind)
        self.columns.reads += 1
        if self._in_place and self._is_whole(part):
            output = self.label if op in _NOT_IN_PLACE else None
            return self.network.step(op, self.input, output=output, **parameters)
        places = [column.index for column in part.columns]
        read: list[Any] = [self.columns.columns[i].name for i in places] if self._table else places
        return self.network.step(op, self.input, output=self.label, columns=read, **parameters)

    def _is_whole(self, part: Raw) -> bool:
        return [column.index for column in part.columns] == list(range(len(self.columns.columns)))

    def parameter(self, key: str, value: Any) -> Any:
        """An array as a list, as one number if all are the same, as a tensor if they are many."""
        if not isinstance(value, np.ndarray):
            return value
        if not np.isfinite(value).all():
            return [None if np.isnan(number) else float(number) for number in value]
        if len(value) and (value == value[0]).all():
            return plain(value[0])
        if len(value) > _AS_TENSOR:
            tensor = self.network.unique(f"{self.label}/{key}")
            self.network.tensors[tensor] = np.ascontiguousarray(value, np.float64)
            return tensor
        return [plain(number) for number in value]

    def written(self, part: Block) -> Block:
        """The block with nothing pending any more."""
        if part.pick is None and part.scale is None:
            return part
        new_marks, name, owned = part.marks, part.name, part.owned
        if part.origin == "layer":
            if part.pick is not None:
                name = self.network.add("select", self.label, name, columns=[int(i) for i in part.pick])
            if part.scale is not None:
                name = self.network.affine(self.label, name, part.scale, part.shift if part.shift is not None else 0)
            return Block(name, part.width, new_marks, "layer")
        if part.pick is not None:
            output = None if owned else self.label
            name = self.network.step("select", name, output=output, columns=[int(i) for i in part.pick])
            owned = True
        if part.scale is not None:
            parameters = {"factor": self.parameter("factor", part.scale)}
            if part.shift is not None:
                parameters["offset"] = self.parameter("offset", part.shift)
            name = self.network.step("scale", name, output=None if owned else self.label, **parameters)
        return Block(name, part.width, new_marks)

    def elementwise(self, rows: Rows, op: str, exact: bool = True, **parameters: Any) -> Rows:
        """A step on each number; arrays among the parameters have one for each number of the row."""
        out: list[Part] = []
        for part, span in spans(rows):
            own: dict[str, Any] = {
                key: value[span] if isinstance(value, np.ndarray) else value for key, value in parameters.items()
            }
            out.append(self.step(part, op, exact, **own))
        return tuple(out)

    def scale(self, rows: Rows, factor: Numbers, offset: Numbers) -> Rows:
        """Affine: x · factor + offset, per number."""
        out: list[Part] = []
        for part, span in spans(rows):
            if isinstance(part, Block) and part.origin != "step":
                out.append(_pending(part, factor[span], offset[span]))
            else:
                out.append(self.step(part, "scale", False, factor=factor[span], offset=offset[span]))
        return tuple(out)

    def standardise(self, rows: Rows, mean: Numbers, scale: Numbers) -> Rows:
        """(x − mean) / scale, per number."""
        out: list[Part] = []
        for part, span in spans(rows):
            if isinstance(part, Block) and part.origin != "step":
                out.append(_pending(part, 1 / scale[span], -mean[span] / scale[span]))
            else:
                out.append(self.step(part, "standardise", False, mean=mean[span], scale=scale[span]))
        return tuple(out)

    def select(self, rows: Rows, places: Sequence[int] | NDArray[Any]) -> Rows:
        """Some numbers of the row, by their places in it and in that order."""
        where = [(part, i) for part in rows for i in range(part.width)]
        picked = [where[int(place)] for place in places]
        out: list[Part] = []
        start = 0
        for end in range(1, len(picked) + 1):
            if end < len(picked) and picked[end][0] is picked[start][0]:
                continue
            part, inner = picked[start][0], [i for _, i in picked[start:end]]
            start = end
            out.append(_picked(part, inner))
        whole = len({id(part) for part, _ in picked}) == len(out)
        return tuple(out) if whole else shared(tuple(out))

    def merged(self, rows: Rows) -> Part:
        """All parts as one that a step can read: the part itself, if it is the only one."""
        if len(rows) == 1:
            return rows[0]
        if any(isinstance(part, Block) and part.origin == "layer" for part in rows):
            raise RefusedError("follows a layer, where only linear steps and norms can be served; move it before that")
        names = [self.readable(part) for part in rows]
        name = self.network.step("concatenate", names, output=self.label)
        return Block(name, width(rows), tuple(marks(rows)))

    def readable(self, part: Part) -> str:
        """The name of a block that is just this part."""
        if isinstance(part, Block):
            return self.written(part).name
        if self._is_whole(part) and all(self.columns.columns[c.index].kind != "category" for c in part.columns):
            for column in part.columns:
                self.columns.need(column.index, "number")
            self.columns.reads += 1
            return self.input
        return self._emit_raw(part, "select", "number", {})

    # ---- layers

    def dense(
        self, rows: Rows, kernel: ArrayLike, bias: ArrayLike | None = None, activation: Activation = None
    ) -> Rows:
        """A layer row · kernel + bias; kernel [width, units], which takes in what is pending.  No NaN may come in."""
        kernel = np.asarray(kernel, np.float64)
        if kernel.ndim != 2 or len(kernel) != width(rows):
            raise RefusedError(f"takes {len(kernel)} numbers, but the steps before it give {width(rows)}")
        units = kernel.shape[1]
        total = np.zeros(units) if bias is None else np.broadcast_to(np.asarray(bias, np.float64), units).copy()
        self.forbid_nan(rows)
        kernels: dict[str, Numbers] = {}
        for part, span in spans(rows):
            own = kernel[span]
            if isinstance(part, Block):
                name = part.name
                if part.shift is not None:
                    total += part.shift @ own
                if part.scale is not None:
                    own = own * part.scale[:, None]
                if part.pick is not None:
                    picked, own = own, np.zeros((part.size, units))
                    np.add.at(own, part.pick, picked)
            else:
                name = self.readable(part)
            kernels[name] = kernels[name] + own if name in kernels else own
        names, product = list(kernels), np.concatenate(list(kernels.values()))
        if len(rows) == 1 and isinstance(rows[0], Block) and rows[0].owned and units <= rows[0].size:
            names, product, total = self._taken_back(names, product, total)
        name = self.network.dense(self.label, names, product.astype(np.float32), total.astype(np.float32), activation)
        if activation is None:
            self._linear[name] = names, product, total
        return (Block(name, units, (frozenset(),) * units, "layer"),)

    def _taken_back(self, names: list[str], kernel: Numbers, bias: Numbers) -> tuple[list[str], Numbers, Numbers]:
        """One layer in place of two linear ones: it is smaller, and nothing is rounded between them."""
        layers = self.network.layers
        if names[0] not in self._linear or not layers or layers[-1]["name"] != names[0]:
            return names, kernel, bias
        before, first, shift = self._linear[names[0]]
        layer = layers.pop()
        del self.network.tensors[layer["kernel"]], self.network.tensors[layer["bias"]]
        return before, first @ kernel, shift @ kernel + bias

    def layer(self, rows: Rows, op: str, **parameters: Any) -> Rows:
        """A layer that keeps the width, after other layers."""
        self.forbid_nan(rows)
        names = [self.readable(part) for part in rows]
        if len(names) > 1:
            names = [self.network.add("concatenate", self.label, names)]
        name = self.network.add(op, self.label, names[0], **parameters)
        return (Block(name, width(rows), (frozenset(),) * width(rows), "layer"),)

    def forbid_nan(self, rows: Rows) -> None:
        """The source framework fails where a number is NaN here."""
        for mark in marks(rows):
            self.columns.refuse(mark)


def plain(number: Any) -> float | int:
    """As JSON writes it shortest: whole numbers without a point."""
    value = float(number)
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _pending(part: Block, factor: Numbers, offset: Numbers) -> Block:
    scale = factor if part.scale is None else part.scale * factor
    shift = offset if part.shift is None else part.shift * factor + offset
    return replace(part, scale=scale, shift=shift if shift.any() else None)


def _picked(part: Part, inner: Sequence[int]) -> Part:
    if list(inner) == list(range(part.width)):
        return part
    if isinstance(part, Raw):
        return replace(part, columns=tuple(part.columns[i] for i in inner))
    places = np.asarray(inner, np.intp)
    return replace(
        part,
        marks=tuple(part.marks[i] for i in inner),
        pick=places if part.pick is None else part.pick[places],
        scale=None if part.scale is None else part.scale[places],
        shift=None if part.shift is None else part.shift[places],
    )
