"""Packages that come through the API."""

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pyapp import create_app
from pyapp.packages.store import versions, was_removed

Write = Callable[..., Path]
ADMIN = {"Authorization": "Bearer s3cret-s3cret-s3cret"}


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app(
        {"SERVING_MODELS": store, "SERVING_ADMIN_TOKEN": "s3cret-s3cret-s3cret", "SERVING_MAX_UPLOAD_BYTES": 20_000}
    )


@pytest.fixture
def package(tmp_path: Path, write_network: Write) -> Path:
    return write_network(tmp_path / "new", 5)


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def contents(package: Path, prefix: str = "") -> dict[str, bytes]:
    return {prefix + file.name: file.read_bytes() for file in package.iterdir()}


def put(client: FlaskClient, body: bytes, version: int = 3, name: str = "pets", **more: object) -> tuple[int, str]:
    answer = client.put(f"/api/models/{name}/versions/{version}", data=body, headers=ADMIN)
    return answer.status_code, str(answer.json)


@pytest.mark.parametrize("prefix", ["", "pets-3/"])
def test_a_package_is_checked_and_then_serves(app: Flask, client: FlaskClient, package: Path, prefix: str) -> None:
    assert put(client, zipped(contents(package, prefix)))[0] == 201
    app.extensions["serving"].registry.reload()
    assert client.post("/classify", json=[1, 2, 3, 4]).json["version"] == 3
    assert put(client, zipped(contents(package)))[0] == 409


def test_a_new_model(app: Flask, client: FlaskClient, package: Path) -> None:
    assert put(client, zipped(contents(package)), 1, "birds")[0] == 201
    app.extensions["serving"].registry.reload()
    assert client.post("/classify?model=birds", json=[1, 2, 3, 4]).status_code == 200


def test_only_admins(client: FlaskClient, package: Path, store: Path) -> None:
    assert client.put("/api/models/pets/versions/3", data=zipped(contents(package))).status_code == 401
    assert client.delete("/api/models/pets/versions/1").status_code == 401
    assert not (store / "pets/3").exists()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (lambda files: zipped(files)[:-30], 400, "zip file"),
        (lambda files: b"", 400, "zip file"),
        (lambda files: zipped({"model.json": files["model.json"]}), 400, "weights.safetensors is missing"),
        (lambda files: zipped({**files, "../../evil": b"x"}), 400, "evil"),
        (lambda files: zipped({**files, "code.py": b"x"}), 400, "code.py"),
        (lambda files: zipped({**files, "model.json": b"{"}), 422, "model.json"),
        (lambda files: zipped({**files, "weights.safetensors": files["weights.safetensors"][:-4]}), 422, "weights"),
        (lambda files: zipped({**files, "samples.jsonl": b"\n" * 100_000}), 400, "larger than 20000"),
        (lambda files: b"x" * 30_000, 413, "20000"),
    ],
)
def test_what_is_no_package_never_shows(
    client: FlaskClient, store: Path, package: Path, change: Callable[..., bytes], status: int, words: str
) -> None:
    before = sorted(store.rglob("*"))
    found, text = put(client, change(contents(package)))
    assert (found, words in text) == (status, True), text
    assert str(store) not in text
    assert sorted(store.rglob("*")) == before


@pytest.mark.parametrize("name", [".hidden", "..", "a b", "%2e%2e%2fx"])
def test_names_cannot_leave_the_store(client: FlaskClient, store: Path, package: Path, name: str) -> None:
    before = sorted(store.parent.rglob("*"))
    assert put(client, zipped(contents(package)), 1, name)[0] in (400, 404, 308)
    assert sorted(store.parent.rglob("*")) == before


def test_a_version_is_removed(app: Flask, client: FlaskClient, store: Path, package: Path) -> None:
    assert client.delete("/api/models/pets/versions/2", headers=ADMIN).status_code == 409
    assert client.delete("/api/models/pets/versions/9", headers=ADMIN).status_code == 404
    assert client.delete("/api/models/pets/versions/1", headers=ADMIN).status_code == 200
    assert versions(store, "pets") == [2]
    app.extensions["serving"].registry.reload()
    assert client.post("/classify?version=1", json=[1, 2, 3, 4]).status_code == 404
    assert client.delete("/api/models/pets/versions/2", headers=ADMIN).status_code == 200
    app.extensions["serving"].registry.reload()
    assert client.get("/api/models").get_json() == {"models": []}
    assert was_removed(store, "pets", 2)
    assert put(client, zipped(contents(package)), 2)[0] == 201
    assert not was_removed(store, "pets", 2), "or it would not stay when it gets lost"
