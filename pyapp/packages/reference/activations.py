"""Every activation of the engine (ext/core/activate.h), over rows of float64."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.float64]


def activate(x: Numbers, activation: Any, tensors: Mapping[str, Numbers]) -> Numbers:
    """An activation by its name, or with its parameters as in a manifest."""
    if activation is None:
        return x
    parameters = {"name": activation} if isinstance(activation, str) else dict(activation)
    name = parameters.pop("name")
    if name == "prelu":
        return np.where(x < 0, x * tensors[parameters["slope"]], x)
    return np.asarray(_ACTIVATIONS[name](x, **parameters))


def _relu(x: Numbers, max_value: float = math.inf, negative_slope: float = 0, threshold: float = 0) -> Numbers:
    below = negative_slope * (x - threshold) if negative_slope else np.zeros_like(x)
    return np.where(np.isnan(x), x, np.where(x >= threshold, np.minimum(x, max_value), below))


def _exponential_below(scale: float, alpha: float, steepness: float = 1) -> Callable[[Numbers], Numbers]:
    return lambda x: scale * np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0) / steepness))


def _sigmoid(x: Numbers) -> Numbers:
    return np.where(x >= 0, 1 / (1 + np.exp(-np.abs(x))), np.exp(-np.abs(x)) / (1 + np.exp(-np.abs(x))))


def _log_softmax(x: Numbers) -> Numbers:
    shifted = x - x.max(axis=1, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True)))


def _softplus(x: Numbers, beta: float = 1, threshold: float = math.inf) -> Numbers:
    return np.where(beta * x > threshold, x, np.logaddexp(beta * x, 0) / beta)


def _threshold(x: Numbers, threshold: float = 0, value: float = 0) -> Numbers:
    return np.where(x > threshold, x, value)


def _sparsemax(x: Numbers) -> Numbers:
    """max(x − t, 0) with the t that makes the sum 1: of the largest numbers that stay above it."""
    ordered = -np.sort(-x, axis=1)
    counts = np.arange(1, x.shape[1] + 1)
    sums = np.cumsum(ordered, axis=1) - 1
    kept = (ordered * counts > sums).sum(axis=1, keepdims=True)
    return np.asarray(np.maximum(x - np.take_along_axis(sums, kept - 1, axis=1) / kept, 0))


_erf = np.vectorize(math.erf, otypes=[np.float64])
_SQRT_2, _SQRT_2_PI = math.sqrt(2), math.sqrt(2 / math.pi)
_SELU = (1.0507009873554805, 1.6732632423543772)

_ACTIVATIONS: dict[str, Callable[..., Numbers]] = {
    "linear": lambda x: x,
    "relu": _relu,
    "leaky_relu": lambda x, negative_slope=0.01: np.where(x < 0, negative_slope * x, x),
    "elu": lambda x, alpha=1.0: _exponential_below(1, alpha)(x),
    "selu": lambda x: _exponential_below(*_SELU)(x),
    "celu": lambda x, alpha=1.0: _exponential_below(1, alpha, alpha)(x),
    "gelu": lambda x: 0.5 * x * (1 + _erf(x / _SQRT_2)),
    "gelu_tanh": lambda x: 0.5 * x * (1 + np.tanh(_SQRT_2_PI * (x + 0.044715 * x**3))),
    "sigmoid": _sigmoid,
    "hard_sigmoid": lambda x, alpha=0.2, beta=0.5: np.clip(alpha * x + beta, 0, 1),
    "tanh": np.tanh,
    "hard_tanh": lambda x, min=-1.0, max=1.0: np.clip(x, min, max),  # noqa: A006 - the manifest's names
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "silu": lambda x, beta=1.0: x * _sigmoid(beta * x),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "exponential": np.exp,
    "softmax": lambda x: np.exp(_log_softmax(x)),
    "log_softmax": _log_softmax,
    "softmin": lambda x: np.exp(_log_softmax(-x)),
    "sparsemax": _sparsemax,
    "abs": np.abs,
    "square": np.square,
    "sqrt": np.sqrt,
    "log": np.log,
    "erf": _erf,
    "reciprocal": np.reciprocal,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sin": np.sin,
    "cos": np.cos,
    "threshold": _threshold,
    "thresholded_relu": lambda x, alpha=1.0: np.where(x > alpha, x, 0),
    "hard_shrink": lambda x, **p: np.where(np.abs(x) <= p.get("lambda", 0.5), 0, x),
    "soft_shrink": lambda x, **p: np.sign(x) * np.maximum(np.abs(x) - p.get("lambda", 0.5), 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "log_sigmoid": lambda x: -np.logaddexp(-x, 0),
    "squareplus": lambda x, b=4.0: (x + np.sqrt(x * x + b)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
}
