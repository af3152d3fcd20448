"""The implementation against the definition, around sampled clock changes of every kind."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from clockwright.recurrence import ClockPolicy, Cron
from clockwright.recurrence.zones import find_zone
from tests.recurrence.oracle import random_rule, walk_around
from tests.recurrence.zonefiles import distinct_zones, listed_changes

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
POLICIES = [
    ("run_at_gap_end", "first", "fixed"),
    ("skip", "both", "all"),
    ("skip", "first", "all"),
    ("shift", "first", "all"),
    ("run_at_gap_end", "last", "all"),
    ("shift", "last", "fixed"),
    ("run_at_gap_end", "both", "fixed"),
]
DAYS = 2


def usable(change: tuple[int, int, int]) -> bool:
    # The oracle walks whole minutes; the zones of before 1972 with odd seconds are not for it.
    at, before, after = change
    return at >= 63_072_000 and at % 60 == before % 60 == after % 60 == 0


def sampled_pairs() -> list[tuple[str, int]]:
    rng = random.Random(5545)
    pairs = []
    for zone, year in UNUSUAL.items():
        pairs += [(zone, change.at) for change in find_zone(zone).changes_in(year)]
    every = [(z, c[0]) for z in distinct_zones() for c in listed_changes(z) if usable(c)]
    return pairs + rng.sample(every, 300 - len(pairs))


PAIRS = sampled_pairs()


def differences(zone: str, change: int, rng: random.Random) -> list[str]:
    walk = walk_around(change, zone, DAYS)
    # A leap or a return is a day at most: what is asked lies a day after the walk's beginning.
    start, end = walk.start + timedelta(days=1), walk.end - timedelta(hours=6)
    near = list(walk.passes)[len(walk.passes) // 2 - rng.randrange(0, 180)]
    found = []
    for _ in range(2):
        rule = random_rule(rng, near)
        for policy in rng.sample(POLICIES, 2):
            cron = Cron(rule.text, zone, clock=ClockPolicy(*policy))
            fired = walk.fire_times(rule, policy)
            wanted = sorted(t for t in fired if start < t <= end)
            place = f"{rule.text!r} {zone} {policy} around {datetime.fromtimestamp(change, UTC)}"
            given = [t.astimezone(UTC) for t in cron.between(start, end)]
            if given != wanted:
                found.append(f"{place}: {given} instead of {wanted}")
            if cron.count_between(start, end) != len(wanted):
                found.append(f"{place}: counted {cron.count_between(start, end)}")
            back, moment = [], end + timedelta(microseconds=1)
            while (before := cron.prev_before(moment)) is not None and before > start:
                back.append(before.astimezone(UTC))
                moment = back[-1]
            if back[::-1] != wanted:
                found.append(f"{place}: backwards {back[::-1]}")
    return found


@pytest.mark.parametrize("chunk", range(6))
def test_rules_agree_with_the_definition_around_clock_changes(chunk):
    rng = random.Random(chunk)
    failed = [text for pair in PAIRS[chunk::6] for text in differences(*pair, rng)]
    assert not failed, "\n".join([f"{len(failed)} differences; the first:", *failed[:3]])


def test_the_sample_holds_every_unusual_kind():
    assert len(PAIRS) == 300
    assert {zone for zone, _ in PAIRS} >= UNUSUAL.keys()


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
