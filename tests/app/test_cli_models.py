"""`flask models import`, `show`, `list`, `check` and `remove`, as a user at a shell meets them."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask.testing import FlaskCliRunner

from pyapp import create_app, engine
from pyapp.packages import store as folders
from shared_data import TESTS_DATA

pytest.importorskip("jsonschema", reason="the writer needs the [import] extra")

REPOSITORY = Path(__file__).resolve().parents[2]
SEQUENTIAL = TESTS_DATA / "torch" / "made-sequential"
IMPORT = ["models", "import", str(SEQUENTIAL / "model.pt"), "--name", "flowers"]
ARCHITECTURE = ["--architecture", str(SEQUENTIAL / "architecture.txt")]


def files(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_imports_the_next_version_and_says_what_it_is(runner: FlaskCliRunner, store: Path) -> None:
    result = runner.invoke(args=[*IMPORT, *ARCHITECTURE, "--labels", "a,b, c", "--description", "Flowers"])
    assert result.exit_code == 0, result.output
    for words in (
        "0: dense 16 relu",
        "2: dense 3 softmax",
        "195",
        "a, b, c",
        "largest difference",
        "flowers 1: written to",
    ):
        assert words in result.output
    assert runner.invoke(args=[*IMPORT, *ARCHITECTURE]).exit_code == 0
    assert sorted(item.name for item in (store / "flowers").iterdir()) == ["1", "2"]
    model = engine.Model.load(store / "flowers" / "1")
    assert model.labels == ["a", "b", "c"]
    rows, expected = np.load(SEQUENTIAL / "input.npy"), np.load(SEQUENTIAL / "expected.npy")
    np.testing.assert_allclose(model.predict(rows), expected, atol=1e-5)
    samples = (store / "flowers" / "1" / "samples.jsonl").read_text().splitlines()
    assert len(samples) == 10


def test_a_second_model_is_told_to_change_what_requests_mean(
    runner: FlaskCliRunner, store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note = "/classify now wants ?model=NAME, or a server with SERVING_DEFAULT_MODEL=pets"
    assert note in runner.invoke(args=[*IMPORT, *ARCHITECTURE]).output
    assert note not in runner.invoke(args=[*IMPORT, *ARCHITECTURE]).output  # its second version
    decided = create_app({"SERVING_MODELS": store, "SERVING_DEFAULT_MODEL": "pets"}).test_cli_runner()
    arguments = [*IMPORT[:-1], "trees", *ARCHITECTURE]
    assert note not in decided.invoke(args=arguments).output


def test_training_data_are_told_to_be_kept(runner: FlaskCliRunner, tmp_path: Path) -> None:
    table = tmp_path / "train.csv"
    header = ",".join("abcdefgh")
    np.savetxt(table, np.load(SEQUENTIAL / "input.npy"), delimiter=",", header=header, comments="")
    result = runner.invoke(args=[*IMPORT, *ARCHITECTURE, "--train-data", str(table)])
    assert result.exit_code == 0, result.output
    assert "statistics  of train.csv" in result.output


def test_json_has_all_that_the_summary_has(runner: FlaskCliRunner, store: Path) -> None:
    result = runner.invoke(args=[*IMPORT, *ARCHITECTURE, "--json", "--version", "7"])
    told = json.loads(result.stdout)
    assert (told["name"], told["version"], told["parameters"]) == ("flowers", 7, 195)
    assert told["folder"] == str(store / "flowers" / "7")
    assert told["samples"] == 10 and told["parity"] < 1e-6
    assert told["labels"] == ["0", "1", "2"]


def test_a_dry_run_writes_nothing(runner: FlaskCliRunner, store: Path) -> None:
    before = files(store)
    result = runner.invoke(args=[*IMPORT, *ARCHITECTURE, "--dry-run"])
    assert result.exit_code == 0 and "nothing was written" in result.output
    assert files(store) == before


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (IMPORT, 1, "--architecture FILE"),
        ([*IMPORT, *ARCHITECTURE, "--labels", "a,b"], 1, "2 labels for an output of 3"),
        ([*IMPORT, *ARCHITECTURE, "--labels", "a,,b"], 2, "an empty label"),
        ([*IMPORT, *ARCHITECTURE, "--version", "0"], 2, "--version"),
        ([*IMPORT, *ARCHITECTURE, "--task", "ranking"], 2, "--task"),
        ([*IMPORT, *ARCHITECTURE, "--eval", "x.csv"], 2, "--eval and --target go together"),
        ([*IMPORT, *ARCHITECTURE, "--eval", "x.csv", "--target", "y"], 1, "x.csv: No such file"),
        ([*IMPORT, *ARCHITECTURE, "--samples", "x.npy"], 1, "x.npy: No such file"),
        ([*IMPORT, "--architecture", "nothing.json"], 1, "nothing.json: No such file"),
        (["models", "import", "nothing.pt", "--name", "x"], 1, "nothing.pt can't be read: No such file"),
        ([*IMPORT[:-1], "../escape", *ARCHITECTURE], 1, "'../escape' is no name for a model"),
        ([*IMPORT[:-1], ".hidden", *ARCHITECTURE], 1, "'.hidden' is no name"),
        ([*IMPORT[:-1], "pets", *ARCHITECTURE, "--version", "1"], 1, "pets 1 exists: a version never changes"),
        (["models", "show", "cats"], 1, "no model is named 'cats'; models: pets"),
        (["models", "show", "pets", "9"], 1, "pets has no version 9; versions: 1, 2"),
        (["models", "show", "../pets"], 1, "'../pets' is no name"),
        (["models", "remove", "pets", "9", "--yes"], 1, "pets has no version 9"),
        (["models", "check", "nowhere"], 1, "nowhere is no folder"),
    ],
)
def test_what_goes_wrong_is_one_message_and_leaves_nothing(
    runner: FlaskCliRunner, store: Path, arguments: list[str], status: int, words: str
) -> None:
    before = files(store.parent)
    result = runner.invoke(args=arguments)
    assert (result.exit_code, "Traceback" in result.output) == (status, False), result.output
    assert words in result.stderr
    assert files(store.parent) == before


def test_samples_and_evaluation_of_the_users(runner: FlaskCliRunner, store: Path, tmp_path: Path) -> None:
    rows, expected = np.load(SEQUENTIAL / "input.npy"), np.load(SEQUENTIAL / "expected.npy")
    samples = tmp_path / "samples.jsonl"
    pairs = zip(rows.tolist(), expected.tolist(), strict=True)
    samples.write_text("".join(json.dumps({"input": row, "output": output}) + "\n" for row, output in pairs))
    table = tmp_path / "rows.csv"
    names = ["a", "b", "c"]
    right = [names[i] for i in expected.argmax(axis=1)]
    right[0] = names[(expected[0].argmax() + 1) % 3]
    lines = [",".join(map(str, [*row, label])) for row, label in zip(rows.tolist(), right, strict=True)]
    table.write_text("\n".join([",".join([*(f"x{i}" for i in range(8)), "class"]), *lines]))
    more = ["--samples", str(samples), "--eval", str(table), "--target", "class", "--labels", "a,b,c", "--json"]
    told = json.loads(runner.invoke(args=[*IMPORT, *ARCHITECTURE, *more]).stdout)
    assert told["evaluation"] == {"rows": len(rows), "metric": "accuracy", "value": 1 - 1 / len(rows)}
    assert (told["samples"], told["samples_from"]) == (len(rows), "samples.jsonl")
    assert told["parity"] < 1e-6

    samples.write_text(json.dumps({"input": rows[0].tolist(), "output": [1, 0, 0]}))
    refused = runner.invoke(args=[*IMPORT, *ARCHITECTURE, "--samples", str(samples)])
    assert refused.exit_code == 1 and "the package would not be served: samples.jsonl: line 1" in refused.stderr
    assert sorted(item.name for item in (store / "flowers").iterdir()) == ["1"]


def test_show_and_check(runner: FlaskCliRunner, store: Path) -> None:
    shown = runner.invoke(args=["models", "show", "pets"])
    assert shown.exit_code == 0
    for words in ("pets 2  classification  Cats and dogs", "scale numbers", "scores: dense 2 softmax", "cat, dog"):
        assert words in shown.output
    told = json.loads(runner.invoke(args=["models", "show", "pets", "1", "--json"]).stdout)
    assert (told["version"], told["labels"]) == (1, ["cat", "dog"])
    assert runner.invoke(args=["models", "check", str(store / "pets" / "1")]).exit_code == 0
    weights = store / "pets" / "1" / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-4])
    broken = runner.invoke(args=["models", "check", str(store / "pets" / "1")])
    assert broken.exit_code == 1 and "weights.safetensors" in broken.stderr
    told = json.loads(runner.invoke(args=["models", "check", str(store / "pets" / "1"), "--json"]).stdout)
    assert told["ok"] is False and "weights.safetensors" in told["error"]


def test_remove_asks_and_takes_the_version_whole(runner: FlaskCliRunner, store: Path) -> None:
    kept = runner.invoke(args=["models", "remove", "pets", "1"], input="n\n")
    assert kept.exit_code == 1 and (store / "pets" / "1").is_dir()
    gone = runner.invoke(args=["models", "remove", "pets", "1", "--yes"])
    assert gone.exit_code == 0 and "pets 1: removed" in gone.output
    assert folders.versions(store, "pets") == [2] and not (store / "pets" / "1").exists()
    told = json.loads(runner.invoke(args=["models", "remove", "pets", "2", "--yes", "--json"]).stdout)
    assert told == {"removed": {"name": "pets", "version": 2}}
    assert folders.versions(store, "pets") == [] and "No models" in runner.invoke(args=["models", "list"]).stderr
    assert folders.was_removed(store, "pets", 2)
    assert runner.invoke(args=[*IMPORT[:-1], "pets", *ARCHITECTURE, "--version", "2"]).exit_code == 0
    assert not folders.was_removed(store, "pets", 2), "or it would not stay when it gets lost"


def test_a_version_half_removed_is_never_seen(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folders.shutil, "rmtree", lambda *args, **more: None)  # the disk gives up
    folders.remove(store, "pets", 1)
    assert folders.versions(store, "pets") == [2]
    assert create_app({"SERVING_MODELS": store}).extensions["serving"].registry.snapshot.available() == {"pets": [2]}


def python(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=variables, timeout=120)


def test_an_import_loads_no_other_model_and_no_app(store: Path) -> None:
    code = f"""
import sys
from pyapp.cli import models
from pyapp.serving import registry
registry.Registry.reload = lambda *args: sys.exit("the store was loaded")
models.main({[*IMPORT[1:], *ARCHITECTURE]!r}, standalone_mode=False)
"""
    result = python(code, SERVING_MODELS=str(store))
    assert (result.returncode, result.stderr) == (0, "")
    assert "flowers 1: written" in result.stdout


def test_what_is_not_installed_is_named_with_the_command(store: Path) -> None:
    for module in ("jsonschema", "safetensors"):
        code = f"""
import sys
sys.modules[{module!r}] = None
from pyapp.cli import models
models.main({[*IMPORT[1:], *ARCHITECTURE]!r})
"""
        result = python(code, SERVING_MODELS=str(store))
        assert result.returncode == 1 and "Traceback" not in result.stderr
        assert f"needs {module}" in result.stderr and "pip install 'flask-serving[import]'" in result.stderr


def test_a_server_imports_no_framework_and_no_reader_of_their_files(store: Path) -> None:
    code = """
import json, sys
from pyapp import create_app
reply = create_app().test_client().post("/classify", json=[1, 2, 3, 4])
frameworks = ["tensorflow", "keras", "torch", "onnx", "onnxruntime", "h5py", "sklearn", "skops", "joblib", "scipy",
              "jsonschema", "safetensors", "pandas", "pyapp.importers"]
print(json.dumps([reply.status_code, [name for name in frameworks if name in sys.modules]]))
"""
    result = python(code, SERVING_MODELS=str(store))
    assert json.loads(result.stdout) == [200, []], result.stderr


def test_the_commands_are_there_without_an_app() -> None:
    import tomllib

    settings: Any = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())
    assert settings["project"]["entry-points"]["flask.commands"]["models"] == "pyapp.cli:models"


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to be in, without settings: the models that ship are served."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.delenv("XDG_STATE_HOME", raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


def test_without_a_store_an_import_makes_one_here_which_all_then_serve(elsewhere: Path) -> None:
    shipped = REPOSITORY / "models"
    before = files(shipped)
    result = create_app().test_cli_runner().invoke(args=[*IMPORT, *ARCHITECTURE, "--dry-run"])
    assert result.exit_code == 0 and files(elsewhere) == []
    result = create_app().test_cli_runner().invoke(args=[*IMPORT, *ARCHITECTURE])
    assert result.exit_code == 0, result.output
    assert f"{elsewhere / 'models'} is new" in result.output
    assert create_app().extensions["serving"].registry.snapshot.available() == {"flowers": [1]}
    again = create_app().test_cli_runner().invoke(args=[*IMPORT, *ARCHITECTURE])
    assert again.exit_code == 0 and "is new" not in again.output
    assert files(shipped) == before


def test_the_models_that_ship_are_never_written_to(elsewhere: Path) -> None:
    before = files(REPOSITORY / "models")
    app = create_app({"SERVING_ADMIN_TOKEN": "a token that is long"})
    runner = app.test_cli_runner()
    for arguments in (["remove", "mnist", "1", "--yes"], ["gc", "--keep", "1", "--yes"]):
        refused = runner.invoke(args=["models", *arguments])
        assert refused.exit_code == 1 and "came with the installation" in refused.stderr, refused.output
    headers = {"Authorization": "Bearer a token that is long"}
    for method in ("put", "delete"):
        reply = getattr(app.test_client(), method)("/api/models/mnist/versions/1", headers=headers)
        assert reply.status_code == 409 and "came with the installation" in reply.get_json()["error"]
    pytest.importorskip("sqlalchemy")
    assert runner.invoke(args=["models", "promote", "mnist", "1"]).exit_code == 0
    app.extensions["serving"].watcher.look()  # a server's thread does that
    assert app.extensions["serving"].registry.snapshot.models["mnist"].default == 1
    assert files(REPOSITORY / "models") == before
    assert list((elsewhere.parent / "home").rglob("*.sqlite3"))
