"""Walls: the matching wall times of a rule, as a set of integers asked in order.

Most rules are the same times on every day of a set of days: `DayTimes`.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

from .days import ALL_WEEKS, CalendarDays, Days, DayTerms, bits
from .zones import DAY

_HOUR: Final = 3_600
_ALL_HOURS: Final = (1 << 24) - 1
_ALL_SIXTY: Final = (1 << 60) - 1
# Every n-th of the sixty, as a mask: where it begins, and the step.
_EVEN: Final = {
    sum(1 << value for value in range(first, 60, step)): (first, step)
    for step in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60)
    for first in range(step)
}


class Walls(Protocol):
    """The matching wall times of a rule: a set of integers, asked in order."""

    def next(self, wall: int) -> int | None:
        """The first matching wall after ``wall``."""

    def prev(self, wall: int) -> int | None:
        """The last matching wall before ``wall``."""

    def count(self, low: int, high: int) -> int:
        """How many match in ``[low, high)``."""

    def within(self, low: int, high: int) -> list[int]:
        """Those in ``[low, high)``, ascending."""


def walk(walls: Walls, low: int, high: int) -> list[int]:
    """``within`` of a set that has no shorter way: one after the other."""
    found: list[int] = []
    wall = walls.next(low - 1)
    while wall is not None and wall < high:
        found.append(wall)
        wall = walls.next(wall)
    return found


class WallList:
    """Walls as a sorted list."""

    __slots__ = ("_walls",)

    def __init__(self, walls: Sequence[int]) -> None:
        self._walls = walls

    def next(self, wall: int) -> int | None:
        """The first after ``wall``."""
        at = bisect_right(self._walls, wall)
        return self._walls[at] if at < len(self._walls) else None

    def prev(self, wall: int) -> int | None:
        """The last before ``wall``."""
        at = bisect_left(self._walls, wall)
        return self._walls[at - 1] if at else None

    def count(self, low: int, high: int) -> int:
        """How many lie in ``[low, high)``."""
        return len(self.within(low, high))

    def within(self, low: int, high: int) -> list[int]:
        """Those in ``[low, high)``."""
        return list(self._walls[bisect_left(self._walls, low) : bisect_left(self._walls, high)])


def _rhythm(minutes: int, seconds: int) -> range | None:
    # An even step through the whole day needs no list.
    if minutes in _EVEN and seconds.bit_count() == 1:
        first, step = _EVEN[minutes]
        return range(first * 60 + seconds.bit_length() - 1, DAY, step * 60)
    if minutes == _ALL_SIXTY and seconds in _EVEN:
        first, step = _EVEN[seconds]
        return range(first, DAY, step)
    return None


@lru_cache(maxsize=512)
def clock_times(hours: int, minutes: int, seconds: int) -> Sequence[int]:
    """The seconds of the day that three masks admit, ascending; built once for all rules that share them."""
    if not (hours & (hours - 1) or minutes & (minutes - 1) or seconds & (seconds - 1)):
        hour, minute, second = (mask.bit_length() - 1 for mask in (hours, minutes, seconds))
        return (hour * _HOUR + minute * 60 + second,)  # once a day, as most rules are
    if hours == _ALL_HOURS and (rhythm := _rhythm(minutes, seconds)):
        return rhythm
    in_hour = [m * 60 + s for m in bits(minutes) for s in bits(seconds)]
    times = [h * _HOUR + t for h in bits(hours) for t in in_hour]
    # Four bytes each where there are many: every second of the day is 86,400.
    return tuple(times) if len(times) <= 1_440 else array("I", times)


class DayTimes:
    """Walls: the same times on every day of a set. ``times`` are sorted seconds of the day, not empty."""

    __slots__ = ("_days", "_first", "_last", "_times")

    def __init__(self, days: Days, times: Sequence[int]) -> None:
        self._days = days
        self._times = times
        self._first = times[0]
        self._last = times[-1]

    @property
    def per_day(self) -> int:
        """How many there are on each day of the set."""
        return len(self._times)

    def next(self, wall: int) -> int | None:
        day, second = divmod(wall, DAY)
        if second < self._last and self._days.has(day):
            return wall - second + self._times[bisect_right(self._times, second)]
        found = self._days.next(day)
        return None if found is None else found * DAY + self._first

    def prev(self, wall: int) -> int | None:
        day, second = divmod(wall, DAY)
        if second > self._first and self._days.has(day):
            return wall - second + self._times[bisect_left(self._times, second) - 1]
        found = self._days.prev(day)
        return None if found is None else found * DAY + self._last

    def count(self, low: int, high: int) -> int:
        if low >= high:
            return 0
        (first, start), (last, stop) = divmod(low, DAY), divmod(high, DAY)
        whole = self._days.count(first, last) * len(self._times)
        if self._days.has(first):
            whole -= bisect_left(self._times, start)
        if stop and self._days.has(last):
            whole += bisect_left(self._times, stop)
        return whole

    def within(self, low: int, high: int) -> list[int]:
        if low >= high:
            return []
        first, last = low // DAY, (high - 1) // DAY
        times = self._times
        if first == last:
            if not self._days.has(first):
                return []
            start = first * DAY
            inside = times[bisect_left(times, low - start) : bisect_left(times, high - start)]
            return [start + time for time in inside]
        days = self._days.within(first, last + 1)
        if len(times) == 1:
            time = times[0]
            found = [day * DAY + time for day in days]
        else:
            found = [start + time for start in [day * DAY for day in days] for time in times]
        # Only the first and the last day can hold walls outside.
        if found and found[-1] >= high:
            del found[bisect_left(found, high) :]
        if found and found[0] < low:
            del found[: bisect_left(found, low)]
        return found


class Parts(NamedTuple):
    """A calendar rule as masks: what a cron line or its keyword form says."""

    seconds: int
    minutes: int
    hours: int
    left: DayTerms  # the day-of-month field, or ``day``
    right: DayTerms  # the day-of-week field
    either: bool
    months: int  # bit m for month m
    years: int | None  # bit y for year y
    is_wildcard: bool
    weeks: int = ALL_WEEKS  # bit w for ISO week w


def walls_of(parts: Parts) -> DayTimes:
    """The matching walls of a calendar rule."""
    days = CalendarDays(
        parts.months >> 1,
        parts.left,
        parts.right,
        either=parts.either,
        years=parts.years,
        weeks=parts.weeks,
    )
    return DayTimes(days, clock_times(parts.hours, parts.minutes, parts.seconds))
