"""What happens to fire times that come while `max_instances` runs are active. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from clockwright.engine.model import Overlap, Policy, Reason, RunState, Verdict, value

BUFFER_LIMIT = 1_000
"""How many runs of one schedule may wait under `buffer_all`; a longer queue is a schedule that cannot keep up."""


@value
class Room:
    """How many runs of a schedule are active and how many wait in its buffer."""

    active: int
    buffered: int


@value
class Admission:
    """A verdict for each candidate, in their order, and how many active runs are asked to stop."""

    verdicts: tuple[Verdict, ...]
    cancel_running: int = 0


def admit(candidates: Sequence[datetime], policy: Policy, room: Room) -> Admission:
    """Decide for fire times in the order of time which are queued, buffered or skipped (S2-17)."""
    free = (
        len(candidates)
        if policy.overlap is Overlap.ALLOW
        else max(0, policy.max_instances - room.active)
    )
    if room.buffered and policy.overlap is not Overlap.ALLOW:
        free = 0  # who waits already goes first
    queued = tuple([Verdict(scheduled_for=at, state=RunState.QUEUED) for at in candidates[:free]])
    if len(queued) == len(candidates):
        return Admission(verdicts=queued)
    later = candidates[free:]
    match policy.overlap:
        case Overlap.ALLOW | Overlap.SKIP:
            return Admission(verdicts=queued + _skipped(later, Reason.OVERLAP))
        case Overlap.BUFFER_ONE:
            return Admission(verdicts=queued + _buffered(later, places=1 - room.buffered))
        case Overlap.BUFFER_ALL:
            return Admission(
                verdicts=queued + _buffered(later, places=BUFFER_LIMIT - room.buffered)
            )
        case Overlap.CANCEL_RUNNING:
            return _replace(candidates, policy, room)
        case _ as never:  # pragma: no cover
            assert_never(never)


def _replace(candidates: Sequence[datetime], policy: Policy, room: Room) -> Admission:
    """The newest candidates win: they wait until the runs they replace have stopped."""
    places = policy.max_instances
    older, newest = candidates[:-places], candidates[-places:]
    waiting = room.active + room.buffered
    to_cancel = max(0, waiting + len(newest) - places)
    state = RunState.BUFFERED if to_cancel else RunState.QUEUED
    verdicts = _skipped(older, Reason.REPLACED) + tuple(
        Verdict(scheduled_for=at, state=state) for at in newest
    )
    return Admission(verdicts=verdicts, cancel_running=min(to_cancel, waiting))


def _skipped(fire_times: Sequence[datetime], reason: Reason) -> tuple[Verdict, ...]:
    return tuple(
        Verdict(scheduled_for=at, state=RunState.SKIPPED, reason=reason) for at in fire_times
    )


def _buffered(fire_times: Sequence[datetime], *, places: int) -> tuple[Verdict, ...]:
    places = max(0, places)
    waiting = tuple(
        Verdict(scheduled_for=at, state=RunState.BUFFERED) for at in fire_times[:places]
    )
    return waiting + _skipped(fire_times[places:], Reason.BUFFER_FULL)
