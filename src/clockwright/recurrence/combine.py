"""Rules made of rules: all of their fire times together, and all but those on certain days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any, Final
from zoneinfo import ZoneInfo

from . import describe
from .base import SHORTEST_SPAN, Recurrence, bounds_json
from .bounds import UNBOUNDED, Bounds, Span, listed
from .calendars.calendar import Calendar, check_calendar, weekday_names
from .calendars.local_days import LocalDays, OpenTimes
from .calendars.open_days import WEEKDAY_NAMES, open_days, refuse_if_closed
from .calendars.wording import calendar_finding, calendar_in_words, weekdays_in_words
from .errors import RecurrenceError, shown
from .explain import Finding, wall_time
from .layers import ClockLayer
from .phrases import ENGLISH, Phrases
from .search import (
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
from .zones import DAY, find_zone

# Combinations among the members are asked for ever longer spans, so that one without fire times costs no more than the
# way to the first of another.
_FIRST_SPAN: Final = DAY
_WIDER: Final = 4
_CHUNK: Final = 31 * DAY
_CHUNK_SPANS: Final = 16
_DENSER: Final = 32  # to list a fire time costs so much less than to ask for one


@dataclass(frozen=True, slots=True, repr=False)
class Union(Combination):
    """Every fire time of any of several rules; equal instants are one.

    ``rules``: 1 to 100, combinations among them, which count with what they are made of; 8 deep. ``tz``: the zone of
    the answers; default is the members' zone, or UTC where they have several. ``start`` and ``end``: aware, both
    included. ``exclude``: pairs of instants ``[start, end)`` in which nothing fires. Raises RecurrenceError.
    """

    rules: tuple[Recurrence, ...]
    tz: str = ""
    start: datetime | None = field(default=None, kw_only=True)
    end: datetime | None = field(default=None, kw_only=True)
    exclude: tuple[Span, ...] = field(default=(), kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _bounds: Bounds = field(init=False, compare=False, default=UNBOUNDED)
    _plain: tuple[Recurrence, ...] = field(init=False, compare=False)
    _combined: tuple[Recurrence, ...] = field(init=False, compare=False)

    def __post_init__(self) -> None:
        if not isinstance(self.rules, (list, tuple)):
            raise RecurrenceError(f"rules must be a list, not {shown(self.rules)}", field="rules")
        rules = check_members(self.rules, "rules")
        zones = {rule.tz for rule in rules}
        tz = self.tz or (zones.pop() if len(zones) == 1 else "UTC")
        distinct = dict.fromkeys(rules)
        self._settle(
            rules=rules,
            tz=tz,
            exclude=listed(self.exclude, "exclude"),
            timezone=find_zone(tz).info,
            _plain=tuple(rule for rule in distinct if not isinstance(rule, Combination)),
            _combined=tuple(rule for rule in distinct if isinstance(rule, Combination)),
        )
        self._bind(self.exclude)

    @property
    def members(self) -> tuple[Recurrence, ...]:
        return self.rules

    @property
    def longest_span(self) -> int:
        longest = [rule.longest_span for rule in self.rules]
        return max(min(longest) // len(longest), SHORTEST_SPAN)

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        rules = " ".join(enclosed(rule, phrases) for rule in self.rules)
        words = phrases.many("union", len(self.rules), rules=rules)
        return describe.sentence([words], self, phrases)

    def to_json(self) -> dict[str, Any]:
        rules = [rule.to_json() for rule in self.rules]
        return {"type": "union", "rules": rules, **bounds_json(self)}

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        layers = (layer for rule in self.rules for layer in rule.clock_layers())
        return tuple(narrowed(layer, partial(is_within, self._bounds)) for layer in layers)

    def _search(self, second: int, until: int, fuel: Fuel) -> int | None:
        best = None
        for rule in self._plain:
            found = seek(rule, second, until, fuel)
            if found is not None:
                best, until = found, found - 1
        span = _FIRST_SPAN
        while self._combined and second < until:
            near, upto = None, min(second + span, until)
            for rule in self._combined:
                found = seek(rule, second, upto if near is None else near - 1, fuel)
                near = near if found is None else found
            if near is not None:
                return near
            second, span = upto, span * _WIDER
        return best

    def _search_back(self, second: int, since: int, fuel: Fuel) -> int | None:
        best = None
        for rule in self._plain:
            found = seek_back(rule, second, since, fuel)
            if found is not None:
                best, since = found, found + 1
        span = _FIRST_SPAN
        while self._combined and second > since:
            near, downto = None, max(second - span, since)
            for rule in self._combined:
                found = seek_back(rule, second, downto if near is None else near + 1, fuel)
                near = near if found is None else found
            if near is not None:
                return near
            second, span = downto, span * _WIDER
        return best

    def _within(self, low: int, high: int) -> list[int]:
        rules = (*self._plain, *self._combined)
        return sorted(set().union(*(rule.seconds_within(low, high) for rule in rules)))

    def _count(self, low: int, high: int) -> int:
        # The rule with the most fire times is counted in closed form; of the others, those that it has not are walked.
        rules = (*self._plain, *self._combined)
        most = max(rules, key=lambda rule: rule.count_seconds(low, high))
        others = [rule for rule in rules if rule is not most]
        total = most.count_seconds(low, high)
        while others and low < high:
            upto = self._chunk_end(low, high, others)
            found = set[int]().union(*(rule.seconds_within(low, upto) for rule in others))
            if most.count_seconds(low, upto) < _DENSER * len(found):
                total += len(found.difference(most.seconds_within(low, upto)))
            else:
                total += sum(not fires_at(most, second) for second in found)
            low = upto
        return total

    def _chunk_end(self, low: int, high: int, rules: Sequence[Recurrence]) -> int:
        # Memory stays bounded, and stretches without a fire time are leapt over.
        fuel = Fuel()
        found = (seek(rule, low - 1, high - 1, fuel) for rule in rules)
        first = min((second for second in found if second is not None), default=high)
        return min(first + min(_CHUNK, _CHUNK_SPANS * self.longest_span), high)

    def _findings(self, second: int) -> Iterable[Finding]:
        parts = tuple(
            member_finding(number, rule, second) for number, rule in enumerate(self.rules, start=1)
        )
        admits = [str(n) for n, part in enumerate(parts, start=1) if part.admits]
        value = ENGLISH.all_of(admits) if admits else "none"
        return [Finding("rules", value, bool(admits), "any of the rules", parts=parts)]


@dataclass(frozen=True, slots=True, repr=False)
class Except(Combination):
    """The fire times of a rule but for those on certain days, or in certain ranges.

    ``weekdays``: names (``"sat"``) of the weekdays on which nothing fires. ``calendar``: nothing fires on its weekend and
    holidays. ``exclude``: blackouts, pairs of instants ``[start, end)``. ``tz``: the zone in which a day is that day;
    default is the rule's. ``start`` and ``end``: aware, both included. At least one of them all must be given. Raises
    RecurrenceError, also where no day would be left in some year.
    """

    rule: Recurrence
    tz: str = ""
    weekdays: tuple[str, ...] = field(default=(), kw_only=True)
    calendar: Calendar | None = field(default=None, kw_only=True)
    exclude: tuple[Span, ...] = field(default=(), kw_only=True)
    start: datetime | None = field(default=None, kw_only=True)
    end: datetime | None = field(default=None, kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _bounds: Bounds = field(init=False, compare=False, default=UNBOUNDED)
    _days: LocalDays = field(init=False, compare=False)
    _times: OpenTimes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        check_members(self.rule, "rule")
        tz, weekdays = self.tz or self.rule.tz, weekday_names(self.weekdays, "weekdays")
        if self.calendar is not None:
            check_calendar(self.calendar)
        exclude = listed(self.exclude, "exclude")
        if not (weekdays or self.calendar or exclude or self.start or self.end):
            raise RecurrenceError(
                "nothing is excepted",
                field="except",
                hint="give at least one of weekdays, calendar, exclude, start, end",
            )
        refuse_if_closed(weekdays, self.calendar)
        days = LocalDays(tz, open_days(weekdays, self.calendar, tz))
        self._settle(
            tz=tz,
            weekdays=weekdays,
            exclude=exclude,
            timezone=find_zone(tz).info,
            _days=days,
            _times=OpenTimes(self.rule, days),
        )
        self._bind(exclude)

    @property
    def members(self) -> tuple[Recurrence, ...]:
        return (self.rule,)

    @property
    def longest_span(self) -> int:
        return self.rule.longest_span

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        clauses = [enclosed(self.rule, phrases)]
        if self.weekdays:
            days = phrases.any_of(weekdays_in_words(self.weekdays, phrases))
            clauses.append(phrases.say("not_on_weekdays", weekdays=days))
        if self.calendar is not None:
            clauses.append(phrases.say("not_when_closed", calendar=self.calendar.name))
            clauses.append(calendar_in_words(self.calendar, phrases))
        return describe.sentence(clauses, self, phrases)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {"type": "except", "rule": self.rule.to_json(), **bounds_json(self)}
        if self.weekdays:
            data["weekdays"] = list(self.weekdays)
        if self.calendar is not None:
            data["calendar"] = self.calendar.to_json()
        return data

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        bounds, days = self._bounds, self._days
        return tuple(
            narrowed(layer, lambda second: is_within(bounds, second) and days.is_open(second))
            for layer in self.rule.clock_layers()
        )

    def _search(self, second: int, until: int, fuel: Fuel) -> int | None:
        return self._times.next(second, until, fuel)

    def _search_back(self, second: int, since: int, fuel: Fuel) -> int | None:
        return self._times.prev(second, since, fuel)

    def _within(self, low: int, high: int) -> list[int]:
        return self._times.within(low, high)

    def _count(self, low: int, high: int) -> int:
        return self._times.count(low, high)

    def _findings(self, second: int) -> Iterable[Finding]:
        yield from member_findings(self.rule, second)
        day = wall_time(self._days.wall_of(second)).date()
        if self.weekdays:
            weekday = WEEKDAY_NAMES[day.weekday()]
            allowed = [name for name in WEEKDAY_NAMES if name not in self.weekdays]
            yield Finding(
                "weekdays",
                ENGLISH.weekday(day.isoweekday() % 7),
                weekday in allowed,
                ENGLISH.all_of(weekdays_in_words(allowed, ENGLISH)),
            )
        if self.calendar is not None:
            yield calendar_finding(self.calendar, day)
