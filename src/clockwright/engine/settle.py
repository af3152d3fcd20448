"""The heart: account for every fire time up to now, exactly once. Pure; no clock, no I/O.

In this order: bounds, exhausted?, catch-up, grace, overlap, remaining limit. What a settlement does not run it
still records: the first 1,000 fire times with a row each, the rest of a stretch with one reason as a range row.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, NamedTuple, assert_never

from clockwright.engine.failures import is_too_many, paused
from clockwright.engine.model import (
    ROWS_PER_SETTLEMENT,
    CatchUp,
    Reason,
    RunState,
    Schedule,
    ScheduleStatus,
    Settlement,
    Situation,
    Verdict,
)
from clockwright.engine.overlap import Room, admit
from clockwright.engine.spread import start_offset
from clockwright.recurrence import Recurrence

_TICK = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """All fire times in `(after, until]`, none of which runs, for one reason."""

    after: datetime
    until: datetime
    state: RunState
    reason: Reason


class _Choice(NamedTuple):
    """What catch-up and grace leave: stretches that do not run, then candidates that may."""

    stretches: tuple[_Stretch, ...] = ()
    candidates: tuple[datetime, ...] = ()


_NOTHING = _Choice()


class Answers:
    """What rules answered so far: most schedules that are due at one instant have rules in common.

    All answers are in UTC. A rule answers in its own zone, and two datetimes of one zone compare and subtract by their
    wall clocks, which lie in the hour that comes twice.
    """

    __slots__ = ("_known",)

    def __init__(self) -> None:
        # by identity, which is cheap; the value keeps the rule alive, so that no other can come by its number
        self._known: dict[tuple[str, int, datetime], tuple[Recurrence, datetime | None]] = {}

    def next(self, rule: Recurrence, after: datetime) -> datetime | None:
        """The first fire time strictly after an instant."""
        known = self._known.get(("next", id(rule), after))
        return self._learn("next", rule, after, _next(rule, after)) if known is None else known[1]

    def last(self, rule: Recurrence, until: datetime) -> datetime | None:
        """The last fire time up to and including an instant."""
        known = self._known.get(("last", id(rule), until))
        if known is not None:
            return known[1]
        return self._learn("last", rule, until, _prev(rule, until + _TICK))

    def prev(self, rule: Recurrence, before: datetime) -> datetime | None:
        """The last fire time strictly before an instant."""
        known = self._known.get(("prev", id(rule), before))
        return self._learn("prev", rule, before, _prev(rule, before)) if known is None else known[1]

    def _learn(
        self, question: str, rule: Recurrence, instant: datetime, answer: datetime | None
    ) -> datetime | None:
        self._known[question, id(rule), instant] = (rule, answer)
        return answer


def settle(situation: Situation, now: datetime, answers: Answers | None = None) -> Settlement:
    """Account for the fire times in `(settled_until, now]`; a clock that stepped back settles nothing.

    `answers`: to be given to all settlements of a batch.
    """
    schedule, answers = situation.schedule, answers or Answers()
    if now <= schedule.settled_until:
        return Settlement(verdicts=(), schedule=schedule)
    if is_too_many(schedule, situation.failures):
        # nothing is settled: from the watermark on it was paused
        return Settlement(verdicts=(), schedule=paused(schedule), pauses=True)
    if schedule.status not in (ScheduleStatus.ACTIVE, ScheduleStatus.PAUSED):
        return Settlement(verdicts=(), schedule=replace(schedule, settled_until=now))
    after, until = _window(schedule, now)
    if schedule.status is ScheduleStatus.PAUSED:
        # it stays paused, also outside its bounds: what it is to do next is decided when it is resumed
        skipped = [_Stretch(after, until, RunState.SKIPPED, Reason.PAUSED)] if after < until else []
        return Settlement(
            verdicts=_accounted(schedule, skipped), schedule=replace(schedule, settled_until=now)
        )
    if until <= after:
        return Settlement(verdicts=(), schedule=_moved_on(schedule, now, (), answers))
    choice = _catch_up(schedule, (after, until), now, answers)
    admission = admit(
        choice.candidates,
        schedule.policy,
        Room(active=situation.active, buffered=situation.buffered),
    )
    decided = _spread(_limited(admission.verdicts, schedule), schedule, now)
    verdicts = _accounted(schedule, choice.stretches) + decided
    return Settlement(
        verdicts=verdicts,
        schedule=_moved_on(schedule, now, verdicts, answers),
        cancel_running=admission.cancel_running,
    )


def next_fire(schedule: Schedule, after: datetime) -> datetime | None:
    """The first fire time strictly after an instant within the schedule's bounds and limit; None when exhausted."""
    limit = schedule.policy.max_executions
    if limit is not None and schedule.execution_count >= limit:
        return None
    return _upcoming(schedule, after, Answers())


def _upcoming(schedule: Schedule, after: datetime, answers: Answers) -> datetime | None:
    if schedule.start_at is not None:
        after = max(after, schedule.start_at - _TICK)
    fire_time = answers.next(schedule.recurrence, after)
    if fire_time is None or (schedule.end_at is not None and fire_time > schedule.end_at):
        return None
    return fire_time


def _next(rule: Recurrence, after: datetime) -> datetime | None:
    fire_time = rule.next_after(after)
    return None if fire_time is None else fire_time.astimezone(UTC)


def _prev(rule: Recurrence, before: datetime) -> datetime | None:
    fire_time = rule.prev_before(before)
    return None if fire_time is None else fire_time.astimezone(UTC)


def _between(rule: Recurrence, stretch: _Stretch) -> Iterator[datetime]:
    return (fire_time.astimezone(UTC) for fire_time in rule.between(stretch.after, stretch.until))


def _window(schedule: Schedule, now: datetime) -> tuple[datetime, datetime]:
    after = schedule.settled_until
    if schedule.start_at is not None:
        after = max(after, schedule.start_at - _TICK)
    return after, now if schedule.end_at is None else min(now, schedule.end_at)


def _catch_up(
    schedule: Schedule, window: tuple[datetime, datetime], now: datetime, answers: Answers
) -> _Choice:
    """Which of the unsettled fire times are candidates, and why the others are not."""
    rule, (after, until) = schedule.recurrence, window
    last = answers.last(rule, until)
    if last is None or last <= after:
        return _NOTHING
    earlier = answers.prev(rule, last)
    if earlier is None or earlier <= after:
        return _in_grace(schedule, (), last, now)  # the only one: nothing to choose
    match schedule.policy.catch_up:
        case CatchUp.LATEST:
            coalesced = _Stretch(after, last - _TICK, RunState.SKIPPED, Reason.COALESCED)
            return _in_grace(schedule, (coalesced,), last, now)
        case CatchUp.NONE:
            return _Choice((_Stretch(after, until, RunState.SKIPPED, Reason.NOT_CAUGHT_UP),))
        case CatchUp.ALL:
            return _all_in_grace(schedule, after, until, now)
        case _ as never:  # pragma: no cover
            assert_never(never)


def _in_grace(
    schedule: Schedule, stretches: tuple[_Stretch, ...], at: datetime, now: datetime
) -> _Choice:
    """One candidate, unless it is later than the grace period; exactly at the grace it still may start (R14)."""
    grace = schedule.policy.grace
    if grace is None or now - at <= grace:
        return _Choice(stretches, (at,))
    return _Choice((*stretches, _Stretch(at - _TICK, at, RunState.MISSED, Reason.GRACE_EXCEEDED)))


def _all_in_grace(schedule: Schedule, after: datetime, until: datetime, now: datetime) -> _Choice:
    """Every fire time within the grace period, at most the newest `catch_up_limit`."""
    policy, stretches, fresh = schedule.policy, [], after
    if policy.grace is not None and now - policy.grace > after:
        fresh = now - policy.grace - _TICK
        stretches.append(_Stretch(after, min(fresh, until), RunState.MISSED, Reason.GRACE_EXCEEDED))
    newest = tuple(_newest(schedule, fresh, until, policy.catch_up_limit))[::-1]
    if len(newest) == policy.catch_up_limit:
        stretches.append(
            _Stretch(fresh, newest[0] - _TICK, RunState.SKIPPED, Reason.CATCH_UP_LIMIT)
        )
    return _Choice(tuple(stretches), newest)


def _newest(schedule: Schedule, after: datetime, until: datetime, count: int) -> Iterator[datetime]:
    """The last `count` fire times in `(after, until]`, newest first."""
    at = _prev(schedule.recurrence, until + _TICK)
    while at is not None and at > after and count:
        yield at
        count -= 1
        at = _prev(schedule.recurrence, at)


def _limited(verdicts: tuple[Verdict, ...], schedule: Schedule) -> tuple[Verdict, ...]:
    """Keep as many runs as `max_executions` leaves, oldest first; the others are skipped."""
    limit = schedule.policy.max_executions
    if limit is None:
        return verdicts
    left, kept = limit - schedule.execution_count, []
    for verdict in verdicts:
        runs = verdict.state in (RunState.QUEUED, RunState.BUFFERED)
        if runs and left <= 0:
            kept.append(replace(verdict, state=RunState.SKIPPED, reason=Reason.LIMIT_REACHED))
            continue
        left -= runs
        kept.append(verdict)
    return tuple(kept)


def _spread(
    verdicts: tuple[Verdict, ...], schedule: Schedule, now: datetime
) -> tuple[Verdict, ...]:
    """The queued ones each at its place within the jitter, where that has not passed yet."""
    jitter = schedule.policy.jitter
    if not jitter:
        return verdicts
    spread = []
    for verdict in verdicts:
        at = verdict.scheduled_for
        ready_at = at + start_offset(schedule.schedule_id, at, jitter)
        waits = verdict.state is RunState.QUEUED and ready_at > now
        spread.append(replace(verdict, ready_at=ready_at) if waits else verdict)
    return tuple(spread)


def _accounted(schedule: Schedule, stretches: Sequence[_Stretch]) -> tuple[Verdict, ...]:
    """Rows for what does not run: one each while there is room, then one for the rest of a stretch."""
    if not stretches:
        return ()
    verdicts: list[Verdict] = []
    for stretch in stretches:
        room = max(0, ROWS_PER_SETTLEMENT - len(verdicts))
        fire_times = _between(schedule.recurrence, stretch)
        verdicts += (
            Verdict(scheduled_for=at, state=stretch.state, reason=stretch.reason)
            for at in islice(fire_times, room)
        )
        rest = next(iter(fire_times), None)
        if rest is not None:
            verdicts.append(_range(schedule, stretch, rest))
    return tuple(verdicts)


def _range(schedule: Schedule, stretch: _Stretch, first: datetime) -> Verdict:
    rule = schedule.recurrence
    return Verdict(
        scheduled_for=first,
        state=stretch.state,
        reason=stretch.reason,
        covers_until=_prev(rule, stretch.until + _TICK),
        covers_count=rule.count_between(first - _TICK, stretch.until),
    )


def _moved_on(
    schedule: Schedule, now: datetime, verdicts: tuple[Verdict, ...], answers: Answers
) -> Schedule:
    """The schedule after a settlement: watermark, count, next fire time, and whether anything is left."""
    queued = len(
        [v for v in verdicts if v.state is RunState.QUEUED or v.state is RunState.BUFFERED]
    )
    count = schedule.execution_count + queued
    limit = schedule.policy.max_executions
    is_used_up = limit is not None and count >= limit
    upcoming = None if is_used_up else _upcoming(schedule, now, answers)
    moved = Schedule(  # word for word: `replace` costs as much as all the rest of a settlement
        schedule_id=schedule.schedule_id,
        workflow_id=schedule.workflow_id,
        recurrence=schedule.recurrence,
        settled_until=now,
        policy=schedule.policy,
        status=schedule.status,
        status_reason=schedule.status_reason,
        next_execution_at=upcoming,
        start_at=schedule.start_at,
        end_at=schedule.end_at,
        execution_count=count,
        last_execution_at=now if queued else schedule.last_execution_at,
        last_execution_id=schedule.last_execution_id,
        args=schedule.args,
        context=schedule.context,
        key=schedule.key,
        community=schedule.community,
        version=schedule.version,
    )
    if upcoming is not None:
        return moved
    return replace(moved, **_ending(count, verdicts, is_used_up=is_used_up))


def _ending(count: int, verdicts: tuple[Verdict, ...], *, is_used_up: bool) -> dict[str, Any]:
    """How a schedule without a fire time to come ended."""
    if count == 0 and verdicts and verdicts[-1].state is RunState.MISSED:
        # a schedule whose only chance was missed did not complete (R14)
        return {"status": ScheduleStatus.FAILED, "status_reason": Reason.GRACE_EXCEEDED.value}
    reason = Reason.LIMIT_REACHED.value if is_used_up else None
    return {"status": ScheduleStatus.COMPLETED, "status_reason": reason}
