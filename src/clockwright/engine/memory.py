"""A store in memory: the meaning of a store in the fewest lines, and the one to test against.

One lock makes every call a transaction. Nothing survives the process.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from clockwright.engine.ids import uuid7
from clockwright.engine.lifecycle import amended, begun
from clockwright.engine.model import (
    ACTIVE_STATES,
    CLAIMABLE_STATES,
    MAX_TAKEOVERS,
    Claim,
    Node,
    Outcome,
    Overlap,
    Policy,
    Reason,
    Run,
    RunState,
    Schedule,
    ScheduleStatus,
    Settlement,
    Situation,
    Start,
    Trigger,
    Verdict,
)
from clockwright.engine.ports import (
    Amendment,
    Claimed,
    Clock,
    DuplicateKey,
    ManualRun,
    Settled,
    Takeover,
    UnknownRun,
    UnknownSchedule,
)
from clockwright.engine.settle import settle

F = TypeVar("F", bound=Callable[..., Any])
_PENDING = CLAIMABLE_STATES | {RunState.BUFFERED}


def _transaction(call: F) -> F:
    @wraps(call)
    def locked(self: MemoryStore, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            return call(self, *args, **kwargs)

    return locked  # type: ignore[return-value]


@dataclass
class MemoryStore:
    """Every method is documented at `clockwright.engine.ports.Store`."""

    clock: Clock
    _schedules: dict[UUID, Schedule] = field(default_factory=dict)
    _runs: dict[UUID, Run] = field(default_factory=dict)
    _by_schedule: dict[UUID, list[UUID]] = field(default_factory=dict)
    _unfinished: set[UUID] = field(default_factory=set)
    _attempts: list[Run] = field(default_factory=list)
    _nodes: dict[str, Node] = field(default_factory=dict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> datetime:
        return self.clock.now()

    def release(self) -> None:
        pass  # nothing is held

    # schedules

    @_transaction
    def add_schedule(self, schedule: Schedule) -> Schedule:
        taken = {(s.community, s.key) for s in self._schedules.values() if s.key is not None}
        if (schedule.community, schedule.key) in taken:
            raise DuplicateKey(schedule.key)
        stored = begun(schedule, self.now())
        self._schedules[stored.schedule_id] = stored
        return stored

    @_transaction
    def get_schedule(self, schedule_id: UUID) -> Schedule:
        try:
            return self._schedules[schedule_id]
        except KeyError:
            raise UnknownSchedule(schedule_id) from None

    @_transaction
    def amend_schedule(self, schedule_id: UUID, amendment: Amendment) -> Schedule:
        now = self.now()
        schedule = self.get_schedule(schedule_id)
        settlement = self._settlement(schedule, now)
        changed = amended(
            settlement.schedule, amendment, now
        )  # may refuse: nothing is written before it
        self._write(settlement, now)
        changed = replace(changed, last_execution_id=self._schedules[schedule_id].last_execution_id)
        self._schedules[schedule_id] = changed
        if changed.status is ScheduleStatus.REMOVED:
            for run in self._unfinished_of(schedule_id):
                if run.state in _PENDING:
                    self._end(run, RunState.CANCELLED, Reason.SCHEDULE_REMOVED)
        return changed

    @_transaction
    def settle_due(self, limit: int) -> Settled:
        now = self.now()
        due = sorted(
            (at, s.schedule_id)
            for s in self._schedules.values()
            if (at := s.next_execution_at) and at <= now
        )
        settlements = [
            self._settlement(self._schedules[schedule_id], now) for _, schedule_id in due[:limit]
        ]
        for settlement in settlements:
            self._write(settlement, now)
        upcoming = (at for s in self._schedules.values() if (at := s.next_execution_at))
        return Settled(
            now=now,
            settlements=settlements,
            next_due_at=min(upcoming, default=None),
            is_backlogged=len(due) > limit,
        )

    def _settlement(self, schedule: Schedule, now: datetime) -> Settlement:
        unfinished = self._unfinished_of(schedule.schedule_id)
        active = sum(run.state in ACTIVE_STATES for run in unfinished)
        return settle(
            Situation(schedule=schedule, active=active, buffered=len(unfinished) - active), now
        )

    def _write(self, settlement: Settlement, now: datetime) -> None:
        schedule = settlement.schedule
        replaced = self._unfinished_of(schedule.schedule_id)[: settlement.cancel_running]
        for run in replaced:
            self._stop(run, Reason.REPLACED, now)
        for verdict in settlement.verdicts:
            run = self._account(schedule, verdict, now)
            if run.state in _PENDING:
                schedule = replace(schedule, last_execution_id=run.run_id)
        self._schedules[schedule.schedule_id] = schedule

    def _account(self, schedule: Schedule, verdict: Verdict, now: datetime) -> Run:
        run = Run(
            run_id=uuid7(),
            schedule_id=schedule.schedule_id,
            workflow_id=schedule.workflow_id,
            scheduled_for=verdict.scheduled_for,
            covers_until=verdict.covers_until,
            covers_count=verdict.covers_count,
            state=verdict.state,
            reason=verdict.reason,
            created_at=now,
            ready_at=now if verdict.state is RunState.QUEUED else None,
            finished_at=now if verdict.state.is_final else None,
            community=schedule.community,
        )
        accounted = (self._runs[other] for other in self._by_schedule.get(schedule.schedule_id, ()))
        if any(
            o.scheduled_for == run.scheduled_for and o.trigger is Trigger.SCHEDULE
            for o in accounted
        ):
            raise AssertionError(
                f"{run.scheduled_for} of {schedule.schedule_id} is accounted for twice"
            )
        return self._put(run)

    # runs

    @_transaction
    def claim_runs(self, node_id: str, limit: int) -> Claimed:
        now = self.now()
        claimable = sorted(
            (at, run.run_id)
            for run in self._all_unfinished()
            if run.state in CLAIMABLE_STATES and (at := run.ready_at)
        )
        ready = [run_id for at, run_id in claimable if at <= now][:limit]
        return Claimed(
            now=now,
            claims=[self._claim(self._runs[run_id], node_id, now) for run_id in ready],
            next_ready_at=next((at for at, _ in claimable if at > now), None),
        )

    def _claim(self, run: Run, node_id: str, now: datetime) -> Claim:
        run = self._put(
            replace(
                run,
                state=RunState.RUNNING,
                reason=None,
                attempt=run.attempt + 1,
                node_id=node_id,
                started_at=None,
            )
        )
        schedule = self._schedules.get(run.schedule_id) if run.schedule_id else None
        return Claim(
            run_id=run.run_id,
            attempt=run.attempt,
            retries=run.retries,
            takeovers=run.takeovers,
            node_id=node_id,
            schedule_id=run.schedule_id,
            workflow_id=run.workflow_id,
            scheduled_for=run.scheduled_for,
            claimed_at=now,
            trigger=run.trigger,
            policy=schedule.policy if schedule else Policy(),
            args=run.args or (schedule.args if schedule else ()),
            context=run.context or (schedule.context if schedule else {}),
            community=run.community,
        )

    @_transaction
    def record_starts(self, starts: Sequence[Start]) -> Collection[UUID]:
        held = [start for start in starts if self._fence_holds(start)]
        for start in held:
            run = self._runs[start.run_id]
            self._put(
                replace(
                    run,
                    started_at=start.started_at,
                    at_most_once=run.at_most_once or start.at_most_once,
                )
            )
        return {start.run_id for start in held}

    @_transaction
    def record_outcomes(self, outcomes: Sequence[Outcome]) -> Collection[UUID]:
        recorded = set()
        for outcome in outcomes:
            if self._fence_holds(outcome):
                self._record(self._runs[outcome.run_id], outcome)
                recorded.add(outcome.run_id)
        return recorded

    def _record(self, run: Run, outcome: Outcome) -> None:
        state, reason = outcome.state, outcome.reason
        if state is RunState.RETRYING and run.cancel_requested:
            state, reason = RunState.CANCELLED, Reason.REQUESTED
        ended = replace(
            run,
            state=state,
            reason=reason,
            started_at=outcome.started_at,
            finished_at=outcome.finished_at,
            result=outcome.result,
            error=outcome.error,
            traceback=outcome.traceback,
        )
        if state is RunState.RETRYING:
            self._attempts.append(ended)
            ended = replace(
                ended,
                finished_at=None,
                ready_at=outcome.ready_at,
                node_id=None,
                retries=run.retries + 1,
            )
        self._put(ended)

    def _fence_holds(self, report: Start | Outcome) -> bool:
        run = self._runs.get(report.run_id)
        fence = (RunState.RUNNING, report.attempt, report.node_id)
        return run is not None and (run.state, run.attempt, run.node_id) == fence

    @_transaction
    def promote_buffered(self) -> int:
        promoted = 0
        for schedule in self._schedules.values():
            unfinished = self._unfinished_of(schedule.schedule_id)
            buffered = [run for run in unfinished if run.state is RunState.BUFFERED]
            room = schedule.policy.max_instances - (len(unfinished) - len(buffered))
            if schedule.policy.overlap is Overlap.ALLOW:
                room = len(buffered)
            for run in buffered[: max(0, room)]:
                self._put(replace(run, state=RunState.QUEUED, ready_at=self.now()))
                promoted += 1
        return promoted

    @_transaction
    def trigger_run(self, schedule_id: UUID, run: ManualRun) -> Run:
        schedule = self.get_schedule(schedule_id)
        for known in self.runs_of(schedule_id):
            if known.request_id == run.request_id:
                return known
        now = self.now()
        return self._put(
            Run(
                run_id=uuid7(),
                schedule_id=schedule_id,
                workflow_id=schedule.workflow_id,
                scheduled_for=now,
                state=RunState.QUEUED,
                trigger=Trigger.MANUAL,
                created_at=now,
                ready_at=now,
                request_id=run.request_id,
                context=run.context or {},
                community=schedule.community,
            )
        )

    @_transaction
    def cancel_run(self, run_id: UUID, reason: Reason = Reason.REQUESTED) -> Run:
        run = self.get_run(run_id)
        if not run.state.is_final:
            self._stop(run, reason, self.now())
        return self._runs[run_id]

    def _stop(self, run: Run, reason: Reason, now: datetime) -> None:
        if run.state is RunState.RUNNING:
            self._put(replace(run, cancel_requested=True))
        else:
            self._end(run, RunState.CANCELLED, reason, at=now)

    @_transaction
    def cancelled_runs(self, node_id: str) -> Collection[UUID]:
        return {run.run_id for run in self._held_by(node_id) if run.cancel_requested}

    @_transaction
    def get_run(self, run_id: UUID) -> Run:
        try:
            return self._runs[run_id]
        except KeyError:
            raise UnknownRun(run_id) from None

    @_transaction
    def runs_of(self, schedule_id: UUID) -> Sequence[Run]:
        runs = (self._runs[run_id] for run_id in self._by_schedule.get(schedule_id, ()))
        return sorted(runs, key=lambda run: (run.scheduled_for, run.run_id))

    # nodes

    @_transaction
    def register_node(self, node: Node, lease: timedelta) -> None:
        now = self.now()
        self._nodes[node.node_id] = replace(
            node, started_at=now, heartbeat_at=now, lease_until=now + lease
        )

    @_transaction
    def beat(self, node_id: str, lease: timedelta) -> bool:
        node, now = self._nodes[node_id], self.now()
        if node.is_alive:
            self._nodes[node_id] = replace(node, heartbeat_at=now, lease_until=now + lease)
        return node.is_alive

    @_transaction
    def take_over(self) -> Sequence[Takeover]:
        now = self.now()
        dead = [
            n
            for n in self._nodes.values()
            if n.is_alive and n.lease_until is not None and n.lease_until < now
        ]
        for node in dead:
            self._nodes[node.node_id] = replace(node, is_alive=False)
        return [
            Takeover(
                node_id=n.node_id,
                runs=[(r.run_id, self._rescue(r, now)) for r in self._held_by(n.node_id)],
            )
            for n in dead
        ]

    def _rescue(self, run: Run, now: datetime) -> RunState:
        """What promise 2 says of a run whose node died."""
        self._attempts.append(
            replace(run, state=RunState.LOST, reason=Reason.CRASHED_NODE, finished_at=now)
        )
        if run.cancel_requested:
            return self._end(run, RunState.CANCELLED, Reason.REQUESTED)
        if run.at_most_once and run.started_at is not None:
            return self._end(run, RunState.LOST, Reason.AT_MOST_ONCE)
        if run.takeovers >= MAX_TAKEOVERS:
            return self._end(run, RunState.LOST, Reason.CRASHED_NODE)
        return self._requeue(replace(run, takeovers=run.takeovers + 1))

    @_transaction
    def hand_back(self, node_id: str, run_ids: Collection[UUID]) -> int:
        held = [run for run in self._held_by(node_id) if run.run_id in run_ids]
        for run in held:
            if run.cancel_requested:
                self._end(run, RunState.CANCELLED, Reason.REQUESTED)
            elif run.at_most_once and run.started_at is not None:
                self._end(run, RunState.LOST, Reason.AT_MOST_ONCE)
            else:
                self._requeue(run)
        return len(held)

    @_transaction
    def retire_node(self, node_id: str) -> None:
        self.hand_back(node_id, {run.run_id for run in self._held_by(node_id)})
        self._nodes[node_id] = replace(self._nodes[node_id], is_alive=False)

    @_transaction
    def nodes(self) -> Sequence[Node]:
        return sorted(
            self._nodes.values(), key=lambda node: (node.started_at, node.node_id), reverse=True
        )

    @_transaction
    def prune(self, before: datetime, limit: int) -> int:
        old = [
            r
            for r in self._runs.values()
            if r.state.is_final and r.finished_at is not None and r.finished_at < before
        ]
        for run in old[:limit]:
            del self._runs[run.run_id]
            if run.schedule_id is not None:
                self._by_schedule[run.schedule_id].remove(run.run_id)
        return len(old[:limit])

    # helpers

    def _put(self, run: Run) -> Run:
        if run.run_id not in self._runs and run.schedule_id is not None:
            self._by_schedule.setdefault(run.schedule_id, []).append(run.run_id)
        self._runs[run.run_id] = run
        (self._unfinished.discard if run.state.is_final else self._unfinished.add)(run.run_id)
        return run

    def _end(
        self, run: Run, state: RunState, reason: Reason, *, at: datetime | None = None
    ) -> RunState:
        self._put(replace(run, state=state, reason=reason, finished_at=at or self.now()))
        return state

    def _requeue(self, run: Run) -> RunState:
        self._put(
            replace(run, state=RunState.QUEUED, ready_at=self.now(), node_id=None, started_at=None)
        )
        return RunState.QUEUED

    def _all_unfinished(self) -> Iterable[Run]:
        return (self._runs[run_id] for run_id in self._unfinished)

    def _unfinished_of(self, schedule_id: UUID) -> list[Run]:
        runs = (self._runs[run_id] for run_id in self._unfinished)
        return sorted((r for r in runs if r.schedule_id == schedule_id), key=lambda run: run.run_id)

    def _held_by(self, node_id: str) -> list[Run]:
        return [
            r
            for r in self._all_unfinished()
            if r.state is RunState.RUNNING and r.node_id == node_id
        ]
