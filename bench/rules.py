"""Fire times one after another: how many a second, beside croniter, cronsim and the floor.

`python -m bench.rules ROUNDS` runs in a process of its own, pinned to one CPU, and prints
`[[rule, zone, {program: seconds}], ...]`. The floor is what any of them must do at the least: build the aware datetime
and take its timestamp.
"""

from __future__ import annotations

import contextlib
import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from bench import children
from bench.figures import Figure

COUNT = 1_000
RULES = {
    "every_5_minutes": "*/5 * * * *",
    "daily": "0 5 * * *",
    "weekdays": "30 2 * * 1-5",
    "leap_day": "0 0 29 2 *",
}
ZONES = {"utc": "UTC", "sydney": "Australia/Sydney"}
AFTER = datetime(2026, 1, 1)  # noqa: DTZ001 - the zone is put in where it is used

Iteration = Callable[[], object]


def measure(rounds: int) -> list[Figure]:
    """Ratios above 1 say how many times as fast as the other."""
    return [
        Figure(
            name=f"recurrence_next_after_{rule}_{zone}_vs_{other}",
            value=COUNT / seconds["clockwright"],
            unit="fire times/s",
            against=other,
            ratio=taken / seconds["clockwright"],
        )
        for rule, zone, seconds in children.answer_of("bench.rules", str(rounds))
        for other, taken in seconds.items()
        if other != "clockwright"
    ]


def all_rules(rounds: int) -> list[tuple[str, str, Mapping[str, float]]]:
    """The median seconds of each program for each rule, in turns."""
    with contextlib.suppress(AttributeError, OSError):  # not every system lets a process choose
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    return [
        (rule, zone, _medians(_iterations(line, ZoneInfo(key)), rounds))
        for rule, line in RULES.items()
        for zone, key in ZONES.items()
    ]


def _medians(iterations: Mapping[str, Iteration], rounds: int) -> Mapping[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in iterations}
    for _ in range(rounds):
        for name, iterate in iterations.items():
            since = time.perf_counter()
            iterate()
            taken[name].append(time.perf_counter() - since)
    return {name: statistics.median(times) for name, times in taken.items()}


def _iterations(line: str, zone: ZoneInfo) -> Mapping[str, Iteration]:
    from croniter import croniter
    from cronsim import CronSim

    from clockwright.recurrence import Cron

    after = AFTER.replace(tzinfo=zone)
    rule = Cron(line, zone.key)
    fire_times_to_come = rule.upcoming(after, COUNT)

    def clockwright() -> None:
        at = after
        for _ in range(COUNT):
            found = rule.next_after(at)
            assert found is not None
            at = found

    def with_croniter() -> None:
        fire_times = croniter(line, after)
        for _ in range(COUNT):
            fire_times.get_next(datetime)

    def with_cronsim() -> None:
        fire_times = CronSim(line, after)
        for _ in range(COUNT):
            next(fire_times)

    def floor() -> None:
        for at in fire_times_to_come:
            datetime(at.year, at.month, at.day, at.hour, tzinfo=zone).timestamp()

    return {
        "clockwright": clockwright,
        "croniter": with_croniter,
        "cronsim": with_cronsim,
        "floor": floor,
    }


if __name__ == "__main__":
    print(json.dumps(all_rules(int(sys.argv[1]))))
