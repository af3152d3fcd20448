"""Wall times to instants and back, under a clock policy.

A rule gives matching walls (``Walls``); a ``Timeline`` turns them into instants of one zone under
one policy. It cuts time into stretches. In a plain stretch the offset is constant, so that
conversion is one addition; what happens at a clock change is said by leaving a hole (the second
pass of a fold that must not count) or by a special stretch (a gap whose walls fire at its end or
are shifted). One walk serves ``next`` and, mirrored, ``prev``.

The meaning: every matching wall time of every matching date is one fire time; a policy only says
which instants stand for a wall that the clock shows twice or never.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from .policy import ClockPolicy, Fold, Gap
from .walls import WallList, Walls
from .zones import (
    DAY,
    FIRST_SECOND,
    LAST_SECOND,
    LAST_YEAR,
    YEARS_KEPT,
    Change,
    Zone,
    find_zone,
    year_of,
    year_start,
)

# No fold reaches back further, no gap leaps further than this (Kwajalein and Manila moved by a whole day).
_REACH: Final = 2 * DAY
_YEARS: Final = 3 * 366 * DAY


class Stretch:
    """Instants ``[start, end)`` of one constant offset: wall = instant + offset."""

    __slots__ = ("end", "offset", "start")
    is_plain = True

    def __init__(self, start: int, end: int, offset: int) -> None:
        self.start = start
        self.end = end
        self.offset = offset

    def clipped(self, low: int, high: int) -> Stretch | None:
        """The part inside ``[low, high)``."""
        if low <= self.start and self.end <= high:
            return self
        start, end = max(self.start, low), min(self.end, high)
        return Stretch(start, end, self.offset) if start < end else None

    def next(self, walls: Walls, second: int) -> int | None:
        """The first fire time of this stretch after ``second``."""
        wall = walls.next(max(second, self.start - 1) + self.offset)
        return None if wall is None or wall >= self.end + self.offset else wall - self.offset

    def prev(self, walls: Walls, second: int) -> int | None:
        """The last fire time of this stretch before ``second``."""
        wall = walls.prev(min(second, self.end) + self.offset)
        return None if wall is None or wall < self.start + self.offset else wall - self.offset

    def count(self, walls: Walls, low: int, high: int) -> int:
        """How many fire times of this stretch lie in ``[low, high)``."""
        low, high = max(low, self.start), min(high, self.end)
        return walls.count(low + self.offset, high + self.offset) if low < high else 0

    def within(self, walls: Walls, low: int, high: int) -> list[int]:
        """The fire times of this stretch in ``[low, high)``."""
        low, high, offset = max(low, self.start), min(high, self.end), self.offset
        if low >= high:
            return []
        return [wall - offset for wall in walls.within(low + offset, high + offset)]


class GapEnd(Stretch):
    """One second, the first after a gap: it stands for every wall ``[skipped, offset + end)``."""

    __slots__ = ("skipped",)
    is_plain = False

    def __init__(self, at: int, offset: int, skipped: int) -> None:
        self.start = at
        self.end = at + 1
        self.offset = offset
        self.skipped = skipped

    def clipped(self, low: int, high: int) -> Stretch | None:
        return self if low <= self.start < high else None

    def next(self, walls: Walls, second: int) -> int | None:
        return self.start if second < self.start and self._fires(walls) else None

    def prev(self, walls: Walls, second: int) -> int | None:
        return self.start if second > self.start and self._fires(walls) else None

    def count(self, walls: Walls, low: int, high: int) -> int:
        return len(self.within(walls, low, high))

    def within(self, walls: Walls, low: int, high: int) -> list[int]:
        return [self.start] if low <= self.start < high and self._fires(walls) else []

    def _fires(self, walls: Walls) -> bool:
        wall = walls.next(self.skipped - 1)
        return wall is not None and wall < self.end + self.offset


class Shifted(Stretch):
    """After a gap, as long as the gap: walls that exist, and those of the gap read with the old offset."""

    __slots__ = ("old_offset",)
    is_plain = False

    def __init__(self, start: int, end: int, offset: int, old_offset: int) -> None:
        self.start = start
        self.end = end
        self.offset = offset
        self.old_offset = old_offset

    def clipped(self, low: int, high: int) -> Stretch | None:
        start, end = max(self.start, low), min(self.end, high)
        return Shifted(start, end, self.offset, self.old_offset) if start < end else None

    def next(self, walls: Walls, second: int) -> int | None:
        found = (layer.next(walls, second) for layer in self._layers())
        return min((second for second in found if second is not None), default=None)

    def prev(self, walls: Walls, second: int) -> int | None:
        found = (layer.prev(walls, second) for layer in self._layers())
        return max((second for second in found if second is not None), default=None)

    def count(self, walls: Walls, low: int, high: int) -> int:
        return len(self.within(walls, low, high))

    def within(self, walls: Walls, low: int, high: int) -> list[int]:
        # The two layers may meet in one instant, which is one fire time; it is a day at most.
        return sorted({s for layer in self._layers() for s in layer.within(walls, low, high)})

    def _layers(self) -> tuple[Stretch, Stretch]:
        return (
            Stretch(self.start, self.end, self.offset),
            Stretch(self.start, self.end, self.old_offset),
        )


class Timeline:
    """All stretches of one zone under one policy: the meeting of walls and instants."""

    __slots__ = ("_current", "_fold", "_gap", "_years", "zone")

    def __init__(self, zone: Zone, gap: Gap, fold: Fold) -> None:
        self.zone = zone
        self._gap = gap
        self._fold = fold
        self._years: dict[int, list[Stretch]] = {}
        self._current = Stretch(0, 0, 0)  # where the last answer was found; nearly always right

    def next(self, walls: Walls, second: int) -> int | None:
        """The first fire time after the instant ``second``."""
        stretch = self._current
        if not stretch.start <= second < stretch.end:
            stretch = self._stretch_after(second)
        while True:
            if not stretch.is_plain:
                found = stretch.next(walls, second)
                if found is not None:
                    return found
                second = stretch.end - 1
            else:
                second = max(second, stretch.start - 1)
                wall = walls.next(second + stretch.offset)
                if wall is not None and wall < stretch.end + stretch.offset:
                    self._current = stretch
                    return wall - stretch.offset
                # A fold may bring walls back that lie behind us, but only close to the end of this
                # stretch; from further off the way is free up to the next wall.
                if second >= stretch.end - _REACH:
                    second = stretch.end - 1
                elif wall is None:
                    return None
                else:
                    second = max(stretch.end - 1, wall - stretch.offset - _REACH)
            if second >= LAST_SECOND:
                return None
            stretch = self._stretch_after(second)

    def prev(self, walls: Walls, second: int) -> int | None:
        """The last fire time before the instant ``second``: the same walk, backwards."""
        stretch = self._current
        if not stretch.start < second <= stretch.end:
            stretch = self._stretch_before(second)
        while True:
            if not stretch.is_plain:
                found = stretch.prev(walls, second)
                if found is not None:
                    return found
                second = stretch.start
            else:
                second = min(second, stretch.end)
                wall = walls.prev(second + stretch.offset)
                if wall is not None and wall >= stretch.start + stretch.offset:
                    self._current = stretch
                    return wall - stretch.offset
                if second <= stretch.start + _REACH:
                    second = stretch.start
                elif wall is None:
                    return None
                else:
                    second = min(stretch.start, wall - stretch.offset + _REACH)
            if second <= FIRST_SECOND:
                return None
            stretch = self._stretch_before(second)

    def count(self, walls: Walls, low: int, high: int) -> int:
        """How many fire times lie in ``[low, high)``."""
        low, high = max(low, FIRST_SECOND), min(high, LAST_SECOND + 1)
        total = 0
        while low < high:
            stretch = self._stretch_after(low - 1)
            total += stretch.count(walls, low, high)
            low = stretch.end
        return total

    def within(self, walls: Walls, low: int, high: int) -> list[int]:
        """The fire times in ``[low, high)``, ascending."""
        low, high = max(low, FIRST_SECOND), min(high, LAST_SECOND + 1)
        if high - low > _YEARS:
            found = sorted(set(self._one_by_one(walls, low, high)))
            return found[bisect_left(found, low) : bisect_left(found, high)]
        return self._by_stretches(walls, low, high)

    def _by_stretches(self, walls: Walls, low: int, high: int) -> list[int]:
        found: list[int] = []
        while low < high:
            stretch = self._stretch_after(low - 1)
            found += stretch.within(walls, low, high)
            low = stretch.end
        return found

    def _one_by_one(self, walls: Walls, low: int, high: int) -> Iterator[int]:
        # Over many years most stretches may hold nothing: from wall to wall instead, by way of a guess.
        offset = self._current.offset
        for wall in walls.within(low - _REACH, high + _REACH):
            stretch = self._stretch_after(min(wall - offset, LAST_SECOND) - 1)
            offset = stretch.offset
            second = wall - offset
            if stretch.is_plain and stretch.start + _REACH <= second < stretch.end - _REACH:
                yield second
            else:
                yield from self._by_stretches(
                    WallList((wall,)),
                    max(second - _REACH, FIRST_SECOND),
                    min(second + _REACH, LAST_SECOND + 1),
                )

    def stretch_at(self, second: int) -> Stretch:
        """The stretch that holds an instant; for one in a hole, the next."""
        return self._stretch_after(second - 1)

    def _stretch_after(self, second: int) -> Stretch:
        # The first stretch that holds an instant after ``second``.
        second = max(second, FIRST_SECOND) + 1
        year = year_of(second)
        for stretch in self._years.get(year) or self._year(year):  # a handful
            if second < stretch.end:
                return stretch
        if year == LAST_YEAR:
            return Stretch(LAST_SECOND, LAST_SECOND + 1, 0)
        return self._year(year + 1)[0]  # a hole across the turn of the year

    def _stretch_before(self, second: int) -> Stretch:
        # The last stretch that holds an instant before ``second``.
        year = year_of(min(second, LAST_SECOND + 1) - 1)
        for stretch in reversed(self._year(year)):
            if stretch.start < second:
                return stretch
        return self._year(year - 1)[-1]

    def _year(self, year: int) -> list[Stretch]:
        known = self._years.get(year)
        if known is None:
            if len(self._years) >= YEARS_KEPT:
                self._years.clear()
            known = self._years[year] = self._build(year)
        return known

    def _build(self, year: int) -> list[Stretch]:
        # A change near New Year reaches into the neighbouring year, so three are laid out.
        start, end = year_start(max(year - 1, 1)), year_start(min(year + 2, LAST_YEAR + 1))
        # What lies at the outer ends may be part of a change that is not looked at.
        first = start + _REACH if year > 1 else start
        last = end - _REACH  # in the last year too: beyond it nothing is found
        offset = self.zone.offset_entering(year - 1)
        pieces: list[Stretch] = []
        for change in (c for y in (year - 1, year, year + 1) for c in self.zone.changes_in(y)):
            pieces.append(Stretch(start, change.at, offset))
            start = self._lay(change, pieces)
            offset = change.after
        pieces.append(Stretch(start, end, offset))
        low, high = year_start(year), year_start(year + 1)
        return [
            part
            for piece in pieces
            if piece.start < high and piece.end > low
            if (part := piece.clipped(first, last)) is not None
        ]

    def _lay(self, change: Change, pieces: list[Stretch]) -> int:
        # Lays what is special about a change; answers where the next plain stretch starts.
        at, before, after = change
        leap = after - before
        if leap > 0:
            if self._gap is Gap.RUN_AT_GAP_END:
                pieces.append(GapEnd(at, after, at + before))
                return at + 1
            if self._gap is Gap.SHIFT:
                pieces.append(Shifted(at, at + leap, after, before))
                return at + leap
        elif self._fold is Fold.FIRST:
            return at - leap  # the second pass stays a hole
        elif self._fold is Fold.LAST:
            pieces[-1].end = at + leap  # the first pass does
        return at


def timeline(key: str, gap: Gap, fold: Fold) -> Timeline:
    """The timeline of a zone under a policy; shared by all rules that want it."""
    return timeline_of(find_zone(key), gap, fold)


@lru_cache(maxsize=4_000)
def timeline_of(zone: Zone, gap: Gap, fold: Fold) -> Timeline:
    """The same for a zone that was found already."""
    return Timeline(zone, gap, fold)


def resolve(key: str, wall: int, policy: ClockPolicy) -> int | None:
    """The instant of one wall time in a zone (the first, where the policy gives two).

    None if it does not exist and the policy skips it.
    """
    line = timeline(key, *policy.for_rhythm(is_wildcard=False))
    return line.next(WallList((wall,)), max(wall - _REACH, FIRST_SECOND))
