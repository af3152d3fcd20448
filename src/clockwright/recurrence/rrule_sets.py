"""Recurrence rules (RFC 5545) as sets of walls: days with times, INTERVAL, BYSETPOS and COUNT."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from calendar import isleap, monthrange
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from math import gcd
from typing import Final

from .days import DayTimes, clock_times
from .rrule_days import CYCLE_DAYS, LAST_DAY, PERIODS, RuleDays
from .rrule_text import SUB_DAILY, Freq, RuleParts
from .timeline import Walls
from .zones import DAY, EPOCH_ORDINAL, wall_of

_FEW: Final = 1_000  # a COUNT up to here is walked


class AlignedWalls:
    """Walls of a sub-daily rule with INTERVAL > 1: the times of a day depend on the day."""

    __slots__ = ("_by_rest", "_days", "_horizon", "_interval", "_origin", "_per_day", "_reachable")

    def __init__(
        self, days: RuleDays, times: Sequence[int], *, unit: int, interval: int, origin: int
    ) -> None:
        self._days = days
        self._interval = interval
        self._origin = origin // unit
        self._per_day = DAY // unit
        self._by_rest: dict[int, list[int]] = {}
        for time in times:
            self._by_rest.setdefault(time // unit % interval, []).append(time)
        periods = CYCLE_DAYS * self._per_day
        self._horizon = CYCLE_DAYS * (interval // gcd(interval, periods))
        # Days move the rest by a multiple of this; a rest that none reaches proves emptiness.
        common = gcd(self._per_day, interval)
        self._reachable = any(rest % common == self._origin % common for rest in self._by_rest)

    def _times(self, day: int) -> Sequence[int]:
        return self._by_rest.get((self._origin - day * self._per_day) % self._interval, ())

    def next(self, wall: int) -> int | None:
        day, second = divmod(wall, DAY)
        times = self._times(day)
        if times and second < times[-1] and self._days.has(day):
            return wall - second + times[bisect_right(times, second)]
        return self._search(self._days.next, day, first=True)

    def prev(self, wall: int) -> int | None:
        day, second = divmod(wall, DAY)
        times = self._times(day)
        if times and second > times[0] and self._days.has(day):
            return wall - second + times[bisect_left(times, second) - 1]
        return self._search(self._days.prev, day, first=False)

    def _search(self, step: Callable[[int], int | None], day: int, *, first: bool) -> int | None:
        found = step(day) if self._reachable else None
        while found is not None and abs(found - day) <= self._horizon:
            if times := self._times(found):
                return found * DAY + times[0 if first else -1]
            found = step(found)
        return None

    def count(self, low: int, high: int) -> int:
        (first, start), (last, stop) = divmod(low, DAY), divmod(high, DAY)
        total = sum(len(self._times(day)) for day in self._days.within(first, last))
        if self._days.has(first):
            total -= bisect_left(self._times(first), start)
        if stop and self._days.has(last):
            total += bisect_left(self._times(last), stop)
        return total


def count_by_walking(walls: Walls, low: int, high: int) -> int:
    """How many walls lie in ``[low, high)``, where there is no shorter way."""
    total, wall = 0, walls.next(low - 1)
    while wall is not None and wall < high:
        total, wall = total + 1, walls.next(wall)
    return total


class PositionedWalls:
    """BYSETPOS: of the walls of each period, some by their place from the start or the end."""

    __slots__ = ("_days", "_inner", "_parts", "_patience", "_times")

    def __init__(
        self, inner: Walls, days: RuleDays, times: Sequence[int], parts: RuleParts
    ) -> None:
        self._inner = inner
        self._days = days
        self._times = times
        self._parts = parts
        # So many periods are looked at; none where no period can be large enough.
        largest = _most_days(parts) * len(times)
        is_possible = any(abs(place) <= largest for place in parts.by_position)
        self._patience = PERIODS.get(parts.freq, CYCLE_DAYS) if is_possible else 0

    def next(self, wall: int) -> int | None:
        for low, high in self._periods(wall):
            for chosen in self._chosen(low, high):
                if chosen > wall:
                    return chosen
        return None

    def prev(self, wall: int) -> int | None:
        found = self._inner.prev(wall)
        for _ in range(self._patience):
            if found is None:
                return None
            low, high = self._period(found)
            for chosen in reversed(self._chosen(low, high)):
                if chosen < wall:
                    return chosen
            found = self._inner.prev(low)
        return None

    def count(self, low: int, high: int) -> int:
        return count_by_walking(self, low, high)

    def _periods(self, wall: int) -> Iterator[tuple[int, int]]:
        # The period around ``wall`` and those after it that hold anything.
        if not self._patience:
            return
        low, high = self._period(wall)
        yield low, high
        for _ in range(self._patience):
            found = self._inner.next(high - 1)
            if found is None:
                return
            low, high = self._period(found)
            yield low, high

    def _period(self, wall: int) -> tuple[int, int]:
        freq = self._parts.freq
        if freq in SUB_DAILY:
            low = wall // SUB_DAILY[freq] * SUB_DAILY[freq]
            return low, low + SUB_DAILY[freq]
        day = min(wall // DAY, LAST_DAY)
        found = date.fromordinal(day + EPOCH_ORDINAL)
        if freq is Freq.DAILY:
            first, length = day, 1
        elif freq is Freq.WEEKLY:
            first, length = day - (day + 4 - self._parts.week_start) % 7, 7
        elif freq is Freq.MONTHLY:
            first, length = day - found.day + 1, monthrange(found.year, found.month)[1]
        else:
            first = date(found.year, 1, 1).toordinal() - EPOCH_ORDINAL
            length = 365 + isleap(found.year)
        return first * DAY, (first + length) * DAY

    def _chosen(self, low: int, high: int) -> list[int]:
        # By arithmetic on places: a year of every second is not laid out.
        first, start = divmod(low, DAY)
        if self._parts.freq in SUB_DAILY:
            if not self._is_aligned(low):
                return []
            days = [first] if self._days.has(first) else []
            stop = start + high - low
            times = self._times[bisect_left(self._times, start) : bisect_left(self._times, stop)]
        else:
            days, times = self._days.within(first, high // DAY), self._times
        size = len(days) * len(times)
        places = {p - 1 if p > 0 else size + p for p in self._parts.by_position}
        return [
            days[place // len(times)] * DAY + times[place % len(times)]
            for place in sorted(places)
            if 0 <= place < size
        ]

    def _is_aligned(self, low: int) -> bool:
        # Inside an hour (minute, second) the inner walls are all there or not at all.
        found = self._inner.next(low - 1)
        return found is not None and found < low + SUB_DAILY[self._parts.freq]


def _most_days(parts: RuleParts) -> int:
    # No period has more matching days than this.
    if parts.freq is Freq.DAILY or parts.freq in SUB_DAILY:
        return 1
    if parts.freq is Freq.WEEKLY:
        return len(parts.by_day or range(7))
    months = 1 if parts.freq is Freq.MONTHLY else len(parts.by_month) or 12
    most = 31 * months
    if parts.by_month_day:
        most = min(most, len(parts.by_month_day) * months)
    if parts.by_year_day:
        most = min(most, len(parts.by_year_day))
    if parts.by_day or parts.by_nth_day:
        most = min(most, (len(parts.by_day) * 5 + len(parts.by_nth_day)) * months)
    return most


class Window:
    """Walls from ``low`` to ``high``, both included."""

    __slots__ = ("_high", "_inner", "_low")

    def __init__(self, inner: Walls, low: int, high: int) -> None:
        self._inner = inner
        self._low = low
        self._high = high

    def next(self, wall: int) -> int | None:
        found = self._inner.next(max(wall, self._low - 1)) if wall < self._high else None
        return None if found is None or found > self._high else found

    def prev(self, wall: int) -> int | None:
        found = self._inner.prev(min(wall, self._high + 1)) if wall > self._low else None
        return None if found is None or found < self._low else found

    def count(self, low: int, high: int) -> int:
        low, high = max(low, self._low), min(high, self._high + 1)
        return self._inner.count(low, high) if low < high else 0


def walls_of_rule(parts: RuleParts, origin: int) -> Walls:
    """The walls of a rule from its DTSTART, the wall ``origin``, on; an UNTIL in UTC aside."""
    days = RuleDays(parts, origin // DAY)
    hours, minutes, seconds = parts.by_hour, parts.by_minute, parts.by_second
    times = clock_times(
        _mask(hours, range(24)), _mask(minutes, range(60)), _mask(seconds, range(60))
    )
    inner: Walls = DayTimes(days, times)
    if parts.freq in SUB_DAILY and parts.interval > 1:
        unit = SUB_DAILY[parts.freq]
        inner = AlignedWalls(days, times, unit=unit, interval=parts.interval, origin=origin)
    if parts.by_position:
        inner = PositionedWalls(inner, days, times, parts)
    last = (LAST_DAY + 1) * DAY - 1
    if parts.until is not None and parts.until.tzinfo is None:
        last = min(last, wall_of(parts.until))
    if parts.count is not None:
        last = _last_of(inner, origin, parts.count, last)
    return Window(inner, origin, last)


def _mask(values: Sequence[int], everything: Sequence[int]) -> int:
    return sum(1 << value for value in set(values or everything))


def _last_of(walls: Walls, origin: int, count: int, last: int) -> int:
    # The count-th wall from ``origin`` on, or ``last`` if there are not so many.
    if count <= _FEW:
        wall = origin - 1
        for _ in range(count):
            found = walls.next(wall)
            if found is None:
                return last
            wall = found
        return wall
    # Leaps of doubling length first, then halves: even a million is found in few questions.
    low, span, left = origin, 366 * DAY, count
    while (here := walls.count(low, low + span)) < left:
        low, span, left = low + span, span * 2, left - here
        if low > last:
            return last
    while span > 1:
        half = span // 2
        here = walls.count(low, low + half)
        if here >= left:
            span = half
        else:
            low, span, left = low + half, span - half, left - here
    return low
