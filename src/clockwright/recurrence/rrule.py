"""RFC 5545 recurrence rules with their additions and exceptions.

Read as sets of wall times: the BY parts filter or expand each period, BYSETPOS chooses from a whole
period, DTSTART counts only if it matches (``include_dtstart`` adds it). Items of BYDAY are united.
A wall time in a gap is shifted by the gap's length, one that is shown twice means the first.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from . import describe
from .base import UNBOUNDED, Recurrence, clock_json, floor_second, instant_text
from .errors import RecurrenceError, shown
from .policy import ClockPolicy
from .rrule_sets import walls_of_rule
from .rrule_text import completed, parse_rule
from .timeline import Timeline, resolve, timeline
from .zones import EPOCH, LAST_SECOND, find_zone, wall_of

_MAX_DATES: Final = 10_000
_MAX_RULES: Final = 10
# So many fire times in a row may be excluded before a search is given up.
_PATIENCE: Final = 100_000


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
        exrules = tuple(self.exrule)
        rdate, exdate = _dates(self.rdate, "rdate"), _dates(self.exdate, "exdate")
        if len(exrules) > _MAX_RULES:
            raise RecurrenceError(f"more than {_MAX_RULES} rules", field="exrule")
        extra = {floor_second(moment) for moment in rdate}
        if self.include_dtstart and (first := resolve(tz, wall, policy)) is not None:
            extra.add(first)
        self._settle(
            text=_canonical(self.text),
            start=_moment(wall).replace(tzinfo=zone.info),
            tz=tz,
            rdate=rdate,
            exdate=exdate,
            exrule=tuple(_canonical(text) for text in exrules),
            clock=policy.name or policy,
            timezone=zone.info,
            _main=_Layer(self.text, wall, line),
            _minus=tuple(_Layer(text, wall, line) for text in exrules),
            _without=frozenset(floor_second(moment) for moment in exdate),
        )
        self._settle(_plus=tuple(sorted(s for s in extra if not self._is_excluded(s))))

    def describe(self) -> str:
        words = [describe.rrule(self._main.parts)]
        words += [f"added dates: {len(self.rdate)}"] if self.rdate else []
        words += [f"excepted dates: {len(self.exdate)}"] if self.exdate else []
        words += [f"but not {describe.rrule(layer.parts)}" for layer in self._minus]
        return describe.sentence(", ".join(words), self)

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

    def _next(self, second: int) -> int | None:
        found = self._first_kept(self._main.next, second)
        at = bisect_right(self._plus, second)
        if at == len(self._plus):
            return found
        return self._plus[at] if found is None else min(found, self._plus[at])

    def _prev(self, second: int) -> int | None:
        found = self._first_kept(self._main.prev, second)
        at = bisect_left(self._plus, second)
        if not at:
            return found
        return self._plus[at - 1] if found is None else max(found, self._plus[at - 1])

    def _count(self, low: int, high: int) -> int:
        if self._minus:
            total, found = 0, self._next(low - 1)
            while found is not None and found < high:
                total, found = total + 1, self._next(found)
            return total
        total = self._main.count(low, high)
        total -= sum(1 for s in self._without if low <= s < high and self._main.has(s))
        return total + sum(1 for s in self._plus if low <= s < high and not self._main.has(s))

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
    """The fire times of one rule, without dates and exceptions."""

    __slots__ = ("_line", "_until", "_walls", "parts")

    def __init__(self, text: str, wall: int, line: Timeline) -> None:
        self.parts = completed(parse_rule(text), _moment(wall))
        until = self.parts.until
        self._line = line
        self._walls = walls_of_rule(self.parts, wall)
        self._until = LAST_SECOND
        if until is not None and until.tzinfo is not None:
            self._until = floor_second(until)

    def next(self, second: int) -> int | None:
        found = self._line.next(self._walls, second)
        return None if found is None or found > self._until else found

    def prev(self, second: int) -> int | None:
        return self._line.prev(self._walls, min(second, self._until + 1))

    def count(self, low: int, high: int) -> int:
        return self._line.count(self._walls, low, min(high, self._until + 1))

    def has(self, second: int) -> bool:
        return self.next(second - 1) == second


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
    return wall_of(start if start.utcoffset() is None else start.astimezone(zone))


def _moment(wall: int) -> datetime:
    # The wall as a naive datetime.
    return (EPOCH + timedelta(seconds=wall)).replace(tzinfo=None)


def _dates(moments: Iterable[datetime], field: str) -> tuple[datetime, ...]:
    kept = {datetime.fromtimestamp(floor_second(moment, field), UTC) for moment in moments}
    if len(kept) > _MAX_DATES:
        raise RecurrenceError(f"more than {_MAX_DATES:,} dates", field=field)
    return tuple(sorted(kept))


def _canonical(text: str) -> str:
    return text.upper().removeprefix("RRULE:")
