"""EXRULE: the walls of a rule without those of others.

Year by year the days are sorted by which of the other rules have them; what those leave of the day's times is found
once for each combination. So whole years that are removed pass in a few operations on masks.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from datetime import date
from math import lcm
from typing import Final, NamedTuple

from clockwright.recurrence.days import ones
from clockwright.recurrence.zones import DAY, EPOCH_ORDINAL

from .days import LAST_DAY
from .sets import DayByDay, Window

SEARCH_LIMIT: Final = 1_500
"""So many steps (a year, the days of another rule in it, 500 times of a day compared) a search takes; then there
is nothing. Only rules that remove all of each other for centuries, and not for ever, come near it."""

_COMPARED: Final = 500  # times of a day, in one step
_FEW: Final = 64  # times of a day, found faster one by one
_FOR_EVER: Final = (LAST_DAY + 1) * DAY - 1


class Removed(NamedTuple):
    """A rule to subtract: its days and times up to the wall ``last``."""

    parts: DayByDay
    last: int

    @property
    def partial(self) -> int:
        """The day from which on it has not all of its times any more."""
        return (self.last + 1) // DAY

    def days(self, first: int, end: int) -> int:
        """The days in ``[first, end)``, of one year, as a mask."""
        end = min(end, self.last // DAY + 1)
        for start, mask in self.parts.days.blocks(first, end):
            return mask >> (first - start)
        return 0

    def times(self, day: int) -> Sequence[int]:
        times = self.parts.by_day.times(day) if self.parts.by_day else self.parts.times
        if day < self.partial:
            return times
        return times[: bisect_right(times, self.last % DAY)]


class RemainingWalls:
    """The walls of a rule that other rules with the same DTSTART leave."""

    __slots__ = (
        "_all",
        "_horizon",
        "_left",
        "_main",
        "_minus",
        "_nothing",
        "_steps",
        "_window",
        "_year",
    )

    def __init__(self, window: Window, minus: Sequence[Removed]) -> None:
        self._window = window
        self._main = window.parts
        self._minus = tuple(rule for rule in minus if rule.parts.times)
        self._left: dict[int, Sequence[int]] = {}
        self._all: dict[int, bool] = {}
        self._nothing: bool | None = None
        self._steps = 0
        self._year: tuple[int | None, int] = (
            None,
            0,
        )  # the hopeful days of the year last looked at
        # All together repeat after so many years, once the rules that end have ended.
        self._horizon = lcm(self._main.days.horizon, *(rule.parts.days.horizon for rule in minus))

    def next(self, wall: int) -> int | None:
        wall = max(wall, self._window.first - 1)
        for day, times in self._days_on(wall // DAY):
            walls = [day * DAY + time for time in (times[0], times[-1])]
            if walls[1] > wall:
                found = (
                    walls[0]
                    if walls[0] > wall
                    else day * DAY + times[bisect_right(times, wall % DAY)]
                )
                return found if found <= self._window.last else None
        return None

    def prev(self, wall: int) -> int | None:
        wall = min(wall, self._window.last + 1)
        for day, times in self._days_back(wall // DAY):
            walls = [day * DAY + time for time in (times[0], times[-1])]
            if walls[0] < wall:
                found = (
                    walls[1]
                    if walls[1] < wall
                    else day * DAY + times[bisect_left(times, wall % DAY) - 1]
                )
                return found if found >= self._window.first else None
        return None

    def count(self, low: int, high: int) -> int:
        low, high = max(low, self._window.first), min(high, self._window.last + 1)
        if low >= high:
            return 0
        total = 0
        first, last = low // DAY, (high - 1) // DAY
        for day in {first, last}:
            total += sum(1 for time in self.times(day) if low <= day * DAY + time < high)
        for start, mask in self._main.days.blocks(first + 1, last):
            for active, days in self._sorted(start, mask).items():
                if self._is_simple(active, start, days):
                    total += (
                        0 if self._is_all(active) else days.bit_count() * len(self._rest(active))
                    )
                else:
                    total += sum(len(self.times(start + bit)) for bit in ones(days))
        return total

    def within(self, low: int, high: int) -> list[int]:
        low, high = max(low, self._window.first), min(high, self._window.last + 1)
        days = self._main.days.within(low // DAY, -(-high // DAY))
        walls = (day * DAY + time for day in days for time in self.times(day))
        return [wall for wall in walls if low <= wall < high]

    def times(self, day: int) -> Sequence[int]:
        """What is left of the times of a day; its part outside of the window too."""
        if not self._main.days.has(day):
            return ()
        active, changing = 0, []
        for index, rule in enumerate(self._minus):
            if day <= rule.last // DAY and rule.parts.days.has(day):
                if rule.parts.by_day is None and day < rule.partial:
                    active |= 1 << index
                else:
                    changing.append(rule.times(day))
        if self._main.by_day is None:
            left = self._rest(active)
        else:
            left = self._main.by_day.times(day)
            changing += [parts.times for parts in self._gone(active)]
        for times in changing:
            self._steps += (len(left) + len(times)) // _COMPARED
            left = _without(left, times)
        return left

    def _days_on(self, day: int) -> Iterator[tuple[int, Sequence[int]]]:
        # The days from ``day`` on of which something is left, with what is left.
        if self._is_nothing_left():
            return
        self._steps = 0
        ends = [rule.last // DAY for rule in self._minus if rule.last < _FOR_EVER]
        last = max(day, *ends, day) + 366 * (self._horizon + 1)
        for start, mask in self._main.days.blocks(day, min(last, self._window.last // DAY) + 1):
            rest = self._hopeful(start, mask)
            while rest:
                bit = (rest & -rest).bit_length() - 1
                rest &= rest - 1
                if times := self.times(start + bit):
                    yield start + bit, times
                if self._is_enough():
                    return
            if self._is_enough():
                return

    def _is_enough(self) -> bool:
        self._steps += 1
        return self._steps > SEARCH_LIMIT

    def _days_back(self, day: int) -> Iterator[tuple[int, Sequence[int]]]:
        if self._is_nothing_left():
            return
        self._steps = 0
        # Before DTSTART there is nothing, and before a whole period in which all rules hold nothing new.
        ends = [rule.last // DAY for rule in self._minus]
        origin = max(self._window.first // DAY, min(day, *ends, day) - 366 * (self._horizon + 1))
        for year in range(_year_of(day), _year_of(origin) - 1, -1):
            start = date(year, 1, 1).toordinal() - EPOCH_ORDINAL
            for first, mask in self._main.days.blocks(
                max(start, origin), min(start + 366, day + 1)
            ):
                rest = self._hopeful(first, mask)
                while rest:
                    bit = rest.bit_length() - 1
                    rest ^= 1 << bit
                    if times := self.times(first + bit):
                        yield first + bit, times
                    if self._is_enough():
                        return
            if self._is_enough():
                return

    def _is_nothing_left(self) -> bool:
        # Whether one rule takes all times of every day, for ever: known without looking at any year.
        if self._nothing is None:
            self._nothing = any(
                rule.last >= _FOR_EVER
                and rule.parts.by_day is None
                and rule.parts.days.is_every_day
                and self._is_all(1 << index)
                for index, rule in enumerate(self._minus)
            )
        return self._nothing

    def _hopeful(self, start: int, mask: int) -> int:
        # The days of which something may be left.
        known, hopeful = self._year
        if known != start:
            full = self._main.days.year(_year_of(start))[2]
            groups = self._sorted(start, full)
            hopeful = sum(days for active, days in groups.items() if not self._is_all(active))
            self._year = start, hopeful
        return hopeful & mask

    def _sorted(self, start: int, mask: int) -> dict[int, int]:
        # The days of ``mask`` by the rules (bits) that certainly take the same times from each of them.
        groups = {0: mask}
        for index, rule in enumerate(self._minus):
            if rule.parts.by_day is not None or rule.partial <= start:
                continue
            taken = rule.days(start, min(start + mask.bit_length(), rule.partial))
            self._steps += len(groups)
            if not taken & mask:
                continue
            split: dict[int, int] = {}
            for active, days in groups.items():
                if outside := days & ~taken:
                    split[active] = outside
                if (inside := days & taken) and not self._is_all(active):
                    split[active | 1 << index] = inside
            groups = split
        return groups

    def _is_simple(self, active: int, start: int, days: int) -> bool:
        # Whether these rules alone decide what is left of each of the days.
        if self._main.by_day is not None:
            return self._is_all(active)
        end = start + days.bit_length()
        return not any(
            not active >> index & 1
            and (rule.parts.by_day is not None or rule.partial < end)
            and rule.days(start, end) & days
            for index, rule in enumerate(self._minus)
        )

    def _is_all(self, active: int) -> bool:
        # Whether these rules leave nothing of all times of the main one.
        known = self._all.get(active)
        if known is None:
            gone = [parts.times for parts in self._gone(active)]
            known = any(len(times) == DAY for times in gone)
            if not known:
                # A few from all over the day mostly tell.
                some = self._main.times[:: max(1, len(self._main.times) // _FEW)]
                known = not any(self._survives(time, gone) for time in some)
                known = known and not self._rest(active)
            self._all[active] = known
        return known

    @staticmethod
    def _survives(time: int, gone: Sequence[Sequence[int]]) -> bool:
        return not any(_has(times, time) for times in gone)

    def _rest(self, active: int) -> Sequence[int]:
        # What these rules leave of all times of the main one; each of them has the same times every day.
        known = self._left.get(active)
        if known is None:
            known = self._main.times
            for parts in self._gone(active):
                if len(known) < _FEW:
                    known = _without(known, parts.times)
                else:
                    marks = parts.marks
                    known = [time for time in known if not marks[time]]
            self._left[active] = known
        return known

    def _gone(self, active: int) -> list[DayByDay]:
        return [rule.parts for at, rule in enumerate(self._minus) if active >> at & 1]


def _without(times: Sequence[int], gone: Sequence[int]) -> Sequence[int]:
    if len(gone) == DAY:
        return ()
    if len(times) < _FEW:
        return [time for time in times if not _has(gone, time)]
    lost = set(gone)
    return [time for time in times if time not in lost]


def _has(times: Sequence[int], time: int) -> bool:
    at = bisect_left(times, time)
    return at < len(times) and times[at] == time


def _year_of(day: int) -> int:
    return date.fromordinal(min(max(day + EPOCH_ORDINAL, 1), date.max.toordinal())).year
