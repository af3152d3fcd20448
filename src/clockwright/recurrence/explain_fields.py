"""What the fields of a cron line, of its keyword form and of a calendar interval say of an instant."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import replace
from datetime import date, datetime
from typing import Final, NamedTuple

from .days import ALL_WEEKS, DayTerms, bits
from .describe import day_terms
from .explain import Finding, reading, wall_time
from .phrases import ENGLISH
from .policy import ClockPolicy
from .timeline import Timeline
from .walls import Parts, Walls
from .zones import DAY

ANY: Final = "any"


class Clockwork(NamedTuple):
    """What turns the walls of a rule into instants."""

    line: Timeline
    walls: Walls
    clock: ClockPolicy | str

    def read(self, second: int, *, is_wildcard: bool = False) -> tuple[int, list[Finding]]:
        """The wall by which an instant is judged, and what the clock policy says of it."""
        policy = ClockPolicy.of(self.clock).for_rhythm(is_wildcard=is_wildcard)
        return reading(self.line.zone, policy, self.walls, second)


def cron_findings(parts: Parts, work: Clockwork, second: int) -> list[Finding]:
    """Of a cron line: seven fields, the day rule, the clock policy."""
    wall, clock = work.read(second, is_wildcard=parts.is_wildcard)
    when = wall_time(wall)
    days = _day_fields(parts, when, ("day-of-month", "day-of-week"))
    if parts.either:
        rule, admits = "either day field is enough", any(day.admits for day in days)
    else:
        rule, admits = "both day fields must admit the day", all(day.admits for day in days)
    left, right = (replace(day, decides=False) for day in days)
    return [
        _number("second", when.second, parts.seconds, 60),
        _number("minute", when.minute, parts.minutes, 60),
        _number("hour", when.hour, parts.hours, 24),
        left,
        _month(when, parts),
        right,
        _year(when, parts),
        Finding("day-rule", ENGLISH.day(when), admits, rule),
        *clock,
    ]


def keyword_findings(parts: Parts, work: Clockwork, second: int) -> list[Finding]:
    """Of the keyword form: its eight fields, all of which must match, and the clock policy."""
    wall, clock = work.read(second, is_wildcard=parts.is_wildcard)
    when = wall_time(wall)
    day, day_of_week = _day_fields(parts, when, ("day", "day_of_week"))
    week = when.isocalendar().week
    weeks = ANY if parts.weeks == ALL_WEEKS else ENGLISH.runs(bits(parts.weeks), str)
    return [
        _year(when, parts),
        _month(when, parts),
        day,
        Finding("week", str(week), bool(parts.weeks >> week & 1), weeks),
        day_of_week,
        _number("hour", when.hour, parts.hours, 24),
        _number("minute", when.minute, parts.minutes, 60),
        _number("second", when.second, parts.seconds, 60),
        *clock,
    ]


def _number(field: str, value: int, mask: int, size: int) -> Finding:
    allowed = ANY if mask == (1 << size) - 1 else ENGLISH.runs(bits(mask), str)
    return Finding(field, str(value), bool(mask >> value & 1), allowed)


def _month(when: datetime, parts: Parts) -> Finding:
    months = bits(parts.months)
    allowed = ANY if len(months) == 12 else ENGLISH.runs(months, ENGLISH.month)
    return Finding("month", ENGLISH.month(when.month), when.month in months, allowed)


def _year(when: datetime, parts: Parts) -> Finding:
    if parts.years is None:
        return Finding("year", str(when.year), True, ANY)
    admits = bool(parts.years >> when.year & 1)
    return Finding("year", str(when.year), admits, ENGLISH.runs(bits(parts.years), str))


def _day_fields(parts: Parts, when: datetime, names: tuple[str, str]) -> list[Finding]:
    first, length = monthrange(when.year, when.month)
    shown = str(when.day), ENGLISH.weekday(when.isoweekday() % 7)
    return [
        Finding(
            name,
            value,
            bool(terms.in_month(length, (first + 1) % 7) >> (when.day - 1) & 1),
            _terms(terms),
        )
        for name, value, terms in zip(names, shown, (parts.left, parts.right), strict=True)
    ]


def _terms(terms: DayTerms) -> str:
    return ANY if terms.is_everything else day_terms(terms, ENGLISH)


def period_findings(second: int, anchor: int, period: int) -> list[Finding]:
    """Of an interval: how far off its nearest fire times are."""
    passed = second - anchor
    if passed < 0:
        why = f"the first fire time comes {_seconds(-passed)} later"
        return [Finding("anchor", "before the anchor", False, "from the anchor on", why)]
    since = Finding("anchor", f"{_seconds(passed)} after the anchor", True, "from the anchor on")
    number, rest = divmod(passed, period)
    value = f"{_seconds(rest)} after fire time {number:,}" if rest else f"fire time {number:,}"
    why = f"the next one comes {_seconds(period - rest)} later" if rest else ""
    allowed = f"every {_seconds(period)} from the anchor on, which is fire time 0"
    return [since, Finding("period", value, not rest, allowed, why)]


def _seconds(count: int) -> str:
    days, rest = divmod(count, DAY)
    time = f"{rest // 3_600:02}:{rest // 60 % 60:02}:{rest % 60:02}"
    return f"{days:,} d {time}" if days else time


def step_findings(
    work: Clockwork, second: int, anchor: date, time: int, allowed: str
) -> list[Finding]:
    """Of a calendar interval: the time of day (``time``, in seconds), the anchor, the date, the clock policy."""
    wall, clock = work.read(second)
    day, of_day = divmod(wall, DAY)
    when = wall_time(wall).date()
    found = work.walls.next(day * DAY - 1)
    around = work.walls.prev(day * DAY), work.walls.next(day * DAY + DAY - 1)
    near = " and ".join(str(wall_time(wall).date()) for wall in around if wall is not None)
    return [
        Finding("time", _seconds(of_day), of_day == time, _seconds(time)),
        Finding("anchor", str(when), when >= anchor, f"from {anchor} on"),
        Finding(
            "date",
            str(when),
            found is not None and found // DAY == day,
            allowed,
            f"the dates around it: {near}" if near else "",
        ),
        *clock,
    ]
