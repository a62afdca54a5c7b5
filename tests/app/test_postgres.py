"""The state in a real PostgreSQL: tables, decisions of several processes at once, and a database that goes away."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from postgres_server import Postgres, postgres
from pyapp.serving.compare import Comparison
from pyapp.serving.routing import Routing, Split
from pyapp.serving.state import migrations, tables
from pyapp.serving.state.errors import StateError
from pyapp.serving.state.records import Records
from pyapp.serving.state.state import State
from running_server import Server, running

REPOSITORY = Path(__file__).resolve().parents[2]
ROW = [0.5, -1, 2, 0.25]


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    with postgres() as started:
        yield started


@pytest.fixture
def database(server: Postgres) -> Postgres:
    """Without a table."""
    engine = sa.create_engine(State(server.url).url)
    with engine.begin() as connection:
        connection.execute(sa.text("DROP SCHEMA public CASCADE"))
        connection.execute(sa.text("CREATE SCHEMA public"))
    engine.dispose()
    return server


def start(code: str, *arguments: str, **environment: str) -> "subprocess.Popen[str]":
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY), **environment}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=variables,
    )


def finish(process: "subprocess.Popen[str]") -> str:
    said, _ = process.communicate(timeout=120)
    assert process.returncode == 0, said
    return said


def close(state: State) -> None:
    if state._engine is not None:
        state._engine.dispose()


@pytest.fixture
def state(database: Postgres) -> Iterator[State]:
    state = State(database.url)
    yield state
    close(state)


def test_the_migrations_make_the_tables_that_the_code_uses(state: State) -> None:
    with state._open().connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_decisions_and_their_audit_survive(state: State) -> None:
    decided = Routing(promoted=(10**17, 1), split=Split.parse({"stable": 12.5, "2": 87.5}))
    state.decide("pets", "test", "anna", lambda _: decided)
    other = State(state.url)
    assert other.routings() == {"pets": decided}
    close(other)
    (change,) = state.audit("pets")
    assert (change.who, change.after["promoted"]) == ("anna", [10**17, 1])
    assert abs(datetime.now(UTC) - change.at) < timedelta(minutes=1)


def test_several_processes_may_make_the_tables_and_decide_at_once(database: Postgres, state: State) -> None:
    code = """
import sys
from dataclasses import replace
from pyapp.serving.state.state import State
state, own = State(sys.argv[1]), int(sys.argv[2])
sys.stdin.readline()
for i in range(10):
    number = own * 10 + i
    state.decide("pets", "add", str(own), lambda r: replace(r, promoted=(*r.promoted, number)))
"""
    variables = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", code, database.url]
    processes = [
        subprocess.Popen([*command, str(own)], stdin=subprocess.PIPE, env=variables, text=True) for own in range(6)
    ]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.close()
    assert [process.wait(120) for process in processes] == [0] * 6
    assert sorted(state.routings()["pets"].promoted) == list(range(60))
    audit = state.audit("pets", limit=1000)
    assert len(audit) == 60
    assert all(later.before == earlier.after for later, earlier in zip(audit, audit[1:], strict=False))


def test_a_process_waits_while_another_one_migrates(database: Postgres, state: State) -> None:
    holder = sa.create_engine(State(database.url).url)
    done = threading.Event()

    def decide() -> None:
        state.decide("pets", "test", "anna", lambda routing: routing)
        done.set()

    with holder.connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": migrations._LOCK})
        thread = threading.Thread(target=decide)
        thread.start()
        assert not done.wait(0.5)
        connection.execute(sa.text("SELECT pg_advisory_unlock(:key)"), {"key": migrations._LOCK})
        assert done.wait(30)
    thread.join()
    holder.dispose()


def test_a_migration_that_dies_leaves_nothing_and_no_lock(database: Postgres, state: State) -> None:
    code = """
import os, signal, sys
from alembic import command
from pyapp.serving.state.state import State
upgrade = command.upgrade
def dying(*arguments):
    upgrade(*arguments)
    os.kill(os.getpid(), signal.SIGKILL)
command.upgrade = dying
State(sys.argv[1]).decide("pets", "test", "anna", lambda routing: routing)
"""
    process = start(code, database.url)
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL
    assert state.routings() == {}
    state.decide("pets", "test", "anna", lambda routing: routing)


def test_journal_feedback_and_comparisons(state: State) -> None:
    records = Records(state)
    entry = {"at": datetime.now(UTC), "request_id": "r1", "model": "pets", "version": 10**17, "protocol": "classify"}
    entry |= {"digest": "0" * 64, "content_type": "application/json", "body": b"\x00\xff", "outputs": [[0.25, 0.75]]}
    records.keep([{**entry, "labels": ["dog"]}], {("pets", 1, 10**17): Comparison(requests=3)})
    assert records.body("r1") == b"\x00\xff"
    assert records.feedback("r1", ["cat"])[0]["predicted"] == "dog"
    assert records.feedback("r1", ["dog"])[0]["actual"] == "dog"  # the last word counts
    found = records.accuracy("pets", datetime.now(UTC) - timedelta(hours=1))
    assert [(part["rows"], part["right"]) for part in found[10**17]] == [(1, 1)]
    assert records.comparison("pets", 1, 10**17).requests == 3
    assert records.older_than(timedelta(0)) == records.forget_before(timedelta(0)) == 2


def test_a_connection_that_was_cut_is_made_anew(database: Postgres, state: State) -> None:
    state.decide("pets", "test", "anna", lambda routing: routing)
    database.stop(signal.SIGQUIT)
    try:
        with pytest.raises(StateError, match="can't be used"):
            state.routings()
    finally:
        database.start()
    assert list(state.routings()) == ["pets"]


def wait_for(version: int, server: Server, seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while (found := ask(server)) != version:
        assert time.monotonic() < end, f"version {found} still answers"
        time.sleep(0.1)


def ask(server: Server) -> int:
    status, reply = server.ask("POST", "/classify", json.dumps(ROW))
    assert status == 200, reply
    version: int = reply["version"]
    return version


def test_serving_goes_on_while_the_database_is_away(
    database: Postgres, store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment = {"SERVING_MODELS": str(store), "DATABASE_URL": database.url, "SERVING_POLL_SECONDS": "1"}
    for name, value in {**environment, "XDG_STATE_HOME": str(tmp_path / "state")}.items():
        monkeypatch.setenv(name, value)

    def decide(*arguments: str) -> None:
        finish(start(f"from pyapp.cli import models\nmodels.main({list(arguments)!r})"))

    with running(tmp_path / "log") as server:
        assert ask(server) == 2
        decide("promote", "pets", "1")
        wait_for(1, server)
        database.stop(signal.SIGQUIT)
        try:
            for _ in range(20):
                assert ask(server) == 1
                time.sleep(0.1)
            with running(tmp_path / "log2") as another:  # starts without a database, and knows
                assert ask(another) == 1
        finally:
            database.start()
        decide("promote", "pets", "2")
        wait_for(2, server, seconds=30)
    assert "Traceback" not in server.log.read_text()
