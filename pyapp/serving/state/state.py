"""Reads and changes the state.  Each call is a transaction; a change that meets another one is made again."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from pyapp.serving.routing import NO_ROUTING, Routing, from_document, to_document

from . import tables
from .errors import StateError, without
from .migrations import upgrade

CONNECT_SECONDS = 5
_RETRIES = 20

Change = Callable[[Routing], Routing]
"""What is decided, given what was decided before."""


@dataclass(frozen=True, slots=True)
class Audited:
    """One change: who made it and when, from what to what."""

    at: datetime
    who: str
    action: str
    model: str
    before: dict[str, Any]
    after: dict[str, Any]


class State:
    """One database.  Safe from any thread, and in a child after a fork."""

    def __init__(self, url: str) -> None:
        """`url`: SQLAlchemy's, or a platform's `postgres://…`.  Nothing is opened before it is needed."""
        self.url = _normalised(url)
        self._engine: sa.Engine | None = None
        self._pid = 0

    @property
    def file(self) -> Path | None:
        """SQLite's file."""
        parsed = sa.make_url(self.url)
        is_file = parsed.get_backend_name() == "sqlite" and parsed.database
        return Path(parsed.database) if is_file and parsed.database else None

    def routings(self) -> dict[str, Routing]:
        """What was decided about each model.  Raises StateError."""
        if self.file is not None and not self.file.exists():
            return {}  # nobody has decided anything yet: looking makes no file
        with self.reading() as connection:
            rows = connection.execute(sa.select(tables.decisions.c.model, tables.decisions.c.document)).all()
        return {name: from_document(document) for name, document in rows}

    def decide(self, model: str, action: str, who: str, change: Change) -> Routing:
        """Changes what is decided about a model and writes down who did; returns the new decisions.

        `change` may be called several times, when others decide at the same moment.  Raises StateError, and whatever
        `change` raises.
        """
        for _ in range(_RETRIES):
            with self.writing() as connection:
                row = connection.execute(
                    sa.select(tables.decisions.c.revision, tables.decisions.c.document)
                    .where(tables.decisions.c.model == model)
                    .with_for_update()  # in PostgreSQL, others wait here; in SQLite they already do
                ).first()
                before = from_document(row.document) if row else NO_ROUTING
                after = change(before)
                if self._replace(connection, model, row.revision if row else 0, to_document(after)):
                    entry = {"who": who, "action": action, "model": model, "at": datetime.now(UTC)}
                    entry |= {"before": to_document(before), "after": to_document(after)}
                    connection.execute(sa.insert(tables.audit).values(entry))
                    return after
            time.sleep(0.01)
        raise StateError(f"others keep changing what is decided about {model}; try again")

    @staticmethod
    def _replace(connection: sa.Connection, model: str, revision: int, document: dict[str, Any]) -> bool:
        """False if someone else was faster."""
        if revision == 0:
            savepoint = connection.begin_nested()
            try:
                connection.execute(sa.insert(tables.decisions).values(model=model, revision=1, document=document))
            except sa.exc.IntegrityError:
                savepoint.rollback()
                return False
            savepoint.commit()
            return True
        changed = connection.execute(
            sa.update(tables.decisions)
            .where(tables.decisions.c.model == model, tables.decisions.c.revision == revision)
            .values(revision=revision + 1, document=document)
        )
        return changed.rowcount == 1

    def audit(self, model: str | None = None, limit: int = 100) -> list[Audited]:
        """The last changes, newest first.  Raises StateError."""
        if self.file is not None and not self.file.exists():
            return []
        query = sa.select(tables.audit).order_by(tables.audit.c.id.desc()).limit(limit)
        if model is not None:
            query = query.where(tables.audit.c.model == model)
        with self.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [Audited(_utc(row["at"]), *(row[key] for key in Audited.__slots__[1:])) for row in rows]

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """A connection to read with.  Raises StateError."""
        with self._told(), self._open().connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction.  Raises StateError."""
        with self._told(), self._open().execution_options(writes=True).begin() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Database errors as StateError, without the password that a URL may hold."""
        try:
            yield
        except ImportError as error:  # the database's own library
            raise without(error.name, self.url) from error
        except (SQLAlchemyError, OSError) as error:
            shown = sa.make_url(self.url).render_as_string(hide_password=True)
            cause = getattr(error, "orig", None) or error
            raise StateError(f"the state in {shown} can't be used: {cause}") from error

    def _open(self) -> sa.Engine:
        """The engine, with tables in their newest form; another one after a fork, as connections can't be shared."""
        if self._engine is None or self._pid != os.getpid():
            if self.file is not None:
                self.file.parent.mkdir(parents=True, exist_ok=True)
            engine = _engine(self.url)
            upgrade(engine)
            self._engine, self._pid = engine, os.getpid()
        return self._engine


def _utc(time: datetime) -> datetime:
    """SQLite gives back the same moment without saying whose time it is."""
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _normalised(url: str) -> str:
    """Heroku and others write postgres://, which SQLAlchemy does not know."""
    for scheme in ("postgres://", "postgresql://"):
        if url.startswith(scheme):
            return "postgresql+psycopg://" + url.removeprefix(scheme)
    return url


def _engine(url: str) -> sa.Engine:
    if not url.startswith("sqlite"):
        return sa.create_engine(url, pool_pre_ping=True, pool_size=2, connect_args={"connect_timeout": CONNECT_SECONDS})
    engine = sa.create_engine(url, connect_args={"timeout": CONNECT_SECONDS, "isolation_level": None})

    @sa.event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")  # readers and a writer don't wait for each other
        connection.execute("PRAGMA synchronous=FULL")

    @sa.event.listens_for(engine, "begin")
    def _begin(connection: sa.Connection) -> None:
        # A writer takes its lock now: one that read first and writes later could not be ordered after another.
        writes = connection.get_execution_options().get("writes")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
