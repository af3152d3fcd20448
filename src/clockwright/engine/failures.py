"""When a schedule pauses itself because its runs keep failing. Pure; the stores keep the count."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from clockwright.engine.model import PauseReason, RunState, Schedule, ScheduleStatus

FAILURES = frozenset({RunState.FAILED, RunState.TIMED_OUT})
COUNTED = FAILURES | {RunState.SUCCEEDED}
"""What counts of a schedule's own runs, once it is final; a cancelled or lost run says nothing of the function."""


def counted(failures: int, ends: Iterable[RunState]) -> tuple[int, int]:
    """The failures in a row after these ends, oldest first, and the most there were in between."""
    most = failures
    for state in ends:
        failures = failures + 1 if state in FAILURES else 0
        most = max(most, failures)
    return failures, most


def is_too_many(schedule: Schedule, failures: int) -> bool:
    """Whether an active schedule has to pause after so many failures in a row."""
    limit = schedule.policy.pause_after_failures
    return limit is not None and failures >= limit and schedule.status is ScheduleStatus.ACTIVE


def paused(schedule: Schedule) -> Schedule:
    """The schedule as it pauses itself: a change like any other, so that its version rises."""
    return replace(
        schedule,
        status=ScheduleStatus.PAUSED,
        status_reason=PauseReason.REPEATED_FAILURES.value,
        next_execution_at=None,
        version=schedule.version + 1,
    )
