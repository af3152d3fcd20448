"""What the ledger has for the fire times of a backfill, and the rows that a backfill writes beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from clockwright.engine.backfill import Decided, Range, Row, Terms
from clockwright.engine.model import Reason, RunState, Schedule, Trigger
from clockwright.engine.overlap import Room
from clockwright.schedules.store.calls import PENDING, UNFINISHED
from clockwright.schedules.store.dialect import Cursor, Kind
from clockwright.schedules.store.ledger import Ledger
from clockwright.schedules.store.promotions import PromotionCalls


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A backfill whose row this transaction holds."""

    backfill_id: UUID
    schedule_id: UUID
    rule: str
    within: Range
    terms: Terms
    priority: int
    cursor: datetime | None


_AT = {"v_at": Kind.INSTANT}
_FACTS = {
    "run_id": Kind.UUID,
    "status": Kind.TEXT,
    "trigger": Kind.TEXT,
    "attempt": Kind.INTEGER,
    "reason": Kind.TEXT,
    "scheduled_for": Kind.INSTANT,
    "covers_until": Kind.INSTANT,
}

_EXACT = """
    SELECT {facts} FROM {rows} JOIN schedule_runs ON schedule_id = %s AND scheduled_for = v_at
    WHERE "trigger" IN ('schedule', 'backfill')
"""

# A range row reaches up to the next row of a fire time, so that the one before an instant is all there is to look at.
_BEFORE = """
    SELECT {at}, (
        SELECT run_id FROM schedule_runs
        WHERE schedule_id = %s AND scheduled_for < v_at AND "trigger" = 'schedule'
        ORDER BY scheduled_for DESC LIMIT 1
    ) FROM {rows}
"""

_OCCUPANCY = f"""
    SELECT count(*), sum(CASE WHEN status = 'buffered' THEN 1 ELSE 0 END) FROM schedule_runs
    WHERE schedule_id = %s AND status IN {UNFINISHED} AND backfill_id = %s
"""

_NEW = {
    "v_run_id": Kind.UUID,
    "v_scheduled_for": Kind.INSTANT,
    "v_status": Kind.TEXT,
    "v_reason": Kind.TEXT,
    "v_supersedes": Kind.UUID,
}

_INSERT = """
    INSERT INTO schedule_runs (
        schedule_id, workflow_id, community_id, created_at, backfill_id, priority, run_id,
        scheduled_for, covers_count, "trigger", status, reason, attempt, retries, takeovers,
        at_most_once, ready_at, finished_at, supersedes
    )
    SELECT %s, %s, %s, %s, %s, %s, v_run_id, v_scheduled_for, 1, 'backfill', v_status, v_reason,
        0, 0, 0, false, CASE WHEN v_status = 'queued' THEN %s END,
        CASE WHEN v_status = 'skipped' THEN %s END, v_supersedes
    FROM {rows} WHERE true
    ON CONFLICT DO NOTHING
"""

_CANCEL = f"""
    UPDATE schedule_runs SET status = 'cancelled', reason = %s, finished_at = %s
    WHERE schedule_id = %s AND {PENDING} AND backfill_id = %s
"""


class BackfillLedger(Ledger, PromotionCalls):
    """The part of the store that knows a backfill's place in the ledger; its caller holds the backfill's row."""

    def _rows_for(
        self, cursor: Cursor, schedule_id: UUID, instants: Sequence[datetime]
    ) -> Mapping[datetime, Sequence[Row]]:
        """What the ledger has for each of these fire times: rows of its own, else the range row it lies in."""
        key, found = self._dialect.uuid(schedule_id), dict[datetime, list[Row]]()
        rows = self._dialect.table("v", _AT, [(at,) for at in instants])
        facts = self._dialect.selected(_FACTS, "schedule_runs.")
        cursor.execute(_EXACT.format(facts=facts, rows=rows.sql), [*rows.params, key])
        for row in cursor.fetchall():
            found.setdefault(self._dialect.read_instant(row[5]), []).append(self._row(row))
        answered = {
            at for at, some in found.items() if any(r.trigger is Trigger.SCHEDULE for r in some)
        }
        for at, row in self._ranges_around(
            cursor, key, [at for at in instants if at not in answered]
        ):
            found.setdefault(at, []).append(row)
        return found

    def _ranges_around(
        self, cursor: Cursor, key: Any, instants: Sequence[datetime]
    ) -> Sequence[tuple[datetime, Row]]:
        """The range rows that some fire times lie in."""
        if not instants:
            return ()
        read = self._dialect.read_uuid
        rows = self._dialect.table("v", _AT, [(at,) for at in instants])
        at = self._dialect.column("v_at", Kind.INSTANT)
        # the key stands before the rows in the statement
        cursor.execute(_BEFORE.format(at=at, rows=rows.sql), [key, *rows.params])
        before = {
            self._dialect.read_instant(row[0]): read(row[1])
            for row in cursor.fetchall()
            if row[1] is not None
        }
        if not before:
            return ()
        among = self._dialect.is_one_of("run_id", set(before.values()))
        facts = self._dialect.selected(_FACTS, "")
        cursor.execute(f"SELECT {facts} FROM schedule_runs WHERE {among.sql}", among.params)
        reach = {read(row[0]): row for row in cursor.fetchall() if row[6] is not None}
        return [
            (instant, self._row(reach[run_id]))
            for instant, run_id in before.items()
            if run_id in reach and self._dialect.read_instant(reach[run_id][6]) >= instant
        ]

    def _row(self, row: Sequence[Any]) -> Row:
        return Row(
            run_id=self._dialect.read_uuid(row[0]),
            state=RunState(row[1]),
            trigger=Trigger(row[2]),
            attempt=row[3],
            reason=None if row[4] is None else Reason(row[4]),
        )

    def _room_of(self, cursor: Cursor, schedule_id: UUID, backfill_id: UUID) -> Room:
        """How many runs of the backfill are active, and how many wait."""
        uuid = self._dialect.uuid
        cursor.execute(_OCCUPANCY, [uuid(schedule_id), uuid(backfill_id)])
        unfinished, buffered = cursor.fetchone()
        return Room(active=unfinished - (buffered or 0), buffered=buffered or 0)

    def _enter(
        self, cursor: Cursor, backfill: Held, schedule: Schedule, decided: Sequence[Decided]
    ) -> None:
        """Write the rows of what was decided; wakes the engines when something is queued."""
        now, uuid = self._db.now(cursor), self._dialect.uuid
        at, ids = self._dialect.instant(now), self._ids.take(now, len(decided))
        values = [
            *(uuid(schedule.schedule_id), uuid(schedule.workflow_id), schedule.community, at),
            *(uuid(backfill.backfill_id), backfill.priority, at, at),
        ]
        rows = [
            (
                run_id,
                one.scheduled_for,
                one.state.value,
                None if one.reason is None else one.reason.value,
                one.supersedes,
            )
            for run_id, one in zip(ids, decided, strict=True)
        ]
        if rows:
            self._dialect.write_rows(cursor, _INSERT, values, _NEW, rows)
        if any(one.state is RunState.QUEUED for one in decided):
            self._db.wake(cursor)

    def _cancel_runs(
        self, cursor: Cursor, schedule_id: UUID, backfill_id: UUID, reason: Reason
    ) -> None:
        """End those that have not begun."""
        at, uuid = self._dialect.instant(self._db.now(cursor)), self._dialect.uuid
        cursor.execute(_CANCEL, [reason.value, at, uuid(schedule_id), uuid(backfill_id)])
