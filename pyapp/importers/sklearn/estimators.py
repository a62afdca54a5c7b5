"""What stands last in a pipeline: linear models, perceptrons of several layers, and their combinations."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from .rows import Rows, Writer, width
from .tree import Name, Numbers, RefusedError, Thing

METHODS = ("predict_proba", "decision_function", "predict")
"""What options.output may ask for."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that a model answers."""

    rows: Rows
    labels: list[str] | None = None
    """Of a classification: one for each number, or two for one number."""
    method: str = "predict"
    """Of the estimator: what the rows are equal to."""


Estimator = Callable[[Thing, Rows, Writer, str | None], Answer]


def classes_of(thing: Thing) -> Any:
    """The attribute classes_; ridge classifiers keep it in the binariser of their labels."""
    binarizer = thing.get("_label_binarizer")
    if not thing.has("classes_") and isinstance(binarizer, Thing):
        return binarizer.need("classes_")
    return thing.need("classes_")


def labels_of(thing: Thing) -> list[str]:
    """The classes, as texts."""
    classes = classes_of(thing)
    if isinstance(classes, list) and classes and isinstance(classes[0], np.ndarray):
        raise RefusedError(
            "answers several questions at once (one list of classes each); train a model for each of them"
        )
    labels = [str(label) for label in np.asarray(classes).tolist()]
    if len(set(labels)) != len(labels):
        raise RefusedError(f"its classes are the same as texts: {', '.join(labels)}")
    return labels


def _method(thing: Thing, wanted: str | None, offered: tuple[str, ...]) -> str:
    """The wanted method, or the first that there is: a classifier's predict is the best label of that."""
    if wanted is None or wanted == "predict":
        return offered[0]
    if wanted not in offered:
        raise RefusedError(f"{thing.name} has no {wanted} here; it has {', '.join(offered)}")
    return wanted


def linear_part(thing: Thing) -> tuple[Numbers, Numbers]:
    """Kernel [features, units] and bias [units] of anything with coef_ and intercept_."""
    kernel = np.atleast_2d(thing.numbers("coef_")).T
    intercept = thing.get("intercept_", 0.0)
    bias = np.broadcast_to(np.asarray(0.0 if intercept is None else intercept, np.float64).reshape(-1), kernel.shape[1])
    if kernel.ndim != 2 or not (np.isfinite(kernel).all() and np.isfinite(bias).all()):
        raise RefusedError("coef_ and intercept_ must be finite numbers, one row for each class or target")
    return kernel, bias


# ---- classification


def linear_classifier(thing: Thing, rows: Rows, writer: Writer, wanted: str | None) -> Answer:
    """Anything that decides by x · coef + intercept; what else it offers depends on its class."""
    kernel, bias = linear_part(thing)
    return classified(thing, rows, writer, wanted, kernel, bias, _probabilities(thing))


def classified(
    thing: Thing,
    rows: Rows,
    writer: Writer,
    wanted: str | None,
    kernel: Numbers,
    bias: Numbers,
    probabilities: str | None,
) -> Answer:
    """`probabilities`: how predict_proba follows from the decisions; None if it has none."""
    labels = labels_of(thing)
    units = kernel.shape[1]
    if len(labels) != units and (len(labels), units) != (2, 1):
        raise RefusedError(f"has {len(labels)} classes and {units} rows of coefficients, which does not fit")
    method = _method(thing, wanted, ("predict_proba", "decision_function") if probabilities else ("decision_function",))
    if units == 1 and (method == "decision_function" or probabilities == "softmax"):
        kernel, bias, units = np.hstack([-kernel, kernel]), np.hstack([-bias, bias]), 2
    if method == "decision_function":
        return Answer(writer.dense(rows, kernel, bias), labels, method)
    if units > 1 and probabilities == "sigmoid":
        return Answer(_shares(writer.dense(rows, kernel, bias, _LEAST), writer), labels, method)
    activation: Any = probabilities
    if probabilities == "clipped":
        activation = {"name": "hard_sigmoid", "alpha": 0.5, "beta": 0.5}
    rows = writer.dense(rows, kernel, bias, activation)
    if units > 1 and probabilities == "clipped":  # where all are 0, all become the same
        rows = writer.scale(rows, np.ones(units), np.full(units, 1e-30))
        rows = writer.layer(rows, "normalise", norm="l1")
    return Answer(rows, labels, method)


_LEAST = {"name": "hard_tanh", "min": -745.13, "max": float(np.finfo(np.float32).max)}
"""Decisions whose sigmoid is 0 in double precision are all the same: all classes get the same share then."""


def _shares(decisions: Rows, writer: Writer) -> Rows:
    """Sigmoid / Σ sigmoid, by logarithms: all of the sigmoids may be less than a float of 32 bits can hold."""
    logarithms = writer.layer(decisions, "activation", activation="log_sigmoid")
    return writer.layer(logarithms, "activation", activation="softmax")


def _probabilities(thing: Thing) -> str | None:
    if thing.name in ("LogisticRegression", "LogisticRegressionCV"):
        classes = len(thing.need("classes_"))
        multi = thing.get("multi_class", "auto")
        automatic = multi in ("auto", "deprecated", None)
        if multi in ("ovr", "warn") or (automatic and (classes <= 2 or thing.get("solver") == "liblinear")):
            return "sigmoid"
        return "softmax"
    if thing.name == "LinearDiscriminantAnalysis":
        return "sigmoid" if len(thing.need("classes_")) == 2 else "softmax"
    if thing.name == "SGDClassifier":
        return {"log_loss": "sigmoid", "log": "sigmoid", "modified_huber": "clipped"}.get(str(thing.get("loss")))
    return None


def discrete_bayes(thing: Thing, rows: Rows, writer: Writer, wanted: str | None) -> Answer:
    """MultinomialNB, ComplementNB and BernoulliNB, which are linear in the logarithm."""
    kernel = thing.numbers("feature_log_prob_", 2).T
    prior = thing.numbers("class_log_prior_", 1)
    if thing.name == "ComplementNB":
        prior = prior if len(prior) == 1 else np.zeros(len(prior))
    if thing.name == "BernoulliNB":
        absent = np.log1p(-np.exp(kernel))
        kernel, prior = kernel - absent, prior + absent.sum(axis=0)
        if thing.has("binarize"):
            rows = writer.elementwise(rows, "binarise", threshold=float(thing.get("binarize")))
    if kernel.shape[1] == 1:
        raise RefusedError("was trained on one class only")
    return classified(thing, rows, writer, _only_probabilities(thing, wanted), kernel, prior, "softmax")


def _only_probabilities(thing: Thing, wanted: str | None) -> str | None:
    if wanted == "decision_function":
        raise RefusedError(f"{thing.name} has no decision_function; it has predict_proba")
    return wanted


def mlp_classifier(thing: Thing, rows: Rows, writer: Writer, wanted: str | None) -> Answer:
    """MLPClassifier: softmax, one unit for two classes, or a unit for each of several labels."""
    rows = _mlp(thing, rows, writer)
    labels = labels_of(thing)
    units = width(rows)
    if len(labels) != units and (len(labels), units) != (2, 1):
        raise RefusedError(f"has {len(labels)} classes and {units} outputs, which does not fit")
    if thing.get("out_activation_") == "logistic" and units > 1:
        writer.columns.note("several labels may hold for one row: each score is the probability of its own label")
    return Answer(rows, labels, _method(thing, wanted, ("predict_proba",)))


def mlp_regressor(thing: Thing, rows: Rows, writer: Writer, wanted: str | None) -> Answer:
    """MLPRegressor."""
    _method(thing, wanted, ("predict",))
    return Answer(_mlp(thing, rows, writer))


_ACTIVATIONS = {
    "identity": None,
    "logistic": "sigmoid",
    "tanh": "tanh",
    "relu": "relu",
    "softmax": "softmax",
    "exp": "exponential",  # for the Poisson loss
}


def _mlp(thing: Thing, rows: Rows, writer: Writer) -> Rows:
    kernels, biases = thing.need("coefs_"), thing.need("intercepts_")
    if not isinstance(kernels, list) or not isinstance(biases, list) or len(kernels) != len(biases) or not kernels:
        raise RefusedError("coefs_ and intercepts_ must be lists of the same length")
    place = writer.label
    for i, (kernel, bias) in enumerate(zip(kernels, biases, strict=True), 1):
        last = i == len(kernels)
        activation = str(thing.need("out_activation_") if last else thing.get("activation", "relu"))
        if activation not in _ACTIVATIONS:
            raise RefusedError(f"its activation is {activation!r}; expected one of {', '.join(_ACTIVATIONS)}")
        writer.label = f"{place}_scores" if last else f"{place}_hidden{i}"
        rows = writer.dense(rows, np.asarray(kernel), np.asarray(bias), _ACTIVATIONS[activation])
    return rows


def one_vs_rest(thing: Thing, rows: Rows, writer: Writer, wanted: str | None) -> Answer:
    """OneVsRestClassifier of linear models: their kernels side by side."""
    models = _things(thing, "estimators_")
    parts = [linear_part(model) for model in models]
    kernel, bias = np.hstack([part[0] for part in parts]), np.hstack([part[1] for part in parts])
    kinds = {_probabilities(model) for model in models}
    if kinds not in ({"sigmoid"}, {None}):
        raise RefusedError("is served for models with a logistic predict_proba, or with a decision_function alone")
    kind = kinds.pop()
    binarizer = thing.get("label_binarizer_")
    if isinstance(binarizer, Thing) and str(binarizer.get("y_type_", "")).startswith("multilabel"):
        if kind is None or wanted == "decision_function":
            return Answer(writer.dense(rows, kernel, bias), _classes_of_many(thing, binarizer), "decision_function")
        writer.columns.note("several labels may hold for one row: each score is the probability of its own label")
        return Answer(writer.dense(rows, kernel, bias, "sigmoid"), _classes_of_many(thing, binarizer), "predict_proba")
    # classes_ is a property of the class, and of its binariser an attribute
    owner = Thing(thing.path, {"classes_": thing.get("classes_", binarizer and binarizer.get("classes_"))})
    return classified(owner, rows, writer, wanted, kernel, bias, kind)


def _classes_of_many(thing: Thing, binarizer: Thing) -> list[str]:
    return labels_of(thing if thing.has("classes_") else binarizer)


def _things(thing: Thing, attribute: str) -> list[Thing]:
    models = thing.need(attribute)
    found = [model for model in models if isinstance(model, Thing)] if isinstance(models, list | tuple) else []
    if not found or len(found) != len(models):
        raise RefusedError(f"{attribute} of {thing.name} must be a list of fitted estimators")
    strange = [model.name for model in found if model.name not in ESTIMATORS or not model.has("coef_")]
    if strange:
        raise RefusedError(f"{thing.name} of {strange[0]} cannot be served; only of linear models")
    return found


# ---- regression


def linear_regressor(thing: Thing, rows: Rows, writer: Writer, wanted: str | None) -> Answer:
    """Linear models: x · coef + intercept."""
    _method(thing, wanted, ("predict",))
    kernel, bias = linear_part(thing)
    return Answer(writer.dense(rows, kernel, bias))


def log_linear_regressor(thing: Thing, rows: Rows, writer: Writer, wanted: str | None) -> Answer:
    """Generalised linear models: the exponential of that, where the link is the logarithm."""
    _method(thing, wanted, ("predict",))
    kernel, bias = linear_part(thing)
    link = thing.get("link", "log")
    if thing.name == "TweedieRegressor" and link in ("auto", None):
        link = "log" if float(thing.get("power", 0)) > 0 else "identity"
    if link not in ("log", "identity"):
        raise RefusedError(f"its link is {link!r}; expected log or identity")
    return Answer(writer.dense(rows, kernel, bias, "exponential" if link == "log" else None))


def multi_output_regressor(thing: Thing, rows: Rows, writer: Writer, wanted: str | None) -> Answer:
    """MultiOutputRegressor of linear models."""
    _method(thing, wanted, ("predict",))
    models = _things(thing, "estimators_")
    if any(ESTIMATORS[model.name] is not linear_regressor for model in models):
        raise RefusedError("is served for plain linear models only")
    parts = [linear_part(model) for model in models]
    return Answer(writer.dense(rows, np.hstack([part[0] for part in parts]), np.hstack([part[1] for part in parts])))


def transformed_target(inner: Answer, thing: Thing, writer: Writer) -> Answer:
    """The inverse transformation of TransformedTargetRegressor, after its regressor."""
    transformer = thing.get("transformer_")
    rows, count = inner.rows, width(inner.rows)
    ones, zeros = np.ones(count), np.zeros(count)
    if not isinstance(transformer, Thing):
        return inner
    if transformer.name == "FunctionTransformer":
        func = transformer.get("inverse_func")
        path = func.path if isinstance(func, Name) else ""
        name = path.rpartition(".")[2] if path.startswith("numpy") else None
        if func is None:
            return inner
        if name not in ("exp", "expm1"):
            raise RefusedError(f"its inverse function {path or func!r} cannot be served; numpy.exp and numpy.expm1 can")
        rows = writer.layer(rows, "activation", activation="exponential")
        return Answer(writer.scale(rows, ones, -ones) if name == "expm1" else rows)
    if transformer.name in ("StandardScaler", "RobustScaler"):
        mean, scale = ("mean_", "scale_") if transformer.name == "StandardScaler" else ("center_", "scale_")
        has_mean = transformer.get("with_mean" if mean == "mean_" else "with_centering", True)
        has_scale = transformer.get("with_std" if mean == "mean_" else "with_scaling", True)
        factor = transformer.numbers(scale, 1) if has_scale else ones
        return Answer(writer.scale(rows, factor, transformer.numbers(mean, 1) if has_mean else zeros))
    if transformer.name == "MinMaxScaler" and not transformer.get("clip"):
        factor = transformer.numbers("scale_", 1)
        return Answer(writer.scale(rows, 1 / factor, -transformer.numbers("min_", 1) / factor))
    if transformer.name == "MaxAbsScaler":
        return Answer(writer.scale(rows, transformer.numbers("scale_", 1), zeros))
    raise RefusedError(f"its target is transformed by {transformer.name}, whose inverse cannot be served")


_LINEAR_CLASSIFIERS = (
    "LogisticRegression LogisticRegressionCV SGDClassifier Perceptron PassiveAggressiveClassifier RidgeClassifier "
    "RidgeClassifierCV LinearSVC LinearDiscriminantAnalysis"
)
_LINEAR_REGRESSORS = (
    "LinearRegression Ridge RidgeCV Lasso LassoCV LassoLars LassoLarsCV LassoLarsIC Lars LarsCV ElasticNet "
    "ElasticNetCV MultiTaskLasso MultiTaskLassoCV MultiTaskElasticNet MultiTaskElasticNetCV OrthogonalMatchingPursuit "
    "OrthogonalMatchingPursuitCV BayesianRidge ARDRegression HuberRegressor QuantileRegressor TheilSenRegressor "
    "SGDRegressor PassiveAggressiveRegressor LinearSVR"
)

ESTIMATORS: dict[str, Estimator] = {
    **dict.fromkeys(_LINEAR_CLASSIFIERS.split(), linear_classifier),
    **dict.fromkeys(_LINEAR_REGRESSORS.split(), linear_regressor),
    **dict.fromkeys(("PoissonRegressor", "GammaRegressor", "TweedieRegressor"), log_linear_regressor),
    **dict.fromkeys(("MultinomialNB", "ComplementNB", "BernoulliNB"), discrete_bayes),
    "MLPClassifier": mlp_classifier,
    "MLPRegressor": mlp_regressor,
    "OneVsRestClassifier": one_vs_rest,
    "MultiOutputRegressor": multi_output_regressor,
}
"""By the class's name, in any module of scikit-learn."""
