"""Recurrence rules (RFC 5545) as sets of walls: days with times, INTERVAL, BYSETPOS and COUNT.

Whatever the rule, its days are masks of years (``RuleDays``) and its times either the same every day or told by the
day; so that the next one, the n-th and how many there are take at most one pass over the years of the calendar.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from typing import Final, Protocol

from clockwright.recurrence.days import ones
from clockwright.recurrence.walls import DayTimes, Walls, clock_times
from clockwright.recurrence.zones import DAY, wall_of

from .days import LAST_DAY, RuleDays
from .places import PlacedDays, placed_times
from .rhythm import UnitRhythm
from .text import SUB_DAILY, Freq, RuleParts

_HOUR: Final = 3_600


class Times(Protocol):
    """The times of each day of a set."""

    def times(self, day: int) -> Sequence[int]:
        """The seconds of the day, ascending; some where the day is in the set."""

    def total(self, first: int, mask: int) -> int:
        """How many the days of ``mask`` have, whose bit 0 is the day ``first``."""


class ChangingTimes:
    """Walls whose times depend on the day."""

    __slots__ = ("_days", "_times")

    def __init__(self, days: RuleDays, times: Times) -> None:
        self._days = days
        self._times = times

    def next(self, wall: int) -> int | None:
        day, second = divmod(wall, DAY)
        if self._days.has(day):
            times = self._times.times(day)
            if second < times[-1]:
                return wall - second + times[bisect_right(times, second)]
        found = self._days.next(day)
        return None if found is None else found * DAY + self._times.times(found)[0]

    def prev(self, wall: int) -> int | None:
        day, second = divmod(wall, DAY)
        if self._days.has(day):
            times = self._times.times(day)
            if second > times[0]:
                return wall - second + times[bisect_left(times, second) - 1]
        found = self._days.prev(day)
        return None if found is None else found * DAY + self._times.times(found)[-1]

    def count(self, low: int, high: int) -> int:
        if low >= high:
            return 0
        (first, start), (last, stop) = divmod(low, DAY), divmod(high, DAY)
        blocks = self._days.blocks(first, last)
        total = sum(self._times.total(day, mask) for day, mask in blocks)
        if self._days.has(first):
            total -= bisect_left(self._times.times(first), start)
        if stop and self._days.has(last):
            total += bisect_left(self._times.times(last), stop)
        return total

    def within(self, low: int, high: int) -> list[int]:
        days = self._days.within(low // DAY, -(-high // DAY))
        walls = (day * DAY + time for day in days for time in self._times.times(day))
        return [wall for wall in walls if low <= wall < high]

    def nth(self, wall: int, number: int) -> int | None:
        """The ``number``-th wall (from 1) from ``wall`` on."""
        day, second = divmod(wall, DAY)
        if self._days.has(day):
            number += bisect_left(self._times.times(day), second)
        for first, mask in self._days.blocks(day, LAST_DAY + 1):
            here = self._times.total(first, mask)
            if number > here:
                number -= here
                continue
            for bit in ones(mask):
                times = self._times.times(first + bit)
                if number <= len(times):
                    return (first + bit) * DAY + times[number - 1]
                number -= len(times)
        return None


class SameTimes(DayTimes):
    """Walls with the same times every day."""

    __slots__ = ()

    _days: RuleDays

    def nth(self, wall: int, number: int) -> int | None:
        """The ``number``-th wall (from 1) from ``wall`` on."""
        day, second = divmod(wall, DAY)
        if self._days.has(day):
            number += bisect_left(self._times, second)
        passed, place = divmod(number - 1, len(self._times))
        found = self._days.nth(day, passed + 1)
        return None if found is None else found * DAY + self._times[place]


class PlacedTimes:
    """The times that BYSETPOS leaves on each day of a set."""

    __slots__ = ("_days", "_placed")

    def __init__(self, placed: PlacedDays, days: RuleDays) -> None:
        self._placed = placed
        self._days = days

    def times(self, day: int) -> Sequence[int]:
        """The times of a day of the set."""
        return self._placed.times_in(*self._days.place_of(day))

    def total(self, first: int, mask: int) -> int:
        return sum(len(self.times(first + bit)) for bit in ones(mask))


class Nothing:
    """No walls at all."""

    __slots__ = ()

    def count(self, low: int, high: int) -> int:
        return 0

    def within(self, low: int, high: int) -> list[int]:
        return []

    def next(self, wall: int) -> int | None:
        return None

    def prev(self, wall: int) -> int | None:
        return None

    def nth(self, wall: int, number: int) -> int | None:
        return None


class DayByDay:
    """A rule's walls taken apart: its days, and its times on each.

    ``times`` are those of every day, where ``by_day`` is None; else all that a day can have.
    """

    def __init__(self, days: RuleDays, times: Sequence[int], by_day: Times | None = None) -> None:
        self.days = days
        self.times = times
        self.by_day = by_day

    @cached_property
    def marks(self) -> bytearray:
        """For each second of a day 1 if it is one of ``times``, else 0."""
        times, marks = self.times, bytearray(DAY)
        for hour in range(0, DAY, _HOUR):
            inside = times[bisect_left(times, hour) : bisect_left(times, hour + _HOUR)]
            if len(inside) == _HOUR:
                marks[hour : hour + _HOUR] = b"\1" * _HOUR
            else:
                for time in inside:
                    marks[time] = 1
        return marks

    def walls(self) -> SameTimes | ChangingTimes | Nothing:
        if not self.times:
            return Nothing()
        if self.by_day is None:
            return SameTimes(self.days, self.times)
        return ChangingTimes(self.days, self.by_day)


class Window:
    """Walls from ``low`` to ``high``, both included. ``parts``: what they are made of."""

    __slots__ = ("_high", "_inner", "_low", "parts")

    def __init__(self, inner: Walls, low: int, high: int, parts: DayByDay) -> None:
        self._inner = inner
        self._low = low
        self._high = high
        self.parts = parts

    @property
    def first(self) -> int:
        """The wall before which there is none."""
        return self._low

    @property
    def last(self) -> int:
        """The wall beyond which there is none."""
        return self._high

    def narrowed(self, first: int, last: int) -> Window:
        """Those of its walls that lie from ``first`` to ``last``."""
        return Window(self._inner, max(self._low, first), min(self._high, last), self.parts)

    def next(self, wall: int) -> int | None:
        found = self._inner.next(max(wall, self._low - 1)) if wall < self._high else None
        return None if found is None or found > self._high else found

    def prev(self, wall: int) -> int | None:
        found = self._inner.prev(min(wall, self._high + 1)) if wall > self._low else None
        return None if found is None or found < self._low else found

    def count(self, low: int, high: int) -> int:
        low, high = max(low, self._low), min(high, self._high + 1)
        return self._inner.count(low, high) if low < high else 0

    def within(self, low: int, high: int) -> list[int]:
        low, high = max(low, self._low), min(high, self._high + 1)
        return self._inner.within(low, high) if low < high else []


def walls_of_rule(parts: RuleParts, origin: int) -> Window:
    """The walls of a rule from its DTSTART, the wall ``origin``, on; an UNTIL in UTC aside."""
    taken = _day_by_day(parts, origin)
    walls = taken.walls()
    last = (LAST_DAY + 1) * DAY - 1
    if parts.until is not None and parts.until.tzinfo is None:
        last = min(last, wall_of(parts.until))
    if parts.count is not None:
        ended = walls.nth(origin, parts.count)
        last = last if ended is None else min(last, ended)
    return Window(walls, origin, last, taken)


def without_interval(parts: RuleParts, origin: int) -> DayByDay:
    """The days and times of a sub-daily rule whose INTERVAL is left out: the same times every day."""
    return _day_by_day(replace(parts, interval=1), origin)


def meets_all(taken: RuleParts, main: RuleParts) -> bool:
    """Whether the INTERVAL of a sub-daily rule meets all units in which ``main``, with the same DTSTART, has walls.

    Then it decides nothing among the walls of ``main``, and may be left out.
    """
    unit, finer = SUB_DAILY.get(taken.freq, 0), SUB_DAILY.get(main.freq, DAY)
    return finer <= unit and not finer * main.interval % (unit * taken.interval)


def _day_by_day(parts: RuleParts, origin: int) -> DayByDay:
    day = origin // DAY
    hours, minutes, seconds = parts.by_hour, parts.by_minute, parts.by_second
    times = clock_times(
        _mask(hours, range(24)), _mask(minutes, range(60)), _mask(seconds, range(60))
    )
    if parts.by_position:
        if parts.freq in {Freq.YEARLY, Freq.MONTHLY, Freq.WEEKLY}:
            return _placed(parts, origin, times)
        times = placed_times(parts, times)
    if parts.freq in SUB_DAILY and parts.interval > 1 and times:
        unit = SUB_DAILY[parts.freq]
        rhythm = UnitRhythm(times, unit=unit, interval=parts.interval, origin=origin)
        if rhythm.cycle > 1:
            times = times if rhythm.is_possible else ()
            return DayByDay(RuleDays(parts, day, rhythm=rhythm), times, rhythm)
        times = rhythm.times(day)
    return DayByDay(RuleDays(parts, day), times)


def _placed(parts: RuleParts, origin: int, times: Sequence[int]) -> DayByDay:
    placed = PlacedDays(parts, origin // DAY, times)
    days = RuleDays(parts, origin // DAY, places=placed)
    same = placed.same_times
    if same is not None:
        return DayByDay(days, same)
    return DayByDay(days, times, PlacedTimes(placed, days))


def _mask(values: Sequence[int], everything: Sequence[int]) -> int:
    return sum(1 << value for value in set(values or everything))
