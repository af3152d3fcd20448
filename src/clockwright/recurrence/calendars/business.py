"""Business days: what falls on another day is skipped, or moved to the business day next to it.

Read as sets: the fire times on business days stay as they are. Of those on other days the wall time of the day is kept
and the date is changed; together these are a set of wall times, of which the clock policy makes instants.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

from clockwright.recurrence import describe
from clockwright.recurrence.base import Recurrence, bounds_json, clock_json
from clockwright.recurrence.bounds import UNBOUNDED, Bounds, Span, listed
from clockwright.recurrence.errors import RecurrenceError
from clockwright.recurrence.explain import Finding, wall_time
from clockwright.recurrence.layers import ClockLayer, WallLayer
from clockwright.recurrence.phrases import ENGLISH, Phrases
from clockwright.recurrence.policy import ClockPolicy, choose
from clockwright.recurrence.search import (
    Combination,
    Fuel,
    check_members,
    enclosed,
    fires_at,
    is_within,
    member_finding,
    member_findings,
    narrowed,
    seek,
    seek_back,
)
from clockwright.recurrence.timeline import Timeline, timeline
from clockwright.recurrence.walls import WallList
from clockwright.recurrence.zones import DAY, FIRST_SECOND, LAST_SECOND, find_zone

from .calendar import Calendar, check_calendar
from .local_days import LocalDays, OpenTimes
from .moved import Moved
from .open_days import open_days
from .wording import calendar_finding, calendar_in_words

# No time is moved further: every 52 weeks have a business day.
_FURTHEST = 370 * DAY
_REACH = 2 * DAY
# Each move asks the one inside it several times.
_MOST_MOVES = 2


class Otherwise(StrEnum):
    """What becomes of a fire time on a day that is no business day."""

    SKIP = "skip"
    NEXT = "next"
    PREVIOUS = "previous"


@dataclass(frozen=True, slots=True, repr=False)
class BusinessDays(Combination):
    """The fire times of a rule on the business days of a calendar.

    ``otherwise``: ``skip`` what falls on another day, or move it to the ``next`` or the ``previous`` business day at the
    same wall time. Times that come to coincide are one. ``tz``: the zone in which a day is that day; default is the
    rule's. ``clock``: what becomes of a moved time that the clock leaps over or shows twice. The rule's own bounds are
    about its fire times before they are moved; ``start`` and ``end`` (aware, both included) and ``exclude`` (pairs of
    instants ``[start, end)``) about what fires in the end. Raises RecurrenceError.
    """

    rule: Recurrence
    calendar: Calendar
    tz: str = ""
    otherwise: str = field(default=Otherwise.SKIP, kw_only=True)
    clock: ClockPolicy | str = field(default="rfc5545", kw_only=True)
    start: datetime | None = field(default=None, kw_only=True)
    end: datetime | None = field(default=None, kw_only=True)
    exclude: tuple[Span, ...] = field(default=(), kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _bounds: Bounds = field(init=False, compare=False, default=UNBOUNDED)
    _days: LocalDays = field(init=False, compare=False)
    _times: OpenTimes = field(init=False, compare=False)
    _line: Timeline = field(init=False, compare=False)

    def __post_init__(self) -> None:
        check_members(self.rule, "rule")
        if self.otherwise != Otherwise.SKIP and _moves_in(self.rule) >= _MOST_MOVES:
            raise RecurrenceError(
                f"fire times are moved more than {_MOST_MOVES} times",
                field="otherwise",
                hint="make one calendar of those that are in the way",
            )
        check_calendar(self.calendar)
        policy, tz = ClockPolicy.of(self.clock), self.tz or self.rule.tz
        days = LocalDays(tz, open_days((), self.calendar, tz))
        self._settle(
            tz=tz,
            otherwise=choose(Otherwise, self.otherwise, "otherwise"),
            clock=policy.name or policy,
            exclude=listed(self.exclude, "exclude"),
            timezone=find_zone(tz).info,
            _days=days,
            _times=OpenTimes(self.rule, days),
            _line=timeline(tz, *policy.for_rhythm(is_wildcard=False)),
        )
        self._bind(self.exclude)

    @property
    def members(self) -> tuple[Recurrence, ...]:
        return (self.rule,)

    @property
    def longest_span(self) -> int:
        # The times of more than a year may come to lie on one day.
        longest = self.rule.longest_span
        return max(longest // 370, min(longest, DAY)) if self.moves else longest

    @property
    def moves(self) -> bool:
        """Whether anything is moved, rather than skipped."""
        return self.otherwise != Otherwise.SKIP

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        clauses = [
            enclosed(self.rule, phrases),
            phrases.say(f"otherwise_{self.otherwise}", calendar=self.calendar.name),
            calendar_in_words(self.calendar, phrases),
        ]
        ending = describe.clock_clauses(
            self.clock, phrases, default="rfc5545", expected=describe.ENTRY
        )
        return describe.sentence(clauses, self, phrases, ending if self.moves else ())

    def to_json(self) -> dict[str, Any]:
        return {
            "type": "business_days",
            "rule": self.rule.to_json(),
            "calendar": self.calendar.to_json(),
            "otherwise": str(self.otherwise),
            **bounds_json(self),
            **clock_json(self.clock, "rfc5545"),
        }

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        bounds, days = self._bounds, self._days
        kept = tuple(
            narrowed(layer, lambda second: is_within(bounds, second) and days.is_open(second))
            for layer in self.rule.clock_layers()
        )
        if not self.moves:
            return kept
        layer = WallLayer(tz=self.tz, walls=self._moved(), policy=ClockPolicy.of(self.clock))
        return (*kept, narrowed(layer, partial(is_within, bounds)))

    def _search(self, second: int, until: int, fuel: Fuel) -> int | None:
        if not self.moves:
            return self._times.next(second, until, fuel)
        until = self._latest_first(second, until, fuel)
        kept = self._times.next(second, until, fuel)
        last = until if kept is None else kept - 1
        moved = self._line.next(self._moved((second - _REACH, last + _REACH), fuel), second)
        return moved if moved is not None and moved <= last else kept

    def _search_back(self, second: int, since: int, fuel: Fuel) -> int | None:
        if not self.moves:
            return self._times.prev(second, since, fuel)
        since = self._earliest_last(second, since, fuel)
        kept = self._times.prev(second, since, fuel)
        first = since if kept is None else kept + 1
        moved = self._line.prev(self._moved((first - _REACH, second + _REACH), fuel), second)
        return moved if moved is not None and moved >= first else kept

    def _latest_first(self, second: int, until: int, fuel: Fuel) -> int:
        # Where the first fire time after ``second`` lies at the latest: where the next one of the rule comes to lie.
        horizon = min(until + _FURTHEST, LAST_SECOND)
        found = seek(self.rule, second, horizon, fuel)
        while found is not None:
            landing = min((s for s in self._landings(found) if s > second), default=None)
            if landing is not None:
                return min(landing, until)
            opens = self._days.opens_after(found) if fuel.burn() else None
            found = None if opens is None else seek(self.rule, max(opens - 1, found), horizon, fuel)
        return min(second + _FURTHEST, until)

    def _earliest_last(self, second: int, since: int, fuel: Fuel) -> int:
        # The same backwards.
        horizon = max(since - _FURTHEST, FIRST_SECOND)
        found = seek_back(self.rule, second, horizon, fuel)
        while found is not None:
            landing = max((s for s in self._landings(found) if s < second), default=None)
            if landing is not None:
                return max(landing, since)
            opens = self._days.opens_before(found) if fuel.burn() else None
            found = (
                None if opens is None else seek_back(self.rule, min(opens, found), horizon, fuel)
            )
        return max(second - _FURTHEST, since)

    def _landings(self, second: int) -> list[int]:
        # The instants that a fire time of the rule comes to lie at; none where the clock policy skips it.
        wall = self._days.wall_of(second)
        target = self._moved().target_of(wall // DAY)
        if target == wall // DAY:
            return [second]
        if target is None:
            return []
        wall = target * DAY + wall % DAY
        return self._line.within(WallList([wall]), wall - _REACH, wall + _REACH)

    def _moved(self, reach: tuple[int, int] | None = None, fuel: Fuel | None = None) -> Moved:
        is_next = self.otherwise == Otherwise.NEXT
        return Moved(self.rule, self._days, is_next=is_next, fuel=fuel, reach=reach)

    def _within(self, low: int, high: int) -> list[int]:
        kept = self._times.within(low, high)
        if not self.moves:
            return kept
        moved = self._line.within(self._moved(), low, high)
        return sorted({*kept, *moved})

    def _count(self, low: int, high: int) -> int:
        total = self._times.count(low, high)
        if self.moves and low < high:
            targets = self._moved().targets(low - _REACH, high + _REACH)
            total += sum(self._gained(target, low, high) for target in targets)
        return total

    def _gained(self, target: int, low: int, high: int) -> int:
        # How many fire times in ``[low, high)`` a business day has from others alone.
        moved = self._moved()
        own = moved.full_part(target)
        is_inside = own is not None and low <= own.start and own.end <= high
        if own and is_inside and all(moved.full_part(day) for day in moved.sources_of(target)):
            return 0 if self.rule.count_seconds(own.start, own.end) else moved.per_day or 0
        walls = WallList(moved.within(target * DAY, target * DAY + DAY))
        start, end = max(low, target * DAY - _REACH), min(high, target * DAY + DAY + _REACH)
        return sum(not self._keeps(second) for second in self._line.within(walls, start, end))

    def _keeps(self, second: int) -> bool:
        return self._days.is_open(second) and fires_at(self.rule, second)

    def _findings(self, second: int) -> Iterable[Finding]:
        day = wall_time(self._days.wall_of(second)).date()
        calendar = calendar_finding(self.calendar, day)
        if not self.moves:
            yield from member_findings(self.rule, second)
            yield calendar
            return
        reason, admits = "", self._keeps(second)
        near = self._moved((second - _REACH, second + _REACH))
        if not admits and self._line.next(near, second - 1) == second:
            admits, reason = True, f"moved from {self._origin(second)}"
        parts = (member_finding(1, self.rule, second), replace(calendar, decides=False))
        allowed = f"fire times on business days, and those moved to the {self.otherwise} one"
        yield Finding("business_days", ENGLISH.day(day), admits, allowed, reason, parts=parts)

    def _origin(self, second: int) -> str:
        # The closed days from which a time was moved to this second.
        wall, moved = self._days.wall_of(second), self._moved()
        days = [day for day in moved.sources_of(wall // DAY) if moved.has(day, wall % DAY)]
        dates = [date(1970, 1, 1).fromordinal(day + date(1970, 1, 1).toordinal()) for day in days]
        return ENGLISH.all_of([ENGLISH.day(day) for day in dates]) if dates else "a closed day"


def _moves_in(rule: Recurrence) -> int:
    # How many moves lie within each other in a rule.
    if not isinstance(rule, Combination):
        return 0
    deepest = max(_moves_in(member) for member in rule.members)
    return deepest + (isinstance(rule, BusinessDays) and rule.moves)
