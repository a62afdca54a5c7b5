"""Comparisons and truth values, as numbers 0 and 1.

A difference times a number near float's largest, kept between 0 and 1, is the step function of that difference.
"""

from dataclasses import replace

import numpy as np

from ..builder import Array, Builder
from ..graph import rule
from ..node import Node
from ..values import Const, RefusedError, Rows, Value
from .operands import number, rows_of, spread, together

_STEEP = np.array([3e38], np.float32)
_TRUTH = np.dtype(np.bool_)
_MAX_PARTS = 2**20


def positive(builder: Builder, node: Node, rows: Rows) -> Rows:
    """1 where x > 0, else 0.  The factor is a layer of its own, as in a kernel it would overflow."""
    steep = builder.constant(node, _STEEP, replace(rows, shape=(1,), axis=None))
    between = {"name": "hard_tanh", "min": 0, "max": 1}
    made = builder.layer("multiply", node, [rows, steep], rows.shape, rows.axis, between)
    return replace(made, dtype=_TRUTH)


def inverted(builder: Builder, node: Node, rows: Rows) -> Rows:
    """1 − x."""
    ones = np.ones(rows.shape, np.float32)
    return replace(builder.affine(node, rows, -ones, ones), dtype=_TRUTH)


def not_zero(builder: Builder, node: Node, rows: Rows) -> Rows:
    """1 where x is not 0."""
    kept = builder.share(rows)
    opposite = builder.affine(node, kept, -np.ones(rows.shape, np.float32), np.zeros(rows.shape, np.float32))
    return positive(builder, node, builder.layer("maximum", node, [kept, opposite], rows.shape, rows.axis))


def equal_to(builder: Builder, node: Node, rows: Rows, values: Array, truncated: bool) -> Rows:
    """An indicator for each of the values, along a new last axis; `truncated`: x is rounded towards 0 before."""
    if rows.width * values.size > _MAX_PARTS:
        raise RefusedError(f"compares {rows.width} numbers with {values.size} values; that is too much")
    column = builder.pick(builder.share(rows), builder.places(rows)[..., np.newaxis], rows.axis)
    values = values.astype(np.float32)
    wide, array = spread(builder, node, column, values)
    ones = np.ones(array.shape, np.float32)
    if not truncated:
        apart = builder.affine(node, builder.share(wide), ones, -array)
        return inverted(builder, node, not_zero(builder, node, apart))
    first = np.where(array > 0, array, np.nextafter(array - 1, np.float32(np.inf)))
    beyond = np.where(array < 0, np.nextafter(array, np.float32(np.inf)), array + 1)
    kept = builder.share(wide)
    below = positive(builder, node, builder.affine(node, kept, -ones, first))
    above = positive(builder, node, builder.affine(node, kept, ones, -np.nextafter(beyond, np.float32(-np.inf))))
    return inverted(builder, node, builder.layer("maximum", node, [below, above], kept.shape, kept.axis))


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


@rule("Sign")
def sign(builder: Builder, node: Node, value: Value) -> Value:
    """−1, 0 or 1."""
    kept = builder.share(rows_of(builder, node, value))
    opposite = builder.affine(node, kept, -np.ones(kept.shape, np.float32), np.zeros(kept.shape, np.float32))
    parts = [positive(builder, node, kept), positive(builder, node, opposite)]
    return builder.layer("subtract", node, parts, kept.shape, kept.axis)


@rule("Where")
def where(builder: Builder, node: Node, condition: Value, a: Value, b: Value) -> Value:
    """By a constant condition: some columns of the one, the others of the other."""
    if not isinstance(condition, Const):
        raise RefusedError("chooses by what is sent; export the model without it")
    mask = number(condition).astype(bool)
    template = rows_of(builder, node, a if isinstance(a, Rows) else b)
    solid = [builder.constant(node, np.broadcast_to(number(part), np.broadcast_shapes(number(part).shape, template.shape)), template)
             if isinstance(part, Const) else rows_of(builder, node, part) for part in (a, b)]  # fmt: skip
    wide, shape, axis = together(builder, node, solid)
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
