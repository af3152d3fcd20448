"""SQLite 3.40 and later: one writer at a time, so there is nothing to lock but the database."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db import OperationalError

from clockwright.engine.clock import utc_now
from clockwright.engine.ids import uuid_of
from clockwright.schedules.store.dialect import Cursor, Dialect, Fragment, Kind, is_one

_TRANSIENT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_PRIMARY_CODE = 0xFF
"""The low byte of an error code; the rest says which kind of it."""


_MOST_PLACEHOLDERS = 30_000
"""SQLite is built to take 32,766 or more."""


class SQLite(Dialect):
    """Values are stored exactly as Django's models store them, so that both read each other's rows."""

    for_update = ""
    skip_locked = ""

    def now(self, cursor: Cursor) -> datetime:
        """The process's clock: the database has none of its own."""
        return utc_now()

    def uuid(self, value: UUID | None) -> Any:
        """32 digits."""
        return None if value is None else value.hex

    def instant(self, value: datetime | None) -> Any:
        """Naive text in UTC: comparing it as text compares it as time."""
        return None if value is None else _text_of(value)

    def table(
        self, alias: str, columns: Mapping[str, Kind], rows: Sequence[Sequence[Any]]
    ) -> Fragment:
        """Rows of placeholders: bound one by one they cost half of a JSON text, which has no limit."""
        plain = zip(*_plain(columns, rows), strict=True)
        if not 0 < len(rows) * len(columns) <= _MOST_PLACEHOLDERS:
            names = ", ".join(f"value->>{place} AS {name}" for place, name in enumerate(columns))
            data = json.dumps(list(plain), separators=(",", ":"))
            return Fragment(f"(SELECT {names} FROM json_each(%s)) AS {alias}", (data,))
        names = ", ".join(f"column{place} AS {name}" for place, name in enumerate(columns, 1))
        row = f"({','.join(['%s'] * len(columns))})"
        marks = ",".join([row] * len(rows))
        values = tuple(itertools.chain.from_iterable(plain))
        return Fragment(f"(SELECT {names} FROM (VALUES {marks})) AS {alias}", values)

    def json(self, expression: str) -> str:
        """It is text already."""
        return expression

    def column(self, expression: str, kind: Kind) -> str:
        """The column itself; an instant as an expression, so that it comes as text and not by way of Django."""
        return f"+{expression}" if kind is Kind.INSTANT else expression

    def select(
        self, cursor: Cursor, columns: Mapping[str, Kind], rest: str, params: Sequence[Any]
    ) -> list[Any]:
        """As one JSON text: the GIL is let go of with every row, and a thread that computes does not give it back."""
        names = ", ".join(f'"{name}"' for name in columns)
        try:
            cursor.execute(
                f"SELECT json_group_array(json_array({names})) FROM (SELECT {names} {rest})", params
            )
            text = cursor.fetchone()[0]
        except OperationalError as error:
            if self.is_transient(error):
                raise
            # JSON has no BLOBs, and a column of SQLite takes one from anybody; whose row it is shows one by one
            return super().select(cursor, columns, rest, params)
        rows: list[Any] = json.loads(text)
        return rows

    def checked(self, columns: Mapping[str, Kind], row: Sequence[Any]) -> Sequence[Any]:
        """No column of the store holds a BLOB; rows that came as JSON, which are lists, cannot."""
        if isinstance(row, tuple):
            for name, value in zip(columns, row, strict=True):
                if isinstance(value, bytes):
                    raise TypeError(f"{name} holds the BLOB {value!r}: write it as text")
        return row

    def updates_all(self, cursor: Cursor, sql: str, params: Sequence[Any], count: int) -> bool:
        """Cheap here; see `select`."""
        cursor.execute("SAVEPOINT updates_all")
        cursor.execute(sql, params)
        is_whole = cursor.rowcount == count
        if not is_whole:
            cursor.execute("ROLLBACK TO updates_all")
        cursor.execute("RELEASE updates_all")
        return is_whole

    def is_one_of(self, expression: str, values: Iterable[UUID]) -> Fragment:
        """A JSON text of values."""
        data = json.dumps([value.hex for value in values])
        return Fragment(f"{expression} IN (SELECT value FROM json_each(%s))", (data,))

    def read_uuid(self, value: Any) -> UUID:
        """From 32 digits."""
        return uuid_of(int(value, 16))

    def read_instant(self, value: Any) -> datetime:
        """From naive text."""
        return datetime.fromisoformat(f"{value}+00:00")

    def begin_writing(self, cursor: Cursor, connection: Any) -> None:
        """Take the write lock now: a read that turns into a write later can fail without waiting for its turn."""
        if connection.transaction_mode not in ("IMMEDIATE", "EXCLUSIVE"):
            cursor.execute("UPDATE schedule_nodes SET pid = pid WHERE 0")

    def is_transient(self, error: BaseException) -> bool:
        """Another connection writes, and went on writing for longer than the busy timeout."""
        code = getattr(error.__cause__, "sqlite_errorcode", None)
        return code is not None and code & _PRIMARY_CODE in _TRANSIENT


def _plain(columns: Mapping[str, Kind], rows: Sequence[Sequence[Any]]) -> list[Sequence[Any]]:
    """The columns of rows as SQLite takes them."""
    return [
        _FORMATS[kind](column)
        for column, kind in zip(zip(*rows, strict=True), columns.values(), strict=True)
    ]


def _hexes(values: Sequence[Any]) -> Sequence[Any]:
    return [None if value is None else f"{value.int:032x}" for value in values]


def _instants(values: Sequence[Any]) -> Sequence[Any]:
    if is_one(values):
        return [None if values[0] is None else _text_of(values[0])] * len(values)
    return [None if value is None else _text_of(value) for value in values]


def _as_they_are(values: Sequence[Any]) -> Sequence[Any]:
    return values


_FORMATS: Mapping[Kind, Callable[[Sequence[Any]], Sequence[Any]]] = dict.fromkeys(
    Kind, _as_they_are
) | {Kind.UUID: _hexes, Kind.INSTANT: _instants}


def _text_of(value: datetime) -> str:
    in_utc = value if value.tzinfo is UTC else value.astimezone(UTC)
    return in_utc.isoformat(" ")[:-6]  # without the offset
