"""The days of a recurrence rule (RFC 5545) as a set.

A year's matching days are one integer of 366 bits: the filters (which repeat with the kind of year)
and the alignment of the periods that INTERVAL leaves.
"""

from __future__ import annotations

from calendar import isleap
from collections.abc import Sequence
from datetime import date
from itertools import accumulate, pairwise
from math import gcd
from typing import Final

from .rrule_text import SUB_DAILY, Freq, RuleParts
from .zones import EPOCH_ORDINAL, LAST_YEAR

LAST_DAY: Final = date.max.toordinal() - EPOCH_ORDINAL
_EVERY_SEVENTH: Final = sum(1 << n for n in range(0, 371, 7))
# The calendar repeats after 400 years; so many periods of each kind they have.
_CYCLE_YEARS: Final = 400
CYCLE_DAYS: Final = 146_097
PERIODS: Final = {
    Freq.YEARLY: 400,
    Freq.MONTHLY: 4_800,
    Freq.WEEKLY: 20_871,
    Freq.DAILY: CYCLE_DAYS,
}


def _starts(length_of_february: int) -> tuple[int, ...]:
    lengths = (31, length_of_february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return tuple(accumulate(lengths, initial=0))


# The first day (from 0) of each month and of the next year, for common and for leap years.
_MONTH_STARTS: Final = (_starts(28), _starts(29))
_MONTHS: Final = tuple(
    tuple((1 << end) - (1 << start) for start, end in pairwise(starts)) for starts in _MONTH_STARTS
)


class RuleDays:
    """The days that a rule's date parts admit, aligned with the day ``origin`` (DTSTART's)."""

    __slots__ = ("_block", "_filters", "_horizon", "_none_after", "_origin", "_parts", "_start")

    def __init__(self, parts: RuleParts, origin: int) -> None:
        self._parts = parts
        self._origin = origin
        self._start = date.fromordinal(origin + EPOCH_ORDINAL)
        # Calendar and INTERVAL together repeat after so many years: the length of a search.
        periods = PERIODS.get(parts.freq, 1)
        self._horizon = _CYCLE_YEARS
        if parts.freq not in SUB_DAILY:
            self._horizon *= parts.interval // gcd(parts.interval, periods)
        self._filters: dict[tuple[bool, int, bool, bool], int] = {}
        self._block = (0, 0, 0, 0)  # first day, day after the last, mask, year: of one year
        self._none_after = LAST_DAY

    def has(self, day: int) -> bool:
        first, end, mask, _ = self._year_with(day)
        return first <= day < end and bool(mask >> (day - first) & 1)

    def next(self, day: int) -> int | None:
        if day >= self._none_after:
            return None
        first, _, mask, year = self._year_with(day)
        rest = mask >> (day - first + 1)
        if rest:
            return day + (rest & -rest).bit_length()
        for later in range(year + 1, min(year + self._horizon, LAST_YEAR) + 1):
            first, _, mask, _ = self._block = self._year(later)
            if mask:
                return first + (mask & -mask).bit_length() - 1
        self._none_after = day
        return None

    def prev(self, day: int) -> int | None:
        first, end, mask, year = self._year_with(day)
        rest = mask & ((1 << min(day, end) - first) - 1)
        while not rest and year > self._start.year:
            year -= 1
            first, _, rest, _ = self._block = self._year(year)
        return first + rest.bit_length() - 1 if rest else None

    def count(self, low: int, high: int) -> int:
        total = 0
        while low < high:
            first, end, mask, _ = self._year_with(low)
            if not first <= low < end:
                break
            upto = min(high, end)
            total += (mask >> (low - first) & ((1 << (upto - low)) - 1)).bit_count()
            low = end
        return total

    def within(self, low: int, high: int) -> list[int]:
        """The days in ``[low, high)``."""
        found: list[int] = []
        day = self.next(low - 1)
        while day is not None and day < high:
            found.append(day)
            day = self.next(day)
        return found

    def _year_with(self, day: int) -> tuple[int, int, int, int]:
        first, end, _, _ = self._block
        if not first <= day < end:
            ordinal = min(max(day + EPOCH_ORDINAL, 1), LAST_DAY + EPOCH_ORDINAL)
            self._block = self._year(date.fromordinal(ordinal).year)
        return self._block

    def _year(self, year: int) -> tuple[int, int, int, int]:
        first = date(year, 1, 1).toordinal() - EPOCH_ORDINAL
        end = first + 365 + isleap(year)
        mask = self._filter(year, first)
        return first, end, mask & self._aligned(year, first, end) if mask else 0, year

    def _aligned(self, year: int, first: int, end: int) -> int:
        # The days of the periods that INTERVAL keeps.
        interval, full = self._parts.interval, (1 << end - first) - 1
        if interval == 1 or self._parts.freq in SUB_DAILY:
            return full
        start = self._start
        match self._parts.freq:
            case Freq.YEARLY:
                return 0 if (year - start.year) % interval else full
            case Freq.MONTHLY:
                months = (year - start.year) * 12 + 1 - start.month
                return sum(_MONTHS[isleap(year)][-months % interval :: interval])
            case Freq.WEEKLY:
                week = self._origin - (self._origin + 4 - self._parts.week_start) % 7
                return _every(first, end, week, 7 * interval, 7)
            case _:
                return _every(first, end, self._origin, interval, 1)

    def _filter(self, year: int, first: int) -> int:
        weekday = (first + 4) % 7  # 1970-01-01 was a Thursday
        kind = (isleap(year), weekday, isleap(year - 1), isleap(year + 1))
        mask = self._filters.get(kind)
        if mask is None:
            mask = self._filters[kind] = year_filter(self._parts, year, weekday)
        return mask


def _every(first: int, end: int, origin: int, step: int, length: int) -> int:
    # Bits of the days from ``first`` on that lie in stretches of ``length`` days, ``step`` apart.
    mask = 0
    start = origin + (first - origin) // step * step
    while start < end:
        shift = start - first
        stretch = (1 << length) - 1
        mask |= stretch << shift if shift >= 0 else stretch >> -shift
        start += step
    return mask & ((1 << end - first) - 1)


def year_filter(parts: RuleParts, year: int, first: int) -> int:
    """The days of a year (bit 0 is 1 January, a weekday ``first``) that all date parts admit."""
    length = 365 + isleap(year)
    mask = (1 << length) - 1
    if parts.by_month:
        mask &= sum(_MONTHS[isleap(year)][month - 1] for month in parts.by_month)
    if parts.by_month_day:
        mask &= _by_month_day(parts.by_month_day, year)
    if parts.by_year_day:
        days = {n - 1 if n > 0 else length + n for n in parts.by_year_day}
        mask &= sum(1 << day for day in days if 0 <= day < length)
    if parts.by_week_number:
        mask &= _by_week_number(parts, year)
    if parts.by_day or parts.by_nth_day:
        weekdays = 0
        for weekday in parts.by_day:
            weekdays |= _EVERY_SEVENTH << (weekday - first) % 7
        for nth, weekday in parts.by_nth_day:
            weekdays |= _by_nth_day(parts, year, (weekday - first) % 7, nth)
        mask &= weekdays
    return mask


def _by_month_day(days: Sequence[int], year: int) -> int:
    mask = 0
    for start, end in pairwise(_MONTH_STARTS[isleap(year)]):
        for n in days:
            day = start + n - 1 if n > 0 else end + n
            if start <= day < end:
                mask |= 1 << day
    return mask


def _by_nth_day(parts: RuleParts, year: int, offset: int, nth: int) -> int:
    # The n-th weekday of each month, or of the year; ``offset`` is the weekday's first day.
    starts = _MONTH_STARTS[isleap(year)]
    spans = [(0, starts[12])]
    if parts.freq is Freq.MONTHLY or parts.by_month:
        spans = list(pairwise(starts))
    mask = 0
    for start, end in spans:
        days = range(start + (offset - start) % 7, end, 7)
        if -len(days) <= nth <= len(days):
            mask |= 1 << days[nth - 1 if nth > 0 else nth]
    return mask


def _by_week_number(parts: RuleParts, year: int) -> int:
    # Week 1 has at least four days in the year; weeks reach over New Year on both sides.
    first = date(year, 1, 1).toordinal()
    mask = 0
    for week_year in (year - 1, year, year + 1):
        if not 1 <= week_year < LAST_YEAR:
            continue
        start, after = (_first_week(y, parts.week_start) for y in (week_year, week_year + 1))
        weeks = (after - start) // 7
        for n in parts.by_week_number:
            week = n - 1 if n > 0 else weeks + n
            if 0 <= week < weeks:
                shift = start + 7 * week - first
                mask |= 127 << shift if shift >= 0 else 127 >> min(-shift, 7)
    return mask & ((1 << 365 + isleap(year)) - 1)


def _first_week(year: int, week_start: int) -> int:
    # The ordinal of the first day of week 1, the week with 4 January.
    fourth = date(year, 1, 4).toordinal()
    return fourth - (fourth - week_start) % 7
