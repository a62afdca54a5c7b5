"""Writes a model's own functions out: each call becomes the function's nodes, under names of their own."""

from typing import Any

from ..problems import Problems
from .graph import MAX_NODES

_MAX_DEPTH = 16


def inline(model: Any, problems: Problems) -> Any:
    """A copy of the graph without calls of the model's functions.  Too many or endless calls become problems."""
    from onnx import GraphProto

    functions = {(function.domain, function.name): function for function in model.functions}
    graph = GraphProto()
    graph.CopyFrom(model.graph)
    for _ in range(_MAX_DEPTH):
        nodes = list(graph.node)
        if not any((node.domain, node.op_type) in functions for node in nodes):
            return graph
        made: list[Any] = []
        for i, node in enumerate(nodes):
            function = functions.get((node.domain, node.op_type))
            made += [node] if function is None else _written_out(function, node, f"{node.name or node.op_type}_{i}/")
            if len(made) > MAX_NODES:
                break
        if len(made) > MAX_NODES:
            break
        copies = [type(node).FromString(node.SerializeToString()) for node in made]
        del graph.node[:]
        graph.node.extend(copies)
    problems.add("functions", f"call each other endlessly, or make more than {MAX_NODES:,} nodes")
    problems.raise_if_any()
    return graph


def _written_out(function: Any, call: Any, prefix: str) -> list[Any]:
    """The function's nodes with the call's names and attributes in place of its own."""
    from onnx import NodeProto

    names = dict(zip(function.input, call.input, strict=False))
    names.update(dict.fromkeys(list(function.input)[len(call.input) :], ""))
    names.update((own, given) for own, given in zip(function.output, call.output, strict=False) if given)
    attributes = {attribute.name: attribute for attribute in function.attribute_proto}
    attributes.update((attribute.name, attribute) for attribute in call.attribute)
    made = []
    for inner in function.node:
        node = NodeProto()
        node.CopyFrom(inner)
        node.name = prefix + (inner.name or inner.op_type)
        for field in (node.input, node.output):
            field[:] = [names.get(name, prefix + name) if name else "" for name in field]
        kept = []
        for attribute in node.attribute:
            if not attribute.ref_attr_name:
                kept.append(attribute)
            elif attribute.ref_attr_name in attributes:
                copy = type(attribute)()
                copy.CopyFrom(attributes[attribute.ref_attr_name])
                copy.name = attribute.name
                kept.append(copy)
        copies = [type(attribute).FromString(attribute.SerializeToString()) for attribute in kept]
        del node.attribute[:]
        node.attribute.extend(copies)
        made.append(node)
    return made
