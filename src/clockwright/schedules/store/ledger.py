"""Writing settlements down: new runs, moved schedules, runs asked to make room. Set-based, for one schedule or a batch."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from clockwright.engine.model import (
    Claim,
    RunState,
    Schedule,
    ScheduleStatus,
    Settlement,
    Situation,
    Trigger,
    Verdict,
)
from clockwright.engine.ports import Share
from clockwright.schedules.store.calls import UNFINISHED
from clockwright.schedules.store.dialect import Cursor, Kind
from clockwright.schedules.store.failures import FailureCalls

_log = logging.getLogger(__name__)

_NONE = (0, 0)
NO_SHARE = Share(node_id="", room=0)

_NEW_RUNS = {
    "v_run_id": Kind.UUID,
    "v_schedule_id": Kind.UUID,
    "v_workflow_id": Kind.UUID,
    "v_community_id": Kind.TEXT,
    "v_scheduled_for": Kind.INSTANT,
    "v_covers_until": Kind.INSTANT,
    "v_covers_count": Kind.INTEGER,
    "v_status": Kind.TEXT,
    "v_reason": Kind.TEXT,
    "v_ready_at": Kind.INSTANT,
    "v_priority": Kind.INTEGER,
}

_INSERT_RUNS = """
    INSERT INTO schedule_runs (
        run_id, schedule_id, workflow_id, community_id, scheduled_for, covers_until, covers_count,
        "trigger", status, reason, attempt, retries, takeovers, at_most_once, node,
        created_at, ready_at, finished_at, priority
    )
    SELECT
        v_run_id, v_schedule_id, v_workflow_id, v_community_id, v_scheduled_for, v_covers_until,
        v_covers_count, 'schedule', v_status, v_reason,
        CASE WHEN v_status = 'running' THEN 1 ELSE 0 END, 0, 0, false,
        CASE WHEN v_status = 'running' THEN %s END, %s,
        CASE WHEN v_status IN ('queued', 'running') THEN COALESCE(v_ready_at, %s) END,
        CASE WHEN v_status NOT IN ('queued', 'buffered', 'running') THEN %s END, v_priority
    FROM {rows} WHERE true
    ON CONFLICT DO NOTHING
"""

_MOVED = {
    "v_schedule_id": Kind.UUID,
    "v_settled_until": Kind.INSTANT,
    "v_next_execution_at": Kind.INSTANT,
    "v_execution_count": Kind.INTEGER,
    "v_last_execution_at": Kind.INSTANT,
    "v_last_execution_id": Kind.UUID,
    "v_status": Kind.TEXT,
    "v_status_reason": Kind.TEXT,
}

_MOVE_SCHEDULES = """
    UPDATE workflow_schedules SET
        settled_until = v_settled_until,
        next_execution_at = v_next_execution_at,
        execution_count = v_execution_count,
        last_execution_at = v_last_execution_at,
        last_execution_id = v_last_execution_id,
        status = v_status,
        status_reason = v_status_reason,
        is_active = v_status = 'active',
        updated_at = %s
    FROM {rows} WHERE schedule_id = v_schedule_id
"""

_REPLACE = f"""
    UPDATE schedule_runs SET
        status = CASE WHEN status = 'running' THEN 'running' ELSE 'cancelled' END,
        reason = 'replaced',
        finished_at = CASE WHEN status = 'running' THEN finished_at ELSE %s END,
        cancel_requested_at = CASE
            WHEN status = 'running' THEN COALESCE(cancel_requested_at, %s) ELSE cancel_requested_at
        END
    WHERE run_id IN (
        SELECT run_id FROM (
            SELECT run_id, v_count,
                row_number() OVER (PARTITION BY schedule_id ORDER BY run_id) AS place
            FROM {{rows}} JOIN schedule_runs ON schedule_id = v_schedule_id
            WHERE status IN {UNFINISHED} AND backfill_id IS NULL
        ) AS placed WHERE place <= v_count
    ) AND status IN {UNFINISHED}
"""

_OCCUPANCY = f"""
    SELECT schedule_id, sum(CASE WHEN status = 'buffered' THEN 0 ELSE 1 END),
        sum(CASE WHEN status = 'buffered' THEN 1 ELSE 0 END)
    FROM schedule_runs WHERE {{among}} AND status IN {UNFINISHED} AND backfill_id IS NULL
    GROUP BY schedule_id
"""


@dataclass(slots=True)
class _Pages:
    """Settlements as rows to be written; the first runs that are queued go to whoever has a share."""

    ids: Iterator[UUID]
    now: datetime
    share: Share
    runs: list[tuple[Any, ...]] = field(default_factory=list)
    moved: list[tuple[Any, ...]] = field(default_factory=list)
    replaced: list[tuple[UUID, int]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    is_waiting: bool = False

    def enter(self, settlement: Settlement) -> None:
        """Add the rows of one settlement."""
        schedule, last_id = settlement.schedule, settlement.schedule.last_execution_id
        if settlement.cancel_running:
            self.replaced.append((schedule.schedule_id, settlement.cancel_running))
        for verdict in settlement.verdicts:
            run_id, state = next(self.ids), verdict.state
            if state is RunState.QUEUED or state is RunState.BUFFERED:
                last_id = run_id
                is_ready = state is RunState.QUEUED and verdict.ready_at is None
                if is_ready and len(self.claims) < self.share.room:
                    state = RunState.RUNNING
                    self.claims.append(self._claim(run_id, schedule, verdict))
                else:
                    self.is_waiting = True
            self.runs.append(
                (
                    run_id,
                    schedule.schedule_id,
                    schedule.workflow_id,
                    schedule.community,
                    verdict.scheduled_for,
                    verdict.covers_until,
                    verdict.covers_count,
                    state.value,
                    None if verdict.reason is None else verdict.reason.value,
                    verdict.ready_at,
                    schedule.policy.priority,
                )
            )
        self.moved.append(_moved(schedule, last_id))

    def _claim(self, run_id: UUID, schedule: Schedule, verdict: Verdict) -> Claim:
        args, context = schedule.args, schedule.context
        if (
            (args or context)
            and self.claims
            and self.claims[-1].schedule_id == schedule.schedule_id
        ):
            # its handlers may change what they are given, each its own
            args, context = deepcopy((args, context))
        return Claim(
            run_id=run_id,
            attempt=1,
            retries=0,
            takeovers=0,
            node_id=self.share.node_id,
            schedule_id=schedule.schedule_id,
            workflow_id=schedule.workflow_id,
            scheduled_for=verdict.scheduled_for,
            claimed_at=self.now,
            trigger=Trigger.SCHEDULE,
            policy=schedule.policy,
            args=args,
            context=context,
            community=schedule.community,
        )


def _urgent_first(settlements: Sequence[Settlement]) -> Sequence[Settlement]:
    """Those of a higher priority first, else in their order: so are the runs numbered, and taken by a share."""
    if len({settlement.schedule.policy.priority for settlement in settlements}) <= 1:
        return settlements
    return sorted(settlements, key=lambda settlement: -settlement.schedule.policy.priority)


def _moved(schedule: Schedule, last_execution_id: UUID | None) -> tuple[Any, ...]:
    return (
        schedule.schedule_id,
        schedule.settled_until,
        schedule.next_execution_at if schedule.status is ScheduleStatus.ACTIVE else None,
        schedule.execution_count,
        schedule.last_execution_at,
        last_execution_id,
        schedule.status.value,
        schedule.status_reason,
    )


class Ledger(FailureCalls):
    """The part of the store that writes settlements."""

    def _situations(self, cursor: Cursor, schedules: Sequence[Schedule]) -> list[Situation]:
        """The schedules with how many of their runs are active or wait; the rows of the schedules are locked."""
        counts = self._occupancy(cursor, [schedule.schedule_id for schedule in schedules])
        watched = [s.schedule_id for s in schedules if s.policy.pause_after_failures is not None]
        failures = self._failures(cursor, watched) if watched else {}
        situations = []
        for schedule in schedules:
            key = schedule.schedule_id
            active, buffered = counts.get(key, _NONE) if counts else _NONE
            failed = failures.get((key, schedule.version), 0) if failures else 0
            situations.append(
                Situation(schedule=schedule, active=active, buffered=buffered, failures=failed)
            )
        return situations

    def _occupancy(self, cursor: Cursor, ids: Sequence[UUID]) -> Mapping[UUID, tuple[int, int]]:
        among = self._dialect.is_one_of("schedule_id", ids)
        cursor.execute(_OCCUPANCY.format(among=among.sql), among.params)
        read = self._dialect.read_uuid
        return {read(row[0]): (row[1], row[2]) for row in cursor.fetchall()}

    def _write_down(
        self,
        cursor: Cursor,
        settlements: Sequence[Settlement],
        now: datetime,
        share: Share = NO_SHARE,
    ) -> Sequence[Claim]:
        """All that the settlements decided; wakes the engines when something waits. The runs that were taken."""
        count = sum([len(settlement.verdicts) for settlement in settlements])
        pages = _Pages(iter(self._ids.take(now, count)), now, share)
        for settlement in _urgent_first(settlements):
            pages.enter(settlement)
        self._stop_firing(cursor, [s.schedule.schedule_id for s in settlements if s.pauses])
        at = self._dialect.instant(now)
        if pages.replaced:
            # before the new runs are there: they make room for them
            columns = {"v_schedule_id": Kind.UUID, "v_count": Kind.INTEGER}
            rows = self._dialect.table("v", columns, pages.replaced)
            cursor.execute(_REPLACE.format(rows=rows.sql), [at, at, *rows.params])
        entered = self._enter_runs(cursor, pages, at)
        if pages.moved:
            self._dialect.write_rows(cursor, _MOVE_SCHEDULES, [at], _MOVED, pages.moved)
        if pages.is_waiting:
            self._db.wake(cursor)
        return entered

    def _enter_runs(self, cursor: Cursor, pages: _Pages, at: Any) -> Sequence[Claim]:
        if not pages.runs:
            return ()
        values = [pages.share.node_id, at, at, at]
        count = self._dialect.write_rows(cursor, _INSERT_RUNS, values, _NEW_RUNS, pages.runs)
        if count == len(pages.runs):
            return pages.claims
        # only a watermark moved back by hand leads here; the ledger's first answer stands
        _log.error(
            "%d of %d fire times were accounted for before",
            len(pages.runs) - count,
            len(pages.runs),
        )
        entered = self._dialect.is_one_of("run_id", [claim.run_id for claim in pages.claims])
        cursor.execute(f"SELECT run_id FROM schedule_runs WHERE {entered.sql}", entered.params)
        there = {self._dialect.read_uuid(row[0]) for row in cursor.fetchall()}
        return [claim for claim in pages.claims if claim.run_id in there]
