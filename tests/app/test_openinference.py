"""The Open Inference Protocol: MLServer's and the protocol's own requests where they are here, and ours."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from model_packages import dense_network, write_package
from pyapp import create_app

PROTOCOLS = Path(__file__).parents[3] / "shared" / "data" / "protocols"
INFER = "/v2/models/pets/infer"


def tensor(**changes: Any) -> dict[str, Any]:
    return {"name": "numbers", "shape": [1, 4], "datatype": "FP32", "data": [0.5, -1.0, 2.0, 0.25]} | changes


def infer(client: FlaskClient, body: Any, url: str = INFER) -> tuple[int, Any]:
    reply = client.post(url, data=body if isinstance(body, str | bytes) else json.dumps(body))
    assert reply.mimetype == "application/json"
    return reply.status_code, reply.json


def test_a_tensor_in_and_a_tensor_out(client: FlaskClient, networks: Any, row: list[float]) -> None:
    rows = [row, [1, 2, 3, 4]]
    expected = networks[2].scores(rows)
    for data in (rows, [*row, 1, 2, 3, 4]):
        status, reply = infer(client, {"inputs": [tensor(shape=[2, 4], data=data)]})
        assert status == 200, reply
        assert reply == {
            "model_name": "pets",
            "model_version": "2",
            "outputs": [
                {
                    "name": "scores",
                    "shape": [2, 2],
                    "datatype": "FP32",
                    "data": pytest.approx(expected.ravel().tolist(), abs=1e-6),
                }
            ],
        }


def test_id_version_and_outputs(client: FlaskClient, networks: Any, row: list[float]) -> None:
    request = {"id": '4"2', "inputs": [tensor()], "outputs": [{"name": "scores", "parameters": {"binary_data": False}}]}
    status, reply = infer(client, request, "/v2/models/pets/versions/1/infer")
    assert (status, reply["id"], reply["model_version"]) == (200, '4"2', "1")
    assert reply["outputs"][0]["data"] == pytest.approx(networks[1].scores(row).tolist(), abs=1e-6)


@pytest.mark.parametrize(
    "datatype", ["FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"]
)
def test_numbers_of_every_type(datatype: str, client: FlaskClient) -> None:
    expected = infer(client, {"inputs": [tensor(data=[1, 0, 3, 100])]})
    assert infer(client, {"inputs": [tensor(data=[1, 0, 3, 100], datatype=datatype)]}) == expected


def test_booleans(client: FlaskClient) -> None:
    expected = infer(client, {"inputs": [tensor(data=[1, 0, 1, 1])]})
    assert infer(client, {"inputs": [tensor(data=[True, False, 1, True], datatype="BOOL")]}) == expected


ERRORS: list[tuple[Any, int, list[str]]] = [
    ("", 400, ["expected an object"]),
    ("[]", 400, ["the body is an array"]),
    ("{", 400, ["byte 1"]),
    ({}, 400, ['the key "inputs" is missing']),
    ({"inputs": []}, 400, ["the input 'numbers' is missing"]),
    ({"inputs": [tensor(name="other")]}, 400, ["no input 'other'", "it has: numbers", "/inputs/0/name"]),
    ({"inputs": [tensor(), tensor()]}, 400, ["there twice"]),
    ({"inputs": [tensor(shape=[1, 5])]}, 400, ["[1,5]", "a row is 4"]),
    ({"inputs": [tensor(shape=[2, 4])]}, 400, ["4 values", "asks for 8"]),
    ({"inputs": [tensor(shape=[-1, 4])]}, 400, ["whole number from 1"]),
    ({"inputs": [tensor(datatype="BYTES")]}, 400, ["takes numbers", "BYTES", "/inputs/0/datatype"]),
    ({"inputs": [tensor(datatype="FP16")]}, 400, ["FP16 has no form in JSON", "/inputs/0/datatype"]),
    ({"inputs": [tensor(datatype="FLOAT")]}, 400, ["no datatype 'FLOAT'", "FP32"]),
    ({"inputs": [tensor(datatype="INT32", data=[16777217, 0, 0, 0])]}, 400, ["16777217", "float32", "FP64"]),
    ({"inputs": [tensor(datatype="UINT8", data=[256, 0, 0, 0])]}, 400, ["256", "UINT8 does not hold"]),
    ({"inputs": [tensor(parameters={"binary_data_size": 16})]}, 400, ["exclude each other"]),
    ({"inputs": [tensor(parameters={"shared_memory_region": "r"})]}, 400, ["shared memory is not offered"]),
    ({"inputs": [tensor()], "parameters": {"timeout": "soon"}}, 400, ["timeout must be", "/parameters/timeout"]),
    (
        {"inputs": [tensor()], "parameters": {"binary_data_output": 1}},
        400,
        ["binary_data_output must be true or false"],
    ),
    ({"inputs": [tensor()], "parameters": 5}, 400, ["/parameters is a number"]),
    ({"inputs": [tensor(datatype="INT8")]}, 400, ["0.5", "INT8"]),
    ({"inputs": [tensor(data=[1, 2, 3, None])]}, 400, ["null", "/inputs/0/data/3"]),
    ({"inputs": [tensor(data=[1, 2, 3, True])]}, 400, ["boolean", "/inputs/0/data/3"]),
    ('{"inputs": [{"data": [NaN]}]}', 400, ["NaN"]),
    ({"inputs": [tensor()], "outputs": [{"name": "box"}]}, 400, ["no output 'box'", "it has: scores"]),
    (
        {"inputs": [tensor()], "outputs": [{"name": "scores", "parameters": {"classification": -1}}]},
        400,
        ["classification must be a whole number", "/outputs/0/parameters/classification"],
    ),
    ({"inputs": [tensor()], "id": 5}, 400, ["/id is a number"]),
]


@pytest.mark.parametrize(("body", "status", "words"), ERRORS)
def test_errors(body: Any, status: int, words: list[str], client: FlaskClient) -> None:
    before = infer(client, {"inputs": [tensor()]})
    got, reply = infer(client, body)
    assert (got, list(reply)) == (status, ["error"]), reply
    for word in words:
        assert word in reply["error"]
    assert infer(client, {"inputs": [tensor()]}) == before


def test_the_body_without_the_header_must_be_json(client: FlaskClient) -> None:
    body = json.dumps({"inputs": [tensor()]})
    assert client.post(INFER, data=body, content_type="application/octet-stream").status_code == 415


def test_an_answer_that_json_cannot_hold(tmp_path: Path) -> None:
    write_package(tmp_path / "big" / "1", *dense_network((1, 1), last="linear"))
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    status, reply = infer(
        client, '{"inputs": [{"name": "x", "shape": [1], "datatype": "FP32", "data": [1e999]}]}', "/v2/models/big/infer"
    )
    assert status == 400
    assert "infinite" in reply["error"]


def test_unknown_models_versions_and_verbs(client: FlaskClient) -> None:
    for url in ("/v2/models/fish/infer", "/v2/models/pets/versions/3/infer"):
        status, reply = infer(client, {"inputs": [tensor()]}, url)
        assert (status, list(reply)) == (404, ["error"])
    assert client.get(INFER).status_code == 405
    assert client.post("/v2/models/pets").status_code == 405
    assert client.get("/v2/nothing").status_code == 404
    assert client.get(f"/v2/models/pets/versions/{'1' * 5000}").status_code == 404


def test_health(client: FlaskClient, tmp_path: Path) -> None:
    assert client.get("/v2/health/live").json == {"live": True}
    ready = client.get("/v2/health/ready")
    assert (ready.status_code, ready.json) == (200, {"ready": True})
    (tmp_path / "empty").mkdir()
    empty = create_app({"SERVING_MODELS": tmp_path / "empty"}).test_client()
    assert empty.get("/v2/health/live").status_code == 200
    ready = empty.get("/v2/health/ready")
    assert (ready.status_code, ready.json) == (400, {"ready": False})


def test_a_models_health(store: Path) -> None:
    (store / "pets" / "3").mkdir()
    client = create_app({"SERVING_MODELS": store}).test_client()
    for url, status, ready in (
        ("/v2/models/pets/ready", 200, True),
        ("/v2/models/pets/versions/1/ready", 200, True),
        ("/v2/models/pets/versions/3/ready", 400, False),
    ):
        reply = client.get(url)
        assert (reply.status_code, reply.json) == (status, {"name": "pets", "ready": ready})
    assert client.get("/v2/models/fish/ready").status_code == 404


def test_metadata(client: FlaskClient) -> None:
    server = client.get("/v2").json
    assert server["name"] == "flask-serving"
    assert "binary_tensor_data" in server["extensions"]
    assert client.get("/v2/").json == server
    for url, version in (("/v2/models/pets", "2"), ("/v2/models/pets/versions/1", "1")):
        reply = client.get(url)
        assert reply.headers["X-Model-Version"] == version
        assert reply.json == {
            "name": "pets",
            "versions": ["1", "2"],
            "platform": "flaskserving_safetensors",
            "inputs": [{"name": "numbers", "datatype": "FP32", "shape": [-1, 4]}],
            "outputs": [{"name": "scores", "datatype": "FP32", "shape": [-1, 2]}],
        }
    assert client.get("/v2/models/fish").status_code == 404


def test_configuration(client: FlaskClient) -> None:
    reply = client.get("/v2/models/pets/versions/1/config").json
    assert reply["input"] == [{"name": "numbers", "data_type": "TYPE_FP32", "dims": [4]}]
    assert reply["output"] == [{"name": "scores", "data_type": "TYPE_FP32", "dims": [2]}]
    assert reply["max_batch_size"] == 64


@pytest.mark.parametrize(("classes", "expected"), [(1, 1), (2, 2), (9, 2)])
def test_classification(classes: int, expected: int, client: FlaskClient, networks: Any, row: list[float]) -> None:
    body = {"inputs": [tensor()], "outputs": [{"name": "scores", "parameters": {"classification": classes}}]}
    status, reply = infer(client, body)
    assert status == 200, reply
    (output,) = reply["outputs"]
    assert (output["datatype"], output["shape"]) == ("BYTES", [1, expected])
    scores = networks[2].scores(row)
    best = np.argsort(-scores, kind="stable")[:expected]
    for text, index in zip(output["data"], best, strict=True):
        value, place, label = text.split(":")
        assert float(value) == pytest.approx(float(scores[index]), abs=1e-6)
        assert (int(place), label) == (index, ("cat", "dog")[index])


def test_a_request_that_sets_its_own_time(client: FlaskClient) -> None:
    fine = {"inputs": [tensor()], "parameters": {"timeout": 20_000_000, "priority": 2, "mine": {"a": [1]}}}
    assert infer(client, fine)[0] == 200
    status, reply = infer(client, {"inputs": [tensor()], "parameters": {"timeout": 1}})
    assert (status, list(reply)) == (504, ["error"])


# ------------------------------------------------------------------------------------------------------------ corpus

# Ours, in the forms of MLServer's tests and of the protocol's examples.
REQUESTS = [
    {"inputs": [{"name": "input-0", "shape": [1, 3], "datatype": "INT32", "data": [[1, 2, 3]]}]},
    {
        "inputs": [{"name": "a", "shape": [3], "datatype": "FP64", "data": [1, 2, 3]}],
        "parameters": {"content_type": "np"},
    },
    {
        "id": "42",
        "inputs": [
            {"name": "input0", "shape": [2, 2], "datatype": "UINT32", "data": [1, 2, 3, 4]},
            {"name": "input1", "shape": [2], "datatype": "BOOL", "data": [True, False]},
        ],
        "outputs": [{"name": "output0"}],
    },
]


def documented() -> list[Any]:
    """Every request of the corpora that is made of numbers, parsed."""
    found = []
    for file in sorted(PROTOCOLS.glob("mlserver-requests/*.json")):
        if file.name != "meta.json":
            try:
                found.append(json.loads(file.read_text()))
            except ValueError:  # "0." is no JSON number; one of them has 64 of those
                continue
    for file in sorted(PROTOCOLS.glob("*-documents/examples.jsonl")):
        found += [json.loads(line).get("json") for line in file.read_text().splitlines()]
    return [request for request in found if is_numeric(request)]


def is_numeric(request: Any) -> bool:
    inputs = request.get("inputs") if isinstance(request, dict) else None
    return isinstance(inputs, list) and bool(inputs) and all("data" in i and i["datatype"] != "BYTES" for i in inputs)


@pytest.mark.parametrize("request_", REQUESTS + documented(), ids=lambda request: json.dumps(request)[:60])
def test_requests_as_others_send_them(request_: dict[str, Any], tmp_path: Path) -> None:
    """A model whose inputs are those of the request answers each output that is asked for with the sum of a row."""
    sizes = {item["name"]: np.size(item["data"]) for item in request_["inputs"]}
    shape = request_["inputs"][0]["shape"]
    rows = shape[0] if len(sizes) > 1 or len(shape) > 1 else 1  # [3] alone is one row
    consistent = all(np.prod(item["shape"]) == np.size(item["data"]) for item in request_["inputs"])
    features = {name: max(1, size // rows) for name, size in sizes.items()}
    asked = [item["name"] for item in request_.get("outputs", [])] or ["predict"]
    inputs = [{"name": name, "kind": "tensor", "shape": [size]} for name, size in features.items()]
    layers: list[dict[str, Any]] = [{"name": "all", "op": "concatenate", "inputs": list(features)}]
    if len(features) == 1:
        layers = []
    source = "all" if layers else next(iter(features))
    layers.append({"name": "sum", "op": "dense", "inputs": [source], "units": 1, "kernel": "ones"})
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": inputs,
        "layers": layers,
        "outputs": [{"name": name, "layer": "sum"} for name in [*asked, "more"]],
    }
    write_package(tmp_path / "sum" / "1", manifest, {"ones": np.ones((sum(features.values()), 1), np.float32)})
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    status, reply = infer(client, request_, "/v2/models/sum/infer")
    if not consistent:  # the protocol's own example has a shape of [3] with one element
        assert (status, "asks for" in reply["error"] or "must agree" in reply["error"]) == (400, True)
        return
    assert status == 200, reply
    assert reply.get("id") == request_.get("id")
    expected = [name for name in asked if "outputs" in request_] or [*asked, "more"]
    assert [output["name"] for output in reply["outputs"]] == expected
    if any("classification" in item.get("parameters", {}) for item in request_.get("outputs", [])):
        assert all(output["datatype"] == "BYTES" for output in reply["outputs"])
        return
    total = sum(np.asarray(item["data"], np.float32).reshape(rows, -1).sum(axis=1) for item in request_["inputs"])
    for output in reply["outputs"]:
        assert output["shape"] == [rows, 1]
        assert output["data"] == pytest.approx(np.ravel(total).tolist())
