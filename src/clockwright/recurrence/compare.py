"""Two rules that should answer alike, compared fire time by fire time.

Made for one rule under two releases of the zone data: they can differ only near the instants at which the offsets do,
so only these are walked.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from operator import attrgetter

from .base import Recurrence
from .recorded import Apart, Span, joined
from .zones import DAY

REACH = 2 * DAY
"""No offset change moves a fire time further than this (Samoa's skipped day, and a day for the walk around it)."""

_FAR_REACH = 60 * DAY
"""Nor further than this where a rule moves fire times by days of its own: past holidays, to another business day."""

_PLAIN = frozenset({"cron", "cron_fields", "calendar_interval", "rrule"})
_AT_A_TIME = 7 * DAY


@dataclass(frozen=True, slots=True)
class Shift:
    """One fire time that is not what it was (seconds since 1970, UTC); None where there is none on that side."""

    was: int | None
    now: int | None

    @property
    def at(self) -> int:
        """When it shows: the earlier of the two."""
        return min(second for second in (self.was, self.now) if second is not None)

    def with_other(self, other: Shift) -> Shift:
        """The two sides of one fire time, of which this is one and ``other`` the other."""
        if self.was is None:
            return Shift(other.was, self.now)
        return Shift(self.was, other.now)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How far a comparison goes: ``shifts`` counted, ``shown`` of them kept, ``steps`` fire times looked at."""

    shifts: int = 1_000
    shown: int = 3
    steps: int = 600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How many fire times differ, and the first of them. Cut short, there may be more after ``until``."""

    count: int = 0
    first: tuple[Shift, ...] = ()
    until: int | None = None

    @property
    def is_cut_short(self) -> bool:
        """Whether a limit ended it."""
        return self.until is not None


@dataclass(slots=True)
class _Tally:
    """Differences as they are found."""

    limits: Limits
    leap: int
    steps: int = 0
    count: int = 0
    lost: int = 0
    first: list[Shift] = field(default_factory=list)
    until: int | None = None

    def walk(self, was: Recurrence, now: Recurrence, spans: Sequence[Span]) -> None:
        """Find them in spans, until a limit is met."""
        for low, high in spans:
            for shift in self._paired(self._unmatched(was, now, low, high)):
                self._enter(shift)
                if self.count >= self.limits.shifts:
                    self.until = shift.at
                    return
            if self.until is not None:
                return

    def _enter(self, shift: Shift) -> None:
        self.count += 1
        self.lost += (shift.was is not None) - (shift.now is not None)
        if len(self.first) < self.limits.shown:
            self.first.append(shift)

    def _unmatched(self, was: Recurrence, now: Recurrence, low: int, high: int) -> Iterator[Shift]:
        """The fire times in ``[low, high)`` that only one of the two has, in order; a week at a time."""
        for start in range(low, high, _AT_A_TIME):
            end = min(high, start + _AT_A_TIME)
            old, new = was.seconds_within(start, end), now.seconds_within(start, end)
            if old != new:
                gone = [Shift(second, None) for second in set(old).difference(new)]
                came = [Shift(None, second) for second in set(new).difference(old)]
                yield from sorted((*gone, *came), key=attrgetter("at"))
            self.steps += len(old)
            if self.steps >= self.limits.steps and end < high:
                self.until = end
                return

    def _paired(self, unmatched: Iterator[Shift]) -> Iterator[Shift]:
        waiting: deque[Shift] = deque()  # all of one kind: gone, or come
        for shift in unmatched:
            while waiting and shift.at - waiting[0].at > self.leap:
                yield waiting.popleft()
            if waiting and (waiting[0].was is None) != (shift.was is None):
                yield waiting.popleft().with_other(shift)
            else:
                waiting.append(shift)
        yield from waiting


def compare(
    was: Recurrence, now: Recurrence, within: Span, apart: Apart, limits: Limits | None = None
) -> Comparison:
    """How the fire times in ``within`` (half-open) differ, given where the zones do.

    A fire time that went and one that came, no further from it than the zones are apart, are one that moved.

    What a rule carries from afar, such as an RRULE's COUNT, shows in the number of fire times: where that differs by
    something else than the spans explain, all of ``within`` is walked.
    """
    low, high = within
    reach = REACH if was.to_json()["type"] in _PLAIN else _FAR_REACH
    near = [(max(a, low), min(b, high)) for a, b in joined(apart.spans, reach=reach)]
    near = [(a, b) for a, b in near if a < b]
    tally = _Tally(limits or Limits(), apart.leap)
    tally.walk(was, now, near)
    if tally.until is None:
        lost = was.count_seconds(low, high) - now.count_seconds(low, high)
        if lost != tally.lost:
            tally = _Tally(limits or Limits(), apart.leap)
            tally.walk(was, now, [within])
    return Comparison(count=tally.count, first=tuple(tally.first), until=tally.until)
