"""Failures in a row, and the schedules that pause themselves for them.

The count stands in a table of its own, which only those who record outcomes write: a schedule's row may be held for long
by a transaction of the host's, and no outcome waits for that. A pause that finds the row held is made by the next
settling, which looks at the count before it gives any run.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from clockwright.engine.failures import FAILURES, counted
from clockwright.engine.model import PauseReason, RunState
from clockwright.engine.ports import Pause
from clockwright.schedules.store.calls import StoreCalls
from clockwright.schedules.store.dialect import Cursor, Kind

_FAILURES = frozenset(state.value for state in FAILURES)
_LIMIT = "policy->>'pause_after_failures'"

_WATCHED = f"""
    SELECT run_id, workflow_schedules.schedule_id, version, CAST({_LIMIT} AS integer)
    FROM schedule_runs
    JOIN workflow_schedules ON workflow_schedules.schedule_id = schedule_runs.schedule_id
    WHERE {{among}} AND "trigger" = 'schedule'
        AND workflow_schedules.status = 'active' AND {_LIMIT} IS NOT NULL
"""

_COUNTS = {
    "v_schedule_id": Kind.UUID,
    "v_version": Kind.INTEGER,
    "v_failures": Kind.INTEGER,
}

_BEGIN = """
    INSERT INTO schedule_failures (schedule_id, version, failures)
    SELECT v_schedule_id, v_version, 0 FROM {rows} WHERE true
    ON CONFLICT (schedule_id) DO NOTHING
"""

_COUNT = """
    UPDATE schedule_failures SET version = v_version, failures = v_failures
    FROM {rows} WHERE schedule_id = v_schedule_id
"""

_PAUSE = f"""
    UPDATE workflow_schedules SET
        status = 'paused', status_reason = '{PauseReason.REPEATED_FAILURES.value}', is_active = false,
        next_execution_at = NULL, version = version + 1, updated_at = %s
    WHERE {{among}}
"""


@dataclass(slots=True)
class _Watched:
    """A schedule that pauses after so many failures, and how its runs ended, oldest first."""

    version: int
    limit: int
    ends: list[RunState] = field(default_factory=list)


class FailureCalls(StoreCalls):
    """The part of the store that counts how runs end."""

    def _count_ends(self, cursor: Cursor, ends: Mapping[UUID, RunState]) -> Sequence[Pause]:
        """Count final states of runs, in their order, and pause what failed too often."""
        watched = self._watched(cursor, ends)
        counts = self._counts_locked(cursor, watched) if watched else {}
        rows, exceeded = [], {}
        for schedule_id, (version, failures) in counts.items():
            one = watched[schedule_id]
            if version > one.version:
                continue  # it was changed since: what ended before does not count
            now, most = counted(failures if version == one.version else 0, one.ends)
            rows.append((schedule_id, one.version, now))
            if most >= one.limit:
                # at least the limit, whatever came after: settling looks at it as well
                rows[-1] = (schedule_id, one.version, most)
                exceeded[schedule_id] = (one.version, most)
        if rows:
            self._dialect.write_rows(cursor, _COUNT, [], _COUNTS, rows)
        return self._pause(cursor, exceeded) if exceeded else ()

    def _failures(self, cursor: Cursor, ids: Collection[UUID]) -> Mapping[tuple[UUID, int], int]:
        """How many runs in a row failed, by schedule and version."""
        among = self._dialect.is_one_of("schedule_id", ids)
        cursor.execute(
            f"SELECT schedule_id, version, failures FROM schedule_failures WHERE {among.sql}",
            among.params,
        )
        read = self._dialect.read_uuid
        return {(read(row[0]), row[1]): row[2] for row in cursor.fetchall()}

    def _is_counting(self, cursor: Cursor, states: Collection[str]) -> bool:
        """Whether ends like these change a count: a failure does, and anything where there are some."""
        if not _FAILURES.isdisjoint(states):
            return True
        cursor.execute("SELECT 1 FROM schedule_failures WHERE failures > 0 LIMIT 1")
        return cursor.fetchone() is not None

    def _watched(self, cursor: Cursor, ends: Mapping[UUID, RunState]) -> dict[UUID, _Watched]:
        """Those of the runs' schedules that are active and pause after failures."""
        read, among = self._dialect.read_uuid, self._dialect.is_one_of("run_id", ends)
        cursor.execute(_WATCHED.format(among=among.sql), among.params)
        found = {read(row[0]): row[1:] for row in cursor.fetchall()}
        watched: dict[UUID, _Watched] = {}
        for run_id, state in ends.items():
            if run_id in found:
                schedule_id, version, limit = found[run_id]
                one = watched.setdefault(read(schedule_id), _Watched(version, limit))
                one.ends.append(state)
        return watched

    def _counts_locked(
        self, cursor: Cursor, watched: Mapping[UUID, _Watched]
    ) -> Mapping[UUID, tuple[int, int]]:
        """Version and count of each, its row made where there is need of one; always in the same order of locking."""
        new = [
            (schedule_id, one.version, 0)
            for schedule_id, one in sorted(watched.items())
            if not FAILURES.isdisjoint(one.ends)
        ]
        if new:
            self._dialect.write_rows(cursor, _BEGIN, [], _COUNTS, new)
        among = self._dialect.is_one_of("schedule_id", watched)
        cursor.execute(
            f"SELECT schedule_id, version, failures FROM schedule_failures WHERE {among.sql}"
            f" ORDER BY schedule_id{self._dialect.for_update}",
            among.params,
        )
        read = self._dialect.read_uuid
        return {read(row[0]): (row[1], row[2]) for row in cursor.fetchall()}

    def _pause(self, cursor: Cursor, exceeded: Mapping[UUID, tuple[int, int]]) -> Sequence[Pause]:
        among = self._dialect.is_one_of("schedule_id", exceeded)
        cursor.execute(
            "SELECT schedule_id, version, workflow_id, community_id FROM workflow_schedules"
            f" WHERE {among.sql} AND status = 'active' ORDER BY schedule_id{self._dialect.skip_locked}",
            among.params,
        )
        pauses = [
            Pause(
                schedule_id=self._dialect.read_uuid(row[0]),
                workflow_id=self._dialect.read_uuid(row[2]),
                community=row[3],
                failures=exceeded[self._dialect.read_uuid(row[0])][1],
            )
            for row in cursor.fetchall()
            if exceeded[self._dialect.read_uuid(row[0])][0] == row[1]
        ]
        self._stop_firing(cursor, [pause.schedule_id for pause in pauses])
        return pauses

    def _stop_firing(self, cursor: Cursor, ids: Collection[Any]) -> None:
        """Pause these schedules, whose rows are locked."""
        if ids:
            among = self._dialect.is_one_of("schedule_id", ids)
            at = self._dialect.instant(self._db.now(cursor))
            cursor.execute(_PAUSE.format(among=among.sql), [at, *among.params])
