"""PostgreSQL 14 and later, with psycopg 3."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from clockwright.schedules.store.dialect import Cursor, Dialect, Fragment, Kind, is_one

_SERIALIZATION_FAILURE = "40001"
_DEADLOCK = "40P01"

FROZEN_AFTER = timedelta(seconds=10)
"""A transaction of the store that says nothing for so long belongs to a process that stands still, or to a machine that
is gone: the server ends it, and its locks, before the node's lease runs out."""


class PostgreSQL(Dialect):
    """Many writers: rows are locked, and locked rows skipped."""

    for_update = " FOR UPDATE"
    skip_locked = " FOR UPDATE SKIP LOCKED"

    def now(self, cursor: Cursor) -> datetime:
        """The start of the statement: unlike now(), it moves on within a long transaction of the caller."""
        cursor.execute("SELECT statement_timestamp()::text")
        return self.read_instant(cursor.fetchone()[0])

    def uuid(self, value: UUID | None) -> Any:
        """As psycopg takes it."""
        return value

    def instant(self, value: datetime | None) -> Any:
        """As psycopg takes it."""
        return value

    def table(
        self, alias: str, columns: Mapping[str, Kind], rows: Sequence[Sequence[Any]]
    ) -> Fragment:
        """One array a column: the server parses them in C, and the planner knows how many rows there are.

        A column that has one and the same value in all rows is sent once.
        """
        values = list(zip(*rows, strict=True)) if rows else [()] * len(columns)
        arrays: list[tuple[str, str]] = []
        constants: list[str] = []
        array_values: list[Any] = []
        constant_values: list[Any] = []
        for (name, kind), column in zip(columns.items(), values, strict=True):
            if arrays and is_one(column):
                constants.append(f"%s::{_ELEMENTS[kind]} AS {name}")
                constant_values.append(self._one(column[0], kind))
            else:
                arrays.append((name, f"%s::{_ELEMENTS[kind]}[]"))
                array_values.append(_array(column, kind))
        names = ", ".join(name for name, _ in arrays)
        table = f"unnest({', '.join(array for _, array in arrays)}) AS {alias}({names})"
        if not constants:
            return Fragment(table, tuple(array_values))
        return Fragment(
            f"(SELECT {names}, {', '.join(constants)} FROM {table}) AS {alias}",
            (*constant_values, *array_values),
        )

    def _one(self, value: Any, kind: Kind) -> Any:
        return value.isoformat() if kind is Kind.INSTANT and value is not None else value

    def json(self, expression: str) -> str:
        """A cast."""
        return f"{expression}::jsonb"

    def column(self, expression: str, kind: Kind) -> str:
        """Instants as text: `fromisoformat` reads them many times faster than Django's loader."""
        return f"{expression}::text" if kind is Kind.INSTANT else expression

    def is_one_of(self, expression: str, values: Iterable[UUID]) -> Fragment:
        """An array."""
        return Fragment(f"{expression} = ANY(%s::uuid[])", (_array(values, Kind.UUID),))

    def read_uuid(self, value: Any) -> UUID:
        """As psycopg gives it."""
        return value  # type: ignore[no-any-return]

    def read_instant(self, value: Any) -> datetime:
        """Text in the session's zone."""
        instant = datetime.fromisoformat(value)
        return instant if instant.tzinfo is UTC else instant.astimezone(UTC)

    def begin_writing(self, cursor: Cursor, connection: Any) -> None:
        """Do not hold rows for ever. A transaction of the caller's may be quiet for as long as they like."""
        if not connection.savepoint_ids:
            milliseconds = int(FROZEN_AFTER.total_seconds() * 1_000)
            cursor.execute(f"SET LOCAL idle_in_transaction_session_timeout = {milliseconds}")

    def is_transient(self, error: BaseException) -> bool:
        """A serialisation failure or a deadlock."""
        state = getattr(error.__cause__, "sqlstate", None)
        return state in (_SERIALIZATION_FAILURE, _DEADLOCK)


_ELEMENTS = {kind: kind.value for kind in Kind} | {Kind.JSON: "text"}


def _array(values: Iterable[Any], kind: Kind) -> str:
    """An array literal; psycopg's own goes through every element in Python at ten times the cost."""
    return "{" + ",".join(_FORMATS[kind](values)) + "}"


def _uuids(values: Iterable[Any]) -> list[str]:
    return ["NULL" if value is None else value.hex for value in values]


def _instants(values: Iterable[Any]) -> list[str]:
    return ["NULL" if value is None else value.isoformat() for value in values]


def _numbers(values: Iterable[Any]) -> list[str]:
    return ["NULL" if value is None else str(value) for value in values]


def _booleans(values: Iterable[Any]) -> list[str]:
    return ["NULL" if value is None else "t" if value else "f" for value in values]


def _texts(values: Iterable[Any]) -> list[str]:
    # most columns of text are a few words over and over
    quoted = {None: "NULL"}
    return [quoted.get(value) or quoted.setdefault(value, _quoted(value)) for value in values]


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


_FORMATS: Mapping[Kind, Callable[[Iterable[Any]], list[str]]] = {
    Kind.UUID: _uuids,
    Kind.INSTANT: _instants,
    Kind.INTEGER: _numbers,
    Kind.BOOLEAN: _booleans,
    Kind.TEXT: _texts,
    Kind.JSON: _texts,
}
