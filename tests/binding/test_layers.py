"""Layers without a kernel, against numpy in double precision, and their bits in any company."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model_packages import Floats, write_package
from pyapp import engine

ROWS, WIDE = 70, 37  # more rows than go through the network at once; columns that fill no whole vector

Rows = NDArray[np.float64]


def network(
    tmp_path: Path, widths: dict[str, int], layers: list[dict[str, Any]], tensors: dict[str, Floats] | None = None
) -> engine.Model:
    """A model that answers what its last layer gives."""
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": name, "kind": "tensor", "shape": [width]} for name, width in widths.items()],
        "layers": layers,
        "outputs": [{"name": "y", "layer": layers[-1]["name"]}],
    }
    return engine.Model.load(write_package(tmp_path / "1", manifest, tensors or {"unused": np.zeros(1, np.float32)}))


def special_rows(columns: int, seed: int = 0) -> Floats:
    """Random numbers, a few rows of them with NaN, infinities and zeros."""
    rng = np.random.default_rng(seed)
    x = (rng.normal(size=(ROWS, columns)) * 10.0 ** rng.integers(-3, 4, (ROWS, 1))).astype(np.float32)
    x[3] = 0
    for row, value in ((5, np.nan), (7, np.inf), (11, -np.inf), (13, -0.0)):
        x[row, rng.integers(columns)] = value
    return x


def check(model: engine.Model, x: Floats, wanted: Rows, ulp: float = 0.51) -> None:
    """Every number is the float nearest to the wanted one, or as many units of its last place off as allowed."""
    got = model.predict(x)
    with np.errstate(over="ignore"):
        nearest = wanted.astype(np.float32)
    usual = np.isfinite(nearest)
    assert np.array_equal(got[~usual], nearest[~usual], equal_nan=True)
    assert np.isfinite(got[usual]).all()
    error = np.abs(got[usual] - wanted[usual]) / np.spacing(np.abs(nearest[usual])).astype(np.float64)
    assert error.max() <= ulp


def check_company(model: engine.Model, x: Floats) -> None:
    """A row's bits are the same alone and among others, at any place."""
    together = model.predict(x)
    for first, count in ((0, 1), (5, 1), (7, 2), (1, 33), (40, 30), (ROWS - 1, 1)):
        assert model.predict(x[first : first + count]).tobytes() == together[first : first + count].tobytes()
    assert model.predict(x[::-1])[::-1].tobytes() == together.tobytes()


MERGES: dict[str, Callable[..., Any]] = {
    "add": lambda *v: sum(v[1:], v[0]),
    "subtract": np.subtract,
    "multiply": lambda *v: np.prod(v, axis=0),
    "divide": np.divide,
    "power": np.power,
    "average": lambda *v: np.mean(v, axis=0),
    "maximum": lambda *v: np.maximum.reduce(v),
    "minimum": lambda *v: np.minimum.reduce(v),
}


@pytest.mark.parametrize("op", MERGES)
@pytest.mark.parametrize("widths", [(WIDE, WIDE), (WIDE, 1), (1, WIDE), (1, 1), (16, 1)], ids=str)
def test_two_rows_are_merged_as_numpy_does_it(tmp_path: Path, op: str, widths: tuple[int, int]) -> None:
    left, right = special_rows(widths[0], 1), special_rows(widths[1], 2)
    model = network(tmp_path, {"a": widths[0], "b": widths[1]}, [{"name": "y", "op": op, "inputs": ["a", "b"]}])
    assert model.outputs == max(widths)
    x = np.concatenate([left, right], axis=1)
    with np.errstate(all="ignore"):
        wanted = MERGES[op](*np.broadcast_arrays(left.astype(np.float64), right.astype(np.float64)))
    check(model, x, wanted, ulp=1.01 if op == "average" else 0.51)
    check_company(model, x)


@pytest.mark.parametrize("op", ["add", "multiply", "average", "maximum", "minimum"])
def test_several_are_merged_with_one_column_among_them(tmp_path: Path, op: str) -> None:
    a, b, c = (np.random.default_rng(seed).normal(size=(ROWS, n)) for seed, n in ((1, 1), (2, 5), (3, 5)))
    x = np.concatenate([a, b, c], axis=1).astype(np.float32)
    layers = [{"name": "y", "op": op, "inputs": ["b", "a", "c"], "activation": "relu"}]
    model = network(tmp_path, {"a": 1, "b": 5, "c": 5}, layers)
    a, b, c = (part.astype(np.float64) for part in (x[:, :1], x[:, 1:6], x[:, 6:]))
    wanted = np.maximum(MERGES[op](b, np.broadcast_to(a, b.shape), c), 0)
    np.testing.assert_allclose(model.predict(x), wanted, rtol=1e-6, atol=1e-6)
    check_company(model, x)


def test_rows_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    with pytest.raises(engine.PackageError, match="3 and 2 columns; they must agree, or one must have 1"):
        network(tmp_path, {"a": 3, "b": 2}, [{"name": "y", "op": "divide", "inputs": ["a", "b"]}])


def layer_normalization(x: Rows, epsilon: float) -> Rows:
    return (x - x.mean(1, keepdims=True)) / np.sqrt(x.var(1, keepdims=True) + epsilon)


def rms_normalization(x: Rows, epsilon: float) -> Rows:
    return x / np.sqrt((x**2).mean(1, keepdims=True) + epsilon)


@pytest.mark.parametrize("columns", [1, 3, 16, WIDE, 300])
@pytest.mark.parametrize("epsilon", [None, 0.25])
@pytest.mark.parametrize(
    ("op", "function", "preset", "tensors"),
    [
        ("layer_normalization", layer_normalization, 1e-3, ["gamma", "beta"]),
        ("rms_normalization", rms_normalization, 1e-6, ["gamma"]),
    ],
)
def test_normalisations_of_a_row(
    tmp_path: Path, columns: int, epsilon: float | None, op: str, function: Any, preset: float, tensors: list[str]
) -> None:
    x = special_rows(columns)
    own = {name: np.random.default_rng(i).normal(size=columns).astype(np.float32) for i, name in enumerate(tensors)}
    layer = {"name": "y", "op": op, "inputs": ["x"]} | ({} if epsilon is None else {"epsilon": epsilon})
    with np.errstate(all="ignore"):
        plain = function(x.astype(np.float64), preset if epsilon is None else epsilon)
    check(network(tmp_path, {"x": columns}, [layer]), x, plain)
    model = network(tmp_path, {"x": columns}, [layer | {name: name for name in tensors}], own)
    assert model.parameters == columns * len(tensors)
    with np.errstate(all="ignore"):
        check(model, x, plain * own["gamma"].astype(np.float64) + own.get("beta", np.float32(0)))
    check_company(model, x)


NORMS = {"l1": 1, "l2": 2, "max": np.inf}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("epsilon", [0, 1.5])
def test_a_row_is_divided_by_its_norm(tmp_path: Path, norm: str, epsilon: float) -> None:
    x = special_rows(WIDE)
    layer = {"name": "y", "op": "normalise", "inputs": ["x"], "norm": norm} | ({"epsilon": epsilon} if epsilon else {})
    model = network(tmp_path, {"x": WIDE}, [layer])
    with np.errstate(all="ignore"):
        size = np.maximum(np.linalg.norm(x.astype(np.float64), NORMS[norm], axis=1, keepdims=True), epsilon)
        wanted = x / np.where(size == 0, 1, size)
    assert (wanted[3] == 0).all()
    check(model, x, wanted)
    check_company(model, x)


@pytest.mark.parametrize("columns", [1, 2, 16, WIDE, 1000])
@pytest.mark.parametrize(
    ("function", "by_numpy"), [("sum", np.sum), ("mean", np.mean), ("maximum", np.max), ("minimum", np.min)]
)
def test_columns_are_reduced_to_one(tmp_path: Path, columns: int, function: str, by_numpy: Any) -> None:
    x = special_rows(columns)
    model = network(tmp_path, {"x": columns}, [{"name": "y", "op": "reduce", "inputs": ["x"], "function": function}])
    assert model.outputs == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        check(model, x, by_numpy(x.astype(np.float64), axis=1, keepdims=True))
    check_company(model, x)


def test_columns_are_selected(tmp_path: Path) -> None:
    picks = [36, 0, 0, 17, 16, 15, *range(30)]
    x = special_rows(WIDE)
    model = network(tmp_path, {"x": WIDE}, [{"name": "y", "op": "select", "inputs": ["x"], "columns": picks}])
    assert model.predict(x).tobytes() == x[:, picks].tobytes()


@pytest.mark.parametrize("inputs", [{}, {"inputs": []}])
def test_a_constant_stands_beside_every_row(tmp_path: Path, inputs: dict[str, Any]) -> None:
    value = np.random.default_rng(0).normal(size=WIDE).astype(np.float32)
    kernel = np.eye(WIDE, dtype=np.float32)
    layers = [
        {"name": "base", "op": "constant", "value": "base"} | inputs,
        {"name": "dense", "op": "dense", "inputs": ["base"], "units": WIDE, "kernel": "kernel"},
        {"name": "y", "op": "subtract", "inputs": ["dense", "x"]},
    ]
    model = network(tmp_path, {"x": 1}, layers, {"base": value, "kernel": kernel})
    x = special_rows(1)
    with np.errstate(invalid="ignore"):
        assert np.array_equal(model.predict(x), value - x, equal_nan=True)
    check_company(model, x)


def test_a_constant_alone_is_an_answer(tmp_path: Path) -> None:
    value = np.array([1, 2, 3], np.float32)
    model = network(tmp_path, {"x": 2}, [{"name": "y", "op": "constant", "value": "v"}], {"v": value})
    assert np.array_equal(model.predict(np.zeros((65, 2), np.float32)), np.tile(value, (65, 1)))


@pytest.mark.parametrize(
    ("layer", "said"),
    [
        ({"op": "select", "inputs": ["x"], "columns": []}, "/layers/0/columns"),
        ({"op": "select", "inputs": ["x"], "columns": [3]}, "/layers/0/columns/0.* from 0 to 2"),
        ({"op": "select", "inputs": ["x"], "columns": [0, -1]}, "/layers/0/columns/1"),
        ({"op": "select", "inputs": ["x"], "columns": [0.5]}, "/layers/0/columns/0"),
        ({"op": "select", "inputs": ["x"], "columns": ["x"]}, "/layers/0/columns/0"),
        ({"op": "reduce", "inputs": ["x"], "function": "median"}, "median; expected one of sum, mean, maximum"),
        ({"op": "reduce", "inputs": ["x"]}, '"function" is missing'),
        ({"op": "normalise", "inputs": ["x"], "norm": "l3"}, "l3; expected one of l1, l2, max"),
        ({"op": "normalise", "inputs": ["x"], "norm": "l2", "epsilon": -1}, "epsilon.* expected 0 or more"),
        ({"op": "layer_normalization", "inputs": ["x"], "gamma": "four"}, r"/gamma.*four.*\[3\]"),
        ({"op": "rms_normalization", "inputs": ["x"], "beta": "four"}, "unknown key .beta."),
        ({"op": "constant", "value": "nothing"}, "there is no tensor nothing"),
        ({"op": "constant", "value": "square"}, "square has 2 dimensions"),
        ({"op": "constant", "value": "four", "inputs": ["x"]}, "0 to 0 inputs"),
        ({"op": "constant"}, '"value" is missing'),
        ({"op": "power", "inputs": ["x", "x", "x"]}, "2 to 2 inputs"),
        ({"op": "add"}, '"inputs" is missing'),
    ],
)
def test_a_broken_layer_is_named(tmp_path: Path, layer: dict[str, Any], said: str) -> None:
    tensors = {"four": np.zeros(4, np.float32), "square": np.zeros((2, 2), np.float32)}
    with pytest.raises(engine.PackageError, match=said):
        network(tmp_path, {"x": 3}, [{"name": "y"} | layer], tensors)
