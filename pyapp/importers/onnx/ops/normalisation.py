"""Normalisations: by constants of training, or by the row's own numbers."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..builder import Array, Builder, finite, plain
from ..graph import rule
from ..node import Node
from ..values import MixedRowsError, Nothing, RefusedError, Rows, Value
from .operands import number, rows_of, spread


@rule("BatchNormalization")
def batch_normalization(
    builder: Builder, node: Node, value: Value, scale: Value, shift: Value, mean: Value, variance: Value
) -> list[Value]:
    """By channel, which is axis 1, with what training found."""
    rows = rows_of(builder, node, value)
    outputs = [name for name in node.outputs[1:] if name]
    in_training = node.attribute("training_mode", 0) or (node.opset < 7 and not node.attribute("is_test", 0))
    if in_training or (node.opset >= 7 and outputs):
        raise RefusedError(
            "normalises by the batch at hand, as in training; export the model for inference (model.eval())"
        )
    rank = len(rows.shape)
    if rows.axis == 1 or rank < 1:
        raise MixedRowsError("normalises along the batch")
    channels = rows.shape[1] if rank > 1 else 1
    by_element = node.opset < 9 and not node.attribute("spatial", 1)
    arrays = []
    for part in (mean, variance, scale, shift):
        array = number(part)
        if by_element:
            arrays.append(array.reshape(-1))
            continue
        if array.size != channels:
            raise RefusedError(f"has {array.size} numbers for {channels} channels")
        array = array.reshape((channels,) + (1,) * max(0, rank - 2)) if rank > 1 else array.reshape(1)
        arrays.append(np.broadcast_to(array, rows.shape).reshape(-1))
    if any(array.size != rows.width for array in arrays):
        raise RefusedError(f"has {arrays[0].size} numbers for rows of {rows.width}")
    if np.any(arrays[1] < 0):
        raise RefusedError("has a negative variance")
    epsilon = float(str(np.float32(node.attribute("epsilon", 1e-5))))
    keys = ("mean", "variance", "gamma", "beta")
    tensors: dict[str, Any] = {key: plain(finite(array)) for key, array in zip(keys, arrays, strict=True)}
    return [builder.layer("batch_normalization", node, [rows], rows.shape, rows.axis, epsilon=epsilon, **tensors)]


def _rest(node: Node, rows: Rows, axis: int) -> list[int]:
    rank = len(rows.shape)
    axis = axis + rank if axis < 0 else axis
    if not 0 <= axis < rank:
        raise RefusedError(f"normalises from axis {axis} on of a tensor with {rank}")
    return list(range(axis, rank))


def _scaled(builder: Builder, node: Node, rows: Rows, scale: Array | None, shift: Array | None) -> Rows:
    """By element, after a normalisation that could not take it in."""
    if scale is None and shift is None:
        return rows
    factor = np.ones(1, np.float32) if scale is None else scale
    offset = np.zeros(1, np.float32) if shift is None else shift
    wide, array = spread(builder, node, rows, np.broadcast_arrays(factor, offset)[0])
    return builder.affine(node, wide, array, np.broadcast_to(offset, array.shape))


def _own(
    builder: Builder, node: Node, op: str, value: Value, scale: Value | None, shift: Value | None, epsilon: float
) -> Rows:
    """A normalisation by the row's own numbers, from an axis on."""
    rows = rows_of(builder, node, value)
    axes = _rest(node, rows, node.attribute("axis", -1))
    gamma, beta = (None if part is None else number(part) for part in (scale, shift))
    one_group = len(builder.groups(rows, axes)) == 1
    parameters: dict[str, Any] = {}
    for key, array in (("gamma", gamma), ("beta", beta)):
        if array is not None and one_group:
            parameters[key] = plain(finite(np.broadcast_to(array, [rows.shape[axis] for axis in axes]).reshape(-1)))
    made = builder.along(
        node,
        rows,
        axes,
        lambda part: builder.layer(
            op, node, [part], part.shape, None, epsilon=float(str(np.float32(epsilon))), **parameters
        ),
    )
    return made if one_group else _scaled(builder, node, made, gamma, beta)


@rule("LayerNormalization")
def layer_normalization(
    builder: Builder, node: Node, value: Value, scale: Value, shift: Value | None = None
) -> list[Value]:
    """By the row's own mean and variance."""
    made = _own(builder, node, "layer_normalization", value, scale, shift, node.attribute("epsilon", 1e-5))
    unused = Nothing(
        "reads the statistics of a LayerNormalization, which are for training; export the model for inference"
    )
    return [made, unused, unused]


@rule("RMSNormalization")
def rms_normalization(builder: Builder, node: Node, value: Value, scale: Value) -> Value:
    """By the row's own root mean square."""
    return _own(builder, node, "rms_normalization", value, scale, None, node.attribute("epsilon", 1e-5))


@rule("MeanVarianceNormalization")
def mean_variance(builder: Builder, node: Node, value: Value) -> Value:
    """Along the axes given; by default all but the channels, which takes in the batch."""
    rows = rows_of(builder, node, value)
    rank = len(rows.shape)
    axes = [axis + rank if axis < 0 else axis for axis in node.attribute("axes", [0, 2, 3])]
    if any(not 0 <= axis < rank for axis in axes):
        raise RefusedError(f"normalises the axes {axes[:16]} of a tensor with {rank}")
    return builder.along(
        node,
        rows,
        axes,
        lambda part: builder.layer("layer_normalization", node, [part], part.shape, None, epsilon=1e-9),
    )


@rule("LpNormalization")
def lp_normalization(builder: Builder, node: Node, value: Value) -> Value:
    """Divides by the norm along an axis."""
    rows = rows_of(builder, node, value)
    rank, axis, power = len(rows.shape), node.attribute("axis", -1), node.attribute("p", 2)
    axis = axis + rank if axis < 0 else axis
    if power not in (1, 2) or not 0 <= axis < rank:
        raise RefusedError(
            f"divides by the norm of order {power} along axis {axis}; expected 1 or 2 and an axis of the row"
        )
    return normalised(builder, node, rows, [axis], f"l{power}")


def normalised(builder: Builder, node: Node, rows: Rows, axes: list[int], norm: str) -> Rows:
    """Divides by the norm; zeros stay."""
    made = builder.along(
        node, rows, axes, lambda part: builder.layer("normalise", node, [part], part.shape, None, norm=norm, epsilon=0)
    )
    return replace(made, labels=rows.labels)
