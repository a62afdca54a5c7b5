"""The document tells what there is: every route, every model's input, and examples that are answered."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from openapi_spec_validator import validate

from model_packages import dense_network, identity_network, write_package
from pyapp import Serving, create_app
from pyapp.api import page
from pyapp.api.openapi_operations import OPERATIONS

RESIZE = {"op": "resize", "height": 2, "width": 2, "filter": "box"}
TABLE = [
    {"name": "age", "type": "number"},
    {"name": "member", "type": "boolean"},
    {"name": "country", "type": "category", "categories": ["France", "Spain"]},
    {"name": "town", "type": "category", "categories": ["Lyon"], "unknown": "ignore", "missing": 0},
]


def write_models(folder: Path) -> Path:
    """One of every kind of input."""
    image = {"height": 2, "width": 2, "channels": 1, "steps": [{"op": "grayscale"}, RESIZE]}
    plain = {"name": "x", "kind": "tensor", "shape": [2]}
    words = [{"op": "count_words", "input": "words", "vocabulary": ["good", "bad"], "norm": None}]
    networks = {
        "flat": dense_network([3, 4, 2]),
        "picture": identity_network([{"name": "pixels", "kind": "tensor", "shape": [4], "image": image}], 4),
        "two": identity_network([plain, {"name": "y", "kind": "tensor", "shape": [1]}], 3),
        "table": identity_network([{"name": "person", "kind": "table", "columns": TABLE}], 4),
        "words": identity_network([{"name": "words", "kind": "text"}], 2, words),
        "both": identity_network([plain, {"name": "person", "kind": "table", "columns": TABLE[:2]}], 4),
        "wide": identity_network([{"name": "x", "kind": "tensor", "shape": [2000]}], 2000),
    }
    manifest, tensors = dense_network([4, 2])
    manifest["inputs"][0]["shape"] = [2, 2]
    manifest["layers"][0]["inputs"] = ["flat"]
    manifest["layers"].insert(0, {"name": "flat", "op": "flatten", "inputs": ["x"]})
    networks["square"] = manifest, tensors
    for name, network in networks.items():
        write_package(folder / name / "1", *network)
    write_package(folder / "flat" / "2", *dense_network([5, 2]))
    return folder


@pytest.fixture
def models(tmp_path: Path) -> FlaskClient:
    write_models(tmp_path)
    return create_app({"SERVING_MODELS": tmp_path, "SERVING_VERSIONS": "all"}).test_client()


def routes(app: Flask) -> set[tuple[str, str]]:
    return {
        (re.sub(r"<(?:[^<>]*:)?(\w+)>", r"{\1}", rule.rule), method.lower())
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def documented(document: dict[str, Any]) -> set[tuple[str, str]]:
    return {(path, method) for path, item in document["paths"].items() for method in item}


@pytest.mark.parametrize("settings", [{}, {"SERVING_API_KEYS": "a-key-of-sixteen-letters"}])
def test_every_route_is_in_a_valid_document(settings: dict[str, str], store: Path) -> None:
    app = create_app({"SERVING_MODELS": store, **settings})
    document = app.test_client().get("/openapi.json").json
    validate(document)
    assert documented(document) == routes(app)
    assert document["openapi"].startswith("3.1")


def test_within_another_app(store: Path) -> None:
    app = Flask("host")
    Serving(app, "/ml", {"SERVING_MODELS": store})
    document = app.test_client().get("/ml/openapi.json").json
    validate(document)
    assert document["servers"] == [{"url": "/ml"}]
    own = {(path.removeprefix("/ml"), method) for path, method in routes(app) if path.startswith("/ml")}
    assert documented(document) == own and ("/classify", "post") in own


def test_every_view_says_what_it_answers(app: Flask) -> None:
    views = {".".join(rule.endpoint.split(".")[-2:]) for rule in app.url_map.iter_rules()}
    assert views - set(OPERATIONS) == set(), "these need an Operation in pyapp/api/openapi_operations.py"
    for item in app.test_client().get("/openapi.json").json["paths"].values():
        for operation in item.values():
            assert operation["summary"] and set(operation["responses"]) <= set(map(str, range(200, 600)))


def test_security(store: Path) -> None:
    open_, keyed = (
        create_app({"SERVING_MODELS": store, "SERVING_API_KEYS": keys}).test_client().get("/openapi.json").json["paths"]
        for keys in ("", "a-key-of-sixteen-letters")
    )
    assert open_["/api/reload"]["post"]["security"] == [{"admin": []}]
    assert "security" not in open_["/classify"]["post"] and "security" not in keyed["/healthz"]["get"]
    assert keyed["/classify"]["post"]["security"] == [{"key": []}, {"bearerKey": []}]


def examples(document: dict[str, Any], path: str) -> dict[str, Any]:
    content = document["paths"][path]["post"]["requestBody"]["content"]["application/json"]
    parts = document["components"]["examples"]
    return {name: parts[found["$ref"].rpartition("/")[2]]["value"] for name, found in content["examples"].items()}


def test_the_examples_are_answered(models: FlaskClient) -> None:
    document = models.get("/openapi.json").json
    validate(document)
    asked = examples(document, "/classify")
    assert set(asked) == {"flat", "flat_v1", "picture", "two", "table", "words", "both", "square"}
    for name, body in asked.items():
        query = f"?model={name.removesuffix('_v1')}" + ("&version=1" if name == "flat_v1" else "")
        for sent in (body, [body, body], {"data": body}):
            reply = models.post(f"/classify{query}", json=sent)
            assert reply.status_code == 200, (name, reply.json)
    for path in ("/v1/models/{name}:{method}", "/v2/models/{name}/infer"):
        found = examples(document, path)
        assert {"flat", "picture", "two", "square"} <= set(found)
        for name, body in found.items():
            if name != "flat_v1":
                assert (
                    models.post(path.replace("{name}", name).replace("{method}", "predict"), json=body).status_code
                    == 200
                ), (path, name)


def test_a_table_is_told_by_its_columns(models: FlaskClient) -> None:
    schemas = models.get("/openapi.json").json["components"]["schemas"]
    record = schemas["Input_table"]["anyOf"][0]
    assert list(record["properties"]) == ["age", "member", "country", "town"]
    assert record["required"] == ["age", "member", "country"] and record["additionalProperties"] is False
    assert record["properties"]["country"]["enum"] == ["France", "Spain"]
    assert {"type": "null"} in record["properties"]["town"]["anyOf"] and "enum" not in str(record["properties"]["town"])
    row = schemas["Input_flat"]["anyOf"][0]
    assert (row["minItems"], row["maxItems"]) == (5, 5)
    assert schemas["Input_flat_v1"]["anyOf"][0]["maxItems"] == 3


def test_it_follows_the_models_and_is_cached(tmp_path: Path) -> None:
    write_package(tmp_path / "one" / "1", *dense_network([3, 2]))
    app = create_app({"SERVING_MODELS": tmp_path, "SERVING_POLL_SECONDS": 0})
    client = app.test_client()
    first = client.get("/openapi.json")
    again = client.get("/openapi.json", headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304 and again.data == b""
    write_package(tmp_path / "other" / "1", *dense_network([3, 2]))
    app.extensions["serving"].registry.reload()
    assert "Input_other" in client.get("/openapi.json").json["components"]["schemas"]
    assert "Input_other" not in first.json["components"]["schemas"]


def test_an_empty_store(tmp_path: Path) -> None:
    client = create_app({"SERVING_MODELS": tmp_path}).test_client()
    document = client.get("/openapi.json").json
    validate(document)
    assert not [name for name in document["components"]["schemas"] if name.startswith("Input_")]
    assert json.dumps(document).count("#/components/examples/") == 0


def test_the_page_is_built_from_this_document(app: Flask) -> None:
    made = app.test_cli_runner().invoke(args=["openapi", "--without-models"]).output
    committed = Path(__file__).parents[2] / "frontend" / "openapi.json"
    assert json.loads(made) == json.loads(committed.read_text()), "npm run client, in frontend/, writes it anew"
    with_models = json.loads(app.test_cli_runner().invoke(args=["openapi"]).output)
    assert "Input_pets" in with_models["components"]["schemas"]


def test_docs_are_served_under_the_pages_policy(client: FlaskClient, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(page, "STATIC", tmp_path)
    assert client.get("/docs").status_code == 503
    (tmp_path / "docs.html").write_text("<!doctype html>")
    reply = client.get("/docs", buffered=True)
    assert (reply.status_code, reply.mimetype) == (200, "text/html")
    assert reply.headers["Content-Security-Policy"] == page.CONTENT_SECURITY_POLICY
    assert "unsafe" not in page.CONTENT_SECURITY_POLICY and "http" not in page.CONTENT_SECURITY_POLICY
