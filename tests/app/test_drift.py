import json
import multiprocessing
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask

from model_packages import dense_network, write_package
from pyapp import create_app
from pyapp.packages.statistics import statistics_of

TOKEN = "s3cret-s3cret-s3cret"
ROWS = np.random.default_rng(0).normal(size=(300, 4)).astype(np.float32)


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Version 1 without statistics, version 2 with."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    manifest, tensors = dense_network([4, 3])
    outputs = ROWS @ tensors["layer0/kernel"] + tensors["layer0/bias"]
    write_package(tmp_path / "models" / "m" / "1", manifest, tensors)
    statistics = statistics_of(manifest, {"x": ROWS}, outputs)
    write_package(tmp_path / "models" / "m" / "2", manifest | {"statistics": statistics}, tensors)
    return tmp_path / "models"


def app_of(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": str(store)})


def drift_of(app: Flask) -> dict[str, Any]:
    response = app.test_client().get("/api/models/m/drift")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.get_json()
    return found


def ask(app: Flask, rows: Any) -> None:
    assert app.test_client().post("/classify", json=rows.tolist()).status_code == 200


def ask_elsewhere(store: Path) -> None:
    ask(app_of(store), ROWS)


def test_the_traffic_is_compared_with_training(store: Path) -> None:
    app = app_of(store)
    nothing = drift_of(app)
    assert (nothing["level"], nothing["rows"], nothing["trained_rows"]) == ("unknown", 0, 300)
    ask(app, ROWS)
    same = drift_of(app)
    assert (same["model"], same["version"], same["rows"], same["sampled"]) == ("m", 2, 300, 300)
    assert same["level"] == "stable"
    assert [feature["index"] for feature in same["features"]] != []
    ask(app, ROWS + np.array([0, 0, 2, 0], np.float32))
    other = drift_of(app)
    assert other["level"] == "large"
    assert (other["features"][0]["index"], other["features"][0]["level"]) == (2, "large")
    assert [feature["level"] for feature in other["features"][1:]] == ["stable"] * 3
    for feature in other["features"]:
        assert len(feature["expected"]) == len(feature["seen"]) == len(feature["edges"]) + 2


def test_counts_are_of_all_processes_and_go_on_after_a_restart(store: Path) -> None:
    app = app_of(store)
    ask(app, ROWS)
    process = multiprocessing.get_context("spawn").Process(target=ask_elsewhere, args=(store,))
    process.start()
    process.join()
    assert process.exitcode == 0
    assert drift_of(app)["rows"] == 600
    assert drift_of(app_of(store))["rows"] == 600


def test_only_what_was_answered_is_counted(store: Path) -> None:
    """Neither what a shadow computes, nor a second time what is compared with it and journalled."""
    shutil.copytree(store / "m" / "2", store / "m" / "3")
    app = create_app({"SERVING_MODELS": str(store), "SERVING_ADMIN_TOKEN": TOKEN, "SERVING_JOURNAL": "digest"})
    shadow = {"target": 2, "percent": 100}
    client, admin = app.test_client(), {"Authorization": f"Bearer {TOKEN}"}
    assert client.put("/api/models/m/shadow", json=shadow, headers=admin).status_code == 200
    ask(app, ROWS)
    assert app.extensions["serving"].observer.flush()
    assert client.get("/api/models/m/compare").json["compared"][0]["rows"] == 300
    for version, rows in ((3, 300), (2, 0)):
        found = client.get(f"/api/models/m/drift?version={version}").json
        assert (found["rows"], found["sampled"]) == (rows, rows)
        assert sum(label["seen"] for label in found["label"]["labels"].values()) == pytest.approx(1.0 if rows else 0.0)


def test_only_a_server_makes_files_of_counts(store: Path, tmp_path: Path) -> None:
    """Those of the command line, perhaps another user's, would be closed to it; an upload is tried in another place."""
    app = create_app({"SERVING_MODELS": str(store), "SERVING_ADMIN_TOKEN": TOKEN, "SERVING_POLL_SECONDS": 0})
    app.extensions["serving"].watcher.stop()
    shutil.rmtree(tmp_path / "state")
    for command in (["list"], ["promote", "m", "2"], ["show", "m", "2"]):
        assert app.test_cli_runner().invoke(args=["models", *command]).exit_code == 0
    shutil.make_archive(str(tmp_path / "package"), "zip", store / "m" / "2")
    body, admin = (tmp_path / "package.zip").read_bytes(), {"Authorization": f"Bearer {TOKEN}"}
    assert app.test_client().put("/api/models/m/versions/3", data=body, headers=admin).status_code == 201
    assert not (tmp_path / "state").exists()


def test_no_home_is_no_fault(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/proc/nowhere")
    app = app_of(store)
    ask(app, ROWS)
    assert drift_of(app)["rows"] == 300


def test_what_has_no_statistics_says_so(store: Path) -> None:
    client = app_of(store).test_client()
    for url, status, said in (
        ("/api/models/m/drift?version=1", 404, "version 1, has no statistics"),
        ("/api/models/m/drift?version=7", 404, "7"),
        ("/api/models/other/drift", 404, "other"),
        ("/api/models/m/drift?version=x", 400, "whole number"),
    ):
        response = client.get(url)
        assert response.status_code == status
        assert said in json.loads(response.data)["error"]
