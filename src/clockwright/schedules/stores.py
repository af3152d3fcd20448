"""The store that this process's commands write through, and the columns beside the engine's that people fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar
from uuid import UUID

from clockwright.engine.ports import Clock
from clockwright.schedules.models import Schedule
from clockwright.schedules.store import SqlStore
from clockwright.schedules.store.database import Database

T = TypeVar("T")

_clocks: list[Clock] = []
_stores: dict[Clock | None, SqlStore] = {}


def sql_store() -> SqlStore:
    """The store on the default database; the database's clock decides what is due."""
    clock = _clocks[-1] if _clocks else None
    if clock not in _stores:
        _stores[clock] = SqlStore(clock=clock)
    return _stores[clock]


@contextmanager
def on_clock(clock: Clock) -> Iterator[SqlStore]:
    """For tests: every command of this process lives by another clock; gives the store that does."""
    _clocks.append(clock)
    try:
        yield sql_store()
    finally:
        _clocks.remove(clock)
        _stores.pop(clock, None)


def in_transaction(work: Callable[[], T]) -> T:
    """Do it in one transaction, nested in the caller's where there is one; see `Database.write`."""
    return Database().write(lambda _cursor: work())


def describe(schedule_id: UUID, **columns: str | None) -> None:
    """Write `name`, `key` or `created_by` of a schedule."""
    Schedule.objects.filter(schedule_id=schedule_id).update(**columns)
