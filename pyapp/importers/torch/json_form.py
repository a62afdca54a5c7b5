"""The architecture as JSON: {"layers": [{"type": "linear", "tensors": "fc1", "then": "relu"}, …]}."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from . import activations
from .architecture import (
    ACTIVATION,
    FLATTEN,
    GLU,
    LAYER_NORM,
    NOTHING,
    PRELU,
    RMS_NORM,
    TYPES,
    WITH_TENSORS,
    Architecture,
    Step,
    kind_of,
)
from .tensors import FormatError


def parse(text: str) -> Architecture:
    """The architecture.  Raises FormatError naming the place."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise FormatError(f"no JSON: {error}") from error
    if isinstance(document, list):
        document = {"layers": document}
    if "class_name" in document or "config" in document:
        raise FormatError('a Keras architecture; for torch it is {"layers": [{"type": "linear", "tensors": "fc1"}, …]}')
    _only(document, ("layers", "inputs", "state", "ignore", "comment"), "")
    layers = document.get("layers")
    if not isinstance(layers, list) or not layers:
        raise FormatError('/layers: expected an array: [{"type": "linear", "tensors": "fc1", "then": "relu"}, …]')
    steps: list[Step] = []
    for i, layer in enumerate(layers):
        steps += _layer(layer, f"/layers/{i}")
    return Architecture(tuple(steps), _shape(document.get("inputs")), _state(document), _ignored(document))


def _layer(layer: Any, place: str) -> list[Step]:
    if not isinstance(layer, dict) or not isinstance(layer.get("type"), str):
        raise FormatError(f'{place}: expected an object with a type: {{"type": "linear", "tensors": "fc1"}}')
    kind = kind_of(layer["type"])
    if kind is None:
        raise FormatError(f"{place}/type: {layer['type']!r} cannot be served; there are {TYPES}")
    steps: list[Step] = []
    parameters = {key: value for key, value in layer.items() if key not in ("type", "tensors", "then", "activation")}
    if kind in WITH_TENSORS:
        bare = kind in (LAYER_NORM, RMS_NORM) and layer.get("affine") is False
        if not bare and not isinstance(layer.get("tensors"), str):
            raise FormatError(f'{place}/tensors: expected the module\'s name in the file, as in "fc1"')
        _only(parameters, ("epsilon", "eps", "affine", "in_features", "out_features", "features"), place)
        epsilon = parameters.get("epsilon", parameters.get("eps"))
        if epsilon is not None and not (_is_number(epsilon) and epsilon >= 0):
            raise FormatError(f"{place}/epsilon: {epsilon!r}; expected a number, 0 or more")
        given = {} if epsilon is None else {"epsilon": float(epsilon)}
        steps.append(Step(kind, place, "" if bare else layer["tensors"], parameters=given, bare=bare))
    elif kind == ACTIVATION:
        named = layer["type"] if activations.find(layer["type"]) else layer.get("activation")
        steps.append(_activation(named, parameters, place))
    else:
        steps.append(Step(kind, place))
    then = layer.get("then", layer.get("activation") if kind != ACTIVATION else None)
    for i, item in enumerate(then if isinstance(then, list) else [] if then is None else [then]):
        steps.append(_then(item, f"{place}/then{f'/{i}' if isinstance(then, list) else ''}"))
    return steps


def _then(item: Any, place: str) -> Step:
    if isinstance(item, str):
        if kind_of(item) in (NOTHING, FLATTEN):
            return Step(NOTHING, place)
        if kind_of(item) == GLU:
            return Step(GLU, place)
        return _activation(item, {}, place)
    if isinstance(item, dict):
        name = item.get("name", item.get("type"))
        parameters = {key: value for key, value in item.items() if key not in ("name", "type", "tensors")}
        if isinstance(name, str) and kind_of(name) in (PRELU, NOTHING):
            return _layer({"type": name, **{key: item[key] for key in ("tensors",) if key in item}}, place)[0]
        return _activation(name, parameters, place)
    raise FormatError(f'{place}: expected an activation: "relu", or {{"name": "leaky_relu", "negative_slope": 0.2}}')


def _activation(name: Any, parameters: Mapping[str, Any], place: str) -> Step:
    kind = activations.find(name) if isinstance(name, str) else None
    if kind is None:
        if name == "?":
            raise FormatError(f'{place} is "?"; write the activation that follows, or "none"')
        raise FormatError(f"{place}: {name!r} is no activation that can be served; expected relu, tanh, softmax …")
    for key, value in parameters.items():
        if not _is_number(value) and key not in ("approximate", "dim", "inplace"):
            raise FormatError(f"{place}/{key}: {value!r}; expected a number")
    return Step(ACTIVATION, place, activation=str(name), parameters=dict(parameters))


def _shape(inputs: Any) -> tuple[int, ...] | None:
    if inputs is None:
        return None
    numbers = inputs if isinstance(inputs, list) else [inputs]
    if not numbers or not all(type(number) is int and 0 < number < 1 << 24 for number in numbers):
        raise FormatError(f"/inputs: {inputs!r}; expected the shape of one row: 784, or [28, 28]")
    return tuple(numbers)


def _state(document: Mapping[str, Any]) -> str | None:
    state = document.get("state")
    if state is not None and not isinstance(state, str):
        raise FormatError('/state: expected where the state_dict is in the checkpoint, as in "ema.model"')
    return state


def _ignored(document: Mapping[str, Any]) -> tuple[str, ...]:
    ignore = document.get("ignore", [])
    names = ignore if isinstance(ignore, list) else [ignore]
    if not all(isinstance(name, str) for name in names):
        raise FormatError('/ignore: expected names of modules, as in ["decoder"]')
    return tuple(names)


def _only(given: Mapping[str, Any], known: Sequence[str], place: str) -> None:
    unknown = sorted(set(given) - set(known))
    if unknown:
        raise FormatError(f"{place}/{unknown[0]}: unknown; expected {', '.join(known)}")


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < float("inf")
