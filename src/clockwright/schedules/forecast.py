"""The load to come: how many runs the active schedules will start in each minute, before it happens."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from clockwright.recurrence import Forecast, RecurrenceError, from_json
from clockwright.schedules.selectors import alike

LONGEST_HOURS: Final = 168


def load_forecast(
    community: str | None, start: datetime, length: timedelta, step: int = 60
) -> Forecast:
    """The fire times of all active schedules in `[start, start + length)`, counted per `step` seconds.

    `community` None counts all of them. What waits for `start` already, buffered runs and retries are not in it; a
    schedule whose rule this version cannot read counts as none (`clockwright doctor` names it). One query; memory
    does not grow with the number of schedules.
    """
    forecast = Forecast(start, int(length.total_seconds()) // step, step)
    for group in alike(community, start + length):
        try:
            rule = from_json(group.recurrence)
        except RecurrenceError:
            continue
        forecast.add(
            rule, group.schedules, since=group.start_at, until=group.end_at, most=group.left
        )
    return forecast
