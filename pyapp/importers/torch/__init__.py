"""PyTorch: state_dicts in .pt, .pth, .bin and .safetensors, without torch and without running a pickle.

A state_dict has tensors and no graph: what lies between the layers is told by `--architecture`, a list of layers
(json_form) or what print(model) shows (module_text).  One linear layer alone needs none.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pyapp.importers.imported import Imported, ImportOptions
from pyapp.importers.problems import ImportRefusedError, Problems

from . import json_form, module_text, order, state_dict
from .architecture import ACTIVATION, LINEAR, Architecture, Step
from .build import Built, build
from .legacy import begins_legacy, read_legacy
from .modules import LINEAR as LINEAR_MODULE
from .modules import Module, group
from .safetensors import begins_safetensors, read_safetensors
from .tensors import FormatError, Tensor
from .zip_file import read_zip

__all__ = ["begins_legacy", "begins_safetensors", "read"]

MAX_ARCHITECTURE_BYTES = 4 << 20

_SCORES = ("softmax", "logsoftmax", "softmin", "sigmoid")


def read(path: Path, options: ImportOptions) -> Imported:
    """The package of a state_dict.  Raises ImportRefusedError, without `options.architecture` with a template of it."""
    architecture = _architecture(options.architecture) if options.architecture else None
    try:
        tensors, notes, ordered = _tensors(path, architecture.state if architecture else None)
        modules = group(tensors)
        if architecture is None:
            architecture = _certain(path.name, modules, ordered)
            notes.append("Nothing is taken to follow the one linear layer; --architecture says otherwise.")
        problems = Problems(path.name)
        built = build(architecture, modules, problems)
        problems.raise_if_any()
    except FormatError as error:
        raise ImportRefusedError(f"{path.name} cannot be served: {error}") from error
    if built is None:
        raise ImportRefusedError(f"{path.name} cannot be served: no layer is in it")
    return _imported(path, options, built, [*architecture.notes, *notes])


def _architecture(path: Path) -> Architecture:
    """What the file says, JSON or text.  Raises ImportRefusedError naming the place."""
    try:
        if path.stat().st_size > MAX_ARCHITECTURE_BYTES:
            raise FormatError(f"larger than {MAX_ARCHITECTURE_BYTES} bytes")
        text = path.read_text(encoding="utf-8-sig")
        return json_form.parse(text) if text.lstrip()[:1] in ("{", "[") else module_text.parse(text)
    except OSError as error:
        raise ImportRefusedError(f"{path}: {error.strerror}; --architecture takes a file") from error
    except UnicodeDecodeError as error:
        raise ImportRefusedError(f"{path} is no text; --architecture takes JSON or what print(model) shows") from error
    except FormatError as error:
        raise ImportRefusedError(f"{path}: {error}") from error


def _tensors(path: Path, state: str | None) -> tuple[dict[str, Tensor], list[str], bool]:
    """The state_dict, notes, and whether its order means anything."""
    with path.open("rb") as file:
        head = file.read(64)
    if head[:2] == b"PK":
        saved = read_zip(path)
    elif begins_legacy(head):
        saved = read_legacy(path)
    elif begins_safetensors(head, path.stat().st_size):
        tensors, _ = read_safetensors(path)
        return tensors, [], False
    else:
        raise FormatError("neither a zip archive of torch.save, nor an older file of it, nor safetensors")
    return (*state_dict.find(saved, state), True)


def _certain(name: str, modules: Mapping[str, Module], ordered: bool) -> Architecture:
    """The architecture where tensors alone leave no doubt: one linear layer.  Else refuses with a template."""
    problems = Problems(name)
    for path, module in modules.items():
        if module.refusal():
            problems.add(path or "weight", module.refusal())
    problems.raise_if_any()
    layers = {path: module for path, module in modules.items() if module.kind != "other"}
    if len(layers) == len(modules) == 1 and next(iter(layers.values())).kind == LINEAR_MODULE:
        return Architecture((Step(LINEAR, "", next(iter(layers))),))
    if not any(module.kind == LINEAR_MODULE for module in layers.values()):
        raise FormatError("no weight of a linear layer is in it")
    listed, fits = order.in_order(layers, ordered)
    prefix = state_dict.strip_wrappers({f"{path}.weight": None for path in layers})
    doubt = "" if fits else " The order of the layers below is a guess: their widths do not follow one another."
    others = [path for path in modules if path not in layers]
    if others:
        doubt += f" Not among them, as no layer has such tensors: {', '.join(others)}."
    raise ImportRefusedError(
        f"{name} holds tensors, and not what lies between the layers (activations, their order).{doubt} "
        f'Write this to a file, each "?" replaced by the activation that follows (relu, tanh, …; none), '
        f"and import again with --architecture FILE:\n{order.template(listed, prefix)}"
    )


def _imported(path: Path, options: ImportOptions, built: Built, notes: list[str]) -> Imported:
    task, why = _task(options, built)
    labels = list(options.labels) if options.labels is not None else None
    if labels is not None and task == "regression":
        raise ImportRefusedError(f"{path.name}: a regression has no labels; leave out --labels or --task regression")
    output: dict[str, Any] = {"name": "output", "layer": built.rows}
    if labels is not None:
        if len(labels) != built.columns and (built.columns, len(labels)) != (1, 2):
            expected = "1 or 2" if built.columns == 1 else str(built.columns)
            raise ImportRefusedError(
                f"{path.name}: {len(labels)} labels for an output of {built.columns}; expected {expected}"
            )
        output["labels"] = labels
    elif task == "classification":
        output["labels"] = [str(i) for i in range(max(built.columns, 2))]
    manifest = built.network.manifest(task, [output], {"framework": "PyTorch", "source": path.name})
    return Imported(manifest, built.network.tensors, [*notes, *why])


def _task(options: ImportOptions, built: Built) -> tuple[str, list[str]]:
    if options.task is not None:
        return options.task, []
    last = built.last
    name = last.activation.lower().replace("_", "") if last.kind == ACTIVATION else ""
    if name in _SCORES or options.labels is not None:
        return "classification", []
    return "regression", [
        "Taken as a regression, as its last layer gives plain numbers; --labels or --task says otherwise."
    ]
