"""Wall times moved from closed days to open ones: a set of walls, asked in order."""

from __future__ import annotations

from collections.abc import Iterator

from clockwright.recurrence.base import Recurrence
from clockwright.recurrence.interval import Interval
from clockwright.recurrence.search import Fuel, seek, seek_back
from clockwright.recurrence.wallrule import WallRule
from clockwright.recurrence.zones import DAY, FIRST_SECOND, LAST_SECOND

from .local_days import LocalDays, Part

_REACH = 2 * DAY
_FURTHEST = 370  # days; no time is moved further, as every 52 weeks have an open day


class Moved:
    """The times of day of a rule on closed days, each on the next (or the previous) open day.

    Of the open days only those in ``reach`` (first and last wall) are looked at, or else those within two years of where
    one asks. A dense rule costs no more than a rare
    one: each closed day is asked for its first time of day after another.
    """

    __slots__ = ("_days", "_fuel", "_is_next", "_reach", "_rule", "per_day")

    def __init__(
        self,
        rule: Recurrence,
        days: LocalDays,
        *,
        is_next: bool,
        fuel: Fuel | None,
        reach: tuple[int, int] | None,
    ) -> None:
        self._rule = rule
        self._days = days
        self._is_next = is_next
        self._fuel = fuel
        self._reach = reach
        self.per_day = _per_day(rule, days.tz)

    def target_of(self, day: int) -> int | None:
        """The open day that a day's times belong to: itself, or that which they are moved to."""
        days = self._days.days
        if days.has(day):
            return day
        return days.next(day) if self._is_next else days.prev(day)

    def sources_of(self, target: int) -> range:
        """The closed days whose times are moved to an open day."""
        if self._is_next:
            before = self._days.days.prev(target)
            return range(target if before is None else before + 1, target)
        after = self._days.days.next(target)
        return range(target + 1, target + 1 if after is None else after)

    def has(self, day: int, time: int) -> bool:
        """Whether the rule fires at a time of a day."""
        return self._time_after(day, time - 1) == time

    def next(self, wall: int) -> int | None:
        """The first after ``wall``."""
        last = wall // DAY + 2 * _FURTHEST if self._reach is None else self._reach[1] // DAY
        return self._next(wall, last)

    def _next(self, wall: int, last: int) -> int | None:
        fuel = self._fuel or Fuel()
        target, time = self._entered(wall, forward=True)
        while target is not None and target <= last:
            times = [self._time_after(day, time) for day in self.sources_of(target)]
            found = min((time for time in times if time is not None), default=None)
            if found is not None:
                return target * DAY + found
            if not fuel.burn():
                return None
            target, time = self._target_after(target, last + _FURTHEST, fuel), -1
        return None

    def prev(self, wall: int) -> int | None:
        """The last before ``wall``."""
        fuel = self._fuel or Fuel()
        target, time = self._entered(wall, forward=False)
        first = wall // DAY - 2 * _FURTHEST if self._reach is None else self._reach[0] // DAY
        while target is not None and target >= first:
            times = [self._time_before(day, time) for day in self.sources_of(target)]
            found = max((time for time in times if time is not None), default=None)
            if found is not None:
                return target * DAY + found
            if not fuel.burn():
                return None
            target, time = self._target_before(target, first - _FURTHEST, fuel), DAY
        return None

    def count(self, low: int, high: int) -> int:
        """How many lie in ``[low, high)``."""
        return len(self.within(low, high))

    def within(self, low: int, high: int) -> list[int]:
        """Those in ``[low, high)``."""
        found: list[int] = []
        for target in self.targets(low, high):
            start = target * DAY
            times = self._times_on(target, max(low - start, 0), min(high - start, DAY))
            found += [start + time for time in times]
        return found

    def targets(self, low: int, high: int) -> Iterator[int]:
        """The open days to which something in ``[low, high)`` is moved."""
        last = (high - 1) // DAY
        wall = self._next(low - 1, last)
        while wall is not None:
            yield wall // DAY
            wall = self._next(wall // DAY * DAY + DAY - 1, last)

    def full_part(self, day: int) -> Part | None:
        """A day's one span of instants, if the rule fires then at all the times of its days, or not at all."""
        if not self.per_day:
            return None
        part = self._days.steady_part(day)
        if part and self._rule.count_seconds(part.start, part.end) in {0, self.per_day}:
            return part
        return None

    def _times_on(self, target: int, low: int, high: int) -> list[int]:
        # The times of a day in ``[low, high)`` that are moved to it. Days that are alike are listed once.
        found: set[int] = set()
        is_full = False
        for day in self.sources_of(target):
            if part := self.full_part(day):
                if is_full or not self._rule.count_seconds(part.start, part.end):
                    continue
                is_full = True
            for start, end, offset in self._days.parts_of(day):
                midnight = day * DAY - offset
                first, after = max(start, midnight + low), min(end, midnight + high)
                found.update(s - midnight for s in self._rule.seconds_within(first, after))
        return sorted(found)

    def _entered(self, wall: int, *, forward: bool) -> tuple[int | None, int]:
        # The open day, and the time of it, from which to go on.
        day, time = divmod(wall, DAY)
        if self._days.days.has(day):
            return day, time
        return (self._days.days.next(day), -1) if forward else (self._days.days.prev(day), DAY)

    def _time_after(self, day: int, time: int) -> int | None:
        # The first time of a day after ``time`` at which the rule fires.
        best = None
        for start, end, offset in self._days.parts_of(day):
            midnight = day * DAY - offset
            found = seek(
                self._rule, max(start, midnight + time + 1) - 1, end - 1, self._fuel or Fuel()
            )
            if found is not None and (best is None or found - midnight < best):
                best = found - midnight
        return best

    def _time_before(self, day: int, time: int) -> int | None:
        best = None
        for start, end, offset in self._days.parts_of(day):
            midnight = day * DAY - offset
            found = seek_back(self._rule, min(end, midnight + time), start, self._fuel or Fuel())
            if found is not None and (best is None or found - midnight > best):
                best = found - midnight
        return best

    def _target_after(self, target: int, last: int, fuel: Fuel) -> int | None:
        # The next open day to which something may be moved: by way of closed days, and of the next fire time.
        days = self._days.days
        base = target if self._is_next else days.next(target)
        closed = None if base is None else days.next_closed(base, last)
        if closed is None or closed > last:
            return None
        found = seek(self._rule, max(closed * DAY - _REACH, FIRST_SECOND), LAST_SECOND, fuel)
        if found is None:
            return None
        # A day before, since the clock may show the end of a day once more after midnight.
        day = max(closed, self._days.wall_of(found) // DAY - 1)
        return self.target_of(days.next_closed(day - 1, day + _FURTHEST))

    def _target_before(self, target: int, first: int, fuel: Fuel) -> int | None:
        days = self._days.days
        base = days.prev(target) if self._is_next else target
        closed = None if base is None else days.prev_closed(base, first)
        if closed is None or closed < first:
            return None
        found = seek_back(
            self._rule, min(closed * DAY + DAY + _REACH, LAST_SECOND), FIRST_SECOND, fuel
        )
        if found is None:
            return None
        day = min(closed, self._days.wall_of(found) // DAY + 1)
        return self.target_of(days.prev_closed(day + 1, day - _FURTHEST))


def _per_day(rule: Recurrence, tz: str) -> int | None:
    # How many times a rule has that fires at the same times on each of its days, but for clock changes.
    if isinstance(rule, Interval):
        seconds = int(rule.period.total_seconds())
        return None if DAY % seconds else DAY // seconds
    if isinstance(rule, WallRule) and rule.tz == tz:
        return rule._walls.per_day  # noqa: SLF001 - what a rule shares with this room
    return None
