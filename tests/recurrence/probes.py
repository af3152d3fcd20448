"""Rules told twice: to the product as it wants to be told, to the oracle as a predicate on wall times."""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

from clockwright.recurrence import (
    CalendarInterval,
    ClockPolicy,
    Cron,
    CronFields,
    Recurrence,
    RRule,
)

HOUR = timedelta(hours=1)
WEEKDAYS = ("mo", "tu", "we", "th", "fr", "sa", "su")
NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True)
class Probe:
    """One rule: how it is built in a zone under a policy, and which wall times it means."""

    build: Callable[[str, ClockPolicy], Recurrence]
    admits: Callable[[datetime], bool]
    is_wildcard: bool = False


def probes(rng: random.Random, near: datetime) -> list[Probe]:
    """One random rule of each kind, with something to do around the wall time ``near``."""
    kinds = (cron, cron_fields, calendar_interval, rng.choice((rrule_of_days, rrule_of_hours)))
    return [kind(rng, near) for kind in kinds]


def _members(field: str, low: int, high: int) -> frozenset[int]:
    if field == "*":
        return frozenset(range(low, high + 1))
    if field.startswith("*/"):
        return frozenset(range(low, high + 1, int(field[2:])))
    return frozenset(int(value) for value in field.split(","))


def _hours(rng: random.Random, near: datetime) -> str:
    few = {(near.hour + rng.randrange(-2, 4)) % 24 for _ in range(rng.randrange(1, 4))}
    return rng.choice((",".join(map(str, sorted(few))),) * 3 + ("*", "*/2"))


def _minutes(rng: random.Random) -> str:
    few = sorted({rng.choice((0, 15, 29, 30, 45, 59)) for _ in range(rng.randrange(1, 4))})
    return rng.choice((",".join(map(str, few)), "*", "*/7", "*/20", "0"))


def _days(rng: random.Random, near: datetime) -> str:
    few = sorted({(near + timedelta(days=rng.randrange(-1, 3))).day for _ in range(2)})
    return rng.choice(("*", "*", ",".join(map(str, few)), "*/2"))


def _is_wildcard(*fields: str) -> bool:
    return any(field.startswith("*") for field in fields)


def cron(rng: random.Random, near: datetime) -> Probe:
    """A line of five fields, sometimes with both day fields, of which one is then enough."""
    minute, hour, day = _minutes(rng), _hours(rng, near), _days(rng, near)
    weekday = rng.choice(("*", "*", "*", str(near.isoweekday() % 7)))
    minutes, hours = _members(minute, 0, 59), _members(hour, 0, 23)
    days, weekdays = _members(day, 1, 31), _members(weekday, 0, 6)
    either = day[0] != "*" and weekday[0] != "*"

    def admits(wall: datetime) -> bool:
        if wall.minute not in minutes or wall.hour not in hours or wall.second:
            return False
        left, right = wall.day in days, wall.isoweekday() % 7 in weekdays
        return left or right if either else left and right

    text = f"{minute} {hour} {day} * {weekday}"
    return Probe(lambda tz, clock: Cron(text, tz, clock=clock), admits, _is_wildcard(minute, hour))


def cron_seconds(rng: random.Random, near: datetime) -> Probe:
    """A line of six fields, seconds first."""
    second = rng.choice(("0", "0,15,59", "30", "*", "*/7", "*/20"))
    minute, hour = _minutes(rng), _hours(rng, near)
    seconds, minutes, hours = (
        _members(second, 0, 59),
        _members(minute, 0, 59),
        _members(hour, 0, 23),
    )

    def admits(wall: datetime) -> bool:
        return wall.second in seconds and wall.minute in minutes and wall.hour in hours

    text = f"{second} {minute} {hour} * * *"
    return Probe(
        lambda tz, clock: Cron(text, tz, dialect="seconds", clock=clock),
        admits,
        _is_wildcard(second, minute, hour),
    )


def cron_fields(rng: random.Random, near: datetime) -> Probe:
    """The keyword form: all fields must match."""
    minute, hour, day = _minutes(rng), _hours(rng, near), _days(rng, near)
    weekday = rng.choice((None, None, near.weekday()))
    minutes, hours, days = (
        _members(minute, 0, 59),
        _members(hour, 0, 23),
        _members(day, 1, 31),
    )

    def admits(wall: datetime) -> bool:
        at_time = wall.minute in minutes and wall.hour in hours and not wall.second
        return at_time and wall.day in days and weekday in {None, wall.weekday()}

    name = None if weekday is None else NAMES[weekday]

    def build(tz: str, clock: ClockPolicy) -> Recurrence:
        return CronFields(tz, minute=minute, hour=hour, day=day, day_of_week=name, clock=clock)

    return Probe(build, admits, _is_wildcard(minute, hour))


def calendar_interval(rng: random.Random, near: datetime) -> Probe:
    """Every so many days or months at a wall time close to ``near``."""
    at = (near + timedelta(minutes=rng.randrange(-90, 91, 15))).time()
    if rng.random() < 0.75:
        every = rng.choice((1, 1, 2, 7))
        anchor = near.date() - timedelta(days=every * rng.randrange(2, 40))

        def admits(wall: datetime) -> bool:
            return wall.time() == at and (wall.date() - anchor).days % every == 0

        return Probe(
            lambda tz, clock: CalendarInterval(
                days=every, anchor=anchor, at=at, tz=tz, clock=clock
            ),
            admits,
        )
    ends = rng.choice(("clamp", "skip"))
    return _monthly(near.date(), at, ends)


def _monthly(near: date, at: time, ends: str) -> Probe:
    # Counted from the 31st of a long month (or, where that is not near, from the day itself).
    anchor = near.replace(year=near.year - 1, month=1, day=31 if near.day >= 28 else near.day)

    def admits(wall: datetime) -> bool:
        last = calendar.monthrange(wall.year, wall.month)[1]
        if ends == "skip" and anchor.day > last:
            return False
        return wall.time() == at and wall.day == min(anchor.day, last)

    return Probe(
        lambda tz, clock: CalendarInterval(
            months=1, anchor=anchor, at=at, tz=tz, month_end=ends, clock=clock
        ),
        admits,
    )


def rrule_of_days(rng: random.Random, near: datetime) -> Probe:
    """FREQ=DAILY or WEEKLY with times of the day."""
    start = datetime.combine(near.date() - timedelta(days=rng.randrange(10, 400)), time())
    hours = _members(_hours(rng, near), 0, 23)
    minutes = _members(_minutes(rng), 0, 59)
    weekdays = {near.weekday(), (near.weekday() + rng.randrange(7)) % 7}
    is_weekly = rng.random() < 0.5
    parts = [
        f"FREQ=WEEKLY;BYDAY={','.join(WEEKDAYS[day] for day in weekdays)}"
        if is_weekly
        else "FREQ=DAILY",
        f"BYHOUR={','.join(map(str, sorted(hours)))}",
        f"BYMINUTE={','.join(map(str, sorted(minutes)))}",
    ]

    def admits(wall: datetime) -> bool:
        at_time = wall.hour in hours and wall.minute in minutes and not wall.second
        return at_time and (not is_weekly or wall.weekday() in weekdays)

    return _rrule(";".join(parts), start, admits)


def rrule_of_hours(rng: random.Random, near: datetime) -> Probe:
    """FREQ=HOURLY or MINUTELY with an interval: counted on the wall clock from DTSTART."""
    start = near - timedelta(days=rng.randrange(10, 400))
    if rng.random() < 0.5:
        every = rng.choice((1, 2, 3, 5)) * HOUR
        minutes = _members(_minutes(rng), 0, 59)
        listed = ",".join(map(str, sorted(minutes)))
        text = f"FREQ=HOURLY;INTERVAL={every // HOUR};BYMINUTE={listed}"
        origin = start.replace(minute=0)
    else:
        every, minutes = timedelta(minutes=rng.choice((1, 7, 20, 45))), frozenset(range(60))
        text = f"FREQ=MINUTELY;INTERVAL={every // timedelta(minutes=1)}"
        origin = start
    unit = HOUR if "HOURLY" in text else timedelta(minutes=1)

    def admits(wall: datetime) -> bool:
        if wall < start or wall.minute not in minutes or wall.second:
            return False
        return (wall - origin) // unit * unit % every == timedelta()

    return _rrule(text, start, admits)


def _rrule(text: str, start: datetime, admits: Callable[[datetime], bool]) -> Probe:
    def build(tz: str, clock: ClockPolicy) -> Recurrence:
        return RRule(text, start=start, tz=tz, clock=clock)

    return Probe(build, admits)
