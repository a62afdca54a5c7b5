"""What people decide about models, over HTTP: promotions, labels, splits, shadows, policies, and who did it."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pyapp import create_app
from pyapp.serving.decisions import Decisions
from pyapp.serving.registry import Registry
from pyapp.serving.state.errors import StateError

Write = Callable[..., Path]
TOKEN = "s3cret-s3cret-s3cret"
ADMIN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, "SERVING_ADMIN_TOKEN": TOKEN, "SERVING_POLL_SECONDS": 0})


def ask(client: FlaskClient, path: str = "/classify") -> int:
    answer = client.post(path, json=[0.5, -1, 2, 0.25])
    assert answer.status_code == 200, answer.json
    version: int = answer.json["version"]
    assert answer.headers["X-Model-Version"] == str(version)
    return version


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": f"Basic {TOKEN}"}, 401),
        (ADMIN, 200),
    ],
)
def test_only_the_token_lets_in(client: FlaskClient, headers: dict[str, str], status: int) -> None:
    answer = client.post("/api/models/pets/promote", json={"version": 1}, headers=headers)
    assert answer.status_code == status
    assert ask(client) == (1 if status == 200 else 2)


def test_without_a_token_nothing_can_be_changed(store: Path) -> None:
    client = create_app({"SERVING_MODELS": store}).test_client()
    answer = client.post("/api/models/pets/promote", json={"version": 1}, headers=ADMIN)
    assert answer.status_code == 403
    assert "SERVING_ADMIN_TOKEN" in answer.json["error"]


def test_promote_and_roll_back(client: FlaskClient) -> None:
    decided = client.post("/api/models/pets/promote", json={"version": 1}, headers=ADMIN).json
    assert decided["default"] == 1
    assert decided["routing"]["promoted"] == [1, 2]
    assert ask(client) == 1
    assert client.post("/api/models/pets/rollback", headers=ADMIN).json["default"] == 2
    assert ask(client) == 2
    answer = client.post("/api/models/pets/rollback", headers=ADMIN)
    assert answer.json["default"] == 1, "version 1 is older than 2 and can answer"


def test_roll_back_to_the_warm_version_and_follow_the_newest_again(client: FlaskClient) -> None:
    assert client.post("/api/models/pets/rollback", headers=ADMIN).json["default"] == 1
    answer = client.post("/api/models/pets/rollback", headers=ADMIN)
    assert answer.status_code == 409
    assert "no earlier version" in answer.json["error"]
    assert client.post("/api/models/pets/promote", json={"version": "newest"}, headers=ADMIN).json["default"] == 2


def test_a_version_that_the_policy_does_not_keep_is_loaded_to_be_promoted(
    store: Path, write_network: Write, client: FlaskClient
) -> None:
    for number in (3, 4):
        write_network(store / "pets" / str(number))
    client.post("/api/reload", headers=ADMIN)
    assert ask(client) == 4
    assert client.post("/classify?version=1", json=[1, 2, 3, 4]).status_code == 503
    assert client.post("/api/models/pets/promote", json={"version": 1}, headers=ADMIN).json["default"] == 1
    client.post("/api/reload", headers=ADMIN)
    assert ask(client) == 1


def test_what_cannot_answer_cannot_be_promoted_or_labelled(
    store: Path, write_network: Write, client: FlaskClient
) -> None:
    (write_network(store / "pets" / "3") / "model.json").write_text("{")
    for method, path in ((client.post, "promote"), (client.put, "labels/stable")):
        answer = method(f"/api/models/pets/{path}", json={"version": 3}, headers=ADMIN)
        assert answer.status_code == 503
        assert "model.json" in answer.json["error"]
        answer = method(f"/api/models/pets/{path}", json={"version": 9}, headers=ADMIN)
        assert answer.status_code == 404
    assert ask(client) == 2


def test_labels_are_asked_in_every_protocol(client: FlaskClient) -> None:
    decided = client.put("/api/models/pets/labels/stable", json={"version": 1}, headers=ADMIN).json
    assert decided["labels"] == {"stable": 1}
    for path in ("/classify?label=stable", "/classify?model=pets&label=stable"):
        for _ in range(2):  # through Flask, then past it
            assert ask(client, path) == 1
    body = {"instances": [[0.5, -1, 2, 0.25]]}
    assert client.post("/v1/models/pets/labels/stable:predict", json=body).headers["X-Model-Version"] == "1"
    assert ask(client) == 2
    assert client.post("/classify?label=canary", json=[1, 2, 3, 4]).status_code == 404
    assert client.post("/classify?label=stable&version=1", json=[1, 2, 3, 4]).status_code == 400
    assert client.get("/api/models").json["models"][0]["labels"] == {"stable": 1}
    assert client.delete("/api/models/pets/labels/stable", headers=ADMIN).json["labels"] == {}
    assert client.delete("/api/models/pets/labels/stable", headers=ADMIN).status_code == 409


def test_a_split_is_sticky_by_header_cookie_or_body(client: FlaskClient) -> None:
    decided = client.put("/api/models/pets/split", json={"shares": {"1": 50, "2": 50}}, headers=ADMIN)
    assert decided.json["routing"]["split"] == {"1": 5000, "2": 5000}
    seen = {}
    for key in range(40):
        versions = {
            client.post("/classify", json=[1, 2, 3, n], headers={"X-Sticky-Key": str(key)}).json["version"]
            for n in range(4)
        }
        assert len(versions) == 1
        seen[key] = versions.pop()
    assert set(seen.values()) == {1, 2}
    bodies = [client.post("/classify", json=[1, 2, 3, n]).json["version"] for n in range(40)]
    assert bodies == [client.post("/classify", json=[1, 2, 3, n]).json["version"] for n in range(40)]
    assert set(bodies) == {1, 2}
    client.set_cookie("sticky_key", "17")
    assert len({client.post("/classify", json=[1, 2, 3, n]).json["version"] for n in range(20)}) == 1
    assert client.post("/classify?version=1", json=[1, 2, 3, 4]).json["version"] == 1
    client.delete("/api/models/pets/split", headers=ADMIN)
    assert ask(client) == 2


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "words"),
    [
        ("post", "promote", {}, 400, "version is missing"),
        ("post", "promote", [1], 400, "expected a JSON object"),
        ("post", "promote", {"version": 0}, 400, "whole number from 1"),
        ("post", "promote", {"version": True}, 400, "whole number from 1"),
        ("post", "promote", {"version": 1, "force": True}, 400, "there is no force here"),
        ("put", "labels/two words", {"version": 1}, 409, "is no label"),
        ("put", "split", {"shares": {"1": 60, "2": 60}}, 409, "sum to 100"),
        ("put", "split", {"shares": {"1": "all"}}, 400, "percents"),
        ("put", "split", {"shares": {"9": 100}}, 404, "no version 9"),
        ("put", "split", {"shares": {"canary": 100}}, 404, "no label"),
        ("put", "shadow", {"target": "1", "percent": 0}, 409, "at most 100"),
        ("put", "shadow", {"target": [1], "percent": 5}, 400, "a version or a label"),
        ("put", "policy", {"policy": "newest"}, 409, "expected latest"),
    ],
)
def test_what_is_not_possible_is_told(
    client: FlaskClient, method: str, path: str, body: Any, status: int, words: str
) -> None:
    answer = client.open(f"/api/models/pets/{path}", method=method.upper(), json=body, headers=ADMIN)
    assert answer.status_code == status, answer.json
    assert words in answer.json["error"]
    assert client.get("/api/models/pets/audit", headers=ADMIN).json["audit"] == []


def test_an_unknown_model(client: FlaskClient) -> None:
    for method, path, body in (
        ("POST", "promote", {"version": 1}),
        ("POST", "rollback", None),
        ("PUT", "policy", {"policy": "all"}),
    ):
        answer = client.open(f"/api/models/fish/{path}", method=method, json=body, headers=ADMIN)
        assert answer.status_code == 404
        assert "models: pets" in answer.json["error"]


def test_a_policy_of_one_model(store: Path, write_network: Write, client: FlaskClient) -> None:
    write_network(store / "pets" / "3")
    client.put("/api/models/pets/policy", json={"policy": "1"}, headers=ADMIN)
    client.post("/api/reload", headers=ADMIN)
    assert ask(client) == 1
    client.delete("/api/models/pets/policy", headers=ADMIN)
    client.post("/api/reload", headers=ADMIN)
    assert ask(client) == 3


def test_the_audit_says_who_did_what(client: FlaskClient) -> None:
    client.post("/api/models/pets/promote", json={"version": 1}, headers={**ADMIN, "X-Actor": "anna"})
    client.post("/api/models/pets/rollback", headers=ADMIN)
    newest, oldest = client.get("/api/models/pets/audit", headers=ADMIN).json["audit"]
    assert (oldest["who"], oldest["action"]) == ("anna", "promote")
    assert oldest["before"]["promoted"] == []
    assert newest["before"]["promoted"] == [1, 2]
    assert newest["after"]["promoted"] == [2]
    assert newest["who"].startswith("admin from")


def test_another_process_and_the_next_start_agree(store: Path, client: FlaskClient) -> None:
    other = create_app({"SERVING_MODELS": store, "SERVING_POLL_SECONDS": 0})
    client.post("/api/models/pets/promote", json={"version": 1}, headers=ADMIN)
    assert ask(other.test_client()) == 2
    other.extensions["serving"].watcher.look()
    assert ask(other.test_client()) == 1
    assert ask(create_app({"SERVING_MODELS": store}).test_client()) == 1


def test_serving_goes_on_when_the_database_is_away(store: Path, tmp_path: Path) -> None:
    def followed(url: str) -> tuple[Registry, Decisions]:
        registry = Registry(store)
        return registry, Decisions(registry, url, tmp_path / "remembered.json")

    registry, decisions = followed(f"sqlite:///{tmp_path}/db.sqlite3")
    registry.reload()
    decisions.promote("pets", 1, "anna")

    registry, decisions = followed("postgres://nobody:secret@127.0.0.1:1/none")
    with pytest.raises(StateError, match="can't be used") as told:
        decisions.sync()
    assert "secret" not in str(told.value)
    registry.reload()
    assert registry.find("pets").version == 1, "the last decisions known"
    with pytest.raises(StateError):
        decisions.rollback("pets", "anna")
    assert registry.find("pets").version == 1


def test_a_database_that_is_away_is_said_to_whoever_decides(store: Path) -> None:
    settings = {"SERVING_MODELS": store, "SERVING_ADMIN_TOKEN": TOKEN, "DATABASE_URL": "postgres://127.0.0.1:1/none"}
    client = create_app(settings).test_client()
    answer = client.post("/api/models/pets/promote", json={"version": 1}, headers=ADMIN)
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert ask(client) == 2


def test_without_the_database_library_serving_goes_on_and_deciding_is_503(
    store: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setitem(sys.modules, "sqlalchemy", None)
    monkeypatch.delitem(sys.modules, "pyapp.serving.state.state", raising=False)
    settings = {"SERVING_MODELS": store, "SERVING_ADMIN_TOKEN": TOKEN, "DATABASE_URL": "postgres://127.0.0.1:1/none"}
    client = create_app(settings).test_client()
    (record,) = [record for record in caplog.records if "needs sqlalchemy" in record.message]
    assert not record.exc_info and "[postgres]" in record.message
    assert client.post("/classify", json=[0.5, -1, 2, 0.25]).status_code == 200
    reply = client.post("/api/models/pets/promote", json={"version": 1}, headers=ADMIN)
    assert reply.status_code == 503 and "needs sqlalchemy" in reply.get_json()["error"]


@pytest.mark.parametrize("token", ["", TOKEN])
def test_what_deciding_needs_is_loaded_before_requests_come(token: str, store: Path) -> None:
    code = f"""
import sys
from pyapp import create_app
create_app({{"SERVING_MODELS": {str(store)!r}, "SERVING_ADMIN_TOKEN": {token!r}}})
print({{"sqlalchemy", "alembic.command"}} <= set(sys.modules), "sqlalchemy" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(bool(token))] * 2
