"""Feature selection: which columns stay, by scikit-learn's own rules on what it has fitted."""

import numpy as np
from numpy.typing import NDArray

from .rows import Rows, Writer, width
from .tree import Numbers, RefusedError, Thing

Mask = NDArray[np.bool_]


def selector(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    """Any of them."""
    mask = _MASKS[thing.name](thing)
    if mask.shape != (width(rows),):
        raise RefusedError(f"chooses among {mask.size} numbers, but {width(rows)} come in")
    return writer.select(rows, np.flatnonzero(mask))


def _support(thing: Thing) -> Mask:
    return np.asarray(thing.need("support_"), bool)


def _variance(thing: Thing) -> Mask:
    return thing.numbers("variances_", 1) > float(thing.get("threshold", 0.0))


def _scores(thing: Thing) -> Numbers:
    scores = np.asarray(thing.need("scores_"), np.float64)
    return np.where(np.isnan(scores), np.finfo(np.float64).min, scores)


def _k_best(thing: Thing) -> Mask:
    k, scores = thing.get("k", 10), _scores(thing)
    mask = np.zeros(len(scores), bool)
    if isinstance(k, str):
        return ~mask
    if k > 0:
        mask[np.argsort(scores, kind="mergesort")[-int(k) :]] = True
    return mask


def _percentile(thing: Thing) -> Mask:
    percentile, scores = float(thing.get("percentile", 10)), _scores(thing)
    if percentile in (0.0, 100.0):
        return np.full(len(scores), percentile == 100.0)
    threshold = np.percentile(scores, 100 - percentile)
    mask = scores > threshold
    ties = np.flatnonzero(scores == threshold)
    if len(ties):
        kept = int(len(scores) * percentile / 100) - int(mask.sum())
        mask[ties[:kept]] = True
    return mask


def _p_values(thing: Thing) -> Numbers:
    return thing.numbers("pvalues_", 1)


def _fpr(thing: Thing) -> Mask:
    return _p_values(thing) < float(thing.get("alpha", 0.05))


def _fdr(thing: Thing) -> Mask:
    values = _p_values(thing)
    ordered = np.sort(values)
    selected = ordered[ordered <= float(thing.get("alpha", 0.05)) / len(values) * np.arange(1, len(values) + 1)]
    return values <= selected.max() if len(selected) else np.zeros(len(values), bool)


def _fwe(thing: Thing) -> Mask:
    values = _p_values(thing)
    return values < float(thing.get("alpha", 0.05)) / len(values)


def _univariate(thing: Thing) -> Mask:
    modes = {"percentile": _percentile, "k_best": _k_best, "fpr": _fpr, "fdr": _fdr, "fwe": _fwe}
    mode = str(thing.get("mode", "percentile"))
    if mode not in modes:
        raise RefusedError(f"mode is {mode!r}; expected one of {', '.join(modes)}")
    parameter = {"percentile": "percentile", "k_best": "k"}.get(mode, "alpha")
    shadow = {key: thing.get(key) for key in ("scores_", "pvalues_")} | {parameter: thing.get("param")}
    return modes[mode](Thing(thing.path, shadow))


def _from_model(thing: Thing) -> Mask:
    """By the sizes of coefficients; importances of trees are not in the file as numbers."""
    getter = thing.get("importance_getter", "auto")
    model = thing.thing("estimator" if thing.get("prefit") else "estimator_")
    if getter not in ("auto", "coef_") or not model.has("coef_"):
        raise RefusedError(
            f"chooses by the importances of {model.name}, which cannot be read here; "
            "put a SelectKBest or the chosen columns in its place"
        )
    coefficients = np.atleast_1d(model.numbers("coef_"))
    importances = np.abs(coefficients)
    if coefficients.ndim > 1:
        importances = np.linalg.norm(coefficients, axis=0, ord=float(thing.get("norm_order", 1)))
    mask = importances >= _threshold(thing.get("threshold"), model, importances)
    if thing.has("max_features"):
        most = thing.get("max_features_", thing.get("max_features"))
        best = np.zeros_like(mask)
        best[np.argsort(-importances, kind="mergesort")[: int(most)]] = True
        mask &= best
    return np.asarray(mask, bool)


def _threshold(threshold: object, model: Thing, importances: Numbers) -> float:
    if threshold is None:
        l1 = model.get("penalty") == "l1" or "Lasso" in model.name or model.get("l1_ratio") == 1.0
        threshold = 1e-5 if l1 else "mean"
    if not isinstance(threshold, str):
        return float(threshold)  # type: ignore[arg-type]
    factor, _, reference = threshold.rpartition("*")
    references = {"mean": float(np.mean(importances)), "median": float(np.median(importances))}
    if reference.strip() not in references:
        raise RefusedError(f"threshold is {threshold!r}; expected a number, mean or median")
    return float(factor or 1) * references[reference.strip()]


_MASKS = {
    "VarianceThreshold": _variance,
    "SelectKBest": _k_best,
    "SelectPercentile": _percentile,
    "SelectFpr": _fpr,
    "SelectFdr": _fdr,
    "SelectFwe": _fwe,
    "GenericUnivariateSelect": _univariate,
    "SelectFromModel": _from_model,
    "RFE": _support,
    "RFECV": _support,
    "SequentialFeatureSelector": _support,
}

SELECTORS = tuple(_MASKS)
"""Names of the classes that `selector` knows."""
