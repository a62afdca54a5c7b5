"""Models of tables: written, described and asked over HTTP."""

from pathlib import Path

import numpy as np
import pytest

from model_packages import identity_network
from pyapp import create_app
from pyapp.packages import write_package

COLUMNS = [
    {"name": "age", "type": "number", "missing": "nan"},
    {"name": "country", "type": "category", "categories": ["France", "Spain"], "unknown": "index"},
    {"name": "remark", "type": "text", "missing": "empty"},
]
STEPS = [
    {"op": "one_hot", "input": "person", "drop": "first"},
    {"op": "count_words", "input": "person", "column": "remark", "vocabulary": ["good", "bad"], "norm": None},
    {"op": "impute", "input": "person", "value": 40},
]


@pytest.fixture
def models(tmp_path: Path) -> Path:
    inputs = [{"name": "person", "kind": "table", "columns": COLUMNS}]
    samples = [{"input": {"age": 1, "country": "Spain"}, "output": np.float32([1, 1, 0, 0, 0])}]
    write_package(tmp_path / "person" / "1", *identity_network(inputs, 5, STEPS), samples)
    return tmp_path


def test_a_record_is_answered_and_the_columns_are_told(models: Path) -> None:
    client = create_app({"SERVING_MODELS": models}).test_client()
    reply = client.post("/classify", json={"country": "Peru", "remark": "Good, good, bad", "age": None})
    assert reply.status_code == 200 and reply.json["values"] == [40, 0, 1, 2, 1]
    reply = client.post("/classify", data={"age": "3", "country": "Spain"})
    assert reply.json["values"] == [3, 1, 0, 0, 0]
    reply = client.post("/classify", json={"age": 1, "land": "Spain"})
    assert reply.status_code == 400 and reply.json["where"] == "/land" and "age, country, remark" in reply.json["error"]
    told = client.get("/api/models").json["models"][0]["versions"][0]["inputs"]
    assert told == [
        {
            "name": "person",
            "kind": "table",
            "shape": [3],
            "takes_image": False,
            "columns": [
                {"name": "age", "type": "number", "missing": "nan"},
                {"name": "country", "type": "category", "categories": ["France", "Spain"]},
                {"name": "remark", "type": "text", "missing": "empty"},
            ],
        }
    ]
