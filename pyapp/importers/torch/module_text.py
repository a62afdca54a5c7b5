"""The text that Python prints of an nn.Module, as an architecture.

It shows which modules there are, not how `forward` uses them; so nn.Sequential is taken at its word, and of a class of
the user's own only what leaves no doubt: modules in the order of their names, an activation between any two Linear.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from . import activations, architecture
from .architecture import (
    ACTIVATION,
    BATCH_NORM,
    GLU,
    LAYER_NORM,
    LINEAR,
    NOTHING,
    PRELU,
    RMS_NORM,
    Architecture,
    Step,
)
from .tensors import FormatError

_LINE = re.compile(r"(?:\((?P<name>[^()]+)\):\s*)?(?:(?P<count>\d+) x )?(?P<class>[A-Za-z_][\w.]*)\((?P<rest>.*)")


@dataclass(slots=True)
class _Node:
    name: str
    kind: str
    arguments: str
    children: "list[_Node]" = field(default_factory=list)


def parse(text: str) -> Architecture:
    """The architecture.  Raises FormatError naming the line's module, or what is not certain."""
    root = _tree(text)
    notes: list[str] = []
    steps = list(_steps(root, "", notes))
    if not steps:
        raise FormatError("no layer is in it; expected what print(model) shows")
    return Architecture(tuple(steps), notes=tuple(notes))


def _tree(text: str) -> _Node:
    stack: list[_Node] = []
    root: _Node | None = None
    for number, line in enumerate((line.strip() for line in text.splitlines()), 1):
        if line == ")" and stack:
            stack.pop()
            continue
        found = _LINE.fullmatch(line)
        if not found:
            if line and not stack:
                raise FormatError(f"line {number}: {line[:60]!r}; expected what print(model) shows, as Sequential(…")
            continue  # further words of a module about itself
        leaf = found["rest"].endswith(")") and found["rest"].count("(") + 1 == found["rest"].count(")")
        arguments = found["rest"][:-1] if leaf else found["rest"]
        for name in _names(found["name"] or "", found["count"]):
            node = _Node(name, found["class"].rpartition(".")[2], arguments)
            if stack:
                stack[-1].children.append(node)
            elif root is None:
                root = node
            else:
                raise FormatError(f"line {number}: a second module; expected one")
        if not leaf:
            if len(stack) > 64:
                raise FormatError(f"line {number}: nested too deeply")
            stack.append(node)
    if root is None or stack:
        raise FormatError("it is cut short; expected all that print(model) shows")
    return root


def _names(name: str, count: str | None) -> list[str]:
    """ModuleList prints equal modules once: "(0-2): 3 x Linear(…)"."""
    first, _, last = name.partition("-")
    if count and first.isdigit() and last.isdigit() and 0 <= int(last) - int(first) < 4096:
        return [str(number) for number in range(int(first), int(last) + 1)]
    return [name]


def _steps(node: _Node, path: str, notes: list[str]) -> Iterator[Step]:
    if not node.children:
        yield _leaf(node, path)
        return
    if architecture.kind_of(node.kind) or node.kind.startswith("Parametrized"):
        raise FormatError(f"{path or node.kind}: {node.kind} with modules inside; give the architecture as JSON")
    own = not _is_sequential(node)
    begun: Step | None = None  # the last Linear, while no activation has followed
    for child in node.children:
        inner = f"{path}.{child.name}" if path else child.name
        for step in _steps(child, inner, notes):
            if own and step.kind == LINEAR and begun is not None:
                raise FormatError(
                    f"{begun.place} and {step.place}: {node.kind} is a class of its own, and its text does not show "
                    "what its forward does between two Linear; give the architecture as JSON (docs/importing.md)"
                )
            if step.kind == LINEAR:
                begun = step
            elif step.kind in (ACTIVATION, PRELU, GLU):
                begun = None
            yield step
    if own:
        notes.append(f"{node.kind}.forward is taken to use its modules in the order in which they are printed.")


def _is_sequential(node: _Node) -> bool:
    """Its subclasses, as torchvision's MLP, have numbers for names too; a ModuleList tells of no order of use."""
    numbers = [child.name for child in node.children] == [str(i) for i in range(len(node.children))]
    return node.kind == "Sequential" or (numbers and node.kind != "ModuleList")


def _leaf(node: _Node, path: str) -> Step:
    kind = architecture.kind_of(node.kind)
    if kind is None:
        raise FormatError(f"{path or node.kind}: {node.kind} cannot be served; there are {architecture.TYPES}")
    positional, named = _arguments(node, path)
    place = f"{path} ({node.kind})" if path else node.kind
    if kind == LINEAR:
        features = (named.get("in_features"), named.get("out_features"))
        known = all(type(number) is int for number in features)
        return Step(kind, place, path, features=features if known else None)  # type: ignore[arg-type]
    if kind in (BATCH_NORM, LAYER_NORM, RMS_NORM):
        if named.get("track_running_stats") is False:
            raise FormatError(f"{place}: track_running_stats=False uses the statistics of the batch; not served")
        epsilon = named.get("eps")
        parameters = {} if epsilon is None else {"epsilon": float(epsilon)}
        if kind != BATCH_NORM and named.get("elementwise_affine") is False:
            return Step(kind, place, features=_normalised(positional, place), parameters=parameters, bare=True)
        return Step(kind, place, path, parameters=parameters)
    if kind == PRELU:
        return Step(kind, place, path)
    if kind == GLU:
        if {**dict(zip(["dim"], positional, strict=False)), **named}.get("dim", -1) not in (1, -1):
            raise FormatError(f"{place}: dim is not that of a row's columns; expected 1 or -1")
        return Step(kind, place)
    if kind != ACTIVATION:
        if node.kind == "Flatten" and named.get("start_dim", 1) != 1:
            raise FormatError(f"{place}: start_dim is {named['start_dim']}; expected 1")
        return Step(NOTHING, place)
    found = activations.find(node.kind)
    order = list(found.defaults) if found else []
    given = {**dict(zip(order, positional, strict=False)), **named}
    return Step(kind, place, activation=node.kind, parameters=given)


def _normalised(positional: list[Any], place: str) -> tuple[int, int]:
    """The features of a normalisation that has no tensors to tell them: LayerNorm((8,), elementwise_affine=False)."""
    shape = positional[0] if positional else None
    if not isinstance(shape, tuple) or len(shape) != 1 or type(shape[0]) is not int:
        raise FormatError(f"{place}: normalises over {shape}; expected the columns of a row alone")
    return shape[0], shape[0]


def _arguments(node: _Node, path: str) -> tuple[list[Any], dict[str, Any]]:
    """What stands between a module's brackets, as values: numbers, names, tuples."""
    try:
        call = ast.parse(f"f({node.arguments})", mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError("no call")
        positional = [ast.literal_eval(item) for item in call.args]
        return positional, {item.arg: ast.literal_eval(item.value) for item in call.keywords if item.arg}
    except (ValueError, SyntaxError, RecursionError, MemoryError) as error:
        raise FormatError(f"{path or node.kind}: {node.kind}({node.arguments[:60]}) cannot be understood") from error
