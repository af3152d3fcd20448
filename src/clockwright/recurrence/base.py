"""What every recurrence has in common: the protocol, the bounds, the step from integers to datetimes.

A rule itself answers three questions about whole seconds since 1970 (UTC): the next fire time, the previous one, how
many there are in a range. All else follows here, once.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain, islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from .bounds import (
    UNBOUNDED,
    Bounds,
    Span,
    ceil_second,
    floor_second,
    instant_text,
    utc_ends,
    utc_spans,
)
from .explain import Explanation, Finding, bounds_findings, explanation, shown_in
from .layers import ClockLayer, WallLayer
from .phrases import ENGLISH, Phrases
from .policy import ClockPolicy
from .walls import Walls
from .zones import DAY, FIRST_SECOND, LAST_SECOND

SHORTEST_SPAN: Final = 3_600
_LONGEST_SPAN: Final = 400 * 366 * DAY
_MOST_AT_ONCE: Final = 4_096


def fitting_span(span: int, found: int, longest: int) -> int:
    """How many seconds to look at in one go, when ``span`` seconds held ``found`` fire times: some dozens are good.

    What was sparse so far may be dense in what follows: ``longest`` is what can be borne then too.
    """
    if found > 256:
        return max(span // 8, 1)
    return min(span * 8, longest) if found < 16 else span


def bearable_span(per_day: int, most: int = _MOST_AT_ONCE) -> int:
    """How many seconds hold some ``most`` fire times at most, where a day has no more than ``per_day``."""
    return min(max(most * DAY // max(per_day, 1), SHORTEST_SPAN), _LONGEST_SPAN)


class Recurrence(ABC):
    """An immutable rule that yields instants.

    Instants go in as aware datetimes of any zone and come out aware, in the rule's zone ``tz``, to whole seconds.
    Rules are equal when they are written alike, and hashable. ``start`` and ``end`` are both included. Every method
    that takes an instant raises RecurrenceError for a naive one.
    """

    __slots__ = ()

    tz: str
    start: datetime | None
    end: datetime | None
    timezone: ZoneInfo
    _bounds: Bounds

    def next_after(self, instant: datetime) -> datetime | None:
        """The first fire time strictly after ``instant``; None when there is none."""
        found = self.next_second(floor_second(instant))
        return None if found is None else datetime.fromtimestamp(found, self.timezone)

    def prev_before(self, instant: datetime) -> datetime | None:
        """The last fire time strictly before ``instant``; None when there is none."""
        found = self.prev_second(ceil_second(instant))
        return None if found is None else datetime.fromtimestamp(found, self.timezone)

    def between(self, start: datetime, end: datetime) -> Iterator[datetime]:
        """The fire times in ``(start, end]``, in order: those a watermark at ``start`` still owes."""
        first, last = floor_second(start, "start"), floor_second(end, "end")
        seconds, zone = self._chunks(first, last), self.timezone
        return (datetime.fromtimestamp(s, zone) for chunk in seconds for s in chunk)

    def count_between(self, start: datetime, end: datetime) -> int:
        """How many fire times lie in ``(start, end]``, without walking them."""
        first, last = floor_second(start, "start"), floor_second(end, "end")
        return self.count_seconds(first + 1, last + 1)

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """The first ``count`` fire times strictly after ``after``; fewer when the rule ends."""
        found, zone = self.upcoming_seconds(floor_second(after, "after"), count), self.timezone
        return [datetime.fromtimestamp(s, zone) for s in found]

    def is_possible(self) -> bool:
        """Whether the rule has any fire time at all (``0 0 30 2 *`` has none): one is found from either end of time."""
        if self.next_second(FIRST_SECOND - 1) is not None:
            return True
        return self.prev_second(LAST_SECOND + 1) is not None

    def explain(self, instant: datetime) -> Explanation:
        """Why ``instant`` is a fire time, or is not: what each part of the rule says of it."""
        second = floor_second(instant)
        wall, bounds = shown_in(self.timezone, instant), self._bounds
        return explanation(
            wall,
            self.tz,
            [
                *self._findings(second),
                *bounds_findings(second, self.timezone, (bounds.low, bounds.high), bounds.holes),
            ],
            fires=not instant.microsecond and self.next_second(second - 1) == second,
            around=(self.prev_before(instant), self.next_after(instant)),
        )

    @abstractmethod
    def describe(self, phrases: Phrases = ENGLISH) -> str:
        """The rule as a sentence, in the language of ``phrases``."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The rule as JSON-able data; ``from_json`` makes an equal rule of it."""

    @property
    def longest_span(self) -> int:
        """How many seconds may be listed in one go, however dense the rule becomes in them."""
        return SHORTEST_SPAN

    @property
    def effort(self) -> int:
        """What one answer may cost, in steps of arithmetic: 1 for all that need not search."""
        return 1

    def next_second(self, second: int) -> int | None:
        """``next_after`` in whole seconds since 1970 (UTC)."""
        if second >= LAST_SECOND:
            return None
        if self._bounds is UNBOUNDED:
            return self._next(max(second, FIRST_SECOND - 1))
        return self._bounds.next(self._next, max(second, FIRST_SECOND - 1))

    def prev_second(self, second: int) -> int | None:
        """``prev_before`` in whole seconds since 1970 (UTC)."""
        if second <= FIRST_SECOND:
            return None
        return self._bounds.prev(self._prev, min(second, LAST_SECOND + 1))

    def count_seconds(self, low: int, high: int) -> int:
        """How many fire times lie in ``[low, high)``, in whole seconds since 1970 (UTC)."""
        return self._bounds.count(self._count, low, high)

    def upcoming_seconds(self, second: int, count: int) -> list[int]:
        """``upcoming`` in whole seconds since 1970 (UTC)."""
        chunks = self._chunks(second, LAST_SECOND) if count > 0 else ()
        return list(islice(chain.from_iterable(chunks), max(count, 0)))

    def seconds_within(self, low: int, high: int) -> list[int]:
        """All fire times in ``[low, high)`` at once, in whole seconds since 1970 (UTC)."""
        if self._bounds is UNBOUNDED:
            return self._within(low, high)
        return self._bounds.within(self._within, low, high)

    def clock_layers(self) -> tuple[ClockLayer, ...]:
        """What a clock change acts upon: the wall times, or the period, that the rule is made of.

        A combination answers with its members' layers. None for a rule of single instants.
        """
        return ()

    def _wall_layers(
        self, walls: Walls, clock: ClockPolicy | str, *, is_wildcard: bool = False
    ) -> tuple[ClockLayer, ...]:
        # Of a rule that is one set of wall times within bounds.
        bounds = self._bounds

        def admits(_wall: int, second: int) -> bool:
            return bounds.next(lambda before: before + 1, second - 1) == second

        layer = WallLayer(
            tz=self.tz,
            walls=walls,
            policy=ClockPolicy.of(clock),
            is_wildcard=is_wildcard,
            admits=None if bounds is UNBOUNDED else admits,
        )
        return (layer,)

    @abstractmethod
    def _next(self, second: int) -> int | None:
        """The first fire time after ``second``, bounds aside."""

    @abstractmethod
    def _prev(self, second: int) -> int | None:
        """The last fire time before ``second``, bounds aside."""

    @abstractmethod
    def _count(self, low: int, high: int) -> int:
        """How many fire times lie in ``[low, high)``, bounds aside."""

    def _within(self, low: int, high: int) -> list[int]:
        # The fire times in ``[low, high)``, bounds aside: one after the other, unless a rule knows better.
        found: list[int] = []
        second = self._next(low - 1)
        while second is not None and second < high:
            found.append(second)
            second = self._next(second)
        return found

    def _chunks(self, after: int, last: int) -> Iterator[list[int]]:
        # The fire times in ``(after, last]`` in lists of bearable length.
        span, longest = SHORTEST_SPAN, self.longest_span
        while (found := self.next_second(after)) is not None and found <= last:
            after = min(found + span - 1, last)
            chunk = self.seconds_within(found, after + 1)
            yield chunk
            span = fitting_span(span, len(chunk), longest)

    @abstractmethod
    def _findings(self, second: int) -> Iterable[Finding]:
        """What each part of the rule says of a second, bounds aside: it fires where all that decide admit it."""

    def _settle(self, **values: Any) -> None:
        # The one place that writes into a frozen rule, from its ``__post_init__``.
        put = object.__setattr__
        for name, value in values.items():
            put(self, name, value)

    def _bind(self, exclude: Iterable[Span] = ()) -> None:
        # Settles ``start``, ``end`` and ``exclude`` in UTC, and the bounds that follow from them.
        if self.start is None and self.end is None and exclude == ():
            return
        start, end = utc_ends(self.start, self.end)
        spans = utc_spans(exclude)
        self._settle(start=start, end=end, _bounds=Bounds.of(start, end, spans))
        if spans:
            self._settle(exclude=spans)

    def __repr__(self) -> str:
        shown_fields = (
            f"{field.name}={value!r}"
            for field in dataclasses.fields(self)  # type: ignore[arg-type]  # every rule is one
            if field.init and (value := getattr(self, field.name)) != field.default
        )
        return f"{type(self).__name__}({', '.join(shown_fields)})"


def bounds_json(rule: Recurrence) -> dict[str, Any]:
    """The JSON of the zone, and of the bounds and exclusions that are set."""
    data: dict[str, Any] = {"tz": rule.tz}
    if rule.start is not None:
        data["start"] = instant_text(rule.start)
    if rule.end is not None:
        data["end"] = instant_text(rule.end)
    if exclude := getattr(rule, "exclude", ()):
        data["exclude"] = [[instant_text(a), instant_text(b)] for a, b in exclude]
    return data


def clock_json(clock: ClockPolicy | str, default: str) -> dict[str, Any]:
    """The JSON of a clock policy, unless it is the default."""
    if clock == default:
        return {}
    if isinstance(clock, str):
        return {"clock": clock}
    return {"clock": {"gap": str(clock.gap), "fold": str(clock.fold), "scope": str(clock.scope)}}
