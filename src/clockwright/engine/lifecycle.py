"""A schedule's beginning and its changes. Pure; the store settles the old rule first, then applies these."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from clockwright.engine.model import Schedule, ScheduleStatus
from clockwright.engine.ports import Amendment, NothingToRun, VersionConflict
from clockwright.engine.settle import next_fire


def begun(schedule: Schedule, now: datetime) -> Schedule:
    """A new schedule as it is stored: its watermark is now, so that nothing before it is ever due.

    Raises NothingToRun when an active schedule has no fire time after now.
    """
    return _scheduled(_in_utc(replace(schedule, settled_until=now, version=1)), now)


def amended(schedule: Schedule, amendment: Amendment, now: datetime) -> Schedule:
    """A schedule, settled up to now, after a change: the new rule neither repeats nor invents the past.

    Raises VersionConflict when somebody else changed it, NothingToRun when it would be active without a fire time.
    """
    if amendment.expected_version not in (None, schedule.version):
        raise VersionConflict(
            f"the schedule is at version {schedule.version}, not {amendment.expected_version}"
        )
    if not amendment.fields:
        return schedule
    changed = replace(schedule, **amendment.fields, version=schedule.version + 1)
    if changed.status is not schedule.status and "status_reason" not in amendment.fields:
        changed = replace(changed, status_reason=None)
    # never back: a settled fire time stays settled even when the clock stepped back
    watermark = max(now, schedule.settled_until)
    changed = _in_utc(replace(changed, settled_until=watermark))
    if schedule.status is ScheduleStatus.PAUSED and set(amendment.fields) <= {
        "status",
        "status_reason",
    }:
        return _resumed(changed, watermark)
    return _scheduled(changed, watermark)


def _resumed(schedule: Schedule, now: datetime) -> Schedule:
    """Resuming cannot fail: a schedule whose last fire time passed while it was paused is complete."""
    if schedule.status is ScheduleStatus.ACTIVE and next_fire(schedule, now) is None:
        return replace(schedule, status=ScheduleStatus.COMPLETED, next_execution_at=None)
    return _scheduled(schedule, now)


def _in_utc(schedule: Schedule) -> Schedule:
    """Bounds as instants: two datetimes of one zone would compare by the wall clock."""
    start_at, end_at = schedule.start_at, schedule.end_at
    return replace(
        schedule,
        start_at=start_at and start_at.astimezone(UTC),
        end_at=end_at and end_at.astimezone(UTC),
    )


def _scheduled(schedule: Schedule, now: datetime) -> Schedule:
    if schedule.status is not ScheduleStatus.ACTIVE:
        return replace(schedule, next_execution_at=None)
    upcoming = next_fire(schedule, now)
    if upcoming is None:
        raise NothingToRun("no fire time is left: check the rule, its bounds and max_executions")
    return replace(schedule, next_execution_at=upcoming)
