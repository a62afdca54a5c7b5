"""What the API tells of a model, read from its manifest (docs/package.md), which the engine has checked."""

import json
from dataclasses import dataclass, field
from typing import Any

from pyapp import engine


@dataclass(frozen=True, slots=True)
class Description:
    """The manifest's part that people and the page want to know.  The defaults describe a version that failed."""

    task: str = ""
    description: str = ""
    inputs: list[dict[str, Any]] = field(default_factory=list)
    """[{"name", "kind", "shape", "takes_image"}]; one that takes pictures also has "image": {"height", "width",
    "channels"}; a table "columns": [{"name", "type", "categories"?, "missing"?}]"""
    outputs: list[dict[str, Any]] = field(default_factory=list)
    """[{"name", "shape"}], shapes without the batch"""
    labels: list[str] = field(default_factory=list)
    parameters: int = 0
    """Numbers learnt in training: kernels, biases and the like."""
    provenance: dict[str, Any] = field(default_factory=dict)


def describe(model: engine.Model) -> Description:
    """The description of a loaded model."""
    manifest = json.loads(model.manifest)
    return Description(
        task=manifest["task"],
        description=manifest.get("description", ""),
        inputs=[_input(item) for item in manifest["inputs"]],
        outputs=[{"name": name, "shape": [columns]} for name, columns in model.output_columns.items()],
        labels=model.labels,
        parameters=model.parameters,
        provenance=manifest.get("provenance", {}),
    )


def _input(item: dict[str, Any]) -> dict[str, Any]:
    """What a client has to know of an input.  The shape of a table is that of its columns; a text is one value."""
    columns = item.get("columns", ())
    told: dict[str, Any] = {
        "name": item["name"],
        "kind": item["kind"],
        "shape": item.get("shape", [len(columns) or 1]),
        "takes_image": "image" in item,
    }
    if "image" in item:
        told["image"] = {key: item["image"][key] for key in ("height", "width", "channels")}
    if item["kind"] == "table":
        told["columns"] = [
            {key: column[key] for key in ("name", "type", "categories", "missing") if key in column}
            for column in columns
        ]
    return told
