"""RFC 5545 recurrence rules with their additions and exceptions.

Read as sets of wall times: the BY parts filter or expand each period, BYSETPOS chooses from a whole
period, DTSTART counts only if it matches (``include_dtstart`` adds it). Items of BYDAY are united.
A wall time in a gap is shifted by the gap's length, one that is shown twice means the first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from clockwright.recurrence import describe
from clockwright.recurrence.base import Recurrence, bearable_span, clock_json
from clockwright.recurrence.bounds import UNBOUNDED, floor_second, instant_text, listed
from clockwright.recurrence.errors import RecurrenceError, shown
from clockwright.recurrence.explain import Finding, made_optional
from clockwright.recurrence.explain_fields import Clockwork
from clockwright.recurrence.layers import ClockLayer, WallLayer
from clockwright.recurrence.phrases import ENGLISH, Phrases
from clockwright.recurrence.policy import ClockPolicy, Gap
from clockwright.recurrence.timeline import Timeline, resolve, timeline
from clockwright.recurrence.walls import Walls
from clockwright.recurrence.zones import (
    DAY,
    EPOCH,
    FIRST_SECOND,
    LAST_SECOND,
    find_zone,
    wall_of,
    year_of,
)

from .clauses import rule_clauses
from .explain import RuleAt, rule_findings
from .minus import RemainingWalls, Removed
from .sets import DayByDay, Nothing, Window, meets_all, walls_of_rule, without_interval
from .text import RuleParts, completed, parse_rule

_MAX_DATES: Final = 10_000
_MAX_RULES: Final = 10
# Each date added is looked up in each rule subtracted.
_MAX_LOOKUPS: Final = 5_000
# More fire times in a row than can be excluded one by one: by dates, or by what is left of a rule at a clock change.
_PATIENCE: Final = 2 * _MAX_DATES


@dataclass(frozen=True, slots=True, repr=False)
class RRule(Recurrence):
    """A rule such as ``FREQ=MONTHLY;BYDAY=-1FR;COUNT=10`` from ``start`` (DTSTART) on.

    ``start``: aware; its wall time in ``tz`` counts (naive is taken as wall time where ``tz`` is
    given); default of ``tz`` is the start's own zone. ``rdate`` adds and ``exdate`` removes
    instants, ``exrule`` removes the fire times of further rules with the same start. Fractions of
    seconds are cut off. Raises RecurrenceError.
    """

    text: str
    start: datetime = field(kw_only=True)
    tz: str = field(default="", kw_only=True)
    rdate: tuple[datetime, ...] = field(default=(), kw_only=True)
    exdate: tuple[datetime, ...] = field(default=(), kw_only=True)
    exrule: tuple[str, ...] = field(default=(), kw_only=True)
    include_dtstart: bool = field(default=False, kw_only=True)
    clock: ClockPolicy | str = field(default="rfc5545", kw_only=True)
    timezone: ZoneInfo = field(init=False, compare=False)
    _main: _Layer = field(init=False, compare=False)
    _minus: tuple[_Layer, ...] = field(init=False, compare=False)
    _left: _Layer = field(init=False, compare=False)
    _plus: tuple[int, ...] = field(init=False, compare=False)
    _without: frozenset[int] = field(init=False, compare=False)

    end = None
    _bounds = UNBOUNDED

    def __post_init__(self) -> None:
        policy = ClockPolicy.of(self.clock)
        tz = self.tz or _zone_of(self.start)
        zone = find_zone(tz)
        wall = _start_wall(self.start, zone.info)
        line = timeline(tz, *policy.for_rhythm(is_wildcard=False))
        exrules = listed(self.exrule, "exrule")
        rdate, exdate = _dates(self.rdate, "rdate"), _dates(self.exdate, "exdate")
        if len(exrules) > _MAX_RULES:
            raise RecurrenceError(f"more than {_MAX_RULES} rules", field="exrule")
        if len(rdate) * len(exrules) > _MAX_LOOKUPS:
            most = _MAX_LOOKUPS // len(exrules)
            raise RecurrenceError(f"beside EXRULE at most {most:,} dates", field="rdate")
        extra = {floor_second(moment) for moment in rdate}
        first = resolve(tz, wall, policy) if self.include_dtstart else None
        if first is not None and first <= LAST_SECOND:
            extra.add(first)
        main = _Layer.of(self.text, wall, line)
        minus = tuple(_Layer.of(text, wall, line) for text in exrules)
        self._settle(
            text=_canonical(self.text),
            start=_moment(wall).replace(tzinfo=zone.info),
            tz=tz,
            rdate=rdate,
            exdate=exdate,
            exrule=tuple(_canonical(text) for text in exrules),
            clock=policy.name or policy,
            timezone=zone.info,
            _main=main,
            _minus=minus,
            _left=main.without(minus) if minus else main,
            _without=frozenset(floor_second(moment) for moment in exdate),
        )
        self._settle(_plus=tuple(sorted(s for s in extra if not self._is_excluded(s))))

    @property
    def longest_span(self) -> int:
        return bearable_span(len(self._main.window.parts.times))

    @property
    def effort(self) -> int:
        """Where other rules take from this one, each answer is searched for."""
        return 1 + 20 * len(self.exrule)

    def describe(self, phrases: Phrases = ENGLISH) -> str:
        words = rule_clauses(self._main.parts, phrases)
        if self.include_dtstart:
            words.append(phrases.say("with_start"))
        words += describe.dates("added", self.rdate, self.timezone, phrases)
        words += describe.dates("not_on", self.exdate, self.timezone, phrases)
        for layer in self._minus:
            without = phrases.joined(rule_clauses(layer.parts, phrases))
            words.append(phrases.say("but_not", rule=without))
        ending = describe.clock_clauses(
            self.clock, phrases, default="rfc5545", expected=describe.ENTRY
        )
        return describe.sentence(words, self, phrases, ending)

    def to_json(self) -> dict[str, Any]:
        data: dict[str, Any] = {
            "type": "rrule",
            "rule": self.text,
            # Wall time, as DTSTART;TZID is: an instant would lose one that falls into a gap.
            "dtstart": self.start.replace(tzinfo=None).isoformat(),
            "tz": self.tz,
        }
        for name in ("rdate", "exdate"):
            if dates := getattr(self, name):
                data[name] = [instant_text(moment) for moment in dates]
        if self.exrule:
            data["exrule"] = list(self.exrule)
        if self.include_dtstart:
            data["include_dtstart"] = True
        return data | clock_json(self.clock, "rfc5545")

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        policy, main = ClockPolicy.of(self.clock), self._main
        is_skipping = policy.gap is Gap.SKIP

        def admits(wall: int, second: int) -> bool:
            if second > main.until or second in self._without:
                return False
            # A skipped wall has no instant of its own: only a rule with the same wall takes it away.
            return not any(
                layer.has_wall(wall) or (layer.has(second) and not is_skipping)
                for layer in self._minus
            )

        is_whole = main.until == LAST_SECOND and not self._without and not self._minus
        return (
            WallLayer(
                tz=self.tz, walls=main.walls, policy=policy, admits=None if is_whole else admits
            ),
        )

    def _next(self, second: int) -> int | None:
        found = self._first_kept(self._left.next, second)
        at = bisect_right(self._plus, second)
        if at == len(self._plus):
            return found
        return self._plus[at] if found is None else min(found, self._plus[at])

    def _prev(self, second: int) -> int | None:
        found = self._first_kept(self._left.prev, second)
        at = bisect_left(self._plus, second)
        if not at:
            return found
        return self._plus[at - 1] if found is None else max(found, self._plus[at - 1])

    def _count(self, low: int, high: int) -> int:
        left = self._left
        gone = {s for s in self._without if low <= s < high and left.has(s)}
        spans = left.doubtful(low, high, self._minus) if self._minus else ()
        for first, after in spans:
            second = left.next(max(first, low) - 1)
            while second is not None and second < min(after, high):
                if self._is_excluded(second):
                    gone.add(second)
                second = left.next(second)
        more = sum(1 for s in self._plus if low <= s < high and (s in gone or not left.has(s)))
        return left.count(low, high) - len(gone) + more

    def _findings(self, second: int) -> list[Finding]:
        main, origin = self._main, wall_of(self.start)
        rule = RuleAt(parse_rule(self.text), main.parts, origin, main.window.last)
        found = rule_findings(rule, Clockwork(main.line, main.walls, self.clock), second)
        shown = instant_text(datetime.fromtimestamp(second, UTC))
        if second in self._plus:
            name = "RDATE" if any(floor_second(r) == second for r in self.rdate) else "DTSTART"
            added = Finding(name, shown, True, reason="added to the rule's fire times")
            found = [*made_optional(f for f in found if f.field != name), added]
        if self.exdate:
            found.append(Finding("EXDATE", shown, second not in self._without, "not excepted"))
        for layer, text in zip(self._minus, self.exrule, strict=True):
            found.append(Finding("EXRULE", shown, not layer.has(second), f"not {text}"))
        return found

    def _first_kept(self, step: Callable[[int], int | None], second: int) -> int | None:
        found = step(second)
        if not self._without and not self._minus:
            return found
        for _ in range(_PATIENCE):
            if found is None or not self._is_excluded(found):
                return found
            found = step(found)
        return None

    def _is_excluded(self, second: int) -> bool:
        return second in self._without or any(layer.has(second) for layer in self._minus)


class _Layer:
    """The fire times of one rule, without dates and exceptions: ``walls`` of its ``window``, up to ``until``."""

    __slots__ = ("line", "parts", "until", "walls", "window")

    def __init__(self, parts: RuleParts, window: Window, line: Timeline) -> None:
        until = parts.until
        self.parts = parts
        self.window = window
        self.walls: Walls = window
        self.line = line
        self.until = LAST_SECOND
        if until is not None and until.tzinfo is not None:
            self.until = floor_second(until)

    @classmethod
    def of(cls, text: str, wall: int, line: Timeline) -> _Layer:
        """A rule's text with the wall of its DTSTART. Raises RecurrenceError."""
        parts = completed(parse_rule(text), _moment(wall))
        return cls(parts, walls_of_rule(parts, wall), line)

    def without(self, others: Iterable[_Layer]) -> _Layer:
        """What other rules leave of the walls. At a clock change two walls may be one fire time still."""
        others = tuple(others)
        layer = _Layer(self.parts, self.window, self.line)
        if any(other.parts == self.parts for other in others):
            layer.walls = Nothing()
            return layer
        minus = [Removed(other.among(self), other.certain) for other in others]
        # Where one is this rule itself but for its end, nothing is left up to there.
        passed = [other.certain for other in others if other.endless == self.endless]
        window = self.window.narrowed(max(passed, default=FIRST_SECOND - DAY), self._latest)
        layer.walls = RemainingWalls(window, minus)
        return layer

    @property
    def certain(self) -> int:
        """The wall up to which this rule certainly holds: an UNTIL in UTC near a clock change leaves doubt."""
        if self.until == LAST_SECOND:
            return self.window.last
        return min(self.window.last, self.until + min(self._offsets(self.until)))

    def among(self, main: _Layer) -> DayByDay:
        """The days and times, exact where ``main`` has walls; compared once for all days where that can be."""
        taken = self.window.parts
        if taken.by_day is None or not meets_all(self.parts, main.parts):
            return taken
        return without_interval(self.parts, self.window.first)

    @property
    def endless(self) -> RuleParts:
        """The parts without COUNT and UNTIL."""
        return replace(self.parts, count=None, until=None)

    @property
    def _latest(self) -> int:
        # No wall beyond is a fire time: where an UNTIL in UTC has passed, nothing more is searched for.
        if self.until == LAST_SECOND:
            return self.window.last
        return self.until + max(self._offsets(self.until)) + DAY

    def doubtful(self, low: int, high: int, others: Iterable[_Layer]) -> list[tuple[int, int]]:
        """Where in ``[low, high)`` a fire time may stand for a wall of its own and another of ``others``."""
        zone = self.line.zone
        years = range(year_of(low), year_of(high) + 1)
        changes = (change for year in years for change in zone.changes_in(year))
        spans = [(c.at, c.at + c.after - c.before) for c in changes if c.after > c.before]
        ends = {other.until for other in others if other.until < LAST_SECOND}
        for end in ends:
            offsets = self._offsets(end)
            spans.append((end - max(offsets) + min(offsets), end + 1))
        return sorted(set(spans))

    def _offsets(self, second: int) -> list[int]:
        around = (second - DAY, second, second + DAY)
        zone = self.line.zone
        return [zone.offset_at(min(max(at, FIRST_SECOND), LAST_SECOND - DAY)) for at in around]

    def next(self, second: int) -> int | None:
        found = self.line.next(self.walls, second)
        return None if found is None or found > self.until else found

    def prev(self, second: int) -> int | None:
        return self.line.prev(self.walls, min(second, self.until + 1))

    def count(self, low: int, high: int) -> int:
        return self.line.count(self.walls, low, min(high, self.until + 1))

    def has(self, second: int) -> bool:
        return self.next(second - 1) == second

    def has_wall(self, wall: int) -> bool:
        return self.walls.next(wall - 1) == wall


def _zone_of(start: object) -> str:
    zone = getattr(start, "tzinfo", None)
    if zone is UTC:
        return "UTC"
    key = getattr(zone, "key", None)
    if not isinstance(key, str):
        raise RecurrenceError(
            "start has no named time zone",
            field="start",
            token=str(start),
            hint="a datetime with a ZoneInfo, or tz=",
        )
    return key


def _start_wall(start: datetime, zone: ZoneInfo) -> int:
    if not isinstance(start, datetime):
        raise RecurrenceError(f"start must be a datetime, not {shown(start)}", field="start")
    try:
        return wall_of(start if start.utcoffset() is None else start.astimezone(zone))
    except OverflowError:
        raise RecurrenceError("start is out of range", field="start") from None


def _moment(wall: int) -> datetime:
    # The wall as a naive datetime.
    return (EPOCH + timedelta(seconds=wall)).replace(tzinfo=None)


def _dates(moments: Iterable[datetime], field: str) -> tuple[datetime, ...]:
    kept = {_in_utc(floor_second(moment, field), field) for moment in listed(moments, field)}
    if len(kept) > _MAX_DATES:
        raise RecurrenceError(f"more than {_MAX_DATES:,} dates", field=field)
    return tuple(sorted(kept))


def _in_utc(second: int, field: str) -> datetime:
    if not FIRST_SECOND <= second <= LAST_SECOND:
        raise RecurrenceError(f"{field} is out of range", field=field)
    return datetime.fromtimestamp(second, UTC)


def _canonical(text: str) -> str:
    return text.upper().removeprefix("RRULE:")
