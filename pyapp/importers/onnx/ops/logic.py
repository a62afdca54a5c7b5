"""Comparisons and truth values, as numbers 0 and 1."""

from dataclasses import replace

import numpy as np

from ..builder import Array, Builder
from ..graph import rule
from ..node import Node
from ..values import Const, RefusedError, Rows, Value
from .operands import number, rows_of, spread, together
from .steps import inverted, not_zero, positive

_TRUTH = np.dtype(np.bool_)
_MAX_PARTS = 2**20


def equal_to(builder: Builder, node: Node, rows: Rows, values: Array) -> Rows:
    """An indicator for each of the values, along a new last axis."""
    if rows.width * values.size > _MAX_PARTS:
        raise RefusedError(f"compares {rows.width} numbers with {values.size} values; that is too much")
    column = builder.pick(builder.share(rows), builder.places(rows)[..., np.newaxis], rows.axis)
    wide, array = spread(builder, node, column, values.astype(np.float32))
    apart = builder.affine(node, builder.share(wide), np.ones_like(array), -array)
    return inverted(builder, node, not_zero(builder, node, apart))


def truncated(builder: Builder, node: Node, rows: Rows) -> Rows:
    """Rounded towards 0, as a Cast to whole numbers does."""
    if rows.dtype.kind != "f":
        return rows
    kept = builder.share(rows)
    size = builder.activation(node, builder.activation(node, kept, "abs"), "floor")
    parts = [builder.activation(node, kept, "sign"), size]
    return builder.layer("multiply", node, parts, rows.shape, rows.axis)


def _difference(builder: Builder, node: Node, a: Value, b: Value) -> Rows:
    if isinstance(a, Const):
        rows, array = spread(builder, node, rows_of(builder, node, b), number(a).astype(np.float32))
        return builder.affine(node, rows, -np.ones_like(array), array)
    if isinstance(b, Const):
        rows, array = spread(builder, node, rows_of(builder, node, a), number(b).astype(np.float32))
        return builder.affine(node, rows, np.ones_like(array), -array)
    wide, shape, axis = together(builder, node, [rows_of(builder, node, a), rows_of(builder, node, b)])
    return builder.layer("subtract", node, wide, shape, axis)


@rule("Greater", "Less", "GreaterOrEqual", "LessOrEqual", "Equal")
def compare(builder: Builder, node: Node, a: Value, b: Value) -> Value:
    """Of two operands."""
    if node.op in ("Less", "GreaterOrEqual"):
        a, b = b, a
    apart = _difference(builder, node, a, b)
    if node.op == "Equal":
        return inverted(builder, node, not_zero(builder, node, apart))
    made = positive(builder, node, apart)
    return made if node.op in ("Greater", "Less") else inverted(builder, node, made)


@rule("Not")
def invert(builder: Builder, node: Node, value: Value) -> Value:
    """1 − x."""
    return inverted(builder, node, rows_of(builder, node, value))


@rule("And", "Or", "Xor")
def combine(builder: Builder, node: Node, a: Value, b: Value) -> Value:
    """Of truth values."""
    wide, shape, axis = together(builder, node, [rows_of(builder, node, a), rows_of(builder, node, b)])
    if node.op == "Xor":
        return not_zero(builder, node, builder.layer("subtract", node, wide, shape, axis))
    op = "minimum" if node.op == "And" else "maximum"
    return replace(builder.layer(op, node, wide, shape, axis), dtype=_TRUTH)


@rule("Where")
def where(builder: Builder, node: Node, condition: Value, a: Value, b: Value) -> Value:
    """By a constant condition: some columns of the one, the others of the other."""
    if not isinstance(condition, Const):
        raise RefusedError("chooses by what is sent; export the model without it")
    mask = number(condition).astype(bool)
    template = rows_of(builder, node, a if isinstance(a, Rows) else b)
    parts = []
    for part in (a, b):
        if isinstance(part, Const):
            _, array = spread(builder, node, template, number(part))
            parts.append(builder.constant(node, array, template))
        else:
            parts.append(rows_of(builder, node, part))
    wide, shape, axis = together(builder, node, parts)
    first, second = (spread(builder, node, part, np.zeros(shape, np.float32))[0] for part in wide)
    _, chosen = spread(builder, node, first, mask)
    whole = builder.layer("concatenate", node, [first, second], (first.width + second.width,), None)
    places = np.arange(first.width).reshape(shape)
    return builder.pick(whole, np.where(chosen, places, places + first.width), axis)


@rule("Binarizer", domain="ai.onnx.ml")
def binarizer(builder: Builder, node: Node, value: Value) -> Value:
    """1 where x > threshold."""
    rows = rows_of(builder, node, value)
    bound = np.full(rows.shape, node.attribute("threshold", 0.0), np.float32)
    made = positive(builder, node, builder.affine(node, rows, np.ones_like(bound), -bound))
    return replace(made, dtype=np.dtype(np.float32))
