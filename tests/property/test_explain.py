"""Explanations: gradients against finite differences in double precision, and sums against score differences."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import plain_network
from model_packages import Floats, dense_network, write_package
from pyapp import engine

ENGINE = engine.Engine()
WIDE = 21  # columns that fill no whole vector


def explain(model: engine.Model, body: Any, method: str = "integrated", **asked: Any) -> list[dict[str, Any]]:
    status, _, reply = ENGINE.handle(model, "classify", json.dumps(body).encode(), explain=method, **asked)
    parsed = json.loads(reply)
    assert status == 200, parsed
    return [row["explanation"] for row in parsed.get("results", [parsed])]


def network(
    folder: Path, layers: list[dict[str, Any]], tensors: dict[str, Floats], columns: int = WIDE, **more: Any
) -> tuple[engine.Model, dict[str, Any]]:
    """Layers over x, a linear mix of all input numbers, so that a wrong column can't be missed; the last is y."""
    mix = np.random.default_rng(99).normal(0, 0.4, (columns, columns)).astype(np.float32)
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": "sent", "kind": "tensor", "shape": [columns]}],
        "layers": [
            {"name": "x", "op": "dense", "inputs": ["sent"], "units": columns, "kernel": "mix"},
            *layers,
        ],
        "outputs": [{"name": "y", "layer": layers[-1]["name"]}],
    } | more
    tensors["mix"] = mix
    return engine.Model.load(write_package(folder / "1", manifest, tensors)), manifest


def check_gradients(
    model: engine.Model, manifest: dict[str, Any], tensors: Mapping[str, Floats], x: Floats, columns: range
) -> None:
    for column in columns:
        for row, found in zip(x, explain(model, x.tolist(), "gradient", target=str(column)), strict=True):
            wide = row.astype(np.float64)
            slope = plain_network.gradient(
                lambda rows, c=column: plain_network.run(manifest, tensors, {"sent": rows})[:, c], wide
            )
            np.testing.assert_allclose(found["contributions"], slope * wide, rtol=3e-4, atol=3e-5)
            assert found["sum"] == pytest.approx(sum(found["contributions"]), rel=1e-5, abs=1e-6)


def some_rows(seed: int, count: int = 2, columns: int = WIDE) -> Floats:
    return np.random.default_rng(seed).normal(size=(count, columns)).astype(np.float32)


POSITIVE = ("sqrt", "log", "reciprocal")


@pytest.mark.parametrize("activation", sorted(plain_network.ACTIVATIONS))
@pytest.mark.parametrize("place", ["dense", "activation"])
def test_every_activation_has_its_derivative(tmp_path: Path, activation: str, place: str) -> None:
    tensors: dict[str, Floats] = {"k": np.random.default_rng(1).normal(0, 0.5, (WIDE, WIDE)).astype(np.float32)}
    layers: list[dict[str, Any]] = []
    source = "x"
    if activation in POSITIVE:  # their numbers are positive, and some way from 0
        layers.append({"name": "shift", "op": "activation", "inputs": ["x"], "activation": "softplus"})
        source, tensors["k"] = "shift", np.abs(tensors["k"])
    if place == "dense":
        layers.append({"name": "y", "op": "dense", "inputs": [source], "units": WIDE, "kernel": "k"})
    else:
        layers.append({"name": "y", "op": "activation", "inputs": [source]})
    layers[-1]["activation"] = activation
    model, manifest = network(tmp_path, layers, tensors)
    check_gradients(model, manifest, tensors, some_rows(5, 3), range(0, WIDE, 4))


def test_a_slope_for_each_column(tmp_path: Path) -> None:
    tensors = {"slope": np.linspace(-1, 1, WIDE).astype(np.float32)}
    layer = {"name": "y", "op": "activation", "inputs": ["x"], "activation": {"name": "prelu", "slope": "slope"}}
    model, manifest = network(tmp_path, [layer], tensors)
    check_gradients(model, manifest, tensors, some_rows(6, 3), range(WIDE))


@pytest.mark.parametrize("op", sorted(plain_network.MERGES))
@pytest.mark.parametrize("spread", [(), (0,), (1,), (0, 1)], ids=str)
def test_merges_of_columns_and_of_one_that_is_spread(tmp_path: Path, op: str, spread: tuple[int, ...]) -> None:
    layers: list[dict[str, Any]] = [
        {"name": "soft", "op": "activation", "inputs": ["x"], "activation": "softplus"},  # a power's base
        {"name": "a", "op": "select", "inputs": ["soft"], "columns": [3] if 0 in spread else list(range(WIDE))},
        {"name": "b", "op": "select", "inputs": ["x"], "columns": [7] if 1 in spread else list(range(WIDE))[::-1]},
        {"name": "y", "op": op, "inputs": ["a", "b"]},
    ]
    tensors: dict[str, Floats] = {}
    model, manifest = network(tmp_path, layers, tensors)
    check_gradients(model, manifest, tensors, some_rows(7), range(0, model.outputs, 5))


@pytest.mark.parametrize("op", ["add", "multiply", "average", "maximum", "minimum"])
def test_merges_of_several(tmp_path: Path, op: str) -> None:
    layers: list[dict[str, Any]] = [
        {"name": "a", "op": "activation", "inputs": ["x"], "activation": "tanh"},
        {"name": "b", "op": "select", "inputs": ["x"], "columns": list(range(WIDE))[::-1]},
        {"name": "c", "op": "select", "inputs": ["x"], "columns": [2]},
        {"name": "y", "op": op, "inputs": ["a", "b", "c", "a"], "activation": "sigmoid"},
    ]
    tensors: dict[str, Floats] = {}
    model, manifest = network(tmp_path, layers, tensors)
    check_gradients(model, manifest, tensors, some_rows(8), range(0, WIDE, 5))


ROWWISE: list[dict[str, Any]] = [
    {"op": "layer_normalization", "gamma": "g", "beta": "b"},
    {"op": "layer_normalization"},
    {"op": "rms_normalization", "gamma": "g"},
    {"op": "batch_normalization", "mean": "b", "variance": "v", "gamma": "g", "beta": "b"},
    {"op": "normalise", "norm": "l1"},
    {"op": "normalise", "norm": "l2"},
    {"op": "normalise", "norm": "max"},
    {"op": "normalise", "norm": "l2", "epsilon": 100},
    {"op": "reduce", "function": "sum"},
    {"op": "reduce", "function": "mean"},
    {"op": "reduce", "function": "maximum"},
    {"op": "reduce", "function": "minimum"},
    {"op": "select", "columns": [0, 5, 5, 20]},
    {"op": "flatten"},
]


@pytest.mark.parametrize("layer", ROWWISE, ids=lambda layer: "-".join(map(str, layer.values())))
def test_layers_without_a_kernel(tmp_path: Path, layer: dict[str, Any]) -> None:
    rng = np.random.default_rng(3)
    tensors = {name: rng.normal(size=WIDE).astype(np.float32) for name in "gb"}
    tensors["v"] = rng.uniform(0.5, 2, WIDE).astype(np.float32)
    layers = [  # a normalisation that no dense layer takes in, and one that it does
        {"name": "t", "op": "activation", "inputs": ["x"], "activation": "tanh"},
        {"name": "z", "inputs": ["t"]} | layer,
        {"name": "y", "op": "add", "inputs": ["z", "z"]},
    ]
    model, manifest = network(tmp_path / "a", layers, tensors)
    check_gradients(model, manifest, tensors, some_rows(9), range(0, model.outputs, 4))
    model, manifest = network(tmp_path / "b", [{"name": "y", "inputs": ["x"]} | layer], tensors)
    check_gradients(model, manifest, tensors, some_rows(9), range(0, model.outputs, 4))


def wide_and_deep(rng: np.random.Generator, activation: str, last: str) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Two branches, a constant, and a dense layer that reads three things side by side."""
    tensors = {
        "k1": rng.normal(0, 0.4, (WIDE, 40)).astype(np.float32),
        "b1": rng.normal(0, 0.2, 40).astype(np.float32),
        "k2": rng.normal(0, 0.3, (40 + WIDE + 1, 3)).astype(np.float32),
        "c": rng.normal(size=40).astype(np.float32),
    }
    layers: list[dict[str, Any]] = [
        {"name": "h", "op": "dense", "inputs": ["x"], "units": 40, "kernel": "k1", "bias": "b1"},
        {"name": "c", "op": "constant", "value": "c"},
        {"name": "m", "op": "multiply", "inputs": ["h", "c"], "activation": activation},
        {"name": "r", "op": "reduce", "inputs": ["m"], "function": "mean"},
        {"name": "y", "op": "dense", "inputs": ["m", "sent", "r"], "units": 3, "kernel": "k2", "activation": last},
    ]
    return layers, tensors


@pytest.mark.parametrize("activation", ["tanh", "relu", "gelu"])
@pytest.mark.parametrize("last", ["linear", "softmax", "log_softmax", "sparsemax"])
def test_a_wide_and_deep_graph(tmp_path: Path, activation: str, last: str) -> None:
    layers, tensors = wide_and_deep(np.random.default_rng(4), activation, last)
    model, manifest = network(tmp_path, layers, tensors)
    check_gradients(model, manifest, tensors, some_rows(10, 3), range(3))


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 2**31),
    activation=st.sampled_from(["tanh", "sigmoid", "relu", "gelu", "silu", "elu", "softplus", "mish", "selu"]),
    last=st.sampled_from(["softmax", "sigmoid", "linear", "log_softmax"]),
    size=st.floats(0.1, 3),
)
def test_integrated_contributions_sum_to_the_difference_of_scores(
    tmp_path_factory: pytest.TempPathFactory, seed: int, activation: str, last: str, size: float
) -> None:
    rng = np.random.default_rng(seed)
    layers, tensors = wide_and_deep(rng, activation, last)
    labels = ["a", "b", "c"]
    model, _ = network(
        tmp_path_factory.mktemp("complete"),
        layers,
        tensors,
        task="classification",
        outputs=[{"name": "y", "layer": "y", "labels": labels}],
    )
    x = (some_rows(seed, 3) * size).astype(np.float32)
    outputs = model.predict(np.vstack([x, np.zeros((1, WIDE), np.float32)]))
    for label in (None, *labels):
        for i, row in enumerate(explain(model, x.tolist(), steps=512, target=label)):
            column = labels.index(row["label"])
            assert label in (None, row["label"])
            if label is None:
                assert column == outputs[i].argmax()
            assert (row["score"], row["baseline_score"]) == pytest.approx((outputs[i, column], outputs[-1, column]))
            spread = max(1.0, float(np.abs(outputs).max()))
            assert row["sum"] == pytest.approx(row["score"] - row["baseline_score"], abs=0.01 * spread)
            assert sum(row["contributions"]) == pytest.approx(row["sum"], rel=1e-4, abs=1e-5 * spread)


def test_a_linear_network_is_explained_exactly_by_either_method(tmp_path: Path) -> None:
    manifest, tensors = dense_network([7, 5, 2], hidden="linear", last="linear")
    model = engine.Model.load(write_package(tmp_path / "1", manifest, tensors))
    x = some_rows(3, 1, 7)
    weights = tensors["layer0/kernel"].astype(np.float64) @ tensors["layer1/kernel"].astype(np.float64)
    for method, steps in (("gradient", 0), ("integrated", 1), ("integrated", 65)):
        (found,) = explain(model, x.tolist(), method, steps=steps, target="1")
        np.testing.assert_allclose(found["contributions"], x[0] * weights[:, 1], rtol=1e-5, atol=1e-6)
        assert (found["method"], found["steps"], found["output"]) == (method, steps or 1, 1)


TEXTS = ["good", "bad", "good good fair", "", "a bad, bad end", "nothing of it all"]
COLUMNS: list[dict[str, Any]] = [
    {"name": "age", "type": "number", "missing": "nan"},
    {"name": "country", "type": "category", "categories": ["France", "Germany", "Spain"], "unknown": "ignore"},
    {"name": "remark", "type": "text"},
    {"name": "title", "type": "text"},
    {"name": "member", "type": "boolean"},
]
STEPS: list[dict[str, Any]] = [
    {"op": "one_hot", "input": "person", "columns": ["country"]},
    {"op": "count_words", "input": "person", "column": "remark", "vocabulary": ["good", "bad", "end", "fair"]},
    {"op": "count_words", "input": "person", "column": "title", "hashing": {"features": 6, "alternate_sign": False}},
    {"op": "impute", "input": "person", "columns": ["age"], "value": 38.5},
    {"op": "standardise", "input": "person", "columns": ["age"], "mean": [40.5], "scale": [12.25]},
]
TABLE_WIDTH = 1 + 3 + 4 + 6 + 1

records = st.fixed_dictionaries(
    {
        "age": st.none() | st.floats(18, 99, width=32),
        "country": st.sampled_from(["France", "Germany", "Spain", "elsewhere"]),
        "remark": st.sampled_from(TEXTS),
        "title": st.sampled_from(TEXTS),
        "member": st.booleans(),
    }
)


def linear_table(folder: Path, sparse: bool) -> tuple[engine.Model, Floats]:
    """A linear score over a table: with terms that are never written down, or over the whole row."""
    weights = np.random.default_rng(0).normal(size=(TABLE_WIDTH, 1)).astype(np.float32)
    source = "person" if sparse else "row"
    same = [{"name": "row", "op": "activation", "inputs": ["person"], "activation": "linear"}]
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": "person", "kind": "table", "columns": COLUMNS}],
        "preprocess": STEPS,
        "layers": [
            *([] if sparse else same),
            {"name": "y", "op": "dense", "inputs": [source], "units": 1, "kernel": "w", "bias": "b"},
        ],
        "outputs": [{"name": "y", "layer": "y"}],
    }
    tensors = {"w": weights, "b": np.array([0.5], np.float32)}
    return engine.Model.load(write_package(folder / "1", manifest, tensors)), weights[:, 0]


@pytest.fixture(scope="module", params=[True, False], ids=["sparse", "written"])
def table(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[engine.Model, Floats]:
    return linear_table(tmp_path_factory.mktemp("table"), request.param)


@settings(max_examples=60, deadline=None)
@given(rows=st.lists(records, min_size=1, max_size=4))
def test_a_linear_score_of_a_table_is_the_sum_of_its_columns(
    table: tuple[engine.Model, Floats], rows: list[dict[str, Any]]
) -> None:
    model, w = table
    for row, found in zip(rows, explain(model, rows, steps=3), strict=True):
        said = found["contributions"]
        assert list(said) == [column["name"] for column in COLUMNS]
        age = ((38.5 if row["age"] is None else row["age"]) - 40.5) / 12.25
        country = ["France", "Germany", "Spain"]
        assert said["age"] == pytest.approx(age * w[0], rel=1e-4, abs=1e-5)
        wanted = w[1 + country.index(row["country"])] if row["country"] in country else 0
        assert said["country"] == pytest.approx(wanted, rel=1e-5)
        assert said["member"] == pytest.approx(row["member"] * w[14], rel=1e-5)
        terms = {item["term"]: item["contribution"] for item in said["remark"]}
        split = row["remark"].replace(",", "").split()
        for i, term in enumerate(["good", "bad", "end", "fair"]):
            if term in split:
                assert terms.pop(term) == pytest.approx(split.count(term) * w[4 + i], rel=1e-5)
        assert not terms
        hashed = {item["index"]: item["contribution"] for item in said["title"]}
        assert sum(hashed.values()) == pytest.approx(sum(w[8 + i] * _times(model, row, i) for i in hashed), rel=1e-4)
        sizes = [abs(item["contribution"]) for item in said["remark"]]
        assert sizes == sorted(sizes, reverse=True)
        assert found["baseline_score"] == pytest.approx(0.5)
        assert found["sum"] == pytest.approx(found["score"] - 0.5, rel=1e-4, abs=1e-5)


def _times(model: engine.Model, row: dict[str, Any], index: int) -> float:
    """How often a term with that hash is in the title, found from the score's own change: hashes are not known here."""
    words = [word for word in row["title"].replace(",", "").split() if len(word) > 1]
    count = 0
    for word in words:
        (alone,) = explain(model, [row | {"title": word}], steps=1)
        count += alone["contributions"]["title"][0]["index"] == index
    return count


@settings(max_examples=30, deadline=None)
@given(numbers=st.lists(st.floats(-2, 2, width=32), min_size=3, max_size=3), place=st.integers(0, 4))
def test_made_numbers_go_back_to_what_they_are_made_of(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[float], place: int
) -> None:
    steps = [
        {"op": "polynomial", "input": "x", "columns": [0, 1], "terms": [[], [0], [0, 0], [0, 0, 1]], "output": "p"},
        {"op": "multi_hot", "input": "i", "size": 5, "output": "m"},
        {"op": "clip", "input": "i", "max": 1},
        {"op": "bucketise", "input": "x", "columns": [2], "boundaries": [[-1, 0, 1]], "output": "k"},
    ]
    w = np.arange(1, 13, dtype=np.float32)[:, None]
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": "x", "kind": "tensor", "shape": [3]}, {"name": "i", "kind": "tensor", "shape": [2]}],
        "preprocess": steps,
        "layers": [{"name": "y", "op": "dense", "inputs": ["p", "m", "i", "k"], "units": 1, "kernel": "w"}],
        "outputs": [{"name": "y", "layer": "y"}],
    }
    folder = tmp_path_factory.mktemp("made")
    model = engine.Model.load(write_package(folder / "1", manifest, {"w": w}))
    indices = [place, 3]
    (found,) = explain(model, [[*numbers, *indices]], steps=2)
    a, b, c = (np.float32(value) for value in numbers)
    cube = a * a * b
    bucket = sum(bound <= c for bound in (-1, 0, 1))
    assert found["contributions"]["x"] == pytest.approx(
        [a * 2 + a * a * 3 + cube * 4 * 2 / 3, cube * 4 / 3, bucket * 12], rel=1e-4, abs=1e-5
    )
    indicator = [5 + place, 5 + 3] if place != 3 else [(5 + 3) / 2] * 2
    assert found["contributions"]["i"] == pytest.approx(
        [indicator[0] + min(place, 1) * 10, indicator[1] + 1 * 11], rel=1e-5
    )
    assert found["sum"] == pytest.approx(found["score"] - found["baseline_score"], rel=1e-4, abs=1e-4)
    assert found["sum"] == pytest.approx(sum(map(sum, found["contributions"].values())) + 1, rel=1e-4, abs=1e-4)


def test_a_text_alone_and_a_yes_or_no_score(tmp_path: Path) -> None:
    words = [f"w{i:02}" for i in range(30)]
    weights = np.linspace(-1, 1, 30).astype(np.float32)[:, None]
    manifest = {
        "format": 1,
        "task": "classification",
        "inputs": [{"name": "text", "kind": "text"}],
        "preprocess": [{"op": "count_words", "input": "text", "vocabulary": words, "norm": "l2"}],
        "layers": [
            {"name": "y", "op": "dense", "inputs": ["text"], "units": 1, "kernel": "w", "activation": "sigmoid"}
        ],
        "outputs": [{"name": "y", "layer": "y", "labels": ["no", "yes"]}],
    }
    model = engine.Model.load(write_package(tmp_path / "1", manifest, {"w": weights}))
    (no,) = explain(model, "w00 w01 w29 other")
    assert no["label"] == "no"
    assert no["baseline_score"] == 0.5
    assert no["sum"] == pytest.approx(no["score"] - 0.5, abs=1e-4)
    assert [item["term"] for item in no["contributions"]] == ["w00", "w29", "w01"]
    (yes,) = explain(model, "w00 w01 w29 other", target="yes")
    assert yes["sum"] == pytest.approx(-no["sum"], rel=1e-5)
    assert yes["score"] == pytest.approx(1 - no["score"], rel=1e-5)
    (all_,) = explain(model, " ".join(words))
    assert len(all_["contributions"]) == 20
