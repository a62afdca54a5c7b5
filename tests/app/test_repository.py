"""Triton's model repository extension: the index, loading and unloading, statistics."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from model_packages import dense_network, write_package
from pyapp import create_app
from pyapp.serving.policy import Policy

TOKEN = {"Authorization": "Bearer s3cret-s3cret-s3cret"}
REPOSITORY = "/v2/repository/models"


@pytest.fixture
def admin(store: Path, tmp_path: Path) -> FlaskClient:
    settings = {
        "SERVING_MODELS": store,
        "SERVING_ADMIN_TOKEN": "s3cret-s3cret-s3cret",
        "DATABASE_URL": f"sqlite:///{tmp_path / 'state.db'}",
    }
    return create_app(settings).test_client()


def index(client: FlaskClient, **body: Any) -> dict[str, str]:
    return {item["version"]: item["state"] for item in client.post("/v2/repository/index", json=body).json}


def test_the_index(admin: FlaskClient, store: Path) -> None:
    (store / "pets" / "3").mkdir()
    admin.post("/api/reload", headers=TOKEN)
    assert index(admin) == {"3": "UNAVAILABLE", "2": "READY", "1": "READY"}
    assert index(admin, ready=True) == {"2": "READY", "1": "READY"}
    assert admin.post("/v2/repository/index").status_code == 200
    assert admin.post("/v2/repository/index", data="{").status_code == 400
    assert admin.post("/v2/repository/index", data="[]").status_code == 400
    reply = admin.post("/v2/repository/index", json={"ready": 1})
    assert (reply.status_code, reply.json["where"]) == (400, "/ready")


def test_unload_and_load(admin: FlaskClient, row: list[float]) -> None:
    assert admin.post("/classify", json=row).status_code == 200
    assert admin.post(f"{REPOSITORY}/pets/unload").status_code == 401
    reply = admin.post(f"{REPOSITORY}/pets/unload", headers=TOKEN, json={"parameters": {"unload_dependents": True}})
    assert (reply.status_code, reply.data) == (200, b"")
    assert admin.post("/classify", json=row).status_code == 503
    assert admin.get("/v2/models/pets/ready").status_code == 400
    assert "READY" not in index(admin).values()
    reply = admin.post(f"{REPOSITORY}/pets/load", headers=TOKEN)
    assert (reply.status_code, reply.headers["X-Model-Version"]) == (200, "2")
    assert admin.post("/classify", json=row).status_code == 200
    audit = admin.get("/api/models/pets/audit", headers=TOKEN).json["audit"]
    assert [change["action"] for change in audit] == ["policy", "policy"]


def test_load_takes_what_is_new(admin: FlaskClient, store: Path, write_network: Any) -> None:
    write_network(store / "birds" / "1")
    assert admin.get("/v2/models/birds/ready").status_code == 404
    assert admin.post(f"{REPOSITORY}/birds/load", headers=TOKEN, json={}).status_code == 200
    assert admin.get("/v2/models/birds/ready").status_code == 200


@pytest.mark.parametrize(
    ("name", "body", "status", "words"),
    [
        ("pets", {"parameters": {"config": "{}"}}, 400, "as it lies in the store"),
        ("pets", {"parameters": {"file:1/model.json": "e30="}}, 400, "as it lies in the store"),
        ("pets", {"parameters": []}, 400, "parameters must be an object"),
        ("pets", [], 400, "a JSON object"),
        ("fish", {}, 404, "no model is named 'fish'"),
    ],
)
def test_what_is_not_loaded(name: str, body: Any, status: int, words: str, admin: FlaskClient) -> None:
    reply = admin.post(f"{REPOSITORY}/{name}/load", headers=TOKEN, json=body)
    assert (reply.status_code, words in reply.json["error"]) == (status, True)


def test_a_model_that_fails_is_not_loaded(admin: FlaskClient, store: Path) -> None:
    (store / "fish" / "1").mkdir(parents=True)
    for name in ("model.json", "weights.safetensors"):
        (store / "fish" / "1" / name).write_text("no JSON")
    reply = admin.post(f"{REPOSITORY}/fish/load", headers=TOKEN)
    assert (reply.status_code, "failed to load 'fish'" in reply.json["error"]) == (400, True)


def test_without_a_token_nobody_loads(client: FlaskClient) -> None:
    assert client.post(f"{REPOSITORY}/pets/load").status_code == 403
    assert client.post(f"{REPOSITORY}/pets/unload").status_code == 403
    assert index(client) == {"2": "READY", "1": "READY"}


def test_statistics(client: FlaskClient, row: list[float]) -> None:
    for body in ([row, row], row, "no row"):
        client.post("/classify", json=body)
    first, second = client.get("/v2/models/stats").json["model_stats"]
    assert (first["version"], first["inference_count"], first["execution_count"]) == ("2", 3, 2)
    failed = first["inference_stats"]["fail"]
    assert failed["count"] == 1
    assert 0 < failed["ns"] < 10**9
    assert [(item["batch_size"], item["compute_infer"]["count"]) for item in first["batch_stats"]] == [(1, 1), (2, 1)]
    computed = sum(item["compute_infer"]["ns"] for item in first["batch_stats"])
    assert 0 < computed <= first["inference_stats"]["compute_infer"]["ns"]
    assert second["batch_stats"] == []
    assert first["inference_stats"]["success"]["count"] == 2 and first["inference_stats"]["success"]["ns"] > 0
    assert (second["version"], second["inference_count"], second["last_inference"]) == ("1", 0, 0)
    assert client.get("/v2/models/pets/stats").json["model_stats"] == [first, second]
    assert client.get("/v2/models/pets/versions/1/stats").json["model_stats"] == [second]
    assert client.get("/v2/models/fish/stats").status_code == 404
    assert client.get("/v2/models/pets/versions/9/stats").status_code == 404


def test_requests_that_share_a_batch_are_one_execution(tmp_path: Path) -> None:
    write_package(tmp_path / "big" / "1", *dense_network((500, 1500, 1500, 10)))
    app = create_app({"SERVING_MODELS": tmp_path, "SERVING_SLOTS": 1})
    url, body = "/v1/models/big:predict", json.dumps({"instances": [[0.5] * 500]})
    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(lambda _: app.test_client().post(url, data=body).status_code, range(160)))
    assert set(done) == {200}
    (told,) = app.test_client().get("/v2/models/big/stats").json["model_stats"]
    assert told["inference_count"] == told["inference_stats"]["success"]["count"] == 160
    assert 10 <= told["execution_count"] < 160
    sizes = {item["batch_size"]: item["compute_infer"]["count"] for item in told["batch_stats"]}
    assert sum(sizes.values()) == told["execution_count"]
    assert sum(size * count for size, count in sizes.items()) == 160
    queue = app.extensions["serving"].engine.stats()
    assert sizes == queue["batch_rows"]


def test_the_policy_none() -> None:
    assert str(Policy.parse(" None ")) == "none"
    assert Policy.parse("none").wanted([1, 2], [1]) == set()
