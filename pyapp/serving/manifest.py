"""What the API tells of a model, read from its manifest (docs/package.md), which the engine has checked."""

import json
from dataclasses import dataclass, field
from math import prod
from typing import Any


@dataclass(frozen=True, slots=True)
class Description:
    """The manifest's part that people and the page want to know.  The defaults describe a version that failed."""

    task: str = ""
    description: str = ""
    inputs: list[dict[str, Any]] = field(default_factory=list)
    """[{"name", "shape", "takes_image"}]"""
    labels: list[str] = field(default_factory=list)
    parameters: int = 0
    """Numbers learnt in training: kernels and biases."""
    provenance: dict[str, Any] = field(default_factory=dict)


def describe(text: str, labels: list[str]) -> Description:
    """The description of the model whose model.json is `text`."""
    manifest = json.loads(text)
    return Description(
        task=manifest["task"],
        description=manifest.get("description", ""),
        inputs=[
            {"name": item["name"], "shape": item["shape"], "takes_image": "image" in item}
            for item in manifest["inputs"]
        ],
        labels=labels,
        parameters=_parameters(manifest),
        provenance=manifest.get("provenance", {}),
    )


def _parameters(manifest: dict[str, Any]) -> int:
    widths = {item["name"]: prod(item["shape"]) for item in manifest["inputs"]}
    total = 0
    for layer in manifest["layers"]:
        width = sum(widths[name] for name in layer["inputs"])
        if layer["op"] == "dense":
            total += layer["units"] * (width + ("bias" in layer))
            width = layer["units"]
        widths[layer["name"]] = width
    return total
