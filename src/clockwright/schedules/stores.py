"""The store that this process's commands write through, and the columns beside the engine's that people fill."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar
from uuid import UUID

from clockwright.engine.ports import Clock
from clockwright.schedules.calendar_models import ScheduleCalendar
from clockwright.schedules.models import Schedule
from clockwright.schedules.store import SqlStore
from clockwright.schedules.store.backfills import Backfills
from clockwright.schedules.store.database import Database
from clockwright.schedules.store.saved import SavedSchedules
from clockwright.schedules.store.symptoms import Symptoms

T = TypeVar("T")

_clocks: list[Clock] = []
_stores: dict[Clock | None, SqlStore] = {}


def sql_store() -> SqlStore:
    """The store on the default database; the database's clock decides what is due."""
    clock = current_clock()
    if clock not in _stores:
        _stores[clock] = SqlStore(clock=clock)
    return _stores[clock]


def saved_schedules() -> SavedSchedules:
    """The same database and clock, for what an upgrade asks and does."""
    return SavedSchedules(clock=current_clock())


def backfills() -> Backfills:
    """The same, for past ranges that are to run after all."""
    return Backfills(clock=current_clock())


def symptoms() -> Symptoms:
    """The same, for examinations."""
    return Symptoms(clock=current_clock())


def current_clock() -> Clock | None:
    """The clock that this process's commands live by; None for the database's."""
    return _clocks[-1] if _clocks else None


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


def make_calendar(community: str, data: dict[str, Any]) -> ScheduleCalendar:
    """A calendar (as JSON) that a community keeps from now on."""
    now = sql_store().now()
    return ScheduleCalendar.objects.create(
        community_id=community, name=data["name"], data=data, created_at=now, updated_at=now
    )


def change_calendar(row: ScheduleCalendar, data: dict[str, Any]) -> None:
    """Another content, and the next version."""
    row.data, row.version, row.updated_at = data, row.version + 1, sql_store().now()
    row.save(update_fields=["data", "version", "updated_at"])


def delete_calendar(row: ScheduleCalendar) -> None:
    """The row is gone; the object stays."""
    ScheduleCalendar.objects.filter(pk=row.pk).delete()
