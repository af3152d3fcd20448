"""Schedules and situations for the tests of the pure decisions."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from clockwright.engine.model import Policy, Schedule, Situation, Verdict
from clockwright.recurrence import Cron, Interval, Recurrence

T0 = datetime(2026, 3, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOURLY = Cron("0 * * * *", "UTC")
MINUTELY = Cron("* * * * *", "UTC")
EVERY_SECOND = Interval(seconds=1, anchor=T0)
POLICY_FIELDS = set(Policy.__dataclass_fields__)


def schedule(
    recurrence: Recurrence = MINUTELY, settled_until: datetime = T0, **settings: Any
) -> Schedule:
    """A schedule settled until T0; settings that are policy fields go into its policy."""
    policy = Policy(**{name: settings.pop(name) for name in POLICY_FIELDS & set(settings)})
    return Schedule(
        schedule_id=uuid4(),
        workflow_id=uuid4(),
        recurrence=recurrence,
        settled_until=settled_until,
        policy=policy,
        **settings,
    )


def situation(*args: Any, active: int = 0, buffered: int = 0, **settings: Any) -> Situation:
    """A situation around `schedule(...)`."""
    return Situation(schedule=schedule(*args, **settings), active=active, buffered=buffered)


def after(base: Situation, **changes: Any) -> Situation:
    """The same situation with another schedule state."""
    return replace(base, schedule=replace(base.schedule, **changes))


def covered(verdicts: tuple[Verdict, ...]) -> int:
    """How many fire times the verdicts account for."""
    return sum(verdict.covers_count for verdict in verdicts)
