"""What the command line decides reaches servers that run, in all their processes."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from running_server import Server, running, wait_until

REPOSITORY = Path(__file__).resolve().parents[2]
ROW = [0.5, -1, 2, 0.25]
SEQUENTIAL = REPOSITORY / "tests" / "data" / "torch" / "made-sequential"
ASKED = 40
"""Requests over new connections, which go to either worker."""


@pytest.fixture
def settings(store: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    chosen = {"SERVING_MODELS": str(store), "SERVING_POLL_SECONDS": "1", "SERVING_WORKERS": "2"}
    for name, value in chosen.items():
        monkeypatch.setenv(name, value)
    return chosen


def flask(*arguments: str) -> Any:
    command = [sys.executable, "-m", "flask", "--app", "pyapp", "models", *arguments, "--json"]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, env={**os.environ}, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def versions(server: Server, url: str = "/classify?model=pets") -> set[int]:
    found = set()
    for _ in range(ASKED):
        status, reply = server.ask("POST", url, json.dumps(ROW))
        assert status == 200, reply
        found.add(reply["version"])
    return found


def test_decisions_and_imports_reach_all_workers(settings: dict[str, str], tmp_path: Path) -> None:
    with running(tmp_path / "log") as server:
        assert versions(server) == {2}
        flask("promote", "pets", "1")
        wait_until(lambda: versions(server) == {1})
        flask("rollback", "pets")
        wait_until(lambda: versions(server) == {2})
        flask("label", "pets", "canary", "1")
        wait_until(lambda: server.ask("POST", "/classify?label=canary", json.dumps(ROW))[1].get("version") == 1)

        flask("shadow", "pets", "canary", "100")
        wait_until(lambda: versions(server) == {2} and flask("compare", "pets")["compared"])
        (found,) = flask("compare", "pets", "2", "1")["compared"]
        assert found["rows"] == found["requests"] > 0 and found["second"]["errors"] == 0

        pytest.importorskip("jsonschema")
        architecture = ("--architecture", str(SEQUENTIAL / "architecture.txt"))
        flask("import", str(SEQUENTIAL / "model.pt"), "--name", "flowers", *architecture)
        flask("promote", "flowers", "1")
        row = json.dumps([0.5] * 8)
        wait_until(lambda: server.ask("POST", "/classify?model=flowers", row)[0] == 200)
    assert "Traceback" not in server.log.read_text()


def test_sighup_takes_over_store_and_decisions(
    settings: dict[str, str],
    store: Path,
    tmp_path: Path,
    write_network: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("SERVING_POLL_SECONDS", "0")
    with running(tmp_path / "log") as server:
        write_network(store / "pets" / "3")
        flask("label", "pets", "old", "1")
        time.sleep(1)
        assert versions(server) == {2}, "nobody looks unasked"
        server.process.send_signal(signal.SIGHUP)
        wait_until(lambda: versions(server) == {3})
        assert versions(server, "/classify?label=old") == {1}


def test_a_worker_follows_decisions_before_anyone_asks_it(settings: dict[str, str], tmp_path: Path) -> None:
    with running(tmp_path / "log") as server:
        flask("promote", "pets", "1")
        time.sleep(3)
        assert versions(server) == {1}, "the first request already"
