"""Rules of every kind against the definition, around every clock change of every zone from 2000 to 2040.

Zones that change alike at the same instant show the same wall times around it, so that one walk serves them all. The
first of them is asked about a rule of each kind, the others about one kind in turn, under every policy.
"""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import chain, cycle
from zoneinfo import ZoneInfo

import pytest

from clockwright.recurrence import ClockPolicy
from tests.recurrence.oracle import EVERY_POLICY, Walk, differences, walk_around
from tests.recurrence.probes import Probe, probes
from tests.recurrence.zonefiles import changes_until, distinct_zones

CHUNKS = 32
LONG, SHORT = timedelta(days=2), timedelta(hours=12)
FIRST, LAST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (2000, 2041))
Change = tuple[int, int, int]


@cache
def zones_by_change() -> dict[Change, list[str]]:
    """The zones, one name for each file, in which a change happens."""
    found: dict[Change, list[str]] = {}
    for zone in distinct_zones():
        for change in changes_until(zone, 2040):
            if FIRST <= change[0] < LAST:
                found.setdefault(change, []).append(zone)
    return dict(sorted(found.items()))


def is_walked_alike(walk: Walk, change: Change, zone: str) -> bool:
    """Whether a zone shows, around the change, the wall times of the walk."""
    at, info = datetime.fromtimestamp(change[0], UTC), ZoneInfo(zone)
    instants = (walk.start, at - timedelta(seconds=1), at, walk.end)
    offsets = [int(t.astimezone(info).utcoffset().total_seconds()) for t in instants]
    return offsets == [change[1], change[1], change[2], change[2]]


@pytest.mark.slow
@pytest.mark.limit(1800)
@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_rules_agree_with_the_definition_around_every_clock_change_since_2000(chunk: int) -> None:
    rng, failed = random.Random(chunk), []
    for change, zones in list(zones_by_change().items())[chunk::CHUNKS]:
        reach = LONG if abs(change[2] - change[1]) > 6 * 3_600 else SHORT
        walk = walk_around(change[0], zones[0], reach)
        near = list(walk.passes)[len(walk.passes) // 2 - rng.randrange(0, 180)]
        kinds = probes(rng, near)
        for zone, asked in zip(
            zones, chain([kinds], cycle([probe] for probe in kinds)), strict=False
        ):
            failed += _differences(walk, change, zone, asked, rng)
    assert not failed, "\n".join([f"{len(failed)} differences; the first:", *failed[:5]])


def _differences(
    walk: Walk, change: Change, zone: str, asked: list[Probe], rng: random.Random
) -> list[str]:
    if not is_walked_alike(walk, change, zone):
        walk = walk_around(change[0], zone, (walk.end - walk.start) / 2)
    return [
        text
        for probe in asked
        for text in differences(walk, zone, probe, _policies(probe, rng), rng)
    ]


def _policies(probe: Probe, rng: random.Random) -> list[ClockPolicy]:
    # All that differ in what they do: the scope says nothing of a fixed rule, and of a wildcard rule it is all or none.
    scoped = [policy for policy in EVERY_POLICY if policy.scope == "all"]
    if probe.is_wildcard:
        return [*scoped, rng.choice([p for p in EVERY_POLICY if p.scope == "fixed"])]
    return [replace(policy, scope=rng.choice(("fixed", "all"))) for policy in scoped]


def test_these_are_all_the_changes_there_are() -> None:
    pairs = sum(len(zones) for zones in zones_by_change().values())
    assert pairs > 11_000
    assert len(zones_by_change()) > 3_000
