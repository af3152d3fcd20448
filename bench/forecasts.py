"""The load forecast of very many schedules: `python -m bench.forecasts COUNT` prints seconds, megabytes and fire times.

60 % daily, 30 % hourly, 10 % every five minutes, spread over all zones, none of them grouped: each is read from its JSON
and counted for 24 hours. On one CPU.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import resource
import sys
import time
import zoneinfo
from collections.abc import Iterator
from datetime import UTC, datetime

from bench import children
from bench.figures import Figure

AFTER = datetime(2026, 3, 28, 12, tzinfo=UTC)  # half of Europe changes its clocks within the day
SLOTS = 24 * 60


def measure(schedules: int) -> list[Figure]:
    """Schedules a second, and the memory that counting them took."""
    seconds, megabytes, fire_times = children.answer_of("bench.forecasts", str(schedules))
    name = f"forecast_{schedules}"
    return [
        Figure(name=name, value=schedules / seconds, unit="schedules/s"),
        Figure(name=f"{name}_seconds", value=seconds, unit="s"),
        Figure(name=f"{name}_fire_times", value=fire_times / seconds, unit="fire times/s"),
        Figure(name=f"{name}_memory", value=megabytes, unit="MB"),
    ]


def rules(schedules: int) -> Iterator[dict[str, str]]:
    """The rules' JSON, one a schedule, the same every time."""
    chance = random.Random(5)
    zones = sorted(zoneinfo.available_timezones() - {"localtime", "Factory"})
    for number in range(schedules):
        minute, hour = chance.randrange(60), chance.randrange(24)
        line = (
            f"{minute} {hour} * * *"
            if number % 10 < 6
            else f"{minute} * * * *"
            if number % 10 < 9
            else "*/5 * * * *"
        )
        yield {"type": "cron", "expression": line, "tz": chance.choice(zones)}


def forecast(schedules: int) -> tuple[float, float, int]:
    """Seconds of CPU, megabytes more than before, and fire times."""
    from clockwright.recurrence import Forecast, from_json

    with contextlib.suppress(AttributeError, OSError):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    found = Forecast(AFTER, SLOTS)
    since = time.process_time()
    for data in rules(schedules):
        found.add(from_json(data))
    seconds = time.process_time() - since
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return seconds, (after - before) / 1024, found.total


if __name__ == "__main__":
    print(json.dumps(forecast(int(sys.argv[1]))))
