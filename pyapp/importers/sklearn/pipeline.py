"""Walks a fitted model: pipelines, columns and unions, down to the transformers and the estimator at the end."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

import numpy as np

from ..problems import Problems
from . import categories, numbers, texts
from .columns import Columns
from .estimators import ESTIMATORS, Answer, transformed_target
from .rows import Block, Raw, Rows, Writer, shared, width
from .selectors import SELECTORS, selector
from .tree import RefusedError, Thing

T = TypeVar("T")
Transformer = Callable[[Thing, Rows, Writer], Rows]

TRANSFORMERS: dict[str, Transformer] = {
    "StandardScaler": numbers.standard_scaler,
    "RobustScaler": numbers.robust_scaler,
    "MinMaxScaler": numbers.min_max_scaler,
    "MaxAbsScaler": numbers.max_abs_scaler,
    "Normalizer": numbers.normalizer,
    "Binarizer": numbers.binarizer,
    "KBinsDiscretizer": numbers.bins,
    "PolynomialFeatures": numbers.polynomial_features,
    "PowerTransformer": numbers.power_transformer,
    "FunctionTransformer": numbers.function_transformer,
    **dict.fromkeys(("PCA", "IncrementalPCA", "FastICA"), numbers.pca),
    **dict.fromkeys(("TruncatedSVD", "GaussianRandomProjection", "SparseRandomProjection"), numbers.projection),
    "LinearDiscriminantAnalysis": numbers.discriminant_projection,
    "SimpleImputer": categories.simple_imputer,
    "MissingIndicator": categories.missing_indicator,
    "OneHotEncoder": categories.one_hot_encoder,
    "OrdinalEncoder": categories.ordinal_encoder,
    "TargetEncoder": categories.target_encoder,
    "CountVectorizer": texts.count_vectorizer,
    "TfidfVectorizer": texts.tfidf_vectorizer,
    "HashingVectorizer": texts.hashing_vectorizer,
    "TfidfTransformer": texts.tfidf_transformer,
    **dict.fromkeys(SELECTORS, selector),
}

VECTORISERS = ("CountVectorizer", "TfidfVectorizer", "HashingVectorizer")

_SEARCHES = ("GridSearchCV", "RandomizedSearchCV", "HalvingGridSearchCV", "HalvingRandomSearchCV")
_WRAPPERS = {
    **dict.fromkeys(_SEARCHES, "best_estimator_"),
    "RANSACRegressor": "estimator_",
    "FixedThresholdClassifier": "estimator_",
    "TunedThresholdClassifierCV": "estimator_",
    "TransformedTargetRegressor": "regressor_",
}
"""Estimators around another one, by the attribute that holds it."""

_FREE = ("FixedThresholdClassifier", "TunedThresholdClassifierCV")  # their threshold does not change the scores


def members(thing: Thing, attribute: str) -> list[tuple[str, Any, Any]]:
    """(name, estimator, more) of what holds named estimators; `more` are a ColumnTransformer's columns."""
    found = thing.need(attribute)
    if not isinstance(found, list | tuple) or any(not isinstance(m, list | tuple) or len(m) < 2 for m in found):
        raise RefusedError(f"{attribute} of {thing.name} is no list of named estimators")
    return [(str(member[0]), member[1], member[2] if len(member) > 2 else None) for member in found]


def first(thing: Any) -> Any:
    """The innermost estimator that reads the input itself, where there is only one."""
    while isinstance(thing, Thing):
        if thing.name in _WRAPPERS:
            thing = thing.get(_WRAPPERS[thing.name])
        elif thing.name == "Pipeline":
            steps = [step for _, step, _ in members(thing, "steps") if isinstance(step, Thing)]
            thing = steps[0] if steps else None
        elif thing.name == "FeatureUnion":
            parts = [part for _, part, _ in members(thing, "transformer_list") if isinstance(part, Thing)]
            thing = parts[0] if parts else None
        else:
            return thing
    return thing


class Walk:
    """One walk over the model.  What cannot be served is collected; rows of the right width stand for its result."""

    def __init__(self, columns: Columns, problems: Problems, output: str | None, last: bool = False) -> None:
        """`last`: the columns are known, from a walk before."""
        self.writer = Writer(columns, last)
        self.problems = problems
        self.output = output

    def answer(self, model: Any) -> Answer | None:
        """The whole model; None if its end cannot be served."""
        return self._end(model, self.writer.start(), ())

    # ---- the end

    def _end(self, thing: Any, rows: Rows, path: tuple[str, ...]) -> Answer | None:
        if not isinstance(thing, Thing):
            self._problem(path, f"{thing!r} is no estimator")
            return None
        if thing.name in _FREE:
            self.writer.columns.note(f"{thing.name}: its threshold is left out; the scores are those without it")
        if thing.name in _WRAPPERS:
            answer = self._end(thing.get(_WRAPPERS[thing.name]), rows, (*path, _WRAPPERS[thing.name]))
            if answer is not None and thing.name == "TransformedTargetRegressor":
                inner = answer
                return self._attempt(path, thing, lambda: transformed_target(inner, thing, self.writer))
            return answer
        if thing.name == "Pipeline":
            return self._pipeline_end(thing, rows, path)
        found = ESTIMATORS.get(thing.name) if _is_sklearn(thing) else None
        if found is None:
            self._problem(path, _cannot(thing))
            return None
        fitting = self._fitting(thing, rows)
        return self._attempt(path, thing, lambda: found(thing, fitting, self.writer, self.output))

    def _pipeline_end(self, thing: Thing, rows: Rows, path: tuple[str, ...]) -> Answer | None:
        steps = members(thing, "steps")
        if not steps:
            self._problem(path, "the pipeline has no steps")
            return None
        for name, step, _ in steps[:-1]:
            rows = self.transform(step, rows, (*path, name))
        name, step, _ = steps[-1]
        if step in ("passthrough", None) or (isinstance(step, Thing) and _only_transforms(step)):
            return Answer(self._as_layer(self.transform(step, rows, (*path, name))))
        return self._end(step, rows, (*path, name))

    def _as_layer(self, rows: Rows) -> Rows:
        """A pipeline of transformers alone answers its rows."""
        self.writer.label = "rows"
        count = width(rows)
        if len(rows) == 1 and isinstance(rows[0], Block) and rows[0].origin == "layer":
            return (self.writer.written(rows[0]),)
        if count > 1 << 13:
            self._problem((), f"ends without an estimator, with rows of {count} numbers; put one at the end")
            return rows
        return self.writer.dense(rows, np.eye(count))

    # ---- transformers

    def transform(self, thing: Any, rows: Rows, path: tuple[str, ...]) -> Rows:
        """What a transformer of any kind makes of the rows."""
        if thing in ("passthrough", None):
            return rows
        if thing == "drop":
            return ()
        if not isinstance(thing, Thing):
            self._problem(path, f"{thing!r} is no transformer")
            return rows
        if thing.name == "Pipeline":
            for name, step, _ in members(thing, "steps"):
                rows = self.transform(step, rows, (*path, name))
            return rows
        branches = {"ColumnTransformer": self._columns, "FeatureUnion": self._union}.get(thing.name)
        if branches is not None:
            made = self._attempt(path, thing, lambda: branches(thing, rows, path))
            return self._stand_in(1) if made is None else made
        if thing.path.startswith("imblearn.") and "sampling_strategy" in thing:
            return rows  # samplers work in training alone
        if thing.name in _SEARCHES:
            return self.transform(thing.get("best_estimator_"), rows, path)
        found = TRANSFORMERS.get(thing.name) if _is_sklearn(thing) else None
        if found is None:
            self._problem(path, _cannot(thing))
            return self._stand_in(width(rows))
        fitting = self._fitting(thing, rows)
        made = self._attempt(path, thing, lambda: found(thing, fitting, self.writer))
        return self._stand_in(width(rows)) if made is None else made

    def _columns(self, thing: Thing, rows: Rows, path: tuple[str, ...]) -> Rows:
        """ColumnTransformer: by the places that it has found in training."""
        places = thing.get("_transformer_to_input_indices")
        names = thing.get("feature_names_in_")
        weights = thing.get("transformer_weights") or {}
        parts: list[Any] = []
        source = shared(rows)
        for name, inner, columns in members(thing, "transformers_"):
            chosen = places.get(name) if isinstance(places, dict) else None
            if chosen is None:
                chosen = indices(columns, None if names is None else list(names), width(rows))
            if inner == "drop" or len(chosen) == 0:
                continue
            part = self.writer.select(source, chosen)
            if isinstance(columns, str) or (isinstance(columns, int | np.integer) and not isinstance(columns, bool)):
                part = tuple(replace(raw, scalar=True) if isinstance(raw, Raw) else raw for raw in part)
            made = self.transform(inner, part, (*path, name))
            parts.extend(self._weighed(made, weights.get(name)))
        return tuple(parts)

    def _union(self, thing: Thing, rows: Rows, path: tuple[str, ...]) -> Rows:
        weights = thing.get("transformer_weights") or {}
        parts: list[Any] = []
        source = shared(rows)
        for name, inner, _ in members(thing, "transformer_list"):
            made = self.transform(inner, source, (*path, name))
            parts.extend(self._weighed(made, weights.get(name)))
        return tuple(parts)

    def _weighed(self, rows: Rows, weight: Any) -> Rows:
        if weight is None:
            return rows
        return self.writer.scale(rows, np.full(width(rows), float(weight)), np.zeros(width(rows)))

    # ---- problems

    def _fitting(self, thing: Thing, rows: Rows) -> Rows:
        """The rows; or, once something is refused, as many numbers as the next one wants."""
        wanted = thing.get("n_features_in_")
        if self.problems and isinstance(wanted, int) and wanted != width(rows):
            return self._stand_in(wanted)
        return rows

    def _stand_in(self, count: int) -> Rows:
        return (Block("refused", count, (frozenset(),) * count),)

    def _problem(self, path: Sequence[str], reason: str) -> None:
        self.problems.add(" / ".join(path) or "the model", reason)

    def _attempt(self, path: Sequence[str], thing: Thing, make: Callable[[], T]) -> T | None:
        """What `make` gives; None if it refuses, which is told with its place."""
        self.writer.label = "_".join(path[-2:]) or thing.name.lower()
        try:
            return make()
        except RefusedError as error:
            self._problem(path, f"{thing.name}: {error}")
        except (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError) as error:
            self._problem(path, f"{thing.name}: the file is broken here ({error!r})")
        return None


def indices(columns: Any, names: list[Any] | None, count: int) -> list[int]:
    """The places that a column specification means: names, places, masks and slices of either."""
    if isinstance(columns, Thing) and columns.has("data"):  # the list of a remainder's columns
        columns = columns.get("data")
    if isinstance(columns, slice):
        start, stop = columns.start, columns.stop
        if isinstance(start, str) or isinstance(stop, str):
            start = None if start is None else _place_of(start, names)
            stop = None if stop is None else _place_of(stop, names) + 1
        return list(range(count))[slice(start, stop, columns.step)]
    if isinstance(columns, str | int | np.integer) and not isinstance(columns, bool):
        columns = [columns]
    listed = np.asarray(columns).tolist() if isinstance(columns, np.ndarray) else columns
    if not isinstance(listed, list | tuple):
        raise RefusedError(f"its columns are {columns!r}; expected names, places, a mask or a slice")
    if listed and all(isinstance(column, bool) for column in listed):
        return [i for i, chosen in enumerate(listed) if chosen]
    places = [_place_of(column, names) if isinstance(column, str) else int(column) for column in listed]
    places = [place + count if place < 0 else place for place in places]
    if any(not 0 <= place < count for place in places):
        raise RefusedError(f"its columns {columns!r} are not among the {count} that come in")
    return places


def _place_of(name: str, names: list[Any] | None) -> int:
    if names is None or name not in names:
        raise RefusedError(f"column {name!r} is not among those that it was fitted on")
    return names.index(name)


def _is_sklearn(thing: Thing) -> bool:
    return thing.path.startswith("sklearn.")


def _only_transforms(thing: Thing) -> bool:
    if thing.name in ("ColumnTransformer", "FeatureUnion"):
        return True
    return thing.name in TRANSFORMERS and thing.name not in ESTIMATORS


def _cannot(thing: Thing) -> str:
    known = {*TRANSFORMERS, *ESTIMATORS} if not _is_sklearn(thing) else ()
    what = "is not part of scikit-learn" if not _is_sklearn(thing) else "is not a dense network or a step before one"
    if thing.name in known:
        return f"{thing.path} only has the name of scikit-learn's {thing.name}; its code is not run here"
    return f"{thing.name} cannot be served: it {what}. {_ADVICE}"


_ADVICE = "Train the model with a network, a linear model or a step of docs/package.md in its place"
