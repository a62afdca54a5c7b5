"""Each preprocessing step against numpy, and what scikit-learn's transformers become as steps against scikit-learn."""

import json
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import preprocessing
from sklearn.impute import SimpleImputer

from model_packages import write_package
from pyapp import engine

ENGINE = engine.Engine()
Rows = NDArray[np.float64]
Step = dict[str, Any]
FUNCTIONS = [
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
]

seeds = st.integers(0, 2**32 - 1)
numbers = st.floats(-1e6, 1e6) | st.sampled_from([0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 1e-9])
rows_of = st.integers(1, 5).flatmap(
    lambda columns: st.lists(st.lists(st.none() | numbers, min_size=columns, max_size=columns), min_size=1, max_size=12)
)
slow = settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def table(columns: int) -> list[dict[str, Any]]:
    names = [{"name": f"c{i}", "type": "number", "missing": "nan"} for i in range(columns)]
    return [{"name": "x", "kind": "table", "columns": names}]


NAN, LARGE = -77777.0, 3e38


class Steps:
    """Runs rows through steps; the answer is the block of the network's row itself."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.count = folder, 0

    def load(
        self,
        inputs: list[dict[str, Any]],
        steps: Sequence[Step],
        read: str = "x",
        tensors: dict[str, NDArray[np.float32]] | None = None,
    ) -> engine.Model:
        self.count += 1
        manifest = {
            "format": 1,
            "task": "regression",
            "inputs": inputs,
            "preprocess": list(steps),
            "layers": [{"name": "out", "op": "activation", "inputs": [read], "activation": "linear"}],
            "outputs": [{"name": "values", "layer": "out"}],
        }
        return engine.Model.load(write_package(self.folder / str(self.count) / "1", manifest, tensors or {}))

    def __call__(self, rows: Any, steps: Sequence[Step], read: str = "x", **more: Any) -> NDArray[np.float32]:
        """Answers to rows of a table of numbers, [rows, columns]; NaN is missing.  As `finite` has them."""
        plain = [[None if value is None or np.isnan(value) else float(value) for value in row] for row in rows]
        last = [
            {"op": "concatenate", "inputs": [read], "output": "finite"},
            {"op": "impute", "input": "finite", "value": NAN},
            {"op": "clip", "input": "finite", "min": -LARGE, "max": LARGE},
        ]
        return answers(self.load(table(len(plain[0])), [*steps, *last], "finite", **more), plain)


def answers(model: engine.Model, rows: list[Any]) -> NDArray[np.float32]:
    """What /classify says."""
    status, _, reply = ENGINE.handle(model, "classify", json.dumps({"data": rows}).encode(), "application/json")
    parsed = json.loads(reply)
    assert status == 200, parsed
    found = [row["values"] if "values" in row else [row["value"]] for row in parsed.get("results", [parsed])]
    return as_array(found).astype(np.float32)


@pytest.fixture
def run(tmp_path: Path) -> Steps:
    return Steps(tmp_path)


def as_array(rows: Any) -> Rows:
    return np.array([[np.nan if value is None else value for value in row] for row in rows], np.float64)


def finite(x: Any) -> NDArray[np.float32]:
    """What /classify can answer: NaN and infinities are numbers of their own."""
    wide = np.asarray(x, np.float64)
    return np.where(np.isnan(wide), NAN, np.clip(wide, -LARGE, LARGE)).astype(np.float32)


def close(got: NDArray[np.float32], wanted: Any, tolerance: float = 1e-6) -> bool:
    return got.shape == np.shape(wanted) and np.allclose(got, finite(wanted), rtol=tolerance, atol=tolerance)


def step(op: str, **parameters: Any) -> Step:
    return {"op": op, "input": "x", **parameters}


CASES: dict[str, tuple[Callable[[Rows], Any], Callable[[int], Step]]] = {
    "scale": (lambda x: x * 0.37 + 2.5, lambda n: step("scale", factor=0.37, offset=2.5)),
    "scale each": (
        lambda x: x * np.arange(1, x.shape[1] + 1) - 1,
        lambda n: step("scale", factor=list(range(1, n + 1)), offset=-1),
    ),
    "standardise": (
        lambda x: (x - 0.1) / np.arange(1, x.shape[1] + 1),
        lambda n: step("standardise", mean=0.1, scale=list(range(1, n + 1))),
    ),
    "impute": (lambda x: np.where(np.isnan(x), 0.3, x), lambda n: step("impute", value=0.3)),
    "is_missing": (np.isnan, lambda n: step("is_missing")),
    "clip": (lambda x: np.clip(x, -0.1, 7.7), lambda n: step("clip", min=-0.1, max=[7.7] * n)),
    "clip above": (lambda x: np.minimum(x, 1), lambda n: step("clip", max=1)),
    "binarise": (lambda x: x > 0.5, lambda n: step("binarise", threshold=0.5)),
    "multi_hot": (
        lambda x: [[float(i in row) for i in range(3)] for row in x],
        lambda n: step("multi_hot", size=3),
    ),
    "multi_hot counts": (
        lambda x: [[float(sum(row == i)) for i in range(3)] for row in x],
        lambda n: step("multi_hot", size=3, count=True),
    ),
    "polynomial": (
        lambda x: np.stack([np.ones(len(x)), x[:, 0] * x[:, 0] * x[:, -1], x[:, -1]], 1),
        lambda n: step("polynomial", terms=[[], [0, 0, n - 1], [n - 1]]),
    ),
    "bucketise": (
        lambda x: np.searchsorted([-1, 0, 0.5, 0.5, 1e5], x, side="right"),
        lambda n: step("bucketise", boundaries=[[-1, 0, 0.5, 0.5, 1e5]] * n),
    ),
    "index": (
        lambda x: [[{0.5: 0, 2: 1, -1: 2}.get(v, np.nan if np.isnan(v) else -1) for v in row] for row in x],
        lambda n: step("index", values=[[0.5, 2, -1, 2]] * n),
    ),
    "index with null": (
        lambda x: [[{2: 0, 0: 2}.get(v, 1 if np.isnan(v) else 9) for v in row] for row in x],
        lambda n: step("index", values=[[2, None, 0]] * n, unknown=9, missing=7),
    ),
    "map": (
        lambda x: [[{0: 0.25, 1: -4, 2: np.nan}.get(v, 5 if np.isnan(v) else np.nan) for v in row] for row in x],
        lambda n: step("map", columns=[f"c{i}" for i in range(n)], values=[[0.25, -4, None]] * n, missing=5),
    ),
    "one_hot": (
        lambda x: np.concatenate([[[float(v == i) for i in (0, 2)] for v in x[:, j]] for j in range(x.shape[1])], 1),
        lambda n: step("one_hot", columns=list(range(n)), sizes=3, drop=[1] * n),
    ),
}


@pytest.mark.parametrize("name", CASES)
@slow
@given(rows=rows_of)
def test_a_step_is_numpy(run: Steps, name: str, rows: Any) -> None:
    plain, make = CASES[name]
    x = as_array(rows)
    assert close(run(x, [make(x.shape[1])]), plain(x))


@pytest.mark.parametrize("function", FUNCTIONS)
@slow
@given(rows=rows_of, shrink=st.sampled_from([1.0, 1e-3, 1e-6]))
def test_a_function_is_numpy_s(run: Steps, function: str, rows: Any, shrink: float) -> None:
    x = as_array(rows) * shrink
    with np.errstate(all="ignore"):
        wanted = getattr(np, function)(x)
    assert close(run(x, [step("function", function=function)]), wanted)


@slow
@given(rows=rows_of, norm=st.sampled_from(["l1", "l2", "max"]))
def test_rows_are_normalised(run: Steps, rows: Any, norm: str) -> None:
    x = np.nan_to_num(as_array(rows))
    assert close(run(x, [step("normalise", norm=norm)]), preprocessing.Normalizer(norm).transform(x))


def data(seed: int, missing: float = 0.0) -> Rows:
    """Numbers of several scales, some of them whole, as files of customers and measurements hold them."""
    rng = np.random.default_rng(seed)
    x = np.stack(
        [rng.normal(1000, 3, 60), rng.exponential(2, 60), rng.integers(0, 4, 60), rng.normal(0, 1e-3, 60)], axis=1
    )
    return np.where(rng.random(x.shape) < missing, np.nan, x)


def fitted(scaler: Any, x: Rows) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return scaler.fit(x)


SCALERS: dict[str, tuple[Any, Callable[[Any], list[Step]]]] = {
    "StandardScaler": (
        preprocessing.StandardScaler,
        lambda s: [step("standardise", mean=s.mean_.tolist(), scale=s.scale_.tolist())],
    ),
    "MinMaxScaler": (
        lambda: preprocessing.MinMaxScaler((-1, 2), clip=True),
        lambda s: [step("scale", factor=s.scale_.tolist(), offset=s.min_.tolist()), step("clip", min=-1, max=2)],
    ),
    "MaxAbsScaler": (
        preprocessing.MaxAbsScaler,
        lambda s: [step("standardise", mean=0, scale=s.scale_.tolist())],
    ),
    "RobustScaler": (
        preprocessing.RobustScaler,
        lambda s: [step("standardise", mean=s.center_.tolist(), scale=s.scale_.tolist())],
    ),
    "Binarizer": (
        lambda: preprocessing.Binarizer(threshold=1.5),
        lambda s: [step("binarise", threshold=s.threshold)],
    ),
    "FunctionTransformer": (
        lambda: preprocessing.FunctionTransformer(np.cbrt),
        lambda s: [step("function", function="cbrt")],
    ),
    "PowerTransformer": (
        preprocessing.PowerTransformer,
        lambda s: [
            step("power_transform", method="yeo_johnson", lambdas=s.lambdas_.tolist()),
            step("standardise", mean=s._scaler.mean_.tolist(), scale=s._scaler.scale_.tolist()),
        ],
    ),
    "KBinsDiscretizer": (
        lambda: preprocessing.KBinsDiscretizer(4, encode="onehot-dense", strategy="uniform"),
        lambda s: [
            step("bucketise", boundaries=[edges[1:-1].tolist() for edges in s.bin_edges_]),
            step("one_hot", columns=[0, 1, 2, 3], sizes=s.n_bins_.tolist()),
        ],
    ),
    "PolynomialFeatures": (
        lambda: preprocessing.PolynomialFeatures(3, interaction_only=False),
        lambda s: [
            step(
                "polynomial",
                terms=[[i for i, power in enumerate(row) for _ in range(power)] for row in s.powers_.tolist()],
            )
        ],
    ),
    "OneHotEncoder": (
        lambda: preprocessing.OneHotEncoder(handle_unknown="ignore", sparse_output=False, drop="first"),
        lambda s: [
            step("index", values=[list(map(float, c)) for c in s.categories_]),
            step("one_hot", columns=[0, 1, 2, 3], sizes=[len(c) for c in s.categories_], drop="first"),
        ],
    ),
    "OrdinalEncoder": (
        lambda: preprocessing.OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-7),
        lambda s: [step("index", values=[list(map(float, c)) for c in s.categories_], unknown=-7)],
    ),
}


@pytest.mark.parametrize("name", SCALERS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_a_transformer_as_steps(run: Steps, name: str, seed: int) -> None:
    make, steps = SCALERS[name]
    scaler = fitted(make(), data(seed))
    x = np.concatenate([data(seed)[:5], data(seed + 1)[:10]])  # some rows it was fitted to, some it has not seen
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        wanted = scaler.transform(x)
    assert close(run(x, steps(scaler)), wanted)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_box_cox(run: Steps, seed: int) -> None:
    x = np.abs(data(seed)) + 1e-3
    scaler = fitted(preprocessing.PowerTransformer("box-cox", standardize=False), x)
    steps = [step("power_transform", method="box_cox", lambdas=scaler.lambdas_.tolist())]
    assert close(run(x, steps), scaler.transform(x), 3e-6)


@pytest.mark.parametrize("lambdas", [0.0, 2.0, 1e-12, 2 - 1e-12, -1.5, 3.0])
def test_power_transforms_at_their_limits(run: Steps, lambdas: float) -> None:
    x = np.array([[-3.0], [-1e-9], [0.0], [1e-9], [0.5], [40.0]])
    scaler = preprocessing.PowerTransformer(standardize=False).fit(x)
    scaler.lambdas_ = np.array([lambdas])
    assert close(run(x, [step("power_transform", method="yeo_johnson", lambdas=lambdas)]), scaler.transform(x))


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=seeds)
def test_an_imputer_with_indicators(run: Steps, seed: int) -> None:
    x = data(seed, missing=0.3)
    imputer = SimpleImputer(strategy="median", add_indicator=True).fit(x)
    steps = [
        step("is_missing", columns=imputer.indicator_.features_.tolist(), output="was_missing"),
        step("impute", value=imputer.statistics_.tolist()),
        {"op": "concatenate", "inputs": ["x", "was_missing"], "output": "both"},
    ]
    assert close(run(x, steps, "both"), imputer.transform(x))


def test_blocks_leave_each_other_alone(run: Steps) -> None:
    x = np.array([[1.0, 2, 3], [4, 5, 6]])
    steps = [
        step("select", columns=["c2", "c0"], output="two"),  # shares its numbers with x
        step("scale", factor=10),
        {"op": "concatenate", "inputs": ["two", "two", "x"], "output": "all"},
        {"op": "scale", "input": "all", "columns": [0], "factor": 0, "offset": 7},
        {"op": "scale", "input": "two", "factor": -1},
        {"op": "concatenate", "inputs": ["all", "two"], "output": "end"},
    ]
    wanted = [[7, x0, x2, x0, 10 * x0, 10 * x1, 10 * x2, -x2, -x0] for x0, x1, x2 in x]
    assert run(x, steps, "end").tolist() == wanted


def test_columns_by_name_and_index_in_any_order(run: Steps) -> None:
    x = np.array([[1.0, 2, 3, 4]])
    assert run(x, [step("scale", columns=["c3", "c1"], factor=[10, 100])]).tolist() == [[1, 200, 3, 40]]
    assert run(x, [step("scale", columns=[3, 0, 1], factor=[10, 100, 1000])]).tolist() == [[100, 2000, 3, 40]]
    assert run(x, [step("select", columns=["c2", 0])]).tolist() == [[3, 1]]
    assert run(x, [step("polynomial", columns=["c3", "c1"], terms=[[0], [1], [0, 1]])]).tolist() == [[1, 4, 2, 8, 3]]


def test_cells_are_doubles_and_parameters_tensors(run: Steps) -> None:
    x = np.array([[16777217.0, 0.1]])
    assert run(x, [step("scale", columns=["c0"], factor=1, offset=-16777216)]).tolist() == [[1, np.float32(0.1)]]
    tensors = {"shift": np.float32([-16777216, 0.5])}
    assert run(x, [step("scale", factor=1, offset="shift")], tensors=tensors).tolist() == [[1, np.float32(0.6)]]
    with pytest.raises(engine.PackageError, match=r"/preprocess/0/offset.*has shape \[2\]; expected \[1\]"):
        run(x, [step("scale", columns=["c0"], factor=[1], offset="shift")], tensors=tensors)


TENSOR = [{"name": "x", "kind": "tensor", "shape": [2, 2]}]


@pytest.mark.parametrize("name", [name for name in CASES if name != "map"])
@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(st.floats(-100, 100, width=16), min_size=4, max_size=4), min_size=1, max_size=6))
def test_a_step_over_a_tensor(run: Steps, name: str, rows: Any) -> None:
    plain, make = CASES[name]
    x = np.array(rows, np.float32)
    model = run.load(TENSOR, [make(4)])
    wanted = plain(x.astype(np.float64))
    assert close(finite(model.predict(x)), wanted)
    assert close(answers(model, rows), wanted)


def test_a_tensor_s_steps_round_to_float32_each(run: Steps) -> None:
    x = np.random.default_rng(0).random((3, 4), np.float32)
    steps = [step("scale", factor=0.1), step("standardise", mean=0.3, scale=0.7)]
    wanted = (x * np.float32(0.1) + np.float32(0) - np.float32(0.3)) / np.float32(0.7)
    assert np.array_equal(run.load(TENSOR, steps).predict(x), wanted)
    assert np.array_equal(run.load(TENSOR, [*steps, step("select", columns=[3, 0])]).predict(x), wanted[:, [3, 0]])
    boundary = step("bucketise", boundaries=[[0.7]] * 4)  # 0.7 as float32 is less, and must count as reached
    assert run.load(TENSOR, [boundary]).predict(np.full((1, 4), 0.7, np.float32)).tolist() == [[1, 1, 1, 1]]


def test_no_number_does_harm_as_an_index(run: Steps) -> None:
    x = np.array([[v] for v in (-1, -0.0, 0.5, 2, 3, 1e300, -1e300, np.nan)])
    one_hot = run(x, [step("one_hot", columns=[0], sizes=3)])
    assert one_hot.argmax(1).tolist() == [0, 0, 0, 2, 0, 0, 0, 0] and one_hot.sum() == 2
    mapped = run(x, [step("map", columns=[0], values=[[5, 6, 7]], unknown=0, missing=1)])
    assert mapped[:, 0].tolist() == [0, 5, 0, 7, 0, 0, 0, 1]
    hashed = run(x, [step("hash", columns=[0], buckets=9, method="farmhash64")])[:, 0]
    assert (hashed[[5, 6, 7]] == NAN).all() and ((hashed[:5] >= 0) & (hashed[:5] < 9)).all()
