"""The layers over rows of float64."""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import activate
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
