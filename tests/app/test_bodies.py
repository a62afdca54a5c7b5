"""Compressed bodies: taken, bounded, and refused where they are damaged."""

import gzip
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from backports import zstd
from flask import Flask
from flask.testing import FlaskClient

from pyapp import create_app
from pyapp.api import bodies

JSON = b"[0.5, -1.0, 2.0, 0.25]"
LIMIT = 100_000


def bare_deflate(data: bytes) -> bytes:
    encoder = zlib.compressobj(wbits=-15)
    return encoder.compress(data) + encoder.flush()


ENCODERS: dict[str, list[Callable[[bytes], bytes]]] = {
    "gzip": [gzip.compress, lambda data: gzip.compress(data[:5]) + gzip.compress(data[5:])],
    "x-gzip": [gzip.compress],
    "deflate": [zlib.compress, bare_deflate],
    "zstd": [zstd.compress, lambda data: zstd.compress(data[:5]) + zstd.compress(data[5:])],
    "identity": [bytes],
}
WAYS = [(name, encode) for name, encoders in ENCODERS.items() for encode in encoders]


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, "SERVING_MAX_BODY_BYTES": LIMIT})


def post(client: FlaskClient, body: bytes, encoding: str, url: str = "/classify") -> Any:
    return client.post(url, data=body, headers={"Content-Encoding": encoding, "Content-Type": "application/json"})


@pytest.mark.parametrize(("encoding", "encode"), WAYS)
def test_a_compressed_body_is_answered_as_the_plain_one(
    encoding: str, encode: Callable[[bytes], bytes], client: FlaskClient
) -> None:
    plain = client.post("/classify", data=JSON, content_type="application/json")
    assert plain.status_code == 200
    assert post(client, encode(JSON), encoding.upper()).json == plain.json


def test_the_other_protocols_take_them_too(client: FlaskClient) -> None:
    instances = gzip.compress(b'{"instances": [[0.5, -1.0, 2.0, 0.25]]}')
    assert post(client, instances, "gzip", "/v1/models/pets:predict").status_code == 200
    tensor = b'{"inputs": [{"name": "numbers", "datatype": "FP32", "shape": [1, 4], "data": [1, 2, 3, 4]}]}'
    assert post(client, zlib.compress(tensor), "deflate", "/v2/models/pets/infer").status_code == 200


@pytest.mark.parametrize(("encoding", "encode"), [way for way in WAYS if way[0] != "identity"])
def test_what_inflates_beyond_a_body_is_refused_early(
    encoding: str, encode: Callable[[bytes], bytes], client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = encode(b" " * 50_000_000)
    assert len(bomb) < LIMIT
    seen = []
    inflated = bodies.inflated
    monkeypatch.setattr(
        bodies, "inflated", lambda *args: (seen.append(len(piece)) or piece for piece in inflated(*args))
    )
    reply = post(client, bomb, encoding)
    assert reply.status_code == 413 and str(LIMIT) in reply.json["error"]
    assert sum(seen) <= LIMIT + bodies.PIECE and max(seen) <= bodies.PIECE
    assert post(client, encode(JSON), encoding).status_code == 200


@pytest.mark.parametrize(("encoding", "encode"), [way for way in WAYS if way[0] != "identity"])
def test_a_damaged_body_is_refused(encoding: str, encode: Callable[[bytes], bytes], client: FlaskClient) -> None:
    whole = encode(JSON * 20)
    for size in (1, 5, len(whole) // 2, len(whole) - 1):
        reply = post(client, whole[:size], encoding)
        assert reply.status_code == 400 and "end" in reply.json["error"], size
    for body in (whole + b"and more", b"\xff" * 40, JSON):
        assert post(client, body, encoding).status_code == 400
    assert post(client, b"", encoding).json["error"].startswith("the body is empty")


def test_a_window_beyond_the_standard_is_refused(client: FlaskClient) -> None:
    large = zstd.ZstdCompressor(options={zstd.CompressionParameter.window_log: 27})
    reply = post(client, large.compress(JSON) + large.flush(), "zstd")
    assert reply.status_code == 400 and "zstd" in reply.json["error"]


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "x" * 500])
def test_an_unknown_encoding_is_named(encoding: str, client: FlaskClient) -> None:
    reply = post(client, JSON, encoding)
    assert reply.status_code == 415 and "gzip, deflate, zstd" in reply.json["error"]
    assert encoding[:40] in reply.json["error"] and len(reply.text) < 300


@pytest.mark.parametrize("size", [1, 7, 1 << 20])
@pytest.mark.parametrize(("encoding", "encode"), [way for way in WAYS if "x-" not in way[0] and way[0] != "identity"])
def test_pieces_of_any_size(size: int, encoding: str, encode: Callable[[bytes], bytes]) -> None:
    body = bytes(range(256)) * 3000 if size > 1 else bytes(range(256)) * 3
    sent = encode(body)
    raw = [sent[i : i + size] for i in range(0, len(sent), size)]
    found = list(bodies.inflated(raw, encoding))
    assert b"".join(found) == body and max(map(len, found)) <= bodies.PIECE
