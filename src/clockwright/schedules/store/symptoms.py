"""What is wrong with the tables, asked of the database: each question one statement, bounded in what it returns."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from clockwright.schedules.store.dialect import Cursor, Fragment, Kind
from clockwright.schedules.store.examinations import Examinations
from clockwright.schedules.store.saved import Saved, SavedSchedules

ROWS_COUNTED = 2_000
"""Of one schedule's ledger so many rows are counted, and no count is compared that would need more."""

_ACTIVE = "status = 'active'"
_SCHEDULED = "\"trigger\" = 'schedule' AND schedule_id = v_schedule_id"

_WINDOWS = {"v_schedule_id": Kind.UUID, "v_low": Kind.INSTANT, "v_high": Kind.INSTANT}

_TALLY = f"""
    SELECT v_schedule_id,
        (SELECT COALESCE(sum(covers_count), 0) FROM schedule_runs
            WHERE {_SCHEDULED} AND scheduled_for > v_low AND scheduled_for <= v_high),
        (SELECT {{covers_until}} FROM schedule_runs
            WHERE {_SCHEDULED} AND scheduled_for <= v_low ORDER BY scheduled_for DESC LIMIT 1),
        (SELECT count(*) FROM (
            SELECT 1 FROM schedule_runs
            WHERE {_SCHEDULED} AND scheduled_for <= v_high LIMIT {ROWS_COUNTED}) AS some_rows),
        (SELECT count(*) FROM (
            SELECT status FROM schedule_runs
            WHERE {_SCHEDULED} AND scheduled_for <= v_high LIMIT {ROWS_COUNTED}) AS some_runs
            WHERE status NOT IN ('missed', 'skipped'))
    FROM {{rows}}
"""

# A node that ended or died lets go of its runs at once, one that was forgotten has none: what is left belongs to nobody.
_STUCK = """
    status = 'running' AND NOT EXISTS (
        SELECT 1 FROM schedule_nodes WHERE node_id = schedule_runs.node AND lease_until >= %s
    )
"""

_WAITING = "status IN ('queued', 'retrying') AND ready_at < %s"

_CAPACITY = """
    SELECT COALESCE((SELECT sum(capacity) FROM schedule_nodes WHERE is_alive AND lease_until >= %s), 0),
        (SELECT count(*) FROM schedule_runs WHERE status = 'running')
"""


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are, and the ids of some."""

    count: int
    ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """A stretch of one schedule's ledger: `(low, high]`."""

    schedule_id: UUID
    low: datetime
    high: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What the ledger has: fire times in the window, how far a range row from before it reaches in, rows, and runs.

    `rows` and `runs` (rows that are neither missed nor skipped) are of the whole ledger up to the window's end, at most
    `ROWS_COUNTED` of them. What is settled while this is asked lies behind the end and does not disturb it.
    """

    fire_times: int
    covered_until: datetime | None
    rows: int
    runs: int


class Symptoms(SavedSchedules, Examinations):
    """The questions of an examination."""

    def overdue(self, before: datetime, shown: int) -> Counted:
        """Active schedules whose next fire time came before an instant and was not looked at."""
        where = Fragment(f"{_ACTIVE} AND next_execution_at < %s", (self._dialect.instant(before),))
        return self._db.read(partial(self._schedules, where, shown))

    def overdue_page(self, before: datetime, limit: int) -> list[Saved]:
        """Some of them, read."""
        where = Fragment(f"{_ACTIVE} AND next_execution_at < %s", (self._dialect.instant(before),))
        return self._db.read(lambda cursor: self._rows(cursor, where, 0, limit))

    def without_next(self, shown: int) -> Counted:
        """Active schedules that nothing will ever look at."""
        where = Fragment(f"{_ACTIVE} AND next_execution_at IS NULL", ())
        return self._db.read(partial(self._schedules, where, shown))

    def starting(self, workflows: Collection[UUID], shown: int) -> tuple[UUID, ...]:
        """Some of the active schedules that start one of these workflows."""
        among = self._dialect.is_one_of("workflow_id", workflows)
        where = Fragment(f"{_ACTIVE} AND {among.sql}", among.params)
        return self._db.read(partial(self._ids_of, "workflow_schedules", where, shown))

    def workflows(self) -> dict[UUID, int]:
        """What active schedules start, and how many do."""
        return self._db.read(self._workflows)

    def in_zones(self, zones: Collection[str], shown: int) -> tuple[UUID, ...]:
        """Some of the schedules that are read in one of these zones."""
        marks = ", ".join(["%s"] * len(zones))
        where = Fragment(f"status IN ('active', 'paused') AND timezone IN ({marks})", tuple(zones))
        return self._db.read(partial(self._ids_of, "workflow_schedules", where, shown))

    def stuck_runs(self, before: datetime, shown: int) -> Counted:
        """Running runs whose node has had no lease since an instant."""
        where = Fragment(_STUCK, (self._dialect.instant(before),))
        return self._db.read(partial(self._runs_that, where, shown))

    def unclaimed_runs(self, before: datetime, now: datetime, shown: int) -> Counted:
        """Runs that were ready before an instant and wait although the living nodes have plenty of room."""
        return self._db.read(partial(self._unclaimed, before, now, shown))

    def sample(self, after: int, limit: int) -> list[Saved]:
        """Up to `limit` schedules that may still fire, behind a place, in order."""
        where = Fragment("status IN ('active', 'paused')", ())
        return self._db.read(lambda cursor: self._rows(cursor, where, after, limit))

    def tallies(self, windows: Sequence[Window]) -> dict[UUID, Tally]:
        """What the ledger has of some schedules."""
        return self._db.read(partial(self._tallies, windows)) if windows else {}

    def _schedules(self, where: Fragment, shown: int, cursor: Cursor) -> Counted:
        return self._counted(cursor, "workflow_schedules", where, shown)

    def _runs_that(self, where: Fragment, shown: int, cursor: Cursor) -> Counted:
        return self._counted(cursor, "schedule_runs", where, shown)

    def _counted(self, cursor: Cursor, table: str, where: Fragment, shown: int) -> Counted:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {where.sql}", where.params)
        count = cursor.fetchone()[0]
        return Counted(count, self._ids_of(table, where, shown, cursor) if count else ())

    def _ids_of(self, table: str, where: Fragment, shown: int, cursor: Cursor) -> tuple[UUID, ...]:
        column = "run_id" if table == "schedule_runs" else "schedule_id"
        cursor.execute(
            f"SELECT {column} FROM {table} WHERE {where.sql} LIMIT %s",
            [*where.params, shown],
        )
        return tuple(sorted(self._dialect.read_uuid(row[0]) for row in cursor.fetchall()))

    def _workflows(self, cursor: Cursor) -> dict[UUID, int]:
        cursor.execute(
            f"SELECT workflow_id, count(*) FROM workflow_schedules WHERE {_ACTIVE} GROUP BY workflow_id"
        )
        return {self._dialect.read_uuid(row[0]): row[1] for row in cursor.fetchall()}

    def _unclaimed(self, before: datetime, now: datetime, shown: int, cursor: Cursor) -> Counted:
        cursor.execute(_CAPACITY, [self._dialect.instant(now)])
        capacity, running = cursor.fetchone()
        if running * 2 >= capacity:
            # nobody has room, or nobody lives; and while many short runs come and go a few slots are always empty
            return Counted(0)
        where = Fragment(_WAITING, (self._dialect.instant(before),))
        return self._counted(cursor, "schedule_runs", where, shown)

    def _tallies(self, windows: Sequence[Window], cursor: Cursor) -> dict[UUID, Tally]:
        rows = self._dialect.table(
            "v", _WINDOWS, [(window.schedule_id, window.low, window.high) for window in windows]
        )
        covers_until = self._dialect.column("covers_until", Kind.INSTANT)
        cursor.execute(_TALLY.format(rows=rows.sql, covers_until=covers_until), rows.params)
        return {
            self._dialect.read_uuid(row[0]): _tally(self._dialect.read_instant_or_none(row[2]), row)
            for row in cursor.fetchall()
        }


def _tally(covered_until: datetime | None, row: Sequence[Any]) -> Tally:
    return Tally(fire_times=int(row[1]), covered_until=covered_until, rows=row[3], runs=row[4])
