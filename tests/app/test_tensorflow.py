"""TensorFlow Serving's REST API: its own test corpus where it is here, and what it does not cover."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from model_packages import dense_network, write_package
from pyapp import Serving, create_app

CORPUS = Path(__file__).parents[3] / "shared" / "data" / "protocols" / "tfserving-tests"
PREDICT = "/v1/models/pets:predict"


def post(client: FlaskClient, url: str, body: Any) -> tuple[int, Any]:
    reply = client.post(url, data=body if isinstance(body, str | bytes) else json.dumps(body))
    assert reply.mimetype == "application/json"
    return reply.status_code, json.loads(reply.data)


def close(values: Any) -> Any:
    return pytest.approx(np.asarray(values).tolist(), abs=1e-6)


def test_rows(client: FlaskClient, networks: Any, row: list[float]) -> None:
    rows = [row, [1, 2, 3, 4], [-1, 0, 0, 1]]
    status, reply = post(client, PREDICT, {"instances": rows})
    assert (status, list(reply)) == (200, ["predictions"])
    for got, expected in zip(reply["predictions"], networks[2].scores(rows), strict=True):
        assert got == close(expected)
    objects = {"signature_name": "serving_default", "instances": [{"numbers": values} for values in rows]}
    assert post(client, PREDICT, objects) == (200, reply)


def test_columns(client: FlaskClient, row: list[float]) -> None:
    _, by_rows = post(client, PREDICT, {"instances": [row, row]})
    status, reply = post(client, PREDICT, {"inputs": [row, row]})
    assert (status, reply) == (200, {"outputs": by_rows["predictions"]})
    assert post(client, PREDICT, {"inputs": {"numbers": [row, row]}}) == (200, reply)


def test_a_version(client: FlaskClient, networks: Any, row: list[float]) -> None:
    for version in (1, 2):
        reply = client.post(f"/v1/models/pets/versions/{version}:predict", json={"instances": [row]})
        assert reply.json["predictions"][0] == close(networks[version].scores(row))
        assert reply.headers["X-Model-Version"] == str(version)


def test_what_is_no_number_is_answered_with_what_is_none(client: FlaskClient) -> None:
    reply = client.post(PREDICT, data='{"instances": [[NaN, 1, 2, -Infinity]]}')
    assert reply.status_code == 200
    assert "NaN" in reply.text


ERRORS: list[tuple[str, Any, int, list[str]]] = [
    (PREDICT, "", 400, ["JSON Parse error: The document is empty"]),
    (PREDICT, "[1]", 400, ["expected an object"]),
    (PREDICT, '{"instances": [[1, 2, 3, 4]]', 400, ["byte 28"]),
    (PREDICT, {"instances": [[1, 2, 3]]}, 400, ["element: 0", "Expecting shape [4] but got: [3]", "/instances/0"]),
    (PREDICT, {"instances": [[1, 2, 3, "x"]]}, 400, ["element: 0", "not of expected type: float", "/instances/0/3"]),
    (PREDICT, {"instances": [{"b64": "aGk="}]}, 400, ["base64", "not of expected type: float"]),
    (PREDICT, {"instances": [{"other": [1, 2, 3, 4]}]}, 400, ["does not have named input: other"]),
    (PREDICT, {"inputs": {"other": [[1, 2, 3, 4]]}}, 400, ["Missing named input: numbers"]),
    (PREDICT, {}, 400, ["Missing 'inputs' or 'instances' key"]),
    (PREDICT, {"instances": [[1, 2, 3, 4]], "signature_name": "x"}, 400, ["serving_default"]),
    # The body is read before the model is looked for.
    ("/v1/models/fish:predict", "", 400, ["JSON Parse error"]),
    ("/v1/models/fish:predict", b"\xff", 400, ["JSON Parse error"]),
    ("/v1/models/fish:predict", "[" * 100_000, 400, ["JSON Parse error"]),
    ("/v1/models/fish:predict", "[]", 400, ["not an object"]),
    ("/v1/models/fish:predict", {"signature_name": 5}, 400, ["must be a string value"]),
    (
        "/v1/models/fish:predict",
        ' {"instances": [NaN]} x',
        404,
        ["Servable not found for request: Latest(fish)", "pets"],
    ),
    ("/v1/models/pets/versions/7:predict", {}, 404, ["Servable not found for request: Specific(pets, 7)", "1, 2"]),
    ("/v1/models/pets/versions/two:predict", {}, 400, ["Malformed request: POST /v1/models/pets/versions/two:predict"]),
    (f"/v1/models/pets/versions/{'9' * 5000}:predict", {}, 400, ["Malformed request"]),
    ("/v1/models/pets:guess", {}, 400, ["Malformed request: POST /v1/models/pets:guess"]),
    ("/v1/models/pets", {}, 400, ["Malformed request: POST /v1/models/pets"]),
    ("/v1", {}, 400, ["Malformed request: POST /v1"]),
    ("/V1/models", {}, 400, ["Malformed request: POST /V1/models"]),
    (PREDICT, "null", 400, ["unexpected null; expected an object"]),
    # To TensorFlow Serving an unknown label is a bad argument, whatever the model.
    ("/v1/models/pets/labels/best:predict", {}, 400, ["Unrecognized servable version label: best", "labels: none"]),
    ("/v1/models/fish/labels/best:predict", {}, 400, ["Unrecognized servable version label: best", "pets"]),
    ("/v1/models/pets/labels/best:predict", "", 400, ["JSON Parse error"]),
    (f"/v1/models/pets/versions/{2**63 - 1}:predict", {}, 404, ["Specific(pets, 9223372036854775807)"]),
    (f"/v1/models/pets/versions/{'9' * 20}:predict", {}, 400, ["Malformed request"]),
    # Of classify and regress all but the features is checked before the model, too.
    ("/v1/models/fish:classify", {}, 400, ["key 'examples' is expected"]),
    ("/v1/models/fish:classify", {"examples": {}}, 400, ["to be a list"]),
    ("/v1/models/fish:regress", {"examples": []}, 400, ["No values in 'examples'"]),
    ("/v1/models/fish:regress", {"examples": [{}, 5]}, 400, ["element: 1"]),
    ("/v1/models/fish:regress", {"examples": [{}], "context": 5}, 400, ["'context'"]),
    ("/v1/models/fish:regress", {"examples": [{"a": 1}], "context": {}}, 404, ["Servable not found"]),
    ("/v1/models/pets:regress", "", 400, ["The document is empty"]),
    ("/v1/models/pets:regress", {"examples": [{"numbers": [1, 2, 3, 4]}]}, 400, ["Expected regression signature"]),
]


@pytest.mark.parametrize(("url", "body", "status", "words"), ERRORS)
def test_errors(url: str, body: Any, status: int, words: list[str], client: FlaskClient, row: list[float]) -> None:
    before = post(client, PREDICT, {"instances": [row]})
    got, reply = post(client, url, body)
    assert (got, list(reply)) == (status, ["error"]), reply
    for word in words:
        assert word in reply["error"]
    assert post(client, PREDICT, {"instances": [row]}) == before


@pytest.mark.parametrize(
    ("method", "url", "message"),
    [
        ("GET", "/v1/", "Malformed request: GET /v1/"),
        ("GET", PREDICT, f"Malformed request: GET {PREDICT}"),
        ("DELETE", "/v1/models/pets", "Malformed request: DELETE /v1/models/pets"),
        ("PUT", "/v1/models/pets/metadata", "Malformed request: PUT /v1/models/pets/metadata"),
        ("GET", "/v1/models/pets/metadata/x", "Malformed request: GET /v1/models/pets/metadata/x"),
        ("GET", "/V1", "Malformed request: GET /V1"),
        ("DELETE", "/V1/Models/pets", "Malformed request: DELETE /V1/Models/pets"),
        ("OPTIONS", "/v1/models/pets", "Malformed request: OPTIONS /v1/models/pets"),
        ("PROPFIND", "/v1/models/pets", "Malformed request: PROPFIND /v1/models/pets"),
        ("TRACE", PREDICT, f"Malformed request: TRACE {PREDICT}"),
    ],
)
def test_whatever_is_no_request_is_a_400(method: str, url: str, message: str, client: FlaskClient) -> None:
    reply = client.open(url, method=method)
    assert (reply.status_code, reply.json) == (400, {"error": message})


@pytest.mark.parametrize(
    ("method", "url", "plain"),
    [
        ("POST", "/V1/Models/pets:Predict", PREDICT),
        ("POST", "/v1/MODELS/pets/VERSIONS/1:PREDICT", "/v1/models/pets/versions/1:predict"),
        ("POST", "/v1/models/PETS:PREDICT", "/v1/models/PETS:predict"),
        ("GET", "/V1/models", "/v1/models"),
        ("GET", "/v1/Models/pets/Versions/1", "/v1/models/pets/versions/1"),
        ("GET", "/v1/models/pets/METADATA", "/v1/models/pets/metadata"),
        ("GET", "/v1/models/pets/Labels/best", "/v1/models/pets/labels/best"),
        ("GET", "/v1/models/Versions", "/v1/models/Versions"),
    ],
)
def test_words_of_paths_are_in_any_case(method: str, url: str, plain: str, client: FlaskClient, row: Any) -> None:
    def ask(path: str) -> Any:
        reply = client.open(path, method=method, data=json.dumps({"instances": [row]}) if method == "POST" else None)
        return reply.status_code, reply.json, reply.headers.get("X-Model-Version")

    assert ask(url) == ask(plain)
    assert ask(url)[0] in ((200, 404) if "PETS" in url or "/models/Versions" in url else (200, 400))


def test_words_of_paths_in_another_app(store: Path, row: list[float]) -> None:
    app = Flask(__name__)
    Serving(app, url_prefix="/v1/ml", config={"SERVING_MODELS": store})
    client = app.test_client()
    for path in ("/v1/ml/v1/models/pets:predict", "/v1/ml/V1/Models/pets:Predict"):
        assert client.post(path, json={"instances": [row]}).status_code == 200
    assert client.options("/v1/ml/v1/models").json == {"error": "Malformed request: OPTIONS /v1/ml/v1/models"}


def test_no_way_around_the_key(store: Path, row: list[float]) -> None:
    client = create_app({"SERVING_MODELS": store, "SERVING_API_KEYS": "k" * 16}).test_client()
    for path in (PREDICT, "/V1/Models/pets:predict"):
        assert client.post(path, json={"instances": [row]}).status_code == 401
        assert client.post(path, json={"instances": [row]}, headers={"X-API-Key": "k" * 16}).status_code == 200


def state(version: int, ok: bool = True, reason: str = "") -> dict[str, Any]:
    return {
        "version": str(version),
        "state": "AVAILABLE" if ok else "END",
        "status": {"error_code": "OK" if ok else "FAILED_PRECONDITION", "error_message": reason},
    }


def test_status(client: FlaskClient) -> None:
    assert client.get("/v1/models/pets").json == {"model_version_status": [state(2), state(1)], "ready": True}
    assert client.get("/v1/models/pets/versions/1").json == {"model_version_status": [state(1)]}
    for url, message in (
        ("/v1/models/fish", "Could not find any versions of model fish"),
        ("/v1/models/pets/versions/3", "Could not find version 3 of model pets"),
        ("/v1/models/fish/versions/3", "Could not find version 3 of model fish"),
        ("/v1/models/fish/metadata", "Servable not found for request: Latest(fish)"),
        ("/v1/models/fish/versions/3/metadata", "Servable not found for request: Specific(fish, 3)"),
    ):
        reply = client.get(url)
        assert (reply.status_code, reply.json) == (404, {"error": message})


def test_status_of_a_version_that_failed(store: Path) -> None:
    (store / "pets" / "3").mkdir()
    for name in ("model.json", "weights.safetensors"):
        (store / "pets" / "3" / name).write_text("no JSON")
    client = create_app({"SERVING_MODELS": store}).test_client()
    newest, *others = client.get("/v1/models/pets").json["model_version_status"]
    assert newest == state(3, ok=False, reason=newest["status"]["error_message"])
    assert "model.json" in newest["status"]["error_message"]
    assert others == [state(2), state(1)]
    assert client.get("/v1/models/pets/versions/3/metadata").status_code == 503
    assert client.get("/v1/models/pets/metadata").json["model_spec"]["version"] == "2"


def test_a_model_of_which_no_version_can_answer_is_not_ready(tmp_path: Path) -> None:
    (tmp_path / "pets" / "1").mkdir(parents=True)
    (tmp_path / "pets" / "1" / "model.json").write_text("no JSON")
    (tmp_path / "pets" / "1" / "weights.safetensors").write_text("no JSON")
    reply = create_app({"SERVING_MODELS": tmp_path}).test_client().get("/v1/models/pets")
    assert (reply.status_code, reply.json["ready"]) == (200, False)


def test_metadata(client: FlaskClient) -> None:
    def tensor(name: str, *sizes: str, dtype: str = "DT_FLOAT") -> dict[str, Any]:
        shape = {"dim": [{"size": size, "name": ""} for size in sizes], "unknown_rank": False}
        return {"dtype": dtype, "tensor_shape": shape, "name": name}

    signature = {
        "inputs": {"numbers": tensor("numbers", "-1", "4")},
        "outputs": {"scores": tensor("scores", "-1", "2")},
        "method_name": "tensorflow/serving/predict",
    }
    classify = signature | {
        "outputs": {"classes": tensor("classes", "-1", "2", dtype="DT_STRING"), "scores": tensor("scores", "-1", "2")},
        "method_name": "tensorflow/serving/classify",
    }
    signatures = {"serving_default": signature, "tensorflow/serving/classify": classify}
    for url, version in (("/v1/models/pets/metadata", "2"), ("/v1/models/pets/versions/1/metadata", "1")):
        reply = client.get(url)
        assert reply.headers["X-Model-Version"] == version
        assert reply.json == {
            "model_spec": {"name": "pets", "signature_name": "", "version": version},
            "metadata": {"signature_def": {"signature_def": signatures}},
        }
    assert client.get("/v1/models/fish/metadata").status_code == 404


def test_the_list_of_models(client: FlaskClient) -> None:
    reply = client.get("/v1/models").json
    assert reply["models"] == ["pets"]
    (detail,) = reply["details"]
    assert (detail["default"], detail["labels"]) == ("2", {})
    assert detail["versions"] == [{"version": n, "state": "AVAILABLE"} for n in ("2", "1")]


# ------------------------------------------------------------------------------------------------- classify, regress


def test_classify(client: FlaskClient, networks: Any, row: list[float]) -> None:
    body = {"examples": [{"numbers": row}, {"numbers": [1, 2, 3, 4]}]}
    for url, version in (("/v1/models/pets:classify", 2), ("/v1/models/pets/versions/1:classify", 1)):
        reply = client.post(url, json=body)
        assert reply.status_code == 200, reply.json
        assert reply.headers["X-Model-Version"] == str(version)
        expected = networks[version].scores([row, [1, 2, 3, 4]])
        for got, scores in zip(reply.json["results"], expected, strict=True):
            assert [label for label, _ in got] == ["cat", "dog"]
            assert [score for _, score in got] == close(scores)


def test_the_context_is_every_examples(tmp_path: Path) -> None:
    inputs = [{"name": name, "kind": "tensor", "shape": [2]} for name in ("mine", "ours")]
    manifest = {
        "format": 1,
        "task": "regression",
        "inputs": inputs,
        "layers": [
            {"name": "all", "op": "concatenate", "inputs": ["mine", "ours"]},
            {"name": "sum", "op": "dense", "inputs": ["all"], "units": 1, "kernel": "k"},
        ],
        "outputs": [{"name": "sum", "layer": "sum"}],
    }
    write_package(tmp_path / "sum" / "1", manifest, {"k": np.float32([[1], [10], [100], [1000]])})
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    url = "/v1/models/sum:regress"
    examples = [{"mine": [1, 2]}, {"mine": [3, 4.5]}]
    body = {"examples": examples, "context": {"ours": [5, 6]}, "signature_name": "tensorflow/serving/regress"}
    assert post(client, url, body) == (200, {"results": [6521.0, 6548.0]})
    assert post(client, url, {"examples": [examples[0] | {"ours": [5, 6]}]}) == (200, {"results": [6521.0]})
    for wrong, words in (
        ({"examples": [{"mine": [1, 2], "ours": [5, 6]}], "context": {"ours": [5, 6]}}, "in 'context', too"),
        ({"examples": [{"mine": [1, 2]}]}, "the feature ours is missing"),
        ({"examples": [{"mine": [1, 2, 3]}], "context": {"ours": [5, 6]}}, "Expecting shape [2] but got: [3]"),
        ({"examples": [{"mine": None}]}, "can't be null"),
        ({"examples": [{"yours": 5}]}, "does not have named input: yours"),
        ({"examples": [5]}, "an example to be an object"),
        ({"examples": [], "context": {"ours": [5, 6]}}, "No values in 'examples'"),
        ({"examples": examples, "context": []}, "Expecting 'context' to be an object"),
        ({"instances": [1]}, "key 'examples' is expected"),
        ({"examples": examples, "signature_name": "mine"}, 'Serving signature name: "mine" not found'),
        ({"examples": examples, "signature_name": 5}, "must be a string value"),
        ({"examples": {}}, "Expecting 'examples' to be a list"),
        ('{"examples": [{"mine": [1, 2]]}', "byte 29"),
        ("", "The document is empty"),
    ):
        status, reply = post(client, url, wrong)
        assert (status, list(reply)) == (400, ["error"]), (wrong, reply)
        assert words in reply["error"], wrong


def test_a_model_is_asked_for_what_it_can(client: FlaskClient, half_plus_two: FlaskClient, row: list[float]) -> None:
    status, reply = post(client, "/v1/models/pets:regress", {"examples": [{"numbers": row}]})
    assert (status, "Expected regression signature" in reply["error"]) == (400, True)
    status, reply = post(half_plus_two, "/v1/models/half:classify", {"examples": [{"x": 1.0}]})
    assert (status, "Expected classification signature" in reply["error"]) == (400, True)


# ------------------------------------------------------------------------------------------------------------ corpus


def identity(folder: Path, shapes: dict[str, list[int]]) -> None:
    """A model that answers each input with its own numbers."""
    layers, outputs, tensors = [], [], {}
    for name, shape in shapes.items():
        size = int(np.prod(shape))
        tensors[f"{name}/kernel"] = np.eye(size, dtype=np.float32)
        layers.append(
            {"name": f"{name}_same", "op": "dense", "inputs": [name], "units": size, "kernel": f"{name}/kernel"}
        )
        outputs.append({"name": name, "layer": f"{name}_same"})
    inputs = [{"name": name, "kind": "tensor", "shape": shape} for name, shape in shapes.items()]
    manifest = {"format": 1, "task": "regression", "inputs": inputs, "layers": layers, "outputs": outputs}
    write_package(folder, manifest, tensors)


@pytest.fixture
def half_plus_two(tmp_path: Path) -> FlaskClient:
    """The model of TensorFlow Serving's tests: x / 2 + 2."""
    manifest, tensors = dense_network((1, 1), last="linear")
    tensors = {"layer0/kernel": np.float32([[0.5]]), "layer0/bias": np.float32([2])}
    write_package(tmp_path / "half" / "1", manifest, tensors)
    return create_app({"SERVING_MODELS": tmp_path}).test_client()


def corpus(name: str) -> list[dict[str, Any]]:
    if not CORPUS.exists():
        return []
    return [json.loads(line) for line in (CORPUS / name).read_text().splitlines()]


# Small cases of the same kinds, for where the corpus is not: ours, in its form.
OURS = [
    {"body": '{"instances": [1.0, 5]}', "accepted": True, "answer": '{"predictions": [2.5, 4.5]}'},
    {"body": '{"instances": [[1.0], [5]]}', "accepted": True, "answer": '{"predictions": [[2.5], [4.5]]}'},
    {"body": '{"instances": [{"x": 1.0}]}', "accepted": True, "answer": '{"predictions": [2.5]}'},
    {"body": '{"inputs": [1.0, 5]}', "accepted": True, "answer": '{"outputs": [2.5, 4.5]}'},
    {"body": '{"instances": ["a"]}', "accepted": False, "message contains": ["not of expected type: float"]},
]


@pytest.mark.parametrize("case", OURS + [c for c in corpus("http.jsonl") if "instances" in c["body"]])
def test_half_plus_two(case: dict[str, Any], half_plus_two: FlaskClient) -> None:
    status, reply = post(half_plus_two, "/v1/models/half:predict", case["body"])
    assert (status == 200) == case["accepted"], reply
    if case["accepted"]:
        assert reply == json.loads(case["answer"])
    for words in case.get("message contains", []):
        assert words in reply["error"]


@pytest.mark.parametrize("case", [c for c in corpus("http.jsonl") if c["test"] == "Regress"])
def test_half_plus_two_regresses(case: dict[str, Any], half_plus_two: FlaskClient) -> None:
    """The cases name a signature of that model's; ours has the one of its method."""
    body = case["body"].replace("regress_x_to_y", "tensorflow/serving/regress")
    assert post(half_plus_two, "/v1/models/half:regress", body) == (200, json.loads(case["answer"]))


def meant(text: str) -> list[float]:
    """The numbers of a text protobuf tensor."""
    words = text.split()
    return [float(value) for name, value in zip(words, words[1:], strict=False) if name.endswith("_val:")]


def fits_floats(case: dict[str, Any]) -> bool:
    """Written for numbers (TensorFlow's integers are ours too), and not for C++ (a buffer without NUL)."""
    return "STRING" not in str(case["signature"]) and case["test"] != "TensorFromNonNullTerminatedBuffer"


@pytest.mark.skipif(not CORPUS.exists(), reason="TensorFlow Serving's cases are not here")
def test_the_corpus_of_tensors(tmp_path: Path) -> None:
    cases = [case for case in corpus("json_tensor.jsonl") if fits_floats(case)]
    for number, case in enumerate(cases):
        (name,) = case["signature"]
        shape = [1]
        if case["accepted"]:
            body = json.loads(case["body"])
            rows = body.get("instances") or body["inputs"]
            shape = list(np.asarray(rows, np.float32).shape[1:]) or [1]
        elif "[[1,2]" in case["body"]:
            shape = [2]
        identity(tmp_path / f"case{number}" / "1", {name: shape})
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    for number, case in enumerate(cases):
        status, reply = post(client, f"/v1/models/case{number}:predict", case["body"])
        assert (status == 200) == case["accepted"], (case, reply)
        for words in case.get("message contains", []):
            assert words in reply["error"]
        if case["accepted"]:
            (values,) = reply.values()
            assert np.asarray(values, np.float32).ravel().tolist() == np.float32(meant(case["meant"])).tolist()
    assert len(cases) >= 7


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    shapes = {"flags": [3, 2], "signal": [2], "x": [1]}
    identity(tmp_path / "named" / "1", shapes)
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    first = {"flags": [[1, 2], [3, 4], [5, 6]], "signal": [1.0, 7], "x": [8]}
    second = {"signal": [2.0, 0.5], "x": [9], "flags": [[7, 8], [9, 0], [1, 2]]}
    status, reply = post(client, "/v1/models/named:predict", {"instances": [first, second]})
    flat = [{name: np.ravel(item[name]).tolist() for name in shapes} for item in (first, second)]
    assert (status, reply) == (200, {"predictions": flat})
    columns = {name: [first[name], second[name]] for name in ("x", "flags", "signal")}
    status, reply = post(client, "/v1/models/named:predict", {"inputs": columns})
    assert (status, reply) == (200, {"outputs": {name: [item[name] for item in flat] for name in shapes}})
    deeper = second | {"flags": [[[7, 8], [9, 0], [1, 2]]]}
    for wrong, words in (
        ([first, deeper], "element: 1 key: flags of 'instances' list. Error: Expecting shape [3,2] but got: [1,3,2]"),
        ([first, [1, 20, 30], second], "Expecting object but got list at item 1"),
        ([[1, 2, 3]], "expecting list of objects"),
        ([first, {"x": [1], "signal": [1, 2]}], "must have the keys: flags, signal, x"),
    ):
        status, reply = post(client, "/v1/models/named:predict", {"instances": wrong})
        assert status == 400
        assert words in reply["error"]


def test_many_rows_are_a_413_by_their_number(store: Path, row: list[float]) -> None:
    client = create_app({"SERVING_MODELS": store, "SERVING_MAX_REQUEST_ROWS": 3}).test_client()
    for form in (lambda n: {"instances": [row] * n}, lambda n: {"instances": [{"numbers": row}] * n}):
        make: Callable[[int], Any] = form
        assert post(client, PREDICT, make(3))[0] == 200
        assert post(client, PREDICT, make(4))[0] == 413
