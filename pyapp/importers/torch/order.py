"""What a state_dict alone can tell: which layers there are, and in which order they probably follow."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from .modules import BATCH_NORM, LINEAR, VECTORS, Module


def in_order(modules: Mapping[str, Module], ordered: bool) -> tuple[list[Module], bool]:
    """The modules as they follow one another, and whether their widths leave no other order.

    `ordered`: the file keeps the order in which modules were defined.  Otherwise numbers in the names count.
    """
    listed = list(modules.values())
    if not ordered:
        listed.sort(key=lambda module: _natural(module.path))
    if not _chains(listed):
        listed = _chained(listed) or listed
    return listed, _chains(listed)


def template(modules: Sequence[Module], prefix: str = "") -> str:
    """An architecture file of these layers, whose activations are left for the user to fill in; without that prefix."""
    layers: list[dict[str, Any]] = []
    for module in modules:
        layer: dict[str, Any] = {"type": _type(module), "tensors": module.path.removeprefix(prefix)}
        if module.kind == LINEAR:
            layer["then"] = "?"
        layers.append(layer)
    # The activation follows a normalisation that follows the linear layer.
    for layer, after in zip(layers, layers[1:], strict=False):
        if after["type"] in ("batchnorm", "layernorm", "rmsnorm") and "then" in layer:
            after["then"] = layer.pop("then")
    lines = ",\n".join(f"  {json.dumps(layer, ensure_ascii=False)}" for layer in layers)
    return f'{{"layers": [\n{lines}\n]}}'


def _type(module: Module) -> str:
    if module.kind == VECTORS:
        if set(module.tensors) == {"weight"}:
            return "prelu" if module.features[0] == 1 else "rmsnorm"
        return "layernorm"
    return "batchnorm" if module.kind == BATCH_NORM else LINEAR


def _natural(path: str) -> list[tuple[int, int | str]]:
    """Sorts fc2 before fc10, and what is named out, last, head … behind."""
    final = path.rpartition(".")[2].lower()
    late = 1 if re.match(r"(out|output|last|final|head|classifier|logits|score|fc_out)", final) else 0
    parts: list[tuple[int, int | str]] = [(late, "")]
    return parts + [(0, int(part)) if part.isdigit() else (1, part) for part in re.split(r"(\d+)", path) if part]


def _chains(modules: Sequence[Module]) -> bool:
    width: int | None = None
    for module in modules:
        taken, made = module.features
        if width not in (None, taken) and not (module.kind == VECTORS and taken == 1):
            return False
        width = width if module.kind == VECTORS and taken == 1 else made
    return True


def _chained(modules: Sequence[Module]) -> list[Module] | None:
    """The only order in which each width fits the next, linear layers alone; None if there are several or none."""
    if any(module.kind != LINEAR for module in modules):
        return None
    takes: dict[int, list[Module]] = {}
    for module in modules:
        takes.setdefault(module.features[0], []).append(module)
    made = {module.features[1] for module in modules}
    starts = [module for module in modules if module.features[0] not in made]
    if len(starts) != 1 or any(len(items) > 1 for items in takes.values()):
        return None
    chain = [starts[0]]
    while (following := takes.get(chain[-1].features[1])) and len(chain) < len(modules):
        chain.append(following[0])
    return chain if len(chain) == len(modules) else None
