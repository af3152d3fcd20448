"""The days of a recurrence rule (RFC 5545) as a set.

A year's matching days are one integer of 366 bits: the filters (which repeat with the kind of year), the alignment of
the periods that INTERVAL leaves, and what narrows them further: BYSETPOS, or the rhythm of a sub-daily INTERVAL.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from math import gcd
from typing import Final, Protocol

from clockwright.recurrence.days import ones
from clockwright.recurrence.zones import EPOCH_ORDINAL, LAST_YEAR

from .filters import MONTHS, year_filter
from .text import SUB_DAILY, Freq, RuleParts

LAST_DAY: Final = date.max.toordinal() - EPOCH_ORDINAL
# The calendar repeats after 400 years; so many periods of each kind they have.
_CYCLE_YEARS: Final = 400
_SPARSE: Final = 1_000  # days between periods from which on the years without any are passed over
_NEAR: Final = 9  # years looked at before a search is called long
_CYCLE_DAYS: Final = 146_097
_PERIODS: Final = {
    Freq.YEARLY: 400,
    Freq.MONTHLY: 4_800,
    Freq.WEEKLY: 20_871,
    Freq.DAILY: _CYCLE_DAYS,
}


def _models() -> tuple[int, ...]:
    # For each year of the cycle the first from 2000 on with the same days: as long, begun on the same weekday, and its
    # neighbours as long as well, since weeks reach over New Year.
    seen: dict[tuple[bool, bool, bool, int], int] = {}
    return tuple(
        seen.setdefault(
            (isleap(year), isleap(year - 1), isleap(year + 1), date(year, 1, 1).weekday()), year
        )
        for year in range(2000, 2000 + _CYCLE_YEARS)
    )


_MODELS: Final = _models()


class Places(Protocol):
    """Chooses days of whole periods by their place (BYSETPOS)."""

    def chosen(self, model: int) -> int:
        """The mask of the days chosen in a year of the kind of ``model``."""


class Rhythm(Protocol):
    """Chooses the days on which a sub-daily INTERVAL leaves any time."""

    @property
    def period(self) -> float:
        """The days between two units that the INTERVAL meets."""

    def days(self) -> Iterable[int]:
        """The days of the calendar, from DTSTART on, on which it meets a unit."""

    def narrowed(self, first: int, mask: int) -> int:
        """``mask``, whose bit 0 is the day ``first``, without the other days."""


Block = tuple[int, int, int, int]  # first day, day after the last, mask, year: of one year


class RuleDays:
    """The days that a rule's date parts admit, aligned with the day ``origin`` (DTSTART's).

    ``places`` stands for the filters where BYSETPOS chooses among what they leave.
    """

    __slots__ = (
        "_barren",
        "_block",
        "_filters",
        "_horizon",
        "_none_after",
        "_none_before",
        "_origin",
        "_parts",
        "_pattern",
        "_places",
        "_rhythm",
        "_sparse",
        "_start",
        "_step",
    )

    def __init__(
        self,
        parts: RuleParts,
        origin: int,
        *,
        places: Places | None = None,
        rhythm: Rhythm | None = None,
    ) -> None:
        self._parts = parts
        self._places = places
        self._rhythm = rhythm
        self._start = date.fromordinal(origin + EPOCH_ORDINAL)
        self._origin = origin
        self._step = parts.interval if parts.freq is Freq.DAILY else 0
        if parts.freq is Freq.WEEKLY:
            self._origin -= (origin + 4 - parts.week_start) % 7
            self._step = 7 * parts.interval
        self._pattern = self._repeated() if parts.interval > 1 else 0
        # Calendar and INTERVAL together repeat after so many years: the length of a search.
        self._horizon = _CYCLE_YEARS
        if parts.freq not in SUB_DAILY:
            self._horizon *= parts.interval // gcd(parts.interval, _PERIODS[parts.freq])
        elif rhythm is not None:
            self._horizon = LAST_YEAR
        self._sparse = self._sparse_years() if parts.interval > 1 else None
        self._filters: dict[int, int] = {}
        self._barren: frozenset[int] | None = (
            None  # years of the cycle that the filters leave empty
        )
        self._block: Block = (0, 0, 0, 0)
        self._none_after, self._none_before = LAST_DAY, -EPOCH_ORDINAL

    def has(self, day: int) -> bool:
        first, end, mask, _ = self._year_with(day)
        return first <= day < end and bool(mask >> (day - first) & 1)

    def next(self, day: int) -> int | None:
        if day >= self._none_after:
            return None
        first, _, mask, year = self._year_with(day)
        # A day before the calendar asks for its first.
        rest = mask >> max(day - first + 1, 0)
        if rest:
            return max(day, first - 1) + (rest & -rest).bit_length()
        for later in self._years(year, min(year + self._horizon, LAST_YEAR), 1):
            block = self.year(later)
            if mask := block[2]:
                self._block = block
                return block[0] + (mask & -mask).bit_length() - 1
        self._none_after = day
        return None

    def prev(self, day: int) -> int | None:
        if day <= self._none_before:
            return None
        first, end, mask, year = self._year_with(day)
        rest = mask & ((1 << max(min(day, end) - first, 0)) - 1)
        if rest:
            return first + rest.bit_length() - 1
        for earlier in self._years(year, max(year - self._horizon, self._start.year), -1):
            block = self.year(earlier)
            if block[2]:
                self._block = block
                return block[0] + block[2].bit_length() - 1
        self._none_before = day
        return None

    def count(self, low: int, high: int) -> int:
        total = 0
        if high - low > _CYCLE_DAYS and self._horizon == _CYCLE_YEARS:
            cycles = (high - low) // _CYCLE_DAYS
            total, low = cycles * self.count(low, low + _CYCLE_DAYS), low + cycles * _CYCLE_DAYS
        return total + sum(mask.bit_count() for _, mask in self.blocks(low, high))

    def within(self, low: int, high: int) -> list[int]:
        """The days in ``[low, high)``."""
        return [first + bit for first, mask in self.blocks(low, high) for bit in ones(mask)]

    def nth(self, day: int, number: int) -> int | None:
        """The ``number``-th day (from 1) of the set from ``day`` on."""
        if number > _CYCLE_YEARS and self._horizon == _CYCLE_YEARS:
            in_cycle = self.count(day, day + _CYCLE_DAYS)
            cycles = (number - 1) // in_cycle if in_cycle else LAST_DAY
            day, number = day + cycles * _CYCLE_DAYS, number - cycles * in_cycle
        for first, mask in self.blocks(day, LAST_DAY + 1):
            here = mask.bit_count()
            if number <= here:
                return first + ones(mask)[number - 1]
            number -= here
        return None

    def blocks(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """The days in ``[low, high)`` by years: (the day of bit 0, mask), the empty ones left out."""
        low, high = max(low, 1 - EPOCH_ORDINAL), min(high, LAST_DAY + 1)
        if low >= high:
            return
        first, end, mask, year = self._year_with(low)
        mask = mask >> (low - first) << (low - first)
        last = date.fromordinal(high - 1 + EPOCH_ORDINAL).year
        if mask:
            yield first, mask & ((1 << high - first) - 1) if high < end else mask
        for later in self._years(year, last, 1):
            first, end, mask, _ = self.year(later)
            if end > high:
                mask &= (1 << high - first) - 1
            if mask:
                yield first, mask

    def place_of(self, day: int) -> tuple[int, int]:
        """The model of the day's year, and its place in the year from 0."""
        first, _, _, year = self._year_with(day)
        return _MODELS[year % _CYCLE_YEARS], day - first

    def year(self, year: int) -> Block:
        """The days of a year."""
        first = date(year, 1, 1).toordinal() - EPOCH_ORDINAL
        end = first + 365 + isleap(year)
        mask = self._filter(_MODELS[year % _CYCLE_YEARS])
        if mask and self._parts.interval > 1:
            mask &= self._aligned(year, first)
            if mask and self._rhythm is not None:
                mask = self._rhythm.narrowed(first, mask)
        return first, end, mask, year

    def filter_of(self, model: int) -> int:
        """The days that the BY parts admit in a year of the kind of ``model``, BYSETPOS aside."""
        return year_filter(self._parts, model, (date(model, 1, 1).weekday() + 1) % 7)

    @property
    def horizon(self) -> int:
        """After so many years the set repeats."""
        return self._horizon

    @property
    def is_every_day(self) -> bool:
        """Whether no day of any year is left out."""
        return self._parts.interval == 1 and all(
            self._filter(model) == (1 << self.length_of(model)) - 1 for model in _MODELS
        )

    @staticmethod
    def length_of(model: int) -> int:
        """The days of a year of this kind."""
        return 365 + isleap(model)

    def _years(self, year: int, last: int, step: int) -> Iterator[int]:
        # The years after (before) ``year`` up to ``last`` that may hold a day.
        candidates = self._candidates(year, last, step)
        # Mostly the next few years will do; only a long search asks which kinds of year hold anything.
        yield from candidates[:_NEAR]
        if len(candidates) > _NEAR:
            if self._barren is None:
                kinds = enumerate(_MODELS)
                self._barren = frozenset(at for at, model in kinds if not self._filter(model))
            for later in candidates[_NEAR:]:
                if later % _CYCLE_YEARS not in self._barren:
                    yield later

    def _candidates(self, year: int, last: int, step: int) -> Sequence[int]:
        if self._sparse is not None:
            years = self._sparse
            if step > 0:
                return years[bisect_right(years, year) : bisect_right(years, last)]
            return years[bisect_left(years, last) : bisect_left(years, year)][::-1]
        first = year + step
        if self._parts.freq is Freq.YEARLY:
            interval = self._parts.interval
            first += step * ((self._start.year - first) * step % interval)
            step *= interval
        return range(first, last + (1 if step > 0 else -1), step)

    def _sparse_years(self) -> list[int] | None:
        # The years that have a period of this INTERVAL, where that is longer than some years.
        interval, start = self._parts.interval, self._start
        if self._parts.freq is Freq.MONTHLY and interval > _SPARSE // 28:
            first = start.year * 12 + start.month - 1
            return sorted({at // 12 for at in range(first, (LAST_YEAR + 1) * 12, interval)})
        days: Iterable[int] = ()
        if self._step > _SPARSE:
            days = range(self._origin, LAST_DAY + 1, self._step)
        elif self._rhythm is not None and self._rhythm.period > _SPARSE:
            days = self._rhythm.days()
        if not days:
            return None
        ends = {min(max(d, 1 - EPOCH_ORDINAL), LAST_DAY) for day in days for d in (day, day + 6)}
        return sorted({date.fromordinal(day + EPOCH_ORDINAL).year for day in ends})

    def _year_with(self, day: int) -> Block:
        first, end, _, _ = self._block
        if not first <= day < end:
            ordinal = min(max(day + EPOCH_ORDINAL, 1), LAST_DAY + EPOCH_ORDINAL)
            self._block = self.year(date.fromordinal(ordinal).year)
        return self._block

    def _aligned(self, year: int, first: int) -> int:
        # The days of the periods that INTERVAL keeps.
        interval, start = self._parts.interval, self._start
        match self._parts.freq:
            case Freq.YEARLY:
                return 0 if (year - start.year) % interval else -1
            case Freq.MONTHLY:
                months = (year - start.year) * 12 + 1 - start.month
                return sum(MONTHS[isleap(year)][-months % interval :: interval])
            case Freq.WEEKLY | Freq.DAILY:
                shift = (self._origin - first) % self._step
                # What began before the year, and what begins in it.
                begun = 127 >> (self._step - shift) if self._parts.freq is Freq.WEEKLY else 0
                return self._pattern << shift | begun if shift < 366 else begun
            case _:
                return -1

    def _repeated(self) -> int:
        # A year and more of the stretches of 7 days or 1 that WEEKLY or DAILY with an INTERVAL keeps.
        stretch = 127 if self._parts.freq is Freq.WEEKLY else 1
        return sum(stretch << at for at in range(0, 366, self._step)) if self._step else 0

    def _filter(self, model: int) -> int:
        mask = self._filters.get(model)
        if mask is None:
            mask = self._places.chosen(model) if self._places else self.filter_of(model)
            self._filters[model] = mask
        return mask


def periods_of(parts: RuleParts, days: RuleDays, model: int) -> list[int]:
    """The days that the BY parts admit, one mask for each period that touches a year of the kind of ``model``.

    Bit 0 of a mask is 1 January; a week that began before it is moved up by 7 bits (see ``WEEK_SHIFT``).
    """
    mask = days.filter_of(model)
    if parts.freq is Freq.YEARLY:
        return [mask]
    if parts.freq is Freq.MONTHLY:
        return [mask & month for month in MONTHS[isleap(model)]]
    before, length = 365 + isleap(model - 1), 365 + isleap(model)
    mask = days.filter_of(model - 1) >> (before - 7) | mask << 7
    mask |= days.filter_of(model + 1) << (7 + length)
    weekday = (date(model, 1, 1).weekday() + 1) % 7
    first = WEEK_SHIFT - (weekday - parts.week_start) % 7
    return [mask & 127 << at for at in range(first, WEEK_SHIFT + length, 7)]


WEEK_SHIFT: Final = 7
