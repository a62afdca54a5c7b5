"""Triton's own Python client over HTTP, unmodified."""

import warnings
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from model_packages import dense_network, reference
from running_server import Server

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # gevent's own
    triton = pytest.importorskip("tritonclient.http")
    from tritonclient.utils import InferenceServerException

pytestmark = pytest.mark.filterwarnings("ignore")

TOKEN = {"Authorization": "Bearer let me in, please"}


@pytest.fixture
def client(server: Server) -> Iterator[Any]:
    with triton.InferenceServerClient(f"127.0.0.1:{server.port}", concurrency=4) as made:
        yield made


def tensor(array: np.ndarray, datatype: str, name: str = "x", binary: bool = True) -> Any:
    made = triton.InferInput(name, list(array.shape), datatype)
    made.set_data_from_numpy(array, binary_data=binary)
    return made


def expected(rows: np.ndarray, version: int = 2) -> np.ndarray:
    return reference(*dense_network((4, 8, 3), seed=version), rows)


def test_health_and_metadata(client: Any) -> None:
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready("scores")
    assert client.is_model_ready("scores", "1") and not client.is_model_ready("fish")
    told = client.get_server_metadata()
    assert told["name"] == "flask-serving" and "binary_tensor_data" in told["extensions"]
    told = client.get_model_metadata("scores")
    assert told["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}] and told["versions"] == ["1", "2"]
    told = client.get_model_metadata("person")
    assert [item["datatype"] for item in told["inputs"]] == ["FP64", "BYTES"]
    assert client.get_model_config("scores")["max_batch_size"] >= 1


@pytest.mark.parametrize("binary_in", [True, False])
@pytest.mark.parametrize("binary_out", [True, False])
def test_infer(binary_in: bool, binary_out: bool, client: Any, rows: np.ndarray) -> None:
    outputs = [triton.InferRequestedOutput("scores", binary_data=binary_out)]
    reply = client.infer("scores", [tensor(rows, "FP32", binary=binary_in)], outputs=outputs, request_id="42")
    assert reply.as_numpy("scores") == pytest.approx(expected(rows), abs=1e-6)
    told = reply.get_response()
    assert (told["id"], told["model_version"], told["model_name"]) == ("42", "2", "scores")
    reply = client.infer("scores", [tensor(rows, "FP32", binary=binary_in)], model_version="1")
    assert reply.as_numpy("scores") == pytest.approx(expected(rows, 1), abs=1e-6)


@pytest.mark.parametrize(
    ("datatype", "dtype"),
    [
        ("FP16", np.float16), ("FP64", np.float64), ("BOOL", np.bool_), ("INT8", np.int8), ("INT16", np.int16),
        ("INT32", np.int32), ("INT64", np.int64), ("UINT8", np.uint8), ("UINT16", np.uint16), ("UINT32", np.uint32),
        ("UINT64", np.uint64),
    ],
)  # fmt: skip
def test_datatypes(datatype: str, dtype: Any, client: Any) -> None:
    array = np.array([[1, 0], [0, 1], [1, 1]], dtype)
    for binary in (True, False) if datatype != "FP16" else (True,):
        reply = client.infer("same", [tensor(array, datatype, binary=binary)])
        assert reply.as_numpy("values").tolist() == array.astype(np.float32).tolist()


@pytest.mark.parametrize("binary", [True, False])
def test_tables_and_texts(binary: bool, client: Any) -> None:
    age = np.array([[30.5], [40]], np.float32)
    country = np.array([["Spain"], ["France"]], np.object_)
    inputs = [tensor(age, "FP32", "age"), tensor(country, "BYTES", "country", binary)]
    assert client.infer("person", inputs).as_numpy("values").tolist() == [[30.5, 0, 1], [40, 1, 0]]
    message = np.array(["good good bad", "b\u00e4d"], np.object_)
    reply = client.infer("words", [tensor(message, "BYTES", "message", binary)])
    assert reply.as_numpy("values").tolist() == [[2, 1], [0, 0]]


@pytest.mark.parametrize("binary", [True, False])
def test_classification(binary: bool, client: Any, rows: np.ndarray) -> None:
    outputs = [triton.InferRequestedOutput("scores", binary_data=binary, class_count=2)]
    found = client.infer("scores", [tensor(rows, "FP32")], outputs=outputs).as_numpy("scores")
    assert found.shape == (5, 2)
    for texts, scores in zip(found, expected(rows), strict=True):
        best = np.argsort(-scores)[:2]
        told = [(t.decode() if isinstance(t, bytes) else t).split(":") for t in texts]
        assert [(int(place), label) for _, place, label in told] == [(i, f"class {i}") for i in best]


def test_many_at_once(client: Any, rows: np.ndarray) -> None:
    asked = [client.async_infer("scores", [tensor(rows[i % 5 : i % 5 + 1], "FP32")]) for i in range(40)]
    for i, request in enumerate(asked):
        assert request.get_result().as_numpy("scores") == pytest.approx(expected(rows[i % 5 : i % 5 + 1]), abs=1e-6)


@pytest.mark.parametrize("algorithm", ["gzip", "deflate"])
def test_compressed(algorithm: str, client: Any, rows: np.ndarray) -> None:
    reply = client.infer("scores", [tensor(rows, "FP32")], request_compression_algorithm=algorithm)
    assert reply.as_numpy("scores") == pytest.approx(expected(rows), abs=1e-6)


def test_time_and_priority(client: Any, rows: np.ndarray) -> None:
    assert client.infer("scores", [tensor(rows, "FP32")], timeout=10_000_000, priority=2).as_numpy("scores").size == 15
    with pytest.raises(InferenceServerException, match="deadline"):
        client.infer("scores", [tensor(np.zeros((4000, 4), np.float32), "FP32")], timeout=1)


def test_errors(client: Any, rows: np.ndarray) -> None:
    for name, inputs, words in (
        ("fish", [tensor(rows, "FP32")], "no model is named 'fish'"),
        ("scores", [tensor(rows, "FP32", "y")], "no input 'y'"),
        ("scores", [tensor(rows[:, :3], "FP32")], "shape"),
        ("same", [tensor(np.full((1, 2), 2**24 + 1, np.int64), "INT64")], "float32"),
        ("person", [tensor(np.array([["Peru"]], np.object_), "BYTES", "country")], "Peru"),
    ):
        with pytest.raises(InferenceServerException, match=words):
            client.infer(name, inputs)


def test_statistics(client: Any, rows: np.ndarray) -> None:
    before = client.get_inference_statistics("scores", "1")["model_stats"][0]
    client.infer("scores", [tensor(rows, "FP32")], model_version="1")
    after = client.get_inference_statistics("scores", "1")["model_stats"][0]
    assert after["inference_count"] == before["inference_count"] + 5
    assert after["inference_stats"]["success"]["count"] == before["inference_stats"]["success"]["count"] + 1
    assert after["inference_stats"]["compute_infer"]["ns"] > before["inference_stats"]["compute_infer"]["ns"]
    assert after["last_inference"] > 1_700_000_000_000
    everything = client.get_inference_statistics()["model_stats"]
    assert {(item["name"], item["version"]) for item in everything} >= {("scores", "1"), ("scores", "2"), ("same", "1")}


def test_the_repository(client: Any) -> None:
    def states(name: str) -> dict[str, str]:
        return {item["version"]: item["state"] for item in client.get_model_repository_index() if item["name"] == name}

    assert states("scores") == {"1": "READY", "2": "READY"}
    with pytest.raises(InferenceServerException, match="SERVING_ADMIN_TOKEN"):
        client.unload_model("spare")
    client.unload_model("spare", headers=TOKEN)
    assert states("spare")["1"] in {"UNAVAILABLE", "UNLOADING"}  # while requests that have it are answered
    assert not client.is_model_ready("spare") and client.is_model_ready("scores")
    client.load_model("spare", headers=TOKEN)
    assert states("spare") == {"1": "READY"} and client.is_model_ready("spare")
    with pytest.raises(InferenceServerException, match="as it lies in the store"):
        client.load_model("spare", headers=TOKEN, config="{}")
    with pytest.raises(InferenceServerException, match="no model is named"):
        client.load_model("fish", headers=TOKEN)
