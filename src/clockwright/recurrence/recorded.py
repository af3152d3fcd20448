"""Zone data that was: the offset changes of some years as plain data, and a zone made of them.

A release of the zone data is gone from the machine once the next is installed. What it said of a zone is a few numbers;
kept, they tell what a rule would have done.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Self
from zoneinfo import ZoneInfo

from .base import Recurrence
from .errors import RecurrenceError, shown
from .zones import Change, Zone, year_of, year_start

YEARS_BEFORE = 1
YEARS_AHEAD = 12
Span = tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneRecord:
    """The offset in force as ``first_year`` (UTC) begins, and the changes up to the end of ``last_year``."""

    first_year: int
    last_year: int
    offset: int
    changes: tuple[Change, ...]

    @classmethod
    def of(cls, zone: Zone, second: int) -> Self:
        """What a zone does around an instant: from a year back to twelve years ahead."""
        year = year_of(second)
        first, last = year - YEARS_BEFORE, year + YEARS_AHEAD
        return cls(
            first_year=first,
            last_year=last,
            offset=zone.offset_entering(first),
            changes=tuple(
                change for year in range(first, last + 1) for change in zone.changes_in(year)
            ),
        )

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """From what ``to_json`` wrote. Raises RecurrenceError (field ``transitions``)."""
        try:
            record = cls(
                first_year=int(data["first_year"]),
                last_year=int(data["last_year"]),
                offset=int(data["offset"]),
                changes=tuple(Change(*map(int, change)) for change in data["changes"]),
            )
        except (KeyError, TypeError, ValueError):
            raise _broken(data) from None
        ats = [change.at for change in record.changes]
        befores = [change.before for change in record.changes]
        afters = [record.offset, *(change.after for change in record.changes)]
        if ats != sorted(set(ats)) or befores != afters[:-1]:
            raise _broken(data)
        return record

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "first_year": self.first_year,
            "last_year": self.last_year,
            "offset": self.offset,
            "changes": [list(change) for change in self.changes],
        }

    def covers(self, low: int, high: int) -> bool:
        """Whether it says what holds in ``[low, high]``."""
        return self.first_year <= year_of(low) and year_of(high) <= self.last_year


def _broken(data: object) -> RecurrenceError:
    return RecurrenceError(
        f"{shown(data)} is no record of a zone",
        field="transitions",
        hint="first_year, last_year, offset and changes [at, before, after], one following from the other",
    )


class _RecordedZone(Zone):
    """A zone that goes by a record in the record's years, and by the present zone data in all others."""

    __slots__ = ("_ats", "_record")

    def __init__(self, key: str, info: ZoneInfo, record: ZoneRecord) -> None:
        super().__init__(key, info)
        self._record = record
        self._ats = [change.at for change in record.changes]

    def offset_at(self, second: int) -> int:
        record = self._record
        if not record.first_year <= year_of(second) <= record.last_year:
            return super().offset_at(second)
        at = bisect_right(self._ats, second)
        return record.changes[at - 1].after if at else record.offset

    def offset_entering(self, year: int) -> int:
        record = self._record
        if year == record.first_year:
            return record.offset
        return super().offset_entering(year)

    def changes_in(self, year: int) -> tuple[Change, ...]:
        record = self._record
        if not record.first_year <= year <= record.last_year:
            return super().changes_in(year)
        start, end = year_start(year), year_start(year + 1)
        return tuple(change for change in record.changes if start <= change.at < end)


def recorded_zone(zone: Zone, record: ZoneRecord) -> Zone:
    """The zone as a record says that it was; what the record does not cover is as in ``zone``."""
    return _RecordedZone(zone.key, zone.info, record)


@dataclass(frozen=True, slots=True)
class Apart:
    """Where two zones have different offsets: half-open spans in order, apart from each other; and by how much at most."""

    spans: tuple[Span, ...] = ()
    leap: int = 0

    def __bool__(self) -> bool:
        return bool(self.spans)

    def __or__(self, other: Apart) -> Apart:
        return Apart(tuple(joined([*self.spans, *other.spans])), max(self.leap, other.leap))


def apart(one: Zone, other: Zone, low: int, high: int) -> Apart:
    """Where in ``[low, high)`` two zones have different offsets."""
    years = range(year_of(low), year_of(high) + 1)
    cuts = {
        change.at for zone in (one, other) for year in years for change in zone.changes_in(year)
    }
    edges = [low, *sorted(cut for cut in cuts if low < cut < high), high]
    spans, leap = [], 0
    for start, end in pairwise(edges):
        by = abs(one.offset_at(start) - other.offset_at(start))
        if by:
            spans.append((start, end))
            leap = max(leap, by)
    return Apart(tuple(joined(spans)), leap)


def joined(spans: Sequence[Span], *, reach: int = 0) -> list[Span]:
    """The same spans, each longer by ``reach`` at both ends, sorted, and those that touch made one."""
    whole: list[Span] = []
    for start, end in sorted((start - reach, end + reach) for start, end in spans):
        if whole and start <= whole[-1][1]:
            whole[-1] = (whole[-1][0], max(end, whole[-1][1]))
        else:
            whole.append((start, end))
    return whole


def zones_of(rule: Recurrence) -> frozenset[str]:
    """The names of all zones that a rule is read in, those of its parts included."""
    return frozenset(_zones_in(rule.to_json()))


def _zones_in(data: object) -> Iterator[str]:
    if isinstance(data, dict):
        if isinstance(tz := data.get("tz"), str):
            yield tz
        data = list(data.values())
    if isinstance(data, list):
        for part in data:
            yield from _zones_in(part)
