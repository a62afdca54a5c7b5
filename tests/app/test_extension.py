"""Serving inside somebody's own Flask app."""

from pathlib import Path

import pytest
from flask import Flask, abort, request

from pyapp import Serving


@pytest.fixture
def host(store: Path) -> Flask:
    app = Flask("host")

    @app.get("/")
    def home() -> str:
        return "the host's own page"

    @app.before_request
    def login() -> None:
        if request.headers.get("X-User") != "anna":
            abort(403)

    Serving(app, url_prefix="/ml", config={"SERVING_MODELS": store})
    return app


def test_the_routes_are_under_the_prefix_and_the_rest_is_the_hosts(host: Flask) -> None:
    client = host.test_client()
    anna = {"X-User": "anna"}
    assert client.get("/", headers=anna).text == "the host's own page"
    answer = client.post("/ml/classify", json=[0.5, -1, 2, 0.25], headers=anna)
    assert (answer.status_code, answer.json["version"]) == (200, 2)
    body = {"instances": [[1, 2, 3, 4]]}
    assert client.post("/ml/v1/models/pets:predict", json=body, headers=anna).status_code == 200
    assert client.get("/ml/api/models", headers=anna).json["models"][0]["name"] == "pets"
    assert client.post("/classify", json=[1], headers=anna).status_code == 404


def test_the_hosts_hooks_see_every_request(host: Flask) -> None:
    client = host.test_client()
    for _ in range(3):
        assert client.post("/ml/classify", json=[1, 2, 3, 4]).status_code == 403


def test_errors_are_json_under_the_prefix_alone(host: Flask) -> None:
    client = host.test_client()
    anna = {"X-User": "anna"}
    wrong = client.post("/ml/classify?version=9", json=[1, 2, 3, 4], headers=anna)
    assert wrong.status_code == 404
    assert "no version 9" in wrong.json["error"]
    assert client.get("/nowhere", headers=anna).content_type.startswith("text/html")
    assert client.post("/ml/api/models/pets/rollback", headers=anna).json["error"].startswith("this server takes no")


def test_two_apps_in_one_process(store: Path, tmp_path: Path) -> None:
    (tmp_path / "none").mkdir()
    apps = []
    for folder in (store, tmp_path / "none"):
        app = Flask(folder.name)
        Serving(app, config={"SERVING_MODELS": folder})
        apps.append(app.test_client())
    assert [client.get("/healthz").status_code for client in apps] == [200, 503]


def test_once_is_enough(host: Flask) -> None:
    with pytest.raises(RuntimeError, match="already"):
        Serving(host)


def test_the_factory_pattern(store: Path) -> None:
    serving = Serving()
    app = Flask("later")
    serving.init_app(app, url_prefix="/v", config={"SERVING_MODELS": store})
    assert app.test_client().get("/v/healthz").json["models"] == {"pets": [1, 2]}
    assert app.test_cli_runner().invoke(args=["models", "list"]).exit_code == 0
