"""Backfills: asked for, foreseen, made batch by batch by whoever holds them, and ended."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Final, Self
from uuid import UUID

from clockwright.engine.backfill import (
    BATCH,
    Action,
    BackfillReason,
    BackfillState,
    Judged,
    Range,
    Row,
    Terms,
    batch_size,
    bounded,
    decide,
    fire_times,
    judge,
)
from clockwright.engine.model import Overlap, Reason, Schedule, ScheduleStatus, Settlement, Trigger
from clockwright.engine.ports import StoreError, UnknownSchedule
from clockwright.engine.settle import settle
from clockwright.schedules.store.backfill_ledger import BackfillLedger, Held
from clockwright.schedules.store.dialect import Cursor, Kind, clean_text
from clockwright.schedules.store.examinations import Examinations
from clockwright.schedules.store.projection import rule_from_text, rule_to_text
from clockwright.schedules.store.promotions import PROMOTE_OF_BACKFILLS
from clockwright.schedules.store.schedules import ScheduleCalls

_log = logging.getLogger(__name__)

HOLD: Final = timedelta(seconds=30)
"""A node that has not come back to a backfill by then is taken for dead, and another goes on with it."""

_HELD = {
    "backfill_id": Kind.UUID,
    "schedule_id": Kind.UUID,
    "recurrence": Kind.JSON,
    "range_from": Kind.INSTANT,
    "range_to": Kind.INSTANT,
    "overlap": Kind.TEXT,
    "max_instances": Kind.INTEGER,
    "priority": Kind.INTEGER,
    "cursor": Kind.INSTANT,
}

_MINE = "status = 'running' AND (held_until IS NULL OR held_until < %s OR node = %s)"

_FREE = f"SELECT backfill_id FROM schedule_backfills WHERE {_MINE} ORDER BY created_at"

_TAKE = f"SELECT {{columns}} FROM schedule_backfills WHERE backfill_id = %s AND {_MINE}"

_GO_ON = """
    UPDATE schedule_backfills SET node = %s, held_until = %s, "cursor" = %s,
        created = created + %s, existing = existing + %s
    WHERE backfill_id = %s
"""

_END = """
    UPDATE schedule_backfills
    SET status = %s, reason = %s, error = %s, finished_at = %s, node = NULL, held_until = NULL
    WHERE backfill_id = %s AND status = 'running'
"""

_ASK = """
    INSERT INTO schedule_backfills (
        backfill_id, schedule_id, community_id, asked_by, request_id, created_at, range_from, range_to,
        recurrence, overlap, max_instances, priority, total, created, existing, status
    ) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, 0, 'running')
"""


class BackfillUnderWay(StoreError):
    """The schedule has one that has not ended; `.args[0]` is its id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """Who asks for what; the same `request_id` of a schedule is the same backfill."""

    request_id: str
    asked_by: str
    within: Range
    terms: Terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Foreseen:
    """What a backfill would do, fire time by fire time; `pruned_until`: of what ended before, rows may be gone."""

    within: Range
    judged: Sequence[Judged]
    pruned_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a backfill of a schedule ended. `workflow_id`: None where the row of the schedule is gone."""

    schedule_id: UUID
    community: str
    workflow_id: UUID | None
    state: BackfillState
    reason: BackfillReason | None = None

    @classmethod
    def of(
        cls, schedule: Schedule, state: BackfillState, reason: BackfillReason | None = None
    ) -> Self:
        """The same of a schedule that is there."""
        return cls(
            schedule_id=schedule.schedule_id,
            community=schedule.community,
            workflow_id=schedule.workflow_id,
            state=state,
            reason=reason,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What one turn came to: fire times decided, whether there is more to be done at once, and whether it has ended."""

    decided: int = 0
    is_ready: bool = False
    ended: Ended | None = None


class Backfills(ScheduleCalls, BackfillLedger, Examinations):
    """One call is one transaction, as everywhere in the store."""

    def ask(self, schedule_id: UUID, request: Request) -> UUID:
        """Settle the schedule up to now and note what is to be run; the id, also of a request that came before.

        Raises UnknownSchedule for one that is removed too, RangeRefused, BackfillUnderWay.
        """
        return self._db.write(partial(self._ask, schedule_id, request))

    def foresee(self, schedule_id: UUID, within: Range) -> Foreseen:
        """What the range would come to now; writes nothing. Raises UnknownSchedule, RangeRefused."""
        return self._db.read(partial(self._foresee, schedule_id, within))

    def cancel(self, backfill_id: UUID) -> bool:
        """End it: nothing more is made, and what has not begun is cancelled; False when it had ended."""
        return self._db.write(partial(self._cancel, backfill_id))

    def waiting_for(self, node_id: str) -> Sequence[UUID]:
        """The backfills under way that the node has, or may take; a look that takes no lock."""
        return self._db.read(partial(self._free_for, node_id))

    def advance(self, backfill_id: UUID, node_id: str) -> Progress | None:
        """Decide the next batch, and hold it for the node; None when another has it, or it has ended."""
        return self._db.write(partial(self._advance, backfill_id, node_id))

    def _ask(self, schedule_id: UUID, request: Request, cursor: Cursor) -> UUID:
        schedule = self._present(schedule_id, cursor, self._dialect.for_update)
        known = self._of_request(cursor, schedule_id, request.request_id)
        if known is not None:
            return known
        now = self._db.now(cursor)
        within, total = bounded(schedule, request.within, now)
        cursor.execute(
            "SELECT backfill_id FROM schedule_backfills WHERE schedule_id = %s AND status = 'running'",
            [self._dialect.uuid(schedule_id)],
        )
        row = cursor.fetchone()
        if row is not None:
            raise BackfillUnderWay(self._dialect.read_uuid(row[0]))
        # everything up to now has its own answer before another is put beside it
        self._write_down(cursor, [self._settled_now(cursor, schedule, now)], now)
        (backfill_id,) = self._ids.take(now, 1)
        priority = request.terms.priority
        cursor.execute(
            _ASK,
            [
                *(self._dialect.uuid(backfill_id), self._dialect.uuid(schedule_id)),
                *(schedule.community, request.asked_by, request.request_id),
                *map(self._dialect.instant, (now, within.start, within.end)),
                *(rule_to_text(schedule.recurrence), request.terms.overlap.value),
                request.terms.max_instances,
                schedule.policy.priority if priority is None else priority,
                total,
            ],
        )
        return backfill_id

    def _present(self, schedule_id: UUID, cursor: Cursor, lock: str = "") -> Schedule:
        schedule = self._get(schedule_id, cursor, lock)
        if schedule.status is ScheduleStatus.REMOVED:
            raise UnknownSchedule(schedule_id)
        return schedule

    def _of_request(self, cursor: Cursor, schedule_id: UUID, request_id: str) -> UUID | None:
        cursor.execute(
            "SELECT backfill_id FROM schedule_backfills WHERE schedule_id = %s AND request_id = %s",
            [self._dialect.uuid(schedule_id), request_id],
        )
        row = cursor.fetchone()
        return None if row is None else self._dialect.read_uuid(row[0])

    def _settled_now(self, cursor: Cursor, schedule: Schedule, now: datetime) -> Settlement:
        (situation,) = self._situations(cursor, [schedule])
        return settle(situation, now)

    def _foresee(self, schedule_id: UUID, within: Range, cursor: Cursor) -> Foreseen:
        schedule, now = self._present(schedule_id, cursor), self._db.now(cursor)
        clipped, _ = bounded(schedule, within, now)
        to_come = {
            verdict.scheduled_for: Row(
                run_id=None, state=verdict.state, trigger=Trigger.SCHEDULE, reason=verdict.reason
            )
            for verdict in self._settled_now(cursor, schedule, now).verdicts
        }
        judged: list[Judged] = []
        after = None
        while times := fire_times(schedule.recurrence, after, clipped, BATCH):
            rows = self._rows_for(cursor, schedule_id, times)
            judged += [
                judge(at, [*rows.get(at, ()), *([to_come[at]] if at in to_come else [])])
                for at in times
            ]
            after = times[-1]
        return Foreseen(within=clipped, judged=judged, pruned_until=self._pruned_until(cursor))

    def _cancel(self, backfill_id: UUID, cursor: Cursor) -> bool:
        lock, key = self._dialect.for_update, self._dialect.uuid(backfill_id)
        cursor.execute(
            f"SELECT schedule_id FROM schedule_backfills WHERE backfill_id = %s{lock}", [key]
        )
        schedule_id = self._dialect.read_uuid(cursor.fetchone()[0])
        if not self._end(cursor, backfill_id, BackfillState.CANCELLED, BackfillReason.REQUESTED):
            return False
        self._cancel_runs(cursor, schedule_id, backfill_id, Reason.BACKFILL_CANCELLED)
        return True

    def _free_for(self, node_id: str, cursor: Cursor) -> Sequence[UUID]:
        now = self._dialect.instant(self._db.now(cursor))
        cursor.execute(_FREE, [now, node_id])
        return [self._dialect.read_uuid(row[0]) for row in cursor.fetchall()]

    def _advance(self, backfill_id: UUID, node_id: str, cursor: Cursor) -> Progress | None:
        now = self._db.now(cursor)
        held = self._hold_row(cursor, backfill_id, node_id, now)
        if held is None:
            return None
        try:
            schedule = self._present(held.schedule_id, cursor)
        except UnknownSchedule:
            return Progress(ended=self._end_removed(cursor, held))
        self._queue_waiting(cursor, PROMOTE_OF_BACKFILLS, "backfill_id", [backfill_id])
        return self._next_batch(cursor, held, schedule, (node_id, now))

    def _end_removed(self, cursor: Cursor, held: Held) -> Ended:
        """End a backfill whose schedule is removed, or was deleted."""
        self._cancel_runs(cursor, held.schedule_id, held.backfill_id, Reason.SCHEDULE_REMOVED)
        state, reason = BackfillState.CANCELLED, BackfillReason.SCHEDULE_REMOVED
        self._end(cursor, held.backfill_id, state, reason)
        try:
            return Ended.of(self._get(held.schedule_id, cursor), state, reason)
        except UnknownSchedule:
            key = self._dialect.uuid(held.backfill_id)
            cursor.execute(
                "SELECT community_id FROM schedule_backfills WHERE backfill_id = %s", [key]
            )
            return Ended(
                schedule_id=held.schedule_id,
                community=cursor.fetchone()[0],
                workflow_id=None,
                state=state,
                reason=reason,
            )

    def _next_batch(
        self, cursor: Cursor, held: Held, schedule: Schedule, holder: tuple[str, datetime]
    ) -> Progress:
        room = self._room_of(cursor, held.schedule_id, held.backfill_id)
        size = batch_size(room)
        try:
            rule = rule_from_text(held.rule)
            times = fire_times(rule, held.cursor, held.within, size)
        except Exception as error:  # noqa: BLE001 - recorded: one rule that fails must not stop the other backfills
            self._fail(cursor, held.backfill_id, error)
            reason = BackfillReason.RULE_FAILED
            return Progress(ended=Ended.of(schedule, BackfillState.FAILED, reason))
        if size and not times and not room.active and not room.buffered:
            self._end(cursor, held.backfill_id, BackfillState.COMPLETED)
            return Progress(ended=Ended.of(schedule, BackfillState.COMPLETED))
        rows = self._rows_for(cursor, held.schedule_id, times) if times else {}
        judged = [judge(at, rows.get(at, ())) for at in times]
        decided = decide(judged, held.terms, room)
        self._enter(cursor, held, schedule, decided)
        kept = sum(one.action is Action.KEEP for one in judged)
        cursor_at = times[-1] if times else held.cursor
        self._go_on(cursor, held, holder, (cursor_at, len(decided), kept))
        return Progress(decided=len(times), is_ready=len(times) == BATCH)

    def _go_on(
        self,
        cursor: Cursor,
        held: Held,
        holder: tuple[str, datetime],
        done: tuple[datetime | None, int, int],
    ) -> None:
        (node_id, now), (at, created, existing) = holder, done
        until = self._dialect.instant(now + HOLD)
        place, key = self._dialect.instant(at), self._dialect.uuid(held.backfill_id)
        cursor.execute(_GO_ON, [node_id, until, place, created, existing, key])

    def _hold_row(
        self, cursor: Cursor, backfill_id: UUID, node_id: str, now: datetime
    ) -> Held | None:
        sql = _TAKE.format(columns=self._dialect.selected(_HELD, ""))
        key, at = self._dialect.uuid(backfill_id), self._dialect.instant(now)
        cursor.execute(sql + self._dialect.skip_locked, [key, at, node_id])
        row = cursor.fetchone()
        if row is None:
            return None
        instant = self._dialect.read_instant
        return Held(
            backfill_id=self._dialect.read_uuid(row[0]),
            schedule_id=self._dialect.read_uuid(row[1]),
            rule=row[2],
            within=Range(start=instant(row[3]), end=instant(row[4])),
            terms=Terms(overlap=Overlap(row[5]), max_instances=row[6]),
            priority=row[7],
            cursor=None if row[8] is None else instant(row[8]),
        )

    def _fail(self, cursor: Cursor, backfill_id: UUID, error: Exception) -> None:
        _log.error("backfill %s has a rule that fails, and ends", backfill_id, exc_info=error)
        why = clean_text(f"{type(error).__name__}: {error}")
        self._end(cursor, backfill_id, BackfillState.FAILED, BackfillReason.RULE_FAILED, error=why)

    def _end(
        self,
        cursor: Cursor,
        backfill_id: UUID,
        state: BackfillState,
        reason: BackfillReason | None = None,
        *,
        error: str | None = None,
    ) -> bool:
        at = self._dialect.instant(self._db.now(cursor))
        why = None if reason is None else reason.value
        cursor.execute(_END, [state.value, why, error, at, self._dialect.uuid(backfill_id)])
        return cursor.rowcount == 1
