"""What an imported network is for: classes and their labels, or numbers."""

from collections.abc import Mapping, Sequence
from typing import Any

from ..network import Network
from ..problems import ImportRefusedError

_SCORES = ("softmax", "sigmoid", "log_softmax", "hard_sigmoid")


def task_of(network: Network, outputs: Sequence[str], training: Mapping[str, Any], labels: Sequence[str] | None) -> str:
    """As the last activation, the loss and given labels tell."""
    if labels is not None or all(_activation(network, name) in _SCORES for name in outputs):
        return "classification"
    loss = str(training.get("loss")).lower().replace("_", "")
    return "classification" if "crossentropy" in loss or "hinge" in loss else "regression"


def _activation(network: Network, name: str) -> str | None:
    """Of the layer, or of the one that it only rearranges."""
    layers = {layer["name"]: layer for layer in network.layers}
    for _ in range(len(layers)):
        layer = layers.get(name)
        if layer is None:
            return None
        activation = layer.get("activation")
        if activation is not None:
            return str(activation if isinstance(activation, str) else activation["name"])
        if layer["op"] not in ("select", "concatenate", "reshape", "flatten", "activation"):
            return None
        name = layer["inputs"][0]
    return None


def width_of(network: Network, name: str) -> int:
    """Columns of a layer's rows."""
    widths: dict[str, int] = {}
    for layer in network.layers:
        read = [widths.get(own, 0) for own in layer["inputs"]]
        match layer["op"]:
            case "dense":
                width = int(layer["units"])
            case "select":
                width = len(layer["columns"])
            case "reduce":
                width = 1
            case "constant":
                width = network.tensors[layer["value"]].size
            case "concatenate":
                width = sum(read)
            case "batch_normalization":
                width = network.tensors[layer["mean"]].size
            case _:
                width = max(read)
        widths[layer["name"]] = width
    return widths.get(name, 0)


def labelled(
    network: Network, outputs: Sequence[tuple[str, str]], labels: Sequence[str] | None, task: str, source: str
) -> list[dict[str, Any]]:
    """The manifest's outputs; Raises ImportRefusedError for labels that do not fit."""
    entries: list[dict[str, Any]] = [{"name": name, "layer": layer} for name, layer in outputs]
    if labels is None:
        return entries
    if task != "classification":
        raise ImportRefusedError(f"{source}: labels are for classification; the task is {task}")
    if len(entries) != 1:
        names = ", ".join(entry["name"] for entry in entries)
        raise ImportRefusedError(f"{source}: labels are for one output; choose one of {names}")
    width = width_of(network, entries[0]["layer"])
    if width and len(labels) != width and (width, len(labels)) != (1, 2):
        wanted = "one, or two: those of no and yes" if width == 1 else f"{width}, one for each"
        raise ImportRefusedError(f"{source}: there are {len(labels)} labels for {width} outputs; expected {wanted}")
    entries[0]["labels"] = list(labels)
    return entries
