"""The days of one year that the date parts of a recurrence rule (RFC 5545) admit, as a mask."""

from __future__ import annotations

from calendar import isleap
from collections.abc import Sequence
from datetime import date
from itertools import accumulate, pairwise
from typing import Final

from clockwright.recurrence.zones import LAST_YEAR

from .text import Freq, RuleParts

_EVERY_SEVENTH: Final = sum(1 << n for n in range(0, 371, 7))


def _starts(length_of_february: int) -> tuple[int, ...]:
    lengths = (31, length_of_february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    return tuple(accumulate(lengths, initial=0))


# The first day (from 0) of each month and of the next year, for common and for leap years.
_MONTH_STARTS: Final = (_starts(28), _starts(29))
MONTHS: Final = tuple(
    tuple((1 << end) - (1 << start) for start, end in pairwise(starts)) for starts in _MONTH_STARTS
)


def year_filter(parts: RuleParts, year: int, first: int) -> int:
    """The days of a year (bit 0 is 1 January, a weekday ``first``) that all date parts admit."""
    length = 365 + isleap(year)
    mask = (1 << length) - 1
    if parts.by_month:
        mask &= sum(MONTHS[isleap(year)][month - 1] for month in parts.by_month)
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
