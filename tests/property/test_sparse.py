"""Dense layers over texts whose numbers are never written down: their sums, in any company, and their cost."""

import json
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from model_packages import write_package
from pyapp import engine

ENGINE = engine.Engine()
WORDS = ["good", "bad", "very", "film", "plot", "actor", "the", "boring", "funny", "straße"]
texts = st.lists(st.sampled_from([*WORDS, "Unknown", "Good", "bad."]), max_size=30).map(" ".join)
records = st.lists(
    st.fixed_dictionaries({"stars": st.floats(-5, 5), "remark": texts, "title": texts}), min_size=1, max_size=9
)
COLUMNS = [
    {"name": "remark", "type": "text", "missing": "empty"},
    {"name": "stars", "type": "number"},
    {"name": "title", "type": "text", "missing": "empty"},
]
INPUTS = [{"name": "film", "kind": "table", "columns": COLUMNS}]


def count(column: str, **more: Any) -> dict[str, Any]:
    idf = [1 + i / 7 for i in range(len(WORDS))]
    return {
        "op": "count_words",
        "input": "film",
        "column": column,
        "vocabulary": WORDS,
        "idf": idf,
        "norm": "l2",
    } | more


def dense(name: str, read: list[str], rows: int, units: int, tensors: dict[str, Any], **more: Any) -> dict[str, Any]:
    rng = np.random.default_rng(len(tensors))
    tensors[f"{name}/kernel"] = rng.normal(0, rows**-0.5, (rows, units)).astype(np.float32)
    tensors[f"{name}/bias"] = rng.normal(0, 1, units).astype(np.float32)
    return {
        "name": name, "op": "dense", "inputs": read, "units": units, "kernel": f"{name}/kernel", "bias": f"{name}/bias"
    } | more  # fmt: skip


def load(folder: Path, steps: list[Any], layers: list[Any], tensors: dict[str, Any], **more: Any) -> engine.Model:
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": INPUTS,
        "preprocess": steps,
        "layers": layers,
        "outputs": [{"name": layers[-1]["name"], "layer": layers[-1]["name"]}],
    } | more
    return engine.Model.load(write_package(folder, manifest, tensors))


def values(model: engine.Model, rows: Any, protocol: str = "classify") -> np.ndarray:
    status, _, reply = ENGINE.handle(model, protocol, json.dumps({"data": rows}).encode(), "application/json")
    parsed = json.loads(reply)
    assert status == 200, parsed
    return np.array([row["values"] if "values" in row else [row["value"]] for row in parsed["results"]], np.float32)


def plain(rows: list[dict[str, Any]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The numbers of remark, stars and title, [rows, …] each."""
    tfidf = TfidfVectorizer(vocabulary=WORDS)
    tfidf.idf_ = np.array([1 + i / 7 for i in range(len(WORDS))])
    remark, title = (tfidf.transform([row[key] for row in rows]).toarray() for key in ("remark", "title"))
    return remark, np.array([[row["stars"]] for row in rows]), title


class Network:
    """Terms and numbers in one block, a block of terms alone, one within concatenations, and layers beside them."""

    def __init__(self, folder: Path, units: int) -> None:
        self.tensors: dict[str, Any] = {}
        steps = [
            count("title", output="title"),
            count("remark"),
            {"op": "select", "input": "film", "columns": [10, *range(10)], "output": "whole"},  # [stars, remark]
            {"op": "scale", "input": "film", "columns": ["stars"], "factor": 2},
            {"op": "select", "input": "film", "columns": ["stars"], "output": "stars"},
        ]
        layers = [
            dense("mixed", ["whole", "title"], 21, units, self.tensors, activation="tanh"),
            dense("alone", ["title"], 10, units, self.tensors, activation="relu"),
            {"name": "inner", "op": "concatenate", "inputs": ["title", "alone"]},
            {"name": "both", "op": "concatenate", "inputs": ["stars", "inner", "title", "mixed"]},
            dense("wide", ["both", "stars"], 22 + 2 * units, units, self.tensors),
            dense("joined", ["mixed", "alone", "stars"], 2 * units + 1, units, self.tensors, activation="softmax"),
            {"name": "norm", "op": "batch_normalization", "inputs": ["wide"], "mean": "m", "variance": "v"},
            {"name": "out", "op": "concatenate", "inputs": ["mixed", "alone", "norm", "joined"]},
        ]
        self.tensors |= {"m": np.float32([0.5] * units), "v": np.float32([2] * units)}
        self.model = load(folder, steps, layers, self.tensors)

    def __call__(self, rows: list[dict[str, Any]]) -> np.ndarray:
        remark, stars, title = plain(rows)

        def dot(name: str, *blocks: np.ndarray) -> np.ndarray:
            return (
                np.concatenate(blocks, 1) @ self.tensors[f"{name}/kernel"].astype(float) + self.tensors[f"{name}/bias"]
            )

        mixed = np.tanh(dot("mixed", stars, remark, title))
        alone = np.maximum(dot("alone", title), 0)
        wide = dot("wide", 2 * stars, title, alone, title, mixed, 2 * stars)
        joined = np.exp(dot("joined", mixed, alone, 2 * stars))
        joined /= joined.sum(1, keepdims=True)
        return np.concatenate([mixed, alone, (wide - 0.5) / np.sqrt(2.001), joined], 1)


@pytest.fixture(scope="module", params=[3, 70, 600])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Network:
    return Network(tmp_path_factory.mktemp("sparse") / "1", request.param)


@settings(max_examples=40, deadline=None)
@given(rows=records)
def test_the_sums_are_those_of_the_whole_rows(network: Network, rows: list[dict[str, Any]]) -> None:
    assert np.allclose(values(network.model, rows), network(rows), atol=2e-5)


@settings(max_examples=20, deadline=None)
@given(rows=records)
def test_a_row_has_the_same_bits_in_any_company(network: Network, rows: list[dict[str, Any]]) -> None:
    together = values(network.model, rows * 9)
    alone = np.concatenate([values(network.model, [row]) for row in rows])
    assert np.array_equal(together, np.tile(alone, (9, 1)))


def test_who_else_reads_a_block_of_terms_reads_zeros(tmp_path: Path) -> None:
    tensors: dict[str, Any] = {}
    layers = [
        dense("sum", ["title"], 10, 1, tensors),
        {"name": "twice", "op": "add", "inputs": ["title", "title"]},
        {"name": "out", "op": "concatenate", "inputs": ["sum", "twice"]},
    ]
    model = load(tmp_path / "1", [count("title", output="title")], layers, tensors)
    rows = [{"title": "good good film", "stars": 1.0, "remark": ""}, {"title": "", "stars": 1.0, "remark": ""}]
    title = plain(rows)[2]
    wanted = np.concatenate([title @ tensors["sum/kernel"] + tensors["sum/bias"], 2 * title], 1)
    assert np.allclose(values(model, rows), wanted, atol=1e-6)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(texts, min_size=1, max_size=5))
def test_a_million_places_take_little(tmp_path_factory: pytest.TempPathFactory, rows: list[str]) -> None:
    features = 2**20
    kernel = np.random.default_rng(0).normal(0, 1, (features, 1)).astype(np.float32)
    manifest = {
        "inputs": [{"name": "text", "kind": "text"}],
        "task": "classification",
        "outputs": [{"name": "out", "layer": "out", "labels": ["no", "yes"]}],
    }
    layer = {"name": "out", "op": "dense", "inputs": ["text"], "units": 1, "kernel": "k", "activation": "sigmoid"}
    step = {"op": "count_words", "input": "text", "hashing": {"features": features}, "norm": "l2"}
    model = load(tmp_path_factory.mktemp("hashed") / "1", [step], [layer], {"k": kernel}, **manifest)
    assert model.nbytes < 4 * features + 10_000 and model.features == 1
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    status, _, reply = ENGINE.handle(model, "classify", json.dumps(rows * 50).encode(), "application/json")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 4096  # KiB: one row of zeros
    scores = [row["scores"][1] for row in json.loads(reply)["results"]] if status == 200 else []
    wanted = 1 / (1 + np.exp(-(HashingVectorizer(n_features=features).transform(rows * 50) @ kernel)))
    assert np.allclose(scores, wanted[:, 0], atol=1e-6), reply[:300]
