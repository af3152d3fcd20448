"""What every recurrence has in common: the protocol, the bounds, the step from integers to datetimes.

A rule itself answers three questions about whole seconds since 1970 (UTC): the next fire time, the previous one, how
many there are in a range. All else follows here, once.
"""

from __future__ import annotations

import dataclasses
from abc import ABC, abstractmethod
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from itertools import islice
from typing import Any, Final
from zoneinfo import ZoneInfo

from .errors import RecurrenceError, shown
from .policy import ClockPolicy
from .zones import DAY, EPOCH, FIRST_SECOND, LAST_SECOND

Span = tuple[datetime, datetime]
_MAX_EXCLUSIONS: Final = 1_000


def floor_second(instant: datetime, field: str = "instant") -> int:
    """Whole seconds since 1970, rounded down. Raises RecurrenceError for a naive datetime."""
    if not isinstance(instant, datetime):
        raise RecurrenceError(f"{field} must be a datetime, not {shown(instant)}", field=field)
    try:
        delta = instant - EPOCH
    except TypeError:
        raise RecurrenceError(
            f"{field} is naive",
            field=field,
            token=instant.isoformat(),
            hint="give it a time zone, for example tzinfo=datetime.UTC",
        ) from None
    return delta.days * DAY + delta.seconds


def ceil_second(instant: datetime, field: str = "instant") -> int:
    """Whole seconds since 1970, rounded up. Raises RecurrenceError for a naive datetime."""
    return floor_second(instant, field) + (instant.microsecond > 0)


@dataclasses.dataclass(frozen=True, slots=True)
class Bounds:
    """Where a rule holds: from ``low`` to ``high`` (seconds, both included), but for ``holes``.

    ``holes`` are half-open, sorted and apart from each other.
    """

    low: int = FIRST_SECOND
    high: int = LAST_SECOND
    holes: tuple[tuple[int, int], ...] = ()

    @classmethod
    def of(
        cls, start: datetime | None, end: datetime | None, exclude: Iterable[Span] = ()
    ) -> Bounds:
        """From aware datetimes; ``start`` and ``end`` included, each exclusion ``[start, end)``."""
        low = FIRST_SECOND if start is None else max(FIRST_SECOND, ceil_second(start, "start"))
        high = LAST_SECOND if end is None else min(LAST_SECOND, floor_second(end, "end"))
        spans = sorted((ceil_second(a, "exclude"), ceil_second(b, "exclude")) for a, b in exclude)
        holes: list[tuple[int, int]] = []
        for first, after in spans:
            if holes and first <= holes[-1][1]:
                holes[-1] = (holes[-1][0], max(after, holes[-1][1]))
            elif first < after:
                holes.append((first, after))
        if low == FIRST_SECOND and high == LAST_SECOND and not holes:
            return UNBOUNDED
        return cls(low, high, tuple(holes))

    def next(self, step: Callable[[int], int | None], second: int) -> int | None:
        """The first fire time after ``second`` that the bounds admit."""
        found = step(max(second, self.low - 1))
        while found is not None and found <= self.high:
            hole = self._hole(found)
            if hole is None:
                return found
            found = step(hole[1] - 1)
        return None

    def prev(self, step: Callable[[int], int | None], second: int) -> int | None:
        """The last fire time before ``second`` that the bounds admit."""
        found = step(min(second, self.high + 1))
        while found is not None and found >= self.low:
            hole = self._hole(found)
            if hole is None:
                return found
            found = step(hole[0])
        return None

    def count(self, counter: Callable[[int, int], int], low: int, high: int) -> int:
        """How many fire times in ``[low, high)`` the bounds admit."""
        low, high = max(low, self.low), min(high, self.high + 1)
        if low >= high:
            return 0
        total = counter(low, high)
        for hole in self.holes:
            first, after = max(hole[0], low), min(hole[1], high)
            if first < after:
                total -= counter(first, after)
        return total

    def _hole(self, second: int) -> tuple[int, int] | None:
        at = bisect_right(self.holes, second, key=_first)
        return self.holes[at - 1] if at and second < self.holes[at - 1][1] else None


def _first(hole: tuple[int, int]) -> int:
    return hole[0]


UNBOUNDED: Final = Bounds()


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
        zone = self.timezone
        return (datetime.fromtimestamp(s, zone) for s in self._seconds(first, last))

    def count_between(self, start: datetime, end: datetime) -> int:
        """How many fire times lie in ``(start, end]``, without walking them."""
        first, last = floor_second(start, "start"), floor_second(end, "end")
        return self.count_seconds(first + 1, last + 1)

    def upcoming(self, after: datetime, count: int) -> list[datetime]:
        """The first ``count`` fire times strictly after ``after``; fewer when the rule ends."""
        seconds = self._seconds(floor_second(after, "after"), LAST_SECOND)
        return [datetime.fromtimestamp(s, self.timezone) for s in islice(seconds, max(count, 0))]

    def is_possible(self) -> bool:
        """Whether the rule has any fire time at all (``0 0 30 2 *`` has none)."""
        return self.next_second(FIRST_SECOND - 1) is not None

    @abstractmethod
    def describe(self) -> str:
        """The rule as an English sentence."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """The rule as JSON-able data; ``from_json`` makes an equal rule of it."""

    def next_second(self, second: int) -> int | None:
        """``next_after`` in whole seconds since 1970 (UTC)."""
        if second >= LAST_SECOND:
            return None
        if self._bounds is UNBOUNDED:
            return self._next(max(second, FIRST_SECOND))
        return self._bounds.next(self._next, max(second, FIRST_SECOND))

    def prev_second(self, second: int) -> int | None:
        """``prev_before`` in whole seconds since 1970 (UTC)."""
        if second <= FIRST_SECOND:
            return None
        return self._bounds.prev(self._prev, min(second, LAST_SECOND))

    def count_seconds(self, low: int, high: int) -> int:
        """How many fire times lie in ``[low, high)``, in whole seconds since 1970 (UTC)."""
        return self._bounds.count(self._count, low, high)

    @abstractmethod
    def _next(self, second: int) -> int | None:
        """The first fire time after ``second``, bounds aside."""

    @abstractmethod
    def _prev(self, second: int) -> int | None:
        """The last fire time before ``second``, bounds aside."""

    @abstractmethod
    def _count(self, low: int, high: int) -> int:
        """How many fire times lie in ``[low, high)``, bounds aside."""

    def _seconds(self, after: int, last: int) -> Iterator[int]:
        found = self.next_second(after)
        while found is not None and found <= last:
            yield found
            found = self.next_second(found)

    def _settle(self, **values: Any) -> None:
        # The one place that writes into a frozen rule, from its ``__post_init__``.
        for name, value in values.items():
            object.__setattr__(self, name, value)

    def _bind(self, exclude: Iterable[Span] = ()) -> None:
        # Settles ``start``, ``end`` and ``exclude`` in UTC, and the bounds that follow from them.
        if self.start is None and self.end is None and exclude == ():
            self._settle(_bounds=UNBOUNDED)
            return
        start, end, spans = utc(self.start, "start"), utc(self.end, "end"), utc_spans(exclude)
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


def utc(instant: datetime | None, field: str) -> datetime | None:
    """A bound as it is kept: in UTC. Raises RecurrenceError for a naive one."""
    if instant is None:
        return None
    floor_second(instant, field)
    try:
        return instant.astimezone(UTC).replace(fold=0)
    except OverflowError:
        raise RecurrenceError(f"{field} is out of range", field=field) from None


def utc_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Exclusions as they are kept: ``[start, end)`` in UTC, sorted. Raises RecurrenceError."""
    kept = []
    for span in spans:
        if len(span) != 2:
            raise RecurrenceError("an exclusion is a pair (start, end)", field="exclude")
        first, after = (utc(x, "exclude") for x in span)
        if first is None or after is None:
            raise RecurrenceError("an exclusion needs both its ends", field="exclude")
        if first >= after:
            raise RecurrenceError("an exclusion must end after it starts", field="exclude")
        kept.append((first, after))
    if len(kept) > _MAX_EXCLUSIONS:
        raise RecurrenceError(f"more than {_MAX_EXCLUSIONS} exclusions", field="exclude")
    return tuple(sorted(kept))


def instant_text(instant: datetime) -> str:
    """An instant as stored: ISO 8601 in UTC with a ``Z``."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


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
