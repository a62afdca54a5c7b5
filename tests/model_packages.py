"""Model packages made by hand for tests, and the plain numpy network that they must agree with."""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def write_safetensors(path: Path, tensors: dict[str, Floats]) -> None:
    """The format in ten lines, so that tests of the reader do not depend on a library."""
    header: dict[str, Any] = {}
    data = b""
    for name, tensor in tensors.items():
        raw = np.ascontiguousarray(tensor, "<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def write_package(folder: Path, manifest: dict[str, Any], tensors: dict[str, Floats]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.json").write_text(json.dumps(manifest))
    write_safetensors(folder / "weights.safetensors", tensors)
    return folder


def dense_network(
    sizes: Sequence[int], seed: int = 0, hidden: str = "relu", last: str = "softmax"
) -> tuple[dict[str, Any], dict[str, Floats]]:
    """Manifest and tensors of a dense network with the given layer sizes, inputs first."""
    rng = np.random.default_rng(seed)
    tensors: dict[str, Floats] = {}
    layers = []
    previous = "x"
    for i, (inputs, units) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        name = f"layer{i}"
        tensors[f"{name}/kernel"] = rng.normal(0, (2 / inputs) ** 0.5, (inputs, units)).astype(np.float32)
        tensors[f"{name}/bias"] = rng.normal(0, 0.1, units).astype(np.float32)
        layers.append(
            {
                "name": name,
                "op": "dense",
                "inputs": [previous],
                "units": units,
                "kernel": f"{name}/kernel",
                "bias": f"{name}/bias",
                "activation": last if i == len(sizes) - 2 else hidden,
            }
        )
        previous = name
    classification = last == "softmax"
    output: dict[str, Any] = {"name": "scores", "layer": previous}
    if classification:
        output["labels"] = [f"class {i}" for i in range(max(sizes[-1], 2))]  # one column is a score of two
    manifest = {
        "format": 1,
        "task": "classification" if classification else "regression",
        "inputs": [{"name": "x", "kind": "tensor", "shape": [sizes[0]]}],
        "layers": layers,
        "outputs": [output],
    }
    return manifest, tensors


def relu(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(x, 0)


def softmax(x: NDArray[np.float64]) -> NDArray[np.float64]:
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def reference(manifest: dict[str, Any], tensors: dict[str, Floats], x: Floats) -> NDArray[np.float64]:
    """What a sequential dense network answers, in double precision."""
    functions = {"relu": relu, "softmax": softmax, "linear": lambda v: v}
    rows = x.astype(np.float64)
    for layer in manifest["layers"]:
        rows = rows @ tensors[layer["kernel"]].astype(np.float64)
        if layer.get("bias") is not None:
            rows = rows + tensors[layer["bias"]]
        rows = functions[layer.get("activation", "linear")](rows)
    return rows


def identity_network(
    inputs: list[dict[str, Any]], width: int, preprocess: Sequence[dict[str, Any]] = ()
) -> tuple[dict[str, Any], dict[str, Floats]]:
    """A regression that answers the network's row itself, so that parsing and preprocessing can be seen."""
    names = [item["name"] for item in inputs]
    layers: list[dict[str, Any]] = []
    if len(names) > 1:
        layers.append({"name": "row", "op": "concatenate", "inputs": names})
        names = ["row"]
    layers.append({"name": "out", "op": "dense", "inputs": names, "units": width, "kernel": "out/kernel"})
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": inputs,
        "preprocess": list(preprocess),
        "layers": layers,
        "outputs": [{"name": "values", "layer": "out"}],
    }
    return manifest, {"out/kernel": np.eye(width, dtype=np.float32)}
