"""ONNX models: dense networks and linear models become layers, what stands before them becomes preprocessing.

The graph is read, never run.  It is walked once with the batch that its inputs declare; if it turns out to compute
across rows and its shapes are fixed, it is walked again with the whole input as one row.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..imported import Imported, ImportOptions
from ..problems import ImportRefusedError, Problems
from . import ops  # noqa: F401 - registers the rules
from .builder import Builder
from .graph import Graph, Walk
from .inputs import Declared, declared_inputs
from .load import load_model
from .outputs import finish, wanted_outputs
from .values import MixedRowsError, OneRowOnlyError

__all__ = ["read"]


def read(path: Path, options: ImportOptions) -> Imported:
    """The package that the .onnx file at `path` becomes.

    Tensors may lie in files beside it, within its folder.  Raises ImportRefusedError naming every node that cannot be
    served, OSError for files that cannot be read, ModuleNotFoundError without the `[import]` extra.
    """
    model = load_model(path)
    problems = Problems(path.name)
    opsets = {"" if entry.domain == "ai.onnx" else entry.domain: entry.version for entry in model.opset_import}
    graph = Graph(inlined(model, problems), opsets, path.parent, problems)
    wanted = wanted_outputs(graph, options)
    nodes = graph.needed(wanted)
    graph.check_operators(nodes)
    problems.raise_if_any()
    read_names = {name for node in nodes for name in node.inputs} | set(wanted)
    inputs = declared_inputs(graph, [entry for entry in graph.inputs if entry.name in read_names] or graph.inputs)
    problems.raise_if_any()

    refusal: Exception | None = None
    for declared in attempts(inputs):
        builder = Builder(declared.batch)
        try:
            values = Walk(graph, nodes, wanted, builder).run(declared.begin(builder))
        except MixedRowsError as error:
            refusal = refusal or error
            if inputs.whole:
                continue
            raise ImportRefusedError(
                f"{path.name} cannot be served:\n  {error}; export it for a batch of rows"
            ) from error
        except OneRowOnlyError as error:
            refusal = refusal or error
            continue
        problems.raise_if_any()
        if refusal is not None:
            builder.note(f"one row is the whole input, batch included: {refusal}")
        return finish(model, graph, builder, declared, values, options)
    raise ImportRefusedError(f"{path.name} cannot be served:\n  {refusal}")


def attempts(inputs: Declared) -> Iterator[Declared]:
    """As declared, then as one row."""
    yield inputs
    if inputs.batch != 1:
        yield inputs.as_one_row()


def inlined(model: Any, problems: Problems) -> Any:
    """The graph with the model's own functions written out."""
    if not model.functions:
        return model.graph
    from .functions import inline

    return inline(model, problems)
