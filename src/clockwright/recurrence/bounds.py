"""Where a rule holds: its first and its last instant, and the stretches between that are left out."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from .errors import RecurrenceError, shown
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


@dataclass(frozen=True, slots=True)
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
        # A bound beyond what can be answered is one just beyond it.
        low = FIRST_SECOND if start is None else _clamped(ceil_second(start, "start"))
        high = LAST_SECOND if end is None else _clamped(floor_second(end, "end") + 1) - 1
        ends = ((ceil_second(a, "exclude"), ceil_second(b, "exclude")) for a, b in exclude)
        spans = sorted((_clamped(first), _clamped(after)) for first, after in ends)
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

    def within(self, lister: Callable[[int, int], list[int]], low: int, high: int) -> list[int]:
        """The fire times in ``[low, high)`` that the bounds admit."""
        low, high = max(low, self.low), min(high, self.high + 1)
        if low >= high:
            return []
        found = lister(low, high)
        for first, after in self.holes[bisect_right(self.holes, low, key=_after) :]:
            if first >= high:
                break
            del found[bisect_left(found, first) : bisect_left(found, after)]
        return found

    def _hole(self, second: int) -> tuple[int, int] | None:
        at = bisect_right(self.holes, second, key=_first)
        return self.holes[at - 1] if at and second < self.holes[at - 1][1] else None


def _clamped(second: int) -> int:
    return min(max(second, FIRST_SECOND), LAST_SECOND + 1)


def _first(hole: tuple[int, int]) -> int:
    return hole[0]


def _after(hole: tuple[int, int]) -> int:
    return hole[1]


UNBOUNDED: Final = Bounds()


def utc(instant: datetime | None, field: str) -> datetime | None:
    """A bound as it is kept: in UTC. Raises RecurrenceError for a naive one."""
    if instant is None:
        return None
    floor_second(instant, field)
    try:
        return instant.astimezone(UTC).replace(fold=0)
    except OverflowError:
        raise RecurrenceError(f"{field} is out of range", field=field) from None


def utc_ends(
    start: datetime | None, end: datetime | None
) -> tuple[datetime | None, datetime | None]:
    """Both bounds as they are kept. Raises RecurrenceError for naive ones, and where nothing lies between them."""
    start, end = utc(start, "start"), utc(end, "end")
    if start is not None and end is not None and end < start:
        raise RecurrenceError(
            f"end {instant_text(end)} lies before start {instant_text(start)}",
            field="end",
            token=instant_text(end),
            hint="swap them, or leave one out",
        )
    return start, end


def listed(values: Iterable[Any], field: str) -> tuple[Any, ...]:
    """What is given as a list, as a tuple. Raises RecurrenceError for what is none."""
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise RecurrenceError(f"{field} must be a list, not {shown(values)}", field=field)
    return tuple(values)


def utc_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Exclusions as they are kept: ``[start, end)`` in UTC, sorted. Raises RecurrenceError."""
    kept = []
    for span in listed(spans, "exclude"):
        if not isinstance(span, (list, tuple)) or len(span) != 2:
            raise RecurrenceError(
                f"an exclusion is a pair (start, end), not {shown(span)}",
                field="exclude",
                token=str(span),
                hint="a list of pairs, also of one: exclude=[(start, end)]",
            )
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
