"""Keras' preprocessing layers as steps: tables and texts become numbers before the network's first layer."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .activations import row_axes
from .architecture import Layer, number
from .layers import Handler, named_weights, only, tiled
from .rows import Builder, Rows, UnservableError
from .vocabulary import Lookup, output_mode, read_lookup

EPSILON = 1e-7
"""keras.backend.epsilon()."""


def handlers(assets: Mapping[str, str]) -> dict[str, Handler]:
    """What makes steps of each layer; `assets` are the texts in the file."""

    def string_lookup(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
        rows, lookup = only(inputs), read_lookup(layer, assets)
        if not rows.text:
            raise UnservableError("looks up numbers as strings; expected an input of dtype string")
        if not rows.columns or any(builder.types[column] == "text" for column in rows.columns):
            return _words_looked_up(builder, layer, rows, lookup)
        mapped = _map(builder, layer, rows, lookup)
        return _encode(builder, layer, mapped, lookup.mode, lookup.depth, lookup.idf)

    def integer_lookup(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
        rows, lookup = _numbers(only(inputs)), read_lookup(layer, assets, whole=True)
        if lookup.unknown > 1:
            raise UnservableError(f"spreads unknown numbers over {lookup.unknown} indices; use num_oov_indices=1")
        if not rows.columns and max(map(abs, lookup.known())) > 1 << 24:
            raise UnservableError("looks up numbers above 16,777,216 in a tensor; give it an input of shape (1,)")
        known = lookup.known()
        found = builder.step("index", rows, layer.name, values=[known] * rows.size, unknown=len(known))
        if lookup.indices() != list(range(len(known) + 1)):
            found = _map(builder, layer, found, lookup)
        return _encode(builder, layer, found, lookup.mode, lookup.depth, lookup.idf)

    def text_vectorization(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
        return _text_vectorization(builder, layer, only(inputs), read_lookup(layer, assets))

    return {
        "StringLookup": string_lookup,
        "IntegerLookup": integer_lookup,
        "TextVectorization": text_vectorization,
        "CategoryEncoding": _category_encoding,
        "Discretization": _discretization,
        "Hashing": _hashing,
        "Normalization": _normalization,
        "Rescaling": _rescaling,
    }


def _numbers(rows: Rows) -> Rows:
    """Rows that steps may read as numbers."""
    if rows.text:
        raise UnservableError("reads strings; expected numbers")
    if not rows.early:
        raise UnservableError("reads what layers have computed; it must come before all other layers")
    return rows


def _map(builder: Builder, layer: Layer, rows: Rows, lookup: Lookup) -> Rows:
    """Places in `lookup.known()` as Keras' indices."""
    indices: list[int | None] = [*lookup.indices()]
    if lookup.unknown == 0:
        indices[-1] = None  # Keras stops there; a category is refused before
    if rows.columns and indices == [*range(len(indices) - 1), None]:
        return builder.step("select", rows, layer.name)
    return builder.step("map", rows, layer.name, values=[indices] * rows.size)


def _encode(
    builder: Builder, layer: Layer, index: Rows, mode: str, depth: int, idf: NDArray[Any] | None = None
) -> Rows:
    """Indices as Keras' output modes have them."""
    if mode == "int":
        return index
    head = index.shape[:-1]
    if mode == "one_hot":
        shape = (*head, depth) if index.shape[-1:] in ((1,), ()) else (*index.shape, depth)
        return replace(builder.step("one_hot", index, layer.name, sizes=[depth] * index.size), shape=shape)
    if head not in ((), (1,)):
        raise UnservableError(f"counts along the last axis of {list(index.shape)}; expected flat rows")
    made = builder.step("multi_hot", index, layer.name, size=depth, **({} if mode == "multi_hot" else {"count": True}))
    made = replace(made, shape=(*head, depth))
    return made if idf is None else builder.step("scale", made, layer.name, factor=idf.tolist())


def _words_looked_up(builder: Builder, layer: Layer, rows: Rows, lookup: Lookup) -> Rows:
    """A string that other layers read in another way: looked up as a text of one term."""
    name, tokens = layer.name, lookup.tokens
    if rows.size != 1 or "" in tokens:
        raise UnservableError("looks up strings which other layers read too; send them as an input of their own")
    masked = [lookup.mask] if lookup.mask else []  # an empty text has no term: what is "" counts nothing by itself
    empty = lookup.mask == "" and lookup.unknown > 0
    words: dict[str, Any] = {"vocabulary": tokens + masked, "pattern": "text", "lowercase": False}
    width = len(tokens) + len(masked)
    if empty:
        found = _count(builder, rows, name, 1 + width, **words, unknown="first")
        rest = builder.select(found, f"{name}_unknown", np.arange(1), (1,))
        found = builder.select(found, f"{name}_found", np.arange(1, 1 + width), (width,))
    else:
        found = _count(builder, rows, name, width, **words)
        rest = _none_of(builder, f"{name}_unknown", found)
    parts = [builder.select(found, f"{name}_tokens", np.arange(len(tokens)), (len(tokens),))]
    if lookup.unknown == 1:
        parts.insert(0, rest)
    elif lookup.unknown > 1:
        spread = _hash(builder, rows, f"{name}_hash", lookup.unknown, layer.config.get("salt"))
        shape = (lookup.unknown,)
        spread = replace(builder.step("one_hot", spread, name, sizes=[lookup.unknown]), shape=shape)
        parts.insert(0, builder.add("multiply", f"{name}_spread", [spread, rest], shape))
    depth = lookup.unknown + len(tokens)
    if lookup.mode != "int":
        hot = builder.add("concatenate", f"{name}_all", parts, (depth,)) if len(parts) > 1 else parts[0]
        hot = _padded(builder, layer, hot, lookup.depth)
        return hot if lookup.idf is None else builder.affine(hot, f"{name}_idf", lookup.idf, 0)
    if lookup.mask is not None:
        known = builder.add("concatenate", f"{name}_others", parts, (depth,))
        parts, depth = [_none_of(builder, f"{name}_mask", known), known], depth + 1
    hot = builder.add("concatenate", f"{name}_all", parts, (depth,))
    index = builder.network.dense(f"{name}_index", builder.read(hot), np.arange(depth)[:, None])
    return Rows(index, rows.shape or (1,), indicators=hot)


def _none_of(builder: Builder, name: str, indicators: Rows) -> Rows:
    """1 where none of them is."""
    total = builder.add("reduce", f"{name}_sum", [indicators], (1,), function="sum")
    return Rows(builder.network.dense(name, builder.read(total), [[-1.0]], [1.0]), (1,))


def _padded(builder: Builder, layer: Layer, rows: Rows, depth: int) -> Rows:
    """With zeros at the end."""
    if depth <= rows.size:
        return rows
    zeros = Rows("", (depth - rows.size,), constant=np.zeros(depth - rows.size))
    return Rows("", (depth,), parts=(rows, zeros), sparse=rows.sparse)


def _count(builder: Builder, rows: Rows, name: str, width: int, **parameters: Any) -> Rows:
    """A text's terms."""
    if rows.columns:
        made = builder.network.step("count_words", builder.table, name, column=rows.columns[0], **parameters)
    else:
        made = builder.network.step("count_words", rows.name, name, **parameters)
    return Rows(made, (width,), early=True, sparse=True)


def _text_vectorization(builder: Builder, layer: Layer, rows: Rows, lookup: Lookup) -> Rows:
    config = layer.config
    if not rows.text or rows.size != 1:
        raise UnservableError(f"reads {rows.size} {'strings' if rows.text else 'numbers'}; expected one string")
    if lookup.mode in ("int", "one_hot"):
        raise UnservableError(
            f"has output_mode={lookup.mode!r}: a sequence of words, which dense layers cannot read; "
            "use multi_hot, count or tf_idf"
        )
    standardize, split = config.get("standardize", "lower_and_strip_punctuation"), config.get("split", "whitespace")
    if standardize not in (None, "lower_and_strip_punctuation", "lower", "strip_punctuation"):
        raise UnservableError("has its own function to standardize, which is Python code that is not in the file")
    if split not in (None, "whitespace", "character"):
        raise UnservableError("has its own function to split, which is Python code that is not in the file")
    words = {
        "vocabulary": lookup.tokens,
        "unknown": "first",
        "lowercase": "ascii" if standardize in ("lower_and_strip_punctuation", "lower") else False,
        "strip_punctuation": standardize in ("lower_and_strip_punctuation", "strip_punctuation"),
        "pattern": {None: "text", "whitespace": "ascii_whitespace", "character": "character"}[split],
        "ngrams": _ngrams(config.get("ngrams")),
        "binary": lookup.mode == "multi_hot",
    }
    width = 1 + len(lookup.tokens)
    if lookup.idf is not None:
        words["idf"] = lookup.idf[:width].tolist()
    return _padded(builder, layer, _count(builder, rows, layer.name, width, **words), lookup.depth)


def _ngrams(value: Any) -> list[int]:
    if isinstance(value, int):
        return [1, value]
    widths = sorted({int(width) for width in number(value)}) if value is not None else [1]
    if widths != list(range(widths[0], widths[-1] + 1)):
        raise UnservableError(f"has ngrams={value}, which leaves some out; expected all from the least to the greatest")
    return [widths[0], widths[-1]]


def _category_encoding(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    depth = layer.config.get("num_tokens") or layer.config.get("max_tokens")
    if not isinstance(depth, int) or depth < 1:
        raise UnservableError("does not say how many tokens there are; set num_tokens")
    mode = output_mode(layer.config, "multi_hot")
    if mode in ("int", "tf_idf"):
        raise UnservableError(f"has output_mode={mode!r}; expected one_hot, multi_hot or count")
    if rows.indicators is not None and rows.size == 1:
        hot = rows.indicators
        if hot.size > depth:
            return builder.select(hot, layer.name, np.arange(depth), (depth,))
        return _padded(builder, layer, hot, depth)
    return _encode(builder, layer, _numbers(rows), mode, depth)


def _discretization(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = _numbers(only(inputs))
    config = layer.config
    boundaries = number(config.get("bin_boundaries", config.get("bins")))
    if boundaries is None or np.size(boundaries) == 0:
        boundaries = _boundaries(layer)
    exact = np.asarray(boundaries, np.float64).reshape(-1).astype(np.float32)
    listed = [float(str(value)) for value in exact]  # the shortest decimals that are the same in float32
    if sorted(listed) != listed:
        raise UnservableError("has bin_boundaries that do not ascend")
    index = builder.step("bucketise", rows, layer.name, boundaries=[listed] * rows.size)
    return _encode(builder, layer, index, output_mode(config, "int"), len(listed) + 1)


def _boundaries(layer: Layer) -> NDArray[Any]:
    """From the summary that tf.keras keeps of what it was adapted to."""
    summary, bins = layer.weights[0] if layer.weights else None, layer.config.get("num_bins")
    if summary is None or summary.ndim != 2 or summary.shape[0] != 2 or summary.shape[1] == 0 or not bins:
        raise UnservableError("has no bin_boundaries in the file; set them, or save as .keras after adapt()")
    epsilon = 1.0 / bins
    if summary.shape[1] * epsilon < 1:
        return np.asarray(summary[0, :-1])
    weights = np.cumsum(summary[1])
    percents = epsilon + np.arange(0.0, 1.0, epsilon)
    return np.asarray(np.interp(percents, weights / weights[-1], summary[0])[:-1])


def _hashing(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows, config = only(inputs), layer.config
    bins, mask = config.get("num_bins"), config.get("mask_value")
    if not isinstance(bins, int) or bins < 1:
        raise UnservableError(f"has num_bins={bins}; expected a number from 1")
    if not rows.text:
        _numbers(rows)
    index = _hash(builder, rows, layer.name, bins, config.get("salt"), mask if bins > 1 else None)
    return _encode(builder, layer, index, output_mode(config, "int"), bins)


def _hash(builder: Builder, rows: Rows, name: str, buckets: int, salt: Any, mask: Any = None) -> Rows:
    parameters: dict[str, Any] = {"buckets": buckets, "method": "farmhash64"}
    if salt is not None:
        key = [salt, salt] if isinstance(salt, int) else [int(part) for part in number(salt)]
        parameters |= {"method": "siphash", "key": key}
    if mask is not None:
        parameters["mask"] = str(mask)
    return builder.step("hash", replace(rows, alone=False), name, **parameters)


def _normalization(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows, config = only(inputs), layer.config
    axis = config.get("axis", -1)
    axes = [] if axis is None else row_axes(axis, len(rows.shape)) if rows.shape else []
    mean, variance = (number(config.get(key)) for key in ("mean", "variance"))
    if mean is None or variance is None:
        weights = named_weights(replace(layer, config={**config, "mean": None}))
        mean, variance = weights["mean"], weights["variance"]
    mean, variance = (_spread(np.asarray(value, np.float64), axes, rows.shape) for value in (mean, variance))
    if (variance < 0).any():
        raise UnservableError("has a negative variance")
    if config.get("invert"):
        return _scaled(builder, layer, rows, np.maximum(np.sqrt(variance), EPSILON), mean)
    scale = np.maximum(np.sqrt(variance), EPSILON)
    if rows.early and not rows.text:
        return builder.step("standardise", rows, layer.name, mean=_short(mean), scale=_short(scale))
    centre = Rows("", rows.shape, constant=mean)
    centred = builder.add("subtract", f"{layer.name}_centred", [rows, centre], rows.shape)
    return builder.add("divide", layer.name, [centred, Rows("", rows.shape, constant=scale)], rows.shape)


def _spread(value: NDArray[Any], axes: Sequence[int], shape: tuple[int, ...]) -> NDArray[Any]:
    if value.size == 1:
        return np.full(int(np.prod(shape)), value.reshape(-1)[0])
    return tiled(value, axes, shape)


def _short(values: NDArray[Any]) -> Any:
    """One number, if they are all the same."""
    return float(values[0]) if (values == values[0]).all() else values.tolist()


def _scaled(builder: Builder, layer: Layer, rows: Rows, factor: NDArray[Any], offset: NDArray[Any]) -> Rows:
    if rows.early and not rows.text:
        return builder.step("scale", rows, layer.name, factor=_short(factor), offset=_short(offset))
    return builder.affine(rows, layer.name, factor.reshape(rows.shape), offset.reshape(rows.shape))


def _rescaling(builder: Builder, layer: Layer, inputs: Sequence[Rows]) -> Rows:
    rows = only(inputs)
    try:
        factor, offset = (
            np.broadcast_to(np.asarray(number(layer.config.get(key), default), np.float64), rows.shape).reshape(-1)
            for key, default in (("scale", 1.0), ("offset", 0.0))
        )
    except (ValueError, TypeError):
        raise UnservableError(f"has a scale or an offset that does not fit rows of {list(rows.shape)}") from None
    return _scaled(builder, layer, rows, factor, offset)
