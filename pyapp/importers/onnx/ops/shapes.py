"""Operators that move numbers about: within a row they only change which number stands where."""

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..builder import Builder
from ..constants import slices, split_sizes
from ..graph import as_numpy, rule
from ..node import Node
from ..values import Cells, Const, Label, MixedRowsError, Nothing, RefusedError, Rows, Value
from .logic import truncated
from .operands import rows_of
from .steps import not_zero


@rule("Identity", "StopGradient")
def identity(builder: Builder, node: Node, value: Value) -> Value:
    """The value itself."""
    return value


@rule("Cast")
def cast(builder: Builder, node: Node, value: Value) -> Value:
    """Between floats nothing changes, as all is computed in float32 or better."""
    if isinstance(value, (Cells, Label)):
        return value
    rows, to = rows_of(builder, node, value), node.cast_dtype()
    if to.kind == "f":
        return replace(rows, dtype=to, limits=None)
    if to.kind in "iu" and rows.dtype.kind in "iu":
        info, (low, high) = np.iinfo(to), rows.limits or (-np.inf, np.inf)
        if low < info.min or high > info.max:
            builder.note(f"{node.place}: whole numbers are expected to fit {to.name}")
        return replace(rows, dtype=to, limits=(max(low, info.min), min(high, info.max)))
    if rows.dtype == to:
        return rows
    if to.kind == "b":
        return not_zero(builder, node, rows)
    if to.kind in "iu" and rows.dtype.kind == "f":
        return replace(truncated(builder, node, rows), dtype=to)
    if rows.dtype.kind == "b":
        return replace(rows, dtype=to, limits=(0, 1))
    raise RefusedError(
        f"turns {rows.dtype.name} into {to.name}, which changes the numbers; export the model without it"
    )


@rule("CastLike")
def cast_like(builder: Builder, node: Node, value: Value, like: Value) -> Value:
    """As Cast, where both are floats."""
    rows = rows_of(builder, node, value)
    dtype = like.array.dtype if isinstance(like, Const) else like.dtype if isinstance(like, Rows) else None
    if dtype is None or (dtype.kind != "f" and dtype != rows.dtype):
        raise RefusedError("turns floats into another type; export the model without it")
    return replace(rows, dtype=dtype)


@rule("Dropout")
def dropout(
    builder: Builder, node: Node, value: Value, ratio: Value | None = None, training: Value | None = None
) -> list[Value]:
    """Does nothing when serving; its mask is nobody's."""
    mode = as_numpy(training)
    share = as_numpy(ratio)
    none_dropped = share is not None and not np.any(share)
    if mode is not None and np.any(mode) and not none_dropped:
        raise RefusedError(
            "drops numbers at random (training_mode is true); export the model for inference (model.eval())"
        )
    return [value, Nothing("reads a Dropout's mask, which exists in training alone; export the model for inference")]


@rule("Shape")
def shape(builder: Builder, node: Node, value: Value) -> Value:
    """A constant that may hold the batch size."""
    if isinstance(value, Label):
        raise RefusedError("asks for the shape of a label")
    full = builder.full(value) if isinstance(value, Rows) else value.array.shape if isinstance(value, Const) else ()
    if isinstance(value, Cells):
        full = tuple(dim * builder.batch if i == value.axis else dim for i, dim in enumerate(value.shape))
    array = np.array(full[node.attribute("start", 0) : node.attribute("end")], dtype=np.int64)
    return Const(array, builder.holds_batch(array))


@rule("Size")
def size(builder: Builder, node: Node, value: Value) -> Value:
    """As Shape."""
    array = np.array(prod(builder.full(rows_of(builder, node, value))), dtype=np.int64)
    return Const(array, builder.holds_batch(array))


@rule("Flatten")
def flatten(builder: Builder, node: Node, value: Value) -> Value:
    """To two axes."""
    rows = rows_of(builder, node, value)
    rank, axis = len(rows.shape), node.attribute("axis", 1)
    axis = axis + rank if axis < 0 else axis
    if not 0 <= axis <= rank:
        raise RefusedError(f"flattens at axis {axis} of a tensor with {rank}")
    full = builder.full(rows)
    return reshaped(builder, rows, [prod(full[:axis]), prod(full[axis:])])


@rule("Reshape")
def reshape(builder: Builder, node: Node, value: Value, target: Value | None = None) -> Value:
    """Serves while each row keeps its own numbers."""
    dims = node.attribute("shape") if target is None else as_numpy(target)
    if dims is None:
        raise RefusedError("has no shape")
    wanted = [int(dim) for dim in np.asarray(dims).reshape(-1)]
    if isinstance(value, (Label, Cells)):
        return _same_cells(value, wanted)
    rows = rows_of(builder, node, value)
    full = builder.full(rows)
    if not node.attribute("allowzero", 0):
        if any(dim == 0 and i >= len(full) for i, dim in enumerate(wanted)):
            raise RefusedError(f"keeps an axis that a tensor with {len(full)} has not")
        wanted = [full[i] if dim == 0 else dim for i, dim in enumerate(wanted)]
    known = prod(dim for dim in wanted if dim != -1)
    if wanted.count(-1) > 1 or known <= 0 or any(dim < -1 for dim in wanted):
        raise RefusedError(f"reshapes to {wanted[:16]}")
    total = prod(full)
    if -1 in wanted:
        if total % known:
            if rows.width % known == 0:
                raise builder.one_row_only(f"reshapes to {wanted[:16]}, which fits one row only")
            raise RefusedError(f"reshapes {list(rows.shape)} to {wanted[:16]}, which does not fit")
        wanted[wanted.index(-1)] = total // known
    elif known != total:
        if known == rows.width:
            raise builder.one_row_only(f"reshapes to {wanted[:16]}, which fits one row only")
        raise RefusedError(f"reshapes {list(rows.shape)} to {wanted[:16]}, which does not fit")
    return reshaped(builder, rows, wanted)


def reshaped(builder: Builder, rows: Rows, full: list[int]) -> Rows:
    """Rows under a new shape (with the batch in it), if each keeps its own numbers."""
    if rows.axis is None:
        return replace(rows, shape=tuple(full))
    before, own, after = (
        prod(rows.shape[: rows.axis]),
        rows.shape[rows.axis],
        prod(rows.shape[rows.axis + 1 :]),
    )
    for axis, dim in enumerate(full):
        each = dim // builder.batch
        if dim % builder.batch == 0 and prod(full[:axis]) == before and each * prod(full[axis + 1 :]) == own * after:
            return replace(rows, shape=(*full[:axis], each, *full[axis + 1 :]), axis=axis)
    raise MixedRowsError(f"puts numbers of several rows together, as {list(rows.shape)} becomes another shape")


def _same_cells(value: Label | Cells, wanted: list[int]) -> Value:
    """A label is one a row; a table's columns may be one axis or two."""
    if isinstance(value, Label):
        return value
    width = len(value.names)
    if len(wanted) == 2 and (wanted[1] == width or wanted[1] == -1):
        return replace(value, shape=(1, width), axis=0)
    if width == 1 and len(wanted) == 1:
        return replace(value, shape=(1,), axis=0)
    raise RefusedError(f"reshapes columns of texts to {wanted[:16]}; expected [-1, {width}]")


@rule("Squeeze")
def squeeze(builder: Builder, node: Node, value: Value, axes: Value | None = None) -> Value:
    """Leaves out axes of length 1."""
    given = as_numpy(axes)
    wanted = node.attribute("axes") if given is None else given.reshape(-1).tolist()
    if isinstance(value, Label):
        return value
    if isinstance(value, Cells):
        raise RefusedError("leaves out an axis of a column of texts")
    rows = rows_of(builder, node, value)
    rank = len(rows.shape)
    if wanted is None:
        where = {axis for axis, dim in enumerate(rows.shape) if dim == 1 and axis != rows.axis}
    else:
        where = {int(axis) + rank if axis < 0 else int(axis) for axis in wanted}
    if rows.axis in where:
        raise builder.one_row_only(f"leaves out axis {rows.axis}, the batch, which fits one row only")
    if any(not 0 <= axis < rank or rows.shape[axis] != 1 for axis in where):
        raise RefusedError(f"leaves out axes {sorted(where)} of {list(rows.shape)}; they must have length 1")
    shape = tuple(dim for axis, dim in enumerate(rows.shape) if axis not in where)
    left = None if rows.axis is None else rows.axis - sum(axis < rows.axis for axis in where)
    return replace(rows, shape=shape, axis=left)


@rule("Unsqueeze")
def unsqueeze(builder: Builder, node: Node, value: Value, axes: Value | None = None) -> Value:
    """Puts in axes of length 1."""
    given = as_numpy(axes)
    wanted = node.attribute("axes", []) if given is None else given.reshape(-1).tolist()
    if isinstance(value, Label):
        return value
    rows = rows_of(builder, node, value)
    rank = len(rows.shape) + len(wanted)
    where = {int(axis) + rank if axis < 0 else int(axis) for axis in wanted}
    if len(where) != len(wanted) or any(not 0 <= axis < rank for axis in where):
        raise RefusedError(f"puts in axes {list(wanted)[:16]}")
    dims, result, axis = iter(enumerate(rows.shape)), [], None
    for place in range(rank):
        if place in where:
            result.append(1)
            continue
        old, dim = next(dims)
        axis = place if old == rows.axis else axis
        result.append(dim)
    return replace(rows, shape=tuple(result), axis=axis)


@rule("Transpose")
def transpose(builder: Builder, node: Node, value: Value) -> Value:
    """Another order within the row."""
    return transpose_rows(builder, rows_of(builder, node, value), node.attribute("perm"))


def transpose_rows(builder: Builder, rows: Rows, order: list[int] | None = None) -> Rows:
    """In that order of axes, or the reverse one."""
    rank = len(rows.shape)
    perm = order or list(range(rank))[::-1]
    if sorted(perm) != list(range(rank)):
        raise RefusedError(f"has the order {perm[:16]} for a tensor with {rank} axes")
    axis = None if rows.axis is None else perm.index(rows.axis)
    return builder.pick(rows, np.transpose(builder.places(rows), perm), axis)


@rule("Concat", "FeatureVectorizer")
def concat(builder: Builder, node: Node, *values: Value) -> Value:
    """Side by side; columns of a table stay columns."""
    if all(isinstance(value, Cells) for value in values):
        cells = [value for value in values if isinstance(value, Cells)]
        names = tuple(name for value in cells for name in value.names)
        return replace(cells[0], names=names, shape=(1, len(names)))
    parts = [value if isinstance(value, Const) else rows_of(builder, node, value) for value in values]
    first = next(part for part in parts if isinstance(part, Rows))
    rank, axis = len(first.shape), node.attribute("axis", 1)
    axis = axis + rank if axis < 0 else axis
    if axis == first.axis:
        raise MixedRowsError(f"puts tensors one after the other along axis {axis}, which is the batch")
    shapes = []
    for part in parts:
        have = part.array.shape if isinstance(part, Const) else part.shape
        rest = [dim for i, dim in enumerate(have) if i != axis]
        if isinstance(part, Const) and len(have) == rank and first.axis is not None and have[first.axis] != 1:
            raise MixedRowsError("puts a constant for each row of a batch beside rows")
        if len(have) != rank or rest != [dim for i, dim in enumerate(first.shape) if i != axis]:
            raise RefusedError(f"puts {list(have)} beside {list(first.shape)} along axis {axis}, which does not fit")
        if isinstance(part, Rows) and part.axis != first.axis:
            raise MixedRowsError("puts tensors side by side whose batches are different axes")
        shapes.append(have)
    shape = list(first.shape)
    shape[axis] = sum(have[axis] for have in shapes)
    if len(parts) == 1:
        return parts[0]
    solid = [
        builder.constant(node, part.array, replace(first, shape=part.array.shape)) if isinstance(part, Const) else part
        for part in parts
    ]
    whole = builder.layer("concatenate", node, solid, shape, first.axis)
    starts = np.cumsum([0] + [prod(have) for have in shapes])
    places = [start + np.arange(prod(have)).reshape(have) for start, have in zip(starts, shapes, strict=False)]
    picked = builder.pick(whole, np.concatenate(places, axis), first.axis)
    dtypes = {part.dtype for part in parts if isinstance(part, Rows)}
    return replace(picked, dtype=dtypes.pop()) if len(dtypes) == 1 else picked


rule("FeatureVectorizer", domain="ai.onnx.ml")(concat)


@rule("Split")
def split(builder: Builder, node: Node, value: Value, sizes: Value | None = None) -> list[Value]:
    """Parts of the row."""
    axis = node.attribute("axis", 0)
    if isinstance(value, Cells):
        ends = np.cumsum(split_sizes(node, len(value.names), as_numpy(sizes)))
        names = np.split(np.array(value.names, dtype=object), ends[:-1])
        return [replace(value, names=tuple(part), shape=(1, len(part))) for part in names]
    rows = rows_of(builder, node, value)
    axis = _own_axis(rows, axis, "splits")
    ends = np.cumsum(split_sizes(node, rows.shape[axis], as_numpy(sizes)))
    shared = replace(rows, shared=True)
    return [builder.pick(shared, part, rows.axis) for part in np.split(builder.places(rows), ends[:-1], axis)]


def _own_axis(rows: Rows, axis: int, does: str) -> int:
    rank = len(rows.shape)
    if not -rank <= axis < rank:
        raise RefusedError(f"{does} axis {axis} of a tensor with {rank} axes")
    axis = axis + rank if axis < 0 else axis
    if axis == rows.axis:
        raise MixedRowsError(f"{does} along axis {axis}, which is the batch")
    return axis


@rule("Slice")
def slice_(builder: Builder, node: Node, value: Value, *more: Value | None) -> Value:
    """A part of the row; all of the batch."""
    rows = rows_of(builder, node, value)
    found = list(slices(node, rows.shape, [as_numpy(part) for part in more]))
    if rows.axis is not None:
        own = found[rows.axis]
        if (own.start or 0) != 0 or own.step not in (1, None) or (own.stop is not None and own.stop < builder.batch):
            raise MixedRowsError(f"takes a part of axis {rows.axis}, which is the batch")
        found[rows.axis] = slice(None)
    return builder.pick(rows, builder.places(rows)[tuple(found)], rows.axis)


@rule("Gather")
def gather(builder: Builder, node: Node, value: Value, indices: Value) -> Value:
    """Picks by constant indices; classes by a label are the label."""
    if isinstance(indices, Label):
        return named_label(node, value, indices)
    where = as_numpy(indices)
    if where is None or where.dtype.kind not in "iu":
        raise RefusedError("picks by something that is no whole number")
    if isinstance(value, Const):
        raise RefusedError("looks rows of a table up by what is sent (an embedding); only dense networks are served")
    if isinstance(value, Cells):
        return _pick_cells(value, where)
    rows = rows_of(builder, node, value)
    axis = _own_axis(rows, node.attribute("axis", 0), "picks")
    if where.size and (where.min() < -rows.shape[axis] or where.max() >= rows.shape[axis]):
        raise RefusedError(f"picks index {int(where.max())} of axis {axis}, which has {rows.shape[axis]}")
    batch = rows.axis
    if batch is not None and batch > axis:
        batch += where.ndim - 1
    return builder.pick(rows, np.take(builder.places(rows), where.astype(np.int64), axis), batch)


def _pick_cells(value: Cells, where: NDArray[Any]) -> Value:
    width = len(value.names)
    if where.size == 0 or where.min() < -width or where.max() >= width:
        raise RefusedError(f"picks columns {where.reshape(-1).tolist()[:16]} of {width}")
    names = tuple(value.names[int(index)] for index in where.reshape(-1))
    return replace(value, names=names, shape=(1, len(names)), axis=0)


def named_label(node: Node, value: Value, label: Label) -> Label:
    """The label in the words of a constant list of classes."""
    classes = as_numpy(value)
    if classes is None or classes.size > 2**20:
        raise RefusedError("looks classes up in what is not a list of them")
    return replace(label, labels=tuple(str(name) for name in classes.reshape(-1)))


@rule("ArrayFeatureExtractor", domain="ai.onnx.ml")
def array_feature_extractor(builder: Builder, node: Node, value: Value, indices: Value) -> Value:
    """Columns of the last axis; classes by a label are the label."""
    if isinstance(indices, Label):
        return named_label(node, value, indices)
    where = as_numpy(indices)
    if where is None or where.dtype.kind not in "iu":
        raise RefusedError("picks by something that is no whole number")
    where = where.reshape(-1)
    if isinstance(value, Cells):
        return _pick_cells(value, where)
    rows = rows_of(builder, node, value)
    axis = _own_axis(rows, -1, "picks")
    if where.size == 0 or where.min() < 0 or where.max() >= rows.shape[axis]:
        raise RefusedError(f"picks columns {where.tolist()[:16]} of {rows.shape[axis]}")
    return builder.pick(rows, np.take(builder.places(rows), where.astype(np.int64), axis), rows.axis)


@rule("Expand")
def expand(builder: Builder, node: Node, value: Value, target: Value) -> Value:
    """Repeats numbers within the row."""
    rows = rows_of(builder, node, value)
    wanted = as_numpy(target)
    dims = [int(dim) for dim in (wanted if wanted is not None else ())]
    if rows.axis is not None:
        place = rows.axis - len(rows.shape) + len(dims)
        if place >= 0 and dims[place] not in (1, builder.batch * rows.shape[rows.axis]):
            raise MixedRowsError(f"repeats axis {rows.axis}, which is the batch")
        if place >= 0:
            dims[place] = 1 if rows.shape[rows.axis] == 1 else rows.shape[rows.axis]
    try:
        shape = np.broadcast_shapes(rows.shape, tuple(dims))
    except ValueError as error:
        raise RefusedError(f"repeats {list(rows.shape)} to {dims}, which does not fit") from error
    axis = None if rows.axis is None else rows.axis + len(shape) - len(rows.shape)
    if prod(shape) > 2**24:
        raise RefusedError(f"repeats numbers until a row has {prod(shape):,}; that is too large")
    return builder.pick(rows, np.broadcast_to(builder.places(rows), shape), axis)
