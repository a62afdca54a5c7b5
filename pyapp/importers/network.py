"""Builds the layers and steps of a manifest: unique names, tensors beside them, the usual parts folded together."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Activation = str | dict[str, Any] | None

# Ops that apply an activation themselves; an activation after another op is a layer of its own.
_ACTIVATE = ("dense", "add", "multiply", "average", "maximum", "minimum", "subtract", "divide", "power", "concatenate")


class Network:
    """Inputs, steps and layers in the order they were added; `add` and `step` return the name of their rows."""

    def __init__(self) -> None:
        """Empty."""
        self.inputs: list[dict[str, Any]] = []
        self.steps: list[dict[str, Any]] = []
        self.layers: list[dict[str, Any]] = []
        self.tensors: dict[str, NDArray[Any]] = {}
        self._names: set[str] = set()

    def unique(self, name: str) -> str:
        """The name, or name_2, name_3 … if it is taken."""
        candidate, count = name, 1
        while candidate in self._names:
            count += 1
            candidate = f"{name}_{count}"
        self._names.add(candidate)
        return candidate

    def tensor_input(self, name: str, shape: Sequence[int], **more: Any) -> str:
        """An input of kind tensor; `shape` without the batch."""
        self.inputs.append({"name": self.unique(name), "kind": "tensor", "shape": list(shape), **more})
        return str(self.inputs[-1]["name"])

    def table_input(self, name: str, columns: Sequence[Mapping[str, Any]]) -> str:
        """An input of kind table."""
        self.inputs.append(
            {"name": self.unique(name), "kind": "table", "columns": [dict(column) for column in columns]}
        )
        return str(self.inputs[-1]["name"])

    def text_input(self, name: str) -> str:
        """An input of kind text."""
        self.inputs.append({"name": self.unique(name), "kind": "text"})
        return str(self.inputs[-1]["name"])

    def step(self, op: str, read: str | Sequence[str], output: str | None = None, **parameters: Any) -> str:
        """A preprocessing step over one block or several side by side; the name of the block that holds its result.

        Without `output` the result takes the place of what was read.
        """
        step: dict[str, Any] = {"op": op}
        step["input" if isinstance(read, str) else "inputs"] = read if isinstance(read, str) else list(read)
        if output is not None:
            step["output"] = output = self.unique(output)
        elif not isinstance(read, str):
            raise ValueError(f"{op}: a step over several blocks needs an output")
        self.steps.append({**step, **parameters})
        return output if output is not None else str(read)

    def add(
        self, op: str, name: str, read: str | Sequence[str], activation: Activation = None, **parameters: Any
    ) -> str:
        """A layer; the name of its rows.  Arrays among the parameters become tensors named LAYER/PARAMETER."""
        name = self.unique(name)
        layer: dict[str, Any] = {"name": name, "op": op, "inputs": [read] if isinstance(read, str) else list(read)}
        for key, value in parameters.items():
            layer[key] = self.tensor(f"{name}/{key}", value) if isinstance(value, np.ndarray) else value
        self.layers.append(layer)
        return self.activate(name, activation)

    def dense(
        self,
        name: str,
        read: str | Sequence[str],
        kernel: ArrayLike,
        bias: ArrayLike | None = None,
        activation: Activation = None,
    ) -> str:
        """A layer x · kernel + bias; kernel [inputs, units], bias [units]."""
        kernel = np.asarray(kernel)
        parameters: dict[str, Any] = {"units": kernel.shape[1], "kernel": kernel}
        if bias is not None:
            parameters["bias"] = np.asarray(bias).reshape(-1)
        return self.add("dense", name, read, activation, **parameters)

    def affine(self, name: str, read: str, scale: ArrayLike, shift: ArrayLike) -> str:
        """A layer x · scale + shift, per column: both [columns]."""
        scale, shift = np.asarray(scale), np.asarray(shift)
        mean, variance = np.zeros_like(scale), np.ones_like(scale)
        return self.add(
            "batch_normalization", name, read, mean=mean, variance=variance, gamma=scale, beta=shift, epsilon=0
        )

    def activate(self, read: str, activation: Activation, name: str | None = None, apart: bool = False) -> str:
        """The activation of those rows: part of the layer that makes them if it is the last one and has none yet.

        `apart`: always a layer of its own, since others read the rows as they are.
        """
        if activation is None or activation in ("linear", {"name": "linear"}):
            return read
        last = self.layers[-1] if self.layers else {}
        if not apart and last.get("name") == read and last["op"] in _ACTIVATE and "activation" not in last:
            last["activation"] = self._with_slope(read, activation)
            return read
        kind = activation if isinstance(activation, str) else activation["name"]
        own = self.unique(name or f"{read}_{kind}")
        self.layers.append({"name": own, "op": "activation", "inputs": [read], "activation": None})
        self.layers[-1]["activation"] = self._with_slope(own, activation)
        return own

    def tensor(self, name: str, value: ArrayLike) -> str:
        """Keeps the array under that name, as float32 unless it is a float of another width; returns the name."""
        array = np.asarray(value)
        if array.dtype not in (np.float16, np.float32, np.float64):
            array = array.astype(np.float32)
        self.tensors[name] = np.ascontiguousarray(array)
        return name

    def _with_slope(self, layer: str, activation: str | dict[str, Any]) -> str | dict[str, Any]:
        if isinstance(activation, dict) and isinstance(activation.get("slope"), np.ndarray):
            return {**activation, "slope": self.tensor(f"{layer}/slope", activation["slope"])}
        return activation

    def manifest(
        self, task: str, outputs: Sequence[Mapping[str, Any]], provenance: Mapping[str, Any], description: str = ""
    ) -> dict[str, Any]:
        """model.json; `outputs` are {"name", "layer", "labels"?}."""
        return {
            "format": 1,
            "task": task,
            **({"description": description} if description else {}),
            "inputs": self.inputs,
            **({"preprocess": self.steps} if self.steps else {}),
            "layers": self.layers,
            "outputs": [dict(output) for output in outputs],
            "provenance": dict(provenance),
        }
