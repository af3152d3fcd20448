"""What the two databases say differently. Everything else of the store is the same SQL for both.

A value goes in and comes out through here: identifiers are UUIDs, instants are aware UTC datetimes, JSON is text.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID


class Cursor(Protocol):
    """As much of a database cursor as the store uses."""

    @property
    def rowcount(self) -> int:
        """How many rows the last statement changed."""

    def execute(self, sql: str, params: Sequence[Any] = ...) -> Any:
        """Run one statement."""

    def fetchone(self) -> Any:
        """The next row, or None."""

    def fetchall(self) -> list[Any]:
        """All rows left."""


class Kind(StrEnum):
    """What a column holds."""

    UUID = "uuid"
    INSTANT = "timestamptz"
    INTEGER = "bigint"
    BOOLEAN = "boolean"
    TEXT = "text"
    JSON = "jsonb"


@dataclass(frozen=True, slots=True)
class Fragment:
    """A piece of SQL and the values of its placeholders."""

    sql: str
    params: tuple[Any, ...]


class Dialect(ABC):
    """One database's way of saying it."""

    for_update: str
    skip_locked: str
    """Locking clauses, with a leading blank; empty where one writer has the database to itself."""

    @abstractmethod
    def now(self, cursor: Cursor) -> datetime:
        """The database's clock."""

    @abstractmethod
    def uuid(self, value: UUID | None) -> Any:
        """A UUID as a parameter."""

    @abstractmethod
    def instant(self, value: datetime | None) -> Any:
        """An instant as a parameter."""

    @abstractmethod
    def table(
        self, alias: str, columns: Mapping[str, Kind], rows: Sequence[Sequence[Any]]
    ) -> Fragment:
        """Rows of values as something to select from: `FROM <fragment>`; the columns are `alias.name`."""

    @abstractmethod
    def json(self, expression: str) -> str:
        """A text column of a `table` as JSON for a column of JSON."""

    @abstractmethod
    def column(self, expression: str, kind: Kind) -> str:
        """A column in a select list, in the form in which it is cheap to read."""

    @abstractmethod
    def is_one_of(self, expression: str, values: Iterable[UUID]) -> Fragment:
        """A condition: the UUID is among these."""

    @abstractmethod
    def read_uuid(self, value: Any) -> UUID:
        """A UUID that was selected."""

    @abstractmethod
    def read_instant(self, value: Any) -> datetime:
        """An instant that was selected."""

    @abstractmethod
    def begin_writing(self, cursor: Cursor, connection: Any) -> None:
        """Called first in every transaction that may write."""

    @abstractmethod
    def is_transient(self, error: BaseException) -> bool:
        """Whether the same transaction may succeed when it is tried again."""

    def write_rows(
        self,
        cursor: Cursor,
        sql: str,
        values: Sequence[Any],
        columns: Mapping[str, Kind],
        rows: Sequence[Sequence[Any]],
    ) -> int:
        """Run a statement over rows of values, its `{rows}`, which come after its own; how many rows it changed."""
        table = self.table("v", columns, rows)
        cursor.execute(sql.format(rows=table.sql), [*values, *table.params])
        return cursor.rowcount

    def select(
        self, cursor: Cursor, columns: Mapping[str, Kind], rest: str, params: Sequence[Any]
    ) -> list[Any]:
        """All rows of a `SELECT` of columns, the rest of it given, in its order."""
        cursor.execute(f"SELECT {self.selected(columns, '')} {rest}", params)
        return cursor.fetchall()

    def checked(self, columns: Mapping[str, Kind], row: Sequence[Any]) -> Sequence[Any]:
        """A row that was selected; raises TypeError if it holds what its columns cannot."""
        return row

    def updates_all(self, cursor: Cursor, sql: str, params: Sequence[Any], count: int) -> bool:
        """Run an update where it is cheap not to ask which rows it found; whether it found so many.

        If not, nothing was changed.
        """
        return False

    def read_instant_or_none(self, value: Any) -> datetime | None:
        """An instant that was selected, if there is one."""
        return None if value is None else self.read_instant(value)

    def selected(self, columns: Mapping[str, Kind], prefix: str) -> str:
        """A select list of columns of one table."""
        return ", ".join(self.column(f'{prefix}"{name}"', kind) for name, kind in columns.items())


def is_one(values: Sequence[Any]) -> bool:
    """Whether all of them, of which there are some, are the same."""
    return values[0] == values[-1] and values.count(values[0]) == len(values)


def to_json(value: Any) -> str:
    """JSON text that both databases take. Raises ValueError or TypeError for what is not JSON.

    PostgreSQL refuses the character NUL and halves of surrogate pairs; they become U+FFFD.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    if "\\u0000" in text or "\\ud" in text:
        text = json.dumps(_clean(value), allow_nan=False, separators=(",", ":"))
    return text


def clean_text(text: str | None) -> str | None:
    """Text that both databases take; see `to_json`."""
    if text is None or (text.isascii() and "\0" not in text):
        return text
    return text.replace("\0", "\ufffd").encode("utf-8", "surrogatepass").decode("utf-8", "replace")


def _clean(value: Any) -> Any:
    match value:
        case str():
            # a pair of surrogates written as two escapes is one character to JSON
            return clean_text(value.encode("utf-16", "surrogatepass").decode("utf-16", "replace"))
        case dict():
            return {_clean(key): _clean(item) for key, item in value.items()}
        case list() | tuple():
            return [_clean(item) for item in value]
        case _:
            return value
