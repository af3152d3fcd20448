"""Sets of days as bit masks.

A day is an integer: days since 1970-01-01. A month's matching days are one integer whose bit 0 is the 1st, so that the
next matching day is the lowest bit of a shifted mask. Months are numbered through: ``(year - 1) * 12 + month - 1``.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from .zones import EPOCH_ORDINAL, LAST_YEAR

# The Gregorian calendar repeats after 400 years, which are 146,097 days and exactly 20,871 weeks: a search that finds
# nothing in 400 years has proved that there is nothing.
_CYCLE_MONTHS: Final = 4_800
_CYCLE_DAYS: Final = 146_097
_MONTH_STARTS: Final = tuple(
    date(year, month, 1).toordinal() - EPOCH_ORDINAL
    for year in range(1, 401)
    for month in range(1, 13)
)
_LAST_MONTH: Final = LAST_YEAR * 12 - 1
_FIRST_DAY: Final = 1 - EPOCH_ORDINAL
_LAST_DAY: Final = date.max.toordinal() - EPOCH_ORDINAL
_EVERY_SEVENTH: Final = sum(1 << n for n in range(0, 35, 7))
_FEW_BITS: Final = 12  # so many are found faster one by one
# A search that passes so many empty months is long; after so many long ones the set is laid out for 400 years.
_LONG: Final = 3
_PATIENCE: Final = 3
ALL_MONTHS: Final = (1 << 12) - 1
ALL_WEEKS: Final = (1 << 54) - 2


class Days(Protocol):
    """A set of days, asked in order."""

    def has(self, day: int) -> bool:
        """Whether ``day`` is in the set."""

    def next(self, day: int) -> int | None:
        """The first day of the set after ``day``."""

    def prev(self, day: int) -> int | None:
        """The last day of the set before ``day``."""

    def count(self, low: int, high: int) -> int:
        """How many days of the set lie in ``[low, high)``."""

    def within(self, low: int, high: int) -> list[int]:
        """The days of the set in ``[low, high)``, ascending."""


class DayTerms(NamedTuple):
    """What a day field admits: the union of its terms. Weekdays count from Sunday = 0.

    ``days``: bit n-1 for day n; ``from_end``: bit k for ``L-k``; ``nearest``: bit n-1 for ``nW``; ``last_working`` for
    ``LW``; ``weekdays``: bit d; ``nth``: bit 7*(n-1)+d for ``d#n``; ``last``: bit d for ``dL``.
    """

    days: int = 0
    from_end: int = 0
    nearest: int = 0
    last_working: bool = False
    weekdays: int = 0
    nth: int = 0
    last: int = 0

    @property
    def is_everything(self) -> bool:
        """Whether every day of every month is admitted, so that the field restricts nothing."""
        return self.days == (1 << 31) - 1 or self.weekdays == 127

    def in_month(self, length: int, first: int) -> int:
        """The mask of a month with ``length`` days whose 1st is weekday ``first``."""
        full = (1 << length) - 1
        if self.is_everything:
            return full
        mask = self.days
        if self.weekdays:
            week = (self.weekdays >> first) | (self.weekdays << (7 - first)) & 127
            mask |= week * _EVERY_SEVENTH
        if self.nth or self.last:
            mask |= self._placed(length, first)
        if self.from_end:
            mask |= sum(1 << (length - 1 - k) for k in bits(self.from_end) if k < length)
        if self.nearest:
            for n in bits(self.nearest):
                if n < length:
                    mask |= 1 << _nearest_working(n, length, first)
        if self.last_working:
            mask |= 1 << _nearest_working(length - 1, length, first)
        return mask & full

    def _placed(self, length: int, first: int) -> int:
        mask = 0
        for place in bits(self.nth):
            week, weekday = divmod(place, 7)
            mask |= 1 << ((weekday - first) % 7 + 7 * week)
        for weekday in bits(self.last):
            offset = (weekday - first) % 7
            mask |= 1 << (offset + (length - 1 - offset) // 7 * 7)
        return mask


def _nearest_working(day: int, length: int, first: int) -> int:
    # The Monday-to-Friday day nearest to ``day`` (from 0) without leaving the month.
    weekday = (first + day) % 7
    if weekday == 6:
        return day - 1 if day else day + 2
    if weekday == 0:
        return day + 1 if day + 1 < length else day - 2
    return day


def ones(mask: int) -> list[int]:
    """The places of the bits that are set, ascending."""
    if mask.bit_count() > _FEW_BITS:
        return [at for at, digit in enumerate(f"{mask:b}"[::-1]) if digit == "1"]
    found = []
    while mask:
        found.append((mask & -mask).bit_length() - 1)
        mask &= mask - 1
    return found


@lru_cache(maxsize=1_024)
def bits(mask: int) -> tuple[int, ...]:
    """The same, remembered: for the masks of fields and months, of which there are few."""
    return tuple(ones(mask))


def month_start(index: int) -> int:
    """The first day of a month by its number."""
    cycles, rest = divmod(index, _CYCLE_MONTHS)
    return _MONTH_STARTS[rest] + cycles * _CYCLE_DAYS


def month_of(day: int) -> int:
    """The number of the month that holds a day."""
    found = date.fromordinal(day + EPOCH_ORDINAL)
    return found.year * 12 + found.month - 13


class Cycle:
    """A sparse set of days that repeats every 400 years, laid out from the first day of the calendar on."""

    __slots__ = ("_days",)

    def __init__(self, days: list[int]) -> None:
        self._days = array("i", [day - _FIRST_DAY for day in days])

    def next(self, day: int) -> int | None:
        cycles, place = divmod(max(day, _FIRST_DAY - 1) + 1 - _FIRST_DAY, _CYCLE_DAYS)
        at = bisect_left(self._days, place)
        if at == len(self._days):
            at, cycles = 0, cycles + 1
        found = _FIRST_DAY + cycles * _CYCLE_DAYS + self._days[at]
        return found if found <= _LAST_DAY else None

    def prev(self, day: int) -> int | None:
        cycles, place = divmod(min(day, _LAST_DAY + 1) - _FIRST_DAY, _CYCLE_DAYS)
        at = bisect_left(self._days, place)
        if not at:
            at, cycles = len(self._days), cycles - 1
        found = _FIRST_DAY + cycles * _CYCLE_DAYS + self._days[at - 1]
        return found if found >= _FIRST_DAY else None

    def within(self, low: int, high: int) -> list[int]:
        found: list[int] = []
        while low < high:
            cycles, place = divmod(low - _FIRST_DAY, _CYCLE_DAYS)
            base = _FIRST_DAY + cycles * _CYCLE_DAYS
            ends = bisect_left(self._days, place), bisect_left(self._days, high - base)
            found += [base + day for day in self._days[slice(*ends)]]
            low = base + _CYCLE_DAYS
        return found


class CalendarDays:
    """The days of a rule with month, year and week masks and two day fields.

    ``left`` and ``right`` are the day fields; with ``either`` a day needs one of them, else both. ``years`` is None
    for every year, else bit y for year y; ``weeks`` has bit w for ISO week w. What is remembered here (the month of
    the last answer, the months seen, where the set ends) never changes an answer.
    """

    __slots__ = (
        "_block", "_by_shape", "_by_week", "_cycle", "_either", "_left", "_long_searches",
        "_months", "_none_after", "_none_before", "_right", "_weeks", "_years",
    )  # fmt: skip

    def __init__(
        self,
        months: int,
        left: DayTerms,
        right: DayTerms,
        *,
        either: bool = False,
        years: int | None = None,
        weeks: int = ALL_WEEKS,
    ) -> None:
        self._months = months
        self._left = left
        self._right = right
        self._either = either
        self._years = years
        self._weeks = weeks
        self._by_shape: dict[int, int] = {}
        self._by_week: dict[int, int] = {}
        self._block = (0, 0, 0, 0)  # first day, day after the last, mask, number: of one month
        self._none_after = _LAST_DAY
        self._none_before = _FIRST_DAY
        self._long_searches = 0
        self._cycle: Cycle | None = None

    def has(self, day: int) -> bool:
        first, end, mask, _ = self._block
        if not first <= day < end:
            first, end, mask, _ = self._load(day)
        return first <= day < end and bool(mask >> (day - first) & 1)

    def next(self, day: int) -> int | None:
        if day >= self._none_after:
            return None
        if self._cycle is not None:
            return self._cycle.next(day)
        first, end, mask, index = self._block
        if not first <= day < end:
            first, end, mask, index = self._load(day)
            day = max(day, first - 1)
        rest = mask >> (day - first + 1)
        if rest:
            return day + (rest & -rest).bit_length()
        found = self._month_after(index)
        if found is None:
            self._none_after = min(self._none_after, day)
            if self._years is None and index + _CYCLE_MONTHS <= _LAST_MONTH:
                self._forget_hope()
            return None
        first, _, mask, _ = self._block = found
        return first + (mask & -mask).bit_length() - 1

    def prev(self, day: int) -> int | None:
        if day <= self._none_before:
            return None
        if self._cycle is not None:
            return self._cycle.prev(day)
        first, end, mask, index = self._block
        if not first <= day < end:
            first, end, mask, index = self._load(day)
            day = min(day, end)
        rest = mask & ((1 << (day - first)) - 1)
        if rest:
            return first + rest.bit_length() - 1
        found = self._month_before(index)
        if found is None:
            self._none_before = max(self._none_before, day)
            if self._years is None and index >= _CYCLE_MONTHS:
                self._forget_hope()
            return None
        first, _, mask, _ = self._block = found
        return first + mask.bit_length() - 1

    def _forget_hope(self) -> None:
        # Nothing in 400 years: there is no such day, whichever way one looks.
        self._none_after, self._none_before = _FIRST_DAY - 1, _LAST_DAY + 1

    def count(self, low: int, high: int) -> int:
        low, high = max(low, _FIRST_DAY), min(high, _LAST_DAY + 1)
        total = 0
        if self._years is None and high - low > 2 * _CYCLE_DAYS:
            cycles = (high - low) // _CYCLE_DAYS - 1
            total = cycles * self.count(low, low + _CYCLE_DAYS)
            low += cycles * _CYCLE_DAYS
        for first, end, mask, _ in self._blocks(low, high):
            since, upto = max(low, first), min(high, end)
            total += (mask >> (since - first) & ((1 << (upto - since)) - 1)).bit_count()
        return total

    def within(self, low: int, high: int) -> list[int]:
        low, high = max(low, _FIRST_DAY), min(high, _LAST_DAY + 1)
        if self._cycle is not None:
            return self._cycle.within(low, high)
        found: list[int] = []
        for first, _, mask, _ in self._blocks(low, high):
            found += [first + n for n in bits(mask)]
        # Only the first and the last month can hold days outside.
        return found[bisect_left(found, low) : bisect_left(found, high)]

    def _blocks(self, low: int, high: int) -> Iterator[tuple[int, int, int, int]]:
        # The months that hold any of the set's days and overlap ``[low, high)``.
        block = self._month(month_of(low)) if low < high else None
        while block is not None and block[0] < high:
            yield block
            block = self._month_after(block[3])

    def _load(self, day: int) -> tuple[int, int, int, int]:
        block = self._block = self._month(month_of(min(max(day, _FIRST_DAY), _LAST_DAY)))
        return block

    def _month(self, index: int) -> tuple[int, int, int, int]:
        cycles, place = divmod(index, _CYCLE_MONTHS)
        first = _MONTH_STARTS[place] + cycles * _CYCLE_DAYS
        end = month_start(index + 1)
        if not self._months >> (index % 12) & 1:
            return first, end, 0, index
        if self._years is not None and not self._years >> (index // 12 + 1) & 1:
            return first, end, 0, index
        return first, end, self._mask(index, first, end - first), index

    def _mask(self, index: int, first: int, length: int) -> int:
        weekday = (first + 4) % 7  # 1970-01-01 was a Thursday
        shape = length * 7 + weekday
        mask = self._by_shape.get(shape)
        if mask is None:
            left = self._left.in_month(length, weekday)
            right = self._right.in_month(length, weekday)
            mask = self._by_shape[shape] = left | right if self._either else left & right
        if not mask or self._weeks == ALL_WEEKS:
            return mask
        place = index % _CYCLE_MONTHS
        weeks = self._by_week.get(place)
        if weeks is None:
            weeks = self._by_week[place] = _iso_weeks(self._weeks, first, length)
        return mask & weeks

    def _month_after(self, index: int) -> tuple[int, int, int, int] | None:
        # Only months that the masks admit are looked at, for 400 years on end at most.
        last = min(_LAST_MONTH, index + _CYCLE_MONTHS)
        index, empty = index + 1, 0
        while index <= last:
            year, month = divmod(index, 12)
            if self._years is not None and not self._years >> (year + 1) & 1:
                rest = self._years >> (year + 2)
                if not rest:
                    return None
                index = (year + (rest & -rest).bit_length()) * 12
                last = min(_LAST_MONTH, index + _CYCLE_MONTHS)  # the years missed prove nothing
                continue
            rest = self._months >> month
            if not rest:
                index += 12 - month
                continue
            index += (rest & -rest).bit_length() - 1
            first, end = month_start(index), month_start(index + 1)
            mask = self._mask(index, first, end - first)
            if mask:
                if empty >= _LONG:
                    self._remember()
                return first, end, mask, index
            index, empty = index + 1, empty + 1
        return None

    def _remember(self) -> None:
        # A sparse set that is asked again and again is laid out once.
        self._long_searches += 1
        if self._long_searches == _PATIENCE and self._years is None:
            self._cycle = Cycle(self.within(_FIRST_DAY, _FIRST_DAY + _CYCLE_DAYS))

    def _month_before(self, index: int) -> tuple[int, int, int, int] | None:
        last = max(0, index - _CYCLE_MONTHS)
        index -= 1
        while index >= last:
            year, month = divmod(index, 12)
            if self._years is not None and not self._years >> (year + 1) & 1:
                rest = self._years & ((1 << (year + 1)) - 1)
                if not rest:
                    return None
                index = (rest.bit_length() - 1) * 12 - 1
                last = max(0, index - _CYCLE_MONTHS)
                continue
            rest = self._months & ((2 << month) - 1)
            if not rest:
                index -= month + 1
                continue
            index += rest.bit_length() - 1 - month
            first, end = month_start(index), month_start(index + 1)
            mask = self._mask(index, first, end - first)
            if mask:
                return first, end, mask, index
            index -= 1
        return None


def _iso_weeks(weeks: int, first: int, length: int) -> int:
    # The days of a month whose ISO week is in ``weeks``; a week is looked up once, it has up to seven.
    mask, day = 0, 0
    while day < length:
        _, week, weekday = date.fromordinal(first + day + EPOCH_ORDINAL).isocalendar()
        if weeks >> week & 1:
            mask |= (1 << 8 - weekday) - 1 << day
        day += 8 - weekday
    return mask & (1 << length) - 1
