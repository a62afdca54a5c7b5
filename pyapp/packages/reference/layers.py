"""The layers, and every activation, over rows of float64."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .steps import norm_of

Numbers = NDArray[np.float64]
Tensors = Mapping[str, NDArray[Any]]


def run_layers(values: dict[str, Numbers], layers: Sequence[Mapping[str, Any]], tensors: Tensors, rows: int) -> None:
    """Adds the rows of each layer, float64 [rows, columns], to those of the inputs."""
    doubles = {name: np.asarray(tensor, np.float64) for name, tensor in tensors.items()}
    with np.errstate(all="ignore"):
        for layer in layers:
            inputs = [values[name] for name in layer.get("inputs", ())]
            made = _layer(layer, inputs, doubles, rows)
            values[layer["name"]] = activate(made, layer.get("activation"), doubles)


def _layer(layer: Mapping[str, Any], inputs: list[Numbers], tensors: Mapping[str, Numbers], rows: int) -> Numbers:
    op = layer["op"]
    given = {
        key: tensors[layer[key]]
        for key in ("kernel", "bias", "mean", "variance", "gamma", "beta", "value")
        if layer.get(key) is not None
    }
    if op == "constant":
        return np.tile(given["value"].reshape(1, -1), (rows, 1))
    if op in _MERGE:
        return reduce(_MERGE[op], inputs) / (len(inputs) if op == "average" else 1)
    x = np.concatenate(inputs, axis=1)
    if op == "dense":
        return np.asarray(x @ given["kernel"] + given.get("bias", 0))
    if op == "batch_normalization":
        return _normal(x, given["mean"], given["variance"], layer.get("epsilon", 1e-3), given)
    if op == "layer_normalization":
        mean, variance = x.mean(axis=1, keepdims=True), x.var(axis=1, keepdims=True)
        return _normal(x, mean, variance, layer.get("epsilon", 1e-3), given)
    if op == "rms_normalization":
        squares = (x * x).mean(axis=1, keepdims=True)
        return _normal(x, np.zeros(1), squares, layer.get("epsilon", 1e-6), given)
    if op == "normalise":
        norms = np.maximum(norm_of(x, layer["norm"]), layer.get("epsilon", 0))
        return x / np.where(norms == 0, 1, norms)
    if op == "reduce":
        return np.asarray(_REDUCE[layer["function"]](x, axis=1, keepdims=True))
    if op == "select":
        return x[:, layer["columns"]]
    return x  # activation, concatenate, flatten, reshape


def _normal(x: Numbers, mean: Numbers, variance: Numbers, epsilon: float, given: Mapping[str, Numbers]) -> Numbers:
    return given.get("gamma", np.ones(1)) * (x - mean) / np.sqrt(variance + epsilon) + given.get("beta", np.zeros(1))


_MERGE: dict[str, Callable[[Numbers, Numbers], Numbers]] = {
    "add": np.add,
    "average": np.add,
    "multiply": np.multiply,
    "maximum": np.maximum,
    "minimum": np.minimum,
    "subtract": np.subtract,
    "divide": np.divide,
    "power": np.power,
}
_REDUCE: dict[str, Callable[..., Any]] = {"sum": np.sum, "mean": np.mean, "maximum": np.max, "minimum": np.min}


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
    "softplus": lambda x: np.logaddexp(x, 0),
    "softsign": lambda x: x / (1 + np.abs(x)),
    "silu": lambda x: x * _sigmoid(x),
    "hard_swish": lambda x: x * np.clip(x + 3, 0, 6) / 6,
    "mish": lambda x: x * np.tanh(np.logaddexp(x, 0)),
    "exponential": np.exp,
    "softmax": lambda x: np.exp(_log_softmax(x)),
    "log_softmax": _log_softmax,
}
