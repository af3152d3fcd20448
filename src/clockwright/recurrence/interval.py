"""Intervals: every so much elapsed time, and every so many days, weeks, months or years at a wall time.

``Interval`` counts elapsed seconds: ``hours=24`` is not a day where the clock changes in between. Whoever means "every
day at 05:00" takes ``CalendarInterval`` or a cron line.
"""

from __future__ import annotations

import calendar
import datetime as dt
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from . import describe
from .base import Recurrence, bearable_span, bounds_json, clock_json
from .bounds import UNBOUNDED, Bounds, floor_second, instant_text
from .errors import RecurrenceError, shown
from .explain import Finding
from .explain_fields import Clockwork, period_findings, step_findings
from .layers import ClockLayer, ElapsedLayer
from .phrases import ENGLISH, Phrases
from .policy import ClockPolicy, choose
from .timeline import Timeline, timeline
from .wallrule import Lookahead, WallRule
from .walls import DayTimes
from .zones import DAY, EPOCH, EPOCH_ORDINAL, FIRST_SECOND, LAST_SECOND, LAST_YEAR, find_zone

_LONGEST = 1_000 * 366 * DAY  # a period beyond a thousand years is a mistake


def whole(value: object, name: str) -> int:
    """``value`` if it is a whole number, not negative. Raises RecurrenceError."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise RecurrenceError(
            f"{name} must be a whole number from 0, not {shown(value)}",
            field=name,
            token=str(value),
        )
    return value


@dataclass(frozen=True, slots=True, repr=False)
class Interval(Recurrence):
    """Every so much elapsed time, counted from ``anchor``: the k-th time is anchor + k x period, k >= 0.

    The units add up; at least one must be given and the sum be positive. Integer arithmetic in UTC: nothing
    accumulates, so nothing drifts. ``anchor`` is aware and is itself a fire time (fractions of its second are cut off;
    default 1970-01-01T00:00:00Z); there are none before it. ``tz`` is only the zone of the answers. Raises
    RecurrenceError.
    """

    weeks: int = 0
    days: int = 0
    hours: int = 0
    minutes: int = 0
    seconds: int = 0
    anchor: datetime = field(default=EPOCH, kw_only=True)
    tz: str = field(default="UTC", kw_only=True)
    start: datetime | None = field(default=None, kw_only=True)
    end: datetime | None = field(default=None, kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _bounds: Bounds = field(init=False, compare=False, default=UNBOUNDED)
    _period: int = field(init=False, compare=False)
    _anchor: int = field(init=False, compare=False)

    def __post_init__(self) -> None:
        units = {"weeks": 7 * DAY, "days": DAY, "hours": 3_600, "minutes": 60, "seconds": 1}
        period = sum(whole(getattr(self, unit), unit) * size for unit, size in units.items())
        if not 0 < period <= _LONGEST:
            raise RecurrenceError(
                "an interval needs a positive length" if not period else "the interval is too long",
                field="interval",
                hint="give at least one of weeks, days, hours, minutes, seconds",
            )
        second = floor_second(self.anchor, "anchor")
        if not FIRST_SECOND <= second <= LAST_SECOND:
            raise RecurrenceError("anchor is out of range", field="anchor", token=str(self.anchor))
        self._settle(
            anchor=datetime.fromtimestamp(second, dt.UTC),
            timezone=find_zone(self.tz).info,
            _period=period,
            _anchor=second,
        )
        self._bind()

    @property
    def longest_span(self) -> int:
        return bearable_span(-(-DAY // self._period))

    @property
    def period(self) -> dt.timedelta:
        """The length of the interval."""
        return dt.timedelta(seconds=self._period)

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        period = phrases.say("elapsed", period=describe.elapsed(phrases, self._period))
        anchor = phrases.moment(self.anchor.astimezone(self.timezone))
        return describe.sentence(
            [period, phrases.say("counted_from", moment=anchor)], self, phrases
        )

    def to_json(self) -> dict[str, Any]:
        units = ("weeks", "days", "hours", "minutes", "seconds")
        return {
            "type": "interval",
            **{unit: value for unit in units if (value := getattr(self, unit))},
            "anchor": instant_text(self.anchor),
            **bounds_json(self),
        }

    def _findings(self, second: int) -> list[Finding]:
        return period_findings(second, self._anchor, self._period)

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        return (ElapsedLayer(tz=self.tz, period=self._period),)

    def _next(self, second: int) -> int | None:
        passed = second - self._anchor
        found = self._anchor if passed < 0 else second + self._period - passed % self._period
        return found if found <= LAST_SECOND else None

    def _prev(self, second: int) -> int | None:
        passed = second - self._anchor
        return None if passed <= 0 else self._anchor + (passed - 1) // self._period * self._period

    def _count(self, low: int, high: int) -> int:
        return self._before(high) - self._before(low)

    def _within(self, low: int, high: int) -> list[int]:
        first = self._anchor + self._before(low) * self._period
        return list(range(first, min(high, LAST_SECOND + 1), self._period))

    def _before(self, second: int) -> int:
        # How many times lie before ``second``.
        return max(0, -((self._anchor - second) // self._period))


class MonthEnd(StrEnum):
    """What becomes of the 31st in a shorter month (and of 29 February)."""

    CLAMP = "clamp"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, repr=False)
class CalendarInterval(WallRule):
    """Every so many days, weeks, months or years on the calendar, at one wall time.

    The k-th date is ``anchor`` plus k times all units (months and years first), k >= 0, always
    reckoned from the anchor, so that a clamped month does not shorten the following ones.
    ``anchor``: a date; or a datetime, whose wall time in ``tz`` is then used unless ``at`` is given
    (default midnight). ``month_end``: clamp to the month's last day, or skip it. ``clock``: as for
    Cron. Raises RecurrenceError.
    """

    days: int = 0
    weeks: int = 0
    months: int = 0
    years: int = 0
    anchor: dt.date = field(kw_only=True)
    at: dt.time | None = field(default=None, kw_only=True)
    tz: str = field(default="UTC", kw_only=True)
    month_end: str = field(default=MonthEnd.CLAMP, kw_only=True)
    clock: ClockPolicy | str = field(default="rfc5545", kw_only=True)
    start: datetime | None = field(default=None, kw_only=True)
    end: datetime | None = field(default=None, kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _bounds: Bounds = field(init=False, compare=False, default=UNBOUNDED)
    _ahead: Lookahead = field(init=False, compare=False)
    _line: Timeline = field(init=False, compare=False)
    _walls: DayTimes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        months = whole(self.years, "years") * 12 + whole(self.months, "months")
        days = whole(self.weeks, "weeks") * 7 + whole(self.days, "days")
        if not 0 < months * 31 + days <= _LONGEST // DAY:
            raise RecurrenceError(
                "an interval needs a positive length of at most a thousand years",
                field="interval",
                hint="give at least one of days, weeks, months, years",
            )
        zone, policy = find_zone(self.tz), ClockPolicy.of(self.clock)
        month_end = choose(MonthEnd, self.month_end, "month_end")
        anchor, at = _anchor(self.anchor, self.at, zone.info)
        steps = _Steps(anchor, months, days, skips=month_end is MonthEnd.SKIP)
        self._settle(
            anchor=anchor,
            at=at,
            month_end=month_end,
            clock=policy.name or policy,
            timezone=zone.info,
            _ahead=Lookahead(),
            _line=timeline(self.tz, *policy.for_rhythm(is_wildcard=False)),
            _walls=DayTimes(steps, (at.hour * 3_600 + at.minute * 60 + at.second,)),
        )
        self._bind()

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        at = self.at or dt.time()
        months, days = self.years * 12 + self.months, self.weeks * 7 + self.days
        period = describe.on_calendar(phrases, months=months, days=days)
        time = phrases.clock(at.hour, at.minute, at.second)
        clauses = [
            phrases.say("at", period=period, time=time),
            phrases.say("counted_from", moment=phrases.day(self.anchor)),
        ]
        if self.anchor.day > 28 and months:
            clauses.append(phrases.say(f"month_end_{self.month_end}"))
        ending = describe.clock_clauses(
            self.clock, phrases, default="rfc5545", expected=describe.ENTRY
        )
        return describe.sentence(clauses, self, phrases, ending)

    def to_json(self) -> dict[str, Any]:
        units = ("days", "weeks", "months", "years")
        data: dict[str, Any] = {
            "type": "calendar_interval",
            **{unit: value for unit in units if (value := getattr(self, unit))},
            "anchor": self.anchor.isoformat(),
            "at": str(self.at),
            **bounds_json(self),
        }
        if self.month_end != MonthEnd.CLAMP:
            data["month_end"] = str(self.month_end)
        return data | clock_json(self.clock, "rfc5545")

    def _findings(self, second: int) -> list[Finding]:
        months, days = self.years * 12 + self.months, self.weeks * 7 + self.days
        allowed = describe.on_calendar(ENGLISH, months=months, days=days)
        allowed = f"{allowed}, counted from {self.anchor}"
        if self.anchor.day > 28 and months:
            allowed += f"; {ENGLISH.say(f'month_end_{self.month_end}')}"
        at = self.at or dt.time()
        time = at.hour * 3_600 + at.minute * 60 + at.second
        work = Clockwork(self._line, self._walls, self.clock)
        return step_findings(work, second, self.anchor, time, allowed)

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        return self._wall_layers(self._walls, self.clock)


def _anchor(anchor: object, at: object, zone: ZoneInfo) -> tuple[dt.date, dt.time]:
    # The date and the wall time (whole seconds) that an interval counts from.
    if not isinstance(anchor, dt.date):
        raise RecurrenceError(f"anchor must be a date, not {shown(anchor)}", field="anchor")
    if at is not None and not (isinstance(at, dt.time) and at.tzinfo is None):
        raise RecurrenceError(
            f"at must be a time of day without a zone, not {shown(at)}", field="at"
        )
    moment = dt.time()
    if isinstance(anchor, datetime):
        try:
            local = anchor if anchor.utcoffset() is None else anchor.astimezone(zone)
        except OverflowError:
            raise RecurrenceError("anchor is out of range", field="anchor") from None
        anchor, moment = local.date(), local.time()
    return anchor, (moment if at is None else at).replace(microsecond=0, fold=0)


class _Steps:
    """The days of a calendar interval: a set of days in closed form."""

    __slots__ = ("_anchor", "_days", "_months", "_skips")

    def __init__(self, anchor: dt.date, months: int, days: int, *, skips: bool) -> None:
        self._anchor = anchor
        self._months = months
        self._days = days
        self._skips = skips

    def has(self, day: int) -> bool:
        return self.next(day - 1) == day

    def next(self, day: int) -> int | None:
        k = self._index(day + 1)
        while (date := self._date(k)) is not None:
            if date[1] or not self._skips:
                return date[0]
            k += 1
        return None

    def prev(self, day: int) -> int | None:
        for k in range(self._index(day) - 1, -1, -1):
            date = self._date(k)
            if date is not None and (date[1] or not self._skips):
                return date[0]
        return None

    def count(self, low: int, high: int) -> int:
        first, after = self._index(low), self._index(high)
        if not self._skips or not self._months or self._anchor.day <= 28:
            return max(0, after - first)
        dates = (self._date(k) for k in range(first, after))
        return sum(1 for date in dates if date is not None and date[1])

    def within(self, low: int, high: int) -> list[int]:
        found: list[int] = []
        day = self.next(low - 1)
        while day is not None and day < high:
            found.append(day)
            day = self.next(day)
        return found

    def _index(self, day: int) -> int:
        # The smallest k whose date is not before ``day`` (or lies beyond the calendar).
        passed = day - (self._anchor.toordinal() - EPOCH_ORDINAL)
        # 400 years are 4,800 months and 146,097 days; no stretch of months is 4 days off that mean.
        k = max(0, (passed - 4) * 4_800 // (self._months * 146_097 + self._days * 4_800) - 1)
        while (date := self._date(k)) is not None and date[0] < day:
            k += 1
        return k

    def _date(self, k: int) -> tuple[int, bool] | None:
        # The k-th day, and whether its month has the anchor's day; None beyond the calendar.
        month = self._anchor.year * 12 + self._anchor.month - 1 + k * self._months
        year, month = divmod(month, 12)
        if year > LAST_YEAR:
            return None
        length = calendar.monthrange(year, month + 1)[1]
        day = min(self._anchor.day, length)
        ordinal = dt.date(year, month + 1, day).toordinal() + k * self._days
        if ordinal > dt.date.max.toordinal():
            return None
        return ordinal - EPOCH_ORDINAL, day == self._anchor.day
