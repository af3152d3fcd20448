"""The runs of the store in memory: claims, outcomes, and the ledger they end in."""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import wraps
from typing import Any, TypeVar
from uuid import UUID

from clockwright.engine.failures import COUNTED, counted, is_too_many
from clockwright.engine.failures import paused as paused_schedule
from clockwright.engine.ids import RunIds
from clockwright.engine.model import (
    CLAIMABLE_STATES,
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
    Start,
    Trigger,
)
from clockwright.engine.ports import (
    Claimed,
    Clock,
    ManualRun,
    Pause,
    Recorded,
    UnknownRun,
    UnknownSchedule,
)

F = TypeVar("F", bound=Callable[..., Any])
PENDING = CLAIMABLE_STATES | {RunState.BUFFERED}


def in_transaction(call: F) -> F:
    @wraps(call)
    def locked(self: MemoryLedger, *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            return call(self, *args, **kwargs)

    return locked  # type: ignore[return-value]


@dataclass
class MemoryLedger:
    """The part of `MemoryStore` that holds runs."""

    clock: Clock
    _schedules: dict[UUID, Schedule] = field(default_factory=dict)
    _runs: dict[UUID, Run] = field(default_factory=dict)
    _by_schedule: dict[UUID, list[UUID]] = field(default_factory=dict)
    _unfinished: set[UUID] = field(default_factory=set)
    _attempts: list[Run] = field(default_factory=list)
    _failures: dict[UUID, tuple[int, int]] = field(default_factory=dict)
    """By schedule: the version that counts, and how many of its runs failed in a row."""
    _nodes: dict[str, Node] = field(default_factory=dict)
    _ids: RunIds = field(default_factory=RunIds)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> datetime:
        return self.clock.now()

    def hold(self) -> None:
        pass  # nothing to hold

    def release(self) -> None:
        pass  # nothing is held

    @in_transaction
    def get_schedule(self, schedule_id: UUID) -> Schedule:
        try:
            return self._schedules[schedule_id]
        except KeyError:
            raise UnknownSchedule(schedule_id) from None

    @in_transaction
    def claim_runs(self, node_id: str, limit: int) -> Claimed:
        now = self.now()
        claimable = sorted(
            (-run.priority, at, run.run_id)
            for run in self._all_unfinished()
            if run.state in CLAIMABLE_STATES and (at := run.ready_at)
        )
        ready = [run_id for _, at, run_id in claimable if at <= now][:limit]
        return Claimed(
            now=now,
            claims=[self._claim(self._runs[run_id], node_id, now) for run_id in ready],
            next_ready_at=min((at for _, at, _ in claimable if at > now), default=None),
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

    @in_transaction
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

    @in_transaction
    def record_outcomes(self, outcomes: Sequence[Outcome]) -> Recorded:
        recorded: set[UUID] = set()
        paused: list[Pause] = []
        otherwise: dict[UUID, tuple[RunState, Reason | None]] = {}
        for outcome in outcomes:
            if self._fence_holds(outcome):
                self._record(self._runs[outcome.run_id], outcome)
                recorded.add(outcome.run_id)
                run = self._runs[outcome.run_id]
                paused += self._count(run)
                if (run.state, run.reason) != (outcome.state, outcome.reason):
                    otherwise[run.run_id] = (run.state, run.reason)
        return Recorded.of(recorded, paused, otherwise)

    def _count(self, run: Run) -> Sequence[Pause]:
        """Count the end of a run of an active schedule, which may pause for it."""
        schedule = self._schedules.get(run.schedule_id) if run.schedule_id else None
        if schedule is None or run.trigger is not Trigger.SCHEDULE or run.state not in COUNTED:
            return ()
        version, failures = self._failures.get(schedule.schedule_id, (0, 0))
        failures, _ = counted(failures if version == schedule.version else 0, [run.state])
        self._failures[schedule.schedule_id] = (schedule.version, failures)
        if not is_too_many(schedule, failures):
            return ()
        self._schedules[schedule.schedule_id] = paused_schedule(schedule)
        pause = Pause(
            schedule_id=schedule.schedule_id,
            workflow_id=schedule.workflow_id,
            community=schedule.community,
            failures=failures,
        )
        return [pause]

    def _record(self, run: Run, outcome: Outcome) -> None:
        state, reason = outcome.state, outcome.reason
        if state is RunState.RETRYING and run.cancel_requested:
            state, reason = RunState.CANCELLED, Reason.REQUESTED
        if state is RunState.RETRYING and self._is_removed(run):
            self._attempts.append(replace(run, state=state, finished_at=outcome.finished_at))
            state, reason = RunState.CANCELLED, Reason.SCHEDULE_REMOVED
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

    def _is_removed(self, run: Run) -> bool:
        schedule = self._schedules.get(run.schedule_id) if run.schedule_id else None
        return schedule is not None and schedule.status is ScheduleStatus.REMOVED

    def _fence_holds(self, report: Start | Outcome) -> bool:
        run = self._runs.get(report.run_id)
        fence = (RunState.RUNNING, report.attempt, report.node_id)
        return run is not None and (run.state, run.attempt, run.node_id) == fence

    @in_transaction
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

    @in_transaction
    def trigger_run(self, schedule_id: UUID, run: ManualRun) -> Run:
        schedule = self.get_schedule(schedule_id)
        for known in self.runs_of(schedule_id):
            if known.request_id == run.request_id:
                return known
        now = self.now()
        return self._put(
            Run(
                run_id=self._next_id(now),
                schedule_id=schedule_id,
                workflow_id=schedule.workflow_id,
                scheduled_for=now,
                state=RunState.QUEUED,
                trigger=Trigger.MANUAL,
                created_at=now,
                ready_at=now,
                request_id=run.request_id,
                context=run.context or {},
                priority=schedule.policy.priority if run.priority is None else run.priority,
                community=schedule.community,
            )
        )

    @in_transaction
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

    @in_transaction
    def cancelled_runs(self, node_id: str) -> Collection[UUID]:
        return {run.run_id for run in self._held_by(node_id) if run.cancel_requested}

    @in_transaction
    def held_runs(self, node_id: str) -> Collection[UUID]:
        return {run.run_id for run in self._held_by(node_id)}

    @in_transaction
    def get_run(self, run_id: UUID) -> Run:
        try:
            return self._runs[run_id]
        except KeyError:
            raise UnknownRun(run_id) from None

    @in_transaction
    def runs_of(self, schedule_id: UUID) -> Sequence[Run]:
        runs = (self._runs[run_id] for run_id in self._by_schedule.get(schedule_id, ()))
        return sorted(runs, key=lambda run: (run.scheduled_for, run.run_id))

    def _next_id(self, now: datetime) -> UUID:
        return self._ids.take(now, 1)[0]

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

    def _requeue(self, run: Run, place: datetime | None = None) -> RunState:
        now = self.now()
        at = min(place or now, now)  # the clock may have stepped back
        self._put(replace(run, state=RunState.QUEUED, ready_at=at, node_id=None, started_at=None))
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
