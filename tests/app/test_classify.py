import json
from collections.abc import Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from pyapp import ConfigError, create_app

Encode = Callable[..., bytes]
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
TEXT = "0.5, -1.0, 2.0, 0.25"


def one(scores: np.ndarray, version: int = 2) -> dict[str, Any]:
    """The answer to one row, but for the last bits."""
    return {
        "score": pytest.approx(float(scores.max()), abs=1e-6),
        "label": ("cat", "dog")[int(scores.argmax())],
        "scores": pytest.approx(scores.tolist(), abs=1e-6),
        "model": "pets",
        "version": version,
    }


@pytest.mark.parametrize(
    "request_",
    [
        {"json": [0.5, -1.0, 2.0, 0.25]},
        {"json": {"data": [0.5, -1.0, 2.0, 0.25]}},
        {"data": "[0.5, -1.0, 2.0, 0.25]"},
        {"data": "[0.5, -1.0, 2.0, 0.25]", "content_type": "application/json; charset=utf-8"},
        {"data": {"data": TEXT}},
        {"data": {"data": "[0.5, -1.0, 2.0, 0.25]"}},
        {"data": "[0.5, -1.0, 2.0, 0.25]", "content_type": FORM},
        {"data": {"data": TEXT}, "content_type": "multipart/form-data"},
        {"data": TEXT, "content_type": "text/csv"},
        {"data": TEXT + "\r\n", "content_type": "text/plain; charset=utf-8"},
    ],
)
def test_a_row_in_every_form(request_: dict[str, Any], client: FlaskClient, networks: Any, row: list[float]) -> None:
    reply = client.post("/classify", **request_)
    assert reply.status_code == 200, reply.text
    assert reply.json == one(networks[2].scores(row))
    assert reply.mimetype == JSON
    assert reply.headers["X-Model-Version"] == "2"
    assert "total;dur=" in reply.headers["Server-Timing"]


def test_a_row_in_a_csv_file(client: FlaskClient, networks: Any, row: list[float]) -> None:
    reply = client.post("/classify", data={"data": (BytesIO(TEXT.encode()), "row.csv", "text/csv")})
    assert reply.json == one(networks[2].scores(row))


@pytest.mark.parametrize(
    "request_",
    [
        {"json": [[0.5, -1.0, 2.0, 0.25], [1, 2, 3, 4], [-1, 0, 0, 1]]},
        {"json": {"data": [[0.5, -1.0, 2.0, 0.25], [1, 2, 3, 4], [-1, 0, 0, 1]]}},
        {"data": "0.5,-1,2,0.25\n1,2,3,4\n-1,0,0,1\n", "content_type": "text/csv"},
    ],
)
def test_many_rows(request_: dict[str, Any], client: FlaskClient, networks: Any) -> None:
    reply = client.post("/classify", **request_)
    assert reply.status_code == 200, reply.text
    assert (reply.json["model"], reply.json["version"]) == ("pets", 2)
    expected = networks[2].scores([[0.5, -1.0, 2.0, 0.25], [1, 2, 3, 4], [-1, 0, 0, 1]])
    for result, scores in zip(reply.json["results"], expected, strict=True):
        assert {**result, "model": "pets", "version": 2} == one(scores)


def test_a_row_alone_and_in_company_has_the_same_bits(client: FlaskClient, row: list[float]) -> None:
    alone = client.post("/classify", json=row).json["scores"]
    company = np.random.default_rng(0).normal(size=(31, 4)).tolist()
    together = client.post("/classify", json=[*company[:13], row, *company[13:]]).json["results"]
    assert together[13]["scores"] == alone


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1"])
def test_a_picture(mode: str, client: FlaskClient, networks: Any, encode: Encode) -> None:
    pixels = [0, 255, 0, 255] if mode == "1" else [40, 200, 40, 200]
    encoded = encode(mode, (2, 2)) if mode != "1" else encode(mode, (2, 2), dither=0)
    body = client.post("/classify", data=encoded, content_type="image/png")
    assert body.status_code == 200, body.text
    if mode != "1":
        assert body.json == one(networks[2].scores(pixels))
    upload = client.post("/classify", data={"file": (BytesIO(encoded), "digit.png")})
    field = client.post("/classify", data={"data": (BytesIO(encoded), "digit.png", "image/png")})
    assert upload.json == field.json == body.json


def test_top(client: FlaskClient, row: list[float]) -> None:
    reply = client.post("/classify?top=1", json=row).json
    assert reply["top"] == [{"label": reply["label"], "score": reply["score"]}]
    assert [item["label"] for item in client.post("/classify?top=2", json=row).json["top"]] in (
        ["cat", "dog"],
        ["dog", "cat"],
    )


def test_versions(client: FlaskClient, networks: Any, row: list[float]) -> None:
    for version in (1, 2):
        reply = client.post(f"/classify?model=pets&version={version}", json=row)
        assert reply.json == one(networks[version].scores(row), version)
        assert reply.headers["X-Model-Version"] == str(version)


BAD = [
    # body, content type, status, words that help
    (b"", JSON, 400, ["empty", "4 numbers"]),
    (b"", "", 400, ["empty"]),
    (b"", "image/png", 400, ["empty"]),
    (b"[0.5, -1.0", JSON, 400, ["ends", "offset"]),
    (b"{'data': [1]}", JSON, 400, ["offset"]),
    (b"hello", JSON, 400, ["expected", "offset"]),
    (b'{"pixels": [1, 2, 3, 4]}', JSON, 400, ["pixels", "data"]),
    (b"[1, 2, 3]", JSON, 422, ["3 numbers", "takes 4"]),
    (b"[1, 2, 3, 4, 5]", JSON, 422, ["5 numbers", "takes 4"]),
    (b"[[1, 2, 3, 4], [1, 2]]", JSON, 422, ["2 numbers", "/1"]),
    (b"[]", JSON, 422, ["takes 4"]),
    (b'[1, 2, "three", 4]', JSON, 422, ["string", "number", "/2"]),
    (b"[1, 2, null, 4]", JSON, 422, ["null", "number", "/2"]),
    (b"[1, 2, NaN, 4]", JSON, 400, ["NaN", "/2"]),
    (b"[1, 2, Infinity, 4]", JSON, 400, ["Infinity", "/2"]),
    (b"[1, 2, 1e999, 4]", JSON, 422, ["number"]),
    (b"[" * 100_000, JSON, 400, ["deep"]),
    (b"\xff\xfe[\x001\x00", JSON, 400, ["0xFF"]),
    (b"1,2,three,4", "text/csv", 422, ["three"]),
    (b"a=1&b=2", FORM, 400, ["data"]),
    (b"data=1,2,3", FORM, 422, ["3 numbers", "takes 4"]),
    (b"no parts", "multipart/form-data", 400, ["boundary"]),
    (b"no parts", "multipart/form-data; boundary=x", 400, []),
    (b"--x\r\nContent-Disposition: form-data; name=data\r\n\r\n1,2", "multipart/form-data; boundary=x", 400, []),
    (b"<row/>", "application/xml", 415, ["application/xml", "application/json", "image/"]),
    (b"I am a text file", "image/png", 415, ["PNG", "JPEG"]),
    (b"\x89PNG\r\n\x1a\n and then nothing", "image/png", 422, ["broken"]),
]


@pytest.mark.parametrize(("body", "content_type", "status", "words"), BAD)
def test_bad_input_is_told_what_is_wrong_and_the_next_is_answered(
    body: bytes, content_type: str, status: int, words: list[str], client: FlaskClient, row: list[float]
) -> None:
    before = client.post("/classify", json=row).json
    reply = client.post("/classify", data=body, content_type=content_type or None)
    assert (reply.status_code, reply.mimetype) == (status, JSON), reply.text
    assert reply.json["error"]
    for word in words:
        assert word in reply.text
    assert client.post("/classify", json=row).json == before


def test_a_text_file_named_png(client: FlaskClient) -> None:
    reply = client.post("/classify", data={"file": (BytesIO(b"I am a text file"), "digit.png")})
    assert reply.status_code == 415
    assert "PNG" in reply.json["error"]


def test_a_picture_of_20000_x_20000(client: FlaskClient, png: Encode) -> None:
    reply = client.post("/classify", data=png(20_000, 20_000), content_type="image/png")
    assert reply.status_code == 413
    assert reply.json["error"] == "picture is 20000 x 20000 pixels; at most 32000000 are taken"


def test_a_body_of_50_mb(client: FlaskClient) -> None:
    reply = client.post("/classify", data=bytes(50_000_000), content_type=JSON)
    assert reply.status_code == 413
    assert "16777216 bytes" in reply.json["error"]


def test_the_limit_itself_is_taken(store: Path, row: list[float]) -> None:
    client = create_app({"SERVING_MODELS": store, "SERVING_MAX_BODY_BYTES": 100}).test_client()
    body = json.dumps(row).ljust(100)
    for environ in ({}, {"HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True, "CONTENT_LENGTH": ""}):
        assert client.post("/classify", data=body, environ_overrides=environ).status_code == 200
        assert client.post("/classify", data=body + " ", environ_overrides=environ).status_code == 413


def test_a_stream_that_ends_never_is_read_up_to_the_limit(store: Path) -> None:
    class Endless:
        taken = 0

        def read(self, size: int = -1) -> bytes:
            self.taken += size
            return b"1" * size

    endless = Endless()
    client = create_app({"SERVING_MODELS": store, "SERVING_MAX_BODY_BYTES": 1000}).test_client()
    environ = {"wsgi.input": endless, "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    reply = client.post("/classify", environ_overrides=environ)
    assert reply.status_code == 413
    assert "1000" in reply.json["error"]
    assert 1000 < endless.taken < 100_000_000  # and some of the rest is taken off the connection


def test_a_body_that_breaks_off_is_not_taken_for_a_whole_one(client: FlaskClient) -> None:
    environ = {"wsgi.input": BytesIO(b"1,2,3,4\n5,6,7,8"), "CONTENT_LENGTH": "500", "wsgi.input_terminated": True}
    reply = client.post("/classify", content_type="text/csv", environ_overrides=environ)
    assert reply.status_code == 400
    assert "15 bytes; 500 were announced" in reply.json["error"]


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (Exception("Invalid chunk size: b'ZZ'"), "the body could not be read: Invalid chunk size: b'ZZ'"),
        (OSError("connection reset"), "the body breaks off before its end"),
    ],
)
def test_a_body_that_the_server_cannot_read(error: Exception, message: str, client: FlaskClient) -> None:
    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise error

    environ = {"wsgi.input": Broken(), "HTTP_TRANSFER_ENCODING": "chunked", "wsgi.input_terminated": True}
    reply = client.post("/classify", environ_overrides=environ)
    assert _error(reply) == (400, message)


@pytest.mark.parametrize(
    ("method", "url", "headers", "left"),
    [
        ("POST", "/nowhere", {}, 0),
        ("POST", "/classify?version=9", {}, 0),
        ("POST", "/classify", {}, 0),
        ("POST", "/healthz", {}, 0),
        # Such a client waits for leave to send, and has not sent anything.
        ("POST", "/classify", {"Expect": "100-continue"}, 50_000_000),
    ],
)
def test_a_refused_body_is_taken_off_the_connection(
    method: str, url: str, headers: dict[str, str], left: int, client: FlaskClient
) -> None:
    stream = BytesIO(bytes(50_000_000))
    environ = {"wsgi.input": stream, "CONTENT_LENGTH": "50000000", "wsgi.input_terminated": True}
    reply = client.open(url, method=method, headers=headers, environ_overrides=environ)
    assert reply.status_code in (404, 405, 413)
    assert len(stream.getbuffer()) - stream.tell() == left


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("version=0", ["version", "'0'", "whole number from 1"]),
        ("version=-1", ["'-1'"]),
        ("version=1.5", ["'1.5'"]),
        ("version=two", ["'two'"]),
        ("version=", ["''"]),
        ("version=%D9%A1", ["version"]),
        ("version=99999999999999999999999", ["version"]),
        ("top=0", ["top", "whole number from 1"]),
        ("top=-3", ["'-3'"]),
        ("top=all", ["'all'"]),
        ("top=%00", ["top"]),
    ],
)
def test_wrong_parameters(query: str, words: list[str], client: FlaskClient, row: list[float]) -> None:
    reply = client.post(f"/classify?{query}", json=row)
    assert (reply.status_code, reply.mimetype) == (400, JSON)
    assert reply.json["where"] == "?" + query.split("=")[0]
    for word in words:
        assert word in reply.json["error"]


def _error(reply: TestResponse) -> tuple[int, str]:
    return reply.status_code, reply.json["error"]


def test_unknown_models_and_versions_are_answered_with_those_that_exist(client: FlaskClient, row: list[float]) -> None:
    assert _error(client.post("/classify?model=fish", json=row)) == (404, "no model is named 'fish'; models: pets")
    assert _error(client.post("/classify?version=3", json=row)) == (
        404,
        "pets has no version 3; versions that answer: 1, 2",
    )
    assert client.post("/classify?model=../pets", json=row).status_code == 404


def test_a_version_that_failed_is_503_and_the_others_answer(store: Path, row: list[float]) -> None:
    (store / "pets" / "3").mkdir()
    client = create_app({"SERVING_MODELS": store}).test_client()
    status, message = _error(client.post("/classify?version=3", json=row))
    assert status == 503
    assert "model.json is missing" in message
    assert client.post("/classify", json=row).json["version"] == 2


def test_several_models_want_a_name(store: Path, write_network: Callable[..., Path], row: list[float]) -> None:
    write_network(store / "birds" / "1")
    client = create_app({"SERVING_MODELS": store}).test_client()
    status, message = _error(client.post("/classify", json=row))
    assert (status, message) == (
        400,
        "say which model by ?model=NAME, or set SERVING_DEFAULT_MODEL; models: birds, pets",
    )
    assert client.post("/classify?model=birds", json=row).json["model"] == "birds"


def test_a_default_model_answers_who_names_none(
    store: Path, write_network: Callable[..., Path], row: list[float]
) -> None:
    write_network(store / "birds" / "1")
    app = create_app({"SERVING_MODELS": store, "SERVING_DEFAULT_MODEL": "pets"})
    client = app.test_client()
    for url, version in (("/classify", 2), ("/classify?version=1", 1), ("/classify?top=1", 2)):
        for _ in range(2):  # through Flask, and past it
            told = client.post(url, json=row).json
            assert (told["model"], told["version"]) == ("pets", version)
    assert client.post("/classify?model=birds", json=row).json["model"] == "birds"
    (parameter,) = (
        parameter
        for parameter in client.get("/openapi.json").json["paths"]["/classify"]["post"]["parameters"]
        if parameter.get("name") == "model"
    )
    assert parameter["schema"]["default"] == "pets"


def test_a_default_model_that_is_not_there_is_named(store: Path, row: list[float]) -> None:
    client = create_app({"SERVING_MODELS": store, "SERVING_DEFAULT_MODEL": "birds"}).test_client()
    for _ in range(2):
        assert _error(client.post("/classify", json=row)) == (
            404,
            "no model is named 'birds' as SERVING_DEFAULT_MODEL says; models: pets",
        )
    with pytest.raises(ConfigError, match=r"SERVING_DEFAULT_MODEL: '\.\./birds' is no name of a model"):
        create_app({"SERVING_MODELS": store, "SERVING_DEFAULT_MODEL": "../birds"})


def test_parameters_that_are_none_are_refused(client: FlaskClient, row: list[float]) -> None:
    for url in ("/classify?versoin=1", "/classify?model=pets&versoin=1", "/classify?versoin=1&top=2"):
        for _ in range(2):
            reply = client.post(url, json=row)
            assert (reply.status_code, reply.json["where"]) == (400, "?versoin")
            assert "'versoin' here; expected model, version, label, top, explain" in reply.json["error"]


def test_no_model_at_all(tmp_path: Path) -> None:
    assert create_app({"SERVING_MODELS": tmp_path}).test_client().post("/classify", json=[1]).status_code == 503


def test_the_form_is_never_parsed_by_werkzeug(app: Flask, row: list[float]) -> None:
    with app.test_request_context("/classify", method="POST", data={"data": TEXT}):
        from flask import request

        reply = app.full_dispatch_request()
        assert reply.status_code == 200
        assert "form" not in request.__dict__


def test_many_labels_and_odd_letters_pass_through(store: Path, row: list[float]) -> None:
    manifest = store / "pets" / "2" / "model.json"
    text = json.loads(manifest.read_text())
    text["outputs"][0]["labels"] = ['"Kätzchen"\n', "🐶"]
    manifest.write_text(json.dumps(text))
    reply = create_app({"SERVING_MODELS": store}).test_client().post("/classify", json=row)
    assert reply.json["label"] in ('"Kätzchen"\n', "🐶")
