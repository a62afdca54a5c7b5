from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from pyapp import Config, ConfigError, create_app, engine


def test_engine_and_factory_are_what_the_package_offers() -> None:
    assert callable(engine.Model.load)
    assert callable(engine.Engine)


def test_a_mapping_sets_ours_and_flasks(store: Path) -> None:
    app = create_app({"SERVING_MODELS": str(store), "SERVING_MAX_BODY_BYTES": 1234, "TESTING": True})
    assert app.testing
    assert app.extensions["serving"].config.max_body_bytes == 1234
    assert app.extensions["serving"].config.models == store


def test_a_config_is_taken_as_it_is(store: Path) -> None:
    config = Config(models=store, max_body_bytes=99)
    assert create_app(config).extensions["serving"].config is config


def test_without_config_the_environment_counts(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVING_MODELS", str(store))
    assert create_app().extensions["serving"].registry.snapshot.available() == {"pets": [1, 2]}


def test_a_setting_that_does_not_exist_is_refused(store: Path) -> None:
    with pytest.raises(ConfigError, match="SERVING_SPEED is no setting"):
        create_app({"SERVING_MODELS": store, "SERVING_SPEED": "11"})


def test_two_apps_in_one_process_share_nothing(store: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    one, other = create_app({"SERVING_MODELS": store}), create_app({"SERVING_MODELS": tmp_path / "empty"})
    assert one.test_client().get("/healthz").status_code == 200
    assert other.test_client().get("/healthz").status_code == 503
    assert one.extensions["serving"].engine is not other.extensions["serving"].engine


def test_an_unknown_url_is_a_json_404(client: FlaskClient) -> None:
    reply = client.get("/nowhere")
    assert (reply.status_code, reply.mimetype) == (404, "application/json")
    assert "/nowhere" in reply.json["error"]


def test_a_wrong_verb_is_a_json_405_that_names_the_right_one(client: FlaskClient) -> None:
    reply = client.get("/classify")
    assert (reply.status_code, reply.mimetype) == (405, "application/json")
    assert "POST" in reply.json["error"]
    assert "POST" in reply.headers["Allow"]


def test_a_fault_of_ours_is_a_json_500_that_tells_no_secret(app: Flask) -> None:
    app.testing = False
    app.add_url_rule("/fault", view_func=lambda: 1 // 0)
    reply = app.test_client().get("/fault")
    assert (reply.status_code, reply.mimetype) == (500, "application/json")
    assert "ZeroDivision" not in reply.text


def test_options_and_head(client: FlaskClient) -> None:
    assert "POST" in client.options("/classify").headers["Allow"]
    head = client.head("/healthz")
    assert (head.status_code, head.data) == (200, b"")
