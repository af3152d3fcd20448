"""SQLite 3.40 and later: one writer at a time, so there is nothing to lock but the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from clockwright.engine.clock import utc_now
from clockwright.schedules.store.dialect import Cursor, Dialect, Fragment, Kind

_TRANSIENT = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_PRIMARY_CODE = 0xFF
"""The low byte of an error code; the rest says which kind of it."""


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
        """One JSON text of rows."""
        names = ", ".join(f"value->>{place} AS {name}" for place, name in enumerate(columns))
        plain = [
            _FORMATS[kind](column)
            for column, kind in zip(zip(*rows, strict=True), columns.values(), strict=True)
        ]
        data = json.dumps(list(zip(*plain, strict=True)), separators=(",", ":"))
        return Fragment(f"(SELECT {names} FROM json_each(%s)) AS {alias}", (data,))

    def json(self, expression: str) -> str:
        """It is text already."""
        return expression

    def column(self, expression: str, kind: Kind) -> str:
        """The column itself."""
        return expression

    def is_one_of(self, expression: str, values: Iterable[UUID]) -> Fragment:
        """A JSON text of values."""
        data = json.dumps([value.hex for value in values])
        return Fragment(f"{expression} IN (SELECT value FROM json_each(%s))", (data,))

    def read_uuid(self, value: Any) -> UUID:
        """From 32 digits."""
        return UUID(hex=value)

    def read_instant(self, value: Any) -> datetime:
        """From naive text, or from the naive datetime that Django makes of a column declared as one."""
        naive = datetime.fromisoformat(value) if isinstance(value, str) else value
        return naive.replace(tzinfo=UTC)

    def begin_writing(self, cursor: Cursor, connection: Any) -> None:
        """Take the write lock now: a read that turns into a write later can fail without waiting for its turn."""
        if connection.transaction_mode not in ("IMMEDIATE", "EXCLUSIVE"):
            cursor.execute("UPDATE schedule_nodes SET pid = pid WHERE 0")

    def is_transient(self, error: BaseException) -> bool:
        """Another connection writes, and went on writing for longer than the busy timeout."""
        code = getattr(error.__cause__, "sqlite_errorcode", None)
        return code is not None and code & _PRIMARY_CODE in _TRANSIENT


def _hexes(values: Sequence[Any]) -> Sequence[Any]:
    return [None if value is None else value.hex for value in values]


def _instants(values: Sequence[Any]) -> Sequence[Any]:
    # many of them are one and the same object
    texts: dict[int, str] = {}
    return [
        None
        if value is None
        else texts.get(id(value)) or texts.setdefault(id(value), _text_of(value))
        for value in values
    ]


def _as_they_are(values: Sequence[Any]) -> Sequence[Any]:
    return values


_FORMATS: Mapping[Kind, Callable[[Sequence[Any]], Sequence[Any]]] = dict.fromkeys(
    Kind, _as_they_are
) | {Kind.UUID: _hexes, Kind.INSTANT: _instants}


def _text_of(value: datetime) -> str:
    return str(value.astimezone(UTC).replace(tzinfo=None))
