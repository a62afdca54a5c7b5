"""The domain ai.onnx.ml: linear models, scaling and encoders, as skl2onnx writes them."""

from dataclasses import replace
from typing import Any

import numpy as np

from ..builder import Array, Builder, finite
from ..graph import ML, rule
from ..node import Node
from ..table import own_block
from ..values import Cells, Label, RefusedError, Rows, Value
from .linear import times
from .logic import equal_to, truncated
from .normalisation import normalised
from .operands import rows_of, together
from .reductions import reduced
from .steps import inverted, not_zero


def _labels(node: Node) -> tuple[str, ...] | None:
    for name in ("classlabels_strings", "classlabels_ints", "classlabels_int64s"):
        labels = node.attribute(name)
        if labels:
            return tuple(str(label) for label in labels)
    return None


def _coefficients(node: Node, rows: Rows, count: int | None = None) -> tuple[Array, Array]:
    """Kernel [features, targets] and bias [targets]."""
    flat = np.array(node.attribute("coefficients", []), dtype=np.float32)
    width = rows.shape[-1] if rows.shape else 1
    if flat.size == 0 or flat.size % width or (count is not None and flat.size != width * count):
        raise RefusedError(f"has {flat.size} coefficients for rows of {width}")
    kernel = flat.reshape(-1, width).T
    bias = np.array(node.attribute("intercepts") or [0.0] * kernel.shape[1], dtype=np.float32)
    if bias.size != kernel.shape[1]:
        raise RefusedError(f"has {bias.size} intercepts for {kernel.shape[1]} targets")
    return kernel, bias


@rule("LinearClassifier", domain=ML)
def linear_classifier(builder: Builder, node: Node, value: Value) -> list[Value]:
    """A dense layer; its label is the winner of the scores."""
    rows = replace(rows_of(builder, node, value), dtype=np.dtype(np.float32))
    kernel, bias = _coefficients(node, rows)
    labels, after = _labels(node), node.attribute("post_transform", "NONE")
    if after not in ("NONE", "LOGISTIC", "SOFTMAX"):
        raise RefusedError(f"ends in {after}; served are NONE, LOGISTIC and SOFTMAX")
    one = kernel.shape[1] == 1
    if labels is not None and len(labels) != (2 if one else kernel.shape[1]):
        raise RefusedError(f"has {len(labels)} labels for {kernel.shape[1]} rows of coefficients")
    if one and (labels is not None or after == "LOGISTIC"):
        # The score of the second class; the first has what is missing to 1.
        missing = np.array([0, 0] if after == "LOGISTIC" else [1, 0], np.float32)
        kernel, bias = np.c_[-kernel, kernel], np.r_[-bias, bias] + missing
        after = "NONE" if after == "SOFTMAX" else after
    scores = times(builder, node, rows, kernel, bias)
    if after != "NONE":
        scores = builder.activation(node, scores, "sigmoid" if after == "LOGISTIC" else "softmax")
    scores = replace(scores, labels=labels, sums_to_one=after == "SOFTMAX" or (one and after == "LOGISTIC"))
    return [Label(scores, labels), scores]


@rule("LinearRegressor", domain=ML)
def linear_regressor(builder: Builder, node: Node, value: Value) -> Value:
    """A dense layer."""
    rows = replace(rows_of(builder, node, value), dtype=np.dtype(np.float32))
    if node.attribute("post_transform", "NONE") != "NONE":
        raise RefusedError(f"ends in {node.attribute('post_transform')}; served is NONE")
    kernel, bias = _coefficients(node, rows, node.attribute("targets", 1))
    return times(builder, node, rows, kernel, bias)


@rule("Scaler", domain=ML)
def scaler(builder: Builder, node: Node, value: Value) -> Value:
    """(x − offset) · scale."""
    rows = replace(rows_of(builder, node, value), dtype=np.dtype(np.float32))
    arrays = []
    for name, default in (("offset", 0.0), ("scale", 1.0)):
        array: Array = np.array(node.attribute(name) or [default], dtype=np.float32)
        if array.size not in (1, rows.shape[-1] if rows.shape else 1):
            raise RefusedError(f"has {array.size} numbers in {name} for rows of {rows.width}")
        arrays.append(np.broadcast_to(array, rows.shape))
    return builder.centred(node, rows, *arrays)


@rule("Normalizer", domain=ML)
def normalizer(builder: Builder, node: Node, value: Value) -> Value:
    """Divides by the norm of the last axis; scores that sum to 1 stay as they are."""
    rows = replace(rows_of(builder, node, value), dtype=np.dtype(np.float32))
    norm = node.attribute("norm", "MAX")
    if norm == "L1" and rows.sums_to_one:
        return rows
    if norm == "MAX":  # of the numbers as they are, not of their sizes; a greatest of 0 divides nothing
        kept = builder.share(rows)
        greatest = builder.share(reduced(builder, node, kept, [len(rows.shape) - 1], "maximum"))
        zero = inverted(builder, node, not_zero(builder, node, greatest))
        below = builder.layer("add", node, [greatest, zero], greatest.shape, greatest.axis)
        wide, shape, axis = together(builder, node, [kept, below])
        return builder.layer("divide", node, wide, shape, axis)
    if norm not in ("L1", "L2"):
        raise RefusedError(f"divides by the norm {norm[:40]!r}; expected MAX, L1 or L2")
    return normalised(builder, node, rows, [len(rows.shape) - 1], norm.lower())


@rule("Imputer", domain=ML)
def imputer(builder: Builder, node: Node, value: Value) -> Value:
    """A value in place of what is missing: a step."""
    rows = (
        builder.table.numbers(builder, value, missing="nan")
        if isinstance(value, Cells)
        else rows_of(builder, node, value)
    )
    fill = node.attribute("imputed_value_floats") or node.attribute("imputed_value_int64s") or []
    replaced = node.attribute("replaced_value_float", 0.0) if node.has("imputed_value_floats") else None
    if replaced is None or not np.isnan(replaced):
        raise RefusedError("replaces a number and not NaN; only NaN can be replaced")
    if not rows.front:
        raise RefusedError("fills in missing numbers behind a layer; it must come before all layers")
    array = np.array(fill, dtype=np.float32)
    if array.size not in (1, rows.width):
        raise RefusedError(f"has {array.size} values for rows of {rows.width}")
    block = own_block(builder, node, rows)
    builder.network.step("impute", block.source, value=builder.per_number(block, "value", finite(array)))
    return block


@rule("ZipMap", domain=ML)
def zip_map(builder: Builder, node: Node, value: Value) -> Value:
    """Names for the columns."""
    return replace(rows_of(builder, node, value), labels=_labels(node))


@rule("OneHotEncoder", domain=ML)
def one_hot(builder: Builder, node: Node, value: Value) -> Value:
    """An indicator for each category, along a new last axis."""
    strict = not node.attribute("zeros", 1)
    words, numbers = node.attribute("cats_strings"), node.attribute("cats_int64s")
    if words:
        if not isinstance(value, Cells):
            raise RefusedError("encodes texts, but what it reads are numbers")
        made: Rows = builder.table.one_hot(builder, value, words, "error" if strict else "ignore")
        return made
    if not numbers:
        raise RefusedError("has no categories")
    if strict:
        raise RefusedError(
            "must fail for numbers that are no category (zeros is 0), which layers cannot; export with zeros 1"
        )
    rows = rows_of(builder, node, value)
    made = equal_to(builder, node, truncated(builder, node, rows), np.array(numbers))
    return replace(made, dtype=np.dtype(np.float32))


def _pairs(node: Node) -> tuple[list[Any], list[Any], Any]:
    """What a LabelEncoder or CategoryMapper turns into what, and the default."""
    if node.op == "CategoryMapper":
        words, numbers = node.attribute("cats_strings", []), node.attribute("cats_int64s", [])
        return words, numbers, node.attribute("default_int64", -1)
    if node.has("classes_strings"):
        words = node.attribute("classes_strings", [])
        return words, list(range(len(words))), node.attribute("default_int64", -1)
    found: dict[str, tuple[str, list[Any]]] = {}
    for side in ("keys", "values"):
        for kind in ("strings", "int64s", "floats"):
            if node.has(f"{side}_{kind}"):
                found[side] = (kind, node.attribute(f"{side}_{kind}"))
        tensor = node.attribute(f"{side}_tensor")
        if tensor is not None:
            array = node.array(tensor)
            found[side] = ("strings" if array.dtype == object else "floats", array.reshape(-1).tolist())
    if set(found) != {"keys", "values"} or len(found["keys"][1]) != len(found["values"][1]):
        raise RefusedError("has not as many keys as values")
    kind, values = found["values"]
    default: Any = {"strings": "_Unused", "int64s": -1, "floats": -0.0}[kind]
    default = node.attribute(f"default_{kind[:-1]}", default)
    if node.has("default_tensor"):
        default = node.array(node.attribute("default_tensor")).reshape(-1).tolist()[0]
    return found["keys"][1], values, default


@rule("LabelEncoder", "CategoryMapper", domain=ML)
def label_encoder(builder: Builder, node: Node, value: Value) -> Value:
    """Texts or numbers to numbers; a label to its name."""
    keys, values, default = _pairs(node)
    if isinstance(value, Label):
        # Forwards if the label's names are keys; classes by number otherwise.
        table = {str(key): str(name) for key, name in zip(keys, values, strict=True)}
        if value.labels is None:
            count = value.scores.width if value.scores is not None else len(values)
            return replace(value, labels=tuple(table.get(str(i), str(default)) for i in range(count)))
        return replace(value, labels=tuple(table.get(label, str(default)) for label in value.labels))
    if not values or isinstance(values[0], str):
        raise RefusedError("turns what is sent into texts; only numbers can be computed with")
    if isinstance(value, Cells) and keys and isinstance(keys[0], str):
        coded: Rows = builder.table.mapped(builder, value, keys, values, default)
        return coded
    if keys and isinstance(keys[0], str):
        raise RefusedError("encodes texts, but what it reads are numbers")
    rows = rows_of(builder, node, value)
    if not np.isfinite(np.array(keys, dtype=np.float64)).all() or not np.isfinite(np.array([*values, default])).all():
        raise RefusedError("has NaN or an infinity among its keys or values")
    matches = equal_to(builder, node, rows, np.array(keys))
    gain = np.array(values, dtype=np.float64) - default
    made = times(builder, node, matches, gain, None)
    made = builder.affine(node, made, np.ones(made.shape), np.full(made.shape, float(default)))
    return replace(made, dtype=np.dtype(np.int64 if isinstance(values[0], int) else np.float32))
