"""The priorities that wait for a node, and when each has something ready: a few steps in one index, however many wait."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clockwright.schedules.store.calls import CLAIMABLE
from clockwright.schedules.store.dialect import Cursor, Dialect, Kind

_WAITS = f"FROM schedule_runs WHERE status IN {CLAIMABLE}"

_TOP = f"""
    SELECT priority, {{ready_at}} {_WAITS}{{below}}
    ORDER BY schedule_runs.priority DESC, schedule_runs.ready_at LIMIT 1
"""

_LATER = f"SELECT {{earliest}} {_WAITS} AND priority = %s AND ready_at > %s"


@dataclass(frozen=True, slots=True)
class Level:
    """Runs of one priority that wait; `ready_at`: of the earliest, None when none of them is asked about."""

    priority: int
    ready_at: datetime | None


def levels(cursor: Cursor, dialect: Dialect, after: datetime | None = None) -> Sequence[Level]:
    """The highest first. With `after` only runs that become ready later are asked about.

    From each priority to the next lower one: where nothing waits, as mostly, it is one step in the index, and two where
    all that waits has one priority. What is not ready yet is stepped over as a whole.
    """
    sql = _TOP.format(ready_at=dialect.column("ready_at", Kind.INSTANT), below="")
    cursor.execute(sql)
    found: list[Level] = []
    while (row := cursor.fetchone()) is not None:
        found.append(Level(row[0], dialect.read_instant(row[1])))
        sql = _TOP.format(
            ready_at=dialect.column("ready_at", Kind.INSTANT), below=" AND priority < %s"
        )
        cursor.execute(sql, [row[0]])
    return found if after is None else _later(cursor, dialect, found, after)


def _later(
    cursor: Cursor, dialect: Dialect, found: Sequence[Level], after: datetime
) -> Sequence[Level]:
    sql = _LATER.format(earliest=dialect.column("min(ready_at)", Kind.INSTANT))
    told = []
    for level in found:
        cursor.execute(sql, [level.priority, dialect.instant(after)])
        told.append(Level(level.priority, dialect.read_instant_or_none(cursor.fetchone()[0])))
    return told


def earliest_of(found: Sequence[Level]) -> datetime | None:
    """When the first of them is ready."""
    return min((level.ready_at for level in found if level.ready_at is not None), default=None)
