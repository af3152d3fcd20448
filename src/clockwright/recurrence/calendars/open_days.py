"""Days that are open, as a set in closed form: bit masks, a year each.

Days are integers counted from 1970-01-01. A year's open days are one integer whose bit 0 is 1 January, so that the next
open day is the lowest bit of a shifted mask.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from functools import lru_cache
from typing import Final, Protocol

from clockwright.recurrence.errors import RecurrenceError
from clockwright.recurrence.field import MONDAY_FIRST
from clockwright.recurrence.zones import DAY, EPOCH_ORDINAL, LAST_YEAR, Zone, find_zone

WEEKDAY_NAMES: Final = tuple(name.lower() for name in MONDAY_FIRST)
# In 52 whole weeks, whatever weekdays the dates of a calendar do not reach stay open; two are spare, for the dates that
# a zone leaps over.
_WINDOW: Final = 364
_SPARE: Final = 2
_ALL_WEEKS: Final = sum(1 << 7 * week for week in range(53))
_YEARS_KEPT: Final = 1_000  # of one set of days; then the store is emptied
_FIRST_DAY: Final = 1 - EPOCH_ORDINAL
_LAST_DAY: Final = date(LAST_YEAR, 12, 31).toordinal() - EPOCH_ORDINAL


class Closures(Protocol):
    """What is asked of a calendar: the parts of ``Calendar`` that close days."""

    @property
    def name(self) -> str:
        """How it is called."""

    @property
    def weekend(self) -> tuple[str, ...]:
        """Weekdays that are closed."""

    @property
    def holidays(self) -> tuple[date, ...]:
        """Dates that are closed, in order."""

    @property
    def closures_in_52_weeks(self) -> int:
        """So many other dates at most are closed in 52 weeks, weekends aside."""

    def regular_in(self, year: int) -> Iterable[date]:
        """The dates it names in every year that is as long and begins on the same weekday."""

    def movable_in(self, year: int) -> Iterable[date]:
        """The other dates it names in a year."""

    def __hash__(self) -> int:
        """It is a value, by which the days are shared."""


class OpenDays:
    """The days that are open, as a set in closed form, year by year (see ``Days``).

    Open are the weekdays not in ``closed``, but for the closed days of ``calendar``. Days that the
    clock of ``zone`` leaps over are closed: nothing can happen on them. What is remembered never changes an answer.
    """

    __slots__ = ("_block", "_calendar", "_closed", "_kinds", "_years", "_zone")

    def __init__(self, closed: int, calendar: Closures | None, zone: Zone) -> None:
        self._closed = closed
        self._calendar = calendar
        self._zone = zone
        self._years: dict[int, tuple[int, int, int]] = {}
        self._kinds: dict[
            tuple[int, int], int
        ] = {}  # regular closures by the year's length and first weekday
        self._block = (0, 0, 0)  # first day, day after the last, mask of open days: of one year

    def has(self, day: int) -> bool:
        """Whether ``day`` is open."""
        first, end, mask = self._at(day)
        return first <= day < end and bool(mask >> (day - first) & 1)

    def next(self, day: int) -> int | None:
        """The first open day after ``day``."""
        return self._after(day, 0, _LAST_DAY)

    def next_closed(self, day: int, last: int) -> int:
        """The first closed day after ``day``; the day after ``last`` if there is none up to ``last``."""
        found = self._after(day, -1, last)
        return last + 1 if found is None else found

    def prev(self, day: int) -> int | None:
        """The last open day before ``day``."""
        return self._before(day, 0, _FIRST_DAY)

    def prev_closed(self, day: int, first: int) -> int:
        """The last closed day before ``day``; the day before ``first`` if there is none from ``first`` on."""
        found = self._before(day, -1, first)
        return first - 1 if found is None else found

    def _after(self, day: int, flip: int, last: int) -> int | None:
        # The first open day; with ``flip`` -1, which turns a mask into its opposite, the first closed one.
        day, last = max(day, _FIRST_DAY - 1), min(last, _LAST_DAY)
        while day < last:
            first, end, mask = self._at(day + 1)
            rest = ((mask ^ flip) & (1 << end - first) - 1) >> day + 1 - first
            if rest:
                found = day + (rest & -rest).bit_length()
                return found if found <= last else None
            day = end - 1
        return None

    def _before(self, day: int, flip: int, first: int) -> int | None:
        day, first = min(day, _LAST_DAY + 1), max(first, _FIRST_DAY)
        while day > first:
            start, _, mask = self._at(day - 1)
            rest = (mask ^ flip) & (1 << day - start) - 1
            if rest:
                found = start + rest.bit_length() - 1
                return found if found >= first else None
            day = start
        return None

    def _at(self, day: int) -> tuple[int, int, int]:
        block = self._block
        if block[0] <= day < block[1]:
            return block
        if not _FIRST_DAY <= day <= _LAST_DAY:
            return (0, 0, 0)
        year = date.fromordinal(day + EPOCH_ORDINAL).year
        known = self._years.get(year)
        if known is None:
            if len(self._years) >= _YEARS_KEPT:
                self._years.clear()
            known = self._years[year] = self._build(year)
        self._block = known
        return known

    def _build(self, year: int) -> tuple[int, int, int]:
        first = date(year, 1, 1).toordinal() - EPOCH_ORDINAL
        end = (date(year, 12, 31).toordinal() - EPOCH_ORDINAL) + 1
        weekday = (first + 3) % 7  # 1970-01-01 was a Thursday
        week = (self._closed >> weekday | self._closed << 7 - weekday) & 127
        closed = week * _ALL_WEEKS
        if self._calendar is not None:
            kind = end - first, weekday
            if kind not in self._kinds:
                self._kinds[kind] = _mask(self._calendar.regular_in(year), first)
            closed |= self._kinds[kind] | _mask(self._calendar.movable_in(year), first)
        for leapt in self._leapt_in(year):
            if first <= leapt < end:
                closed |= 1 << leapt - first
        return first, end, (1 << end - first) - 1 & ~closed

    def _leapt_in(self, year: int) -> list[int]:
        # Days that the clock never shows: Apia had no 30 December 2011.
        found: list[int] = []
        for near in (year - 1, year, year + 1):
            for at, before, after in self._zone.changes_in(near):
                if after - before >= DAY:
                    found += range(-(-(at + before) // DAY), (at + after) // DAY)
        return found


def open_days(closed: tuple[str, ...], calendar: Closures | None, zone: str = "UTC") -> OpenDays:
    """The open days of a zone: not on the ``closed`` weekdays, nor where ``calendar`` is closed.

    Shared by all rules with the same days.
    """
    return _shared(closed, calendar, find_zone(zone))


@lru_cache(maxsize=512)
def _shared(closed: tuple[str, ...], calendar: Closures | None, zone: Zone) -> OpenDays:
    names = closed if calendar is None else (*closed, *calendar.weekend)
    return OpenDays(_weekday_mask(names), calendar, zone)


def refuse_if_closed(closed: tuple[str, ...], calendar: Closures | None) -> None:
    """Raises RecurrenceError unless every 52 weeks are sure to have a day that is open.

    A proof by counting: a year has more open weekdays than dates that are named.
    """
    names = set(closed) | set(calendar.weekend if calendar else ())
    room = (7 - len(names)) * 52 - _SPARE
    if calendar is not None:
        room -= calendar.closures_in_52_weeks
    dates = [
        day.toordinal()
        for day in (calendar.holidays if calendar else ())
        if WEEKDAY_NAMES[day.weekday()] not in names
    ]
    if room > 0 and all(b - a >= _WINDOW for a, b in zip(dates, dates[room - 1 :], strict=False)):
        return
    raise RecurrenceError(
        "so many days are closed that a year may have no business day",
        field="calendar" if calendar else "weekdays",
        token=calendar.name if calendar else ", ".join(closed),
        hint="leave weekdays open, more of them than there are holidays in 52 weeks",
    )


def _mask(days: Iterable[date], first: int) -> int:
    # Days of a year, as bits from its first on.
    mask = 0
    for day in days:
        mask |= 1 << day.toordinal() - EPOCH_ORDINAL - first
    return mask


def _weekday_mask(names: Iterable[str]) -> int:
    return sum(1 << WEEKDAY_NAMES.index(name) for name in set(names))
