"""Sums, means and extremes along the row; softmax along it; the winning class."""

from dataclasses import replace
from math import prod

import numpy as np

from ..builder import MAX_GROUPS, Builder
from ..graph import as_numpy, rule
from ..node import Node
from ..values import Label, MixedRowsError, RefusedError, Rows, Value
from .operands import rows_of
from .steps import one_hot_winner

_EXTREMES = {"ReduceMax": "maximum", "ReduceMin": "minimum"}
_FUNCTIONS = {**_EXTREMES, "ReduceMean": "mean", "ReduceProd": "product"}


@rule("ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare")
def reduce(builder: Builder, node: Node, value: Value, axes: Value | None = None) -> Value:
    """Of the axes; they must be the row's own."""
    rows = rows_of(builder, node, value)
    if rows.dtype.kind != "f" and node.op not in _EXTREMES:
        raise RefusedError(f"computes {node.op} of whole numbers; cast them to float before it")
    where = axes_of(node, rows, as_numpy(axes))
    if where is None:
        return rows
    if node.op == "ReduceL1":
        rows = builder.activation(node, rows, "abs")
    if node.op in ("ReduceL2", "ReduceSumSquare"):
        kept = builder.share(rows)
        rows = builder.layer("multiply", node, [kept, kept], rows.shape, rows.axis)
    made = reduced(builder, node, rows, where, _FUNCTIONS.get(node.op, "sum"))
    if node.op == "ReduceL2":
        made = builder.activation(node, made, "sqrt")
    if node.attribute("keepdims", 1):
        return made
    shape = tuple(dim for axis, dim in enumerate(made.shape) if axis not in where)
    batch = None if made.axis is None else made.axis - sum(axis < made.axis for axis in where)
    return replace(made, shape=shape, axis=batch)


def axes_of(node: Node, rows: Rows, given: np.ndarray | None) -> list[int] | None:
    """Of a reduction; None if it reduces nothing."""
    rank = len(rows.shape)
    wanted = node.attribute("axes") if given is None else given.reshape(-1).tolist()
    if not wanted:
        if node.attribute("noop_with_empty_axes", 0):
            return None
        wanted = range(rank)
    axes = [int(axis) + rank if axis < 0 else int(axis) for axis in wanted]
    if any(not 0 <= axis < rank for axis in axes) or len(set(axes)) != len(axes):
        raise RefusedError(f"reduces the axes {list(wanted)[:16]} of a tensor with {rank}")
    return sorted(axes)


def reduced(builder: Builder, node: Node, rows: Rows, axes: list[int], function: str) -> Rows:
    """With the axes kept at length 1."""
    groups = builder.groups(rows, axes)
    shape = tuple(1 if axis in axes else dim for axis, dim in enumerate(rows.shape))
    if groups.shape[1] == 1:
        return builder.pick(rows, groups.reshape(shape), rows.axis)
    if function == "product":
        if groups.shape[1] > MAX_GROUPS:
            raise RefusedError(f"multiplies {groups.shape[1]} numbers of a row; at most {MAX_GROUPS} are served")
        kept = builder.share(rows)
        parts = [builder.pick(kept, places.reshape(shape), rows.axis) for places in groups.T]
        return builder.layer("multiply", node, parts, shape, rows.axis)
    if len(groups) == 1:
        return builder.layer("reduce", node, [builder.pick(rows, groups, None)], shape, rows.axis, function=function)
    if function in ("sum", "mean"):
        kernel = np.zeros((rows.width, len(groups)), np.float32)
        for i, group in enumerate(groups):
            kernel[group, i] = 1 if function == "sum" else 1 / groups.shape[1]
        return builder.dense(node, rows, kernel, None, shape, rows.axis)
    return builder.along(
        node, rows, axes, lambda part: builder.layer("reduce", node, [part], (1,), None, function=function)
    )


@rule("Softmax", "LogSoftmax")
def softmax(builder: Builder, node: Node, value: Value) -> Value:
    """Along one axis; before opset 13 along all from `axis` on."""
    rows = rows_of(builder, node, value)
    axes = _softmax_axes(node, rows)
    name = "softmax" if node.op == "Softmax" else "log_softmax"
    made = builder.along(node, rows, axes, lambda part: _softmax(builder, node, part, name))
    whole = prod(rows.shape[axis] for axis in axes) == rows.width
    return replace(made, sums_to_one=whole and name == "softmax")


def _softmax_axes(node: Node, rows: Rows) -> list[int]:
    rank = len(rows.shape)
    axis = node.attribute("axis", -1 if node.opset >= 13 else 1)
    axis = axis + rank if axis < 0 else axis
    if not 0 <= axis <= rank or (axis == rank and (node.opset >= 13 or rank == 0)):
        raise RefusedError(f"works along axis {axis} of a tensor with {rank}")
    axes = [axis] if node.opset >= 13 else list(range(axis, rank))
    if not axes:
        raise RefusedError(f"works along axis {axis} of a tensor with {rank}")
    return axes


def _softmax(builder: Builder, node: Node, rows: Rows, name: str) -> Rows:
    return builder.activation(node, builder.solid(node, rows), name)


@rule("ArgMax", "ArgMin")
def winner(builder: Builder, node: Node, value: Value) -> Value:
    """The winning class: what the server tells of a classification anyway."""
    rows = rows_of(builder, node, value)
    rank = len(rows.shape)
    axis = node.attribute("axis", 0)
    axis = axis + rank if axis < 0 else axis
    if node.op == "ArgMin":
        raise RefusedError("finds the least; only the scores that it looks at can be served")
    if axis == rows.axis:
        raise MixedRowsError(f"looks for the greatest along axis {axis}, which is the batch")
    if not 0 <= axis < rank or rows.shape[axis] != rows.width:
        raise RefusedError(f"looks for the greatest along axis {axis} of {list(rows.shape)}; expected the last one")
    return Label(rows, rows.labels)


@rule("Hardmax")
def hardmax(builder: Builder, node: Node, value: Value) -> Value:
    """1 for the winner, else 0; along one axis, before opset 13 along all from `axis` on."""
    rows = rows_of(builder, node, value)
    axes = _softmax_axes(node, rows)
    return builder.along(node, rows, axes, lambda part: one_hot_winner(builder, node, part))
