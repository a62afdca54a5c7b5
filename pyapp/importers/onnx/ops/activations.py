"""Activations: most have a name in the engine, some are put together of two."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..builder import Builder
from ..graph import rule
from ..node import Node
from ..values import Const, RefusedError, Value
from .operands import number, rows_of, spread

_PLAIN = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "HardSwish": "hard_swish",
    "Mish": "mish",
    "Exp": "exponential",
    "Log": "log",
    "Sqrt": "sqrt",
    "Erf": "erf",
    "Reciprocal": "reciprocal",
    "Abs": "abs",
    "Sign": "sign",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
    "Sin": "sin",
    "Cos": "cos",
}
_SELU = (1.67326319217681884765625, 1.05070102214813232421875)


@rule(*_PLAIN)
def plain(builder: Builder, node: Node, value: Value) -> Value:
    """Those without parameters."""
    rows = rows_of(builder, node, value)
    made = builder.activation(node, rows, _PLAIN[node.op])
    return replace(made, dtype=rows.dtype) if node.op in ("Relu", "Abs") else made


def _float32(number: float) -> float:
    """The shortest decimal for a float32."""
    return float(str(np.float32(number)))


@rule("LeakyRelu")
def leaky_relu(builder: Builder, node: Node, value: Value) -> Value:
    """A slope below 0."""
    slope = _float32(node.attribute("alpha", 0.01))
    return builder.activation(node, rows_of(builder, node, value), {"name": "leaky_relu", "negative_slope": slope})


@rule("Elu", "Celu")
def elu(builder: Builder, node: Node, value: Value) -> Value:
    """With alpha."""
    activation = {"name": node.op.lower(), "alpha": _float32(node.attribute("alpha", 1.0))}
    return builder.activation(node, rows_of(builder, node, value), activation)


@rule("Selu")
def selu(builder: Builder, node: Node, value: Value) -> Value:
    """The engine has the usual constants; others are an elu and a scale."""
    rows = rows_of(builder, node, value)
    alpha, gamma = node.attribute("alpha", _SELU[0]), node.attribute("gamma", _SELU[1])
    if abs(alpha - _SELU[0]) < 1e-3 and abs(gamma - _SELU[1]) < 1e-3 and node.opset >= 6:
        return builder.activation(node, rows, "selu")
    made = builder.activation(node, rows, {"name": "elu", "alpha": _float32(alpha)})
    return builder.affine(node, made, np.full(made.shape, gamma), np.zeros(made.shape))


@rule("Gelu")
def gelu(builder: Builder, node: Node, value: Value) -> Value:
    """Exact, or by tanh."""
    kind = node.attribute("approximate", "none")
    if kind not in ("none", "tanh"):
        raise RefusedError(f"has approximate {kind!r}; expected none or tanh")
    return builder.activation(node, rows_of(builder, node, value), "gelu" if kind == "none" else "gelu_tanh")


@rule("HardSigmoid")
def hard_sigmoid(builder: Builder, node: Node, value: Value) -> Value:
    """Slope and offset."""
    slope, offset = _float32(node.attribute("alpha", 0.2)), _float32(node.attribute("beta", 0.5))
    activation = {"name": "hard_sigmoid", "alpha": slope, "beta": offset}
    return builder.activation(node, rows_of(builder, node, value), activation)


@rule("Swish")
def swish(builder: Builder, node: Node, value: Value) -> Value:
    """X · sigmoid(alpha · x)."""
    alpha = _float32(node.attribute("alpha", 1.0))
    activation = "silu" if alpha == 1 else {"name": "silu", "beta": alpha}
    return builder.activation(node, rows_of(builder, node, value), activation)


@rule("ThresholdedRelu")
def thresholded_relu(builder: Builder, node: Node, value: Value) -> Value:
    """X where x > alpha."""
    activation = {"name": "thresholded_relu", "alpha": _float32(node.attribute("alpha", 1.0))}
    return builder.activation(node, rows_of(builder, node, value), activation)


@rule("Shrink")
def shrink(builder: Builder, node: Node, value: Value) -> Value:
    """Soft (bias = lambd) or hard (bias = 0)."""
    bound, bias = _float32(node.attribute("lambd", 0.5)), _float32(node.attribute("bias", 0.0))
    if bound < 0 or bias not in (0, bound):
        raise RefusedError(f"shrinks by {bias} beyond {bound}; served are 0 (hard) and the bound itself (soft)")
    activation = {"name": "soft_shrink" if bias == bound else "hard_shrink", "lambda": bound}
    return builder.activation(node, rows_of(builder, node, value), activation)


@rule("PRelu")
def prelu(builder: Builder, node: Node, value: Value, slope: Value) -> Value:
    """A slope for each column.  Before opset 7 it was by channel."""
    rows = rows_of(builder, node, value)
    if not isinstance(slope, Const):
        raise RefusedError("has slopes that are computed; expected constants")
    array = number(slope)
    if node.opset < 7 and array.ndim == 1 and array.size > 1 and len(rows.shape) > 1:
        array = array.reshape((-1,) + (1,) * (len(rows.shape) - 2))
    wide, slopes = spread(builder, node, rows, array)
    if np.all(slopes == slopes.flat[0]):
        activation: dict[str, Any] = {"name": "leaky_relu", "negative_slope": _float32(float(slopes.flat[0]))}
    else:
        activation = {"name": "prelu", "slope": slopes.reshape(-1).astype(np.float32)}
    return builder.activation(node, wide, activation)
