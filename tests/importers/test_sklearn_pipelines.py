"""Models trained here, over the whole range of what can be imported, answer as scikit-learn does."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import answers, ask, load, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.decomposition import PCA, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.feature_selection import (
    RFE,
    SelectFdr,
    SelectFpr,
    SelectFromModel,
    SelectFwe,
    SelectKBest,
    SelectPercentile,
    SequentialFeatureSelector,
    VarianceThreshold,
)
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import (
    ARDRegression,
    BayesianRidge,
    ElasticNet,
    GammaRegressor,
    HuberRegressor,
    Lasso,
    LinearRegression,
    LogisticRegression,
    LogisticRegressionCV,
    Perceptron,
    PoissonRegressor,
    Ridge,
    RidgeClassifier,
    RidgeCV,
    SGDClassifier,
    SGDRegressor,
    TweedieRegressor,
)
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.naive_bayes import BernoulliNB, ComplementNB, MultinomialNB
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)
from sklearn.random_projection import GaussianRandomProjection, SparseRandomProjection
from sklearn.svm import LinearSVC, LinearSVR
from sklearn_models import as_sent, imported, numbers, own_answers, people

from shared_data import assert_close

pytestmark = pytest.mark.filterwarnings("ignore")

NAN = np.nan


def check(model: Any, rows: Any, folder: Path, methods: tuple[str, ...] = (), **tolerance: float) -> Any:
    """Each method that the model has; returns the last manifest."""
    known = methods or tuple(m for m in ("predict_proba", "decision_function") if hasattr(model, m)) or ("predict",)
    for method in known:
        found = imported(model, folder, output=method)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = own_answers(model, rows, method)
        assert found.manifest["provenance"]["output"] == method
        assert_close(ask(found, as_sent(rows), folder / method), expected, **tolerance)
    return found.manifest


def sendable(rows: Any, *read: int) -> Any:
    """With numbers in the columns that no step reads: without names, a package has numbers there."""
    rows = rows.copy()
    for i in range(rows.shape[1]):
        if i not in read:
            rows[:, i] = 0.0
    return rows


def mlp(**more: Any) -> MLPClassifier:
    return MLPClassifier((7,), max_iter=60, random_state=0, **more)


# ---- estimators on plain numbers


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(),
        LogisticRegression(solver="liblinear"),
        LogisticRegressionCV(cv=2, Cs=2),
        LogisticRegression(fit_intercept=False),
        SGDClassifier(random_state=0),
        SGDClassifier(loss="log_loss", random_state=0),
        SGDClassifier(loss="modified_huber", random_state=0, alpha=1.0),
        SGDClassifier(loss="squared_error", eta0=1e-4, random_state=0),
        Perceptron(random_state=0),
        RidgeClassifier(),
        LinearSVC(random_state=0),
        LinearDiscriminantAnalysis(),
        LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto"),
        OneVsRestClassifier(LogisticRegression()),
        OneVsRestClassifier(LinearSVC(random_state=0)),
        mlp(activation="logistic"),
        mlp(activation="tanh"),
        mlp(activation="identity"),
        mlp(activation="relu", early_stopping=True),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_classifiers(estimator: Any, classes: int, tmp_path: Path) -> None:
    x, y = numbers(200)
    model = make_pipeline(StandardScaler(), estimator)
    if classes == 2 and "liblinear" not in repr(estimator):
        y = y.astype(bool)
    elif "liblinear" in repr(estimator):
        y = (y > 0).astype(int)
    model.fit(x, y)
    manifest = check(model, numbers(40, seed=0)[0] * 1.01, tmp_path)
    assert manifest["outputs"][0]["labels"] == [str(label) for label in model.classes_.tolist()]
    assert manifest["task"] == "classification"


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        Ridge(),
        RidgeCV(),
        Lasso(0.01),
        ElasticNet(0.01),
        BayesianRidge(),
        ARDRegression(),
        HuberRegressor(),
        SGDRegressor(random_state=0),
        LinearSVR(random_state=0),
        PoissonRegressor(),
        GammaRegressor(),
        TweedieRegressor(power=0),
        TweedieRegressor(power=1.5),
        TweedieRegressor(power=0, link="log"),
        MLPRegressor(hidden_layer_sizes=(6, 4), max_iter=60, random_state=0),
        TransformedTargetRegressor(LinearRegression(), transformer=StandardScaler()),
        TransformedTargetRegressor(LinearRegression(), transformer=MinMaxScaler()),
        TransformedTargetRegressor(LinearRegression(), func=np.log, inverse_func=np.exp),
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
    ],
    ids=lambda value: repr(value)[:60],
)
def test_regressors(estimator: Any, tmp_path: Path) -> None:
    x, y = numbers(150)
    target = np.exp(0.3 * y) + 0.1 * np.abs(x[:, 0])
    model = make_pipeline(StandardScaler(), estimator).fit(x, target)
    manifest = check(model, x[:40], tmp_path, ("predict",))
    assert manifest["task"] == "regression" and "labels" not in manifest["outputs"][0]


@pytest.mark.parametrize(
    "estimator", [LinearRegression(), Ridge(), MLPRegressor(hidden_layer_sizes=(5,), max_iter=40, random_state=0)]
)
def test_several_targets(estimator: Any, tmp_path: Path) -> None:
    x, y = numbers(150)
    model = make_pipeline(RobustScaler(), estimator).fit(x, np.stack([y, -2.0 * y + x[:, 0]], axis=1))
    check(model, x[:20], tmp_path, ("predict",))


def test_a_regressor_for_each_target(tmp_path: Path) -> None:
    x, y = numbers(150)
    model = MultiOutputRegressor(Ridge()).fit(x, np.stack([y, -2.0 * y], axis=1))
    check(model, x[:20], tmp_path, ("predict",))


def test_several_labels_at_once(tmp_path: Path) -> None:
    x, y = numbers(150)
    both = np.stack([y > 0, y > 1], axis=1).astype(int)
    check(make_pipeline(StandardScaler(), mlp()).fit(x, both), x[:20], tmp_path, ("predict_proba",))
    found = OneVsRestClassifier(LogisticRegression()).fit(StandardScaler().fit_transform(x), both)
    check(found, StandardScaler().fit_transform(x)[:20], tmp_path / "more", ("predict_proba",))


def test_a_search_is_its_best_model(tmp_path: Path) -> None:
    x, y = numbers(120)
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    model = GridSearchCV(pipeline, {"logisticregression__C": [0.01, 1]}, cv=2).fit(x, y)
    check(model, x[:20], tmp_path)


def test_a_bare_estimator_takes_plain_numbers(tmp_path: Path) -> None:
    x, y = numbers(100, columns=3)
    manifest = check(LogisticRegression().fit(x, y), x[:10], tmp_path)
    assert manifest["inputs"] == [{"name": "x", "kind": "tensor", "shape": [3]}]
    assert "preprocess" not in manifest


# ---- transformers of numbers


@pytest.mark.parametrize(
    "steps",
    [
        [StandardScaler(with_mean=False)],
        [StandardScaler(with_std=False)],
        [StandardScaler(with_mean=False, with_std=False)],
        [MinMaxScaler((-1, 2), clip=True)],
        [MaxAbsScaler()],
        [RobustScaler(with_centering=False)],
        [RobustScaler(with_scaling=False), Normalizer("l1")],
        [Normalizer()],
        [Normalizer("max"), StandardScaler()],
        [StandardScaler(), Binarizer(threshold=0.25)],
        [KBinsDiscretizer(4, encode="onehot")],
        [KBinsDiscretizer([2, 3, 4, 5, 6], encode="onehot-dense", strategy="uniform")],
        [KBinsDiscretizer(5, encode="ordinal", strategy="kmeans"), StandardScaler()],
        [StandardScaler(), PolynomialFeatures(2)],
        [StandardScaler(), PolynomialFeatures(3, interaction_only=True, include_bias=False)],
        [StandardScaler(), PolynomialFeatures((2, 3))],
        [PolynomialFeatures(2), StandardScaler()],
        [PowerTransformer()],
        [FunctionTransformer(np.abs), PowerTransformer("box-cox", standardize=False), StandardScaler()],
        [FunctionTransformer(np.abs), FunctionTransformer(np.log1p), StandardScaler()],
        [FunctionTransformer(np.sin)],
        [FunctionTransformer(), "passthrough", StandardScaler()],
        [StandardScaler(), PCA(3), StandardScaler()],
        [StandardScaler(), PCA(3, whiten=True), MinMaxScaler(clip=True)],
        [IncrementalPCA(3), Normalizer()],
        [StandardScaler(), FastICA(2, random_state=0)],
        [StandardScaler(), TruncatedSVD(3), SelectKBest(k=2), Normalizer("l1")],
        [StandardScaler(), GaussianRandomProjection(3, random_state=0)],
        [StandardScaler(), SparseRandomProjection(3, random_state=0)],
        [LinearDiscriminantAnalysis(n_components=1)],
        [LinearDiscriminantAnalysis(solver="eigen")],
        [StandardScaler(), VarianceThreshold(0.5)],
        [SelectKBest(k=2), StandardScaler()],
        [SelectPercentile(percentile=50)],
        [SelectFpr()],
        [SelectFdr()],
        [SelectFwe()],
        [StandardScaler(), SelectFromModel(Lasso(0.05))],
        [StandardScaler(), SelectFromModel(LogisticRegression(), threshold="0.8*mean")],
        [StandardScaler(), RFE(LogisticRegression(), n_features_to_select=2)],
        [StandardScaler(), SequentialFeatureSelector(LogisticRegression(), n_features_to_select=2, cv=2)],
        [StandardScaler(), SelectKBest(k=3), PolynomialFeatures()],
        [make_pipeline(StandardScaler(), MinMaxScaler()), MaxAbsScaler()],
        [FeatureUnion([("scaled", StandardScaler()), ("projected", PCA(2)), ("as it is", "passthrough")])],
        [
            FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())], transformer_weights={"a": 2.0, "b": 0.5}),
            StandardScaler(),
            PolynomialFeatures(),
        ],
        [StandardScaler(), FeatureUnion([("twice", "passthrough"), ("squared", FunctionTransformer(np.square))])],
    ],
    ids=lambda value: ", ".join(str(step) for step in value)[:70],
)
def test_transformers_of_numbers(steps: list[Any], tmp_path: Path) -> None:
    x, y = numbers(200)
    model = make_pipeline(*steps, LogisticRegression()).fit(x, y)
    check(model, np.concatenate([x[:20], 1.3 * x[20:30]]), tmp_path)


def test_numbers_that_need_no_more_than_scaling_stay_a_tensor(tmp_path: Path) -> None:
    x, y = numbers(100, columns=3)
    tensor = check(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y), x[:5], tmp_path / "a")
    assert tensor["inputs"] == [{"name": "x", "kind": "tensor", "shape": [3]}]
    table = check(make_pipeline(KBinsDiscretizer(3), LogisticRegression()).fit(x, y), x[:5], tmp_path / "b")
    assert [column["name"] for column in table["inputs"][0]["columns"]] == ["x0", "x1", "x2"]


# ---- missing values


@pytest.mark.parametrize(
    "imputer",
    [
        SimpleImputer(),
        SimpleImputer(strategy="median", add_indicator=True),
        SimpleImputer(strategy="most_frequent"),
        SimpleImputer(strategy="constant", fill_value=-1.5, add_indicator=True),
        SimpleImputer(keep_empty_features=True),
        FeatureUnion([("values", SimpleImputer()), ("missing", MissingIndicator())]),
        FeatureUnion([("values", SimpleImputer()), ("missing", MissingIndicator(features="all"))]),
    ],
    ids=repr,
)
@pytest.mark.parametrize("scaled", ["before", "after"])
def test_missing_numbers(imputer: Any, scaled: str, tmp_path: Path) -> None:
    x, y = numbers(200)
    rng = np.random.default_rng(1)
    x[rng.random(x.shape) < 0.2] = NAN
    x[:, 3] = numbers(200)[0][:, 3]
    x[:, 4] = NAN  # never there in training
    steps = [StandardScaler(), imputer] if scaled == "before" else [imputer, StandardScaler()]
    model = make_pipeline(*steps, LogisticRegression()).fit(x, y)
    manifest = check(model, x[:40], tmp_path)
    assert manifest["inputs"][0]["kind"] == "table"


def test_a_number_that_means_missing(tmp_path: Path) -> None:
    x, y = numbers(200, columns=4)
    x[np.random.default_rng(1).random(x.shape) < 0.2] = 0
    model = make_pipeline(SimpleImputer(missing_values=0, add_indicator=True), StandardScaler(), mlp()).fit(x, y)
    check(model, x[:40], tmp_path)


def test_a_missing_number_is_an_error_where_the_framework_raises_one(tmp_path: Path) -> None:
    x, y = numbers(100, columns=3)
    model = make_pipeline(ColumnTransformer([("a", SimpleImputer(), [0]), ("b", StandardScaler(), [1, 2])]), mlp())
    manifest = check(model.fit(x, y), x[:5], tmp_path)
    assert [column.get("missing") for column in manifest["inputs"][0]["columns"]] == ["nan", None, None]


# ---- categories


ENCODERS = [
    OneHotEncoder(handle_unknown="ignore"),
    OneHotEncoder(handle_unknown="ignore", drop="first"),
    OneHotEncoder(handle_unknown="ignore", drop="if_binary"),
    OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=20),
    OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=3),
    OneHotEncoder(handle_unknown="infrequent_if_exist"),
    OneHotEncoder(handle_unknown="ignore", min_frequency=20, drop="first"),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7, encoded_missing_value=-3),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=90, encoded_missing_value=50, min_frequency=20),
    make_pipeline(
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=NAN), SimpleImputer(add_indicator=True)
    ),
    make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
    make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        StandardScaler(),
    ),
    make_pipeline(
        SimpleImputer(strategy="constant", fill_value="none", add_indicator=True),
        OneHotEncoder(handle_unknown="ignore"),
    ),
]


@pytest.mark.parametrize("encoder", ENCODERS, ids=lambda value: repr(value)[:70])
def test_categories(encoder: Any, tmp_path: Path) -> None:
    rows, y = people(300)
    names = [2] if "fill_value" in repr(encoder) else [2, 3]
    columns = ColumnTransformer([("c", encoder, names), ("n", make_pipeline(SimpleImputer(), StandardScaler()), [0])])
    model = make_pipeline(columns, LogisticRegression()).fit(rows, y)
    asked = people(60, seed=5)[0]
    asked[:4, 2] = ["Atlantis", "france", "", "Malta"]
    asked[4:6, 3] = [9, 0]
    check(model, sendable(asked, 0, *names), tmp_path)


def test_one_encoder_ignores_what_another_one_knows(tmp_path: Path) -> None:
    rows, y = people(300, missing=0)
    few = OneHotEncoder(categories=[["France", "Spain"]], handle_unknown="ignore")
    every = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    model = make_pipeline(ColumnTransformer([("few", few, [2]), ("all", every, [2])]), LogisticRegression())
    manifest = check(model.fit(rows, y), sendable(rows[:50], 2), tmp_path)
    assert manifest["inputs"][0]["columns"][2]["unknown"] == "ignore"
    assert sorted(manifest["inputs"][0]["columns"][2]["categories"]) == ["France", "Germany", "Italy", "Malta", "Spain"]


def test_an_unknown_category_is_an_error_where_the_framework_raises_one(tmp_path: Path) -> None:
    rows, y = people(300, missing=0)
    model = make_pipeline(ColumnTransformer([("c", OneHotEncoder(), [2])]), LogisticRegression()).fit(rows, y)
    manifest = check(model, sendable(rows[:20], 2), tmp_path)
    assert manifest["inputs"][0]["columns"][2] == {
        "name": "x2",
        "type": "category",
        "categories": ["France", "Germany", "Italy", "Malta", "Spain"],
        "unknown": "error",
    }


def test_booleans_and_numbers_as_categories(tmp_path: Path) -> None:
    rows, y = people(300, missing=0)
    encoder = OneHotEncoder(handle_unknown="ignore")
    model = make_pipeline(ColumnTransformer([("c", encoder, [4, 3])]), LogisticRegression()).fit(rows, y)
    manifest = check(model, sendable(rows[:30], 3, 4), tmp_path)
    assert [column["type"] for column in manifest["inputs"][0]["columns"]][3:5] == ["number", "boolean"]


@pytest.mark.parametrize("target", ["binary", "continuous"])
def test_target_encoding(target: str, tmp_path: Path) -> None:
    rows, y = people(300)
    columns = ColumnTransformer([("t", TargetEncoder(random_state=0), [2, 3])])
    end = LogisticRegression() if target == "binary" else Ridge()
    model = make_pipeline(columns, end).fit(rows, y > 0 if target == "binary" else y + 0.5)
    asked = people(40, seed=3)[0]
    asked[0, 2] = "Atlantis"
    check(model, sendable(asked, 2, 3), tmp_path)


# ---- columns


@pytest.mark.parametrize("remainder", ["drop", "passthrough", StandardScaler()], ids=str)
@pytest.mark.parametrize(
    "columns", [[3, 1], slice(1, 4, 2), [False, True, False, True, False], np.array([3]), 2], ids=str
)
def test_columns_chosen_in_every_way(columns: Any, remainder: Any, tmp_path: Path) -> None:
    x, y = numbers(150)
    columns = [columns] if isinstance(columns, int) else columns
    transformer = ColumnTransformer(
        [
            ("scaled", MinMaxScaler(), columns),
            ("kept", "passthrough", [0]),
            ("nothing", "drop", [4]),
            ("none", PCA(), []),
        ],
        remainder=remainder,
        transformer_weights={"scaled": 3.0},
    )
    check(make_pipeline(transformer, StandardScaler(), LogisticRegression()).fit(x, y), x[:20], tmp_path)


def test_columns_within_columns(tmp_path: Path) -> None:
    x, y = numbers(150)
    inner = ColumnTransformer([("a", StandardScaler(), [1]), ("b", "passthrough", [0, 2])])
    outer = ColumnTransformer([("c", inner, [4, 2, 0]), ("d", PCA(1), [1, 3])], remainder=MaxAbsScaler())
    check(make_pipeline(StandardScaler(), outer, mlp()).fit(x, y), x[:20], tmp_path)


def test_names_make_a_table_of_numbers(tmp_path: Path) -> None:
    x, y = numbers(100, columns=3)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    model[0].feature_names_in_ = np.array(["height", "weight", "age"], dtype=object)
    found = imported(model, tmp_path)
    assert [column["name"] for column in found.manifest["inputs"][0]["columns"]] == ["height", "weight", "age"]
    rows = [{"age": row[2], "weight": row[1], "height": row[0]} for row in x[:10].tolist()]
    assert_close(ask(found, rows, tmp_path / "named"), model.predict_proba(x[:10]))
    assert_close(ask(found, x[:10].tolist(), tmp_path / "listed"), model.predict_proba(x[:10]))


@pytest.mark.parametrize(
    "steps",
    [
        [PolynomialFeatures(2), StandardScaler()],
        [StandardScaler(), PolynomialFeatures(2, interaction_only=True), MinMaxScaler(clip=True)],
        [StandardScaler(), SelectKBest(k=2), KBinsDiscretizer(3, encode="onehot"), MaxAbsScaler()],
        [KBinsDiscretizer(3, encode="ordinal"), PolynomialFeatures(), FunctionTransformer(np.sqrt)],
    ],
    ids=lambda value: ", ".join(str(step) for step in value)[:70],
)
def test_steps_on_all_named_columns(steps: list[Any], tmp_path: Path) -> None:
    x, y = numbers(150, columns=3)
    model = make_pipeline(*steps, LogisticRegression()).fit(x, y)
    for step in model[:1]:
        step.feature_names_in_ = np.array(["height", "weight", "age"], dtype=object)
    assert_close(ask(imported(model, tmp_path), x[:20].tolist(), tmp_path), model.predict_proba(x[:20]))


def test_scores_that_no_float_holds_keep_their_shares(tmp_path: Path) -> None:
    x, y = numbers(100, columns=4)
    model = SGDClassifier(loss="log_loss", random_state=0).fit(x, y)
    for shift in (-100.0, -2000.0):  # all sigmoids are 0 in single precision, then in double, too
        model.intercept_ = model.intercept_ * 0 + shift
        model.coef_ = model.coef_ / np.abs(model.coef_ @ x.T).max() * 10
        check(model, x[:20], tmp_path / str(shift), ("predict_proba",))


def test_classes_in_a_binariser(tmp_path: Path) -> None:
    """Before scikit-learn 1.9 a ridge classifier's classes_ is a property and in no file."""
    x, y = numbers(100, columns=3)
    model = RidgeClassifier().fit(x, np.array(["low", "middle", "high"])[y])
    expected = model.decision_function(x[:5])
    del model.classes_
    found = imported(model, tmp_path)
    assert found.manifest["outputs"][0]["labels"] == ["high", "low", "middle"]
    assert_close(ask(found, x[:5].tolist(), tmp_path), expected)


# ---- texts


TEXTS = [row[5] for row in people(200)[0]]
ASKED = [*TEXTS[:20], "", "unseen words only", "GOOD good Good", "naïve ÜBER-best, never/again 42 x", "the a"]


@pytest.mark.parametrize(
    "steps",
    [
        [CountVectorizer()],
        [CountVectorizer(binary=True, ngram_range=(1, 3), lowercase=False)],
        [CountVectorizer(stop_words="english", ngram_range=(1, 2))],
        [CountVectorizer(stop_words=["good", "bad"], ngram_range=(2, 2))],
        [CountVectorizer(token_pattern=r"(?u)\b\w+\b", max_features=5)],
        [CountVectorizer(token_pattern=r"\S+", strip_accents="unicode")],
        [CountVectorizer(analyzer="char", ngram_range=(1, 3))],
        [CountVectorizer(analyzer="char_wb", ngram_range=(2, 4), strip_accents="ascii")],
        [CountVectorizer(vocabulary=["good", "best", "never"])],
        [CountVectorizer(), TfidfTransformer()],
        [CountVectorizer(), TfidfTransformer(sublinear_tf=True, norm=None)],
        [CountVectorizer(), TfidfTransformer(use_idf=False, norm="l1")],
        [TfidfVectorizer()],
        [TfidfVectorizer(sublinear_tf=True, smooth_idf=False, ngram_range=(1, 2), norm="l1")],
        [TfidfVectorizer(norm=None), StandardScaler(with_mean=False)],
        [TfidfVectorizer(), MaxAbsScaler(), SelectKBest(k=4)],
        [CountVectorizer(), Normalizer()],
        [CountVectorizer(), Binarizer()],
        [TfidfVectorizer(), TruncatedSVD(3, random_state=0), Normalizer()],
        [HashingVectorizer(n_features=64)],
        [HashingVectorizer(n_features=32, alternate_sign=False, norm=None, ngram_range=(1, 2)), TfidfTransformer()],
        [HashingVectorizer(n_features=64), TfidfTransformer()],
        [HashingVectorizer(n_features=64, norm="l1"), TfidfTransformer(norm=None)],
        [CountVectorizer(), Normalizer("l1"), TfidfTransformer(use_idf=False)],
        [FeatureUnion([("words", TfidfVectorizer()), ("letters", CountVectorizer(analyzer="char"))])],
    ],
    ids=lambda value: ", ".join(str(step) for step in value)[:70],
)
def test_texts(steps: list[Any], tmp_path: Path) -> None:
    y = people(200)[1]
    model = make_pipeline(*steps, LogisticRegression()).fit(TEXTS, y)
    manifest = check(model, ASKED, tmp_path)
    assert manifest["inputs"] == [{"name": "text", "kind": "text"}]


@pytest.mark.parametrize("estimator", [MultinomialNB(), ComplementNB(), BernoulliNB(), mlp()], ids=str)
def test_what_often_ends_a_text_pipeline(estimator: Any, tmp_path: Path) -> None:
    model = make_pipeline(CountVectorizer(), estimator).fit(TEXTS, people(200)[1])
    check(model, ASKED, tmp_path, ("predict_proba",))


def test_a_text_among_other_columns(tmp_path: Path) -> None:
    rows, y = people(300)
    columns = ColumnTransformer(
        [
            ("words", TfidfVectorizer(), 5),
            ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), [0, 1]),
            ("places", OneHotEncoder(handle_unknown="ignore"), [2]),
        ],
        remainder="drop",
    )
    asked = sendable(people(40, seed=9)[0], 0, 1, 2, 5)
    manifest = check(make_pipeline(columns, mlp()).fit(rows, y), asked, tmp_path)
    assert manifest["inputs"][0]["columns"][5] == {"name": "x5", "type": "text"}
    check(make_pipeline(columns, MaxAbsScaler(), LogisticRegression()).fit(rows, y), asked, tmp_path / "more")


def test_what_the_framework_raises_an_error_for_is_refused_with_the_columns_name(tmp_path: Path) -> None:
    rows, y = people(200, missing=0)
    columns = ColumnTransformer([("places", OneHotEncoder(), [2]), ("numbers", StandardScaler(), [0, 1])])
    model = make_pipeline(columns, LogisticRegression()).fit(rows, y)
    served = load(imported(model, tmp_path), tmp_path)
    row = sendable(rows[:1], 0, 1, 2).tolist()[0]
    assert answers(served, [row]).shape == (1, 3)
    for place, value in ((2, "Atlantis"), (2, None), (0, None)):
        status, words = refusal(served, [value if i == place else row[i] for i in range(6)])
        assert status == 422 and f"x{place}" in words


@pytest.fixture(scope="module")
def table_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    rows, y = people(300)
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(add_indicator=True), PowerTransformer()), [0, 1]),
            (
                "places",
                make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")),
                [2],
            ),
            ("rank", OneHotEncoder(handle_unknown="infrequent_if_exist", max_categories=2), [3]),
            ("member", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [4]),
            ("words", TfidfVectorizer(ngram_range=(1, 2)), 5),
        ]
    )
    folder = tmp_path_factory.mktemp("table")
    model = make_pipeline(columns, mlp()).fit(rows, y)
    return model, load(imported(model, folder), folder)


ONE_HOT = OneHotEncoder(handle_unknown="ignore")
NUMBER = st.none() | st.floats(-1e4, 1e4, width=32)
PLACE = st.none() | st.sampled_from(["France", "Spain", "Malta"]) | st.text(max_size=5)
REMARK = st.text(max_size=40) | st.lists(st.sampled_from(["good", "bad", "ÜBER", "ok", "-"])).map(" ".join)
ROW = st.tuples(NUMBER, NUMBER, PLACE, st.integers(-1, 5), st.booleans(), REMARK).map(list)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(ROW, min_size=1, max_size=6))
def test_any_rows_are_answered_as_by_the_framework(rows: list[Any], table_model: tuple[Any, Any]) -> None:
    model, served = table_model
    own = np.empty((len(rows), 6), dtype=object)
    for i, row in enumerate(rows):
        own[i] = [NAN if value is None else value for value in row]
    assert_close(answers(served, rows), model.predict_proba(own))
