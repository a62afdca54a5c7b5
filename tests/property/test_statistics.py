"""Statistics of training data, and the engine's counts by them, against plain numpy."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_packages import dense_network, identity_network, write_package
from pyapp import engine
from pyapp.packages.statistics import MAX_BINS, columns_of, statistics_of
from pyapp.serving.drift import level_of, psi, report

ENGINE = engine.Engine()
COLUMNS: list[dict[str, Any]] = [
    {"name": "age", "type": "number", "missing": "nan"},
    {"name": "member", "type": "boolean"},
    {"name": "tier", "type": "category", "categories": ["low", "high"], "unknown": "ignore", "missing": "nan"},
]
INPUTS = [{"name": "person", "kind": "table", "columns": COLUMNS}]

ages = st.none() | st.sampled_from([0.0, 1.0, 2.5]) | st.floats(-1e6, 1e6, width=32)
records = st.fixed_dictionaries(
    {"age": ages, "member": st.booleans(), "tier": st.none() | st.sampled_from(["low", "high", "other"])}
)


def table(folder: Path, **more: Any) -> tuple[engine.Model, dict[str, Any]]:
    manifest, tensors = identity_network(
        INPUTS, 3, [{"op": "impute", "input": "person", "columns": ["age"], "value": 0}]
    )
    manifest["preprocess"].append({"op": "map", "input": "person", "values": [[0, 1]], "unknown": 0, "missing": 0})
    return engine.Model.load(write_package(folder, manifest | more, tensors)), manifest


def ask(model: engine.Model, rows: Any) -> None:
    status, _, reply = ENGINE.handle(model, "classify", json.dumps(rows).encode())
    assert status == 200, reply


@settings(max_examples=40, deadline=None)
@given(rows=st.lists(records, min_size=1, max_size=60))
def test_training_data_sent_again_has_no_drift(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]]
) -> None:
    folder = tmp_path_factory.mktemp("statistics")
    _, manifest = table(folder / "1")
    statistics = statistics_of(manifest, columns_of(rows))
    assert statistics["rows"] == len(rows)
    assert "labels" not in statistics
    for feature in statistics["features"]:
        edges = feature.get("edges", [])
        assert edges == sorted(set(edges))
        assert len(feature["shares"]) <= MAX_BINS
    model, _ = table(folder / "2", statistics=statistics)
    ask(model, rows)
    counts = model.drift()
    assert counts is not None
    assert counts["rows"] == counts["sampled"] == len(rows)
    for feature, seen in zip(statistics["features"], counts["features"], strict=True):
        there = len(rows) - seen[-1]
        assert [share * there for share in feature["shares"]] == pytest.approx(seen[:-1], abs=0.01)
        assert feature["missing"] * len(rows) == pytest.approx(seen[-1], abs=0.01)
    found = report(model)
    assert found is not None
    assert all(feature["psi"] < 1e-6 for feature in found["features"])


@settings(max_examples=50, deadline=None)
@given(values=st.lists(st.floats(-1e3, 1e3, width=32) | st.just(0.0), min_size=1, max_size=300), x=st.floats(-1e3, 1e3))
def test_bins_of_a_tensor_hold_what_numpy_says(
    tmp_path_factory: pytest.TempPathFactory, values: list[float], x: float
) -> None:
    manifest, tensors = dense_network([1, 2])
    statistics = statistics_of(manifest, {"x": np.array(values)[:, None]})
    (feature,) = statistics["features"]
    edges = np.array(feature["edges"])
    places = np.searchsorted(edges, np.array(values, np.float32).astype(np.float64), side="right")
    np.testing.assert_allclose(
        feature["shares"], np.bincount(places, minlength=len(edges) + 1) / len(values), atol=1e-6
    )
    if len(set(values)) > 1:
        assert max(feature["shares"]) < 1  # a bin that held all could tell nothing
    folder = tmp_path_factory.mktemp("tensor")
    model = engine.Model.load(write_package(folder / "1", manifest | {"statistics": statistics}, tensors))
    ask(model, [x])
    counts = model.drift()
    assert counts is not None
    wanted = [0] * (len(edges) + 2)
    wanted[int(np.searchsorted(edges, float(np.float32(x)), side="right"))] = 1
    assert counts["features"] == [wanted]


def test_a_constant_tells_below_from_above(tmp_path: Path) -> None:
    manifest, tensors = dense_network([1, 2])
    statistics = statistics_of(manifest, {"x": [[3.0]] * 50})
    assert statistics["features"][0]["shares"] == [0, 1, 0]
    model = engine.Model.load(write_package(tmp_path / "1", manifest | {"statistics": statistics}, tensors))
    ask(model, [[2.9], [3.0], [3.0], [3.1]])
    assert model.drift() == {"rows": 4, "sampled": 4, "features": [[1, 2, 1, 0]], "labels": []}


def test_labels_are_counted_as_they_are_answered(tmp_path: Path) -> None:
    manifest, tensors = dense_network([5, 8, 3])
    x = np.random.default_rng(0).normal(size=(500, 5)).astype(np.float32)
    model = engine.Model.load(write_package(tmp_path / "1", manifest, tensors))
    assert model.drift() is None
    assert report(model) is None
    outputs = model.predict(x)
    statistics = statistics_of(manifest, {"x": x}, outputs)
    best = np.bincount(outputs.argmax(axis=1), minlength=3)
    assert list(statistics["labels"].values()) == pytest.approx(list(best / 500))
    model = engine.Model.load(write_package(tmp_path / "2", manifest | {"statistics": statistics}, tensors))
    ask(model, x.tolist())
    counts = model.drift()
    assert counts is not None
    assert counts["labels"] == best.tolist()
    for _ in range(20):
        ask(model, (x + 3).tolist())
    found = report(model)
    assert found is not None
    assert found["level"] == "large"
    assert found["rows"] == 500 * 21
    assert 500 < found["sampled"] < 500 * 21 / 4
    assert [feature["level"] for feature in found["features"]] == ["large"] * 5
    assert [feature["psi"] for feature in found["features"]] == sorted(
        (feature["psi"] for feature in found["features"]), reverse=True
    )
    assert sum(label["seen"] for label in found["label"]["labels"].values()) == pytest.approx(1)


def test_what_has_no_labels_has_no_drift_of_labels(tmp_path: Path) -> None:
    manifest, tensors = dense_network([2, 1], last="linear")
    statistics = {**statistics_of(manifest, {"x": [[0, 1], [2, 3]]}), "labels": {}}
    model = engine.Model.load(write_package(tmp_path, manifest | {"statistics": statistics}, tensors))
    ask(model, [[0, 1]])
    found = report(model)
    assert found is not None
    assert (found["rows"], found["label"]) == (1, None)


def test_the_index_is_the_formula() -> None:
    expected, rows, seen = [0.5, 0.3, 0.2, 0.0], 1000, [200, 300, 500, 0]
    a = [(share * rows + 0.5) / (rows + 2) for share in expected]
    b = [(count + 0.5) / (sum(seen) + 2) for count in seen]
    wanted = sum((q - p) * math.log(q / p) for p, q in zip(a, b, strict=True))
    assert psi(expected, rows, seen, [0]) == pytest.approx([wanted])
    several = psi([*expected, 0.5, 0.5, *expected], rows, [*seen, 0, 0, *seen], [0, 4, 6])
    assert several == pytest.approx([wanted, 0, wanted])
    assert len(psi([], rows, [], [])) == 0
    assert wanted > 0.25
    assert [level_of(wanted, 99), level_of(0.09, 100), level_of(0.1, 100), level_of(0.26, 100)] == [
        "unknown",
        "stable",
        "moderate",
        "large",
    ]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"age": [1.0, 2.0], "tier": ["low"]}, r"\[1, 2\] values"),
        ({"age": ["young"]}, "column age"),
        ({}, "at least one"),
    ],
)
def test_data_that_does_not_fit_is_named(rows: dict[str, Any], said: str) -> None:
    manifest, _ = identity_network(INPUTS, 3)
    with pytest.raises(ValueError, match=said):
        statistics_of(manifest, rows)
    with pytest.raises(ValueError, match="rows of 2 numbers; expected 1"):
        statistics_of(dense_network([1, 2])[0], {"x": [[1, 2]]})
