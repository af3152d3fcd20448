"""Open days on the time line of a zone, and the fire times of a rule that fall on them.

A day of a zone need not be one span of instants: a clock set back over midnight shows the end of a day twice, with the
beginning of the next in between. So time is cut into stretches of one offset, and days are cut out of each.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from clockwright.recurrence.base import Recurrence
from clockwright.recurrence.policy import Fold, Gap
from clockwright.recurrence.search import Fuel, seek, seek_back
from clockwright.recurrence.timeline import Stretch, timeline
from clockwright.recurrence.zones import DAY, FIRST_SECOND, LAST_SECOND

from .open_days import OpenDays

# No offset is further from UTC, so that a local day lies within so much of its place in UTC.
_REACH: Final = 2 * DAY
# What has been refused so often, over so many years, is refused for ever: no date meets a weekday more rarely than every
# 40 years, and what fires more rarely than once a year meets each weekday in fewer times.
_AGES: Final = 60 * 366 * DAY
_OFTEN: Final = 60


class Part(NamedTuple):
    """Instants ``[start, end)`` of one offset: wall = instant + offset."""

    start: int
    end: int
    offset: int


class LocalDays:
    """The open days of a zone, as instants."""

    __slots__ = ("_line", "_stretch", "days", "tz")

    def __init__(self, tz: str, days: OpenDays) -> None:
        self.tz = tz
        self.days = days
        # Under this policy every instant is in a plain stretch: there are neither holes nor special ones.
        self._line = timeline(tz, Gap.SKIP, Fold.BOTH)
        self._stretch = Stretch(0, 0, 0)

    def wall_of(self, second: int) -> int:
        """The wall that the clock shows at an instant."""
        return second + self._at(second).offset

    def is_open(self, second: int) -> bool:
        """Whether the local day of an instant is open."""
        return self.days.has(self.wall_of(second) // DAY)

    def opens_after(self, second: int) -> int | None:
        """The first instant from ``second`` on whose local day is open."""
        while second <= LAST_SECOND:
            stretch = self._at(second)
            day = (second + stretch.offset) // DAY
            if self.days.has(day):
                return second
            found = self.days.next(day)
            if found is None:
                return None
            start = found * DAY - stretch.offset
            second = min(start, stretch.end)
        return None

    def closes_after(self, second: int, limit: int) -> int:
        """The first instant after ``second``, which is open, that is not; at most ``limit``."""
        while True:
            stretch = self._at(second)
            end = min(stretch.end, limit)
            last = (end - 1 + stretch.offset) // DAY
            closed = self.days.next_closed((second + stretch.offset) // DAY, last)
            second = min(closed * DAY - stretch.offset, end)
            if second >= limit or not self.is_open(second):
                return min(second, limit)

    def opens_before(self, second: int) -> int | None:
        """The last instant before which, walking back from ``second``, an open day ends: it is itself not open."""
        while second >= FIRST_SECOND:
            stretch = self._at(second)
            day = (second + stretch.offset) // DAY
            if self.days.has(day):
                return second + 1
            found = self.days.prev(day)
            if found is None:
                return None
            start = (found + 1) * DAY - stretch.offset
            if start > stretch.start:
                return start
            second = stretch.start - 1
        return None

    def parts_of(self, day: int) -> list[Part]:
        """The spans of instants whose local day is ``day``, in order; nearly always one."""
        second, found = max(day * DAY - _REACH, FIRST_SECOND), []
        last = min(day * DAY + DAY + _REACH, LAST_SECOND)
        while second <= last:
            stretch = self._at(second)
            start = max(day * DAY - stretch.offset, second)
            end = min(day * DAY + DAY - stretch.offset, stretch.end)
            if start < end:
                found.append(Part(start, end, stretch.offset))
            second = stretch.end
        return found

    def steady_part(self, day: int) -> Part | None:
        """A day as its one span; None where the clock is changed on it or on the day before."""
        stretch = self._at(min(max(day * DAY, FIRST_SECOND), LAST_SECOND))
        start = day * DAY - stretch.offset
        if start - DAY < stretch.start or start + DAY > stretch.end:
            return None
        return Part(start, start + DAY, stretch.offset)

    def _at(self, second: int) -> Stretch:
        stretch = self._stretch
        if not stretch.start <= second < stretch.end:
            stretch = self._stretch = self._line.stretch_at(second)
        return stretch


class _Patience:
    """How long a search goes on from the first fire time that is refused."""

    __slots__ = ("_first", "_refused")

    def __init__(self, first: int | None) -> None:
        self._first = first or 0
        self._refused = 0

    def ends_at(self, refused: int) -> bool:
        """Takes one more refusal; whether it was the last: many of them, over many years."""
        self._refused += 1
        return self._refused > _OFTEN and abs(refused - self._first) > _AGES


class OpenTimes:
    """The fire times of a rule whose local day is open."""

    __slots__ = ("_days", "_rule")

    def __init__(self, rule: Recurrence, days: LocalDays) -> None:
        self._rule = rule
        self._days = days

    def next(self, second: int, until: int, fuel: Fuel) -> int | None:
        """The first in ``(second, until]``."""
        found = seek(self._rule, second, until, fuel)
        patience = _Patience(found)
        while found is not None:
            opens = self._days.opens_after(found)
            if opens == found:
                return found
            if opens is None or patience.ends_at(found) or not fuel.burn():
                return None
            found = seek(self._rule, opens - 1, until, fuel)
        return None

    def prev(self, second: int, since: int, fuel: Fuel) -> int | None:
        """The last in ``[since, second)``."""
        found = seek_back(self._rule, second, since, fuel)
        patience = _Patience(found)
        while found is not None:
            opens = self._days.opens_before(found)
            if opens == found + 1:
                return found
            if opens is None or patience.ends_at(found) or not fuel.burn():
                return None
            found = seek_back(self._rule, opens, since, fuel)
        return None

    def spans(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Spans in ``[low, high)`` that are open and begin with a fire time; all fire times lie in them."""
        start = self.next(low - 1, high - 1, Fuel())
        while start is not None:
            end = self._days.closes_after(start, high)
            yield start, end
            start = self.next(end - 1, high - 1, Fuel())

    def within(self, low: int, high: int) -> list[int]:
        """Those in ``[low, high)``."""
        found: list[int] = []
        for start, end in self.spans(low, high):
            found += self._rule.seconds_within(start, end)
        return found

    def count(self, low: int, high: int) -> int:
        """How many lie in ``[low, high)``."""
        return sum(self._rule.count_seconds(start, end) for start, end in self.spans(low, high))
