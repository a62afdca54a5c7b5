"""Puts a state_dict's tensors and an architecture together as the layers of a package."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pyapp.importers.network import Network
from pyapp.importers.problems import Problems

from . import activations
from .activations import ParameterError
from .architecture import (
    ACTIVATION,
    BATCH_NORM,
    GLU,
    LAYER_NORM,
    LINEAR,
    PRELU,
    RMS_NORM,
    WITH_TENSORS,
    Architecture,
    Step,
)
from .modules import BATCH_NORM as BATCH_NORM_MODULE
from .modules import LINEAR as LINEAR_MODULE
from .modules import VECTORS, Module
from .tensors import FormatError

_EPSILON = {BATCH_NORM: 1e-5, LAYER_NORM: 1e-5, RMS_NORM: float(np.finfo(np.float32).eps)}
_OPS = {BATCH_NORM: "batch_normalization", LAYER_NORM: "layer_normalization", RMS_NORM: "rms_normalization"}
_KINDS = {LINEAR: LINEAR_MODULE, BATCH_NORM: BATCH_NORM_MODULE, LAYER_NORM: VECTORS, RMS_NORM: VECTORS, PRELU: VECTORS}


@dataclass(slots=True)
class Built:
    """The network, the name of its last rows, their width, and the last step of it."""

    network: Network
    rows: str
    columns: int
    last: Step


def build(architecture: Architecture, modules: Mapping[str, Module], problems: Problems) -> Built | None:
    """The network; None if `problems` has grown.

    `modules` are those of the file; the architecture's names may lack a prefix that all of them have there.
    """
    prefix = _prefix(architecture, modules, problems)
    if prefix is None:
        return None
    chosen = {step.tensors: modules[prefix + step.tensors] for step in architecture.steps if step.has_tensors}
    _check_kinds(architecture, chosen, problems)
    _check_unused(architecture, modules, {module.path for module in chosen.values()}, problems)
    columns = _first_columns(architecture, chosen, problems)
    if columns is None or problems:
        return None
    network = Network()
    rows = network.tensor_input("input", architecture.inputs or (columns,))
    for step in architecture.steps:
        try:
            rows, columns = _add(network, step, chosen.get(step.tensors), rows, columns)
        except (ParameterError, FormatError) as error:
            problems.add(step.place, str(error))
        except (TypeError, ValueError) as error:
            problems.add(step.place, f"a parameter is no number ({error})")
    last = next(step for step in reversed(architecture.steps) if step.kind in (*WITH_TENSORS, ACTIVATION, GLU))
    return None if problems else Built(network, rows, columns, last)


def _prefix(architecture: Architecture, modules: Mapping[str, Module], problems: Problems) -> str | None:
    """What stands before all of the architecture's names in the file, as "module."; "" if nothing does."""
    wanted = [step.tensors for step in architecture.steps if step.has_tensors]
    if not wanted:
        problems.add("architecture", "it has no layer with tensors")
        return None
    ends = [path[: len(path) - len(wanted[0])] for path in modules if path.endswith(wanted[0])]
    prefixes = [end for end in ends if end in ("",) or end.endswith(".")]
    fitting = [prefix for prefix in prefixes if all(prefix + name in modules for name in wanted)]
    if "" in fitting:
        return ""
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        problems.add(
            "architecture", f"its names fit under several prefixes: {', '.join(sorted(fitting))}; write them out"
        )
        return None
    best = max(["", *prefixes], key=lambda prefix: sum(prefix + name in modules for name in wanted))
    there = ", ".join(path or "(no name)" for path in list(modules)[:40])
    for step in architecture.steps:
        if step.has_tensors and best + step.tensors not in modules:
            problems.add(step.place, f"no tensors {best}{step.tensors}.weight are in the file; its modules are {there}")
    return None


def _check_kinds(architecture: Architecture, chosen: Mapping[str, Module], problems: Problems) -> None:
    for step in architecture.steps:
        if not step.has_tensors:
            continue
        module = chosen[step.tensors]
        refusal = module.refusal()
        if not refusal and module.kind != _KINDS[step.kind]:
            shapes = ", ".join(f"{name} {list(tensor.shape)}" for name, tensor in module.tensors.items())
            refusal = f"it is given as {step.kind}, and the file has {shapes}"
        if not refusal and step.features is not None and step.features != module.features:
            refusal = f"it is given with {step.features} features; in the file it has {module.features}"
        if refusal:
            problems.add(_place(module, step), refusal)


def _check_unused(
    architecture: Architecture, modules: Mapping[str, Module], used: set[str], problems: Problems
) -> None:
    """A layer that the architecture lacks would be left out in silence.  Vectors that lie about may be a loss's."""
    for path, module in modules.items():
        ignored = any(path == name or path.startswith(f"{name}.") for name in architecture.ignore)
        if path in used or ignored or (module.kind not in (LINEAR_MODULE, BATCH_NORM_MODULE) and not module.refusal()):
            continue
        problems.add(path or "weight", 'the architecture does not use it; add it, or put its name under "ignore"')


def _first_columns(architecture: Architecture, chosen: Mapping[str, Module], problems: Problems) -> int | None:
    """How many numbers a row of input has: what the first layer that can tell takes."""
    given = math.prod(architecture.inputs) if architecture.inputs else None
    halved = 1
    for step in architecture.steps:
        columns = _taken(step, chosen)
        if columns is not None:
            columns *= halved
            if given is not None and given != columns:
                taker = step.tensors or step.place
                problems.add("/inputs", f"{list(architecture.inputs or ())}; {taker} takes {columns} numbers")
            return columns
        halved *= 2 if step.kind == GLU else 1
    if given is None:
        problems.add("architecture", 'it does not say how many numbers a row has; add "inputs": 10')
    return given


def _taken(step: Step, chosen: Mapping[str, Module]) -> int | None:
    """How many columns the layer takes; None for one that takes any."""
    if step.bare:
        return step.features[0] if step.features else None
    taken = chosen[step.tensors].features[0] if step.has_tensors else None
    return None if step.kind == PRELU and taken == 1 else taken


def _add(network: Network, step: Step, module: Module | None, rows: str, columns: int) -> tuple[str, int]:
    """The step's layers; the name and width of its rows."""
    if step.kind == ACTIVATION:
        kind = activations.find(step.activation)
        if kind is None:
            raise ParameterError(f"{step.activation} is no activation that can be served")
        return network.activate(rows, activations.translate(kind, step.parameters)), columns
    if step.kind == GLU:
        return _gated(network, rows, columns)
    if step.bare:
        return _bare(network, step, rows, columns)
    if module is None:  # dropout, flatten: nothing for a row
        return rows, columns
    taken, made = module.features
    name = module.path.replace(".", "_") or "linear"
    if taken != columns and not (step.kind == PRELU and taken == 1):
        raise ParameterError(f"{module.path} takes {taken} numbers, and the layer before makes {columns}")
    if step.kind == LINEAR:
        return network.dense(name, rows, module.weight().T, module.vector("bias")), made
    weight, bias = module.vector("weight"), module.vector("bias")
    if step.kind == PRELU:
        slope = np.ones(columns, np.float32) * (weight if weight is not None else np.float32(0.25))
        return network.activate(rows, {"name": "prelu", "slope": slope}), columns
    vectors = {"gamma": weight, "beta": bias}
    op = _OPS[step.kind]
    if step.kind == BATCH_NORM:
        vectors = {"mean": module.vector("running_mean"), "variance": module.vector("running_var"), **vectors}
        if vectors["mean"] is None or vectors["variance"] is None:
            raise ParameterError("the file lacks its running_mean or running_var")
    elif step.kind == RMS_NORM and bias is not None:
        raise ParameterError("RMSNorm has no bias, and the file has one")
    parameters: dict[str, Any] = {key: value for key, value in vectors.items() if value is not None}
    parameters["epsilon"] = step.parameters.get("epsilon", _EPSILON[step.kind])
    return network.add(op, name, rows, **parameters), columns


def _gated(network: Network, rows: str, columns: int) -> tuple[str, int]:
    """The first half of the columns, times the sigmoid of the second."""
    if columns % 2:
        raise ParameterError(f"GLU halves its columns, and the layer before makes {columns}")
    half = columns // 2
    value = network.add("select", "glu_value", rows, columns=list(range(half)))
    gate = network.add("select", "glu_gate", rows, columns=list(range(half, columns)))
    return network.add("multiply", "glu", [value, network.activate(gate, "sigmoid")]), half


def _bare(network: Network, step: Step, rows: str, columns: int) -> tuple[str, int]:
    """A normalisation without tensors."""
    if step.features is not None and step.features[0] != columns:
        raise ParameterError(f"it takes {step.features[0]} numbers, and the layer before makes {columns}")
    epsilon = step.parameters.get("epsilon", _EPSILON[step.kind])
    return network.add(_OPS[step.kind], step.kind, rows, epsilon=epsilon), columns


def _place(module: Module, step: Step) -> str:
    return module.path if module.path == step.place or not step.place else f"{module.path} ({step.place})"
