"""What the next clock changes do to a rule, as data.

For each change of the zone: the wall times of the rule that the clock leaps over or shows twice, and what fires instead
of each; for a rule of elapsed time, by how much its runs move on the clock. Nothing is estimated: the wall times are
asked of the rule, and what becomes of them follows from its policy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from heapq import merge
from itertools import islice, takewhile
from typing import Final, NamedTuple, assert_never

from .base import Recurrence
from .bounds import floor_second
from .effects import MOST_WALLS, ClockEffect, Outcome, Rhythm, WallEffect
from .errors import RecurrenceError
from .layers import ClockLayer, ElapsedLayer, WallLayer
from .policy import Fold, Gap
from .walls import Walls
from .zones import (
    DAY,
    EPOCH,
    LAST_SECOND,
    Change,
    Transition,
    Zone,
    changes_after,
    find_zone,
    transition_of,
)

MOST_TRANSITIONS: Final = 100
# So many wall times are looked at in one call: those of a day of seconds, or of an hour at each of 27 changes.
_MOST_LOOKED_AT: Final = 100_000
# A gap may still move a fire time by its length, which is a day at most.
_REACH: Final = 2 * DAY


def clock_effects(
    rule: Recurrence, after: datetime, *, transitions: int = 2, until: datetime | None = None
) -> tuple[ClockEffect, ...]:
    """What the next clock changes, strictly after ``after`` (and not after ``until``), do to ``rule``.

    In order, one for each of the next ``transitions`` (1 to `MOST_TRANSITIONS`) changes of its zone; of a combination,
    one for each member that is affected, in its own zone. Ends early where the zone has no more changes or the rule no
    more fire times. Raises RecurrenceError for a naive datetime, a number out of range, and where the changes act on
    more wall times than can be told.
    """
    if not 1 <= transitions <= MOST_TRANSITIONS:
        raise RecurrenceError(
            f"transitions must be from 1 to {MOST_TRANSITIONS}, not {transitions}",
            field="transitions",
            token=str(transitions),
        )
    first = floor_second(after, "after")
    last = LAST_SECOND if until is None else floor_second(until, "until")
    layers = rule.clock_layers()
    keys = dict.fromkeys([layer.tz for layer in layers] or [rule.tz])
    zones = [find_zone(key) for key in keys]
    timed = merge(*(_changes(zone, first) for zone in zones), key=_instant_of)
    found: list[ClockEffect] = []
    patience = _Patience(_MOST_LOOKED_AT)
    for change, zone in islice(takewhile(lambda pair: pair[0].at <= last, timed), transitions):
        if rule.next_second(change.at - _REACH) is None:
            break
        here = [layer for layer in layers if layer.tz == zone.key]
        found += _effects_at(rule, here, _Moment(change, transition_of(zone, change)), patience)
    return tuple(found)


def _changes(zone: Zone, second: int) -> Iterator[tuple[Change, Zone]]:
    return ((change, zone) for change in changes_after(zone, second))


def _instant_of(pair: tuple[Change, Zone]) -> int:
    return pair[0].at


class _Patience:
    """How many wall times may still be looked at: an answer must not take longer than its reader waits."""

    __slots__ = ("_left",)

    def __init__(self, left: int) -> None:
        self._left = left

    def spend(self, count: int) -> None:
        self._left -= count
        if self._left < 0:
            raise RecurrenceError(
                f"the clock changes act on more than {_MOST_LOOKED_AT:,} wall times",
                field="transitions",
                hint="ask for fewer changes",
            )


class _Moment(NamedTuple):
    """A clock change, in numbers and as it is told."""

    change: Change
    transition: Transition


def _effects_at(
    rule: Recurrence, layers: Sequence[ClockLayer], moment: _Moment, patience: _Patience
) -> list[ClockEffect]:
    """One for each member that is affected; if none is, one that says so."""
    found, room = [ClockEffect(transition=moment.transition, rhythm=Rhythm.INSTANT)], MOST_WALLS
    for layer in layers:
        if isinstance(layer, WallLayer):
            effect = _on_walls(layer, moment, room, patience)
        else:
            effect = _on_elapsed(rule, layer, moment)
        found.append(effect)
        room = max(room - len(effect.walls), 1)
    return [effect for effect in found if effect.is_affected] or found[-1:]


def _on_elapsed(rule: Recurrence, layer: ElapsedLayer, moment: _Moment) -> ClockEffect:
    change, transition = moment
    leap = change.after - change.before
    # Where the period divides the leap, the runs show the same times on the clock as before.
    is_moved = leap % layer.period and (
        rule.prev_second(change.at) is not None and rule.next_second(change.at - 1) is not None
    )
    return ClockEffect(
        transition=transition,
        rhythm=Rhythm.ELAPSED,
        shift=timedelta(seconds=leap if is_moved else 0),
    )


def _on_walls(layer: WallLayer, moment: _Moment, room: int, patience: _Patience) -> ClockEffect:
    change, transition = moment
    gap, fold = layer.policy.for_rhythm(is_wildcard=layer.is_wildcard)
    low, high = sorted((change.at + change.before, change.at + change.after))
    count = layer.walls.count(low, high)
    patience.spend(count)
    outcomes = _outcomes(layer, change, (gap, fold))
    walls = tuple(_told(*outcome) for outcome in islice(outcomes, room))
    if layer.admits is not None:
        # Something may be taken away: the rest is looked at, to be counted.
        count = len(walls) + sum(1 for _ in outcomes)
    return ClockEffect(
        transition=transition,
        rhythm=Rhythm.WILDCARD if layer.is_wildcard else Rhythm.FIXED,
        policy=layer.policy,
        gap=gap,
        fold=fold,
        walls=walls,
        count=count,
    )


def _outcomes(
    layer: WallLayer, change: Change, applied: tuple[Gap, Fold]
) -> Iterator[tuple[int, Outcome, tuple[int, ...]]]:
    """What becomes of each wall time of the layer that does not exist or comes twice."""
    leaves, lands = change.at + change.before, change.at + change.after
    admits = layer.admits
    for wall in _walls_in(layer.walls, min(leaves, lands), max(leaves, lands)):
        if leaves < lands:
            outcome, seconds = _in_gap(applied[0], wall, change)
        else:
            outcome, seconds = _in_fold(applied[1], wall, change)
        if admits is not None:
            asked = seconds or (wall - change.before,)
            kept = tuple(second for second in asked if admits(wall, second))
            if not kept:
                continue
            if len(kept) < len(seconds):  # one pass of two
                outcome = Outcome.FIRST if kept[0] == seconds[0] else Outcome.LAST
            seconds = kept if seconds else ()
        yield wall, outcome, seconds


def _told(wall: int, outcome: Outcome, seconds: tuple[int, ...]) -> WallEffect:
    instants = tuple(datetime.fromtimestamp(second, UTC) for second in seconds)
    naive = (EPOCH + timedelta(seconds=wall)).replace(tzinfo=None)
    return WallEffect(wall=naive, outcome=outcome, instants=instants)


def _walls_in(walls: Walls, low: int, high: int) -> Iterator[int]:
    wall = walls.next(low - 1)
    while wall is not None and wall < high:
        yield wall
        wall = walls.next(wall)


def _in_gap(gap: Gap, wall: int, change: Change) -> tuple[Outcome, tuple[int, ...]]:
    match gap:
        case Gap.SKIP:
            return Outcome.SKIPPED, ()
        case Gap.RUN_AT_GAP_END:
            return Outcome.AT_GAP_END, (change.at,)
        case Gap.SHIFT:
            return Outcome.SHIFTED, (wall - change.before,)
        case _:
            assert_never(gap)


def _in_fold(fold: Fold, wall: int, change: Change) -> tuple[Outcome, tuple[int, ...]]:
    first, last = wall - change.before, wall - change.after
    match fold:
        case Fold.FIRST:
            return Outcome.FIRST, (first,)
        case Fold.LAST:
            return Outcome.LAST, (last,)
        case Fold.BOTH:
            return Outcome.BOTH, (first, last)
        case _:
            assert_never(fold)
