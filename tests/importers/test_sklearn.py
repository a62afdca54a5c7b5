"""Real .skops and .joblib files: equal to what scikit-learn answered, or refused by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from asking import ask
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, QuantileTransformer, StandardScaler
from sklearn.svm import SVC
from sklearn_models import imported, numbers, own_answers, saved

from pyapp.importers import ImportOptions, ImportRefusedError
from pyapp.importers import read as read_file
from pyapp.importers.sklearn import describe, read, trusted
from shared_data import TESTS_DATA, assert_close, items, jsonl, meta, needs_shared_data

METHODS = ("predict_proba", "decision_function", "predict")
ITEMS = [*items("sklearn"), *items("sklearn", TESTS_DATA)]


def rows_of(item: Path) -> list[Any]:
    if (item / "input.npy").exists():
        listed: list[Any] = np.load(item / "input.npy").tolist()
        return listed
    rows = jsonl(item / "input.jsonl")
    return [row["text"] if set(row) == {"text"} else row for row in rows]


def as_answered(expected: Any, method: str, labels: list[str]) -> Any:
    if method == "decision_function" and expected.ndim == 1:
        return np.stack([-expected, expected], axis=1)
    return expected[:, None] if method == "predict" and not labels and expected.ndim == 1 else expected


FILES = [item / name for item in ITEMS for name in ("model.skops", "model.joblib") if (item / name).exists()]


@pytest.fixture
def described_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pickles are loaded in this process, which has scikit-learn already; other tests here start one for each."""

    def run(path: Path, arguments: list[str]) -> None:
        monkeypatch.setattr(sys, "argv", ["describe", str(path), *arguments])
        try:
            describe.main()
        except SystemExit as error:
            raise ImportRefusedError(str(error)) from error

    monkeypatch.setattr(trusted, "_run", run)


@pytest.mark.usefixtures("described_here")
@pytest.mark.parametrize(
    "file", FILES, ids=lambda file: f"{file.parent.parent.parent.name}-{file.parent.name}{file.suffix}"
)
def test_real_files_answer_as_scikit_learn_did(file: Path, tmp_path: Path) -> None:
    item, suffix = file.parent, file.suffix
    rows = rows_of(item)
    methods = [method for method in METHODS if (item / f"expected.{method}.npy").exists()]
    assert methods
    for method in methods if suffix == ".skops" else methods[:1]:
        found = read(file, ImportOptions(output=method, trust=True))
        labels = found.manifest["outputs"][0].get("labels", [])
        expected = np.load(item / f"expected.{method}.npy")
        answered = ask(found, rows, tmp_path / method)
        if method == "predict" and labels:
            best = [labels[i] for i in answered.argmax(axis=1)]
            assert best == [str(value) for value in expected.tolist()]
        else:
            assert_close(answered, as_answered(expected, method, labels))


@needs_shared_data
@pytest.mark.parametrize("item", items("sklearn_refuse"), ids=lambda item: item.name)
def test_what_cannot_be_served_is_refused_by_name(item: Path) -> None:
    refused = {"knn-imputer": "KNNImputer", "random-forest": "RandomForestClassifier"}
    assert "refused" in meta(item)["must"]
    for suffix in ("skops", "joblib"):
        with pytest.raises(ImportRefusedError) as caught:
            read(item / f"model.{suffix}", ImportOptions(trust=True))
        assert refused[item.name] in str(caught.value)
        assert len(str(caught.value).splitlines()) == 2  # the others have no fault


def test_every_step_that_cannot_be_served_is_named_with_its_place(tmp_path: Path) -> None:
    x, y = numbers(60)
    model = make_pipeline(
        KNNImputer(), StandardScaler(), QuantileTransformer(n_quantiles=10), RandomForestClassifier(n_estimators=3)
    )
    with pytest.raises(ImportRefusedError) as caught:
        imported(model.fit(x, y), tmp_path)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0].strip() for line in lines[1:]] == [
        "knnimputer",
        "quantiletransformer",
        "randomforestclassifier",
    ]


def shout(text: str) -> str:
    return text.upper()


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (CountVectorizer(preprocessor=shout), "its preprocessor"),
        (CountVectorizer(tokenizer=shout, token_pattern=None), "its tokenizer"),
        (CountVectorizer(analyzer=shout), "its analyzer"),
        (CountVectorizer(token_pattern=r"[a-z]+"), r"its token_pattern '[a-z]+'"),
        (CountVectorizer(strip_accents=shout), "its strip_accents"),
    ],
)
def test_code_in_a_vectoriser_is_refused(step: Any, words: str, tmp_path: Path) -> None:
    model = make_pipeline(step, LogisticRegression()).fit(["good day", "bad day", "good bye", "bad luck"], [0, 1, 0, 1])
    with pytest.raises(ImportRefusedError, match="countvectorizer: CountVectorizer: ") as caught:
        imported(model, tmp_path)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (FunctionTransformer(shout), "shout is Python code"),
        (FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}), "numpy.clip is Python code"),
        (FunctionTransformer(np.log1p, kw_args={"where": True}), "has arguments"),
    ],
)
def test_functions_that_are_not_known_are_refused(step: Any, words: str, tmp_path: Path) -> None:
    x, y = numbers(60)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    model.steps[0] = ("function", step)
    with pytest.raises(ImportRefusedError) as caught:
        imported(model, tmp_path)
    assert "function: FunctionTransformer: " in str(caught.value) and words in str(caught.value)


@pytest.mark.parametrize("estimator", [SVC(), GaussianNB()], ids=str)
def test_models_that_are_no_networks_are_refused(estimator: Any, tmp_path: Path) -> None:
    x, y = numbers(60)
    with pytest.raises(ImportRefusedError, match=type(estimator).__name__):
        imported(estimator.fit(x, y), tmp_path)


def test_a_model_that_is_not_fitted_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ImportRefusedError, match="fit"):
        imported(make_pipeline(StandardScaler(), LogisticRegression()), tmp_path)


@pytest.mark.filterwarnings("ignore")
def test_a_method_that_the_model_has_not_is_refused(tmp_path: Path) -> None:
    x, y = numbers(60)
    with pytest.raises(ImportRefusedError, match=r"predict_proba.*decision_function"):
        imported(LogisticRegression().fit(x, y), tmp_path, output="scores")


def test_labels_can_be_given(tmp_path: Path) -> None:
    x, y = numbers(60)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    found = imported(model, tmp_path, labels=["low", "middle", "high"])
    assert found.manifest["outputs"][0]["labels"] == ["low", "middle", "high"]
    assert any("in place of the file's" in note for note in found.notes)
    with pytest.raises(ImportRefusedError, match="2 labels; expected 3"):
        imported(model, tmp_path, labels=["low", "high"])
    own = [str(label) for label in model.classes_]
    assert imported(model, tmp_path, labels=own).notes == imported(model, tmp_path).notes
    with pytest.raises(ImportRefusedError, match=f"own in another order.* in the order {','.join(own)}:"):
        imported(model, tmp_path, labels=own[::-1])


def test_nothing_of_the_framework_is_loaded(tmp_path: Path) -> None:
    x, y = numbers(60)
    path = saved(make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y), tmp_path)
    code = (
        "import sys; from pathlib import Path; from pyapp.importers import ImportOptions\n"
        "from pyapp.importers.sklearn import read\n"
        f"read(Path({str(path)!r}), ImportOptions())\n"
        "assert not {'sklearn', 'skops', 'joblib', 'scipy', 'pickle'} & set(sys.modules) - {'pickle'}"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


# ---- pickles


def test_a_pickle_is_refused_without_trust(tmp_path: Path) -> None:
    path = tmp_path / "model.pkl"
    path.write_bytes(b"not even looked at")
    with pytest.raises(ImportRefusedError, match=r"skops\.io\.dump.*--trust"):
        read(path, ImportOptions())


@pytest.mark.usefixtures("described_here")
@pytest.mark.parametrize("name", ["finalized_model.sav", "model", "model.joblib.gz"])
def test_a_pickle_may_have_any_name(name: str, tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    x, y = numbers(50, columns=2)
    joblib.dump(LogisticRegression().fit(x, y), tmp_path / name, compress=3 if name.endswith(".gz") else 0)
    with pytest.raises(ImportRefusedError, match=r"is a pickle: .*--trust"):
        read_file(tmp_path / name, ImportOptions())
    assert read_file(tmp_path / name, ImportOptions(trust=True)).samples


def test_a_trusted_pickle_runs_in_another_process_and_brings_samples(tmp_path: Path) -> None:
    joblib = pytest.importorskip("joblib")
    x, y = numbers(100)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(x, y)
    joblib.dump(model, tmp_path / "model.pkl")
    found = read(tmp_path / "model.pkl", ImportOptions(trust=True))
    assert len(found.samples) >= 4
    rows = [sample["input"] for sample in found.samples]
    expected = own_answers(model, np.asarray(rows), "predict_proba")
    assert_close(np.asarray([sample["output"] for sample in found.samples]), expected)
    assert_close(ask(found, rows, tmp_path), expected)


class Leaves:
    """What a pickle may do when it is loaded."""

    def __init__(self, path: str) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return (Path.touch, (Path(self.path),))


def test_no_pickle_is_loaded_in_this_process(tmp_path: Path) -> None:
    import pickle

    trace = tmp_path / "trace"
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Leaves(str(trace))))
    with pytest.raises(ImportRefusedError):
        read(tmp_path / "model.pkl", ImportOptions())
    assert not trace.exists()
    with pytest.raises(ImportRefusedError, match="expected a fitted estimator"):
        read(tmp_path / "model.pkl", ImportOptions(trust=True))
    assert trace.exists()


def test_a_broken_pickle_is_told_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(b"\x80\x04broken")
    with pytest.raises(ImportRefusedError, match=r"model\.pkl cannot be loaded: .*is it a pickle"):
        read(tmp_path / "model.pkl", ImportOptions(trust=True))
