"""Runs outside their attempts: manual ones, cancelling, reading, pruning."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from functools import partial
from uuid import UUID

from clockwright.engine.ids import first_id_at
from clockwright.engine.model import Reason, Run
from clockwright.engine.ports import Clock, ManualRun, UnknownRun, UnknownSchedule
from clockwright.schedules.store.calls import UNFINISHED
from clockwright.schedules.store.dialect import Cursor, to_json
from clockwright.schedules.store.examinations import note_pruned
from clockwright.schedules.store.promotions import PromotionCalls
from clockwright.schedules.store.rows import RUN_COLUMNS, read_run

_TRIGGER = """
    INSERT INTO schedule_runs (
        run_id, schedule_id, workflow_id, community_id, scheduled_for, covers_count, "trigger",
        status, attempt, retries, takeovers, at_most_once, created_at, ready_at, request_id, context_data,
        priority
    )
    SELECT %s, schedule_id, workflow_id, community_id, %s, 1, 'manual',
        'queued', 0, 0, 0, false, %s, %s, %s, {context},
        COALESCE(CAST(%s AS integer), CAST(policy->>'priority' AS integer), 0)
    FROM workflow_schedules WHERE schedule_id = %s
    ON CONFLICT (schedule_id, request_id) WHERE request_id IS NOT NULL DO NOTHING
"""

_CANCEL = f"""
    UPDATE schedule_runs SET
        status = CASE WHEN status = 'running' THEN 'running' ELSE 'cancelled' END,
        reason = CASE WHEN cancel_requested_at IS NULL THEN %s ELSE reason END,
        finished_at = CASE WHEN status = 'running' THEN finished_at ELSE %s END,
        cancel_requested_at = CASE
            WHEN status = 'running' THEN COALESCE(cancel_requested_at, %s) ELSE cancel_requested_at
        END
    WHERE run_id = %s AND status IN {UNFINISHED}
"""

# What ended before an instant was made before it, so that the oldest ids are all there is to look at.
_OLD = """
    SELECT run_id FROM schedule_runs WHERE run_id < %s AND finished_at < %s ORDER BY run_id LIMIT %s
"""


class RunCalls(PromotionCalls):
    """The methods of `RunStore` beside claims, and `prune`; documented in the port."""

    def __init__(self, using: str = "default", clock: Clock | None = None) -> None:
        super().__init__(using, clock)
        self._run_columns = self._dialect.selected(RUN_COLUMNS, "")

    def trigger_run(self, schedule_id: UUID, run: ManualRun) -> Run:
        """Queue a manual run, or return the one this `request_id` made before; raises UnknownSchedule."""
        return self._db.write(partial(self._trigger, schedule_id, run))

    def cancel_run(self, run_id: UUID, reason: Reason = Reason.REQUESTED) -> Run:
        """End a run that has not started, ask a running one to stop; final ones stay; raises UnknownRun."""
        return self._db.write(partial(self._cancel, run_id, reason))

    def cancelled_runs(self, node_id: str) -> Collection[UUID]:
        """The node's running runs that were asked to stop."""
        return self._db.read(partial(self._asked_to_stop, node_id))

    def held_runs(self, node_id: str) -> Collection[UUID]:
        """All running runs of the node, also those whose claim it never heard the answer to."""
        return self._db.read(partial(self._held_by, node_id))

    def get_run(self, run_id: UUID) -> Run:
        """The run; raises UnknownRun."""
        return self._db.read(partial(self._run, run_id))

    def runs_of(self, schedule_id: UUID) -> Sequence[Run]:
        """All runs of a schedule in the order of `scheduled_for`."""
        return self._db.read(partial(self._runs_of, schedule_id))

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` final runs that ended before an instant, and dead nodes and backfills of that age; returns how many runs."""
        return self._db.write(partial(self._prune, before, limit))

    def _trigger(self, schedule_id: UUID, run: ManualRun, cursor: Cursor) -> Run:
        now, uuid = self._db.now(cursor), self._dialect.uuid
        at, (run_id,) = self._dialect.instant(now), self._ids.take(now, 1)
        context = None if run.context is None else to_json(dict(run.context))
        cursor.execute(
            _TRIGGER.format(context=self._dialect.json("%s")),
            [
                *(uuid(run_id), at, at, at, run.request_id, context, run.priority),
                uuid(schedule_id),
            ],
        )
        if cursor.rowcount:
            self._db.wake(cursor)
        cursor.execute(
            f"SELECT {self._run_columns} FROM schedule_runs WHERE schedule_id = %s AND request_id = %s",
            [uuid(schedule_id), run.request_id],
        )
        row = cursor.fetchone()
        if row is None:
            raise UnknownSchedule(schedule_id)
        return read_run(self._dialect, row)

    def _cancel(self, run_id: UUID, reason: Reason, cursor: Cursor) -> Run:
        at = self._dialect.instant(self._db.now(cursor))
        cursor.execute(_CANCEL, [reason.value, at, at, self._dialect.uuid(run_id)])
        return self._run(run_id, cursor)

    def _asked_to_stop(self, node_id: str, cursor: Cursor) -> Collection[UUID]:
        cursor.execute(
            "SELECT run_id FROM schedule_runs"
            " WHERE status = 'running' AND node = %s AND cancel_requested_at IS NOT NULL",
            [node_id],
        )
        return {self._dialect.read_uuid(row[0]) for row in cursor.fetchall()}

    def _held_by(self, node_id: str, cursor: Cursor) -> Collection[UUID]:
        cursor.execute(
            "SELECT run_id FROM schedule_runs WHERE status = 'running' AND node = %s", [node_id]
        )
        return {self._dialect.read_uuid(row[0]) for row in cursor.fetchall()}

    def _run(self, run_id: UUID, cursor: Cursor) -> Run:
        cursor.execute(
            f"SELECT {self._run_columns} FROM schedule_runs WHERE run_id = %s",
            [self._dialect.uuid(run_id)],
        )
        row = cursor.fetchone()
        if row is None:
            raise UnknownRun(run_id)
        return read_run(self._dialect, row)

    def _runs_of(self, schedule_id: UUID, cursor: Cursor) -> Sequence[Run]:
        cursor.execute(
            f"SELECT {self._run_columns} FROM schedule_runs"
            " WHERE schedule_id = %s ORDER BY schedule_runs.scheduled_for, run_id",
            [self._dialect.uuid(schedule_id)],
        )
        return [read_run(self._dialect, row) for row in cursor.fetchall()]

    def _prune(self, before: datetime, limit: int, cursor: Cursor) -> int:
        at, read = self._dialect.instant(before), self._dialect.read_uuid
        bound = self._dialect.uuid(first_id_at(before))
        cursor.execute(_OLD + self._dialect.skip_locked, [bound, at, limit])
        old = self._dialect.is_one_of("run_id", [read(row[0]) for row in cursor.fetchall()])
        cursor.execute(f"DELETE FROM schedule_run_attempts WHERE {old.sql}", old.params)
        cursor.execute(f"DELETE FROM schedule_runs WHERE {old.sql}", old.params)
        pruned = cursor.rowcount
        if pruned:
            note_pruned(cursor, at)
        cursor.execute("DELETE FROM schedule_nodes WHERE NOT is_alive AND lease_until < %s", [at])
        cursor.execute("DELETE FROM schedule_backfills WHERE finished_at < %s", [at])
        return pruned
