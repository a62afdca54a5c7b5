"""Pipelines put together at random, over the parameters that their parts have, answer as scikit-learn does."""

from __future__ import annotations

import random
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from asking import answers as answered
from asking import load, refusal
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier, SGDClassifier
from sklearn.neural_network import MLPClassifier
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
    RobustScaler,
    StandardScaler,
)
from sklearn_models import as_sent, imported, own_answers, people

from pyapp.importers import ImportRefusedError
from shared_data import assert_close

Choice = random.Random


def number_step(c: Choice) -> Any:
    made: list[Callable[[], Any]] = [
        lambda: StandardScaler(with_mean=c.random() < 0.8, with_std=c.random() < 0.8),
        lambda: MinMaxScaler(c.choice([(0, 1), (-2, 3)]), clip=c.random() < 0.3),
        lambda: RobustScaler(with_centering=c.random() < 0.8, unit_variance=c.random() < 0.3),
        lambda: c.choice([MaxAbsScaler(), Normalizer(c.choice(["l1", "l2", "max"])), Binarizer(threshold=0.3)]),
        lambda: KBinsDiscretizer(
            c.randint(2, 5),
            encode=c.choice(["onehot", "onehot-dense", "ordinal"]),
            strategy=c.choice(["uniform", "quantile", "kmeans"]),
        ),
        lambda: PolynomialFeatures(
            c.choice([2, (1, 2), (2, 2)]), interaction_only=c.random() < 0.5, include_bias=c.random() < 0.5
        ),
        lambda: FunctionTransformer(c.choice([None, np.abs, np.tanh, np.cbrt, np.sign, np.arcsinh])),
        lambda: c.choice([PCA(1, whiten=c.random() < 0.5), TruncatedSVD(1), "passthrough"]),
    ]
    return c.choice(made)()


def number_steps(c: Choice) -> Any:
    imputer = SimpleImputer(strategy=c.choice(["mean", "median", "most_frequent"]), add_indicator=c.random() < 0.4)
    steps = [imputer, *(number_step(c) for _ in range(c.randint(0, 3)))]
    if c.random() < 0.2:
        weights = c.choice([None, {"a": 2.0}])
        steps.append(FeatureUnion([("a", number_step(c)), ("b", number_step(c))], transformer_weights=weights))
    return make_pipeline(*steps)


def category_steps(c: Choice) -> Any:
    one_hot = OneHotEncoder(
        handle_unknown=c.choice(["error", "ignore", "infrequent_if_exist"]),
        drop=c.choice([None, None, "first", "if_binary"]),
        min_frequency=c.choice([None, 20, 0.1]),
        max_categories=c.choice([None, None, 3]),
    )
    unknown = c.choice(
        [{}, {"handle_unknown": "use_encoded_value", "unknown_value": c.choice([-1, np.nan])}]  # NaN is filled after
    )
    ordinal = OrdinalEncoder(encoded_missing_value=c.choice([np.nan, -5]), **unknown)
    encoder = c.choice([one_hot, make_pipeline(ordinal, SimpleImputer(strategy="median"))])
    fill = SimpleImputer(strategy="most_frequent", add_indicator=c.random() < 0.3)
    return make_pipeline(fill, encoder) if c.random() < 0.5 else encoder


def text_steps(c: Choice) -> Any:
    analysis: dict[str, Any] = {
        "analyzer": c.choice(["word", "word", "char", "char_wb"]),
        "ngram_range": c.choice([(1, 1), (1, 2), (2, 3)]),
        "lowercase": c.random() < 0.8,
        "strip_accents": c.choice([None, "ascii", "unicode"]),
        "binary": c.random() < 0.3,
    }
    if analysis["analyzer"] == "word":
        analysis["stop_words"] = c.choice([None, "english", ["good"]])
    weights: dict[str, Any] = {
        "norm": c.choice([None, "l1", "l2"]),
        "use_idf": c.random() < 0.8,
        "sublinear_tf": c.random() < 0.3,
    }
    counted = [
        [CountVectorizer(max_features=c.choice([None, 6]), **analysis)],
        [CountVectorizer(**analysis), TfidfTransformer(**weights)],
        [TfidfVectorizer(**analysis, **weights)],
        [HashingVectorizer(n_features=50, norm=weights["norm"], alternate_sign=c.random() < 0.5, **analysis)],
    ]
    return make_pipeline(*c.choice(counted), *c.choice([[], [TruncatedSVD(2)], [Normalizer()], [MaxAbsScaler()]]))


def estimator(c: Choice) -> Any:
    return c.choice(
        [
            LogisticRegression(C=c.choice([0.1, 1.0]), fit_intercept=c.random() < 0.8),
            SGDClassifier(loss=c.choice(["hinge", "log_loss", "modified_huber"]), max_iter=10),
            RidgeClassifier(),
            MLPClassifier((4,), activation=c.choice(["identity", "logistic", "tanh", "relu"]), max_iter=5),
        ]
    )


def pipeline(c: Choice) -> Any:
    parts: list[tuple[str, Any, Any]] = [("numbers", number_steps(c), [0, 1]), ("places", category_steps(c), [2])]
    if c.random() < 0.4:
        parts.append(("words", text_steps(c), 5))
    c.shuffle(parts)
    columns = ColumnTransformer(parts, transformer_weights=c.choice([None, {"numbers": 0.5}]))
    more = [c.choice([StandardScaler(with_mean=False), MaxAbsScaler()])] if c.random() < 0.3 else []
    return make_pipeline(columns, *more, estimator(c))


@pytest.mark.filterwarnings("ignore")
@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_any_pipeline_answers_or_is_refused(seed: int, tmp_path_factory: pytest.TempPathFactory) -> None:
    c, folder = random.Random(seed), tmp_path_factory.mktemp("random")
    np.random.seed(seed)
    rows, y = people(120, seed=seed)
    y = np.array(["no", "perhaps", "yes"])[y] if c.random() < 0.5 else y > 0
    try:
        model = pipeline(c).fit(rows, y)
    except Exception:
        return
    asked = people(12, seed=seed + 1)[0]
    asked[:, 3:5] = 0.0  # without names, a package has numbers in columns that nothing reads
    asked[0, 2] = "Atlantis"
    if not any(name == "words" for name, _, _ in model[0].transformers):
        asked[:, 5] = 0.0
    for method in ("predict_proba", "decision_function"):
        if not hasattr(model, method):
            continue
        try:
            served = load(imported(model, folder, output=method), folder / method)
        except ImportRefusedError as error:
            assert "broken" not in str(error)
            continue
        for own, sent in zip(asked, as_sent(asked), strict=True):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                try:
                    expected = own_answers(model, own[None], method)
                except ValueError:  # an unknown category, or a missing value
                    assert refusal(served, sent)[0] == 422
                    continue
            assert_close(answered(served, [sent]), expected)
