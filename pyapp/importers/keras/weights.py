"""Gives every layer its weights: by the order of layers, as Keras itself does, in both forms of its HDF5 files."""

import re
from collections.abc import Iterator
from typing import Any

from ..problems import ImportRefusedError
from .architecture import Config, Layer, Model
from .files import KerasFile
from .hdf5 import Group

# In the attributes of a model under which tf.keras and Keras 3 file its layers; 2.12 to 2.14 used the second.
_FOLDERS = ("layers", "_layer_checkpoint_dependencies", "_self_tracked_trackables")


def load_weights(file: KerasFile, model: Model) -> None:
    """Fills `weights`, `extra` and `assets` of the model's layers."""
    if file.legacy is not None:
        _load_legacy(file, file.legacy, model)
    elif any(file.hdf5.group(file.hdf5.root, folder) is not None for folder in _FOLDERS):
        _load_folder(file, file.hdf5.root, "", model)
    else:
        raise ImportRefusedError(
            f"{file.name} holds no weights that Keras writes: neither layer_names nor a group 'layers'"
        )


def weight_names(layer: Layer) -> list[tuple[str, bool]]:
    """What get_weights() gives, and whether each may be trained."""
    config = layer.config
    match layer.kind:
        case "Dense":
            bias = config.get("use_bias", config.get("bias", True))
            return [("kernel", True), ("bias", True)] if bias else [("kernel", True)]
        case "BatchNormalization" | "SyncBatchNormalization" | "LayerNormalization":
            names = [("gamma", True)] if config.get("scale", True) else []
            names += [("beta", True)] if config.get("center", True) else []
            moving = [("moving_mean", False), ("moving_variance", False)]
            return names if layer.kind == "LayerNormalization" else names + moving
        case "RMSNormalization":
            return [("scale", True)]
        case "PReLU":
            return [("alpha", True)]
        case "Normalization":
            return [] if config.get("mean") is not None else [("mean", False), ("variance", False), ("count", False)]
    return []


def _load_legacy(file: KerasFile, group: Group, model: Model) -> None:
    stored: dict[str, tuple[Group, list[str]]] = {}
    for name in file.hdf5.texts(group, "layer_names") or []:
        inside = file.hdf5.group(group, name)
        if inside is None:
            raise ImportRefusedError(f"{file.name} is damaged: there are no weights of the layer {name!r}")
        names = file.hdf5.texts(inside, "weight_names") or []
        if names:
            stored[name] = (inside, names)
    wanted = [layer for layer in model.layers if _count(layer) > 0]
    if all(layer.name in stored for layer in wanted):
        pairs = [(layer, stored[layer.name]) for layer in wanted]
    elif len(wanted) == len(stored):
        pairs = list(zip(wanted, stored.values(), strict=True))
    else:
        raise ImportRefusedError(
            f"{file.name} has weights of {len(stored)} layers ({', '.join(stored)}), but the architecture has "
            f"{len(wanted)} with weights ({', '.join(layer.name for layer in wanted)})"
        )
    for layer, (inside, names) in pairs:
        arrays = [file.hdf5.read(file.hdf5.array(inside, name)) for name in names]
        if layer.inner is None:
            layer.weights = arrays
        else:
            _share_out(file, layer, list(zip(names, arrays, strict=True)))


def _count(layer: Layer) -> int:
    return len(weight_names(layer)) if layer.inner is None else sum(_count(inner) for inner in layer.inner.layers)


def _share_out(file: KerasFile, layer: Layer, arrays: list[tuple[str, Any]]) -> None:
    """A model within a model has all its weights in one list: those to be trained first, mostly."""
    leaves = [leaf for leaf in layer.leaves() if leaf.inner is None]
    slots = [(leaf, name, may) for leaf in leaves for name, may in weight_names(leaf)]
    if len(slots) != len(arrays):
        raise ImportRefusedError(
            f"{file.name}: {layer.place} has {len(arrays)} arrays of weights; its layers expect {len(slots)}"
        )
    orders = (
        sorted(slots, key=lambda slot: not (slot[2] and slot[0].config.get("trainable", True))),
        sorted(slots, key=lambda slot: not slot[2]),
        slots,
    )
    fits = [order for order in orders if all(map(_fits, order, arrays))]
    for (leaf, name, _), (_, array) in zip(fits[0] if fits else orders[0], arrays, strict=True):
        leaf.extra[f"/{name}"] = array
    for leaf in leaves:
        leaf.weights = [leaf.extra.pop(f"/{name}") for name, _ in weight_names(leaf)]


def _fits(slot: tuple[Layer, str, bool], stored: tuple[str, Any]) -> bool:
    """Whether the stored name may be that weight's; names of other forms may be any."""
    last = re.sub(r"(_\d+)?(:\d+)?$", "", stored[0].rsplit("/", 1)[-1])
    known = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance", "alpha", "scale", "mean", "variance")
    return last == slot[1] or last not in known


def _load_folder(file: KerasFile, root: Group, path: str, model: Model) -> None:
    folder = next((name for name in _FOLDERS if file.hdf5.group(root, name) is not None), None)
    group = file.hdf5.group(root, folder) if folder else None
    if group is None:
        return
    by_kind: dict[str, list[Layer]] = {}
    for layer in model.layers:
        if layer.kind != "InputLayer":
            by_kind.setdefault(snake_case(_stored_kind(layer)), []).append(layer)
    for kind, layers in by_kind.items():
        present = sorted(_numbered(file.hdf5.names(group), kind))
        expected = [kind if i == 0 else f"{kind}_{i}" for i in range(len(layers))]
        found = [name for _, name in present]
        if [name for name in expected if name in found] != found:  # numbers were left out by some versions
            full = [name for name in found if _has_state(file, group, name)]
            wanting = [layer for layer in layers if _count(layer) > 0 or layer.inner is not None]
            pairs = list(zip(wanting, full, strict=False))
        else:
            pairs = list(zip(layers, expected, strict=True))
        for layer, name in pairs:
            inside = file.hdf5.group(group, name)
            if inside is None:
                continue
            own = f"{path}{folder}/{name}"
            if layer.inner is not None:
                _load_folder(file, inside, f"{own}/", layer.inner)
            else:
                layer.assets = own
                _load_vars(file, inside, layer)


def _stored_kind(layer: Layer) -> str:
    """A model of Keras 2 says Model of what is filed as Functional."""
    return "Functional" if layer.inner is not None and layer.kind == "Model" else layer.kind


def _numbered(names: list[str], kind: str) -> Iterator[tuple[int, str]]:
    for name in names:
        number = re.fullmatch(re.escape(kind) + r"(?:_(\d{1,6}))?", name)
        if number:
            yield int(number.group(1) or 0), name


def _has_state(file: KerasFile, group: Group, name: str) -> bool:
    inside = file.hdf5.group(group, name)
    if inside is None:
        return False
    variables = file.hdf5.group(inside, "vars")
    if variables is not None and file.hdf5.names(variables):
        return True
    return any(file.hdf5.group(inside, folder) is not None for folder in _FOLDERS)


def _load_vars(file: KerasFile, inside: Group, layer: Layer) -> None:
    variables = file.hdf5.group(inside, "vars")
    if variables is None:
        return
    arrays = dict(file.hdf5.arrays(variables))
    numbered = sorted((name for name in arrays if name.isascii() and name.isdigit()), key=int)
    wanted = max(len(weight_names(layer)), 3)
    layer.weights = [file.hdf5.read(arrays[name]) for name in numbered[: wanted + 1]]
    layer.extra = {name: file.hdf5.read(arrays[name]) for name in arrays if name in ("idf_weights",)}


def snake_case(kind: str) -> str:
    """BatchNormalization: batch_normalization; as Keras files its layers."""
    name = re.sub("(.)([A-Z][a-z]+)", r"\1_\2", re.sub(r"\W+", "", kind))
    return re.sub("([a-z])([A-Z])", r"\1_\2", name).lower()


def simple_architecture(file: KerasFile, config: Config) -> Config:
    """Keras' configuration of {"layers": [{"type": "linear", "tensors": NAME, "then": ACTIVATION}, …]}."""
    layers: list[Config] = []
    for i, item in enumerate(config["layers"]):
        if not isinstance(item, dict) or not isinstance(item.get("type"), str):
            raise ImportRefusedError(f"architecture: layers/{i} has no type; expected 'linear', 'batch_norm' …")
        kind, name = item["type"].lower(), str(item.get("tensors") or f"layer_{i + 1}")
        if kind in ("linear", "dense"):
            shapes = [array.shape for array in _stored(file, name)]
            if not shapes or len(shapes[0]) != 2:
                raise ImportRefusedError(f"architecture: layers/{i}: {file.name} has no matrix of weights for {name!r}")
            inside = {"name": name, "units": shapes[0][1], "use_bias": len(shapes) > 1, "activation": item.get("then")}
            if not layers:
                inside["batch_input_shape"] = [None, shapes[0][0]]
            layers.append({"class_name": "Dense", "config": inside})
        elif kind in ("dropout", "flatten", "identity"):
            layers.append({"class_name": "Dropout", "config": {"name": name}})
        elif kind in ("batch_norm", "batchnorm", "batch_normalization"):
            inside = {"name": name, "epsilon": item.get("epsilon", 1e-3)}
            layers.append({"class_name": "BatchNormalization", "config": inside})
            if item.get("then"):
                then = {"name": f"{name}_then", "activation": item["then"]}
                layers.append({"class_name": "Activation", "config": then})
        else:
            layers.append({"class_name": "Activation", "config": {"name": name, "activation": kind}})
    return {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}


def _stored(file: KerasFile, name: str) -> list[Any]:
    """The arrays of the layer of that name, unread."""
    if file.legacy is not None:
        inside = file.hdf5.group(file.legacy, name)
        names = file.hdf5.texts(inside, "weight_names") if inside is not None else None
        return [file.hdf5.array(inside, weight) for weight in names or []]
    folder = file.hdf5.group(file.hdf5.root, "layers")
    if folder is None:
        return []
    for own in file.hdf5.names(folder):
        variables = file.hdf5.group(folder, f"{own}/vars")
        if variables is not None and name in (own, file.hdf5.text(variables, "name")):
            arrays = dict(file.hdf5.arrays(variables))
            return [arrays[key] for key in sorted(arrays)]
    return []
