"""Finds the network's tensors in what was saved: within a checkpoint, under wrappers' names."""

from collections.abc import Iterator, Mapping
from typing import Any

from .pickles import Global, Made
from .tensors import FormatError, Tensor
from .zip_file import EXPORT_TO_ONNX, SAVE_THE_STATE_DICT

USUAL_KEYS = (
    "state_dict",
    "model_state_dict",
    "model_state",
    "model_weights",
    "model",
    "net_state_dict",
    "net",
    "network",
    "module",
    "weights",
    "params",
    "parameters",
)
"""Where checkpoints keep the network, the usual ones first."""

AVERAGED_KEYS = ("ema", "ema_state_dict", "model_ema", "ema_model", "averaged_model", "swa_model")
"""Averages of the weights over training, taken where there is nothing else."""

WRAPPERS = frozenset(("module", "model", "_orig_mod", "net", "network", "_forward_module", "_fsdp_wrapped_module"))
"""The prefixes that DataParallel, torch.compile, Lightning and users' own classes put before all names."""

MAX_DEPTH = 6

_SIDE_KEYS = ("optim", "scheduler", "scaler", "sched")


def find(saved: Any, key: str | None = None) -> tuple[dict[str, Tensor], list[str]]:
    """The state_dict in what a file held, and what had to be decided.  `key`: where, as "path.within"; None: look.

    Raises FormatError if there is none, or several and none is the usual one.
    """
    found = dict(_dictionaries(saved))
    if key is not None:
        if key not in found:
            raise FormatError(f"there is no state_dict under {key!r}; there are {_listed(found)}")
        return found[key], []
    if "" in found:
        return found[""], []
    if not found:
        raise FormatError(_why_none(saved))
    chosen = _usual(found)
    if chosen is None:
        raise FormatError(
            f'it holds several networks: {_listed(found)}; name one in the architecture file: "state": "{min(found)}"'
        )
    others = [name for name in found if name != chosen]
    notes = [f"The weights are those under {chosen!r}."] if not others else []
    if others:
        notes = [f'The weights are those under {chosen!r}; not used: {_listed(others)} ("state" names another).']
    return found[chosen], notes


def strip_wrappers(names: Mapping[str, Any]) -> str:
    """The prefix of wrappers that all names share, as "module."; "" if there is none."""
    prefix = ""
    while True:
        heads = {name[len(prefix) :].split(".", 1)[0] for name in names if name.startswith(prefix)}
        head = heads.pop() if len(heads) == 1 else ""
        # At least a module's name and its parameter's remain.
        if head not in WRAPPERS or any(name[len(prefix) :].count(".") < 2 for name in names):
            return prefix
        prefix += f"{head}."


def _dictionaries(saved: Any, path: str = "", depth: int = 0) -> Iterator[tuple[str, dict[str, Tensor]]]:
    """Every dictionary with tensors by names, and where it lies.  Optimizers' and other known ones are left out."""
    if not isinstance(saved, dict) or depth > MAX_DEPTH:
        return
    tensors = {name: value for name, value in saved.items() if isinstance(name, str) and isinstance(value, Tensor)}
    if any("." in name for name in tensors) or any(len(tensor.shape) == 2 for tensor in tensors.values()):
        yield path, tensors
        return
    for name, value in saved.items():
        if isinstance(name, str) and not any(part in name.lower() for part in _SIDE_KEYS):
            yield from _dictionaries(value, f"{path}.{name}" if path else name, depth + 1)


def _usual(found: Mapping[str, Any]) -> str | None:
    if len(found) == 1:
        return next(iter(found))
    for keys in (USUAL_KEYS, AVERAGED_KEYS):
        for key in keys:
            fitting = [path for path in found if path == key or path.endswith(f".{key}")]
            if len(fitting) == 1:
                return fitting[0]
    return None


def _listed(names: Any) -> str:
    return ", ".join(sorted(names)) or "none"


def _why_none(saved: Any) -> str:
    """What lies there instead of a state_dict."""
    modules = [
        value.name
        for value in [saved, *(saved.values() if isinstance(saved, dict) else ())]
        if isinstance(value, Made) and value.name != "?"
    ]
    if modules:
        return (
            f"a pickled object ({modules[0]}) holds references to code, which is not run: "
            f"a whole nn.Module was saved; load it where its class is and {SAVE_THE_STATE_DICT}, {EXPORT_TO_ONNX}"
        )
    if isinstance(saved, Global):
        return f"it names {saved.name}, and holds no tensors; {SAVE_THE_STATE_DICT}"
    if isinstance(saved, Tensor | list | tuple):
        return f"it holds tensors without names; {SAVE_THE_STATE_DICT}"
    return f"no state_dict is in it; {SAVE_THE_STATE_DICT}"
