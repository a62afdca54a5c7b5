"""`flask models gc` and `remove`: what leaves, and what must stay."""

import json
import os
import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskCliRunner

from model_packages import dense_network, write_package
from pyapp import create_app
from pyapp.cli.rubbish import TOUCHED_SECONDS, remove_all, stale_fetches
from pyapp.packages import store as folders
from pyapp.packages.statistics import statistics_of
from pyapp.serving.decisions import Decisions, default_url
from pyapp.serving.registry import Registry
from pyapp.serving.remote import RemoteStore

Write = Callable[..., Path]
HEX = "0123456789abcdef"


def told(runner: FlaskCliRunner, *arguments: str) -> dict[str, Any]:
    result = runner.invoke(args=["models", "gc", "--yes", "--json", *arguments])
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def names(found: dict[str, Any]) -> list[str]:
    return sorted(Path(item["path"]).name for item in found["folders"])


def age(folder: Path, seconds: float = TOUCHED_SECONDS + 60) -> None:
    for path in (*folder.rglob("*"), folder):
        os.utime(path, (time.time() - seconds,) * 2)


def leave(folder: Path, old: bool = True) -> Path:
    folder.mkdir(parents=True)
    (folder / "weights.safetensors").write_bytes(b"x" * 1000)
    if old:
        age(folder)
    return folder


def test_leftovers_leave_and_what_somebody_is_at_stays(store: Path, runner: FlaskCliRunner) -> None:
    for place in (f".upload-{HEX}", f"pets/.3.{HEX}", f"pets/.1.{HEX}.removed"):
        leave(store / place)
    leave(store / f"pets/.4.{HEX}", old=False)
    leave(store / ".git"), leave(store / "pets" / ".hidden"), leave(store / "pets" / "notes")
    found = told(runner)
    assert names(found) == sorted([f".upload-{HEX}", f".3.{HEX}", f".1.{HEX}.removed"])
    assert {item["bytes"] for item in found["folders"]} == {1000}
    assert sorted(item.name for item in store.iterdir()) == [".git", "pets"]
    assert sorted(item.name for item in (store / "pets").iterdir()) == [f".4.{HEX}", ".hidden", "1", "2", "notes"]
    assert told(runner) == {"removed": True, "folders": [], "journal_entries": 0}


def test_it_asks_and_can_only_tell(store: Path, runner: FlaskCliRunner) -> None:
    place = leave(store / f".upload-{HEX}")
    shown = runner.invoke(args=["models", "gc", "--dry-run"])
    assert shown.exit_code == 0 and place.name in shown.stdout and "nothing was removed" in shown.stdout
    kept = runner.invoke(args=["models", "gc"], input="n\n")
    assert kept.exit_code == 1 and place.is_dir()
    gone = runner.invoke(args=["models", "gc"], input="y\n")
    assert gone.exit_code == 0 and "1000 bytes are free" in gone.stdout and not place.exists()
    assert "nothing to clear away" in runner.invoke(args=["models", "gc"]).stdout


def versions(store: Path) -> list[int]:
    return folders.versions(store, "pets")


def test_old_versions_leave_unless_a_decision_names_them(
    store: Path, write_network: Write, runner: FlaskCliRunner
) -> None:
    for number in range(3, 9):
        write_network(store / "pets" / str(number))
    for decision in (
        ["label", "pets", "stable", "2"],
        ["promote", "pets", "3"],
        ["promote", "pets", "7"],
        ["shadow", "pets", "4", "10"],
    ):
        assert runner.invoke(args=["models", *decision]).exit_code == 0
    (store / "pets" / "8" / "weights.safetensors").write_bytes(b"")  # broken: it is not one of the two that are kept
    found = told(runner, "--keep", "2")
    assert names(found) == ["1", "5"], "8 is broken, 7 and 6 are kept, 4, 3 and 2 are named"
    assert versions(store) == [2, 3, 4, 6, 7, 8]
    assert names(told(runner, "--keep", "2")) == []


def test_the_only_version_that_works_stays(store: Path, write_network: Write, runner: FlaskCliRunner) -> None:
    write_network(store / "pets" / "3")
    for number in (2, 3):
        (store / "pets" / str(number) / "model.json").write_text("{}")
    assert names(told(runner, "--keep", "1")) == []


def test_the_journal(store: Path, runner: FlaskCliRunner) -> None:
    assert told(runner, "--journal-days", "1")["journal_entries"] == 0
    assert not list(store.glob(".serving*")), "looking makes no database"
    decisions = Decisions(Registry(store), default_url(store))
    entry = {"model": "pets", "version": 1, "protocol": "classify", "digest": "0", "content_type": "", "body": None}
    for days in (0, 3, 5):
        at = datetime.now(UTC) - timedelta(days=days)
        decisions.records.keep([{**entry, "at": at, "request_id": str(days), "outputs": [], "labels": []}], {})
    dry = runner.invoke(args=["models", "gc", "--journal-days", "2", "--dry-run"])
    assert "2 entries of the journal" in dry.stdout
    assert told(runner, "--journal-days", "4")["journal_entries"] == 1
    assert [found["request_id"] for found in decisions.records.journal()] == ["3", "0"]
    assert told(runner, "--journal-days", "2")["journal_entries"] == 1


def test_fetched_versions_that_the_store_lost(store: Path, write_network: Write, tmp_path: Path) -> None:
    remote = RemoteStore(store.as_uri(), tmp_path / "cache")
    listing = remote.list()
    for number in (1, 2):
        remote.fetch("pets", number)
    assert list(stale_fetches(remote, listing)) == []
    write_network(store / "pets" / "3")
    remote.list(), remote.fetch("pets", 3)
    left = {"pets": {number: found for number, found in remote.list()["pets"].items() if number != 1}}
    found = list(stale_fetches(remote, left))
    assert [item.path.name.split(".")[0] for item in found] == ["1"]
    remove_all(found)
    assert sorted(item.name.split(".")[0] for item in (tmp_path / "cache" / "pets").iterdir()) == ["2", "3"]
    assert list(stale_fetches(remote, {})) == [], "an empty listing is more likely a mistake"


@pytest.fixture
def counting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store of m 1 to 3 that know their training, and so are counted in files."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    manifest, tensors = dense_network([2, 2])
    statistics = statistics_of(manifest, {"x": [[0, 1], [2, 3]]})
    for number in (1, 2, 3):
        write_package(tmp_path / "models" / "m" / str(number), manifest | {"statistics": statistics}, tensors)
    return tmp_path / "models"


def counts(tmp_path: Path) -> list[str]:
    return sorted(item.name.rpartition("-")[0] for item in (tmp_path / "state").rglob("*.counts"))


@pytest.mark.parametrize("remote", [False, True])
def test_counts_of_versions_that_are_gone(counting: Path, tmp_path: Path, remote: bool) -> None:
    other = tmp_path / "other"
    shutil.copytree(counting, other)
    settings = {"SERVING_MODELS": counting.as_uri() if remote else counting, "SERVING_VERSIONS": "all"}
    runner = create_app(settings).test_cli_runner()
    create_app({"SERVING_MODELS": other, "SERVING_VERSIONS": "2"})
    assert counts(tmp_path) == ["m-1", "m-2", "m-2", "m-3"]
    assert told(runner)["folders"] == []
    shutil.rmtree(counting / "m" / "2")
    assert not [name for name in names(told(runner)) if name.endswith(".counts")], "it was touched just now"
    age(tmp_path / "state")
    (folder,) = {item.parent for item in (tmp_path / "state").rglob("m-1-*.counts")}
    draft = next(folder.glob("m-1-*.counts"))
    shutil.copy(draft, f"{draft}.4711")  # its maker was killed
    age(folder)
    found = told(runner)
    assert sorted(item["what"] for item in found["folders"] if folder == Path(item["path"]).parent) == [
        "counts of a version that is gone",
        "left by what was interrupted",
    ]
    assert counts(tmp_path) == ["m-1", "m-2", "m-3"], "the other store's stay"
    assert not Path(f"{draft}.4711").exists() and draft.exists()
    assert told(runner)["folders"] == []


def test_counts_of_a_store_that_is_empty_stay(counting: Path, tmp_path: Path) -> None:
    runner = create_app({"SERVING_MODELS": counting, "SERVING_VERSIONS": "all"}).test_cli_runner()
    age(tmp_path / "state")
    shutil.rmtree(counting / "m")
    assert told(runner)["folders"] == []
    assert counts(tmp_path) == ["m-1", "m-2", "m-3"]


def test_a_remote_store_is_not_written_to(store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    runner = create_app({"SERVING_MODELS": store.as_uri()}).test_cli_runner()
    for arguments, words in (
        (["gc", "--keep", "1", "--yes"], "old versions must be removed there"),
        (["remove", "pets", "1", "--yes"], "set SERVING_MODELS to a folder"),
        (["import", "x.pt", "--name", "x"], "set SERVING_MODELS to a folder"),
    ):
        result = runner.invoke(args=["models", *arguments])
        assert result.exit_code == 1 and words in result.stderr, result.output
    assert runner.invoke(args=["models", "show", "pets", "1"]).exit_code == 0
    assert runner.invoke(args=["models", "promote", "pets", "1"]).exit_code == 0
    assert runner.invoke(args=["models", "gc", "--yes"]).exit_code == 0
    assert versions(store) == [1, 2]


def test_a_version_that_decisions_name_is_removed_by_force_alone(store: Path, runner: FlaskCliRunner) -> None:
    assert runner.invoke(args=["models", "promote", "pets", "1"]).exit_code == 0
    refused = runner.invoke(args=["models", "remove", "pets", "1", "--yes"])
    assert refused.exit_code == 1 and "change that first" in refused.stderr and versions(store) == [1, 2]
    assert runner.invoke(args=["models", "remove", "pets", "1", "--yes", "--force"]).exit_code == 0
    assert versions(store) == [2]
