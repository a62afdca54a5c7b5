"""The import as a whole, on tables and texts: samples made, samples given, and how good the model is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pyapp.importers import Imported, ImportRefusedError, run
from pyapp.importers.run import Report, import_model
from pyapp.packages import load

pytest.importorskip("jsonschema", reason="the writer needs the [import] extra")

AGE = {"name": "age", "type": "number", "missing": "nan"}
COUNTRY = {"name": "country", "type": "category", "categories": ["France", "Spain"], "unknown": "ignore"}


def table() -> Imported:
    """A customer leaves if older than 40, or from Spain."""
    manifest = {
        "format": 1,
        "task": "classification",
        "inputs": [
            {"name": "customer", "kind": "table", "columns": [AGE, COUNTRY, {"name": "member", "type": "boolean"}]}
        ],
        "preprocess": [
            {"op": "one_hot", "input": "customer", "columns": ["country"]},
            {"op": "impute", "input": "customer", "columns": ["age"], "value": 30},
            {"op": "standardise", "input": "customer", "columns": ["age"], "mean": [40], "scale": [10]},
        ],
        "layers": [
            {
                "name": "leaves",
                "op": "dense",
                "inputs": ["customer"],
                "units": 1,
                "kernel": "k",
                "activation": "sigmoid",
            }
        ],
        "outputs": [{"name": "leaves", "layer": "leaves", "labels": ["stays", "leaves"]}],
        "provenance": {"framework": "none"},
    }
    return Imported(manifest, {"k": np.array([[5], [0], [20], [0]], np.float32)})


def test_true_and_false_are_numbers_where_a_model_takes_numbers(take: Any, tmp_path: Path) -> None:
    (tmp_path / "eval.csv").write_text("a,member,y\n1,True,1001\n2, False,2000\n")
    assert take(regression(), evaluation=tmp_path / "eval.csv", target="y").evaluation.value == pytest.approx(1)


def text() -> Imported:
    """Spam if there are more of its words."""
    manifest = {
        "format": 1,
        "task": "classification",
        "inputs": [{"name": "message", "kind": "text"}],
        "preprocess": [{"op": "count_words", "input": "message", "vocabulary": ["free", "hello"]}],
        "layers": [
            {"name": "y", "op": "dense", "inputs": ["message"], "units": 2, "kernel": "k", "activation": "softmax"}
        ],
        "outputs": [{"name": "y", "layer": "y", "labels": ["ham", "spam"]}],
    }
    return Imported(manifest, {"k": np.array([[0, 1], [1, 0]], np.float32)})


def regression() -> Imported:
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": [{"name": "x", "kind": "tensor", "shape": [2]}],
        "layers": [{"name": "y", "op": "dense", "inputs": ["x"], "units": 1, "kernel": "k"}],
        "outputs": [{"name": "y", "layer": "y"}],
    }
    return Imported(manifest, {"k": np.array([[1000], [1]], np.float32)})


@pytest.fixture
def take(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    def take(imported: Imported, **more: Any) -> Report:
        monkeypatch.setattr(run, "read", lambda path, options: imported)
        return import_model("file", tmp_path / "store", "m", **more)

    return take


@pytest.mark.parametrize("make", [table, text, regression])
def test_samples_are_made_from_the_manifest_and_replayed(take: Any, make: Any) -> None:
    report = take(make())
    lines = [json.loads(line) for line in (report.folder / "samples.jsonl").read_text().splitlines()]
    assert report.samples == len(lines) == 10
    assert len({json.dumps(line["input"]) for line in lines}) > 5
    assert report.parity is not None and report.parity < 1e-3
    assert load(report.folder).name == "m"


def test_samples_are_the_same_each_time(take: Any) -> None:
    one, two = take(table()), take(table())
    assert (one.version, two.version) == (1, 2)
    assert (one.folder / "samples.jsonl").read_bytes() == (two.folder / "samples.jsonl").read_bytes()


def test_large_outputs_get_a_tolerance_of_their_size(take: Any) -> None:
    report = take(regression())
    assert json.loads((report.folder / "model.json").read_text())["tolerance"]["absolute"] > 1e-5


def test_accuracy_on_a_table_with_missing_cells_and_unknown_categories(take: Any, tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text(
        "id,country,age,member,exited\n1,Spain,20,yes,1\n2,Peru,50,no,1\n3,France,30,1,0\n4,France,,0,1\n5,,20,true,0\n"
    )
    imported = table()
    imported.manifest["inputs"][0]["columns"][1] = {**COUNTRY, "missing": "nan"}
    report = take(imported, evaluation=tmp_path / "rows.csv", target="exited")
    assert report.evaluation is not None
    assert (report.evaluation.rows, report.evaluation.metric, report.evaluation.value) == (5, "accuracy", 0.8)


def test_training_data_become_statistics_that_drift_is_told_from(take: Any, tmp_path: Path) -> None:
    rows = "\n".join(f"{age},{country},1,0" for age in range(20, 40) for country in ("France", "Spain"))
    (tmp_path / "train.csv").write_text(f"age,country,member,exited\n{rows}\n")
    report = take(table(), training=tmp_path / "train.csv", target="exited")
    statistics = json.loads((report.folder / "model.json").read_text())["statistics"]
    assert statistics["rows"] == 40
    assert {"age", "country", "member"} == {feature["name"] for feature in statistics["features"]}
    assert sum(statistics["labels"].values()) == pytest.approx(1)
    assert load(report.folder).drift() is not None
    (tmp_path / "train.csv").write_text("age,country,member\nold,Spain,1\n")
    with pytest.raises(ImportRefusedError, match="row 1, column age"):
        take(table(), training=tmp_path / "train.csv")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "has no rows"),
        ("age,exited\n3,1\n", "no column country, member; there are age"),
        ("age,country,member,exited\nold,Spain,1,1\n", "row 1, column age: 'old' is no number"),
        ("age,country,member,exited\n3,Spain,maybe,1\n", "row 1, column member: 'maybe'; expected true or false"),
        ("age,country,member,exited\n3,Spain\n", "don't have as many cells"),
        ("age,country,member,exited\n3,,1,1\n", "row 1: .*country"),
        ("age,country,member,exited\n3,Spain,1,perhaps\n", "the target is 'perhaps' …; the labels are stays, leaves"),
        ("age,country,member,left\n3,Spain,1,1\n", "no column exited; there are age, country, member, left"),
    ],
)
def test_a_table_that_does_not_fit_is_refused_with_its_place(
    take: Any, tmp_path: Path, content: str, words: str
) -> None:
    (tmp_path / "rows.csv").write_text(content)
    with pytest.raises(ImportRefusedError, match=words):
        take(table(), evaluation=tmp_path / "rows.csv", target="exited")
    assert not (tmp_path / "store" / "m").exists()


def test_accuracy_on_texts_and_r2_of_a_regression(take: Any, tmp_path: Path) -> None:
    (tmp_path / "texts.csv").write_text(
        'kind,text\nspam,Free free\nham,hello you\nspam,"hello, free? FREE"\nspam,hello\n'
    )
    report = take(text(), evaluation=tmp_path / "texts.csv", target="kind")
    assert report.evaluation.value == 0.75
    (tmp_path / "numbers.csv").write_text("a,b,y\n1,0,1000\n2,1,2001\n3,0,3500\n")
    report = take(regression(), evaluation=tmp_path / "numbers.csv", target="y")
    wanted = np.array([1000, 2001, 3500])
    assert report.evaluation.value == pytest.approx(1 - 500**2 / np.sum((wanted - wanted.mean()) ** 2))
    assert report.evaluation.metric == "r2"


def test_samples_of_the_users_in_each_form(take: Any, tmp_path: Path) -> None:
    np.save(tmp_path / "rows.npy", np.array([[1, 2], [3, 4]]))
    (tmp_path / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    (tmp_path / "rows.jsonl").write_text("[1, 2]\n\n[3, 4]\n")
    (tmp_path / "pairs.jsonl").write_text('{"input": [1, 2], "output": [1002]}\n{"input": [3, 4], "output": 3004}\n')
    for name in ("rows.npy", "rows.csv", "rows.jsonl", "pairs.jsonl"):
        report = take(regression(), samples=tmp_path / name)
        lines = [json.loads(line) for line in (report.folder / "samples.jsonl").read_text().splitlines()]
        assert [line["input"] for line in lines] == [[1, 2], [3, 4]]
        assert [np.ravel(line["output"]).tolist() for line in lines] == [[1002], [3004]]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("s.jsonl", "", "holds no line"),
        ("s.jsonl", "{", "--samples takes"),
        ("s.jsonl", '{"input": [1, 2], "output": 3}\n[1, 2]', "some lines have input and output"),
        ("s.jsonl", '{"input": [1, 2], "output": 3}', "samples.jsonl: line 1: output 0 is 1002"),
        ("s.jsonl", "[1, 2, 3]", "s.jsonl"),
        ("s.npy", "no array", "--samples takes"),
        ("s.csv", "a\n1\n", "1 columns beside the target; the model takes 2"),
    ],
)
def test_samples_that_do_not_fit_are_refused(take: Any, tmp_path: Path, name: str, content: str, words: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ImportRefusedError, match=words):
        take(regression(), samples=tmp_path / name)
    assert not (tmp_path / "store" / "m").exists()


def test_progress_is_told(take: Any, tmp_path: Path) -> None:
    (tmp_path / "numbers.csv").write_text("a,b,y\n" + "1,2,3\n" * 600)
    told: list[tuple[str, int, int]] = []
    take(regression(), evaluation=tmp_path / "numbers.csv", target="y", progress=lambda *what: told.append(what))
    assert told == [("reading", 0, 1), ("reading", 1, 1), *(("evaluating", done, 600) for done in (256, 512, 600))]


def test_the_next_number_is_taken_again_if_someone_else_took_it(
    take: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, others = run.write_package, []

    def late(folder: Path, *arguments: Any) -> Path:
        if folder.is_relative_to(tmp_path / "store") and not others:
            others.append(write(folder, *arguments))
        return write(folder, *arguments)

    monkeypatch.setattr(run, "write_package", late)
    assert take(regression()).version == 2
    with pytest.raises(FileExistsError, match="a version never changes"):
        take(regression(), version=2)
