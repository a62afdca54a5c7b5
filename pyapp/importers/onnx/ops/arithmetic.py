"""Arithmetic by element: with constants it is a scale and a shift of each column, between rows a layer."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..builder import Array, Builder
from ..graph import rule
from ..node import Node
from ..values import Const, RefusedError, Rows, Value
from .operands import number, rows_of, spread, together

_LAYERS = {"Add": "add", "Sub": "subtract", "Mul": "multiply", "Div": "divide", "Pow": "power"}
_SEVERAL = {"Sum": "add", "Max": "maximum", "Min": "minimum", "Mean": "average"}


@rule("Add", "Sub", "Mul", "Div", "Pow")
def binary(builder: Builder, node: Node, a: Value, b: Value) -> Value:
    """Of two operands."""
    if isinstance(a, Const) or isinstance(b, Const):
        first = isinstance(a, Const)
        rows, array = rows_of(builder, node, b if first else a), number(a if first else b)
        rows, array = spread(builder, node, rows, array)
        made = _with_constant(builder, node, rows, array, first)
        return _whole(builder, node, made, rows, array)
    left, right = rows_of(builder, node, a), rows_of(builder, node, b)
    wide, shape, axis = together(builder, node, [left, right])
    made = builder.layer(_LAYERS[node.op], node, wide, shape, axis)
    return _whole(builder, node, made, left, right)


def _with_constant(builder: Builder, node: Node, rows: Rows, array: Array, first: bool) -> Rows:
    """`first`: the constant is the left operand."""
    same, none = np.ones_like(array, dtype=_float(array)), np.zeros_like(array, dtype=_float(array))
    array = array.astype(_float(array))
    if node.op == "Add":
        return builder.affine(node, rows, same, array)
    if node.op == "Sub":
        return builder.affine(node, rows, -same, array) if first else builder.affine(node, rows, same, -array)
    if node.op == "Mul":
        return builder.affine(node, rows, array, none)
    if node.op == "Div" and not first:
        if not np.all(array):
            raise RefusedError("divides by 0")
        return builder.affine(node, rows, array, none, divide=True)
    if node.op == "Pow" and not first and np.all(array == array.flat[0]):
        exponent = float(array.flat[0])
        if exponent == 1:
            return rows
        if exponent == 2:
            return builder.layer("multiply", node, [rows, rows], rows.shape, rows.axis)
        if exponent == 0.5:
            return builder.activation(node, rows, "sqrt")
    constant = builder.constant(node, array, rows)
    reads = [constant, rows] if first else [rows, constant]
    return builder.layer(_LAYERS[node.op], node, reads, rows.shape, rows.axis)


def _float(array: Array) -> np.dtype[Any]:
    return np.dtype(np.float64) if array.dtype.kind != "f" or array.dtype == np.float64 else np.dtype(np.float32)


@rule("Sum", "Max", "Min", "Mean")
def several(builder: Builder, node: Node, *values: Value) -> Value:
    """Of any number of operands."""
    constants = [number(value) for value in values if isinstance(value, Const)]
    rows = [rows_of(builder, node, value) for value in values if not isinstance(value, Const)]
    op, count = _SEVERAL[node.op], len(values)
    made = rows[0]
    if len(rows) > 1:
        wide, shape, axis = together(builder, node, rows)
        made = builder.layer("add" if constants and op == "average" else op, node, wide, shape, axis)
    for array in constants:
        made, wide_array = spread(builder, node, made, array)
        made = _bounded(builder, node, made, wide_array, op)
    if constants and op == "average":
        made = builder.affine(node, made, np.full(made.shape, float(count)), np.zeros(made.shape), divide=True)
    whole = rows[0].dtype.kind in "iu"
    return _whole(builder, node, made, rows[0], *rows[1:], *constants) if whole else made


def _bounded(builder: Builder, node: Node, rows: Rows, array: Array, op: str) -> Rows:
    array = array.astype(_float(array))
    if op in ("add", "average"):
        return builder.affine(node, rows, np.ones_like(array), array)
    if np.all(array == array.flat[0]):
        bound = float(array.flat[0])
        return limited(builder, node, rows, bound if op == "maximum" else None, bound if op == "minimum" else None)
    constant = builder.constant(node, array, rows)
    return builder.layer(op, node, [rows, constant], rows.shape, rows.axis)


def limited(builder: Builder, node: Node, rows: Rows, low: float | None, high: float | None) -> Rows:
    """Between two bounds, either of which may be missing."""
    largest = float(np.finfo(np.float32).max)
    if low == 0:
        bounds: dict[str, Any] = {} if high is None or high >= largest else {"max_value": high}
        return builder.activation(node, rows, {"name": "relu", **bounds} if bounds else "relu")
    least = -largest if low is None else min(max(low, -largest), largest)
    most = largest if high is None else min(max(high, -largest), largest)
    if least == -largest and most == largest:
        return rows
    if least > most:
        raise RefusedError(f"clips between {least} and {most}; the first must not be greater")
    return builder.activation(node, rows, {"name": "hard_tanh", "min": least, "max": most})


@rule("Clip")
def clip(builder: Builder, node: Node, value: Value, low: Value | None = None, high: Value | None = None) -> Value:
    """Bounds as attributes (before opset 11) or as constants."""
    rows = rows_of(builder, node, value)
    bounds = []
    for name, given in (("min", low), ("max", high)):
        if given is None:
            bounds.append(None if not node.has(name) else float(node.attribute(name, 0.0)))
            continue
        array = number(given)
        if array.size != 1:
            raise RefusedError(f"has a {name} of {array.size} numbers; expected one")
        bounds.append(float(array.reshape(-1)[0]))
    made = limited(builder, node, rows, bounds[0], bounds[1])
    return replace(made, dtype=rows.dtype, limits=rows.limits)


@rule("Neg")
def negative(builder: Builder, node: Node, value: Value) -> Value:
    """A scale of −1."""
    rows = rows_of(builder, node, value)
    if rows.dtype.kind == "u":
        raise RefusedError("negates numbers that have no sign")
    made = builder.affine(node, rows, np.full(rows.shape, -1.0, np.float32), np.zeros(rows.shape, np.float32))
    return replace(made, dtype=rows.dtype, limits=rows.limits)


def _whole(builder: Builder, node: Node, made: Rows, a: Rows, *others: Rows | Array) -> Rows:
    """Arithmetic with whole numbers: served where float32 gives the same, which depends on how large they get."""
    if a.dtype.kind not in "iu":
        return made
    if node.op in ("Div", "Pow", "Mean"):
        raise RefusedError(f"computes {node.op} of whole numbers, which drops fractions; cast them to float before it")
    low, high = _limits(a)
    for other in others:
        least, most = _limits(other)
        ends = {
            "Add": (low + least, high + most),
            "Sum": (low + least, high + most),
            "Sub": (min(low - most, least - high), max(high - least, most - low)),
            "Mul": (
                min(low * least, low * most, high * least, high * most),
                max(low * least, low * most, high * least, high * most),
            ),
            "Max": (max(low, least), max(high, most)),
            "Min": (min(low, least), min(high, most)),
        }[node.op]
        low, high = ends
    info = np.iinfo(a.dtype)
    if low < info.min or high > info.max:
        if a.dtype.itemsize <= 2 or (a.dtype.kind == "u" and node.op == "Sub"):
            raise RefusedError(
                f"computes with {a.dtype.name}, which starts again from the other end where the result does not fit; "
                "float32 would give another one; cast to float before it"
            )
        low, high = max(low, info.min), min(high, info.max)
    if high - low > 2**24 and node.op not in ("Max", "Min"):
        builder.note(f"{node.place} computes with whole numbers in float32: exactly while they are below 2^24")
    return replace(made, dtype=a.dtype, limits=(low, high))


def _limits(value: Rows | Array) -> tuple[float, float]:
    if isinstance(value, Rows):
        if value.limits is not None:
            return value.limits
        info = np.iinfo(value.dtype)
        return float(info.min), float(info.max)
    return float(value.min()), float(value.max())
