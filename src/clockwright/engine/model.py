"""The engine's words as plain data: schedules, runs, policies, verdicts and the one table of state transitions.

Everything here is immutable and free of I/O. Instants are aware UTC datetimes, durations are `timedelta`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar, dataclass_transform
from uuid import UUID

from clockwright.recurrence import Recurrence

T = TypeVar("T")

MAX_TAKEOVERS = 3
"""After so many takeovers a run is `lost(crashed_node)`, so that a run that kills its node cannot kill the fleet."""

ROWS_PER_SETTLEMENT = 1_000
"""Of the fire times that one settlement does not run, this many get a row each; the rest go into range rows."""


LOWEST_PRIORITY, HIGHEST_PRIORITY = -100, 100
"""Between these, both included, is a priority; more urgent is higher."""


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def value(cls: type[T]) -> type[T]:
    """A dataclass of keywords that nobody changes, by the type checker's word.

    For what every run is made of: `frozen` sets each field three times as slowly.
    """
    return dataclass(slots=True, kw_only=True)(cls)


class Word(StrEnum):
    """A word of the ledger. It hashes as the text it is: `Enum` does so in Python, a dozen times a run."""

    __hash__ = str.__hash__


class ScheduleStatus(Word):
    """What a schedule is doing; `is_active` in the documented table is always `status == ACTIVE` (R9)."""

    ACTIVE = "active"
    PAUSED = "paused"
    COMPLETED = "completed"
    FAILED = "failed"
    REMOVED = "removed"


class RunState(Word):
    """Where a run stands. The last seven are final: the ledger's answer for a fire time."""

    QUEUED = "queued"
    BUFFERED = "buffered"
    RUNNING = "running"
    RETRYING = "retrying"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    TIMED_OUT = "timed_out"
    CANCELLED = "cancelled"
    LOST = "lost"
    MISSED = "missed"
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        """Whether nothing can follow this state."""
        return self in FINAL_STATES


class Reason(Word):
    """Why a run is in its state, where the state alone does not say it."""

    GRACE_EXCEEDED = "grace_exceeded"
    PAUSED = "paused"
    COALESCED = "coalesced"
    NOT_CAUGHT_UP = "not_caught_up"
    CATCH_UP_LIMIT = "catch_up_limit"
    OVERLAP = "overlap"
    BUFFER_FULL = "buffer_full"
    LIMIT_REACHED = "limit_reached"
    ERROR = "error"
    UNKNOWN_FUNCTION = "unknown_function"
    INVALID_PAYLOAD = "invalid_payload"
    INVALID_RESULT = "invalid_result"
    TIMEOUT = "timeout"
    REQUESTED = "requested"
    REPLACED = "replaced"
    SCHEDULE_REMOVED = "schedule_removed"
    BACKFILL_CANCELLED = "backfill_cancelled"
    CRASHED_NODE = "crashed_node"
    AT_MOST_ONCE = "at_most_once"


class PauseReason(StrEnum):
    """Why a schedule paused itself; people give a reason of their own."""

    REPEATED_FAILURES = "repeated_failures"


class Trigger(Word):
    """What made a run: a due schedule, a person, a backfill, or a direct call."""

    SCHEDULE = "schedule"
    MANUAL = "manual"
    BACKFILL = "backfill"
    CALL = "call"


class CatchUp(Word):
    """Which of several unsettled fire times run."""

    LATEST = "latest"
    ALL = "all"
    NONE = "none"


class Overlap(Word):
    """What happens to a fire time when `max_instances` runs are active."""

    SKIP = "skip"
    BUFFER_ONE = "buffer_one"
    BUFFER_ALL = "buffer_all"
    CANCEL_RUNNING = "cancel_running"
    ALLOW = "allow"


_ENDS = frozenset(
    {RunState.SUCCEEDED, RunState.FAILED, RunState.TIMED_OUT, RunState.CANCELLED, RunState.LOST}
)
_NEVER_STARTED = frozenset({RunState.CANCELLED})

TRANSITIONS: Mapping[RunState, frozenset[RunState]] = {
    RunState.BUFFERED: frozenset({RunState.QUEUED}) | _NEVER_STARTED,
    RunState.QUEUED: frozenset({RunState.RUNNING}) | _NEVER_STARTED,
    RunState.RETRYING: frozenset({RunState.RUNNING}) | _NEVER_STARTED,
    # back to QUEUED: its node died or handed it back; the next claim raises the attempt
    RunState.RUNNING: frozenset({RunState.RETRYING, RunState.QUEUED}) | _ENDS,
    **{state: frozenset() for state in (*_ENDS, RunState.MISSED, RunState.SKIPPED)},
}

FINAL_STATES = frozenset(state for state in RunState if not TRANSITIONS[state])
CLAIMABLE_STATES = frozenset({RunState.QUEUED, RunState.RETRYING})
ACTIVE_STATES = frozenset({RunState.QUEUED, RunState.RUNNING, RunState.RETRYING})
"""The states that count against `max_instances`; a buffered run waits outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How a schedule behaves when things are late, overlap or fail.

    `grace`: how late a fire time may still start (exactly at the grace still may); None means any lateness.
    `catch_up_limit`: at most so many unsettled fire times run at once under `CatchUp.ALL`.
    `jitter`: a run is ready up to so much after its fire time, stable per schedule and fire time.
    `max_executions`: None means unlimited. `retry_backoff` doubles with every retry up to `retry_backoff_max`;
    `retry_jitter`: up to this share of it, from 0 to 1, is taken off, stable per run and attempt.
    `no_retry_on`: names of exceptions after which nothing is tried again, as `ValueError` or `shop.errors.Refused`.
    `pause_after_failures`: the schedule pauses itself when so many of its runs in a row failed or timed out for good.
    `timeout`: wall time of one attempt; None means the node's default.
    `priority`: of runs that are ready those with a higher one are claimed first.
    """

    grace: timedelta | None = timedelta(minutes=15)
    catch_up: CatchUp = CatchUp.LATEST
    catch_up_limit: int = 1_000
    overlap: Overlap = Overlap.SKIP
    max_instances: int = 3
    max_executions: int | None = None
    jitter: timedelta = timedelta(0)
    max_retries: int = 3
    retry_backoff: timedelta = timedelta(seconds=2)
    retry_backoff_max: timedelta = timedelta(hours=1)
    retry_jitter: float = 0.0
    no_retry_on: tuple[str, ...] = ()
    pause_after_failures: int | None = None
    timeout: timedelta | None = None
    priority: int = 0


@value
class Schedule:
    """A recurrence with its bounds, policies, workflow and watermark.

    Every fire time up to and including `settled_until` is accounted for; `next_execution_at` is the first one
    after it, or None when the schedule is not active or has no more. `start_at` and `end_at` are inclusive.
    A run calls the workflow with `args` and, as keyword arguments, `context`.
    """

    schedule_id: UUID
    workflow_id: UUID
    recurrence: Recurrence
    settled_until: datetime
    policy: Policy = Policy()
    status: ScheduleStatus = ScheduleStatus.ACTIVE
    status_reason: str | None = None
    next_execution_at: datetime | None = None
    start_at: datetime | None = None
    end_at: datetime | None = None
    execution_count: int = 0
    last_execution_at: datetime | None = None
    last_execution_id: UUID | None = None
    args: Sequence[Any] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    community: str = "default"
    version: int = 1


@value
class Situation:
    """What `settle` looks at: a schedule and how many of its runs are active or buffered now.

    `failures`: how many of its last runs failed in a row, where a pause for them may still be outstanding.
    """

    schedule: Schedule
    active: int = 0
    buffered: int = 0
    failures: int = 0


@value
class Verdict:
    """What becomes of one fire time, or of `covers_count` of them up to and including `covers_until`.

    `ready_at`: a run that is queued may not be claimed before; None for at once.
    """

    scheduled_for: datetime
    state: RunState
    reason: Reason | None = None
    covers_until: datetime | None = None
    covers_count: int = 1
    ready_at: datetime | None = None


@value
class Settlement:
    """The answer of `settle`: verdicts in the order of time, and the schedule as it stands afterwards.

    `cancel_running`: how many of the oldest active runs are asked to stop to make room.
    `pauses`: the schedule pauses itself, before any of these fire times.
    """

    verdicts: tuple[Verdict, ...]
    schedule: Schedule
    cancel_running: int = 0
    pauses: bool = False

    @property
    def queued(self) -> int:
        """How many fire times were given a run."""
        return sum(v.state in (RunState.QUEUED, RunState.BUFFERED) for v in self.verdicts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One row of the ledger, as a store returns it."""

    run_id: UUID
    schedule_id: UUID | None
    workflow_id: UUID
    scheduled_for: datetime
    state: RunState
    reason: Reason | None = None
    trigger: Trigger = Trigger.SCHEDULE
    covers_until: datetime | None = None
    covers_count: int = 1
    priority: int = 0
    attempt: int = 0
    retries: int = 0
    takeovers: int = 0
    node_id: str | None = None
    created_at: datetime | None = None
    ready_at: datetime | None = None
    started_at: datetime | None = None
    finished_at: datetime | None = None
    cancel_requested: bool = False
    at_most_once: bool = False
    result: Any = None
    error: str | None = None
    traceback: str | None = None
    request_id: str | None = None
    args: Sequence[Any] = ()
    context: Mapping[str, Any] = field(default_factory=dict)
    community: str = "default"


@value
class Claim:
    """A node's time-limited right to one attempt at a run; (`run_id`, `node_id`, `attempt`) is the fence.

    `attempt` rises with every claim; `retries` counts the tries that ended by themselves and were scheduled again,
    `takeovers` those whose node died. A hand-back counts as neither.

    `claimed_at` is the store's clock, so that all times recorded of the attempt agree across skewed nodes.
    """

    run_id: UUID
    attempt: int
    retries: int
    takeovers: int
    node_id: str
    schedule_id: UUID | None
    workflow_id: UUID
    scheduled_for: datetime
    claimed_at: datetime
    trigger: Trigger
    policy: Policy
    args: Sequence[Any]
    context: Mapping[str, Any]
    community: str


@value
class Start:
    """That an attempt has begun. With `at_most_once` it is committed before the handler is called."""

    run_id: UUID
    attempt: int
    node_id: str
    started_at: datetime
    at_most_once: bool = False


@value
class Outcome:
    """What an attempt came to: a final state, or `RETRYING` with `ready_at`; `result` is JSON-able."""

    run_id: UUID
    attempt: int
    node_id: str
    state: RunState
    finished_at: datetime
    reason: Reason | None = None
    started_at: datetime | None = None
    result: Any = None
    error: str | None = None
    traceback: str | None = None
    ready_at: datetime | None = None


Ends = Mapping[UUID, tuple[RunState, Reason | None]]
"""How runs ended, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Takeover:
    """A dead node and what became of its runs: (run_id, QUEUED or LOST)."""

    node_id: str
    runs: Sequence[tuple[UUID, RunState]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One engine process. It is alive until `lease_until` (the store's clock), longer only by a heartbeat."""

    node_id: str
    host: str
    pid: int
    capacity: int
    started_at: datetime | None = None
    heartbeat_at: datetime | None = None
    lease_until: datetime | None = None
    is_alive: bool = True
