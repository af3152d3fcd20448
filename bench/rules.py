"""Fire times one after another, and the first one of a line not seen before: beside croniter, cronsim and the floor.

`python -m bench.rules ROUNDS` runs in a process of its own, pinned to one CPU, and prints
`[[figure, rule, zone, count, {program: seconds}], ...]`. The floor is what any of them must do at the least: build the
aware datetime and take its timestamp.
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
FIRSTS = 100
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
            name=f"recurrence_{figure}_{rule}_{zone}_vs_{other}",
            value=count / seconds["clockwright"],
            unit="fire times/s",
            against=other,
            ratio=taken / seconds["clockwright"],
        )
        for figure, rule, zone, count, seconds in children.answer_of("bench.rules", str(rounds))
        for other, taken in seconds.items()
        if other != "clockwright"
    ]


def all_rules(rounds: int) -> list[tuple[str, str, str, int, Mapping[str, float]]]:
    """The median CPU seconds of each program for each rule, in turns."""
    with contextlib.suppress(AttributeError, OSError):  # not every system lets a process choose
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    found: list[tuple[str, str, str, int, Mapping[str, float]]] = []
    for rule, line in RULES.items():
        for zone, key in ZONES.items():
            times = _medians(_iterations(line, ZoneInfo(key)), rounds)
            found.append(("next_after", rule, zone, COUNT, times))
        times = _medians(_first_answers(line, ZoneInfo("Australia/Sydney")), rounds)
        # Forgetting is ours alone to do and no part of an answer.
        times["clockwright"] -= times.pop("forgetting")
        found.append(("cold_first_answer", rule, "sydney", FIRSTS, times))
    return found


def _medians(iterations: Mapping[str, Iteration], rounds: int) -> dict[str, float]:
    taken: dict[str, list[float]] = {name: [] for name in iterations}
    for _ in range(rounds):
        for name, iterate in iterations.items():
            since = time.process_time()
            iterate()
            taken[name].append(time.process_time() - since)
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


def _first_answers(line: str, zone: ZoneInfo) -> Mapping[str, Iteration]:
    """Parse and answer once, again and again; whatever we remember of any line is forgotten each time."""
    from croniter import croniter
    from cronsim import CronSim

    from clockwright.recurrence import Cron

    after = AFTER.replace(tzinfo=zone)
    forget = _forgetting()
    Cron(line, zone.key).next_after(after)  # the zone itself is known to all of them

    def forgetting() -> None:
        for _ in range(FIRSTS):
            forget()

    def clockwright() -> None:
        for _ in range(FIRSTS):
            forget()
            Cron(line, zone.key).next_after(after)

    def with_croniter() -> None:
        for _ in range(FIRSTS):
            croniter(line, after).get_next(datetime)

    def with_cronsim() -> None:
        for _ in range(FIRSTS):
            next(CronSim(line, after))

    return {
        "clockwright": clockwright,
        "forgetting": forgetting,
        "croniter": with_croniter,
        "cronsim": with_cronsim,
    }


def _forgetting() -> Callable[[], None]:
    from clockwright.recurrence import cron, dayfields, days, walls

    caches = {
        id(member): member.cache_clear
        for module in (cron, dayfields, days, walls)
        for member in vars(module).values()
        if hasattr(member, "cache_clear") and member.__module__ == module.__name__
    }
    clears = list(caches.values())

    def forget() -> None:
        for clear in clears:
            clear()

    return forget


if __name__ == "__main__":
    print(json.dumps(all_rules(int(sys.argv[1]))))
