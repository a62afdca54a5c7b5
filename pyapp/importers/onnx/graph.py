"""Walks the graph from its outputs back to its inputs, and gives every name its value.

The walk never recurses, visits every node once, and goes on after a node that it must refuse, so that one message can
name them all.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np

from ..problems import Problems
from .builder import Builder
from .constants import can_fold, fold
from .load import array_of
from .node import ML, STANDARD, Node
from .unsupported import what_to_do
from .values import Const, MixedRowsError, Nothing, OneRowOnlyError, RefusedError, Rows, Unknown, Value

Result = Value | list[Value]
Rule = Callable[..., Result]

RULES: dict[tuple[str, str], Rule] = {}
"""By domain and operator; each takes the builder, the node and the values of its inputs (None: left out)."""

MAX_NODES = 100_000


def rule(*ops: str, domain: str = STANDARD) -> Callable[[Rule], Rule]:
    """Registers a function as the rule of those operators."""

    def register(function: Rule) -> Rule:
        for op in ops:
            RULES[domain, op] = function
        return function

    return register


class Graph:
    """The file's graph: its nodes by what they make, its constants, and how often each name is read."""

    def __init__(self, proto: Any, opsets: dict[str, int], folder: Path, problems: Problems) -> None:
        """Checks what can be checked without following the graph."""
        self.proto = proto
        self.folder = folder
        self.problems = problems
        self.nodes = [
            Node(node, index, opsets.get("" if node.domain == "ai.onnx" else node.domain, 0), folder)
            for index, node in enumerate(proto.node)
        ]
        self.makers: dict[str, Node] = {}
        for node in self.nodes:
            for name in filter(None, node.outputs):
                if name in self.makers:
                    problems.add(node.place, f"makes {name[:200]!r}, as does {self.makers[name].place}")
                self.makers[name] = node
        self.initializers = {tensor.name: tensor for tensor in proto.initializer}
        self.sparse = {tensor.values.name for tensor in proto.sparse_initializer}
        self.inputs = [entry for entry in proto.input if entry.name not in self.initializers]
        self.outputs = [entry.name for entry in proto.output]

    def needed(self, wanted: Iterable[str]) -> list[Node]:
        """The nodes that those names depend on, each after those that it reads; cycles become problems."""
        order: list[Node] = []
        state: dict[int, bool] = {}  # by node: False while what it reads is visited, True afterwards
        for name in wanted:
            stack = [self.makers[name]] if name in self.makers else []
            while stack:
                node = stack[-1]
                if state.get(node.index):
                    stack.pop()
                    continue
                if node.index in state:
                    state[node.index] = True
                    order.append(stack.pop())
                    continue
                state[node.index] = False
                for read in node.inputs:
                    maker = self.makers.get(read)
                    if maker is None or state.get(maker.index):
                        continue
                    if maker.index in state:
                        self.problems.add(node.place, f"reads {read[:200]!r}, which depends on it: a cycle")
                        self.problems.raise_if_any()
                    stack.append(maker)
        return order

    def check_operators(self, nodes: Iterable[Node]) -> None:
        """A problem for every node whose operator nobody knows."""
        for node in sorted(nodes, key=lambda node: node.index):
            served = (node.domain, node.op) in RULES or (node.domain == STANDARD and can_fold(node.op))
            if not served:
                self.problems.add(node.place, what_to_do(node.domain, node.op))
            elif node.opset == 0:
                self.problems.add(node.place, f"its domain {node.domain or 'ai.onnx'!r} is not among opset_import")


class Walk:
    """Evaluates nodes in order.  One walk assumes one batch size; see `attempts`."""

    def __init__(self, graph: Graph, nodes: list[Node], wanted: list[str], builder: Builder) -> None:
        """`builder` has the inputs already."""
        self.graph = graph
        self.nodes = nodes
        self.wanted = wanted
        self.builder = builder
        self.uses = Counter(name for node in nodes for name in node.inputs)
        self.uses.update(wanted)
        self.values: dict[str, Value] = {}

    def run(self, inputs: dict[str, Value]) -> dict[str, Value]:
        """The values of the wanted names.  Raises MixedRowsError and OneRowOnlyError; all else becomes problems."""
        for name, value in inputs.items():
            self._keep(name, value)
        for node in self.nodes:
            try:
                results = self._evaluate(node)
            except (MixedRowsError, OneRowOnlyError) as error:
                raise type(error)(f"{node.place}: {error}") from error
            except RefusedError as error:
                self.graph.problems.add(node.place, str(error))
                results = []
            for i, name in enumerate(node.outputs):
                self._keep(name, results[i] if i < len(results) else Unknown())
        return {name: self._read(name, "the graph's outputs") for name in self.wanted}

    def _keep(self, name: str, value: Value) -> None:
        if isinstance(value, Rows) and self.uses[name] > 1 and not value.shared:
            value = self.builder.share(value)
        self.values[name] = value

    def _read(self, name: str, place: str) -> Value:
        if name not in self.values:
            self.values[name] = self._constant(name, place)
        return self.values[name]

    def _constant(self, name: str, place: str) -> Value:
        tensor = self.graph.initializers.get(name)
        try:
            if tensor is not None:
                return Const(array_of(tensor, self.graph.folder))
        except (ValueError, OSError) as error:
            self.graph.problems.add(f"initializer {name[:200]!r}", str(error))
            return Unknown()
        reason = "is a sparse tensor; save it as a dense one" if name in self.graph.sparse else "nothing makes it"
        self.graph.problems.add(place, f"reads {name[:200]!r}: {reason}")
        return Unknown()

    def _evaluate(self, node: Node) -> list[Value]:
        inputs = [self._read(name, node.place) if name else None for name in node.inputs]
        if any(isinstance(value, Unknown) for value in inputs):
            return []
        for value in inputs:
            if isinstance(value, Nothing):
                raise RefusedError(value.reason)
        found = RULES.get((node.domain, node.op))
        constants = [value for value in inputs if isinstance(value, Const)]
        present = [value for value in inputs if value is not None]
        if len(constants) == len(present) and (found is None or can_fold(node.op)):
            return self._fold(node, inputs, any(value.of_batch for value in constants))
        if found is None:
            raise RefusedError("is served on constants only, and this one reads what is sent")
        try:
            signature(found).bind(self.builder, node, *inputs)
        except TypeError as error:
            raise RefusedError(f"has {len(inputs)} inputs, which is not as many as it needs") from error
        if inputs and inputs[0] is None:
            raise RefusedError("lacks its first input")
        result = found(self.builder, node, *inputs)
        return result if isinstance(result, list) else [result]

    def _fold(self, node: Node, inputs: list[Value | None], of_batch: bool) -> list[Value]:
        arrays = [value.array if isinstance(value, Const) else None for value in inputs]
        if of_batch and node.op in ("ConstantOfShape", "Expand"):
            return [self.builder.constant_rows(node, arrays)]
        return [Const(array, of_batch and self.builder.holds_batch(array)) for array in fold(node, arrays)]


def as_numpy(value: Value | None) -> np.ndarray[Any, Any] | None:
    """Of a constant; None for an input left out.  Raises RefusedError for what is not constant."""
    if value is None:
        return None
    if not isinstance(value, Const):
        raise RefusedError("needs constants where the graph computes something of what is sent")
    return value.array


__all__ = ["ML", "RULES", "Graph", "Walk", "as_numpy", "rule"]
