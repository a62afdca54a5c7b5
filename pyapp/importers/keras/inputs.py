"""A Keras model's inputs as those of a package: tensors, one table of all that are one value each, or one text."""

from collections.abc import Mapping, Sequence
from typing import Any

from .architecture import Layer, Model, Ref, batchless, call_refs
from .layers import PASSED
from .rows import Builder, Rows, UnservableError
from .vocabulary import read_lookup, strings

TABLE = "row"
"""The name of the input that is a table."""

_INDEXED = ("StringLookup", "IntegerLookup", "Hashing", "CategoryEncoding", "Discretization")
_TRANSPARENT = (*PASSED, "Flatten", "Reshape")


def users(model: Model, ref: Ref) -> list[Layer]:
    """The layers that read what `ref` says, also within inner models and behind layers that change nothing."""
    found: list[Layer] = []
    for layer in model.layers:
        for call, made in enumerate(layer.calls):
            if ref not in call_refs(made):
                continue
            if layer.inner is not None:
                for (_, inner), outer in zip(layer.inner.inputs, made.inputs, strict=False):
                    if outer == ref:
                        found += users(layer.inner, inner)
            elif layer.kind in _TRANSPARENT:
                found += users(model, Ref(layer.name, call, 0))
            else:
                found.append(layer)
    return found


def declare_inputs(builder: Builder, model: Model, assets: Mapping[str, str]) -> dict[Ref, Rows]:
    """Adds the inputs to the network; the rows of each.  Raises UnservableError."""
    layers = {layer.name: layer for layer in model.layers}
    found: list[tuple[str, Ref, tuple[int, ...], str, list[Layer]]] = []
    for name, ref in model.inputs:
        readers = users(model, ref)
        layer = layers.get(ref.layer)
        if layer is None:
            raise UnservableError(f"there is no layer {ref.layer!r}, which input_layers names")
        found.append((name, ref, _shape(layer, readers), _dtype(layer, readers), readers))
    lone = len(found) == 1 and found[0][3] == "string" and _size(found[0][2]) == 1
    if lone and all(layer.kind == "TextVectorization" for layer in found[0][4]):
        name, ref, shape, _, _ = found[0]
        return {ref: Rows(builder.network.text_input(name), shape, text=True, early=True, alone=False)}

    def indexed(dtype: str, readers: Sequence[Layer]) -> bool:
        return dtype == "string" or "int" in dtype or any(layer.kind in _INDEXED for layer in readers)

    scalars = [entry for entry in found if _size(entry[2]) == 1]
    table = any(dtype == "string" for _, _, _, dtype, _ in found) or any(
        indexed(dtype, readers) for _, _, _, dtype, readers in scalars
    )
    table = table or len(scalars) == len(found) > 1  # by name is how such rows are sent
    rows: dict[Ref, Rows] = {}
    columns: list[dict[str, Any]] = []
    for name, ref, shape, dtype, readers in found:
        if table and (_size(shape) == 1 or dtype == "string"):
            size = _size(shape)
            names = [name] if size == 1 else [f"{name}_{i}" for i in range(size)]
            column = _column(dtype, readers, assets)
            columns += [{"name": own, **column} for own in names]
            builder.types |= dict.fromkeys(names, column["type"])
            text = dtype == "string"
            rows[ref] = Rows("", shape, columns=tuple(names), text=text, early=True, alone=False)
        else:
            made = builder.network.tensor_input(name, shape or (1,))
            rows[ref] = Rows(made, shape, early=True)
    if columns:
        builder.table = builder.network.table_input(TABLE, columns)
    return rows


def _size(shape: Sequence[int]) -> int:
    size = 1
    for length in shape:
        size *= length
    return size


def _column(dtype: str, readers: Sequence[Layer], assets: Mapping[str, str]) -> dict[str, Any]:
    if dtype == "bool":
        return {"type": "boolean"}
    if dtype != "string":
        return {"type": "number"}
    if not readers or any(layer.kind != "StringLookup" for layer in readers):
        return {"type": "text", "missing": "empty"} if _takes_empty(readers) else {"type": "text"}
    lookups = [read_lookup(layer, assets) for layer in readers]
    first = lookups[0]
    if first.unknown > 1 or any((other.known(), other.unknown) != (first.known(), first.unknown) for other in lookups):
        return {"type": "text"}
    known = strings(first.known())
    column: dict[str, Any] = {"type": "category", "categories": known}
    column["unknown"] = "index" if first.unknown else "error"
    return {**column, "missing": known.index("")} if "" in known else column


def _takes_empty(readers: Sequence[Layer]) -> bool:
    return bool(readers) and all(layer.kind == "TextVectorization" for layer in readers)


def _dtype(layer: Layer, readers: Sequence[Layer]) -> str:
    dtype = layer.config.get("dtype") or layer.config.get("input_dtype") or "float32"
    if isinstance(dtype, dict):
        dtype = dtype.get("config", {}).get("name", "float32")
    return str(dtype)


def _shape(layer: Layer, readers: Sequence[Layer]) -> tuple[int, ...]:
    """Without the batch; what the input does not say is taken from who reads it."""
    stated = layer.config.get("batch_input_shape") or layer.config.get("batch_shape")
    shape = batchless(stated) if stated is not None else layer.build_shape
    if shape is None and isinstance(layer.config.get("shape"), list):
        shape = tuple(layer.config["shape"])
    if shape is not None and None not in shape:
        sizes = tuple(size for size in shape if size is not None)
        if _size(sizes) < 1:
            raise UnservableError(f"the input {layer.name!r} has the shape {list(sizes)}; expected at least one number")
        return sizes
    for reader in readers:
        if reader.kind in ("TextVectorization", "StringLookup", "IntegerLookup"):
            return (1,)
        if reader.kind == "Dense" and reader.weights and (shape is None or len(shape) == 1):
            return (int(reader.weights[0].shape[0]),)
        built = reader.build_shape
        if built is not None and built and None not in built:
            return tuple(size for size in built if size is not None)
        if reader.kind in ("BatchNormalization", "Normalization") and reader.weights and reader.weights[0].ndim == 1:
            return (int(reader.weights[0].shape[0]),)
    raise UnservableError(
        f"the input {layer.name!r} has the shape {list(shape) if shape else 'unknown'}; "
        "expected a fixed number of values"
    )
