"""torch's activations as the engine's: by their names in torch.nn and torch.nn.functional, with their parameters."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pyapp.importers.network import Activation

Parameters = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Kind:
    """An activation of torch: its parameters with their defaults in the order of its constructor."""

    defaults: Parameters
    build: Callable[[Parameters], Activation]
    """The engine's, with all parameters given.  Raises ParameterError."""


class ParameterError(ValueError):
    """A parameter that cannot be served; the message says which."""


def find(name: str) -> Kind | None:
    """By any spelling: LeakyReLU, leaky_relu, leakyrelu."""
    return _KINDS.get(name.lower().replace("_", "").replace("-", ""))


def translate(kind: Kind, given: Parameters) -> Activation:
    """The engine's activation.  Raises ParameterError."""
    unknown = sorted(set(given) - set(kind.defaults) - {"inplace"})
    if unknown:
        raise ParameterError(f"has no parameter {unknown[0]}; there are {', '.join(kind.defaults) or 'none'}")
    return kind.build({**kind.defaults, **given})


def _plain(name: str) -> Kind:
    return Kind({}, lambda p: name)


def _with(name: str, **parameters: tuple[str, Any]) -> Kind:
    """`parameters`: the engine's name → torch's name and default."""

    def build(p: Parameters) -> Activation:
        values = {ours: float(p[theirs]) for ours, (theirs, _) in parameters.items()}
        return {"name": name, **values}

    return Kind(dict(parameters.values()), build)


def _rowwise(name: str) -> Kind:
    def build(p: Parameters) -> Activation:
        if p["dim"] not in (None, 1, -1):
            raise ParameterError(f"dim is {p['dim']}, not the columns of a row; expected 1 or -1")
        return name

    return Kind({"dim": None}, build)


def _softplus(p: Parameters) -> Activation:
    beta, threshold = float(p["beta"]), float(p["threshold"])
    if beta <= 0:
        raise ParameterError(f"beta is {beta}; expected more than 0")
    return {"name": "softplus", "beta": beta, "threshold": threshold}


def _gelu(p: Parameters) -> Activation:
    if p["approximate"] not in ("none", "tanh"):
        raise ParameterError(f"approximate is {p['approximate']!r}; expected 'none' or 'tanh'")
    return "gelu_tanh" if p["approximate"] == "tanh" else "gelu"


def _rrelu(p: Parameters) -> Activation:
    return {"name": "leaky_relu", "negative_slope": (float(p["lower"]) + float(p["upper"])) / 2}


_KINDS: dict[str, Kind] = {
    "linear": _plain("linear"),
    "none": _plain("linear"),
    "identity": _plain("linear"),
    "relu": _plain("relu"),
    "relu6": Kind({}, lambda p: {"name": "relu", "max_value": 6.0}),
    "leakyrelu": _with("leaky_relu", negative_slope=("negative_slope", 0.01)),
    "rrelu": Kind({"lower": 1 / 8, "upper": 1 / 3}, _rrelu),
    "elu": _with("elu", alpha=("alpha", 1.0)),
    "selu": _plain("selu"),
    "celu": _with("celu", alpha=("alpha", 1.0)),
    "gelu": Kind({"approximate": "none"}, _gelu),
    "gelutanh": _plain("gelu_tanh"),
    "sigmoid": _plain("sigmoid"),
    "hardsigmoid": Kind({}, lambda p: {"name": "hard_sigmoid", "alpha": 1 / 6, "beta": 0.5}),
    "logsigmoid": _plain("log_sigmoid"),
    "tanh": _plain("tanh"),
    "hardtanh": _with("hard_tanh", min=("min_val", -1.0), max=("max_val", 1.0)),
    "tanhshrink": _plain("tanh_shrink"),
    "softshrink": _with("soft_shrink", **{"lambda": ("lambd", 0.5)}),
    "hardshrink": _with("hard_shrink", **{"lambda": ("lambd", 0.5)}),
    "softplus": Kind({"beta": 1.0, "threshold": 20.0}, _softplus),
    "softsign": _plain("softsign"),
    "silu": _plain("silu"),
    "swish": _plain("silu"),
    "hardswish": _plain("hard_swish"),
    "mish": _plain("mish"),
    "threshold": _with("threshold", threshold=("threshold", 0.0), value=("value", 0.0)),
    "exp": _plain("exponential"),
    "exponential": _plain("exponential"),
    "softmax": _rowwise("softmax"),
    "softmin": _rowwise("softmin"),
    "logsoftmax": _rowwise("log_softmax"),
}
