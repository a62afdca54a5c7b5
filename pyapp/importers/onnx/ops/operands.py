"""Operands: rows or constants, and how they are spread over each other."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from ..builder import Array, Builder
from ..node import Node
from ..values import Cells, Const, Label, MixedRowsError, RefusedError, Rows, Value
from .steps import winner_number


def rows_of(builder: Builder, node: Node, value: Value | None) -> Rows:
    """The value as numbers of a row.  Raises RefusedError for what is none."""
    if isinstance(value, Rows):
        return value
    if isinstance(value, Cells):
        numbers: Rows = builder.table.numbers(builder, value)
        return numbers
    if isinstance(value, Label):
        if value.scores is None or value.labels is not None:
            raise RefusedError("goes on computing with the names of winning classes; only the scores can be served")
        return winner_number(builder, node, value.scores)
    if isinstance(value, Const) and value.of_batch:
        raise MixedRowsError("computes with the batch size")
    raise RefusedError("works on constants where it should work on what is sent")


def number(value: Value | None) -> Array:
    """A constant as an operand of arithmetic.  Raises MixedRowsError if it is the batch size."""
    if not isinstance(value, Const):
        raise RefusedError("needs a constant, and what it reads is computed from what is sent")
    if value.array.dtype.kind not in "fiub":
        raise RefusedError("computes with texts")
    if value.of_batch:
        raise MixedRowsError("computes with the batch size")
    return value.array


def spread(builder: Builder, node: Node, rows: Rows, array: Array) -> tuple[Rows, Array]:
    """Rows and a constant in the shape that they have together."""
    array = node.aligned(array, len(rows.shape))
    if rows.axis is not None:
        place = rows.axis - len(rows.shape) + array.ndim
        if place >= 0 and array.shape[place] != 1:
            raise MixedRowsError(f"has a constant for each row of a batch of {array.shape[place]}")
    shape = _together(rows.shape, array.shape)
    wide = _repeat(builder, rows, shape)
    return wide, np.broadcast_to(array, shape)


def together(builder: Builder, node: Node, values: list[Rows]) -> tuple[list[Rows], tuple[int, ...], int | None]:
    """Rows that fit each other: all of one width, or of one number; their common shape and batch axis."""
    shape = values[0].shape
    for value in values[1:]:
        shape = _together(shape, value.shape)
    axes = {None if value.axis is None else value.axis - len(value.shape) for value in values}
    if len(axes) != 1:
        raise MixedRowsError("computes with tensors whose batches are different axes")
    (behind,) = axes
    wide = [value if value.width == 1 else _repeat(builder, value, shape) for value in values]
    return wide, shape, None if behind is None else behind + len(shape)


def _together(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    try:
        shape = np.broadcast_shapes(a, b)
    except ValueError:
        raise RefusedError(f"computes with shapes that do not fit: {list(a)} and {list(b)}") from None
    if np.prod(shape, dtype=float) > 2**24:
        raise RefusedError(f"makes rows of the shape {list(shape)}, which is too large")
    return shape


def _repeat(builder: Builder, rows: Rows, shape: tuple[int, ...]) -> Rows:
    axis = None if rows.axis is None else rows.axis + len(shape) - len(rows.shape)
    if rows.width == np.prod(shape):
        return replace(rows, shape=shape, axis=axis)
    places: NDArray[np.intp] = np.broadcast_to(
        builder.places(rows).reshape((1,) * (len(shape) - len(rows.shape)) + rows.shape), shape
    )
    return builder.pick(rows, places, axis)
