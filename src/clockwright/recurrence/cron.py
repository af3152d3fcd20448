"""Cron lines: ``minute hour day-of-month month day-of-week``.

Weekdays count from Sunday = 0 (7 is Sunday too); the keyword form in ``keyword`` counts from Monday. The number of
fields is fixed by the dialect and never guessed. Grammar: Debian's crontab(5), with L, W and # as Quartz has them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final
from zoneinfo import ZoneInfo

from . import describe
from .base import Bounds, Recurrence, Span, bounds_json, clock_json
from .days import DayTerms, DayTimes, Parts, walls_of
from .errors import RecurrenceError, shown
from .field import (
    DAY_OF_MONTH,
    DAY_OF_WEEK,
    HOUR,
    MAX_TEXT,
    MINUTE,
    MONTH,
    SECOND,
    YEAR,
    Kind,
    Place,
    parse_list,
    read_value,
)
from .policy import ClockPolicy, choose
from .timeline import Timeline, timeline
from .zones import find_zone


class Dialect(StrEnum):
    """How many fields a line has."""

    UNIX = "unix"
    SECONDS = "seconds"
    SECONDS_YEAR = "seconds_year"


class DayRule(StrEnum):
    """When both day fields must match, not just one of them.

    ``vixie``: when the text of either begins with ``*``; ``bare_star``: when either is exactly ``*``; ``and``: always.
    """

    VIXIE = "vixie"
    BARE_STAR = "bare_star"
    AND = "and"


_KINDS: Final = {
    Dialect.UNIX: (MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK),
    Dialect.SECONDS: (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK),
    Dialect.SECONDS_YEAR: (SECOND, MINUTE, HOUR, DAY_OF_MONTH, MONTH, DAY_OF_WEEK, YEAR),
}
ALIASES: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_FROM_END = re.compile(r"L-(\d+)\Z", re.ASCII)
_NEAREST = re.compile(r"(\d+)W\Z", re.ASCII)
_NTH = re.compile(r"([^#]*)#([^#]*)\Z", re.ASCII)
_LAST = re.compile(r"(\d+|[A-Z]{3})L\Z", re.ASCII)


@dataclass(frozen=True, slots=True, repr=False)
class Cron(Recurrence):
    """A cron line in a time zone.

    ``text``: a line with as many fields as ``dialect`` says (unix: 5; seconds: 6, seconds first;
    seconds_year: 7, seconds first and year last), or an alias such as ``@daily``. ``clock``: a
    preset (vixie, wall, skip, rfc5545) or a ClockPolicy. ``start`` and ``end``: aware, both
    included. ``exclude``: pairs of instants ``[start, end)`` in which nothing fires. Raises
    RecurrenceError.
    """

    text: str
    tz: str = "UTC"
    dialect: str = field(default=Dialect.UNIX, kw_only=True)
    day_rule: str = field(default=DayRule.VIXIE, kw_only=True)
    clock: ClockPolicy | str = field(default="vixie", kw_only=True)
    start: datetime | None = field(default=None, kw_only=True)
    end: datetime | None = field(default=None, kw_only=True)
    exclude: tuple[Span, ...] = field(default=(), kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _bounds: Bounds = field(init=False, compare=False)
    _line: Timeline = field(init=False, compare=False)
    _walls: DayTimes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        dialect = choose(Dialect, self.dialect, "dialect")
        day_rule = choose(DayRule, self.day_rule, "day_rule")
        policy = ClockPolicy.of(self.clock)
        text, parts, walls = _compile(self.text, dialect, day_rule)
        self._settle(
            text=text,
            dialect=dialect,
            day_rule=day_rule,
            clock=policy.name or policy,
            exclude=tuple(self.exclude),
            timezone=find_zone(self.tz).info,
            _line=timeline(self.tz, *policy.for_rhythm(is_wildcard=parts.is_wildcard)),
            _walls=walls,
        )
        self._bind(self.exclude)

    def describe(self) -> str:
        _, parts, _ = _compile(self.text, Dialect(self.dialect), DayRule(self.day_rule))
        return describe.sentence(describe.calendar_rule(parts), self)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"type": "cron", "expression": self.text, **bounds_json(self)}
        if self.dialect != Dialect.UNIX:
            data["dialect"] = str(self.dialect)
        if self.day_rule != DayRule.VIXIE:
            data["day_rule"] = str(self.day_rule)
        return data | clock_json(self.clock, "vixie")

    def _next(self, second: int) -> int | None:
        return self._line.next(self._walls, second)

    def _prev(self, second: int) -> int | None:
        return self._line.prev(self._walls, second)

    def _count(self, low: int, high: int) -> int:
        return self._line.count(self._walls, low, high)


def split_line(text: str, dialect: Dialect) -> list[str]:
    """The fields of a line. Raises RecurrenceError."""
    if not isinstance(text, str):
        raise RecurrenceError(f"a cron line is text, not {shown(text)}", token=shown(text))
    if len(text) > MAX_TEXT:
        raise RecurrenceError(f"more than {MAX_TEXT} characters", expression=text)
    if not (text.isascii() and text.replace("\t", " ").isprintable()):
        raise _strange_character(text)
    tokens = text.split()
    expected = len(_KINDS[dialect])
    if len(tokens) != expected and not (len(tokens) == 1 and tokens[0][0] == "@"):
        raise RecurrenceError(
            f"{len(tokens)} fields instead of {expected}",
            expression=text,
            token=text,
            hint="dialect unix has 5, seconds 6 (seconds first), seconds_year 7 (year last)",
        )
    return tokens


def _strange_character(text: str) -> RecurrenceError:
    at = next(i for i, c in enumerate(text) if not (" " <= c <= "~" or c == "\t"))
    return RecurrenceError(
        f"{text[at]!a} is not a printable ASCII character",
        expression=text,
        column=at + 1,
        token=text[at],
        hint="type the line anew; dashes and spaces from a text editor look alike",
    )


@lru_cache(maxsize=4_096)
def _compile(text: str, dialect: Dialect, day_rule: DayRule) -> tuple[str, Parts, DayTimes]:
    # The line with single spaces, its masks and its walls; shared by all rules with this text.
    tokens = split_line(text, dialect)
    if len(tokens) == 1:
        return (tokens[0], *_compile(_alias(text, tokens[0]), Dialect.UNIX, day_rule)[1:])
    try:
        parts = _parse(tokens, dialect, day_rule)
    except RecurrenceError as error:
        # The fields are read alone, so that they can be remembered; here the error learns its place.
        raise _placed(error, text, tokens, dialect) from None
    return " ".join(tokens), parts, walls_of(parts)


def _placed(
    error: RecurrenceError, text: str, tokens: list[str], dialect: Dialect
) -> RecurrenceError:
    at, starts = 0, []
    for token in tokens:
        at = text.index(token, at)
        starts.append(at)
        at += len(token)
    names = [kind.name for kind in _KINDS[dialect]]
    field = error.field or ""
    column = starts[names.index(field)] + (error.column or 1)
    written = text[column - 1 : column - 1 + len(error.token)]
    return RecurrenceError(
        error.reason,
        expression=text,
        field=field,
        column=column,
        # The day fields are read in capitals; the token is shown as it was written.
        token=written if written.upper() == error.token.upper() else error.token,
        hint=error.hint,
    )


def _alias(text: str, token: str) -> str:
    line = ALIASES.get(token.lower())
    if line is None:
        raise RecurrenceError(
            f"unknown alias {shown(token)}",
            expression=text,
            column=text.index(token) + 1,
            token=token,
            hint="@every and @reboot are read by recurrence.parse()"
            if token.lower() in {"@every", "@reboot"}
            else f"one of {', '.join(ALIASES)}",
        )
    return line


def _parse(tokens: list[str], dialect: Dialect, day_rule: DayRule) -> Parts:
    fields = tokens if dialect is not Dialect.UNIX else ["0", *tokens]
    second, minute, hour, day, month, weekday, *year = fields
    return Parts(
        seconds=_mask(SECOND, second),
        minutes=_mask(MINUTE, minute),
        hours=_mask(HOUR, hour),
        left=_days_of_month(day),
        right=_days_of_week(weekday),
        either=_is_either(day, weekday, day_rule),
        months=_mask(MONTH, month),
        years=_mask(YEAR, year[0]) if year else None,
        is_wildcard="*" in {second[0], minute[0], hour[0]},
    )


@lru_cache(maxsize=4_096)
def _mask(kind: Kind, text: str) -> int:
    return parse_list(kind, Place("", kind.name, text))


def _is_either(day: str, weekday: str, day_rule: DayRule) -> bool:
    if day_rule is DayRule.AND:
        return False
    if day_rule is DayRule.BARE_STAR:
        return not {day, weekday} & {"*", "?"}
    return not (day.startswith(("*", "?")) or weekday.startswith(("*", "?")))


@lru_cache(maxsize=1_024)
def _days_of_month(text: str) -> DayTerms:
    place = Place("", DAY_OF_MONTH.name, text.upper())
    if text == "?":
        return DayTerms(days=DAY_OF_MONTH.everything >> 1)
    found = {"from_end": 0, "nearest": 0, "last_working": 0}

    def special(item: str, at: int) -> bool:
        if item == "L":
            found["from_end"] |= 1
        elif item == "LW":
            found["last_working"] = 1
        elif match := _FROM_END.match(item):
            found["from_end"] |= 1 << _within(place, match[1], (1, 30), item, at)
        elif match := _NEAREST.match(item):
            found["nearest"] |= 1 << _within(place, match[1], (1, 31), item, at) - 1
        else:
            return False
        return True

    days = parse_list(DAY_OF_MONTH, place, special) >> 1
    return DayTerms(days, found["from_end"], found["nearest"], bool(found["last_working"]))


@lru_cache(maxsize=1_024)
def _days_of_week(text: str) -> DayTerms:
    place = Place("", DAY_OF_WEEK.name, text.upper())
    if text == "?":
        return DayTerms(weekdays=127)
    found = {"nth": 0, "last": 0}

    def special(item: str, at: int) -> bool:
        if match := _LAST.match(item) or _NTH.match(item):
            weekday = read_value(DAY_OF_WEEK, place, match[1], at) % 7
            place_in_month = match[2] if match.re is _NTH else "L"
            if place_in_month == "L":
                found["last"] |= 1 << weekday
            else:
                week = _within(place, place_in_month, (1, 5), item, at)
                found["nth"] |= 1 << 7 * (week - 1) + weekday
            return True
        return False

    weekdays = parse_list(DAY_OF_WEEK, place, special)
    return DayTerms(weekdays=weekdays, nth=found["nth"], last=found["last"])


def _within(place: Place, text: str, limits: tuple[int, int], item: str, at: int) -> int:
    low, high = limits
    if not (text.isdigit() and len(text) < 10 and low <= int(text) <= high):
        raise place.error(
            f"{shown(text)} in {shown(item)} is out of range",
            item,
            at=at,
            hint=f"from {low} to {high}",
        )
    return int(text)
