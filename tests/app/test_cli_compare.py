"""`flask models compare`, on the traffic that shadows have seen, and on the rows of a file."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from model_packages import dense_network, write_package, write_safetensors
from pyapp import create_app

Write = Callable[..., Path]
Rows = list[list[float]]


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, "SERVING_POLL_SECONDS": 0})


@pytest.fixture
def rows() -> Rows:
    rows: Rows = np.random.default_rng(5).normal(0, 300, (40, 4)).round(2).tolist()
    return rows


def told(runner: FlaskCliRunner, *arguments: object) -> dict[str, Any]:
    result = runner.invoke(args=["models", "compare", *map(str, arguments), "--json"])
    assert result.exit_code == 0, result.output
    (compared,) = json.loads(result.stdout)["compared"]
    found: dict[str, Any] = compared
    return found


def refused(runner: FlaskCliRunner, *arguments: object) -> str:
    result = runner.invoke(args=["models", "compare", *map(str, arguments)])
    assert result.exit_code == 1 and "Traceback" not in result.output, result.output
    return result.stderr


def labels(networks: dict[int, Any], version: int, rows: Rows) -> list[str]:
    network = networks[version]
    return [network.labels[i] for i in network.scores(rows).argmax(axis=1)]


def write_csv(path: Path, rows: Rows, truth: list[str] | None = None) -> Path:
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["a", "b", "c", "d", *(["kind"] if truth else [])])
        writer.writerows([*row, *([truth[i]] if truth else [])] for i, row in enumerate(rows))
    return path


def test_a_csv_file(runner: FlaskCliRunner, networks: dict[int, Any], rows: Rows, tmp_path: Path) -> None:
    first, second = labels(networks, 1, rows), labels(networks, 2, rows)
    agreed = sum(a == b for a, b in zip(first, second, strict=True))
    assert 0 < agreed < len(rows)
    found = told(runner, "pets", 1, 2, "--data", write_csv(tmp_path / "rows.csv", rows, first), "--target", "kind")
    assert found["versions"] == [1, 2]
    assert (found["requests"], found["rows"], found["agreement"]) == (len(rows), len(rows), agreed / len(rows))
    assert found["accuracy"] == [1.0, agreed / len(rows)]
    assert found["confusion"]["cat"].get("dog", 0) == sum(
        a == "cat" and b == "dog" for a, b in zip(first, second, strict=True)
    )
    gaps = np.abs(networks[1].scores(rows) - networks[2].scores(rows)).max(axis=1)
    assert found["mean_distance"] == pytest.approx(gaps.mean(), rel=1e-4)
    assert sum(part["rows"] for part in found["distance"]) == len(rows)
    assert found["first"]["errors"] == found["second"]["errors"] == 0
    assert 0 < found["first"]["mean_ms"] < 1000


def test_without_versions_the_default_and_the_newest_other(runner: FlaskCliRunner, rows: Rows, tmp_path: Path) -> None:
    found = told(runner, "pets", "--data", write_csv(tmp_path / "rows.csv", rows))
    assert found["versions"] == [2, 1] and found["accuracy"] is None


def test_labels_name_versions(runner: FlaskCliRunner, rows: Rows, tmp_path: Path) -> None:
    assert runner.invoke(args=["models", "label", "pets", "old", "1"]).exit_code == 0
    found = told(runner, "pets", "old", "2", "--data", write_csv(tmp_path / "rows.csv", rows))
    assert found["versions"] == [1, 2]


@pytest.mark.parametrize("form", ["bare", "input", "beside"])
def test_jsonl_files(runner: FlaskCliRunner, networks: dict[int, Any], rows: Rows, tmp_path: Path, form: str) -> None:
    truth = labels(networks, 2, rows)
    lines: list[Any] = rows
    if form != "bare":
        lines = [{"input": row, "kind": kind.upper()} for row, kind in zip(rows, truth, strict=True)]
    if form == "beside":
        lines = [{"numbers": line["input"], "kind": line["kind"]} for line in lines]
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\n\n")
    found = told(runner, "pets", 1, 2, "--data", path, *(["--target", "kind"] if form != "bare" else []))
    assert found["rows"] == len(rows)
    if form != "bare":
        assert found["accuracy"][1] == 1


def test_rows_that_are_refused_are_counted_and_told(runner: FlaskCliRunner, rows: Rows, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text("\n".join(map(json.dumps, [rows[0], [1, 2], rows[1]])))
    found = told(runner, "pets", 1, 2, "--data", path)
    assert (found["requests"], found["rows"], found["first"]["errors"]) == (3, 2, 1)
    assert found["first"]["last_error"].startswith("row 2: ")
    text = runner.invoke(args=["models", "compare", "pets", "1", "2", "--data", str(path)]).stdout
    assert "3 requests, 2 rows compared" in text and "The last error of 1: row 2: " in text
    path.write_text("[1]\n[2]\n")
    assert "no row can be answered by both: row 2: " in refused(runner, "pets", 1, 2, "--data", path)


def test_a_version_with_its_labels_in_another_order(
    store: Path, write_network: Write, runner: FlaskCliRunner, networks: dict[int, Any], rows: Rows, tmp_path: Path
) -> None:
    folder = write_network(store / "pets" / "3", 2)
    manifest = json.loads((folder / "model.json").read_text())
    manifest["outputs"][0]["labels"].reverse()
    (folder / "model.json").write_text(json.dumps(manifest))
    found = told(runner, "pets", 2, 3, "--data", write_csv(tmp_path / "rows.csv", rows))
    assert found["agreement"] == 0, "what the one calls cat, the other calls dog"
    assert found["mean_distance"] > 0
    network = networks[2]
    for name in ("scores/kernel", "scores/bias"):
        network.tensors[name] = network.tensors[name][..., ::-1].copy()
    write_safetensors(folder / "weights.safetensors", network.tensors)
    found = told(runner, "pets", 2, 3, "--data", tmp_path / "rows.csv")
    assert (found["agreement"], found["mean_distance"]) == (1, 0), "the columns are in another order, too"


def test_versions_whose_labels_differ_in_part(
    store: Path,
    write_network: Write,
    runner: FlaskCliRunner,
    networks: dict[int, Any],
    rows: Rows,
    tmp_path: Path,
) -> None:
    folder = write_network(store / "pets" / "3", 1)
    manifest = json.loads((folder / "model.json").read_text())
    truth = labels(networks, 1, rows)
    path = write_csv(tmp_path / "rows.csv", rows, ["bird" if label == "dog" else label for label in truth])
    relabel(folder, manifest, ["cat", "bird"])
    found = told(runner, "pets", 1, 3, "--data", path, "--target", "kind")
    cats, dogs = truth.count("cat"), truth.count("dog")
    assert cats and dogs
    assert found["confusion"] == {"cat": {"cat": cats}, "dog": {"bird": dogs}}
    assert found["agreement"] == cats / len(rows)
    assert found["accuracy"] == [cats / len(rows), 1]
    relabel(folder, manifest, ["fox", "bird"])
    message = refused(runner, "pets", 1, 3, "--data", path, "--target", "kind")
    assert (
        "pets 1 and 3 can't be compared: they have no label in common: the one has cat, dog, the other fox, bird"
        in message
    )


def relabel(folder: Path, manifest: dict[str, Any], labels: list[str]) -> None:
    manifest["outputs"][0]["labels"] = labels
    (folder / "model.json").write_text(json.dumps(manifest))


def test_truths_by_number(
    store: Path, write_network: Write, runner: FlaskCliRunner, networks: dict[int, Any], rows: Rows, tmp_path: Path
) -> None:
    folder = write_network(store / "pets" / "3", 1)
    numbers = [str(["cat", "dog"].index(label)) for label in labels(networks, 1, rows)]
    path = write_csv(tmp_path / "rows.csv", rows, numbers)
    assert told(runner, "pets", 1, 3, "--data", path, "--target", "kind")["accuracy"] == [1, 1]
    relabel(folder, json.loads((folder / "model.json").read_text()), ["dog", "cat"])
    message = refused(runner, "pets", 1, 3, "--data", path, "--target", "kind")
    assert "the versions number their labels differently; write the labels: cat, dog" in message


def test_labels_that_are_long_numbers_are_told_apart(runner: FlaskCliRunner, store: Path, tmp_path: Path) -> None:
    manifest, tensors = dense_network([2, 2], seed=1)
    manifest["outputs"][0]["labels"] = ["12345678", "12345679"]
    for version in (1, 2):
        write_package(store / "codes" / str(version), manifest, tensors)
    rows: Rows = np.random.default_rng(2).normal(size=(30, 2)).tolist()
    scores = np.array(rows) @ tensors["layer0/kernel"] + tensors["layer0/bias"]
    said = [manifest["outputs"][0]["labels"][i] for i in scores.argmax(axis=1)]
    assert len(set(said)) == 2
    path = tmp_path / "rows.csv"
    path.write_text("a,b,kind\n" + "".join(f"{a},{b},{kind}.0\n" for (a, b), kind in zip(rows, said, strict=True)))
    assert told(runner, "codes", 1, 2, "--data", path, "--target", "kind")["accuracy"] == [1, 1]


def test_regressions(store: Path, runner: FlaskCliRunner, tmp_path: Path, rows: Rows) -> None:
    for version in (1, 2):
        write_package(store / "price" / str(version), *dense_network([4, 1], seed=1, last="linear"))
    _, tensors = dense_network([4, 1], seed=1, last="linear")
    truth = np.array(rows) @ tensors["layer0/kernel"].astype(np.float64) + tensors["layer0/bias"]
    path = write_csv(tmp_path / "rows.csv", rows, [repr(float(value) + 2) for value in truth[:, 0]])
    found = told(runner, "price", 1, 2, "--data", path, "--target", "kind")
    assert found["agreement"] == 1
    assert found["mean_absolute_error"] == pytest.approx([2, 2], rel=1e-3)
    assert (
        "Mean abs. error"
        in runner.invoke(args=["models", "compare", "price", "1", "2", "--data", str(path), "--target", "kind"]).stdout
    )
    write_package(store / "price" / "3", *dense_network([4, 2], seed=1))
    assert "the one is a regression, the other a classification" in refused(runner, "price", 1, 3, "--data", path)


def test_what_is_refused(runner: FlaskCliRunner, rows: Rows, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "rows.csv", rows, ["cat"] * len(rows))
    strange = write_csv(tmp_path / "strange.csv", rows, ["horse"] * len(rows))
    (tmp_path / "broken.jsonl").write_text("[1, 2, 3, 4]\n{")
    (tmp_path / "empty.csv").write_text("a,b,c,d\n")
    (tmp_path / "ragged.csv").write_text("a,b,c,d\n1,2,3\n")
    for arguments, words in (
        (["--data", path], "rows.csv: 5 columns beside the target; the model takes 4"),
        (["--data", path, "--target", "species"], "row 1: no species; there is a, b, c, d, kind"),
        (["--data", strange, "--target", "kind"], "the target is 'horse' …; the labels are cat, dog"),
        (["--data", tmp_path / "broken.jsonl"], "broken.jsonl: line 2: "),
        (["--data", tmp_path / "empty.csv"], "empty.csv has no rows"),
        (["--data", tmp_path / "ragged.csv"], "don't have as many cells as the header"),
        (["--data", tmp_path / "none.csv"], "none.csv: No such file"),
        (["--data", tmp_path / "rows.xlsx"], "takes a file named .csv or .jsonl"),
    ):
        assert words in refused(runner, "pets", 1, 2, *arguments)
    assert "pets has no version 9; versions: 1, 2" in refused(runner, "pets", 1, 9, "--data", path)
    assert "pets has no label 'canary'" in refused(runner, "pets", "canary", 1)
    for wrong in (["pets", "1"], ["pets", "--target", "kind"]):
        assert runner.invoke(args=["models", "compare", *wrong]).exit_code == 2


def test_the_traffic_that_a_shadow_saw(app: Flask, client: FlaskClient, runner: FlaskCliRunner, rows: Rows) -> None:
    nothing = runner.invoke(args=["models", "compare", "pets"])
    assert nothing.exit_code == 0 and "flask models shadow pets VERSION PERCENT" in nothing.stderr
    assert runner.invoke(args=["models", "shadow", "pets", "1", "100"]).exit_code == 0
    app.extensions["serving"].watcher.look()
    for row in rows:
        assert client.post("/classify", json=row).json["version"] == 2
    assert app.extensions["serving"].observer.flush()
    found = told(runner, "pets")
    assert (found["versions"], found["requests"], found["rows"]) == ([2, 1], len(rows), len(rows))
    assert told(runner, "pets", 2, 1) == found
    text = runner.invoke(args=["models", "compare", "pets"]).stdout
    assert f"pets 2 and 1: {len(rows)} requests, {len(rows)} rows compared" in text and "They agree on" in text
    assert told(runner, "pets", 1, 2) == found, "in whichever order"
    others = runner.invoke(args=["models", "compare", "pets", "1", "9"])
    assert "These two were not compared yet (but 2 and 1 were): flask models shadow" in others.stderr
