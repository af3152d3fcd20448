"""Zones and their clock changes, and the numbers that stand for time in this package.

Instants are integers: seconds since 1970-01-01T00:00:00Z. A *wall* is a naive local time as an
integer, counted the same way as if the local clock were UTC, so that ``wall // 86400`` is the local
day and ``wall % 86400`` the second of that day. ``wall = instant + offset``.

The offsets are learned from ``zoneinfo`` by probing, one year at a time, so that there is one source
of zone data in the process. What a rule does at a change is ``timeline``'s business.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from itertools import pairwise, takewhile
from types import MappingProxyType
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo, available_timezones

from .errors import RecurrenceError, shown

DAY: Final = 86_400
_SECOND: Final = timedelta(seconds=1)
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL: Final = EPOCH.toordinal()
LAST_YEAR: Final = 9999
# Nothing is found before this second: two days' room, so that year 1 can be shown in every zone.
FIRST_SECOND: Final = (1 - EPOCH_ORDINAL + 2) * DAY
# And nothing after this one, so that year 9999 can.
LAST_SECOND: Final = (date.max.toordinal() - EPOCH_ORDINAL - 1) * DAY - 1

# Two offset changes of a zone have never been less than 4 days apart (Freetown 1939; since 1970 less than 7 days), so
# that probes 3 days apart miss none. A test compares every zone with its compiled file.
_PROBE_STEP = 3 * DAY
_OLDEST_CHANGE = 1800  # local mean time before; the oldest transition on file is of 1834
# From here every zone follows a yearly rule (the last listed change is Casablanca's, 2087): years of one kind, that is
# equally long and beginning on the same weekday, change their clocks at the same second of the year.
_PERIODIC = 2101
_REPRESENTATIVES: Final = {
    (
        date(year + 1, 1, 1).toordinal() - date(year, 1, 1).toordinal(),
        date(year, 1, 1).weekday(),
    ): year
    for year in range(_PERIODIC + 39, _PERIODIC - 1, -1)
}
_ALIKE: Final = 0.83  # of 1: below it a suggestion misleads
_LONGEST_NAME: Final = (
    100  # twice as long as any there is; ``zoneinfo`` imports a package for each slash
)
YEARS_KEPT = 4_000  # years of one zone kept in memory; then the store is emptied


class Change(NamedTuple):
    """A clock change: from the instant ``at`` on, the offset is ``after`` (seconds east of UTC)."""

    at: int
    before: int
    after: int


class TransitionKind(StrEnum):
    """What a clock change does to wall times."""

    GAP = "gap"
    FOLD = "fold"


@dataclass(frozen=True, slots=True)
class Transition:
    """A clock change of ``zone``: from the instant ``at`` (UTC) on, the offset is ``after`` instead of ``before``.

    A *gap* leaps over the wall times ``[leaves, lands)``; a *fold* shows ``[lands, leaves)`` twice.
    """

    zone: str
    at: datetime
    before: timedelta
    after: timedelta

    @property
    def kind(self) -> TransitionKind:
        return TransitionKind.GAP if self.after > self.before else TransitionKind.FOLD

    @property
    def length(self) -> timedelta:
        """How much wall time is leapt over or shown twice; positive."""
        return abs(self.after - self.before)

    @property
    def leaves(self) -> datetime:
        """The wall time (naive) that the clock would show at ``at``, had it not been changed."""
        return (self.at + self.before).replace(tzinfo=None)

    @property
    def lands(self) -> datetime:
        """The wall time (naive) that it shows instead."""
        return (self.at + self.after).replace(tzinfo=None)


class Zone:
    """An IANA zone and its offset changes, learned year by year and kept."""

    __slots__ = ("_years", "info", "key")

    def __init__(self, key: str, info: ZoneInfo) -> None:
        self.key = key
        self.info = info
        self._years: dict[int, tuple[Change, ...]] = {}

    def offset_at(self, second: int) -> int:
        """Seconds east of UTC in force at an instant."""
        offset = datetime.fromtimestamp(second, self.info).utcoffset()
        assert offset is not None  # noqa: S101 - a ZoneInfo always knows
        return offset.days * DAY + offset.seconds

    def offset_entering(self, year: int) -> int:
        """The offset in force just before the UTC year begins."""
        return self.offset_at(year_start(_known_year(max(year, _OLDEST_CHANGE))) - 1)

    def changes_in(self, year: int) -> tuple[Change, ...]:
        """The changes of offset in a UTC year, in order."""
        if not _OLDEST_CHANGE <= year <= LAST_YEAR:
            return ()
        known = self._years.get(year)
        if known is None:
            if len(self._years) >= YEARS_KEPT:
                self._years.clear()
            known = self._years[year] = self._learn(year)
        return known

    def _learn(self, year: int) -> tuple[Change, ...]:
        model = _known_year(year)
        if model != year:
            shift = year_start(year) - year_start(model)
            return tuple(change._replace(at=change.at + shift) for change in self.changes_in(model))
        last = year_start(year + 1) - 1
        probes = [*range(year_start(year) - 1, last, _PROBE_STEP), last]
        info, instant = self.info, datetime.fromtimestamp
        offsets = [instant(second, info).utcoffset() for second in probes]
        return tuple(
            self._change_between(low, high)
            for (low, before), (high, after) in pairwise(zip(probes, offsets, strict=True))
            if before != after
        )

    def _change_between(self, low: int, high: int) -> Change:
        # The offset at low is another than at high, with one change between them.
        before, after = self.offset_at(low), self.offset_at(high)
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset_at(middle) == before:
                low = middle
            else:
                high = middle
        return Change(high, before, after)


def year_start(year: int) -> int:
    """The first second of a UTC year (10000 included, as an end)."""
    ordinal = date(year, 1, 1).toordinal() if year <= LAST_YEAR else date.max.toordinal() + 1
    return (ordinal - EPOCH_ORDINAL) * DAY


def year_of(second: int) -> int:
    """The UTC year that holds an instant."""
    return date.fromordinal(second // DAY + EPOCH_ORDINAL).year


def _known_year(year: int) -> int:
    # A year whose changes can be probed and are, second for second, those of ``year``.
    if year < _PERIODIC:
        return year
    first = date(year, 1, 1).toordinal()
    length = (date(year + 1, 1, 1) if year < LAST_YEAR else date.max).toordinal() - first
    return _REPRESENTATIVES[max(length, 365), date(year, 1, 1).weekday()]


def find_zone(key: str) -> Zone:
    """The zone of an IANA name. Raises RecurrenceError (field ``timezone``) for anything else."""
    if not isinstance(key, str):
        raise RecurrenceError(
            f"a time zone is named by text, not {shown(key)}", field="timezone", token=shown(key)
        )
    return _instead.get().get(key) or _zone(key)


_instead: ContextVar[Mapping[str, Zone]] = ContextVar("_instead", default=MappingProxyType({}))


@contextmanager
def zones_instead(zones: Mapping[str, Zone]) -> Iterator[None]:
    """While a rule is made: let these stand in for the zones of the same names, in this thread or task alone.

    A rule keeps the zones that it was made with.
    """
    token = _instead.set(zones)
    try:
        yield
    finally:
        _instead.reset(token)


@lru_cache(maxsize=1_000)
def _zone(key: str) -> Zone:
    # The first two hold leap seconds or duplicates, the others depend on the machine.
    unfit = key.startswith(("right/", "posix/")) or key in {"localtime", "posixrules", "Factory"}
    if not unfit and key.isascii() and len(key) <= _LONGEST_NAME:
        try:
            return Zone(key, ZoneInfo(key))
        except (ValueError, KeyError, OSError):  # unknown, unsafe, a folder, not a zone file
            pass
    near = _like(key)
    raise RecurrenceError(
        f"unknown time zone {shown(key)}",
        field="timezone",
        token=key,
        hint=f"did you mean {near}?" if near else "an IANA name such as Australia/Sydney or UTC",
    )


def _like(key: str) -> str | None:
    # The name most alike; longer keys than there are names resemble none, and comparing them would only cost time.
    if len(key) > _LONGEST_NAME:
        return None
    names = _names()
    near = difflib.get_close_matches(key.lower(), names, n=1, cutoff=_ALIKE)
    return names[near[0]] if near else None


@lru_cache(maxsize=1)
def _names() -> Mapping[str, str]:
    # Every name by its small letters, and by its last part alone: of several places with one the first.
    # Etc/GMT+2 lies two hours *west* of Greenwich, which nobody means who writes GMT+2.
    names = sorted(name for name in available_timezones() if not name.startswith("Etc/GMT"))
    whole = {name.lower(): name for name in names}
    return {name.lower().rpartition("/")[2]: name for name in reversed(names)} | whole


def changes_after(zone: Zone, second: int) -> Iterator[Change]:
    """The offset changes of a zone strictly after an instant, in order; ends where there are no more."""
    first = year_of(min(max(second, FIRST_SECOND), LAST_SECOND))
    for year in range(max(first, _OLDEST_CHANGE), LAST_YEAR + 1):
        changes = zone.changes_in(year)
        if not changes and year >= _PERIODIC:
            return  # a yearly rule has no year without
        yield from (change for change in changes if change.at > second)


def transitions(zone: str, start: datetime, end: datetime) -> Iterator[Transition]:
    """The offset changes of an IANA zone in ``(start, end]``, in order, as ``Recurrence.between`` counts.

    A change of abbreviation alone is none. Raises RecurrenceError for an unknown zone and a naive datetime.
    """
    found = find_zone(zone)
    for name, moment in (("start", start), ("end", end)):
        if not isinstance(moment, datetime):
            raise RecurrenceError(f"{name} must be a datetime, not {shown(moment)}", field=name)
        if moment.utcoffset() is None:
            raise RecurrenceError(
                f"{name} is naive",
                field=name,
                token=moment.isoformat(),
                hint="give it a time zone, for example tzinfo=datetime.UTC",
            )
    last = (end - EPOCH) // _SECOND
    changes = changes_after(found, (start - EPOCH) // _SECOND)
    return (transition_of(found, c) for c in takewhile(lambda c: c.at <= last, changes))


def transition_of(zone: Zone, change: Change) -> Transition:
    """A change as aware and timed values."""
    return Transition(
        zone.key,
        datetime.fromtimestamp(change.at, UTC),
        timedelta(seconds=change.before),
        timedelta(seconds=change.after),
    )


def wall_of(moment: datetime) -> int:
    """The wall of a naive (or the local face of an aware) datetime, in whole seconds."""
    seconds = moment.hour * 3_600 + moment.minute * 60 + moment.second
    return (moment.toordinal() - EPOCH_ORDINAL) * DAY + seconds
