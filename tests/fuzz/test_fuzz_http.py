"""The HTTP fuzzer for a short time, against the servers of docs/operating.md; by hand it runs for as long as wanted."""

import os
import sys
from pathlib import Path

import pytest
from fuzz_http import COMMANDS, fuzz, write_store

from running_server import BOTH, free_port, running

SECONDS = float(os.environ.get("FUZZ_SECONDS", "10"))


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("kind", BOTH)
def test_a_server_under_attack_serves_others(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    port = free_port()
    monkeypatch.setenv("SERVING_MODELS", str(write_store(tmp_path / "models")))
    monkeypatch.setenv("PORT", str(port))
    with running(tmp_path / "log", COMMANDS[kind], port) as server:
        seen = fuzz(server, SECONDS, seed=1)
    assert seen.faults == []
    assert sum(seen.sent.values()) > 10 * SECONDS
    assert {200, 400, 404, 405, 422} <= set(seen.answers)  # it got through to what it attacks
    assert seen.served > 20 * SECONDS
