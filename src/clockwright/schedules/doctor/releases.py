"""What was recorded of the zone data beside what the present zone data says. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache, reduce
from operator import or_

from clockwright.recurrence import Recurrence, RecurrenceError, from_json
from clockwright.recurrence.compare import REACH
from clockwright.recurrence.recorded import Apart, Span, ZoneRecord, apart, recorded_zone
from clockwright.recurrence.zones import Zone, find_zone
from clockwright.schedules.store.saved import Group, Suspects
from clockwright.schedules.store.zone_records import Records

AHEAD = timedelta(days=366)
"""How far ahead rules are compared: the coming year, a leap day included."""


@dataclass(frozen=True, slots=True, eq=False)
class Release:
    """One release of the zone data as far as it was recorded, within a window of seconds.

    `zones` are those that were recorded and are still known; `apart` says where the present zone data has another
    offset; `unknown` are zones that schedules are read in and whose clock then cannot be told, or is not known now.
    """

    zones: Mapping[str, Zone]
    apart: Mapping[str, Apart]
    unknown: frozenset[str] = frozenset()
    is_present: bool = False

    def unrecorded(self, zones: frozenset[str]) -> list[str]:
        """Those of some zones whose clock under this release is not known any more."""
        return [] if self.is_present else sorted(zones - self.zones.keys())

    def apart_in(self, zones: frozenset[str]) -> Apart:
        """Where the clocks of some zones are not what they were."""
        return reduce(
            or_, (self.apart[zone] for zone in sorted(zones & self.apart.keys())), Apart()
        )


@dataclass(frozen=True, slots=True)
class Releases:
    """All releases under which schedules were saved, and the window in which they are compared: half-open."""

    window: Span
    by_version: Mapping[str, Release]
    named: frozenset[str] = frozenset()

    @classmethod
    def of(cls, records: Records, groups: list[Group], now: datetime, present: str) -> Releases:
        """From what the store knows; `present` is the release in use, whose zones need no record."""
        low = int(now.timestamp()) + 1
        window = (low, low + int(AHEAD.total_seconds()))
        versions = {group.tzdata_version for group in groups} | records.keys()
        named = {
            version: {g.zone for g in groups if g.tzdata_version == version} for version in versions
        }
        return cls(
            window,
            {
                version: _release(
                    records.get(version, {}), named[version], window, is_present=version == present
                )
                for version in versions
            },
            frozenset(group.zone for group in groups if is_zone(group.zone)),
        )

    @property
    def known_zones(self) -> frozenset[str]:
        """All zones that schedules were saved in, or are named by, as far as they are known now."""
        return self.named | {zone for r in self.by_version.values() for zone in r.zones}

    def suspects(self, community: str | None = None, *, also_engine: bool = True) -> Suspects:
        """The schedules that must be looked at one by one."""
        return Suspects(
            zones={
                version: release.apart.keys() | release.unknown
                for version, release in self.by_version.items()
                if release.apart or release.unknown
            },
            also_engine=also_engine,
            community=community,
        )


def _release(
    records: Mapping[str, ZoneRecord], named: set[str], window: Span, *, is_present: bool
) -> Release:
    zones, differing = {}, {}
    for key, record in records.items():
        zone = _known(key)
        if zone is None or not record.covers(*window):
            continue
        zones[key] = recorded_zone(zone, record)
        if found := apart(zones[key], zone, window[0] - REACH, window[1] + REACH):
            differing[key] = found
    gone = frozenset(key for key in named if _known(key) is None)
    unrecorded = frozenset() if is_present else frozenset(named - zones.keys())
    return Release(zones, differing, gone | unrecorded, is_present)


def is_zone(key: str) -> bool:
    """Whether the present zone data know a zone of this name."""
    return _known(key) is not None


def _known(key: str) -> Zone | None:
    try:
        return find_zone(key)
    except RecurrenceError:
        return None


@lru_cache(maxsize=10_000)
def rule_in(release: Release, text: str) -> Recurrence:
    """A stored rule as it was under a release. Raises RecurrenceError."""
    return from_json(json.loads(text), zones=release.zones)
