"""What others send, through HTTP: a JSON conformance suite at every predict route, and the documents' own requests."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from model_packages import dense_network, write_package
from pyapp import create_app
from shared_data import SHARED, needs_shared_data

PROTOCOLS = SHARED / "protocols"
ROUTES = ("/classify", "/v1/models/pets:predict", "/v1/models/pets:classify", "/v2/models/pets/infer")

# Texts that TensorFlow Serving's reader takes, which stops after the first value.
LENIENT = {
    "n_array_comma_after_close.json", "n_array_extra_close.json", "n_object_trailing_comment.json",
    "n_object_trailing_comment_open.json", "n_object_trailing_comment_slash_open.json",
    "n_object_trailing_comment_slash_open_incomplete.json", "n_object_with_trailing_garbage.json",
    "n_structure_close_unopened_array.json", "n_structure_double_array.json",
    "n_structure_object_followed_by_closing_object.json", "n_structure_object_with_trailing_garbage.json",
    "n_structure_trailing_#.json", "n_structure_array_trailing_garbage.json", "n_multidigit_number_then_00.json",
}  # fmt: skip

# Ours, for where the suite is not.
OURS = [("y_array.json", b"[]"), ("y_nested.json", b'{"a": [1e5, "\\u00e9"]}'), ("n_open.json", b"[1,"),
        ("n_single_quote.json", b"['a']"), ("i_bytes.json", b'["\xff"]')]  # fmt: skip


def suite() -> list[tuple[str, bytes]]:
    folder = SHARED / "json" / "parsing"
    files = sorted(folder.glob("[yni]_*.json")) if folder.is_dir() else []
    return OURS + [(file.name, file.read_bytes()) for file in files]


@pytest.mark.parametrize("route", ROUTES)
def test_json_conformance(route: str, client: FlaskClient, row: list[float]) -> None:
    """A valid text may not be a request for this model, but is never called malformed; an invalid one always is."""
    seen = 0
    for name, text in suite():
        reply = client.post(route, data=text, content_type="application/json")
        assert reply.status_code < 500 and reply.mimetype == "application/json", (name, reply.status_code)
        if name.startswith("n_") and text.strip() and not (route.startswith("/v1") and name in LENIENT):
            assert reply.status_code == 400, (name, reply.json)
        if route == "/classify" and name.startswith("y_"):
            assert reply.status_code in (200, 400, 413, 422), (name, reply.json)
        seen += 1
    assert seen >= len(OURS)
    # The same texts as a value that the request has no use for: there a valid one changes nothing.
    for name, text in suite():
        if name.startswith("y_") and route != "/classify":
            body = _request(route, row)[:-1] + b', "other": ' + text + b"}"
            reply = client.post(route, data=body, content_type="application/json")
            assert reply.status_code == 200, (name, reply.json)


def _request(route: str, row: list[float]) -> bytes:
    if route.startswith("/v2"):
        body: dict[str, Any] = {"inputs": [{"name": "numbers", "shape": [1, 4], "datatype": "FP32", "data": row}]}
    else:
        body = {"examples": [{"numbers": row}]} if route.endswith("classify") else {"instances": [row]}
    return json.dumps(body).encode()


def documented(path: str) -> list[dict[str, Any]]:
    file = PROTOCOLS / path
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()] if file.is_file() else []


@needs_shared_data
def test_tensorflow_servings_own_examples(tmp_path: Path) -> None:
    """api_rest.md's model is half_plus_three; ours of that name answers as the document shows."""
    manifest, tensors = dense_network((1, 1), last="linear")
    for key in tensors:
        tensors[key][...] = 0.5 if key.endswith("kernel") else 3
    write_package(tmp_path / "saved_model_half_plus_three" / "1", manifest, tensors)
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    asked = 0
    url = "/v1/models/saved_model_half_plus_three"
    for example in documented("serving-documents/examples.jsonl"):
        body, text = example.get("json"), example["text"]
        if not isinstance(body, dict) or "saved_model_half_plus_three" not in text:
            continue
        method = "regress" if "examples" in body else "predict"
        told = re.search(r'\{\s*"(predictions|outputs|results)"', text)
        if told is None:
            continue
        answer, _ = json.JSONDecoder().raw_decode(text[told.start() :])
        assert client.post(f"{url}:{method}", json=body).json == answer
        asked += 1
    assert asked >= 1
    status = client.get(url).json["model_version_status"][0]
    assert status == {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}


@needs_shared_data
def test_every_documented_request_is_answered_or_refused(client: FlaskClient) -> None:
    """Whatever their models are: no request of theirs is a fault of ours, and each has an answer in the right form."""
    examples = [
        example for folder in ("server", "mlserver", "open-inference-protocol")
        for example in documented(f"{folder}-documents/examples.jsonl")
    ]  # fmt: skip
    assert len(examples) > 20
    for example in examples:
        for url in (
            "/v2/models/pets/infer",
            "/v2/repository/index",
            "/v1/models/pets:predict",
            "/v1/models/pets:classify",
        ):
            reply = client.post(url, json=example.get("json"))
            assert reply.status_code < 500
            assert reply.status_code == 200 or next(iter(reply.json)) == "error"
