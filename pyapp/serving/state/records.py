"""The journal, feedback and comparisons: what was seen, kept in the state."""

import os
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from pyapp.serving.compare import Comparison

from . import tables
from .errors import UnknownRequestError
from .state import State

Key = tuple[str, int, int]


class Records:
    """Safe from any thread.  All calls may raise StateError."""

    def __init__(self, state: State) -> None:
        """`state`: whose database it is."""
        self._state = state
        self._process, self._pid = "", 0
        self._sums: dict[Key, Comparison] = {}

    def keep(self, entries: list[dict[str, Any]], comparisons: Mapping[Key, Comparison]) -> None:
        """Journal entries as they are, and what was compared since the last call.  One thread per process."""
        if self._pid != os.getpid():
            self._process, self._pid, self._sums = f"{os.getpid()}-{secrets.token_hex(6)}", os.getpid(), {}
        for key, comparison in comparisons.items():
            self._sums.setdefault(key, Comparison()).merge(comparison)
        with self._state.writing() as connection:
            if entries:
                connection.execute(sa.insert(tables.journal), entries)
            for key in comparisons:
                self._keep_sum(connection, key)

    def _keep_sum(self, connection: sa.Connection, key: Key) -> None:
        table = tables.comparisons
        names = ("model", "first", "second", "process")
        place = dict(zip(names, (*key, self._process), strict=True))
        values = {"at": datetime.now(UTC), "document": self._sums[key].to_document()}
        where = sa.and_(*(table.c[name] == value for name, value in place.items()))
        if connection.execute(sa.update(table).where(where).values(values)).rowcount == 0:
            connection.execute(sa.insert(table).values({**place, **values}))

    def comparison(self, model: str, first: int, second: int) -> Comparison:
        """What all processes have seen of the two, in whichever order they were first and second."""
        table, total = tables.comparisons, Comparison()
        query = sa.select(table.c.document).where(
            table.c.model == model, table.c.first == first, table.c.second == second
        )
        with self._state.reading() as connection:
            for document in connection.execute(query).scalars():
                total.merge(Comparison.from_document(document))
        return total

    def compared(self, model: str) -> list[tuple[int, int]]:
        """The pairs of versions that were compared."""
        table = tables.comparisons
        query = (
            sa.select(table.c.first, table.c.second)
            .where(table.c.model == model)
            .distinct()
            .order_by(table.c.first, table.c.second)
        )
        with self._state.reading() as connection:
            return [(first, second) for first, second in connection.execute(query)]

    def forget_comparisons(self, model: str) -> None:
        """Begins anew."""
        with self._state.writing() as connection:
            connection.execute(sa.delete(tables.comparisons).where(tables.comparisons.c.model == model))

    def feedback(self, request_id: str, actual: Sequence[str], row: int = 0) -> list[dict[str, Any]]:
        """The true labels of a journalled request's rows from `row` on.  Raises UnknownRequestError."""
        query = sa.select(tables.journal).where(tables.journal.c.request_id == request_id)
        with self._state.writing() as connection:
            found = connection.execute(query.order_by(tables.journal.c.id.desc())).mappings().first()
            if found is None:
                raise UnknownRequestError(f"the journal has no request {request_id!r}, or does not have it yet")
            predicted = found["labels"] or [repr(outputs[0]) for outputs in found["outputs"]]
            if row + len(actual) > len(predicted):
                raise UnknownRequestError(f"request {request_id!r} had {len(predicted)} rows")
            kept = []
            for i, truth in enumerate(actual, row):
                entry = {"at": datetime.now(UTC), "request_id": request_id, "row": i, "actual": truth}
                entry |= {"model": found["model"], "version": found["version"], "predicted": predicted[i]}
                table = tables.feedback
                connection.execute(sa.delete(table).where(table.c.request_id == request_id, table.c.row == i))
                connection.execute(sa.insert(table).values(entry))
                kept.append(entry)
            return kept

    def accuracy(self, model: str, since: datetime, buckets: int = 24) -> dict[int, list[dict[str, Any]]]:
        """Version → [{"from", "rows", "right"}] over that time, in equal parts; those without rows left out."""
        table = tables.feedback
        width = (datetime.now(UTC) - since) / buckets
        found: dict[int, dict[int, list[int]]] = {}
        query = sa.select(table.c.version, table.c.at, table.c.predicted, table.c.actual).where(
            table.c.model == model, table.c.at >= since
        )
        with self._state.reading() as connection:
            for version, at, predicted, actual in connection.execute(query):
                moment = at if at.tzinfo else at.replace(tzinfo=UTC)
                part = min(int((moment - since) / width), buckets - 1)
                bucket = found.setdefault(version, {}).setdefault(part, [0, 0])
                bucket[0] += 1
                bucket[1] += predicted == actual
        return {
            version: [
                {"from": (since + i * width).isoformat(), "rows": rows, "right": right}
                for i, (rows, right) in sorted(parts.items())
            ]
            for version, parts in sorted(found.items())
        }

    def journal(self, model: str | None = None, limit: int = 100) -> list[dict[str, Any]]:
        """The last entries, newest first, without bodies."""
        columns = [column for column in tables.journal.c if column.name != "body"]
        query = sa.select(*columns).order_by(tables.journal.c.id.desc()).limit(limit)
        if model is not None:
            query = query.where(tables.journal.c.model == model)
        with self._state.reading() as connection:
            return [dict(row) for row in connection.execute(query).mappings()]

    def body(self, request_id: str) -> bytes | None:
        """The body of a journalled request, where it was kept."""
        table = tables.journal
        query = sa.select(table.c.body).where(table.c.request_id == request_id).order_by(table.c.id.desc()).limit(1)
        with self._state.reading() as connection:
            body: bytes | None = connection.execute(query).scalar()
        return body

    def older_than(self, age: timedelta) -> int:
        """How many entries of journal and feedback `forget_before` would delete."""
        before = datetime.now(UTC) - age
        with self._state.reading() as connection:
            return sum(
                connection.execute(sa.select(sa.func.count()).where(table.c.at < before)).scalar_one()
                for table in (tables.journal, tables.feedback)
            )

    def forget_before(self, age: timedelta) -> int:
        """Deletes what is older from journal and feedback; how many entries that were."""
        before, gone = datetime.now(UTC) - age, 0
        with self._state.writing() as connection:
            for table in (tables.journal, tables.feedback):
                gone += connection.execute(sa.delete(table).where(table.c.at < before)).rowcount
        return gone
