"""Claiming runs, and recording what their attempts came to, behind the fence of run, node and attempt."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from operator import itemgetter
from typing import Any
from uuid import UUID

from clockwright.engine.failures import COUNTED
from clockwright.engine.model import Claim, Ends, Outcome, Policy, Reason, RunState, Start
from clockwright.engine.ports import Claimed, Clock, Recorded
from clockwright.schedules.store.calls import CLAIMABLE, RECHECK
from clockwright.schedules.store.dialect import Cursor, Kind, clean_text, to_json
from clockwright.schedules.store.failures import FailureCalls
from clockwright.schedules.store.priorities import Level, earliest_of, levels
from clockwright.schedules.store.projection import policy_from_text
from clockwright.schedules.store.rows import TRIGGERS, read_args, read_context

_log = logging.getLogger(__name__)

_CLAIMED = {
    "run_id": Kind.UUID,
    "attempt": Kind.INTEGER,
    "retries": Kind.INTEGER,
    "takeovers": Kind.INTEGER,
    "schedule_id": Kind.UUID,
    "workflow_id": Kind.UUID,
    "scheduled_for": Kind.INSTANT,
    "trigger": Kind.TEXT,
    "args": Kind.JSON,
    "context_data": Kind.JSON,
    "community_id": Kind.TEXT,
    "ready_at": Kind.INSTANT,
}

_CLAIM = f"""
    WITH picked AS (
        SELECT run_id AS picked_id FROM schedule_runs
        WHERE status IN {CLAIMABLE} AND priority = %s AND ready_at <= %s
        ORDER BY ready_at, run_id LIMIT %s{{skip_locked}}
    )
    UPDATE schedule_runs SET
        status = 'running', reason = NULL, attempt = attempt + 1, node = %s, started_at = NULL
    WHERE run_id IN (SELECT picked_id FROM picked)
    RETURNING {{columns}}
"""

_PLANS = """
    SELECT schedule_id, policy, max_executions, args, context_data
    FROM workflow_schedules WHERE {among}
"""

_STARTS = {
    "v_run_id": Kind.UUID,
    "v_attempt": Kind.INTEGER,
    "v_node": Kind.TEXT,
    "v_started_at": Kind.INSTANT,
    "v_at_most_once": Kind.BOOLEAN,
}

_FENCE = "run_id = v_run_id AND status = 'running' AND attempt = v_attempt AND node = v_node"

_START = f"""
    UPDATE schedule_runs SET started_at = v_started_at, at_most_once = at_most_once OR v_at_most_once
    FROM {{rows}} WHERE {_FENCE} RETURNING run_id
"""

_OUTCOMES = {
    "v_run_id": Kind.UUID,
    "v_attempt": Kind.INTEGER,
    "v_node": Kind.TEXT,
    "v_status": Kind.TEXT,
    "v_reason": Kind.TEXT,
    "v_started_at": Kind.INSTANT,
    "v_finished_at": Kind.INSTANT,
    "v_ready_at": Kind.INSTANT,
    "v_result": Kind.JSON,
    "v_error": Kind.TEXT,
    "v_traceback": Kind.TEXT,
}

# A run that was asked to stop does not try again, and the reason why it was asked is the reason why it ended.
_RETRIES = "(v_status = 'retrying' AND cancel_requested_at IS NULL)"
_STOPS = "(v_status IN ('retrying', 'cancelled') AND cancel_requested_at IS NOT NULL)"

_COUNTED = frozenset(state.value for state in COUNTED)
_RETRYING = RunState.RETRYING.value
_MAY_END_OTHERWISE = frozenset({_RETRYING, RunState.CANCELLED.value})
_RECORD = f"""
    UPDATE schedule_runs SET
        status = CASE WHEN {_STOPS} THEN 'cancelled' ELSE v_status END,
        reason = CASE WHEN {_STOPS} THEN COALESCE(reason, 'requested') ELSE v_reason END,
        node = CASE WHEN {_RETRIES} THEN NULL ELSE node END,
        retries = CASE WHEN {_RETRIES} THEN retries + 1 ELSE retries END,
        ready_at = CASE WHEN {_RETRIES} THEN v_ready_at ELSE ready_at END,
        started_at = v_started_at,
        finished_at = CASE WHEN {_RETRIES} THEN NULL ELSE v_finished_at END,
        result = {{result}},
        error = v_error,
        traceback = v_traceback
    FROM {{rows}} WHERE {_FENCE}
"""

_KEEP_ATTEMPTS = """
    INSERT INTO schedule_run_attempts
        (run_id, attempt, node, status, reason, started_at, finished_at, error, traceback)
    SELECT v_run_id, v_attempt, v_node, v_status, v_reason, v_started_at, v_finished_at, v_error, v_traceback
    FROM {rows} WHERE true
"""


# A schedule that was removed while its run was under way does not have it tried again.
_CANCEL_REMOVED = """
    UPDATE schedule_runs SET status = 'cancelled', reason = 'schedule_removed', finished_at = %s
    WHERE {among} AND status IN ('queued', 'retrying') AND schedule_id IN (
        SELECT schedule_id FROM workflow_schedules WHERE status = 'removed'
    )
    RETURNING run_id
"""


@dataclass(frozen=True, slots=True)
class _Plan:
    """What a schedule gives to its runs; JSON still as text."""

    policy: Policy
    args: str | None = None
    context: str | None = None


_NO_PLAN = _Plan(Policy())
"""For runs without a schedule, or whose schedule is gone."""


class ClaimCalls(FailureCalls):
    """The methods of `RunStore` between a claim and its outcome, documented there."""

    def __init__(self, using: str = "default", clock: Clock | None = None) -> None:
        super().__init__(using, clock)
        self._claimed = self._dialect.selected(_CLAIMED, "")

    def claim_runs(self, node_id: str, limit: int) -> Claimed:
        """Give the node up to `limit` ready runs, by priority and age; an idle look takes no lock."""
        now, waiting = self._db.read(self._look_for_runs)
        ready = [level.priority for level in waiting if level.ready_at and level.ready_at <= now]
        if not ready:
            return Claimed(now=now, next_ready_at=earliest_of(waiting))
        return self._db.write(partial(self._claim, node_id, limit, ready))

    def record_starts(self, starts: Sequence[Start]) -> Collection[UUID]:
        """Note that attempts began; returns the runs whose fence still held."""
        return self._db.write(partial(self._start, starts)) if starts else set()

    def record_outcomes(self, outcomes: Sequence[Outcome]) -> Recorded:
        """Record what attempts came to, in one transaction; returns the runs whose fence held, and what pauses."""
        return self._db.write(partial(self._record, outcomes)) if outcomes else Recorded()

    def _look_for_runs(self, cursor: Cursor) -> tuple[datetime, Sequence[Level]]:
        """Now, and when runs of which priority are ready."""
        now = self._db.now(cursor)
        return now, levels(cursor, self._dialect)

    def _claim(
        self, node_id: str, limit: int, priorities: Sequence[int], cursor: Cursor
    ) -> Claimed:
        now = self._db.now(cursor)
        sql = _CLAIM.format(columns=self._claimed, skip_locked=self._dialect.skip_locked)
        rows: list[Any] = []
        for priority in priorities:
            left = limit - len(rows)
            if left <= 0:
                break
            cursor.execute(sql, [priority, self._dialect.instant(now), left, node_id])
            # in the order of claiming, which no database promises of what it returns
            rows += sorted(cursor.fetchall(), key=itemgetter(-1, 0))
        plans = self._plans(cursor, {row[4] for row in rows if row[4] is not None})
        claims = [self._read_claim(row, plans.get(row[4], _NO_PLAN), node_id, now) for row in rows]
        tried = priorities if len(rows) < limit else None
        return Claimed(now=now, claims=claims, next_ready_at=self._next_look(cursor, now, tried))

    def _next_look(
        self, cursor: Cursor, now: datetime, tried: Sequence[int] | None
    ) -> datetime | None:
        """When the next run is ready; soon, where one is ready and somebody holds its row: they may let go of it.

        `tried`: the priorities that were asked for all they have; None when there was no room for it.
        """
        waiting = levels(cursor, self._dialect, now if tried is None else None)
        next_ready_at = earliest_of(waiting)
        if tried is None or next_ready_at is None or next_ready_at > now:
            return next_ready_at
        ready = [level for level in waiting if level.ready_at and level.ready_at <= now]
        # a priority that became ready since the look has not been asked for at all
        return now + RECHECK if all(level.priority in tried for level in ready) else now

    def _plans(self, cursor: Cursor, ids: Collection[Any]) -> Mapping[Any, _Plan]:
        """What the runs of schedules have in common, by the ids as they were selected."""
        among = self._dialect.is_one_of("schedule_id", map(self._dialect.read_uuid, ids))
        cursor.execute(_PLANS.format(among=among.sql), among.params)
        return {row[0]: _Plan(_policy(row), row[3], row[4]) for row in cursor.fetchall()}

    def _read_claim(self, row: Sequence[Any], plan: _Plan, node_id: str, now: datetime) -> Claim:
        uuid = self._dialect.read_uuid
        return Claim(
            run_id=uuid(row[0]),
            attempt=row[1],
            retries=row[2],
            takeovers=row[3],
            node_id=node_id,
            schedule_id=None if row[4] is None else uuid(row[4]),
            workflow_id=uuid(row[5]),
            scheduled_for=self._dialect.read_instant(row[6]),
            claimed_at=now,
            trigger=TRIGGERS[row[7]],
            policy=plan.policy,
            args=read_args(plan.args if row[8] is None else row[8]),
            context=read_context(plan.context if row[9] is None else row[9]),
            community=row[10],
        )

    def _start(self, starts: Sequence[Start], cursor: Cursor) -> Collection[UUID]:
        held = {(s.run_id, s.attempt, s.node_id): s for s in reversed(starts)}
        rows = self._dialect.table(
            "v", _STARTS, [(*fence, s.started_at, s.at_most_once) for fence, s in held.items()]
        )
        cursor.execute(_START.format(rows=rows.sql), rows.params)
        return {self._dialect.read_uuid(row[0]) for row in cursor.fetchall()}

    def _record(self, outcomes: Sequence[Outcome], cursor: Cursor) -> Recorded:
        # of two reports of one attempt the first counts
        first = {(o.run_id.int, o.attempt, o.node_id): o for o in reversed(outcomes)}
        rows = [_row_of(outcome) for outcome in reversed(first.values())]
        states = {row[3] for row in rows}
        as_told = states.isdisjoint(_MAY_END_OTHERWISE)
        recorded, otherwise = self._write_outcomes(cursor, rows, as_told=as_told)
        if not self._is_counting(cursor, states):
            return Recorded.of(recorded, (), otherwise)
        ends = {
            row[0]: RunState(row[3]) for row in rows if row[3] in _COUNTED and row[0] in recorded
        }
        return Recorded.of(recorded, self._count_ends(cursor, ends), otherwise)

    def _write_outcomes(
        self, cursor: Cursor, rows: Sequence[tuple[Any, ...]], *, as_told: bool
    ) -> tuple[Collection[UUID], Ends]:
        """The runs whose fence held, and which ended otherwise; attempts that are tried again are kept."""
        table, read = self._dialect.table("v", _OUTCOMES, rows), self._dialect.read_uuid
        sql = _RECORD.format(rows=table.sql, result=self._dialect.json("v_result"))
        if as_told and self._dialect.updates_all(cursor, sql, table.params, len(rows)):
            return {row[0] for row in rows}, {}
        cursor.execute(f"{sql} RETURNING run_id, attempt, status, reason", table.params)
        found = {(read(row[0]), row[1]): (row[2], row[3]) for row in cursor.fetchall()}
        run_ids = {run_id for run_id, _ in found}
        if as_told:
            return run_ids, {}
        held = [(row, found[row[:2]]) for row in rows if row[:2] in found]
        otherwise = {
            row[0]: (RunState(status), None if reason is None else Reason(reason))
            for row, (status, reason) in held
            if row[3:5] != (status, reason)
        }
        retried = [row for row, (status, _) in held if status == _RETRYING]
        if retried:
            removed = self._keep_attempts(cursor, retried)
            end = (RunState.CANCELLED, Reason.SCHEDULE_REMOVED)
            otherwise.update(dict.fromkeys(removed, end))
        return run_ids, otherwise

    def _keep_attempts(self, cursor: Cursor, rows: Sequence[tuple[Any, ...]]) -> Collection[UUID]:
        """Keep attempts that are tried again; the runs that are not, since their schedule is removed."""
        table = self._dialect.table("v", _OUTCOMES, rows)
        cursor.execute(_KEEP_ATTEMPTS.format(rows=table.sql), table.params)
        retried = self._dialect.is_one_of("run_id", [row[0] for row in rows])
        at = self._dialect.instant(self._db.now(cursor))
        cursor.execute(_CANCEL_REMOVED.format(among=retried.sql), [at, *retried.params])
        return [self._dialect.read_uuid(row[0]) for row in cursor.fetchall()]


def _policy(row: Sequence[Any]) -> Policy:
    """The policy of a schedule; the defaults where another version wrote what this one cannot read."""
    try:
        return policy_from_text(row[1], row[2])
    except (KeyError, TypeError, ValueError):
        # one such schedule must not keep every node from claiming anything
        _log.exception(
            "the policy of schedule %s cannot be read; its run goes by the defaults", row[0]
        )
        return Policy()


def _row_of(outcome: Outcome) -> tuple[Any, ...]:
    try:
        result = None if outcome.result is None else to_json(outcome.result)
    except (TypeError, ValueError, RecursionError) as error:
        # one result that no database takes must not keep the others of the group from being recorded
        why = f"the result is not JSON: {error}"
        failed = replace(outcome, state=RunState.FAILED, reason=Reason.INVALID_RESULT, error=why)
        return _row_of(replace(failed, result=None))
    return (
        outcome.run_id,
        outcome.attempt,
        outcome.node_id,
        outcome.state.value,
        None if outcome.reason is None else outcome.reason.value,
        outcome.started_at,
        outcome.finished_at,
        outcome.ready_at or outcome.finished_at,
        result,
        clean_text(outcome.error),
        clean_text(outcome.traceback),
    )
