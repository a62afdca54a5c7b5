"""Keras' activations as the engine's: by name, as objects, as layers."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ..network import Activation
from .architecture import number
from .rows import Builder, Rows, UnservableError

_SAME = [
    "linear",
    "relu",
    "selu",
    "elu",
    "celu",
    "softplus",
    "softsign",
    "tanh",
    "sigmoid",
    "exponential",
    "mish",
    "hard_tanh",
    "gelu",
    "silu",
    "log_sigmoid",
    "tanh_shrink",
    "soft_shrink",
    "hard_shrink",
    "squareplus",
    "sparse_plus",
    "sparse_sigmoid",
    "softmax",
    "log_softmax",
]
"""Those that the engine has under the same name, with the same presets."""

_ROWWISE = ("softmax", "log_softmax")

_ALIASES: dict[str, Activation] = {
    "swish": "silu",
    "hard_silu": "hard_swish",
    "hard_swish": "hard_swish",
    "relu6": {"name": "relu", "max_value": 6},
    "leaky_relu": {"name": "leaky_relu", "negative_slope": 0.2},
}


def activate(builder: Builder, rows: Rows, value: Any, name: str) -> Rows:
    """The rows after an activation as a layer's configuration has it: null, a name, or an object."""
    if value is None:
        return rows
    if isinstance(value, dict):
        kind, inside = str(value.get("class_name", "")), value.get("config")
        registered = value.get("registered_name")
        foreign = isinstance(registered, str) and (">" in registered or registered == "function")
        if kind == "function" or isinstance(inside, str):
            value = None if foreign and value.get("module") != "keras.activations" else inside
            if not isinstance(value, str) or not is_known(value):
                raise UnservableError(
                    f"has an activation, {inside or registered!r}, of Python code that is not in the file; "
                    "use one of Keras' own"
                )
        elif kind in LAYERS and not (isinstance(registered, str) and ">" in registered):
            return LAYERS[kind](builder, rows, inside if isinstance(inside, dict) else {}, name)
        else:
            raise UnservableError(
                f"has an activation, {registered or kind!r}, that is not one of Keras' own; use one that is"
            )
    if not isinstance(value, str):
        raise UnservableError(f"has an activation, {value!r}, of no form that Keras writes")
    return _named(builder, rows, value.rsplit(">", 1)[-1] if value.startswith("keras") else value, name)


def is_known(name: str) -> bool:
    """Whether that is one of Keras' activations that can be served."""
    return name in _SAME or name in _ALIASES or name in ("hard_sigmoid", "glu")


def _named(builder: Builder, rows: Rows, kind: str, name: str) -> Rows:
    if kind == "hard_sigmoid":
        return _apply(builder, rows, {"name": kind, "alpha": 1 / 6 if builder.major >= 3 else 0.2, "beta": 0.5}, name)
    if kind in _ROWWISE:
        return _along(builder, rows, kind, [len(rows.shape) - 1], name)
    if kind in _SAME or kind in _ALIASES:
        return _apply(builder, rows, _ALIASES.get(kind, kind), name)
    if kind == "glu":
        return _glu(builder, rows, name)
    if kind == "sparsemax":
        raise UnservableError(
            "has the activation sparsemax, which Keras computes otherwise than it is defined; use softmax"
        )
    raise UnservableError(f"has an activation, {kind!r}, that is not one of Keras' own; use one that is")


def _apply(builder: Builder, rows: Rows, activation: Activation, name: str) -> Rows:
    own = f"{name}_activation"
    return Rows(builder.network.activate(builder.read(rows), activation, own, fold=rows.alone), rows.shape)


def _along(builder: Builder, rows: Rows, kind: str, axes: list[int], name: str) -> Rows:
    return builder.grouped(rows, name, axes, lambda part, own: _apply(builder, part, kind, own))


def _glu(builder: Builder, rows: Rows, name: str) -> Rows:
    """The first half of the last axis, times the sigmoid of the second"""
    width = rows.shape[-1] if rows.shape else 1
    if width % 2:
        raise UnservableError(f"has the activation glu, which needs an even number of columns; there are {width}")
    index = np.arange(rows.size).reshape(-1, 2, width // 2)
    shape = (*rows.shape[:-1], width // 2)
    value = builder.select(rows, f"{name}_value", index[:, 0], shape)
    gate = _apply(builder, builder.select(rows, f"{name}_gate", index[:, 1], shape), "sigmoid", f"{name}_gate")
    return builder.add("multiply", f"{name}_glu", [value, gate], shape)


def _leaky_relu(builder: Builder, rows: Rows, config: dict[str, Any], name: str) -> Rows:
    slope = number(config.get("negative_slope", config.get("alpha")), 0.3)
    return _apply(
        builder, rows, {"name": "leaky_relu", "negative_slope": float(np.asarray(slope).reshape(-1)[0])}, name
    )


def _elu(builder: Builder, rows: Rows, config: dict[str, Any], name: str) -> Rows:
    alpha = float(np.asarray(number(config.get("alpha"), 1.0)).reshape(-1)[0])
    return _apply(builder, rows, {"name": "elu", "alpha": alpha}, name)


def _relu(builder: Builder, rows: Rows, config: dict[str, Any], name: str) -> Rows:
    parameters = {key: number(config.get(key)) for key in ("max_value", "negative_slope", "threshold")}
    given = {key: float(np.asarray(value).reshape(-1)[0]) for key, value in parameters.items() if value is not None}
    given = {key: value for key, value in given.items() if value != 0 or key == "max_value"}
    return _apply(builder, rows, {"name": "relu", **given} if given else "relu", name)


def _thresholded_relu(builder: Builder, rows: Rows, config: dict[str, Any], name: str) -> Rows:
    theta = float(np.asarray(number(config.get("theta"), 1.0)).reshape(-1)[0])
    return _apply(builder, rows, {"name": "thresholded_relu", "alpha": theta}, name)


def _softmax(builder: Builder, rows: Rows, config: dict[str, Any], name: str) -> Rows:
    return _along(builder, rows, "softmax", row_axes(config.get("axis", -1), len(rows.shape)), name)


def _activation(builder: Builder, rows: Rows, config: dict[str, Any], name: str) -> Rows:
    return activate(builder, rows, config.get("activation"), name)


LAYERS: dict[str, Callable[[Builder, Rows, dict[str, Any], str], Rows]] = {
    "Activation": _activation,
    "LeakyReLU": _leaky_relu,
    "ELU": _elu,
    "ReLU": _relu,
    "ThresholdedReLU": _thresholded_relu,
    "Softmax": _softmax,
}
"""Layers that are activations without weights; also written as a layer's `activation`."""


def row_axes(axis: Any, rank: int) -> list[int]:
    """Axes of Keras, which count the batch, as those of a row of `rank` dimensions; ascending, ≥ 0."""
    axes = [axis] if isinstance(axis, int) else axis
    if not isinstance(axes, list | tuple) or not all(isinstance(item, int) for item in axes):
        raise UnservableError(f"has axis={axis!r}; expected a number or several")
    found = sorted({item - 1 if item >= 0 else item + rank for item in axes})
    if found and (found[0] < 0 or found[-1] >= rank):
        raise UnservableError(f"has axis={axis!r}; expected axes of a row, from 1 to {rank}")
    return found
