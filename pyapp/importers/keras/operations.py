"""Arithmetic written around the layers, as x + y or x / 255: tf.keras' TFOpLambda, and operations of Keras 3."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from .activations import activate
from .architecture import Layer
from .layers import join, merged
from .rows import Builder, Rows, UnservableError
from .weights import snake_case

Operation = Callable[[Builder, Layer, Sequence[Rows], Mapping[str, Any]], Rows]

_BINARY = {
    "add": "add",
    "subtract": "subtract",
    "sub": "subtract",
    "multiply": "multiply",
    "mul": "multiply",
    "divide": "divide",
    "true_divide": "divide",
    "truediv": "divide",
    "maximum": "maximum",
    "minimum": "minimum",
    "pow": "power",
    "power": "power",
}
_REVERSED = {"radd": "add", "rsub": "subtract", "rmul": "multiply", "rtruediv": "divide"}
_UNARY = "relu relu6 sigmoid tanh softmax softplus softsign elu selu silu gelu leaky_relu".split()  # noqa: SIM905
_OPERATIONS = (
    "TrueDivide",
    "Divide",
    "Power",
    "Relu",
    "Relu6",
    "Sigmoid",
    "Tanh",
    "Softplus",
    "Softsign",
    "Silu",
    "Gelu",
)
"""Those of Keras 3 that are no layers, by the names that HDF5 files give them."""


def operation(layer: Layer) -> Operation | None:
    """What computes it; None if it is a layer, or an operation that cannot be served."""
    if layer.kind == "TFOpLambda":
        function = str(layer.config.get("function", ""))
        name = function.rsplit(".", 1)[-1]
        if not function.startswith(("math.", "__operators__.", "nn.", "concat", "keras.activations.")):
            return None
    elif layer.custom is None and (layer.operation or layer.kind in _OPERATIONS):
        name = {"re_lu": "relu", "lu": "relu"}.get(snake_case(layer.kind), snake_case(layer.kind))
    else:
        return None
    if name in _BINARY:
        return _binary(_BINARY[name])
    if name in _REVERSED:
        return _binary(_REVERSED[name], turned=True)
    if name in ("concat", "concatenate"):
        return _concatenate
    return _unary(name) if name in _UNARY else None


def _operands(inputs: Sequence[Rows], options: Mapping[str, Any]) -> list[Rows]:
    found = list(inputs)
    for key in ("x", "x1", "y", "x2"):
        value = options.get(key)
        if isinstance(value, Rows):
            found.append(value)
        elif isinstance(value, int | float | list) and not isinstance(value, bool):
            array = np.asarray(value, np.float64)
            found.append(Rows("", tuple(array.shape), constant=array.reshape(-1)))
    return found


def _binary(op: str, turned: bool = False) -> Operation:
    def compute(builder: Builder, layer: Layer, inputs: Sequence[Rows], options: Mapping[str, Any]) -> Rows:
        operands = _operands(inputs, options)
        if len(operands) != 2:
            raise UnservableError(f"has {len(operands)} operands; expected two")
        left, right = reversed(operands) if turned else operands
        if right.constant is not None and right.size == 1 and left.early and not left.text and op in _STEPS:
            factor, offset = _STEPS[op](float(right.constant[0]))
            return builder.step("scale", left, layer.name, factor=factor, offset=offset)
        return merged(op)(builder, layer, [left, right])

    return compute


_STEPS: dict[str, Callable[[float], tuple[float, float]]] = {
    "add": lambda number: (1.0, number),
    "subtract": lambda number: (1.0, -number),
    "multiply": lambda number: (number, 0.0),
}


def _concatenate(builder: Builder, layer: Layer, inputs: Sequence[Rows], options: Mapping[str, Any]) -> Rows:
    return join(builder, layer, inputs, options.get("axis", layer.config.get("axis", -1)))


def _unary(name: str) -> Operation:
    def compute(builder: Builder, layer: Layer, inputs: Sequence[Rows], options: Mapping[str, Any]) -> Rows:
        if len(inputs) != 1 or any(value is not None and key not in ("name", "axis") for key, value in options.items()):
            raise UnservableError(f"is called with {dict(options)}; only its input can be served")
        return activate(builder, inputs[0], name, layer.name)

    return compute
