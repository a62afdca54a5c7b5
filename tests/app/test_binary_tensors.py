"""Open Inference's binary tensors, both ways; tables and texts in both protocols; compressed bodies."""

import gzip
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskClient

from model_packages import identity_network, write_package
from pyapp import create_app

SIZE = "Inference-Header-Content-Length"
INFER = "/v2/models/pets/infer"


def ask(client: FlaskClient, url: str, request: dict[str, Any], *parts: bytes) -> tuple[int, Any, bytes]:
    """Status, JSON and what follows it."""
    head = json.dumps(request).encode()
    reply = client.post(url, data=head + b"".join(parts), headers={SIZE: str(len(head))})
    size = int(reply.headers.get(SIZE, len(reply.data)))
    assert reply.mimetype == ("application/octet-stream" if SIZE in reply.headers else "application/json")
    return reply.status_code, json.loads(reply.data[:size]), reply.data[size:]


def tensor(values: Any, datatype: str = "FP32", name: str = "numbers") -> tuple[dict[str, Any], bytes]:
    array = np.asarray(values)
    data = array.tobytes() if datatype != "BYTES" else b"".join(map(counted, array.ravel().tolist()))
    entry = {"name": name, "shape": list(array.shape), "datatype": datatype}
    return entry | {"parameters": {"binary_data_size": len(data)}}, data


def counted(text: str) -> bytes:
    return struct.pack("<I", len(text.encode())) + text.encode()


DTYPES = {
    "FP16": np.float16, "FP32": np.float32, "FP64": np.float64, "BOOL": np.bool_,
    "INT8": np.int8, "INT16": np.int16, "INT32": np.int32, "INT64": np.int64,
    "UINT8": np.uint8, "UINT16": np.uint16, "UINT32": np.uint32, "UINT64": np.uint64,
}  # fmt: skip


@pytest.mark.parametrize("datatype", DTYPES)
def test_every_datatype(datatype: str, client: FlaskClient, networks: Any) -> None:
    rows = np.array([[1, 0, 1, 1], [0, 1, 0, 0]], DTYPES[datatype])
    entry, data = tensor(rows, datatype)
    status, reply, binary = ask(client, INFER, {"inputs": [entry], "parameters": {"binary_data_output": True}}, data)
    assert status == 200, reply
    (output,) = reply["outputs"]
    assert output == {"name": "scores", "shape": [2, 2], "datatype": "FP32", "parameters": {"binary_data_size": 16}}
    assert np.frombuffer(binary, "<f4").reshape(2, 2) == pytest.approx(networks[2].scores(rows), abs=1e-6)


@pytest.mark.parametrize("datatype", ["FP16", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT64"])
def test_what_float32_holds_arrives_as_it_was(datatype: str, tmp_path: Path) -> None:
    write_package(tmp_path / "same" / "1", *identity_network([{"name": "x", "kind": "tensor", "shape": [1]}], 1))
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    dtype = DTYPES[datatype]
    if np.issubdtype(dtype, np.floating):
        values = np.array([0.1, -2.5, np.finfo(np.float16).max, np.finfo(np.float16).smallest_subnormal, -0.0], dtype)
    else:
        whole = [np.iinfo(dtype).min, 1, 100, min(np.iinfo(dtype).max, 2**24)]
        values = np.array([*whole, *([2**40] if np.iinfo(dtype).max > 2**40 else [])], dtype)
    entry, data = tensor(values.reshape(-1, 1), datatype, "x")
    request = {"inputs": [entry], "outputs": [{"name": "values", "parameters": {"binary_data": True}}]}
    status, reply, binary = ask(client, "/v2/models/same/infer", request, data)
    assert status == 200, reply
    assert np.frombuffer(binary, "<f4").tolist() == values.astype(np.float32).tolist()


@pytest.mark.parametrize(
    ("value", "datatype", "words"),
    [
        (1e39, "FP64", "too large for float32"),
        (2**24 + 1, "INT32", "value 2 of the binary data is a whole number that float32"),
        (2**63 - 1, "INT64", "does not hold"),
        (2**32 - 1, "UINT32", "does not hold"),
        (2**64 - 1, "UINT64", "does not hold"),
    ],
)
def test_what_float32_does_not_hold_is_refused(value: Any, datatype: str, words: str, client: FlaskClient) -> None:
    entry, data = tensor(np.array([[0, value, 0, 0]], DTYPES[datatype]), datatype)
    status, reply, _ = ask(client, INFER, {"inputs": [entry]}, data)
    assert status == 400
    assert words in reply["error"]


def test_outputs_choose_their_form(client: FlaskClient, row: list[float]) -> None:
    entry, data = tensor(np.float32([row]))
    for parameters, overall, is_binary in (
        ({}, False, False),
        ({}, True, True),
        ({"binary_data": True}, False, True),
        ({"binary_data": False}, True, False),
    ):
        request = {
            "inputs": [entry],
            "outputs": [{"name": "scores", "parameters": parameters}],
            "parameters": {"binary_data_output": overall},
        }
        status, reply, binary = ask(client, INFER, request, data)
        assert status == 200
        assert (len(binary) == 8, "data" in reply["outputs"][0]) == (is_binary, not is_binary)


def test_classes_as_binary(client: FlaskClient, networks: Any, row: list[float]) -> None:
    parameters = {"classification": 2, "binary_data": True}
    entry, data = tensor(np.float32([row]))
    _, reply, binary = ask(
        client, INFER, {"inputs": [entry], "outputs": [{"name": "scores", "parameters": parameters}]}, data
    )
    assert (reply["outputs"][0]["datatype"], reply["outputs"][0]["shape"]) == ("BYTES", [1, 2])
    assert reply["outputs"][0]["parameters"] == {"binary_data_size": len(binary)}
    size = struct.unpack_from("<I", binary)[0]
    best = "cat" if networks[2].scores(row).argmax() == 0 else "dog"
    assert binary[4 : 4 + size].decode().endswith(f":{best}")
    assert struct.unpack_from("<I", binary, 4 + size)[0] == len(binary) - 8 - size


def test_a_raw_request(client: FlaskClient, networks: Any, row: list[float]) -> None:
    reply = client.post(INFER, data=np.float32(row).tobytes(), headers={SIZE: "0"})
    size = int(reply.headers[SIZE])
    assert json.loads(reply.data[:size])["outputs"][0]["shape"] == [1, 2]
    assert np.frombuffer(reply.data[size:], "<f4") == pytest.approx(networks[2].scores(row), abs=1e-6)
    refused = client.post(INFER, data=bytes(15), headers={SIZE: "0"})
    assert (refused.status_code, "16 bytes" in refused.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("change", "data", "words"),
    [
        ({}, bytes(12), "12 bytes of binary data are left"),
        ({}, bytes(20), "4 bytes of binary data are left over"),
        ({"parameters": {"binary_data_size": 12}}, bytes(12), "4 values of FP32 are 16 bytes"),
        ({"parameters": {}}, bytes(16), 'the key "data" is missing'),
        ({"data": [1, 2, 3, 4]}, bytes(16), "exclude each other"),
        ({"shape": [2**40, 4]}, bytes(16), "binary_data_size is 16"),
        ({"datatype": "BYTES"}, bytes(16), "takes numbers"),
    ],
)
def test_binary_faults(change: dict[str, Any], data: bytes, words: str, client: FlaskClient) -> None:
    entry, _ = tensor(np.zeros((1, 4), np.float32))
    status, reply, _ = ask(client, INFER, {"inputs": [entry | change]}, data)
    assert status == 400
    assert words in reply["error"]


def test_the_header_must_fit(client: FlaskClient) -> None:
    for size, words in (("ten", "size of the body's JSON"), ("-1", "size of the body's JSON"), ("99", "99")):
        reply = client.post(INFER, data=b"{}", headers={SIZE: size})
        assert (reply.status_code, words in reply.json["error"]) == (400, True)


# ------------------------------------------------------------------------------------------------------------ tables

COLUMNS = [
    {"name": "age", "type": "number", "missing": "nan"},
    {"name": "member", "type": "boolean"},
    {"name": "country", "type": "category", "categories": ["France", "Spain"], "unknown": "error"},
    {"name": "remark", "type": "text", "missing": "empty"},
]
STEPS = [
    {"op": "one_hot", "input": "person"},
    {"op": "count_words", "input": "person", "column": "remark", "vocabulary": ["good", "bad"], "norm": None},
    {"op": "impute", "input": "person", "value": 40},
]
ROWS = [
    ({"age": 22.5, "member": True, "country": "Spain", "remark": "good, good"}, [22.5, 1, 0, 1, 2, 0]),
    ({"age": None, "member": False, "country": "France", "remark": "bad \u00e9"}, [40, 0, 1, 0, 0, 1]),
]
EXPECTED = [values for _, values in ROWS]


@pytest.fixture
def person(tmp_path: Path) -> FlaskClient:
    inputs = [{"name": "person", "kind": "table", "columns": COLUMNS}]
    write_package(tmp_path / "person" / "1", *identity_network(inputs, 6, STEPS))
    text = [{"name": "message", "kind": "text"}]
    words = [{"op": "count_words", "input": "message", "vocabulary": ["good", "bad"], "norm": None}]
    write_package(tmp_path / "words" / "1", *identity_network(text, 2, words))
    return create_app({"SERVING_MODELS": tmp_path}).test_client()


def predict(client: FlaskClient, body: Any, url: str = "/v1/models/person:predict") -> tuple[int, Any]:
    reply = client.post(url, data=body if isinstance(body, str) else json.dumps(body))
    return reply.status_code, reply.json


def test_records_and_columns(person: FlaskClient) -> None:
    rows = [row for row, _ in ROWS]
    assert predict(person, {"instances": rows}) == (200, {"predictions": EXPECTED})
    listed = [{name: [value] for name, value in row.items()} for row in rows]
    assert predict(person, {"instances": listed}) == (200, {"predictions": EXPECTED})
    assert predict(person, {"instances": [list(row.values()) for row in rows]}) == (200, {"predictions": EXPECTED})
    columns = {name: [row[name] for row in rows] for name in reversed(rows[0])}
    assert predict(person, {"inputs": columns}) == (200, {"outputs": EXPECTED})
    assert predict(person, {"inputs": columns | {"else": 5}}) == (200, {"outputs": EXPECTED})
    text = json.dumps({"inputs": columns}).replace("null", "NaN")  # as Python's json writes what is missing
    assert predict(person, text) == (200, {"outputs": EXPECTED})
    encoded = rows[0] | {"remark": {"b64": "Z29vZCwgZ29vZA=="}, "country": [{"b64": "U3BhaW4="}]}
    assert predict(person, {"instances": [encoded]}) == (200, {"predictions": EXPECTED[:1]})
    del rows[1]["age"]
    assert predict(person, {"instances": rows}) == (200, {"predictions": EXPECTED})


def test_a_text(person: FlaskClient) -> None:
    url = "/v1/models/words:predict"
    for instances in (
        ["good bad good", "bad"],
        [["good bad good"], ["bad"]],
        [{"message": "good bad good"}, {"message": "bad"}],
    ):
        assert predict(person, {"instances": instances}, url) == (200, {"predictions": [[2, 1], [0, 1]]})
    assert predict(person, {"instances": [{"b64": "Z29vZA=="}]}, url) == (200, {"predictions": [[1, 0]]})
    for inputs in (["good", "bad bad"], {"message": ["good", "bad bad"]}):
        assert predict(person, {"inputs": inputs}, url) == (200, {"outputs": [[1, 0], [0, 2]]})


ROW = {"age": 1, "member": True, "country": "Spain", "remark": ""}


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"instances": [ROW, ROW | {"age": "old"}]}, ["element: 1 key: age", "a string", "/instances/1/age"]),
        ({"instances": [ROW | {"country": "Peru"}]}, ['"Peru"', "France, Spain", "/instances/0/country"]),
        ({"instances": [ROW | {"land": "Peru"}]}, ["does not have named input: land", "age, member"]),
        ({"instances": [{"age": 1}]}, ["element: 0", "member is missing"]),
        ({"instances": [ROW | {"age": [1, 2]}]}, ["Expecting shape [1]"]),
        ({"instances": [ROW | {"age": [[1]]}]}, ["an array", "/instances/0/age"]),
        ({"instances": [ROW | {"remark": {"b64": "!"}}]}, ["base64", "/instances/0/remark"]),
        ({"instances": [ROW | {"remark": {"b64": "/w=="}}]}, ["not UTF-8"]),
        ({"instances": [ROW, [1, True, "Spain", ""]]}, ["Expecting object but got list at item 1"]),
        ({"instances": [[1, True, "Spain"]]}, ["Expecting shape [4] but got fewer"]),
        ({"instances": [[1, True, "Spain", "", 5]]}, ["Expecting shape [4] but got more"]),
        ({"instances": [5]}, ["several inputs: age, member, country, remark"]),
        ({"inputs": [[1]]}, ["inputs is a plain value/list"]),
        ({"inputs": {"age": [1, 2], "member": [True], "country": ["Spain"]}}, ["1 row", "has 2", "/inputs/member"]),
        ({"inputs": {"age": [1], "country": ["Spain"]}}, ["Missing named input: member"]),
        ({"inputs": {"age": 1, "member": [True], "country": ["Spain"]}}, ["a list of rows"]),
        ({"inputs": {"age": [], "member": [True], "country": ["Spain"]}}, ["no rows"]),
        ({"inputs": {"member": [True, 5], "country": ["Spain"]}}, ["member is a number other", "/inputs/member/1"]),
    ],
)
def test_faults_of_tables(body: Any, words: list[str], person: FlaskClient) -> None:
    status, reply = predict(person, body)
    assert status == 400, reply
    for word in words:
        assert word in reply["error"]


def test_examples_of_a_table(person: FlaskClient) -> None:
    reply = person.post("/v1/models/person:regress", json={"examples": [ROW]})
    assert (reply.status_code, "one number" in reply.json["error"]) == (400, True)


def columns_of(rows: list[dict[str, Any]]) -> list[tuple[str, str, list[Any]]]:
    types = {"age": "FP64", "member": "BOOL", "country": "BYTES", "remark": "BYTES"}
    return [(name, types[name], [row.get(name) for row in rows]) for name in types]


@pytest.mark.parametrize("shape", [[2], [2, 1]])
@pytest.mark.parametrize("binary", [False, True])
def test_a_table_by_open_inference(binary: bool, shape: list[int], person: FlaskClient) -> None:
    entries, parts = [], []
    for name, datatype, values in columns_of([row for row, _ in ROWS]):
        if binary and name != "member":  # forms may mix
            array = np.array([np.nan if v is None else v for v in values], np.float64 if name == "age" else object)
            entry, data = tensor(array, datatype, name)
            entries.append(entry | {"shape": shape})
            parts.append(data)
        else:
            data_ = [[v] for v in values] if len(shape) > 1 else values
            entries.append({"name": name, "shape": shape, "datatype": datatype, "data": data_})
    status, reply, _ = ask(person, "/v2/models/person/infer", {"inputs": entries[::-1]}, *parts[::-1])
    assert status == 200, reply
    assert reply["outputs"][0]["data"] == [value for values in EXPECTED for value in values]
    told = person.get("/v2/models/person").json["inputs"]
    assert [(item["name"], item["datatype"], item["shape"]) for item in told] == [
        ("age", "FP64", [-1, 1]),
        ("member", "BOOL", [-1, 1]),
        ("country", "BYTES", [-1, 1]),
        ("remark", "BYTES", [-1, 1]),
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"datatype": "BYTES"}, ["age is of datatype BYTES", "datatype of numbers"]),
        ({"data": ["x"]}, ["age is a string", "/inputs/0/data/0"]),
        ({"data": [1, 2]}, ["more than 1 value", "asks for 1"]),
        ({"data": []}, ["0 values", "asks for 1"]),
        ({"shape": [1, 2], "data": [1, 2]}, ["the shape of 'age' is [1,2]"]),
        ({"shape": [2], "data": [1, 2]}, ["1 row, but an input before it has 2"]),
        ({"name": "height"}, ["no input 'height'", "age, member"]),
        ({"name": "member", "datatype": "BOOL", "data": [True]}, ["the input 'member' is there twice"]),
        ({"datatype": "INT8", "data": [300]}, ["INT8 does not hold", "/inputs/0/data"]),
        ({"datatype": "FP16", "data": [1]}, ["FP16 has no form in JSON"]),
    ],
)
def test_faults_of_tables_by_open_inference(change: dict[str, Any], words: list[str], person: FlaskClient) -> None:
    entries = [
        {"name": "age", "shape": [1], "datatype": "FP32", "data": [1]} | change,
        {"name": "member", "shape": [1], "datatype": "BOOL", "data": [True]},
        {"name": "country", "shape": [1], "datatype": "BYTES", "data": ["Spain"]},
    ]
    reply = person.post("/v2/models/person/infer", json={"inputs": entries})
    assert reply.status_code == 400, reply.json
    for word in words:
        assert word in reply.json["error"]


def difference(folder: Path, base: float) -> FlaskClient:
    """A model that answers its only column less `base`: that shows what a float32 on the way would have lost."""
    inputs = [{"name": "sold", "kind": "table", "columns": [{"name": "x", "type": "number", "missing": "nan"}]}]
    steps = [
        {"op": "scale", "input": "sold", "factor": 1, "offset": -base},
        {"op": "impute", "input": "sold", "value": -7},
    ]
    write_package(folder / "sold" / "1", *identity_network(inputs, 1, steps))
    return create_app({"SERVING_MODELS": folder}).test_client()


@pytest.mark.parametrize(
    ("value", "base", "datatypes"),
    [
        (16777217, 16777216, ["INT32", "INT64", "UINT32", "UINT64", "FP64"]),
        (-16777217, -16777216, ["INT32", "INT64", "FP64"]),
        (2**53 - 1, 2**53 - 2, ["INT64", "UINT64", "FP64"]),
        (-(2**63), -(2**63) + 2048, ["INT64", "FP64"]),
        (2**63 + 2048, 2**63, ["UINT64", "FP64"]),
        (0.1, 0.1 + 2**-40, ["FP64"]),
        (1e39, 1e39 - 1e23, ["FP64"]),
        (-100, 0, ["INT8", "INT16", "INT32", "INT64", "FP32", "FP16", "FP64"]),
        (200, 0, ["UINT8", "UINT16", "UINT32", "UINT64", "FP32", "FP16", "FP64"]),
    ],
)
def test_columns_keep_the_precision_of_numbers(value: float, base: float, datatypes: list[str], tmp_path: Path) -> None:
    sold = difference(tmp_path, base)
    expected = float(str(np.float32(float(value) - float(base))))  # answers have the shortest decimal, too
    assert expected != 0
    assert sold.post("/classify", json={"x": value}).json["value"] == expected
    assert predict(sold, {"instances": [{"x": value}]}, "/v1/models/sold:predict")[1] == {"predictions": [[expected]]}
    for datatype in datatypes:
        dtype = datatype.lower().replace("fp", "float")
        entry, data = tensor(np.array([value, value], dtype), datatype, "x")
        status, reply, _ = ask(sold, "/v2/models/sold/infer", {"inputs": [entry | {"shape": [2]}]}, data)
        assert (status, reply["outputs"][0]["data"]) == (200, [expected] * 2), datatype
        if datatype != "FP16":
            entry = {"name": "x", "shape": [1, 1], "datatype": datatype, "data": [[value]]}
            reply = sold.post("/v2/models/sold/infer", json={"inputs": [entry]})
            assert reply.json["outputs"][0]["data"] == [expected], datatype
    raw = sold.post("/v2/models/sold/infer", data=np.float64(value).tobytes(), headers={SIZE: "0"})
    assert np.frombuffer(raw.data[int(raw.headers[SIZE]) :], "<f4").tolist() == [np.float32(expected)]


def test_numbers_of_columns_that_are_missing(tmp_path: Path) -> None:
    sold = difference(tmp_path, 0)
    for dtype in ("float16", "float32", "float64"):
        entry, data = tensor(np.array([np.nan, 3], dtype), dtype.upper().replace("LOAT", "P"), "x")
        _, reply, _ = ask(sold, "/v2/models/sold/infer", {"inputs": [entry | {"shape": [2]}]}, data)
        assert reply["outputs"][0]["data"] == [-7, 3]
    raw = sold.post("/v2/models/sold/infer", data=np.float64("nan").tobytes(), headers={SIZE: "0"})
    assert np.frombuffer(raw.data[int(raw.headers[SIZE]) :], "<f4").tolist() == [-7]
    short = sold.post("/v2/models/sold/infer", data=b"1234", headers={SIZE: "0"})
    assert (short.status_code, "FP64: 8 bytes" in short.json["error"]) == (400, True)


@pytest.mark.parametrize(
    ("value", "datatype"), [(2**53 + 1, "INT64"), (-(2**53) - 1, "INT64"), (2**64 - 1, "UINT64"), (2**53 + 1, "UINT64")]
)
def test_whole_numbers_that_no_double_holds_are_refused(value: int, datatype: str, tmp_path: Path) -> None:
    sold = difference(tmp_path, 0)
    entry, data = tensor(np.array([7, value], datatype.lower()), datatype, "x")
    status, reply, _ = ask(sold, "/v2/models/sold/infer", {"inputs": [entry | {"shape": [2]}]}, data)
    assert (status, "float64" in reply["error"], "/inputs/0, value 2" in reply["error"]) == (400, True, True)
    entry = {"name": "x", "shape": [2], "datatype": datatype, "data": [7, value]}
    reply = sold.post("/v2/models/sold/infer", json={"inputs": [entry]})
    assert reply.status_code == 400
    assert str(value) in reply.json["error"]
    entry["datatype"] = "FP64"
    assert sold.post("/v2/models/sold/infer", json={"inputs": [entry]}).status_code == 200


def test_whole_numbers_of_tensors_are_refused_by_their_text(client: FlaskClient) -> None:
    entry = {"name": "numbers", "shape": [1, 4], "datatype": "INT64", "data": [2**53, 0, 0, 0]}
    assert client.post("/v2/models/pets/infer", json={"inputs": [entry]}).status_code == 200
    entry["data"] = [2**53 + 1, 0, 0, 0]
    reply = client.post("/v2/models/pets/infer", json={"inputs": [entry]})
    assert (reply.status_code, f"{2**53 + 1}, which INT64 holds" in reply.json["error"]) == (400, True)


def test_columns_that_do_not_come(person: FlaskClient) -> None:
    country = {"name": "country", "shape": [1], "datatype": "BYTES", "data": ["Spain"]}
    reply = person.post("/v2/models/person/infer", json={"inputs": [country]})
    assert (reply.status_code, "member is missing" in reply.json["error"]) == (400, True)
    member = {"name": "member", "shape": [1], "datatype": "UINT8", "data": [1]}
    reply = person.post("/v2/models/person/infer", json={"inputs": [country, member]})
    assert reply.json["outputs"][0]["data"] == [40, 1, 0, 1, 0, 0]


def test_a_raw_text(person: FlaskClient) -> None:
    reply = person.post("/v2/models/words/infer", data="good b\u00e4d bad".encode(), headers={SIZE: "0"})
    assert np.frombuffer(reply.data[int(reply.headers[SIZE]) :], "<f4").tolist() == [1, 1]
    reply = person.post("/v2/models/words/infer", data=b"\xff", headers={SIZE: "0"})
    assert (reply.status_code, "not UTF-8" in reply.json["error"]) == (400, True)
    reply = person.post("/v2/models/person/infer", data=b"1", headers={SIZE: "0"})
    assert (reply.status_code, "models with one input" in reply.json["error"]) == (400, True)


@pytest.mark.parametrize("cut", [b"\x05\0\0\0abc", b"\x01\0\0", b"\x01\0\0\0\xff", counted("a") * 2, b""])
def test_broken_bytes(cut: bytes, person: FlaskClient) -> None:
    entry = {"name": "message", "shape": [1], "datatype": "BYTES", "parameters": {"binary_data_size": len(cut)}}
    status, reply, _ = ask(person, "/v2/models/words/infer", {"inputs": [entry]}, cut or b"")
    assert (status, list(reply)) == (400, ["error"])


def test_metadata_of_a_table(person: FlaskClient) -> None:
    reply = person.get("/v1/models/person/metadata").json["metadata"]["signature_def"]["signature_def"]
    inputs = reply["serving_default"]["inputs"]
    assert {name: item["dtype"] for name, item in inputs.items()} == {
        "age": "DT_DOUBLE",
        "member": "DT_BOOL",
        "country": "DT_STRING",
        "remark": "DT_STRING",
    }
    assert inputs["age"]["tensor_shape"]["dim"] == [{"size": "-1", "name": ""}]


# ------------------------------------------------------------------------------------------------------- compression


def raw_deflate(body: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(body) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("x-GZIP", gzip.compress), ("deflate", zlib.compress), ("deflate", raw_deflate)],
)
def test_compressed_bodies(encoding: str, pack: Any, client: FlaskClient, row: list[float]) -> None:
    plain = client.post("/classify", json=row)
    packed = client.post("/classify", data=pack(json.dumps(row).encode()), headers={"Content-Encoding": encoding})
    assert (packed.status_code, packed.json) == (200, plain.json)
    entry, data = tensor(np.float32([row]))
    head = json.dumps({"inputs": [entry]}).encode()
    headers = {SIZE: str(len(head)), "Content-Encoding": encoding}
    assert client.post(INFER, data=pack(head + data), headers=headers).status_code == 200


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        (b"no gzip", "gzip", 400),
        (gzip.compress(b"[1,2,3,4]", mtime=0)[:-3], "gzip", 400),
        (b"", "gzip", 400),
        (gzip.compress(bytes(1 << 25)), "gzip", 413),
        (gzip.compress(b"[1, 2", mtime=0) + gzip.compress(b", 3, 4]", mtime=0), "gzip", 200),
        (b"x", "br", 415),
        (b"[1,2,3,4]", "gzip, deflate", 415),
        (b"[1,2,3,4]", "identity", 200),
    ],
)
def test_what_does_not_inflate(body: bytes, encoding: str, status: int, client: FlaskClient) -> None:
    reply = client.post("/classify", data=body, headers={"Content-Encoding": encoding})
    assert reply.status_code == status, reply.json
