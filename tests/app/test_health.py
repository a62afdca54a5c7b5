from pathlib import Path

from flask.testing import FlaskClient

from pyapp import create_app


def test_healthy(client: FlaskClient) -> None:
    reply = client.get("/healthz")
    assert reply.status_code == 200
    assert reply.json == {"status": "ok", "models": {"pets": [1, 2]}}


def test_a_failed_version_is_not_among_those_that_answer(store: Path) -> None:
    (store / "pets" / "2" / "model.json").write_text("{")
    reply = create_app({"SERVING_MODELS": store}).test_client().get("/healthz")
    assert (reply.status_code, reply.json["models"]) == (200, {"pets": [1]})


def test_503_if_nothing_can_answer(tmp_path: Path) -> None:
    reply = create_app({"SERVING_MODELS": tmp_path}).test_client().get("/healthz")
    assert reply.status_code == 503
    assert reply.json == {"status": "unavailable", "models": {}}
