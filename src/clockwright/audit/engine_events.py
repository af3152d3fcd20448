"""The engine's events as log lines (S4-49). The ledger is the record of runs: no row is written here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from clockwright.audit.actions import Action, Category, Result
from clockwright.audit.run_lines import log_claims, log_ends
from clockwright.audit.trail import log_event
from clockwright.engine.events import (
    Event,
    Listener,
    LoopFailed,
    NodeDeclaredDead,
    NodeStarted,
    NodeStopped,
    NodeTakenOver,
    OutcomeRefused,
    RunEnded,
    RunsClaimed,
    SchedulePaused,
    SchedulesSettled,
)
from clockwright.engine.model import PauseReason, Reason, RunState, Settlement, Verdict
from clockwright.engine.ports import Pause


class EngineLog(Listener):
    """Says what happens in an engine."""

    def __call__(self, event: Event) -> None:
        """One event."""
        self.hear_all([event])

    def hear_all(self, events: Sequence[Event]) -> None:
        """Runs that ended together are told together."""
        if all(isinstance(event, RunEnded) for event in events):
            log_ends([event for event in events if isinstance(event, RunEnded)])
            return
        for event in events:
            handler = _HANDLERS.get(type(event))
            if handler is not None:
                handler(event)


log_engine_event = EngineLog()
"""Subscribe this to an engine's events: `engine.events.subscribe(log_engine_event)`."""


def _started(event: NodeStarted) -> None:
    log_event(Category.SYSTEM, Action.SCHEDULER_START, message="engine started", node=event.node_id)


def _stopped(event: NodeStopped) -> None:
    log_event(
        Category.SYSTEM,
        Action.SCHEDULER_STOP,
        message="engine stopped",
        node=event.node_id,
        handed_back=event.handed_back,
    )


def _declared_dead(event: NodeDeclaredDead) -> None:
    log_event(
        Category.ERROR,
        Action.NODE_DECLARED_DEAD,
        result=Result.FAILURE,
        message="this node's lease ran out; it goes on under a new id",
        node=event.node_id,
        new_node=event.new_node_id,
    )


def _taken_over(event: NodeTakenOver) -> None:
    lost = [run_id for run_id, state in event.runs if state is RunState.LOST]
    log_event(
        Category.SYSTEM,
        Action.NODE_TAKEOVER,
        message="a node died; its runs were taken over",
        node=event.node_id,
        dead_node=event.dead_node_id,
        requeued=len(event.runs) - len(lost),
        lost=len(lost),
    )
    for run_id in lost:
        log_event(
            Category.ERROR,
            Action.RUN_LOST,
            result=Result.FAILURE,
            message="a run is lost with its node",
            execution_id=run_id,
            dead_node=event.dead_node_id,
        )


def _settled(event: SchedulesSettled) -> None:
    for settlement in event.settlements:
        if settlement.pauses:
            _log_pause(_paused_in(settlement))
        for (state, reason), verdicts in _not_run(settlement).items():
            _log_not_run(settlement, state, reason, verdicts)
        if _reached_limit(settlement):
            log_event(
                Category.AUDIT,
                Action.SCHEDULE_LIMIT_REACHED,
                message="the schedule has run as often as it may",
                execution_count=settlement.schedule.execution_count,
                max_executions=settlement.schedule.policy.max_executions,
                **_of_schedule(settlement),
            )


def _paused_in(settlement: Settlement) -> Pause:
    schedule = settlement.schedule
    return Pause(
        schedule_id=schedule.schedule_id,
        workflow_id=schedule.workflow_id,
        community=schedule.community,
        failures=schedule.policy.pause_after_failures or 0,
    )


def _log_pause(pause: Pause) -> None:
    log_event(
        Category.AUDIT,
        Action.SCHEDULE_PAUSE,
        result=Result.FAILURE,
        message=f"the schedule paused itself: {pause.failures} runs in a row failed",
        reason=PauseReason.REPEATED_FAILURES,
        failures=pause.failures,
        community=pause.community,
        schedule_id=pause.schedule_id,
        workflow_id=pause.workflow_id,
    )


def _not_run(settlement: Settlement) -> dict[tuple[RunState, Reason | None], list[Verdict]]:
    """One group a reason, so that a long backlog is a line and not a thousand."""
    groups: defaultdict[tuple[RunState, Reason | None], list[Verdict]] = defaultdict(list)
    for verdict in settlement.verdicts:
        if verdict.state in {RunState.MISSED, RunState.SKIPPED}:
            groups[verdict.state, verdict.reason].append(verdict)
    return groups


def _log_not_run(
    settlement: Settlement, state: RunState, reason: Reason | None, verdicts: list[Verdict]
) -> None:
    missed = state is RunState.MISSED
    count = sum(verdict.covers_count for verdict in verdicts)
    log_event(
        Category.AUDIT,
        Action.SCHEDULE_MISSED if missed else Action.SCHEDULE_SKIPPED,
        result=Result.FAILURE if missed else Result.SUCCESS,
        message=f"{count} fire times {'missed' if missed else 'skipped'}",
        reason=reason,
        count=count,
        scheduled_for=verdicts[0].scheduled_for,
        until=verdicts[-1].covers_until or verdicts[-1].scheduled_for,
        next_execution=settlement.schedule.next_execution_at,
        grace_threshold=settlement.schedule.policy.grace,
        **_of_schedule(settlement),
    )


def _reached_limit(settlement: Settlement) -> bool:
    limit = settlement.schedule.policy.max_executions
    return (
        limit is not None and settlement.schedule.execution_count >= limit and settlement.queued > 0
    )


def _of_schedule(settlement: Settlement) -> dict[str, Any]:
    schedule = settlement.schedule
    return {
        "community": schedule.community,
        "schedule_id": schedule.schedule_id,
        "workflow_id": schedule.workflow_id,
    }


def _claimed(event: RunsClaimed) -> None:
    log_claims(event.claims)


def _refused(event: OutcomeRefused) -> None:
    log_event(
        Category.ERROR,
        Action.OUTCOME_REFUSED,
        result=Result.DENIED,
        message="a late outcome met a closed fence",
        execution_id=event.outcome.run_id,
        attempt=event.outcome.attempt,
        state=event.outcome.state,
        node=event.node_id,
    )


def _loop_failed(event: LoopFailed) -> None:
    planning = event.loop == "planner"
    log_event(
        Category.ERROR,
        Action.CHECK_DUE_SCHEDULES_LOOP if planning else Action.ENGINE_LOOP,
        result=Result.FAILURE,
        message="a loop failed and tries again",
        loop=event.loop,
        error=f"{type(event.error).__name__}: {event.error}",
        retry_in=event.retry_in,
        node=event.node_id,
    )


_HANDLERS: dict[type[Event], Callable[[Any], None]] = {
    NodeStarted: _started,
    NodeStopped: _stopped,
    NodeDeclaredDead: _declared_dead,
    NodeTakenOver: _taken_over,
    SchedulesSettled: _settled,
    RunsClaimed: _claimed,
    RunEnded: lambda event: log_ends([event]),
    SchedulePaused: lambda event: _log_pause(event.pause),
    OutcomeRefused: _refused,
    LoopFailed: _loop_failed,
}
