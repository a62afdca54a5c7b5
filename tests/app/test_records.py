"""Models of several tensors take records by their inputs' names."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from model_packages import write_package
from pyapp import create_app


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    kernel = np.arange(5, dtype=np.float32)
    manifest: dict[str, Any] = {
        "format": 1,
        "task": "regression",
        "inputs": [
            {"name": "left", "kind": "tensor", "shape": [2, 2]},
            {"name": "one/half", "kind": "tensor", "shape": [1]},
        ],
        "layers": [
            {"name": "sum", "op": "dense", "inputs": ["left", "one/half"], "units": 1, "kernel": "sum/kernel"},
        ],
        "outputs": [{"name": "sum", "layer": "sum"}],
    }
    write_package(tmp_path / "models" / "two" / "1", manifest, {"sum/kernel": kernel.reshape(5, 1) + 1})
    return create_app({"SERVING_MODELS": tmp_path / "models"}).test_client()


def expected(left: list[float], one: float) -> float:
    return float(np.dot([*left, one], np.arange(5) + 1))


@pytest.mark.parametrize(
    "record",
    [
        {"left": [[1, 2], [3, 4]], "one/half": [5]},
        {"one/half": 5, "left": [1, 2, 3, 4]},
        {"left": [[[1, 2], [3, 4]]], "one/half": [[5]]},
    ],
)
def test_a_record(client: FlaskClient, record: dict[str, Any]) -> None:
    for body in (record, {"data": record}, {"data": [record]}, [record, record]):
        answer = client.post("/classify", json=body)
        assert answer.status_code == 200, answer.json
        values = [result["value"] for result in answer.json.get("results", [answer.json])]
        assert values == [expected([1, 2, 3, 4], 5)] * len(values)
        is_list = isinstance(body, list) or isinstance(body.get("data"), list)
        assert ("results" in answer.json) == is_list


def test_flat_rows_are_still_taken(client: FlaskClient) -> None:
    for body in ([1, 2, 3, 4, 5], {"data": [[1, 2, 3, 4, 5]]}):
        assert client.post("/classify", json=body).status_code == 200


def test_many_records(client: FlaskClient) -> None:
    rows = np.random.default_rng(0).integers(-9, 9, (500, 5)).tolist()
    answer = client.post("/classify", json=[{"left": row[:4], "one/half": row[4]} for row in rows])
    assert [result["value"] for result in answer.json["results"]] == [expected(row[:4], row[4]) for row in rows]


@pytest.mark.parametrize(
    ("body", "status", "where", "words"),
    [
        ({"left": [1, 2, 3, 4]}, 422, "", "the input one/half is missing; the inputs are left, one/half"),
        ({"left": [1, 2, 3, 4], "one/half": 1, "x": 2}, 400, "/x", 'unknown key "x"'),
        ([{"left": [1, 2, 3], "one/half": 1}], 422, "/0/left", "left has shape [3]; a row of it is 4"),
        ({"data": {"left": [1, 2, 3, 4], "one/half": [1, 2]}}, 422, "/data/one~1half", "a row of it is 1"),
        ([{"left": [1, 2, 3, 4], "one/half": "5"}], 422, "/0/one~1half", "string"),
        ([{"left": [1, 2, 3, 4], "one/half": 5}, 7], 400, None, "a record of the inputs"),
        ({"data": {"left": [1, 2, 3, 4], "one/half": 5}, "more": 1}, 400, None, "}"),
        ('{"left": [1,2,3,4], "left": [1,2,3,4]}', 400, "/left", "is there twice"),
        ('{"left": [1,2,3,4], "one/half": 5', 400, None, "end"),
        ({}, 422, "", "left is missing"),
    ],
)
def test_what_is_no_record(client: FlaskClient, body: Any, status: int, where: str | None, words: str) -> None:
    more = {"data": body, "content_type": "application/json"} if isinstance(body, str) else {"json": body}
    answer = client.post("/classify", **more)
    assert (answer.status_code, words in answer.json["error"]) == (status, True), answer.json
    assert where is None or answer.json.get("where", "") == where
