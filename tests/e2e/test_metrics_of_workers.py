"""/metrics of real servers with two workers: one sum whoever is asked, also when workers are killed or replaced."""

import http.client
import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prometheus_client.parser import text_string_to_metric_families as parse

from model_packages import dense_network, write_package
from pyapp.packages.statistics import statistics_of
from running_server import BOTH, COMMANDS, JSON, Server, free_port, running, wait_until, workers_of

WORKERS = 2
BODY = json.dumps([0.5] * 4)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(params=BOTH)
def server(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    manifest, tensors = dense_network((4, 3))
    statistics = statistics_of(manifest, {"x": np.random.default_rng(0).normal(size=(100, 4))})
    write_package(tmp_path / "models" / "toy" / "1", manifest | {"statistics": statistics}, tensors)
    port = free_port()
    settings = {
        "SERVING_MODELS": tmp_path / "models",
        "SERVING_WORKERS": WORKERS,
        "PORT": port,
        "XDG_STATE_HOME": tmp_path / "state",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, str(value))
    with running(tmp_path / "log", COMMANDS[request.param], port) as started:
        wait_until(lambda: len(workers_of(started)) == WORKERS)
        yield started


def wait_until_replaced(server: Server, gone: set[int]) -> None:
    wait_until(lambda: len(workers_of(server)) == WORKERS and not workers_of(server) & gone)


def scrape(server: Server) -> dict[str, float]:
    """On a connection of its own, so by any worker: name and labels → value."""
    with server.connect() as connection:
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
    found = {}
    for family in parse(text):
        for sample in family.samples:
            labels = ",".join(f"{name}={sample.labels[name]}" for name in sorted(sample.labels))
            found[f"{sample.name}{{{labels}}}"] = sample.value
    return found


def ask(server: Server, requests: int) -> int:
    """How many were answered, each on a connection of its own: all workers get some."""
    answered = 0
    for _ in range(requests):
        try:
            with server.connect() as connection:
                connection.request("POST", "/classify", BODY, JSON)
                answered += connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):  # it lay with a worker that was killed
            pass
    return answered


def assert_sums(server: Server, answered: int) -> None:
    for _ in range(8):  # enough for each worker to be asked
        found = scrape(server)
        assert found["flask_serving_requests_total{model=toy,outcome=ok,version=1}"] == answered
        assert found["flask_serving_rows_total{model=toy,version=1}"] == answered
        assert found["flask_serving_drift_rows_total{model=toy,version=1}"] == answered
        assert found["flask_serving_request_duration_seconds_count{model=toy,version=1}"] == answered
        assert found["flask_serving_step_duration_seconds_count{model=toy,step=compute,version=1}"] == answered
        assert found["flask_serving_batch_rows_sum{}"] == answered
        assert found["flask_serving_queue_requests_total{}"] == answered
        assert found["flask_serving_queued_rows{}"] == found["flask_serving_running_batches{}"] == 0


def test_any_worker_tells_of_all_and_nothing_is_lost_when_they_die(server: Server) -> None:
    answered = ask(server, 60)
    assert answered == 60
    assert {server.ask("POST", "/v2/repository/models/toy/load")[0] for _ in range(12)} == {403}
    assert {scrape(server)["flask_serving_refused_admin_total{}"] for _ in range(8)} == {12}
    assert_sums(server, answered)
    for _ in range(WORKERS + 1):
        before = workers_of(server)
        os.kill(min(before), signal.SIGKILL)
        wait_until_replaced(server, {min(before)})
        answered += ask(server, 20)
        assert_sums(server, answered)
    assert answered >= 60 + 3 * 15


def test_workers_that_are_replaced_leave_their_counts(server: Server) -> None:
    if "pyapp" not in server.process.args:
        pytest.skip("gunicorn loads the app anew")
    answered = ask(server, 30)
    before = workers_of(server)
    server.process.send_signal(signal.SIGHUP)
    wait_until_replaced(server, before)
    answered += ask(server, 30)
    assert_sums(server, answered)
