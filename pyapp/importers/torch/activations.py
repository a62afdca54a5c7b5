"""torch's activations as the engine's: by their names in torch.nn and torch.nn.functional, with their parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyapp.importers.network import Activation, Network

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """An activation of torch: its parameters with their defaults in the order of its constructor, and what to build.

    `build` gives the engine's activation, or adds layers itself to make up what the engine lacks.
    """

    defaults: Parameters
    build: Callable[[Network, str, Parameters, int], Activation | str]
    layers: bool = False
    """`build` adds layers and returns the name of their rows."""


class ParameterError(ValueError):
    """A parameter that cannot be served; the message says which."""


def find(name: str) -> Kind | None:
    """By any spelling: LeakyReLU, leaky_relu, leakyrelu."""
    return _KINDS.get(name.lower().replace("_", "").replace("-", ""))


def apply(network: Network, read: str, kind: Kind, given: Parameters, columns: int) -> str:
    """The activation of those rows, the name of its own.  Raises ParameterError."""
    unknown = sorted(set(given) - set(kind.defaults) - {"inplace"})
    if unknown:
        raise ParameterError(f"has no parameter {unknown[0]}; there are {', '.join(kind.defaults) or 'none'}")
    parameters = {**kind.defaults, **given}
    built = kind.build(network, read, parameters, columns)
    if kind.layers:
        return str(built)
    return network.activate(read, built)


def _plain(name: str) -> Kind:
    return Kind({}, lambda network, read, p, columns: name)


def _with(name: str, **parameters: tuple[str, Any]) -> Kind:
    """`parameters`: the engine's name → torch's name and default."""

    def build(network: Network, read: str, p: Parameters, columns: int) -> Activation:
        values = {ours: float(p[theirs]) for ours, (theirs, _) in parameters.items()}
        return {"name": name, **values}

    return Kind(dict(parameters.values()), build)


def _scaled(network: Network, read: str, factor: float, columns: int) -> str:
    if factor == 1:
        return read
    return network.affine(f"{read}_scaled", read, np.full(columns, factor, np.float32), np.zeros(columns, np.float32))


def _softmax(name: str, sign: int = 1) -> Kind:
    def build(network: Network, read: str, p: Parameters, columns: int) -> str:
        if p["dim"] not in (None, 1, -1):
            raise ParameterError(f"dim is {p['dim']}, not the columns of a row; expected 1 or -1")
        return network.activate(_scaled(network, read, sign, columns), name)

    return Kind({"dim": None}, build, layers=True)


def _softplus(network: Network, read: str, p: Parameters, columns: int) -> str:
    beta = float(p["beta"])
    if beta <= 0:
        raise ParameterError(f"beta is {beta}; expected more than 0")
    rows = network.activate(_scaled(network, read, beta, columns), "softplus")
    return _scaled(network, rows, 1 / beta, columns)


def _log_sigmoid(network: Network, read: str, p: Parameters, columns: int) -> str:
    return _scaled(network, network.activate(_scaled(network, read, -1, columns), "softplus"), -1, columns)


def _difference(
    activation: Callable[[Parameters], str | dict[str, Any]],
) -> Callable[[Network, str, Parameters, int], str]:
    """X − f(x), f being a layer beside x."""

    def build(network: Network, read: str, p: Parameters, columns: int) -> str:
        return network.add("subtract", f"{read}_shrunk", [read, network.activation(read, activation(p))])

    return build


def _soft_shrink(p: Parameters) -> dict[str, Any]:
    return {"name": "hard_tanh", "min": -float(p["lambd"]), "max": float(p["lambd"])}


def _threshold(network: Network, read: str, p: Parameters, columns: int) -> Activation:
    if float(p["value"]) != 0:
        raise ParameterError(f"value is {p['value']}; only 0 can be served")
    return {"name": "relu", "threshold": float(p["threshold"])}


def _gelu(network: Network, read: str, p: Parameters, columns: int) -> Activation:
    if p["approximate"] not in ("none", "tanh"):
        raise ParameterError(f"approximate is {p['approximate']!r}; expected 'none' or 'tanh'")
    return "gelu_tanh" if p["approximate"] == "tanh" else "gelu"


def _rrelu(network: Network, read: str, p: Parameters, columns: int) -> Activation:
    return {"name": "leaky_relu", "negative_slope": (float(p["lower"]) + float(p["upper"])) / 2}


_KINDS: dict[str, Kind] = {
    "linear": _plain("linear"),
    "none": _plain("linear"),
    "identity": _plain("linear"),
    "relu": _plain("relu"),
    "relu6": Kind({}, lambda network, read, p, columns: {"name": "relu", "max_value": 6.0}),
    "leakyrelu": _with("leaky_relu", negative_slope=("negative_slope", 0.01)),
    "rrelu": Kind({"lower": 1 / 8, "upper": 1 / 3}, _rrelu),
    "elu": _with("elu", alpha=("alpha", 1.0)),
    "selu": _plain("selu"),
    "celu": _with("celu", alpha=("alpha", 1.0)),
    "gelu": Kind({"approximate": "none"}, _gelu),
    "gelutanh": _plain("gelu_tanh"),
    "sigmoid": _plain("sigmoid"),
    "hardsigmoid": Kind({}, lambda network, read, p, columns: {"name": "hard_sigmoid", "alpha": 1 / 6, "beta": 0.5}),
    "logsigmoid": Kind({}, _log_sigmoid, layers=True),
    "tanh": _plain("tanh"),
    "hardtanh": _with("hard_tanh", min=("min_val", -1.0), max=("max_val", 1.0)),
    "tanhshrink": Kind({}, _difference(lambda p: "tanh"), layers=True),
    "softshrink": Kind({"lambd": 0.5}, _difference(_soft_shrink), layers=True),
    "softplus": Kind({"beta": 1.0, "threshold": 20.0}, _softplus, layers=True),
    "softsign": _plain("softsign"),
    "silu": _plain("silu"),
    "swish": _plain("silu"),
    "hardswish": _plain("hard_swish"),
    "mish": _plain("mish"),
    "threshold": Kind({"threshold": 0.0, "value": 0.0}, _threshold),
    "exp": _plain("exponential"),
    "exponential": _plain("exponential"),
    "softmax": _softmax("softmax"),
    "softmin": _softmax("softmax", -1),
    "logsoftmax": _softmax("log_softmax"),
}
