"""The graph's inputs: their shapes, where the batch is, and whether they are a table."""

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

from .builder import MAX_WIDTH, PROBE, Builder
from .graph import Graph
from .node import ML
from .table import NAME, Table
from .values import Cells, Rows, Value


@dataclass(frozen=True, slots=True)
class Input:
    """One input; `shape` with the batch where there is one, None for a size left open."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int | None, ...]


@dataclass(frozen=True, slots=True)
class Declared:
    """All inputs, and the batch size that they are read with: PROBE, the size that the file fixes, or 1."""

    inputs: tuple[Input, ...]
    batch: int

    @property
    def whole(self) -> bool:
        """Are all sizes fixed, so that all of an input may be one row?"""
        return all(dim is not None for entry in self.inputs for dim in entry.shape)

    @property
    def table(self) -> bool:
        """Are there texts among them?"""
        return any(entry.dtype == object for entry in self.inputs)

    def as_one_row(self) -> "Declared":
        """The same for a batch of one: what is left open is 1."""
        shapes = (tuple(1 if dim is None else dim for dim in entry.shape) for entry in self.inputs)
        entries = zip(self.inputs, shapes, strict=True)
        return Declared(tuple(replace(entry, shape=shape) for entry, shape in entries), 1)

    def begin(self, builder: Builder) -> dict[str, Value]:
        """Declares the inputs; what their names stand for."""
        if self.table:
            return self._begin_table(builder)
        values: dict[str, Value] = {}
        for entry in self.inputs:
            dims = [1 if dim is None else dim for dim in entry.shape]
            axis = None
            if self.batch != 1 and dims:
                axis, dims[0] = 0, 1
            shape = dims[1:] if len(dims) > 1 and dims[0] == 1 else dims
            while len(shape) > 8:  # what a package's input can have
                shape = [shape[0] * shape[1], *shape[2:]]
            name = builder.network.tensor_input(entry.name, shape or [1])
            info = np.iinfo(entry.dtype) if entry.dtype.kind in "iu" else None
            limits = None if info is None else (float(info.min), float(info.max))
            values[entry.name] = builder.begin(Rows(name, tuple(dims), axis, entry.dtype, front=True, limits=limits))
        return values

    def _begin_table(self, builder: Builder) -> dict[str, Value]:
        builder.table = Table()
        builder.network.table_input(NAME, [])  # its columns follow: what they are shows where they are read
        values: dict[str, Value] = {}
        for entry in self.inputs:
            width = entry.shape[-1] or 1 if len(entry.shape) > 1 else 1
            names = (entry.name,) if width == 1 else tuple(f"{entry.name}_{i}" for i in range(width))
            for name in names:
                builder.table.add(name, entry.dtype == object)
            shape = (1, width) if len(entry.shape) > 1 else (1,)
            values[entry.name] = Cells(names, shape, 0 if self.batch != 1 else None)
        return values


def declared_inputs(graph: Graph, entries: list[Any]) -> Declared:
    """What the file says of its inputs; what cannot be served becomes a problem."""
    inputs = tuple(filter(None, (_input(graph, entry) for entry in entries)))
    if not inputs:
        graph.problems.add("graph", "has no input that is read; there is nothing to send")
        return Declared((), 1)
    ranks = [entry for entry in inputs if len(entry.shape) > 1 or (entry.shape and entry.shape[0] is None)]
    sizes = {entry.shape[0] for entry in ranks}
    if any(entry.dtype == object and len(entry.shape) > 2 for entry in inputs):
        graph.problems.add("graph", "has an input of texts with more than two axes")
    if len(sizes) == 1 and len(ranks) == len(inputs):
        size = sizes.pop()
        return Declared(inputs, PROBE if size is None else size)
    if not sizes or all(dim is not None for entry in inputs for dim in entry.shape):
        return Declared(inputs, 1)  # there is no batch: all of each is one row
    return Declared(
        tuple(replace(entry, shape=(None, *entry.shape[1:])) if entry in ranks else entry for entry in inputs), PROBE
    )


def _input(graph: Graph, entry: Any) -> Input | None:
    from onnx import TensorProto
    from onnx.helper import tensor_dtype_to_np_dtype

    place = f"input {entry.name[:200]!r}"
    if not entry.type.HasField("tensor_type"):
        graph.problems.add(place, f"is a {entry.type.WhichOneof('value') or 'thing of no type'}; expected a tensor")
        return None
    tensor = entry.type.tensor_type
    kinds = TensorProto.DataType
    if tensor.elem_type == TensorProto.STRING:
        dtype = np.dtype(object)
    elif tensor.elem_type == TensorProto.BFLOAT16:
        dtype = np.dtype(np.float32)
    elif tensor.elem_type in kinds.values() and tensor.elem_type != 0:
        dtype = np.dtype(tensor_dtype_to_np_dtype(tensor.elem_type))
    else:
        dtype = np.dtype(np.void)
    if dtype.kind not in "fiubO":
        graph.problems.add(place, f"is of element type {tensor.elem_type}; expected floats, whole numbers or texts")
        return None
    dims = [dim.dim_value if dim.HasField("dim_value") and dim.dim_value > 0 else None for dim in tensor.shape.dim]
    if not tensor.HasField("shape"):
        dims = [None, None]
    if any(dim is None for dim in dims[1:]):
        width = _width_from_readers(graph, entry.name)
        if dtype.kind != "O" and len(dims) == 2 and width is not None:
            dims[1] = width
        elif dtype.kind == "O" and len(dims) == 2:
            dims[1] = 1
        else:
            said = ", ".join("?" if dim is None else str(dim) for dim in dims)
            graph.problems.add(place, f"has the shape [{said}]; only the first size, the batch, may be left open")
            return None
    if len(dims) > 32 or prod(dim or 1 for dim in dims) > MAX_WIDTH:
        graph.problems.add(
            place, f"has rows of {prod(dim or 1 for dim in dims):,} numbers; at most {MAX_WIDTH:,} are served"
        )
        return None
    return Input(entry.name, dtype, tuple(dims))


def _width_from_readers(graph: Graph, name: str) -> int | None:
    """How many numbers a node that reads the input first multiplies."""
    for node in graph.nodes:
        if name not in node.inputs[:1]:
            continue
        weights = graph.initializers.get(node.inputs[1]) if len(node.inputs) > 1 else None
        dims = list(weights.dims) if weights is not None else []
        if node.op == "MatMul" and len(dims) == 2:
            return int(dims[0])
        if node.op == "Gemm" and len(dims) == 2:
            return int(dims[1 if node.attribute("transB", 0) else 0])
        if node.op == "BatchNormalization" and dims:
            return int(dims[0])
        if node.domain == ML and node.op == "Scaler":
            return len(node.attribute("offset", [])) or None
        if node.domain == ML and node.op == "LinearClassifier":
            classes = len(node.attribute("intercepts", [])) or 1
            return len(node.attribute("coefficients", [])) // classes or None
        if node.domain == ML and node.op == "LinearRegressor":
            return len(node.attribute("coefficients", [])) // max(1, node.attribute("targets", 1)) or None
    return None
