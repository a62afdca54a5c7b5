"""Which outputs are served, what they mean, and the manifest."""

from dataclasses import replace
from typing import Any

from ..imported import Imported, ImportOptions
from ..problems import ImportRefusedError
from .builder import Builder
from .graph import Graph
from .inputs import Declared
from .values import Cells, Const, Label, Nothing, Rows, Value

_CLASSIFYING = ("softmax", "log_softmax", "sigmoid")


def wanted_outputs(graph: Graph, options: ImportOptions) -> list[str]:
    """Names of outputs to follow.  Raises ImportRefusedError if the one asked for is not there."""
    if options.output is None:
        return list(dict.fromkeys(graph.outputs))
    if options.output not in graph.outputs:
        raise ImportRefusedError(
            f"{graph.problems.source} has no output {options.output!r}; "
            f"there are {', '.join(map(repr, graph.outputs[:50]))}"
        )
    return [options.output]


def finish(
    model: Any, graph: Graph, builder: Builder, declared: Declared, values: dict[str, Value], options: ImportOptions
) -> Imported:
    """Chooses the outputs and completes the package.  Raises ImportRefusedError if nothing is left to serve."""
    chosen, labels = _chosen(graph, builder, values)
    if not chosen:
        raise ImportRefusedError(
            f"{graph.problems.source} cannot be served: none of its outputs depends on what is sent"
        )
    if builder.table is not None:
        builder.table.finish(builder)
    outputs: list[dict[str, Any]] = [{"name": name, "layer": _layer(builder, name, rows)} for name, rows in chosen]
    if labels is not None and len(chosen) == len(labels) > 1 and all(rows.width == 1 for _, rows in chosen):
        outputs, chosen = _side_by_side(builder, outputs, chosen)
    if not builder.network.layers:
        outputs = [_through_layer(builder, output) for output in outputs]
    last = {str(output["layer"]): _last_activation(builder, str(output["layer"])) for output in outputs}
    classifies = labels is not None or all(kind in _CLASSIFYING for kind in last.values())
    task = options.task or ("classification" if options.labels is not None or classifies else "regression")
    if task == "classification":
        for output, (name, rows) in zip(outputs, chosen, strict=True):
            output["labels"] = _names(graph, name, rows, options.labels or rows.labels or labels)
    if declared.batch not in (1,) and all(
        entry.shape and entry.shape[0] == declared.batch for entry in declared.inputs
    ):
        builder.note(f"the file fixes a batch of {declared.batch}; any number of rows is served")
    manifest = builder.network.manifest(task, outputs, _provenance(model), str(model.doc_string)[:1000])
    return Imported(manifest, builder.network.tensors, builder.notes)


def _chosen(
    graph: Graph, builder: Builder, values: dict[str, Value]
) -> tuple[list[tuple[str, Rows]], tuple[str, ...] | None]:
    """Outputs that are rows, and the labels that a label output gives."""
    rows = [(name, value) for name, value in values.items() if isinstance(value, Rows)]
    found = [(name, value) for name, value in values.items() if isinstance(value, Label)]
    labels = next((value.labels for _, value in found if value.labels is not None), None)
    for name, label in found:
        if rows:
            builder.note(f"output {name!r} is the winning label, which every answer has anyway; it is left out")
        elif label.scores is not None:
            builder.note(f"output {name!r} is the winning label; the scores that it is chosen from are served")
            rows = [(name, label.scores)]
            labels = labels or tuple(str(i) for i in range(label.scores.width))
    constants = [(name, value) for name, value in values.items() if isinstance(value, Const)]
    for name, constant in constants:
        if rows and len(values) != len(constants):
            builder.note(f"output {name!r} is the same whatever is sent; it is left out")
        elif constant.array.dtype.kind in "fiub" and builder.batch == 1:
            node = graph.makers.get(name)
            if node is not None and constant.array.size:
                template = Rows("", constant.array.shape, None, constant.array.dtype)
                rows.append((name, builder.constant(node, constant.array, template)))
    for name, value in values.items():
        if isinstance(value, Cells | Nothing):
            builder.note(f"output {name!r} is left out: it is not what a network computes")
    if found and labels is not None and not any(value.labels or value.width in (1, len(labels)) for _, value in rows):
        labels = None
    return rows, labels


def _side_by_side(
    builder: Builder, outputs: list[dict[str, Any]], chosen: list[tuple[str, Rows]]
) -> tuple[list[dict[str, Any]], list[tuple[str, Rows]]]:
    """One output of a score for each class, where the file has an output for each: skl2onnx's zipmap "columns"."""
    names = ", ".join(name for name, _ in chosen)
    builder.note(f"the outputs {names} are the scores of one class each, in this order; they are served as one")
    layer = builder.network.add("concatenate", "scores", [str(output["layer"]) for output in outputs])
    rows = replace(chosen[0][1], source=layer, shape=(1, len(chosen)), axis=0, columns=None, labels=None)
    return [{"name": "scores", "layer": layer}], [("scores", rows)]


def _layer(builder: Builder, name: str, rows: Rows) -> str:
    """The name of the layer whose rows are the output."""
    if rows.columns is None:
        return rows.source
    return builder.network.add("select", name[:200], rows.source, columns=rows.columns.tolist())


def _through_layer(builder: Builder, output: dict[str, Any]) -> dict[str, Any]:
    """A package has a layer at least."""
    return {**output, "layer": builder.network.add("flatten", f"{output['name']}_rows"[:200], str(output["layer"]))}


def _last_activation(builder: Builder, name: str) -> str | None:
    """Of a layer, looking through those that only move numbers."""
    by_name = {layer["name"]: layer for layer in builder.network.layers}
    while name in by_name:
        layer = by_name[name]
        activation = layer.get("activation")
        if activation is not None:
            return str(activation if isinstance(activation, str) else activation["name"])
        if layer["op"] not in ("select", "concatenate", "flatten", "reshape"):
            return None
        name = layer["inputs"][0]
    return None


def _names(graph: Graph, output: str, rows: Rows, labels: Any) -> list[str]:
    """Labels that fit: one per column, or two for a single one."""
    names = [str(label) for label in labels] if labels is not None else [str(i) for i in range(max(2, rows.width))]
    if len(names) != rows.width and (rows.width, len(names)) != (1, 2):
        raise ImportRefusedError(
            f"{graph.problems.source}: output {output!r} has {rows.width} columns and there are {len(names)} labels; "
            "give one for each, or choose another output"
        )
    return names


def _provenance(model: Any) -> dict[str, Any]:
    opsets = {entry.domain or "ai.onnx": entry.version for entry in model.opset_import}
    return {
        "framework": str(model.producer_name)[:200] or "ONNX",
        "version": str(model.producer_version)[:200],
        "format": "ONNX",
        "opsets": opsets,
    }
