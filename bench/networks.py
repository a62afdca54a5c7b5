"""The networks that measurements run, in the form each side wants: relu between layers, softmax at the end."""

import json
import struct
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import onnx
    import torch

NETWORKS = [(784, 128, 10), (784, 1024, 1024, 10), (30, 16, 1), (64, 512, 512, 512, 8)]

Layers = list[tuple[NDArray[np.float32], NDArray[np.float32]]]


def network(sizes: Sequence[int], seed: int = 0) -> Layers:
    """(kernel [inputs, units], bias [units]) of each layer."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(0, (2 / a) ** 0.5, (a, b)).astype(np.float32), rng.normal(0, 0.1, b).astype(np.float32))
        for a, b in zip(sizes, sizes[1:], strict=False)
    ]


def last_activation(layers: Layers) -> str:
    return "softmax" if layers[-1][1].size > 1 else "sigmoid"


def numpy_forward(layers: Layers, x: NDArray[np.float32]) -> NDArray[np.float32]:
    """The chain that a textbook has, in place where numpy allows it."""
    for kernel, bias in layers[:-1]:
        x = x @ kernel
        x += bias
        np.maximum(x, 0, out=x)
    kernel, bias = layers[-1]
    x = x @ kernel
    x += bias
    if bias.size == 1:
        return 1 / (1 + np.exp(-x))
    x -= x.max(axis=1, keepdims=True)
    np.exp(x, out=x)
    x /= x.sum(axis=1, keepdims=True)
    return x


def write_network(folder: Path, layers: Layers, preprocess: list[dict[str, Any]] | None = None) -> Path:
    """As a model package; the input is called x, the output y."""
    folder.mkdir(parents=True)
    tensors, declared, previous = {}, [], "x"
    for i, (kernel, bias) in enumerate(layers):
        tensors[f"{i}.kernel"], tensors[f"{i}.bias"] = kernel, bias
        activation = "relu" if i < len(layers) - 1 else last_activation(layers)
        declared.append(
            {"name": f"layer{i}", "op": "dense", "inputs": [previous], "units": bias.size, "activation": activation}
            | {"kernel": f"{i}.kernel", "bias": f"{i}.bias"}
        )
        previous = f"layer{i}"
    manifest = {
        "format": 1,
        "task": "classification" if layers[-1][1].size > 1 else "regression",
        "inputs": [{"name": "x", "kind": "tensor", "shape": [layers[0][0].shape[0]]}],
        "preprocess": preprocess or [],
        "layers": declared,
        "outputs": [{"name": "y", "layer": previous}],
    }
    (folder / "model.json").write_text(json.dumps(manifest))
    header, data = {}, b""
    for name, tensor in tensors.items():
        raw = tensor.tobytes()
        header[name] = {"dtype": "F32", "shape": tensor.shape, "data_offsets": [len(data), len(data) + len(raw)]}
        data += raw
    text = json.dumps(header).encode()
    (folder / "weights.safetensors").write_bytes(struct.pack("<Q", len(text)) + text + data)
    return folder


def onnx_model(layers: Layers) -> "onnx.ModelProto":
    """As Gemm + Relu … + Softmax, with a free batch dimension."""
    from onnx import TensorProto, helper, numpy_helper

    nodes, weights, previous = [], [], "x"
    for i, (kernel, bias) in enumerate(layers):
        weights += [numpy_helper.from_array(kernel, f"k{i}"), numpy_helper.from_array(bias, f"b{i}")]
        nodes.append(helper.make_node("Gemm", [previous, f"k{i}", f"b{i}"], [f"g{i}"]))
        last = i == len(layers) - 1
        function = {"softmax": "Softmax", "sigmoid": "Sigmoid"}[last_activation(layers)] if last else "Relu"
        previous = "y" if last else f"a{i}"
        nodes.append(helper.make_node(function, [f"g{i}"], [previous]))
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["rows", layers[0][0].shape[0]])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["rows", layers[-1][1].size])],
        weights,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def torch_module(layers: Layers) -> "torch.nn.Module":
    """As nn.Sequential of Linear and ReLU."""
    import torch

    parts: list[torch.nn.Module] = []
    for i, (kernel, bias) in enumerate(layers):
        linear = torch.nn.Linear(*kernel.shape)
        with torch.no_grad():
            linear.weight.copy_(torch.from_numpy(kernel.T))
            linear.bias.copy_(torch.from_numpy(bias))
        parts.append(linear)
        if i < len(layers) - 1:
            parts.append(torch.nn.ReLU())
    parts.append(torch.nn.Softmax(dim=1) if layers[-1][1].size > 1 else torch.nn.Sigmoid())
    return torch.nn.Sequential(*parts)
