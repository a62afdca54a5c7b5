"""The state's tables and transactions, on SQLite."""

import threading
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from pyapp.serving.policy import Policy
from pyapp.serving.routing import Routing, Shadow, Split, from_document, to_document
from pyapp.serving.state import tables
from pyapp.serving.state.errors import StateError
from pyapp.serving.state.state import State


@pytest.fixture
def state(tmp_path: Path) -> State:
    return State(f"sqlite:///{tmp_path / 'state.sqlite3'}")


def test_the_migrations_make_the_tables_that_the_code_uses(state: State) -> None:
    engine = state._open()
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), tables.metadata) == []


def test_looking_makes_no_file(state: State, tmp_path: Path) -> None:
    assert state.routings() == {}
    assert state.audit() == []
    assert list(tmp_path.iterdir()) == []


def test_a_decision_survives(state: State) -> None:
    decided = Routing(
        promoted=(2, 1),
        labels={"stable": (1, 3)},
        split=Split.parse({"stable": 12.5, "2": 87.5}),
        shadow=Shadow("2", 500),
        policy=Policy.parse("latest:4"),
    )
    state.decide("pets", "test", "anna", lambda _: decided)
    (found,) = State(state.url).routings().values()
    assert to_document(found) == to_document(decided)
    assert from_document(to_document(found)) == found


def test_a_change_that_fails_changes_nothing(state: State) -> None:
    def fail(_: Routing) -> Routing:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        state.decide("pets", "test", "anna", fail)
    assert state.routings() == {}
    assert state.audit() == []


def test_changes_at_the_same_moment_are_all_kept(state: State) -> None:
    state.decide("pets", "begin", "test", lambda routing: routing)

    def add(number: int) -> None:
        for i in range(5):
            own = number * 10 + i
            other = State(state.url)
            other.decide("pets", "add", str(number), lambda r, own=own: replace(r, promoted=(*r.promoted, own)))

    threads = [threading.Thread(target=add, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(state.routings()["pets"].promoted) == sorted(n * 10 + i for n in range(4) for i in range(5))
    audit = state.audit("pets")
    assert len(audit) == 21
    for later, earlier in zip(audit, audit[1:], strict=False):
        assert later.before == earlier.after


def test_several_processes_may_make_the_tables_at_once(tmp_path: Path) -> None:
    url, faults = f"sqlite:///{tmp_path / 'new.sqlite3'}", []

    def begin(number: int) -> None:
        try:
            State(url).decide(f"model{number}", "begin", "test", lambda routing: routing)
        except StateError as error:
            faults.append(error)

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert faults == []
    assert len(State(url).routings()) == 6


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "state.sqlite3"
    path.write_bytes(b"not a database at all" * 50)
    with pytest.raises(StateError, match=r"state\.sqlite3 can't be used: file is not a database"):
        State(f"sqlite:///{path}").routings()


def test_heroku_urls() -> None:
    assert sa.make_url(State("postgres://u:p@host:5432/db").url).drivername == "postgresql+psycopg"
    assert State("postgresql://u:p@host/db").url == State("postgres://u:p@host/db").url
