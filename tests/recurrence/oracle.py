"""Fire times from the definition alone: walk every UTC minute (or second) and compare wall clocks.

Nothing here knows masks, offsets or stretches. What a rule means is a predicate on wall times; how the product is told
the same rule is in `probes`.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

from clockwright.recurrence import ClockPolicy, Recurrence
from tests.recurrence.probes import Probe

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
EVERY_POLICY = tuple(
    ClockPolicy(*parts)
    for parts in product(
        ("run_at_gap_end", "skip", "shift"), ("first", "last", "both"), ("fixed", "all")
    )
)


@dataclass(frozen=True)
class Matches:
    """The matching wall times of a walk: those shown once, those shown twice, those never shown."""

    once: frozenset[datetime]
    twice: tuple[tuple[datetime, datetime], ...]
    never: tuple[tuple[datetime, datetime], ...]  # first instant after the gap, shifted instant

    def fire_times(self, policy: ClockPolicy, *, is_wildcard: bool) -> list[datetime]:
        gap, fold = policy.gap, policy.fold
        if is_wildcard and policy.scope == "fixed":
            gap, fold = "skip", "both"
        fired = set(self.once)
        for first, last in self.twice:
            fired.update({"first": (first,), "last": (last,), "both": (first, last)}[fold])
        if gap != "skip":
            fired.update(
                gap_end if gap == "run_at_gap_end" else late for gap_end, late in self.never
            )
        return sorted(fired)


@dataclass(frozen=True)
class Walk:
    """Each minute (or second) around a change: which instants show a wall time, and which walls were leapt."""

    start: datetime  # nothing at it is known; all is after it, up to ``end``
    end: datetime
    passes: dict[datetime, list[datetime]]
    leapt: dict[datetime, tuple[datetime, datetime]]  # wall: first instant after, shifted instant

    def matches(self, probe: Probe) -> Matches:
        found = [instants for wall, instants in self.passes.items() if probe.admits(wall)]
        return Matches(
            frozenset(instants[0] for instants in found if len(instants) == 1),
            tuple((instants[0], instants[-1]) for instants in found if len(instants) > 1),
            tuple(moved for wall, moved in self.leapt.items() if probe.admits(wall)),
        )


def walk_around(change: int, zone: str, reach: timedelta, step: timedelta = MINUTE) -> Walk:
    """Each step from ``reach`` before an instant to ``reach`` after it."""
    info = ZoneInfo(zone)
    start = datetime.fromtimestamp(change, UTC) - reach
    passes: dict[datetime, list[datetime]] = {}
    leapt: dict[datetime, tuple[datetime, datetime]] = {}
    before = start.astimezone(info).replace(tzinfo=None, fold=0)
    instant = start
    for instant in (start + step * n for n in range(1, 2 * reach // step + 1)):
        wall = instant.astimezone(info).replace(tzinfo=None, fold=0)
        passes.setdefault(wall, []).append(instant)
        missing = before + step
        while missing < wall:
            leapt[missing] = (instant, instant + (missing - before - step))
            missing += step
        before = wall
    return Walk(start, instant, passes, leapt)


def differences(
    walk: Walk, zone: str, probe: Probe, policies: Iterable[ClockPolicy], rng: random.Random
) -> Iterator[str]:
    """Where a rule of the product differs from the definition, in whatever way it is asked; in words."""
    matches = walk.matches(probe)
    for policy in policies:
        wanted = matches.fire_times(policy, is_wildcard=probe.is_wildcard)
        rule = probe.build(zone, policy)
        for question, given in _answers(rule, walk.start, walk.end):
            if given != wanted:
                wrong = sorted(set(given) ^ set(wanted)) or "the order, or one twice"
                yield f"{rule!r} by {question}: {len(given)} for {len(wanted)}, wrong: {wrong[:4]}"
        if (count := rule.count_between(walk.start, walk.end)) != len(wanted):
            yield f"{rule!r}: counted {count} for {len(wanted)}"
        for _ in range(4):
            asked = walk.start + (walk.end - walk.start) * rng.random()
            after, before = _utc(rule.next_after(asked)), _utc(rule.prev_before(asked))
            if after != next((t for t in wanted if t > asked), after):
                yield f"{rule!r}: {after} comes after {asked}"
            if before != next((t for t in reversed(wanted) if t < asked), before):
                yield f"{rule!r}: {before} comes before {asked}"


def _utc(moment: datetime | None) -> datetime | None:
    # Python finds a time that the clock shows twice unlike any other, unless both are in one zone.
    return None if moment is None else moment.astimezone(UTC)


def _answers(
    rule: Recurrence, start: datetime, end: datetime
) -> Iterator[tuple[str, list[datetime]]]:
    yield "between", [t.astimezone(UTC) for t in rule.between(start, end)]
    onward, moment = [], rule.next_after(start)
    while moment is not None and moment <= end:
        onward.append(moment.astimezone(UTC))
        moment = rule.next_after(onward[-1])
    yield "next_after", onward
    back, moment = [], rule.prev_before(end + timedelta(microseconds=1))
    while moment is not None and moment > start:
        back.append(moment.astimezone(UTC))
        moment = rule.prev_before(back[-1])
    yield "prev_before", back[::-1]
