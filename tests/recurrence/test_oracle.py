"""The implementation against the definition, around sampled clock changes of every kind."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from clockwright.recurrence import Cron
from clockwright.recurrence.zones import find_zone
from tests.recurrence.oracle import EVERY_POLICY, SECOND, differences, walk_around
from tests.recurrence.probes import calendar_interval, cron, cron_seconds, probes
from tests.recurrence.zonefiles import changes_until, distinct_zones

UNUSUAL = {
    "Africa/Casablanca": 2015,  # four changes in a year, around Ramadan
    "America/Santiago": 2022,  # at midnight
    "America/Caracas": 2016,  # half an hour
    "America/Havana": 2020,  # at midnight, and back at one
    "America/St_Johns": 2005,  # one minute past midnight
    "Antarctica/Troll": 2019,  # two hours
    "Asia/Beirut": 2021,  # back at midnight, into the day before
    "Asia/Gaza": 2022,
    "Asia/Kathmandu": 1985,  # a quarter of an hour
    "Asia/Pyongyang": 2015,
    "Asia/Tehran": 2021,
    "Australia/Lord_Howe": 2019,  # half an hour
    "Europe/Dublin": 2020,  # negative summer time
    "Europe/Lisbon": 1992,
    "Pacific/Apia": 2011,  # a day skipped
    "Pacific/Chatham": 2020,  # three quarters past the hour
    "Pacific/Enderbury": 1994,
    "Pacific/Fakaofo": 2011,
    "Pacific/Kwajalein": 1993,  # a day skipped
}
ODD_SECONDS = {
    "Africa/Monrovia": 1972,  # by 44 minutes and 30 seconds
    "Europe/Amsterdam": 1937,  # by 28 seconds
    "Europe/Dublin": 1916,  # from an offset of -25:21
    "Asia/Singapore": 1905,
}
FIRST_YEAR = int(datetime(1970, 1, 1, tzinfo=UTC).timestamp())
LAST_YEAR = 2050
# Days were skipped only in Pacific/; the others leap three hours at most.
LONG, HALF_DAY, SHORT = timedelta(days=2), timedelta(hours=12), timedelta(hours=5)


def is_in_whole_minutes(change: tuple[int, int, int]) -> bool:
    return all(part % 60 == 0 for part in change)


def sampled_pairs() -> list[tuple[str, int]]:
    rng = random.Random(5545)
    pairs = []
    for zone, year in UNUSUAL.items():
        pairs += [(zone, change.at) for change in find_zone(zone).changes_in(year)]
    every = [
        (zone, change[0])
        for zone in distinct_zones()
        for change in changes_until(zone, LAST_YEAR)
        if change[0] >= FIRST_YEAR and is_in_whole_minutes(change)
    ]
    return pairs + rng.sample(every, 300 - len(pairs))


PAIRS = sampled_pairs()


@pytest.mark.parametrize("chunk", range(6))
def test_rules_agree_with_the_definition_around_clock_changes(chunk):
    """Cron lines, keyword fields, calendar intervals and RFC 5545 rules, in whichever way they are asked (S1-45)."""
    rng, failed = random.Random(chunk), []
    for zone, change in PAIRS[chunk::6]:
        walk = walk_around(change, zone, LONG if zone.startswith("Pacific/") else HALF_DAY)
        near = list(walk.passes)[len(walk.passes) // 2 - rng.randrange(0, 180)]
        for probe in probes(rng, near):
            failed += differences(walk, zone, probe, rng.sample(EVERY_POLICY, 2), rng)
    assert not failed, "\n".join([f"{len(failed)} differences; the first:", *failed[:3]])


def test_the_sample_holds_every_unusual_kind():
    assert len(PAIRS) == 300
    assert {zone for zone, _ in PAIRS} >= UNUSUAL.keys()


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Australia/Lord_Howe", "America/Havana"])
def test_rules_of_seconds_agree_with_the_definition(zone):
    rng, failed = random.Random(zone), []
    for change in find_zone(zone).changes_in(2026):
        walk = walk_around(change.at, zone, SHORT, SECOND)
        near = list(walk.passes)[len(walk.passes) // 2]
        for probe in (cron_seconds(rng, near), cron_seconds(rng, near)):
            failed += differences(walk, zone, probe, rng.sample(EVERY_POLICY, 3), rng)
    assert not failed, failed[:3]


@pytest.mark.parametrize("zone", ODD_SECONDS)
def test_rules_agree_where_the_offset_has_odd_seconds(zone):
    rng, failed = random.Random(zone), []
    changes = find_zone(zone).changes_in(ODD_SECONDS[zone])
    assert not all(is_in_whole_minutes(change) for change in changes)
    for change in changes[:2]:
        walk = walk_around(change.at, zone, SHORT, SECOND)
        near = list(walk.passes)[len(walk.passes) // 2].replace(second=0)
        for probe in (cron(rng, near), calendar_interval(rng, near), cron_seconds(rng, near)):
            failed += differences(walk, zone, probe, rng.sample(EVERY_POLICY, 3), rng)
    assert not failed, failed[:3]


def test_each_second_asks_for_the_same_next_fire_time():
    """Asked from every second in between, the next fire time is the same (S1-45, C-65)."""
    for zone, change in [p for p in PAIRS if p[0] in UNUSUAL][:24]:
        cron = Cron("30 0,1,2,3 * * *", zone)
        start = datetime.fromtimestamp(change, UTC) - timedelta(hours=5)
        times = [t.astimezone(UTC) for t in cron.between(start, start + timedelta(hours=36))]
        for first, second in pairwise(times):
            for step in range(0, int((second - first).total_seconds()), 577):
                asked = first + timedelta(seconds=step)
                assert cron.next_after(asked).astimezone(UTC) == second
                if step:
                    assert cron.prev_before(asked).astimezone(UTC) == first
