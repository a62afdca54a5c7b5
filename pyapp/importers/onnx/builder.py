"""Turns what rules find out into layers and steps.

Which of a source's numbers a value has is carried along (`Rows.columns`) until something needs them in place: a dense
layer takes the order into its kernel, and an elementwise one does not care.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..network import Activation, Network
from .node import Node
from .values import MixedRowsError, OneRowOnlyError, RefusedError, Rows

PROBE = 1_000_003
"""Stands for a batch size that the file leaves open: a prime that no layer's width is a multiple of."""

MAX_KERNEL = 2**24
"""Numbers in a kernel that is made here, for a product that repeats itself within a row."""

MAX_GROUPS = 64
"""Parts of a row that may each have a layer of their own."""

MAX_WIDTH = 2**24

MAX_REPEATED = 2**20
"""Numbers in a row that is longer than the one that it is picked from."""

Array = NDArray[Any]


class Builder:
    """The network that is being made, and the batch size that its shapes are read with."""

    def __init__(self, batch: int) -> None:
        """`batch`: PROBE, or the size that the file fixes; with 1 nothing can mix rows."""
        self.network = Network()
        self.batch = batch
        self.notes: list[str] = []
        self.table: Any = None
        """A Table, where inputs are texts."""
        self._layers: dict[str, dict[str, Any]] = {}
        self._widths: dict[str, int] = {}

    # ---- the batch

    def note(self, text: str) -> None:
        """For the user to read."""
        if text not in self.notes:
            self.notes.append(text)

    def full(self, rows: Rows) -> tuple[int, ...]:
        """The shape with the batch in it."""
        return tuple(dim * self.batch if i == rows.axis else dim for i, dim in enumerate(rows.shape))

    def holds_batch(self, array: Array) -> bool:
        """Does a constant computed from shapes hold the batch size?"""
        if self.batch != PROBE or array.dtype.kind not in "iu":
            return self.batch == PROBE and array.dtype.kind == "f" and bool(np.any(np.abs(array) >= PROBE))
        return bool(np.any((array != 0) & (array % PROBE == 0)))

    def one_row_only(self, reason: str) -> OneRowOnlyError | RefusedError:
        """For a shape that fits a batch of one only."""
        return OneRowOnlyError(reason) if self.batch != 1 else RefusedError(reason)

    # ---- values

    def share(self, rows: Rows) -> Rows:
        """The same, to be read more than once."""
        return replace(rows, shared=True)

    def made(self, source: str, like: Rows, shape: Sequence[int], axis: int | None) -> Rows:
        """Rows of a new layer."""
        if prod(shape) > MAX_WIDTH:
            raise RefusedError(f"makes rows of {prod(shape):,} numbers; at most {MAX_WIDTH:,} are served")
        self._layers.update((layer["name"], layer) for layer in self.network.layers[len(self._layers) :])
        self._widths[source] = prod(shape)
        return Rows(source, tuple(shape), axis, floating(like.dtype))

    def pick(self, rows: Rows, places: Array, axis: int | None) -> Rows:
        """Some of the numbers: `places`, within the row, in the new shape.  They may come more than once."""
        flat = places.reshape(-1).astype(np.intp)
        most = max(rows.width, MAX_REPEATED)
        if flat.size == 0 or flat.size > most:
            raise RefusedError(
                f"repeats numbers until a row has {flat.size:,}, which is too large; expected 1 to {most:,}"
            )
        columns: NDArray[np.intp] | None = flat if rows.columns is None else rows.columns[flat]
        if rows.columns is None and flat.size == rows.width and np.array_equal(flat, np.arange(flat.size)):
            columns = None
        labels = rows.labels if columns is rows.columns else None
        return replace(rows, shape=places.shape, axis=axis, columns=columns, labels=labels)

    def places(self, rows: Rows) -> NDArray[np.intp]:
        """The number of each element within the row, in the row's shape."""
        return np.arange(rows.width, dtype=np.intp).reshape(rows.shape)

    def solid(self, node: Node, rows: Rows) -> Rows:
        """With the numbers in place: all that the source has, in its order."""
        if rows.columns is None:
            return rows
        name = self.network.add("select", f"{node.name}_columns", rows.source, columns=rows.columns.tolist())
        return replace(self.made(name, rows, rows.shape, rows.axis), dtype=rows.dtype, limits=rows.limits)

    # ---- layers

    def layer(
        self,
        op: str,
        node: Node,
        reads: Sequence[Rows],
        shape: Sequence[int],
        axis: int | None,
        activation: Activation = None,
        **parameters: Any,
    ) -> Rows:
        """A layer over rows, which are put in place first."""
        solid = [self.solid(node, rows) for rows in reads]
        name = self.network.add(op, node.name, [rows.source for rows in solid], activation, **parameters)
        return self.made(name, reads[0], shape, axis)

    def constant(self, node: Node, value: Array, like: Rows) -> Rows:
        """A layer that is the same row always; shape and axis as `like`."""
        finite(value)
        self.network.layers.append(
            {
                "name": (name := self.network.unique(f"{node.name}_constant")),
                "op": "constant",
                "value": self.network.tensor(f"{name}/value", value.reshape(-1).astype(np.float32)),
            }
        )
        return self.made(name, like, value.shape, like.axis)

    def constant_rows(self, node: Node, arrays: Sequence[Array | None]) -> Rows:
        """What ConstantOfShape or Expand makes with the batch size in its shape: the same row for all."""
        shape = [int(dim) for dim in (arrays[0] if node.op == "ConstantOfShape" else arrays[1])]  # type: ignore[union-attr]
        axes = [axis for axis, dim in enumerate(shape) if dim % PROBE == 0 and dim]
        if len(axes) != 1 or shape[axes[0]] != PROBE:
            raise MixedRowsError("makes a constant whose shape mixes the batch size with others")
        shape[axes[0]] = 1
        if prod(shape) > MAX_WIDTH:
            raise RefusedError(f"makes a constant of the shape {shape[:8]}, which is too large")
        if node.op == "Expand":
            value = np.broadcast_to(arrays[0], shape)  # type: ignore[arg-type]
        else:
            fill = node.attribute("value")
            value = np.full(shape, 0.0 if fill is None else node.array(fill).reshape(-1)[0])
        return self.constant(node, value, Rows("", tuple(shape), axes[0], np.dtype(np.float32)))

    def dense(
        self, node: Node, rows: Rows, kernel: Array, bias: Array | None, shape: Sequence[int], axis: int | None
    ) -> Rows:
        """Row · kernel + bias; kernel [numbers in the row, numbers in the new one]."""
        finite(kernel)
        if rows.columns is not None:
            source = self.width_of(rows)
            if source * kernel.shape[1] <= MAX_KERNEL and source <= 4 * rows.width:
                spread = np.zeros((source, kernel.shape[1]), dtype=kernel.dtype)
                np.add.at(spread, rows.columns, kernel)
                rows, kernel = replace(rows, columns=None), spread
            else:
                rows = self.solid(node, rows)
        name = self.network.dense(node.name, rows.source, plain(kernel), None if bias is None else plain(finite(bias)))
        return self.made(name, rows, shape, axis)

    def linear(self, node: Node, rows: Rows, function: Callable[[Array], Array], shape: Sequence[int]) -> Array:
        """The kernel of any linear function of the row: what it makes of each unit row."""
        width, out = rows.width, prod(shape)
        if width * max(width, out) > MAX_KERNEL:
            raise RefusedError(
                f"multiplies {width:,} numbers of a row along one axis alone; the kernel of {width:,} × {out:,} "
                "that this takes is too large"
            )
        units = np.eye(width, dtype=np.float64).reshape((width, *rows.shape))
        return np.stack([function(unit).reshape(-1) for unit in units]).astype(np.float64)

    def affine(self, node: Node, rows: Rows, scale: Array, shift: Array, divide: bool = False) -> Rows:
        """X · scale + shift (or x / scale + shift) by element; all three have the row's shape.

        A step while only preprocessing has touched the row, since frameworks round as steps do; a bias, if the row is
        a dense layer's own; else a layer.
        """
        finite(scale), finite(shift)
        moved = bool(np.any(shift))
        if rows.front and not rows.shared and rows.columns is None:
            if divide:
                self._step(rows, "standardise", mean=np.zeros(1), scale=scale)
            elif not np.array_equal(scale, np.ones_like(scale)) or moved:
                self._step(rows, "scale", factor=scale, offset=shift)
            return replace(rows, dtype=floating(rows.dtype), labels=None, sums_to_one=False)
        if divide:
            scale = 1 / scale.astype(np.float64)
        layer = self._layers.get(rows.source)
        plain_sum = np.array_equal(scale, np.ones_like(scale))
        alone = layer is self.network.layers[-1] if layer is not None else False
        if layer is not None and alone and plain_sum and not rows.shared and rows.columns is None and _is_plain(layer):
            old = self.network.tensors[layer["bias"]] if "bias" in layer else 0
            layer["bias"] = self.network.tensor(f"{layer['name']}/bias", plain(old + shift.reshape(-1)))
            return replace(rows, labels=None, sums_to_one=False)
        rows = self.solid(node, rows)
        ones = np.ones(rows.width)
        name = self.network.affine(
            node.name, rows.source, plain(scale.reshape(-1) * ones), plain(shift.reshape(-1) * ones)
        )
        return self.made(name, rows, rows.shape, rows.axis)

    def centred(self, node: Node, rows: Rows, mean: Array, factor: Array) -> Rows:
        """(x − mean) · factor, with the difference taken first."""
        finite(mean), finite(factor)
        if rows.front and not rows.shared and rows.columns is None:
            self._step(rows, "scale", factor=np.ones(1), offset=-mean)
            self._step(rows, "scale", factor=factor, offset=np.zeros(1))
            return replace(rows, dtype=floating(rows.dtype))
        rows, ones = self.solid(node, rows), np.ones(rows.width)
        name = self.network.add(
            "batch_normalization",
            node.name,
            rows.source,
            mean=plain(mean.reshape(-1) * ones),
            variance=ones.astype(np.float32),
            gamma=plain(factor.reshape(-1) * ones),
            epsilon=0,
        )
        return self.made(name, rows, rows.shape, rows.axis)

    def _step(self, rows: Rows, op: str, **parameters: Array) -> None:
        """A step on the whole block; numbers that are all the same become one."""
        self.network.step(
            op, rows.source, **{key: self.per_number(rows, key, value) for key, value in parameters.items()}
        )

    def per_number(self, rows: Rows, key: str, value: Array) -> Any:
        """A parameter of a step: one number, a list, or a tensor's name if it is long."""
        flat = value.reshape(-1)
        if flat.size == 1 or np.all(flat == flat[0]):
            return shortest(flat[:1])[0]
        if flat.size <= 64:
            return shortest(flat)
        name = f"{rows.source}/{len(self.network.steps)}/{key}"
        return self.network.tensor(name, flat.astype(flat.dtype if flat.dtype == np.float64 else np.float32))

    def activation(self, node: Node, rows: Rows, activation: Activation) -> Rows:
        """An elementwise activation, as part of the layer below where nobody else reads that."""
        if isinstance(activation, dict) and isinstance(activation.get("slope"), np.ndarray):
            rows = self.solid(node, rows)
        name = self.network.activate(rows.source, activation, node.name, fold=not rows.shared)
        width = self.width_of(rows)
        made = self.made(name, rows, rows.shape, rows.axis)
        self._widths[name] = width
        return replace(made, columns=rows.columns, shared=rows.shared and name == rows.source)

    def groups(self, rows: Rows, axes: Sequence[int]) -> NDArray[np.intp]:
        """The places of the numbers that lie along the axes, one group a line.

        Raises MixedRowsError if the batch is among them.
        """
        if rows.axis in axes:
            raise MixedRowsError(
                f"computes along axis {rows.axis}, which is the batch: rows would depend on each other"
            )
        kept = [axis for axis in range(len(rows.shape)) if axis not in axes]
        places = np.transpose(self.places(rows), (*kept, *axes))
        return places.reshape(prod(rows.shape[axis] for axis in kept), -1)

    def along(self, node: Node, rows: Rows, axes: Sequence[int], make: Callable[[Rows], Rows]) -> Rows:
        """`make` of every group along the axes, put back in place: for layers that work on a whole row.

        What `make` returns has as many numbers as it is given, or one.
        """
        groups = self.groups(rows, axes)
        if len(groups) > MAX_GROUPS:
            raise RefusedError(f"works on {len(groups)} parts of a row; at most {MAX_GROUPS} are served")
        if len(groups) > 1:
            rows = replace(rows, shared=True)
        parts = [make(self.pick(rows, group, None)) for group in groups]
        whole = parts[0]
        if len(parts) > 1:
            whole = self.layer("concatenate", node, parts, (sum(part.width for part in parts),), None)
        if whole.width == rows.width:
            back = np.argsort(groups.reshape(-1), kind="stable").reshape(rows.shape)
            return self.pick(whole, back, rows.axis)
        shape = tuple(1 if axis in axes else dim for axis, dim in enumerate(rows.shape))
        return replace(whole, shape=shape, axis=rows.axis)

    def width_of(self, rows: Rows) -> int:
        """How many numbers the source has."""
        return rows.width if rows.columns is None else self._widths[rows.source]

    def begin(self, rows: Rows) -> Rows:
        """Makes the width of an input or block known."""
        self._widths[rows.source] = rows.width
        return rows


def _is_plain(layer: dict[str, Any]) -> bool:
    """A dense layer that has no activation yet."""
    return layer["op"] == "dense" and "activation" not in layer


def plain(array: Array) -> Array:
    """As a package can hold it: float32, or float64 where that says more."""
    if array.dtype == np.float64:
        narrow = array.astype(np.float32)
        return narrow if np.array_equal(narrow.astype(np.float64), array) else array
    return array.astype(np.float32)


def finite(array: Array) -> Array:
    """The same.  Raises RefusedError for NaN and infinities, which no package holds."""
    if not np.isfinite(array).all():
        raise RefusedError("has a NaN or an infinity among its constants; expected finite numbers")
    return array


def floating(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """What arithmetic with floats makes of it."""
    return dtype if dtype.kind == "f" else np.dtype(np.float32)


def shortest(array: Array) -> list[float]:
    """Each with the fewest digits that read back as the same value of its own dtype."""
    return [float(str(number)) for number in array]
