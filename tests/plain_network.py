"""A network in plain numpy and double precision: what finite differences can be taken of."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float64]

_erf = np.vectorize(math.erf, otypes=[np.float64])


def _sigmoid(x: Rows) -> Rows:
    return 1 / (1 + np.exp(-x))


def _softplus(x: Rows) -> Rows:
    return np.logaddexp(0, x)


def _softmax(x: Rows) -> Rows:
    e = np.exp(x - x.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def _sparsemax(x: Rows) -> Rows:
    falling = -np.sort(-x, axis=1)
    sums = falling.cumsum(axis=1)
    places = np.arange(1, x.shape[1] + 1)
    count = (1 + places * falling > sums).sum(axis=1, keepdims=True)
    return np.maximum(x - (np.take_along_axis(sums, count - 1, axis=1) - 1) / count, 0)


ACTIVATIONS: dict[str, Callable[[Rows], Rows]] = {
    "linear": lambda x: x,
    "relu": lambda x: np.maximum(x, 0),
    "leaky_relu": lambda x: np.where(x < 0, np.float32(0.01) * x, x),
    "elu": lambda x: np.where(x < 0, np.expm1(x), x),
    "selu": lambda x: 1.0507009873554805 * np.where(x < 0, 1.6732632423543772 * np.expm1(x), x),
    "celu": lambda x: np.where(x < 0, np.expm1(x), x),
    "gelu": lambda x: x / 2 * (1 + _erf(x / math.sqrt(2))),
    "gelu_tanh": lambda x: x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
    "sigmoid": _sigmoid,
    "hard_sigmoid": lambda x: np.clip(np.float32(0.2) * x + 0.5, 0, 1),
    "tanh": np.tanh,
    "hard_tanh": lambda x: np.clip(x, -1, 1),
    "softplus": _softplus,
    "softsign": lambda x: x / (1 + np.abs(x)),
    "silu": lambda x: x * _sigmoid(x),
    "hard_swish": lambda x: x * np.clip((x + 3) / 6, 0, 1),
    "mish": lambda x: x * np.tanh(_softplus(x)),
    "exponential": np.exp,
    "softmax": _softmax,
    "log_softmax": lambda x: np.log(_softmax(x)),
    "softmin": lambda x: _softmax(-x),
    "sparsemax": _sparsemax,
    "abs": np.abs,
    "square": np.square,
    "sqrt": np.sqrt,
    "log": np.log,
    "erf": _erf,
    "reciprocal": lambda x: 1 / x,
    "sign": np.sign,
    "floor": np.floor,
    "ceil": np.ceil,
    "round": np.rint,
    "sin": np.sin,
    "cos": np.cos,
    "threshold": lambda x: np.where(x > 0, x, 0),
    "thresholded_relu": lambda x: np.where(x > 1, x, 0),
    "hard_shrink": lambda x: np.where(np.abs(x) > 0.5, x, 0),
    "soft_shrink": lambda x: np.sign(x) * np.maximum(np.abs(x) - 0.5, 0),
    "tanh_shrink": lambda x: x - np.tanh(x),
    "log_sigmoid": lambda x: -_softplus(-x),
    "squareplus": lambda x: (x + np.sqrt(x * x + 4)) / 2,
    "sparse_plus": lambda x: np.where(x <= -1, 0, np.where(x < 1, (x + 1) ** 2 / 4, x)),
    "sparse_sigmoid": lambda x: np.clip((x + 1) / 2, 0, 1),
}
"""By name, with the parameters that they have by default."""

MERGES: dict[str, Callable[..., Rows]] = {
    "add": lambda *v: sum(v[1:], v[0]),
    "subtract": np.subtract,
    "multiply": lambda *v: np.prod(np.stack(v), axis=0),
    "divide": np.divide,
    "power": np.power,
    "average": lambda *v: np.mean(np.stack(v), axis=0),
    "maximum": lambda *v: np.maximum.reduce(v),
    "minimum": lambda *v: np.minimum.reduce(v),
}

_NORMS = {"l1": 1, "l2": 2, "max": np.inf}
_REDUCTIONS: dict[str, Callable[..., Rows]] = {"sum": np.sum, "mean": np.mean, "maximum": np.max, "minimum": np.min}


def run(manifest: Mapping[str, Any], tensors: Mapping[str, Any], blocks: Mapping[str, Rows]) -> Rows:
    """The first output of rows whose blocks, as layers read them, are given."""
    wide = {name: np.asarray(tensor, np.float64) for name, tensor in tensors.items()}
    values = {name: np.asarray(block, np.float64) for name, block in blocks.items()}
    for layer in manifest["layers"]:
        inputs = [values[name] for name in layer.get("inputs", ())]
        count = len(next(iter(values.values())))
        rows = _layer(layer, inputs, wide, count)
        activation = layer.get("activation", "linear")
        if isinstance(activation, dict) and activation["name"] == "prelu":
            rows = np.where(rows < 0, wide[activation["slope"]] * rows, rows)
        else:
            rows = ACTIVATIONS[activation](rows)
        values[layer["name"]] = rows
    return values[manifest["outputs"][0]["layer"]]


def _layer(layer: Mapping[str, Any], inputs: list[Rows], tensors: Mapping[str, Rows], count: int) -> Rows:
    op = layer["op"]
    if op == "constant":
        return np.tile(tensors[layer["value"]], (count, 1))
    if op in MERGES:
        return MERGES[op](*np.broadcast_arrays(*inputs))
    x = np.concatenate(inputs, axis=1)
    gamma, beta = (tensors[layer[key]] if key in layer else default for key, default in (("gamma", 1.0), ("beta", 0.0)))
    if op == "dense":
        return x @ tensors[layer["kernel"]] + (tensors[layer["bias"]] if "bias" in layer else 0)
    if op == "batch_normalization":
        root = np.sqrt(tensors[layer["variance"]] + layer.get("epsilon", 1e-3))
        return gamma * (x - tensors[layer["mean"]]) / root + beta
    if op == "layer_normalization":
        return gamma * (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + 1e-3) + beta
    if op == "rms_normalization":
        return gamma * x / np.sqrt((x**2).mean(1, keepdims=True) + 1e-6)
    if op == "normalise":
        size = np.maximum(np.linalg.norm(x, _NORMS[layer["norm"]], axis=1, keepdims=True), layer.get("epsilon", 0))
        return x / np.where(size == 0, 1, size)
    if op == "reduce":
        return _REDUCTIONS[layer["function"]](x, axis=1, keepdims=True)
    if op == "select":
        return x[:, layer["columns"]]
    assert op in ("activation", "concatenate", "flatten", "reshape"), op
    return x


def gradient(f: Callable[[Rows], Rows], x: Rows, step: float = 1e-6) -> Rows:
    """Of one number by each number of a row, by central differences."""
    rows = np.repeat(x[None], 2 * len(x), axis=0)
    for i in range(len(x)):
        rows[2 * i, i] += step
        rows[2 * i + 1, i] -= step
    values = f(rows)
    return (values[::2] - values[1::2]) / (2 * step)
