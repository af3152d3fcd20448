"""Buffered runs that get room: those of a schedule below its `max_instances`, those of a backfill below its own."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import partial
from typing import Any
from uuid import UUID

from clockwright.schedules.store.calls import ACTIVE, StoreCalls
from clockwright.schedules.store.dialect import Cursor

_WAITING = "SELECT DISTINCT schedule_id, backfill_id FROM schedule_runs WHERE status = 'buffered'"

_PROMOTE = f"""
    UPDATE schedule_runs SET status = 'queued', ready_at = %s WHERE run_id IN (
        SELECT run_id FROM (
            SELECT run_id, schedule_id,
                row_number() OVER (PARTITION BY schedule_id ORDER BY run_id) AS place
            FROM schedule_runs
            WHERE status = 'buffered' AND {{among}} AND backfill_id IS NULL
        ) AS waiting
        LEFT JOIN workflow_schedules ON workflow_schedules.schedule_id = waiting.schedule_id
        LEFT JOIN (
            SELECT schedule_id, count(*) AS number FROM schedule_runs
            WHERE {{among}} AND {ACTIVE} AND backfill_id IS NULL GROUP BY schedule_id
        ) AS active ON active.schedule_id = waiting.schedule_id
        WHERE workflow_schedules.schedule_id IS NULL
            OR policy->>'overlap' = 'allow'
            OR place <= CAST(policy->>'max_instances' AS integer) - COALESCE(active.number, 0)
    ) AND status = 'buffered'
"""

# A backfill that has ended no longer says how many may run: what it left waiting is not held back.
PROMOTE_OF_BACKFILLS = f"""
    UPDATE schedule_runs SET status = 'queued', ready_at = %s WHERE run_id IN (
        SELECT run_id FROM (
            SELECT run_id, backfill_id,
                row_number() OVER (PARTITION BY backfill_id ORDER BY scheduled_for) AS place
            FROM schedule_runs WHERE {{among}} AND status = 'buffered'
        ) AS waiting
        LEFT JOIN schedule_backfills ON schedule_backfills.backfill_id = waiting.backfill_id
        LEFT JOIN (
            SELECT backfill_id, count(*) AS number FROM schedule_runs
            WHERE {{among}} AND {ACTIVE} GROUP BY backfill_id
        ) AS active ON active.backfill_id = waiting.backfill_id
        WHERE schedule_backfills.backfill_id IS NULL
            OR place <= schedule_backfills.max_instances - COALESCE(active.number, 0)
    ) AND status = 'buffered'
"""


class PromotionCalls(StoreCalls):
    """`RunStore.promote_buffered`, documented there."""

    def promote_buffered(self) -> int:
        """Queue buffered runs of schedules with room below `max_instances`, oldest first; returns how many."""
        waiting = self._db.read(_who_waits)
        if not waiting:
            return 0
        read = self._dialect.read_uuid
        schedules = {read(row[0]) for row in waiting if row[1] is None}
        backfills = {read(row[1]) for row in waiting if row[1] is not None}
        promoted = self._db.write(partial(self._promote, schedules)) if schedules else 0
        if backfills:
            promoted += self._db.write(partial(self._promote_of_backfills, backfills))
        return promoted

    def _promote(self, waiting: Collection[UUID], cursor: Cursor) -> int:
        ids = self._free(cursor, ("workflow_schedules", "schedule_id"), waiting)
        return self._queue_waiting(cursor, _PROMOTE, "schedule_id", ids)

    def _promote_of_backfills(self, waiting: Collection[UUID], cursor: Cursor) -> int:
        ids = self._free(cursor, ("schedule_backfills", "backfill_id"), waiting)
        return self._queue_waiting(cursor, PROMOTE_OF_BACKFILLS, "backfill_id", ids)

    def _queue_waiting(self, cursor: Cursor, sql: str, key: str, ids: Sequence[UUID]) -> int:
        among = self._dialect.is_one_of(key, ids)
        at = self._dialect.instant(self._db.now(cursor))
        cursor.execute(sql.format(among=among.sql), [at, *among.params, *among.params])
        promoted = cursor.rowcount
        if promoted:
            self._db.wake(cursor)
        return promoted

    def _free(
        self, cursor: Cursor, source: tuple[str, str], waiting: Collection[UUID]
    ) -> Sequence[UUID]:
        """Those whose row, in a table by its key, nobody holds; their rows are locked.

        Two nodes that promote at once must not both count the same room. What is held is left for the keeper's next
        pass: a transaction of a host's that stays open must not stop a node.
        """
        ids, (table, key) = sorted(waiting), source
        if not self._dialect.skip_locked:
            return ids
        among = self._dialect.is_one_of(key, ids)
        sql = f"SELECT {key} FROM {table} WHERE {among.sql}"
        cursor.execute(sql, among.params)
        held = {self._dialect.read_uuid(row[0]) for row in cursor.fetchall()}
        cursor.execute(f"{sql}{self._dialect.skip_locked}", among.params)
        held -= {self._dialect.read_uuid(row[0]) for row in cursor.fetchall()}
        return [one for one in ids if one not in held]


def _who_waits(cursor: Cursor) -> list[Any]:
    cursor.execute(_WAITING)
    return cursor.fetchall()
