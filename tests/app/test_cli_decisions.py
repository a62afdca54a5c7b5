"""`flask models` list, promote, rollback, label, split, shadow, policy, audit: what they decide, tell and refuse."""

import getpass
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient, FlaskCliRunner

from pyapp import create_app

REPOSITORY = Path(__file__).resolve().parents[2]
Write = Callable[..., Path]


@pytest.fixture
def app(store: Path) -> Flask:
    return create_app({"SERVING_MODELS": store, "SERVING_POLL_SECONDS": 0})


def told(runner: FlaskCliRunner, *arguments: str) -> Any:
    result = runner.invoke(args=["models", *arguments, "--json"])
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def said(runner: FlaskCliRunner, *arguments: str) -> str:
    result = runner.invoke(args=["models", *arguments])
    assert result.exit_code == 0, result.output
    return result.stdout


def answers(app: Flask, client: FlaskClient) -> int:
    app.extensions["serving"].watcher.look()
    version: int = client.post("/classify", json=[0.5, -1, 2, 0.25]).json["version"]
    return version


def test_promote_and_roll_back_reach_the_app(app: Flask, client: FlaskClient, runner: FlaskCliRunner) -> None:
    assert answers(app, client) == 2
    assert told(runner, "promote", "pets", "1")["default"] == 1
    assert answers(app, client) == 1
    assert "pets: version 2 answers" in said(runner, "rollback", "pets")
    assert answers(app, client) == 2
    said(runner, "promote", "pets", "1")
    assert "version 2 answers, the newest as it comes" in said(runner, "promote", "pets", "newest")
    assert answers(app, client) == 2


def test_a_policy_tells_who_then_answers(app: Flask, client: FlaskClient, runner: FlaskCliRunner) -> None:
    assert "pets: version 1 answers, the newest as it comes" in said(runner, "policy", "pets", "1")
    assert answers(app, client) == 1
    assert told(runner, "policy", "pets", "all")["default"] == 2
    assert answers(app, client) == 2
    assert "pets: no version answers" in said(runner, "policy", "pets", "none")
    app.extensions["serving"].watcher.look()
    assert client.post("/classify", json=[0.5, -1, 2, 0.25]).status_code == 503
    assert "pets: version 2 answers" in said(runner, "policy", "pets", "--default")


def test_labels(app: Flask, client: FlaskClient, runner: FlaskCliRunner) -> None:
    assert told(runner, "label", "pets", "stable", "1")["labels"] == {"stable": 1}
    assert answers(app, client) == 2
    assert client.post("/classify?label=stable", json=[1, 2, 3, 4]).json["version"] == 1
    assert told(runner, "label", "pets", "stable", "--remove")["labels"] == {}


def test_splits_by_version_and_label(runner: FlaskCliRunner) -> None:
    said(runner, "label", "pets", "canary", "1")
    decided = told(runner, "split", "pets", "2=99.5%", "canary=0.5")
    assert decided["routing"]["split"] == {"2": 9950, "canary": 50}
    assert "99.5 % to 2, 0.5 % to canary; else version 2 answers" in said(runner, "shadow", "pets", "1", "12.5")
    assert told(runner, "split", "pets", "--off")["routing"]["split"] is None


def test_shadows_and_policies(runner: FlaskCliRunner) -> None:
    assert told(runner, "shadow", "pets", "1", "12.5")["routing"]["shadow"] == {"target": "1", "points": 1250}
    assert told(runner, "policy", "pets", "latest:2")["routing"]["policy"] == "latest:2"
    assert "policy: latest:2" in said(runner, "shadow", "pets", "--off")
    assert told(runner, "policy", "pets", "--default")["routing"]["policy"] is None


def test_list_shows_states_traffic_and_labels(store: Path, write_network: Write, runner: FlaskCliRunner) -> None:
    folder = write_network(store / "pets" / "3")
    (folder / "weights.safetensors").write_bytes(b"")
    said(runner, "label", "pets", "canary", "2")
    said(runner, "split", "pets", "1=90", "canary=10")
    lines = [line.split("  ") for line in said(runner, "list").splitlines()]
    table = [[cell.strip() for cell in line if cell.strip()] for line in lines]
    assert table[0] == ["Model", "Version", "State", "Labels", "Traffic", "Note"]
    assert table[1][:3] == ["pets", "3", "FAILED"] and "weights.safetensors" in table[1][3]
    assert table[2] == ["*", "pets", "2", "AVAILABLE", "canary", "10 %", "Cats and dogs"]
    assert table[3] == ["pets", "1", "AVAILABLE", "90 %", "Cats and dogs"]
    (listed,) = told(runner, "list", "pets")["models"]
    assert listed["default"] == 2 and listed["labels"] == {"canary": 2}
    assert listed["routing"]["split"] == {"1": 9000, "canary": 1000}
    assert listed["versions"][0]["state"] == "FAILED"


def test_the_audit_says_who_when_from_and_to(runner: FlaskCliRunner) -> None:
    assert told(runner, "audit", "pets") == {"audit": []}
    said(runner, "promote", "pets", "1")
    said(runner, "split", "pets", "1=60", "2=40")
    latest, first = told(runner, "audit", "pets")["audit"]
    assert (latest["action"], first["action"]) == ("split", "promote")
    assert first["who"] == getpass.getuser()
    assert first["before"]["promoted"] == [] and first["after"]["promoted"] == [1, 2]
    text = said(runner, "audit", "pets")
    assert "promoted: none → 1" in text and "split: none → 1 60 %, 2 40 %" in text
    assert len(told(runner, "audit", "pets", "--limit", "1")["audit"]) == 1


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["promote", "cats", "1"], 1, "no model is named 'cats'; models: pets"),
        (["promote", "pets", "9"], 1, "pets has no version 9; versions that answer: 1, 2"),
        (["promote", "../pets", "1"], 1, "'../pets' is no name for a model"),
        (["promote", "pets", "0"], 2, "0 is not in the range"),
        (["promote", "pets", "best"], 2, "'best' is no version; expected a number from 1, or newest"),
        (["promote", "pets"], 2, "Missing argument 'VERSION'"),
        (["label", "pets", "canary"], 2, "or --remove"),
        (["label", "pets", "canary", "1", "--remove"], 2, "or --remove"),
        (["label", "pets", "1st", "1"], 1, "'1st' is no label"),
        (["label", "pets", "canary", "--remove"], 1, "pets has no label 'canary'"),
        (["split", "pets"], 2, "or --off"),
        (["split", "pets", "1=50", "--off"], 2, "or --off"),
        (["split", "pets", "1=50"], 1, "sum to 100"),
        (["split", "pets", "1=50", "1=50"], 2, "1 has two shares"),
        (["split", "pets", "1:50"], 2, "expected TARGET=PERCENT"),
        (["split", "pets", "1=nan", "2=100"], 2, "expected TARGET=PERCENT"),
        (["split", "pets", "1=50", "canary=50"], 1, "pets has no label 'canary'"),
        (["shadow", "pets", "2"], 2, "give TARGET and PERCENT"),
        (["shadow", "pets", "2", "0"], 1, "expected more than 0 and at most 100"),
        (["shadow", "pets", "2", "nan"], 1, "expected more than 0 and at most 100"),
        (["policy", "pets"], 2, "or --default"),
        (["policy", "pets", "best"], 1, "'best' is no policy"),
    ],
)
def test_what_is_refused_changes_nothing(
    runner: FlaskCliRunner, store: Path, arguments: list[str], status: int, words: str
) -> None:
    result = runner.invoke(args=["models", *arguments])
    assert result.exit_code == status, result.output
    assert words in result.stderr and "Traceback" not in result.output
    assert not list(store.glob(".serving*")) or told(runner, "audit", "pets") == {"audit": []}


def test_a_version_that_cannot_answer_is_not_promoted(
    store: Path, write_network: Write, runner: FlaskCliRunner
) -> None:
    folder = write_network(store / "pets" / "3")
    (folder / "model.json").write_text("{}")
    result = runner.invoke(args=["models", "promote", "pets", "3"])
    assert result.exit_code == 1
    assert "version 3 of pets can't answer: model.json" in result.stderr
    assert told(runner, "list")["models"][0]["default"] == 2


def test_rollback_with_nothing_before(runner: FlaskCliRunner) -> None:
    said(runner, "rollback", "pets")
    result = runner.invoke(args=["models", "rollback", "pets"])
    assert result.exit_code == 1 and "no earlier version" in result.stderr


@pytest.mark.parametrize(
    "command", ["promote", "rollback", "label", "split", "shadow", "policy", "audit", "list", "gc"]
)
def test_help_has_examples(runner: FlaskCliRunner, command: str) -> None:
    assert f"\n    flask models {command}" in said(runner, command, "--help")


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables, timeout=120)


def test_promoting_loads_no_other_model_and_no_app(store: Path, write_network: Write) -> None:
    write_network(store / "birds" / "1")
    code = """
import sys
from pyapp import packages
from pyapp.serving import parts
load = packages.load
packages.load = lambda folder, **more: load(folder, **more) if more["name"] == "pets" else sys.exit("birds were loaded")
parts.start = lambda config: sys.exit("an app was made")
from pyapp.cli import models
models.main(["promote", "pets", "1"], standalone_mode=False)
"""
    result = python(code, SERVING_MODELS=str(store))
    assert (result.returncode, result.stderr) == (0, "")
    assert "pets: version 1 answers" in result.stdout


def test_without_the_database_library_the_command_says_what_to_install(store: Path) -> None:
    code = """
import sys
sys.modules["sqlalchemy"] = None
from pyapp.cli import models
models.main(sys.argv[1:])
"""
    result = python(code.replace("sys.argv[1:]", "['promote', 'pets', '1']"), SERVING_MODELS=str(store))
    assert result.returncode == 1 and "Traceback" not in result.stderr
    assert "pip install 'flask-serving[state]'" in result.stderr
    split = python(code.replace("sys.argv[1:]", "['split', 'pets', '1=90', 'canary=10']"), SERVING_MODELS=str(store))
    assert split.returncode == 1 and "needs sqlalchemy" in split.stderr, "and not that there is no such label"
    for library in ("sqlalchemy", "psycopg"):
        remote = python(
            code.replace("sqlalchemy", library).replace("sys.argv[1:]", "['promote', 'pets', '1']"),
            SERVING_MODELS=str(store),
            DATABASE_URL="postgres://127.0.0.1:1/none",
        )
        assert remote.returncode == 1 and "Traceback" not in remote.stderr
        assert f"needs {library}: pip install 'flask-serving[postgres]'" in remote.stderr
    assert python(code.replace("sys.argv[1:]", "['list']"), SERVING_MODELS=str(store)).returncode == 0


def test_a_database_that_is_away_stops_decisions_and_not_looking(store: Path) -> None:
    url = "postgresql://nobody:s3cret@127.0.0.1:1/none"
    command = "from pyapp.cli import models\nmodels.main({!r})"
    refused = python(command.format(["promote", "pets", "1"]), SERVING_MODELS=str(store), DATABASE_URL=url)
    assert refused.returncode == 1 and "Traceback" not in refused.stderr
    assert "can't be used" in refused.stderr and "s3cret" not in refused.stderr
    shown = python(command.format(["list"]), SERVING_MODELS=str(store), DATABASE_URL=url)
    assert shown.returncode == 0 and "Warning: the state in" in shown.stderr and "AVAILABLE" in shown.stdout


def in_a_terminal(code: str, store: Path) -> str:
    """What a person sees."""
    reading, writing = pty.openpty()
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), "SERVING_MODELS": str(store), "COLUMNS": "120"}
    with subprocess.Popen([sys.executable, "-c", code], stdout=writing, env={**variables, "TERM": "xterm"}) as process:
        os.close(writing)
        seen = b""
        try:
            while piece := os.read(reading, 1 << 16):
                seen += piece
        except OSError:  # Linux: the other end is closed
            pass
        os.close(reading)
        assert process.wait(60) == 0
    return seen.decode()


def test_a_terminal_gets_a_table_by_rich_if_it_is_installed(store: Path) -> None:
    code = "from pyapp.cli import models\nmodels.main(['list'])"
    drawn = in_a_terminal(code, store)
    assert "\x1b[" in drawn and "─" in drawn and "AVAILABLE" in drawn
    plain = in_a_terminal("import sys\nsys.modules['rich.box'] = None\n" + code, store)
    assert "\x1b[" not in plain and "AVAILABLE" in plain
