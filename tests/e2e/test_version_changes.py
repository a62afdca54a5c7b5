"""Versions come, go and change places under load: no request fails, and each answer is its version's, to the bit."""

import re
import sys
import time
from pathlib import Path

import pytest

from model_packages import dense_network, write_package
from pyapp.client import Client
from running_server import Server, free_port, running, workers_of
from version_changes import NAME, Controller, Versions, forbidden, steady_load

TOKEN = "a-token-for-tests"
CHANGES = 8  # each kind once
RATE = 300.0
GRACE = 2.0  # seconds until all processes have noticed: they look every second

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@LINUX
def test_changes_under_load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    versions = Versions(tmp_path / "made", (16, 64, 5), 4)
    store = tmp_path / "models"
    store.mkdir()
    versions.put(store, 1)
    settings = {"SERVING_MODELS": store, "SERVING_ADMIN_TOKEN": TOKEN, "SERVING_WORKERS": 2, "SERVING_POLL_SECONDS": 1}
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    port = free_port()
    command = [sys.executable, "-m", "pyapp", "--port", str(port)]
    with (
        running(tmp_path / "log", command, port) as server,
        Client(f"http://127.0.0.1:{server.port}", admin_token=TOKEN) as client,
        steady_load(tmp_path, server.port, versions, RATE, 16) as end,
    ):
        time.sleep(0.5)
        controller = Controller(client, store, versions, wait=GRACE + 0.3)
        controller.run(CHANGES)
        result = end()
    assert result.faults == []
    assert forbidden(result, controller.changes, GRACE) == []
    assert set(result.version) == {1, 2}
    assert len(result.due) > RATE * CHANGES * GRACE * 0.8
    assert "Traceback" not in server.log.read_text()


def worker_mib(server: Server) -> float:
    """Memory of the server's only worker."""
    [worker] = workers_of(server)
    found = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{worker}/status").read_text())
    assert found
    return int(found[1]) / 1024


def load_and_unload(client: Client, store: Path, first: int, last: int) -> None:
    """Versions of 2 MB, one after the other; what is not wanted any more leaves the store too."""
    for number in range(first, last + 1):
        write_package(store / ".incoming", *dense_network((128, 1024, 384, 10), seed=number))
        (store / ".incoming").rename(store / NAME / str(number))
        assert client.reload()[NAME] == [number - 1, number]
        assert client.classify([0.5] * 128, NAME).version == number


@LINUX
def test_memory_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = tmp_path / "models"
    write_package(store / NAME / "1", *dense_network((128, 1024, 384, 10), seed=1))
    monkeypatch.setenv("SERVING_MODELS", str(store))
    monkeypatch.setenv("SERVING_ADMIN_TOKEN", TOKEN)
    monkeypatch.setenv("SERVING_POLL_SECONDS", "3600")
    port = free_port()
    command = [sys.executable, "-m", "pyapp", "--port", str(port)]
    with (
        running(tmp_path / "log", command, port) as server,
        Client(f"http://127.0.0.1:{server.port}", admin_token=TOKEN) as client,
    ):
        load_and_unload(client, store, 2, 9)
        before = worker_mib(server)
        load_and_unload(client, store, 10, 57)
        after = worker_mib(server)
    print(f"after 8 versions {before:.1f} MiB, after 56 {after:.1f} MiB")
    assert after < before + 16  # 48 versions are 100; allocators keep some of what they once had
