"""Transformers of numbers: scalers, bins, polynomials, functions, projections."""

from itertools import chain, combinations, combinations_with_replacement
from typing import Any

import numpy as np

from .rows import Block, Rows, Writer, plain, width
from .texts import binary_words, normalised_words
from .tree import Name, Numbers, RefusedError, Thing

FUNCTIONS = frozenset(
    {
        "abs",
        "sqrt",
        "cbrt",
        "square",
        "reciprocal",
        "exp",
        "exp2",
        "expm1",
        "log",
        "log2",
        "log10",
        "log1p",
        "sin",
        "cos",
        "tan",
        "arcsin",
        "arccos",
        "arctan",
        "sinh",
        "cosh",
        "tanh",
        "arcsinh",
        "arccosh",
        "arctanh",
        "floor",
        "ceil",
        "rint",
        "sign",
        "negative",
    }
)
"""numpy's functions that a step `function` has."""

_OTHER_NAMES = {"absolute": "abs", "fabs": "abs"}


def per_number(thing: Thing, attribute: str, count: int) -> Numbers:
    """An attribute with one finite number for each number of the row."""
    values = thing.numbers(attribute)
    values = np.broadcast_to(values, (count,)) if values.ndim == 0 else values
    if values.shape != (count,):
        raise RefusedError(f"{attribute} of {thing.name} has the shape {values.shape}; expected ({count},)")
    return values


def standard_scaler(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """(x − mean) / standard deviation."""
    return _centred(thing, rows, writer, thing.get("with_mean", True), thing.get("with_std", True), "mean_", "scale_")


def robust_scaler(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """(x − median) / range of quantiles."""
    centre, scale = thing.get("with_centering", True), thing.get("with_scaling", True)
    return _centred(thing, rows, writer, centre, scale, "center_", "scale_")


def _centred(thing: Thing, rows: Rows, writer: Writer, has_mean: bool, has_scale: bool, mean: str, scale: str) -> Rows:
    count = width(rows)
    means = per_number(thing, mean, count) if has_mean else np.zeros(count)
    scales = per_number(thing, scale, count) if has_scale else np.ones(count)
    empty = np.isnan(means) | np.isnan(scales)  # columns without any value in training, which stay missing
    means, scales = np.where(empty, 0, means), np.where(empty, 1, scales)
    return writer.standardise(rows, means, scales) if has_mean or has_scale else rows


def min_max_scaler(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """MinMaxScaler: x · scale + min, and perhaps clipped."""
    count = width(rows)
    scales, offsets = per_number(thing, "scale_", count), per_number(thing, "min_", count)
    empty = np.isnan(scales) | np.isnan(offsets)
    rows = writer.scale(rows, np.where(empty, 1, scales), np.where(empty, 0, offsets))
    if thing.get("clip"):
        low, high = thing.need("feature_range")
        rows = _clipped(rows, writer, float(low), float(high))
    return rows


def max_abs_scaler(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """MaxAbsScaler: x / greatest absolute value."""
    count = width(rows)
    scales = per_number(thing, "scale_", count)
    rows = writer.standardise(rows, np.zeros(count), np.where(np.isnan(scales), 1, scales))
    return _clipped(rows, writer, -1.0, 1.0) if thing.get("clip") else rows


def _clipped(rows: Rows, writer: Writer, low: float, high: float) -> Rows:
    if all(isinstance(part, Block) and part.origin == "layer" for part in rows):
        return writer.layer(rows, "activation", activation={"name": "hard_tanh", "min": low, "max": high})
    return writer.elementwise(rows, "clip", False, min=plain(low), max=plain(high))


def normalizer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """Normalizer: x divided by the row's norm."""
    writer.forbid_nan(rows)
    norm = str(thing.get("norm", "l2"))
    if norm not in ("l1", "l2", "max"):
        raise RefusedError(f"norm is {norm!r}; expected l1, l2 or max")
    if any(isinstance(part, Block) and part.origin == "layer" for part in rows):
        return writer.layer(rows, "normalise", norm=norm)
    if (words := normalised_words(rows, writer, norm)) is not None:
        return words
    part = writer.merged(rows)
    return (writer.step(part, "normalise", False, norm=norm),)


def binarizer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """1 where x > threshold."""
    writer.forbid_nan(rows)
    threshold = plain(thing.get("threshold", 0.0))
    if threshold == 0 and (words := binary_words(rows, writer)) is not None:
        return words
    return writer.elementwise(rows, "binarise", threshold=threshold)


def power_transformer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """Yeo–Johnson or Box–Cox, and then perhaps standardised."""
    method = str(thing.get("method", "yeo-johnson")).replace("-", "_")
    if method not in ("yeo_johnson", "box_cox"):
        raise RefusedError(f"method is {method!r}; expected yeo-johnson or box-cox")
    lambdas = per_number(thing, "lambdas_", width(rows))
    if np.isnan(lambdas).any():
        raise RefusedError("lambdas_ holds NaN: a column had no values when it was fitted; leave it out")
    rows = writer.elementwise(rows, "power_transform", False, method=method, lambdas=lambdas)
    return standard_scaler(thing.thing("_scaler"), rows, writer) if thing.get("standardize", True) else rows


def polynomial_features(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """Products of numbers, in scikit-learn's order of terms."""
    count = width(rows)
    degree = thing.get("degree", 2)
    low, high = (0, degree) if isinstance(degree, int) else degree
    combine = combinations if thing.get("interaction_only") else combinations_with_replacement
    ordered = chain.from_iterable(combine(range(count), d) for d in range(max(1, int(low)), int(high) + 1))
    terms = [list(term) for term in ordered]
    if thing.get("include_bias", True):
        terms.insert(0, [])
    expected = thing.get("n_output_features_")
    if expected is not None and expected != len(terms):
        raise RefusedError(f"has {expected} terms where {count} numbers give {len(terms)}")
    writer.forbid_nan(rows)
    return (writer.emit(writer.merged(rows), "polynomial", len(terms), [frozenset()] * len(terms), False, terms=terms),)


def bins(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """KBinsDiscretizer: which bin, and then perhaps an indicator for each."""
    count = width(rows)
    edges = [np.asarray(edge, np.float64) for edge in thing.need("bin_edges_")]
    if len(edges) != count:
        raise RefusedError(f"has bins for {len(edges)} columns, but {count} numbers come in")
    writer.forbid_nan(rows)
    rows = _split(rows, writer, "bucketise", "boundaries", [[plain(x) for x in edge[1:-1]] for edge in edges])
    encode = thing.get("encode", "onehot")
    if encode == "ordinal":
        return rows
    if encode not in ("onehot", "onehot-dense"):
        raise RefusedError(f"encode is {encode!r}; expected onehot, onehot-dense or ordinal")
    return one_hot(rows, writer, [len(edge) - 1 for edge in edges])


def _split(rows: Rows, writer: Writer, op: str, key: str, values: list[Any]) -> Rows:
    out, start = [], 0
    for part in rows:
        own: dict[str, Any] = {key: values[start : start + part.width]}
        out.append(writer.step(part, op, **own))
        start += part.width
    return tuple(out)


def one_hot(rows: Rows, writer: Writer, sizes: list[int], drop: list[int | None] | None = None) -> Rows:
    """An indicator for each index; of indices that earlier steps have made."""
    out, start = [], 0
    for part in rows:
        own = sizes[start : start + part.width]
        left_out = drop[start : start + part.width] if drop else []
        start += part.width
        dropped = sum(index is not None for index in left_out)
        total = sum(own) - dropped
        more: dict[str, Any] = {"drop": left_out} if dropped else {}
        if total > 0:
            out.append(writer.emit(part, "one_hot", total, [frozenset()] * total, sizes=own, **more))
    return tuple(out)


def function_transformer(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """A function of numpy, or nothing."""
    func = thing.get("func")
    if func is None:
        return rows
    if not isinstance(func, Name):
        raise RefusedError(f"its function is {func!r}; only numpy's own functions can be served")
    name = _OTHER_NAMES.get(func.short, func.short)
    if not func.path.startswith("numpy") or name not in FUNCTIONS:
        raise RefusedError(
            f"its function {func.path} is Python code, which is not run here; use one of numpy's "
            f"({', '.join(sorted(FUNCTIONS))}) or apply it before the rows are sent"
        )
    if thing.get("kw_args"):
        raise RefusedError(f"numpy.{name} has arguments (kw_args); leave them out")
    jumps = name in ("floor", "ceil", "rint", "sign")
    return writer.elementwise(rows, "function", jumps, function=name)


def pca(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """PCA and its kin: (x − mean) · components, perhaps whitened."""
    kernel = thing.numbers("components_", 2).T
    if thing.get("whiten") and thing.name != "FastICA":
        deviations = np.sqrt(per_number(thing, "explained_variance_", kernel.shape[1]))
        kernel = kernel / np.maximum(deviations, np.finfo(np.float64).eps)
    if thing.has("mean_") and not (thing.name == "FastICA" and not thing.get("whiten")):
        rows = centred(rows, writer, per_number(thing, "mean_", len(kernel)))
    return writer.dense(rows, kernel)


def centred(rows: Rows, writer: Writer, mean: Numbers) -> Rows:
    """Rows less their mean, before they are rounded to single precision."""
    if len(mean) != width(rows):
        raise RefusedError(f"takes {len(mean)} numbers, but the steps before it give {width(rows)}")
    return writer.standardise(rows, mean, np.ones(len(mean)))


def projection(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """TruncatedSVD and random projections: x · components."""
    return writer.dense(rows, thing.numbers("components_", 2).T)


def discriminant_projection(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """LinearDiscriminantAnalysis in the middle of a pipeline."""
    kernel = thing.numbers("scalings_", 2)
    kernel = kernel[:, : int(thing.get("_max_components", kernel.shape[1]))]
    if thing.get("solver", "svd") == "svd":
        return writer.dense(centred(rows, writer, per_number(thing, "xbar_", len(kernel))), kernel)
    mean = thing.numbers("priors_", 1) @ thing.numbers("means_", 2)
    return writer.dense(centred(rows, writer, mean), kernel, mean @ kernel)


def is_nan(value: Any) -> bool:
    """True for a float that is NaN."""
    return isinstance(value, float | np.floating) and bool(np.isnan(value))
