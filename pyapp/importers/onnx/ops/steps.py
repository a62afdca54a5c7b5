"""Step functions made of layers: truth values as numbers 0 and 1, and the winner of a row.

A difference times a number near float's largest, kept between 0 and 1, is the step function of that difference.
"""

from dataclasses import replace

import numpy as np

from ..builder import Builder
from ..node import Node
from ..values import RefusedError, Rows

_STEEP = np.array([3e38], np.float32)
_TRUTH = np.dtype(np.bool_)
_MAX_CLASSES = 1024


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
    return positive(builder, node, builder.activation(node, rows, "abs"))


def one_hot_winner(builder: Builder, node: Node, scores: Rows) -> Rows:
    """1 for the first of the greatest numbers of the row, else 0."""
    width = scores.width
    if width > _MAX_CLASSES:
        raise RefusedError(f"goes on computing with the winner of {width} classes; at most {_MAX_CLASSES} are served")
    kept = builder.share(scores)
    greatest = builder.layer("reduce", node, [kept], (1,), None, function="maximum")
    below = builder.layer("subtract", node, [greatest, kept], kept.shape, kept.axis)
    equal = builder.share(inverted(builder, node, positive(builder, node, below)))
    before = builder.dense(node, equal, np.triu(np.ones((width, width), np.float32), 1), None, kept.shape, kept.axis)
    return builder.layer("subtract", node, [equal, before], kept.shape, kept.axis, "relu")


def winner_number(builder: Builder, node: Node, scores: Rows) -> Rows:
    """Which number of the row is the greatest, from 0."""
    kernel = np.arange(scores.width, dtype=np.float32)[:, np.newaxis]
    made = builder.dense(
        node, one_hot_winner(builder, node, scores), kernel, None, (1, 1), 0 if builder.batch != 1 else None
    )
    return replace(made, dtype=np.dtype(np.int64), limits=(0, scores.width - 1))
