"""What rules will do, before anything is saved: the static questions of `ScheduleService`. No database."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from clockwright.engine.clock import utc_now
from clockwright.recurrence import Cron, RecurrenceError
from clockwright.recurrence.zones import find_zone
from clockwright.schedules.conf import EngineSettings
from clockwright.schedules.errors import InvalidCronExpression, InvalidScheduleException
from clockwright.schedules.specs import read_config

FEWEST, MOST = 1, 100


def upcoming(cron_expr: str, count: int, tz: str, now: datetime | None = None) -> list[datetime]:
    """The next fire times of a cron line, aware, in its zone, strictly after now (S1-33…36).

    `count` is clamped to 1…100. Raises ValueError: InvalidCronExpression for a line that is invalid or never fires,
    RecurrenceError for an unknown zone.
    """
    if isinstance(count, bool) or not isinstance(count, int):
        raise ValueError(f"count: {count!r} is not a whole number; give {FEWEST} to {MOST}")  # noqa: TRY004 - documented
    find_zone(tz)
    try:
        rule = Cron(cron_expr, tz)
    except RecurrenceError as error:
        raise InvalidCronExpression(str(error)) from error
    found = rule.upcoming(now or utc_now(), min(max(count, FEWEST), MOST))
    if not found:
        raise InvalidCronExpression(f"{cron_expr!r} never fires: no such date exists")
    return found


def next_execution(config: dict[str, Any]) -> datetime:
    """The next fire time of a `schedule_config` made now, aware, in UTC; raises InvalidScheduleException."""
    now = utc_now()
    spec = read_config(config, EngineSettings(), now)
    found = spec.recurrence.next_after(now)
    if found is None:
        raise InvalidScheduleException.of("/schedule_config", "no fire time is left")
    return found.astimezone(UTC)
