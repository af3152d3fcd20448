"""Zones and their clock changes, and the numbers that stand for time in this package.

Instants are integers: seconds since 1970-01-01T00:00:00Z. A *wall* is a naive local time as an
integer, counted the same way as if the local clock were UTC, so that ``wall // 86400`` is the local
day and ``wall % 86400`` the second of that day. ``wall = instant + offset``.

The offsets are learned from ``zoneinfo`` by probing, one year at a time, so that there is one source
of zone data in the process. What a rule does at a change is ``timeline``'s business.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

from .errors import RecurrenceError, shown

DAY: Final = 86_400
EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_ORDINAL: Final = EPOCH.toordinal()
LAST_YEAR: Final = 9999
# Nothing is found before this second: two days' room, so that year 1 can be shown in every zone.
FIRST_SECOND: Final = (1 - EPOCH_ORDINAL + 2) * DAY
LAST_SECOND: Final = (date.max.toordinal() - EPOCH_ORDINAL + 1) * DAY - 1

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
YEARS_KEPT = 4_000  # years of one zone kept in memory; then the store is emptied


class Change(NamedTuple):
    """A clock change: from the instant ``at`` on, the offset is ``after`` (seconds east of UTC)."""

    at: int
    before: int
    after: int


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
        found: list[Change] = []
        low, last = year_start(year) - 1, year_start(year + 1) - 1
        before = self.offset_at(low)
        while low < last:
            high = min(low + _PROBE_STEP, last)
            after = self.offset_at(high)
            if after != before:
                found.append(Change(self._bisect(low, high, before), before, after))
            low, before = high, after
        return tuple(found)

    def _bisect(self, low: int, high: int, before: int) -> int:
        # The offset is ``before`` at low and another at high, with one change between them.
        while high - low > 1:
            middle = (low + high) // 2
            if self.offset_at(middle) == before:
                low = middle
            else:
                high = middle
        return high


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
    return _zone(key)


@lru_cache(maxsize=1_000)
def _zone(key: str) -> Zone:
    # The first two hold leap seconds or duplicates, the others depend on the machine.
    unfit = key.startswith(("right/", "posix/")) or key in {"localtime", "posixrules", "Factory"}
    if not unfit and key.isascii():
        try:
            return Zone(key, ZoneInfo(key))
        except (ValueError, KeyError, OSError):  # unknown, unsafe, a folder, not a zone file
            pass
    raise RecurrenceError(
        f"unknown time zone {shown(key)}",
        field="timezone",
        token=key,
        hint="an IANA name such as Australia/Sydney or UTC",
    )


def wall_of(moment: datetime) -> int:
    """The wall of a naive (or the local face of an aware) datetime, in whole seconds."""
    seconds = moment.hour * 3_600 + moment.minute * 60 + moment.second
    return (moment.toordinal() - EPOCH_ORDINAL) * DAY + seconds
