import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from flask.testing import FlaskClient, FlaskCliRunner

from pyapp import create_app

ROOT = Path(__file__).resolve().parents[2]


def test_all_there_is_to_know_of_a_version(client: FlaskClient) -> None:
    (pets,) = client.get("/api/models").json["models"]
    assert (pets["name"], pets["default"]) == ("pets", 2)
    newest, oldest = pets["versions"]
    assert (newest["version"], oldest["version"]) == (2, 1)
    assert newest.pop("nbytes") >= 4 * (4 * 3 + 3 + 3 * 2 + 2)
    assert newest == {
        "version": 2,
        "state": "AVAILABLE",
        "reason": "",
        "task": "classification",
        "description": "Cats and dogs",
        "inputs": [
            {
                "name": "numbers",
                "kind": "tensor",
                "shape": [4],
                "takes_image": True,
                "image": {"height": 2, "width": 2, "channels": 1},
            }
        ],
        "outputs": [{"name": "scores", "shape": [2]}],
        "labels": ["cat", "dog"],
        "parameters": 4 * 3 + 3 + 3 * 2 + 2,
        "provenance": {"framework": "numpy"},
    }


def test_a_version_that_failed_says_why(store: Path) -> None:
    (store / "pets" / "3").mkdir()
    for name in ("model.json", "weights.safetensors"):
        (store / "pets" / "3" / name).write_text("no JSON")
    (pets,) = create_app({"SERVING_MODELS": store}).test_client().get("/api/models").json["models"]
    assert pets["default"] == 2
    assert [version["version"] for version in pets["versions"]] == [3, 2, 1]
    failed = pets["versions"][0]
    assert failed["state"] == "FAILED"
    assert "model.json" in failed["reason"]
    assert failed.keys() == pets["versions"][1].keys()


def test_the_command_line_lists_the_same(runner: FlaskCliRunner, client: FlaskClient) -> None:
    shown = runner.invoke(args=["models", "list"])
    assert shown.exit_code == 0
    rows = [line.split() for line in shown.output.splitlines()]
    assert rows[1][:4] == ["*", "pets", "2", "AVAILABLE"] and rows[2][:3] == ["pets", "1", "AVAILABLE"]
    (listed,) = json.loads(runner.invoke(args=["models", "list", "--json"]).stdout)["models"]
    (served,) = client.get("/api/models").json["models"]
    assert {key: listed[key] for key in served} == served


def test_the_command_line_shows_the_settings_in_force(runner: FlaskCliRunner, store: Path) -> None:
    shown = runner.invoke(args=["serving", "config"])
    assert shown.exit_code == 0
    assert str(store) in shown.output
    assert "SERVING_MAX_BODY_BYTES" in shown.output
    assert '"SERVING_MAX_BODY_BYTES": 16777216' in runner.invoke(args=["serving", "config", "--json"]).output


@pytest.mark.parametrize("app_option", [[], ["--app", "mine:app"]])
def test_what_needs_no_app_works_without_one(store: Path, tmp_path: Path, app_option: list[str]) -> None:
    (tmp_path / "mine.py").write_text("import pyapp\napp = pyapp.create_app({'SERVING_SLOTS': 3})\n")
    environ = {**os.environ, "SERVING_MODELS": str(store), "PYTHONPATH": str(ROOT)}
    environ = {name: value for name, value in environ.items() if name != "FLASK_APP"}

    def flask(*command: str) -> str:
        line = [sys.executable, "-m", "flask", *app_option, *command]
        done = subprocess.run(line, cwd=tmp_path, env=environ, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert json.loads(flask("serving", "config", "--json"))["SERVING_SLOTS"] == (3 if app_option else 0)
    assert flask("serving", "errors") == (ROOT / "docs" / "errors.md").read_text()


def test_what_was_decided_is_told(store: Path) -> None:
    settings = {"SERVING_MODELS": store, "SERVING_ADMIN_TOKEN": "s3cret-s3cret-s3cret", "SERVING_POLL_SECONDS": 0}
    client = create_app(settings).test_client()
    admin = {"Authorization": "Bearer s3cret-s3cret-s3cret"}
    assert client.get("/api/models").json["models"][0]["routing"]["split"] is None
    client.put("/api/models/pets/split", json={"shares": {"1": 25, "2": 75}}, headers=admin)
    client.put("/api/models/pets/shadow", json={"target": "1", "percent": 10}, headers=admin)
    routing = client.get("/api/models").json["models"][0]["routing"]
    assert routing["split"] == {"1": 2500, "2": 7500}
    assert routing["shadow"] == {"target": "1", "points": 1000}
