"""What one clock change does to a rule: the values that `clock_effects` answers with, and their words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby
from typing import Any, Final

from .phrases import ENGLISH
from .policy import ClockPolicy, Fold, Gap
from .zones import Transition, TransitionKind

MOST_WALLS: Final = 60
"""So many wall times of one change are listed; ``count`` says how many there are."""
_FEW: Final = 6  # so many are named in a sentence; of more, the first and the last


class Rhythm(StrEnum):
    """How a rule keeps time, and so which part of a clock policy applies."""

    FIXED = "fixed"  # by wall times
    WILDCARD = "wildcard"  # by wall times, a field of which begins with ``*``
    ELAPSED = "elapsed"  # by seconds that pass
    INSTANT = "instant"  # at single instants


class Outcome(StrEnum):
    """What becomes of a wall time that does not exist (the first three) or comes twice."""

    SKIPPED = "skipped"
    AT_GAP_END = "at_gap_end"
    SHIFTED = "shifted"
    FIRST = "first"
    LAST = "last"
    BOTH = "both"


@dataclass(frozen=True, slots=True, kw_only=True)
class WallEffect:
    """One wall time (naive) of a rule at a clock change, and the instants (UTC) at which it fires instead."""

    wall: datetime
    outcome: Outcome
    instants: tuple[datetime, ...]

    def to_json(self) -> dict[str, Any]:
        """The same, JSON-able."""
        return {
            "wall": self.wall.isoformat(),
            "outcome": str(self.outcome),
            "instants": [instant.isoformat() for instant in self.instants],
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockEffect:
    """What one clock change does to a rule, or to one member of a combination.

    ``policy``: the rule's clock policy, and ``gap`` and ``fold`` what of it applies to its ``rhythm``; all None where the
    rule has no wall times. ``walls``: the first (at most `MOST_WALLS`) of the ``count`` wall times of the rule that do not
    exist or come twice. ``shift``: by how much the runs of a rule of elapsed time are later (or, negative, earlier) on the clock
    from the change on.
    """

    transition: Transition
    rhythm: Rhythm
    policy: ClockPolicy | None = None
    gap: Gap | None = None
    fold: Fold | None = None
    walls: tuple[WallEffect, ...] = ()
    count: int = 0
    shift: timedelta = timedelta()

    @property
    def is_affected(self) -> bool:
        """Whether a wall time of the rule does not exist or comes twice, or its runs move on the clock."""
        return bool(self.count or self.shift)

    def describe(self) -> str:
        """An English sentence: what the clock does, and what becomes of the runs."""
        return f"{_clock_goes(self.transition)}; {self._runs()}."

    def to_json(self) -> dict[str, Any]:
        """The same, JSON-able; lengths of time in seconds, wall times without an offset."""
        change, policy = self.transition, self.policy
        return {
            "timezone": change.zone,
            "at": change.at.isoformat(),
            "kind": str(change.kind),
            "offset_before": _seconds(change.before),
            "offset_after": _seconds(change.after),
            "length": _seconds(change.length),
            "rhythm": str(self.rhythm),
            "gap": None if policy is None else str(self.gap),
            "fold": None if policy is None else str(self.fold),
            "is_affected": self.is_affected,
            "count": self.count,
            "walls": [wall.to_json() for wall in self.walls],
            "shift": _seconds(self.shift),
            "description": self.describe(),
        }

    def _runs(self) -> str:
        if self.shift:
            later = "later" if self.shift > timedelta() else "earlier"
            return (
                f"from then on the runs come {length(self.shift)} {later} on the clock,"
                " as they count elapsed time"
            )
        if not self.count:
            return "no run is affected"
        if self.count > len(self.walls):
            # The rest has one policy, and so fares like those listed.
            return _fate(self.walls, self.count, self.transition)
        fates = groupby(self.walls, key=lambda wall: wall.outcome)
        told = [list(walls) for _, walls in fates]
        return "; ".join(_fate(walls, len(walls), self.transition) for walls in told)


def length(span: timedelta) -> str:
    """A length of time in words: 1 hour, 30 minutes, 1 day; the sign aside."""
    seconds, words = _seconds(abs(span)), []
    for unit, size in (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1)):
        count, seconds = divmod(seconds, size)
        if count:
            words.append(f"{count} {unit}{'' if count == 1 else 's'}")
    return ENGLISH.all_of(words)


def _clock_goes(change: Transition) -> str:
    leaves, lands = change.leaves, change.lands
    back = "" if change.kind is TransitionKind.GAP else "back "
    return (
        f"On {ENGLISH.day(leaves)} the clock in {change.zone} goes {back}from {_clock(leaves, leaves)}"
        f" to {_clock(lands, leaves)}"
    )


def _clock(wall: datetime, beside: datetime) -> str:
    # A time of day, with its date where that is not the sentence's.
    text = ENGLISH.clock(wall.hour, wall.minute, wall.second)
    return text if wall.date() == beside.date() else f"{text} on {ENGLISH.day(wall)}"


def _fate(walls: Sequence[WallEffect], count: int, change: Transition) -> str:
    beside, is_one = change.leaves, count == 1
    if count > _FEW or count > len(walls):
        first, last = _clock(walls[0].wall, beside), _clock(walls[-1].wall, beside)
        reach = f"from {first} to {last}" if count == len(walls) else f"from {first} on"
        runs = f"the {count:,} runs {reach}"
    else:
        times = ENGLISH.all_of([_clock(wall.wall, beside) for wall in walls])
        runs = f"the run{'' if is_one else 's'} of {times}"
    return f"{runs} {_verb(walls[0], change, is_one=is_one)}"


def _verb(wall: WallEffect, change: Transition, *, is_one: bool) -> str:
    happen = "happens" if is_one else "happen"
    match wall.outcome:
        case Outcome.SKIPPED:
            return f"{'does' if is_one else 'do'} not happen"
        case Outcome.AT_GAP_END:
            once = "" if is_one else ", as one run"
            return f"{happen} at {_clock(change.lands, change.leaves)} instead{once}"
        case Outcome.SHIFTED:
            return f"{happen} {length(change.length)} later"
        case Outcome.FIRST:
            return f"{happen} the first time only"
        case Outcome.LAST:
            return f"{happen} the second time only"
        case Outcome.BOTH:
            return f"{happen} both times"


def _seconds(span: timedelta) -> int:
    return span // timedelta(seconds=1)
