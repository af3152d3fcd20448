"""INTERVAL of a sub-daily rule: every so many hours, minutes or seconds, day by day.

With P units in a day and an interval of n, a day d has the units u < P with u = (origin - d * P) mod n. So days repeat
after q = n / gcd(n, P) of them, and of one remainder modulo gcd(n, P) all units are met in turn.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from functools import cached_property
from math import gcd
from typing import Final

from clockwright.recurrence.days import ones
from clockwright.recurrence.zones import DAY

from .days import LAST_DAY

_YEAR: Final = 374  # bits of a year and a byte
# In a longer cycle of days an interval meets so few units a year that they are counted out.
_LONGEST_CYCLE: Final = 1_000_000
_ONE: Final = ord("1")


class UnitRhythm:
    """The times that an INTERVAL of a sub-daily rule leaves of each day.

    ``times``: those the other parts admit, in seconds of the day; ``unit``: seconds of an hour, a minute or one;
    ``origin``: the wall of DTSTART.
    """

    def __init__(self, times: Sequence[int], *, unit: int, interval: int, origin: int) -> None:
        self._unit = unit
        self._interval = interval
        self._origin = origin // unit
        self._per_day = DAY // unit
        self._common = gcd(self._per_day, interval)
        self.cycle = interval // self._common
        # Every unit has the same times within.
        size = bisect_left(times, (times[0] // unit + 1) * unit)
        self._within = [time % unit for time in times[:size]]
        self._admits = bytearray(self._per_day)
        if size * self._per_day == len(times):
            self._admits = bytearray(b"\1" * self._per_day)
        else:
            for time in times[::size]:
                self._admits[time // unit] = 1
        self._known: dict[int, Sequence[int]] = {}

    def times(self, day: int) -> Sequence[int]:
        """The times of a day, in seconds from its start."""
        rest = self._rest(day)
        if rest >= self._per_day:
            return ()
        found = self._known.get(rest)
        if found is None:
            units = [u for u in range(rest, self._per_day, self._interval) if self._admits[u]]
            found = [u * self._unit + time for u in units for time in self._within]
            self._known[rest] = found
        return found

    def total(self, first: int, mask: int) -> int:
        """How many times the days of ``mask``, whose bit 0 is the day ``first``, have together."""
        if self._interval >= self._per_day:
            return mask.bit_count() * len(self._within)
        least, planes = self._planes
        total = least * mask.bit_count()
        at = first % self.cycle
        for weight, plane in planes:
            total += (plane >> at & mask).bit_count() * weight
        return total * len(self._within)

    @property
    def period(self) -> float:
        """The days from one unit that the interval meets to the next."""
        return self._interval / self._per_day

    def days(self) -> Iterable[int]:
        """The days of the calendar, from DTSTART on, on which it meets a unit."""
        units = range(self._origin, (LAST_DAY + 1) * self._per_day, self._interval)
        return (unit // self._per_day for unit in units)

    @property
    def is_possible(self) -> bool:
        """Whether any day has a time."""
        return self._rests_with_times > 0

    def narrowed(self, first: int, mask: int) -> int:
        if self._rests_with_times == self.cycle:
            return mask
        if (pattern := self._pattern) is not None:
            at = first % self.cycle
            return mask & int.from_bytes(pattern[at >> 3 : (at >> 3) + 48], "little") >> (at & 7)
        # Without a pattern a year meets a few units at most; of few days each is asked.
        if mask.bit_count() * self._interval < 366 * self._per_day:
            return sum([1 << at for at in ones(mask) if self._meets(first + at)])
        start = first * self._per_day + self._rest(first)
        units = range(start, (first + 366) * self._per_day, self._interval)
        admits, per_day = self._admits, self._per_day
        return mask & sum([1 << u // per_day - first for u in units if admits[u % per_day]])

    def _meets(self, day: int) -> bool:
        # An interval of more than a day meets one unit of a day at most.
        rest = (self._origin - day * self._per_day) % self._interval
        return rest < self._per_day and bool(self._admits[rest])

    def _rest(self, day: int) -> int:
        # The first unit that the interval meets, counted from the start of the day.
        return (self._origin - day * self._per_day) % self._interval

    @cached_property
    def _folded(self) -> bytes:
        # For each rest whether a unit is met from there on that the other parts admit.
        rows = range(0, self._per_day, min(self._interval, self._per_day))
        folded = 0
        for at in rows:
            folded |= int.from_bytes(self._admits[at : at + rows.step], "little")
        return folded.to_bytes(rows.step, "little")

    @cached_property
    def _rests_with_times(self) -> int:
        return self._folded[self._origin % self._common :: self._common].count(1)

    @cached_property
    def _pattern(self) -> bytes | None:
        # A bit for each day of a cycle (day 0 is 1970-01-01), and a year's worth of the next.
        cycle, common = self.cycle, self._common
        if cycle > _LONGEST_CYCLE:
            return None
        # Of two rests that are ``common`` apart the days are one step apart, around the cycle.
        step = pow(self._per_day // common, -1, cycle)
        first = self._origin % common
        start = (self._origin - first) // common * step
        digits = bytearray(b"0" * cycle)
        for at, has_time in enumerate(self._folded[first::common]):
            if has_time:
                digits[(start - at * step) % cycle] = _ONE
        digits *= 1 + -(-_YEAR // cycle)
        return int(digits[::-1], 2).to_bytes((len(digits) >> 3) + 48, "little")

    @cached_property
    def _planes(self) -> tuple[int, list[tuple[int, int]]]:
        # How many units each day of a cycle has: the least, and the rest in binary, a bit for each day in each plane.
        counts = [sum(self._admits[self._rest(day) :: self._interval]) for day in range(self.cycle)]
        least = min(counts)
        over = [count - least for count in counts] * (1 + -(-_YEAR // self.cycle))
        planes = []
        for power in range(max(over).bit_length()):
            digits = "".join("1" if count >> power & 1 else "0" for count in reversed(over))
            planes.append((1 << power, int(digits, 2)))
        return least, planes
