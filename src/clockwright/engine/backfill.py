"""Running the fire times of a past range after all: which of them, and what becomes of each. Pure; no clock, no I/O.

A fire time that ran, or will, is left alone. One that the ledger has as missed or skipped, or as cancelled before it
began, gets a row of its own that names the other: the first answer stands, and there is a second beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from itertools import islice
from typing import Final
from uuid import UUID

from clockwright.engine.model import Overlap, Policy, Reason, RunState, Schedule, Trigger
from clockwright.engine.overlap import Room, admit
from clockwright.recurrence import Recurrence

OVERLAPS: Final = (Overlap.ALLOW, Overlap.BUFFER_ALL, Overlap.SKIP)
"""The overlap policies a backfill knows. The others choose by which fire time is the newest: its own all passed."""

MOST_FIRE_TIMES: Final = 10_000
"""In the range of one backfill."""

USUAL_LIMIT: Final = 1_000
"""So many are meant where nobody says how many: a range with a wrong year in it is refused, not run."""

MOST_INSTANCES: Final = 10_000

BATCH: Final = 200
"""Fire times decided in one transaction."""

AHEAD: Final = 500
"""Runs of one backfill that may be unfinished at a time; the rest of its range waits in its cursor."""

_TICK = timedelta(microseconds=1)
_DID_NOT_RUN = frozenset({RunState.MISSED, RunState.SKIPPED})


class BackfillState(StrEnum):
    """How a backfill stands. All but the first are final."""

    RUNNING = "running"
    COMPLETED = "completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class BackfillReason(StrEnum):
    """Why a backfill ended before its range did."""

    REQUESTED = "requested"
    SCHEDULE_REMOVED = "schedule_removed"
    RULE_FAILED = "rule_failed"


class Action(StrEnum):
    """What a backfill does about a fire time: `create` a run, create one that `supersede`s a row, or `keep` what ran."""

    CREATE = "create"
    SUPERSEDE = "supersede"
    KEEP = "keep"


@dataclass(frozen=True, slots=True, kw_only=True)
class Range:
    """What is asked for: the fire times from `start` to `end`, both included; more than `limit` of them are refused."""

    start: datetime
    end: datetime
    limit: int = USUAL_LIMIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """How its runs are let go: beside how many others of this backfill, and how urgent they are."""

    overlap: Overlap = Overlap.BUFFER_ALL
    max_instances: int = 1
    priority: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the ledger has for a fire time, alone or in a range row. `run_id` is None for what settling would write."""

    run_id: UUID | None
    state: RunState
    trigger: Trigger
    attempt: int = 0
    reason: Reason | None = None

    @property
    def ran(self) -> bool:
        """Whether this fire time began, or still may."""
        is_cancelled_before = self.state is RunState.CANCELLED and self.attempt == 0
        return not (self.state in _DID_NOT_RUN or is_cancelled_before)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """A fire time of the range, what is done about it, and the row of the ledger that says so."""

    scheduled_for: datetime
    action: Action
    row: Row | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A fire time that gets a run, in which state, and the row it is made beside."""

    scheduled_for: datetime
    state: RunState
    reason: Reason | None
    supersedes: UUID | None


class RangeRefused(ValueError):
    """A range that cannot be meant; `.field` is start, end or limit, the words say what to give instead."""

    def __init__(self, field: str, why: str) -> None:
        self.field = field
        super().__init__(why)


def bounded(schedule: Schedule, wanted: Range, now: datetime) -> tuple[Range, int]:
    """The range within the schedule's bounds and how many fire times it holds; raises RangeRefused."""
    if wanted.end > now:
        raise RangeRefused(
            "end",
            f"{_text(wanted.end)} has not passed; what is to come fires by itself: end by now",
        )
    if wanted.start > wanted.end:
        raise RangeRefused("end", f"{_text(wanted.end)} lies before the range's start")
    start = max(wanted.start, schedule.start_at) if schedule.start_at else wanted.start
    end = min(wanted.end, schedule.end_at) if schedule.end_at else wanted.end
    # no further than one beyond the limit: not every rule can count a long range quickly
    times = schedule.recurrence.between(start - _TICK, end) if start <= end else ()
    total = sum(1 for _ in islice(times, wanted.limit + 1))
    if not total:
        raise RangeRefused("start", "the schedule has no fire time in this range; give a wider one")
    if total > wanted.limit:
        raise RangeRefused(
            "limit",
            f"the range holds more than {wanted.limit:,} fire times, which is the limit; give a shorter"
            f" range, or a limit up to {MOST_FIRE_TIMES:,}",
        )
    return Range(start=start, end=end, limit=wanted.limit), total


def fire_times(
    rule: Recurrence, after: datetime | None, within: Range, count: int
) -> list[datetime]:
    """The first `count` fire times of the range after an instant, in UTC; None: from its start."""
    times = rule.between(within.start - _TICK if after is None else after, within.end)
    return [at.astimezone(UTC) for at in islice(times, count)]


def judge(at: datetime, rows: Sequence[Row]) -> Judged:
    """What to do about a fire time, by all that the ledger has for it."""
    for row in rows:
        if row.ran:
            return Judged(scheduled_for=at, action=Action.KEEP, row=row)
    if not rows:
        return Judged(scheduled_for=at, action=Action.CREATE)
    # the schedule's own answer before that of an earlier backfill
    first = min(rows, key=lambda row: row.trigger is not Trigger.SCHEDULE)
    return Judged(scheduled_for=at, action=Action.SUPERSEDE, row=first)


def decide(judged: Sequence[Judged], terms: Terms, room: Room) -> list[Decided]:
    """Which of them get a run and how it begins; `room` counts the runs of this backfill alone."""
    wanted = {one.scheduled_for: one for one in judged if one.action is not Action.KEEP}
    policy = Policy(overlap=terms.overlap, max_instances=terms.max_instances)
    return [
        Decided(
            scheduled_for=verdict.scheduled_for,
            state=verdict.state,
            reason=verdict.reason,
            supersedes=row.run_id if (row := wanted[verdict.scheduled_for].row) else None,
        )
        for verdict in admit(list(wanted), policy, room).verdicts
    ]


def batch_size(room: Room) -> int:
    """How many fire times may be decided now, when so many runs of the backfill are unfinished."""
    return max(0, min(BATCH, AHEAD - room.active - room.buffered))


def _text(instant: datetime) -> str:
    return instant.astimezone(UTC).isoformat()
