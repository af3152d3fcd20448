"""What the engine asks of the world: a store, a clock, a wake-up, an executor and a resolver of workflows.

A store is synchronous: one call is one transaction, and no user code runs inside one. The loops reach it through
`offload`. `clockwright.testing.contract` is the meaning of these methods as tests; every store passes it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Protocol
from uuid import UUID

from clockwright.engine.model import (
    Claim,
    Ends,
    Node,
    Outcome,
    Reason,
    Run,
    Schedule,
    Settlement,
    Start,
    Takeover,
    value,
)


class Clock(Protocol):
    """The one source of the present."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""


class Wakeup(Protocol):
    """How one part of the engine tells another that there is something to look at, also across processes."""

    def start(self) -> None:
        """Begin to listen; may block while it connects. Calling it twice does nothing more."""

    def close(self) -> None:
        """Stop listening; calling it twice does nothing more."""

    def notify(self) -> None:
        """Wake every waiter, in this process and others; callable from any thread, never blocks."""

    async def wait(self, seconds: float) -> None:
        """Return after a notification that came since the last wait returned, or after `seconds`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What a node that settles takes for itself: `room` ready runs, by priority and then the longest due, as they are written."""

    node_id: str
    room: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What one `settle_due` did: the settlements, the store's now, and the earliest fire time still to come.

    `claims`: the runs among them that the node took. `is_backlogged`: due schedules were left for the next call.
    """

    now: datetime
    settlements: Sequence[Settlement] = ()
    claims: Sequence[Claim] = ()
    next_due_at: datetime | None = None
    is_backlogged: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """What one `claim_runs` gave, the store's now, and when the earliest of what waits for its time becomes ready."""

    now: datetime
    claims: Sequence[Claim] = ()
    next_ready_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """That a schedule paused itself after `failures` failed runs in a row, as many as its policy allows."""

    schedule_id: UUID
    workflow_id: UUID
    community: str
    failures: int


class Recorded(frozenset[UUID]):
    """The runs whose outcomes were written, and the schedules that paused themselves with them.

    `otherwise`: of those that ended in another way than was reported: asked to stop, a run is not tried again.
    """

    paused: Sequence[Pause] = ()
    otherwise: Ends = MappingProxyType({})

    @classmethod
    def of(cls, run_ids: Collection[UUID], paused: Sequence[Pause], otherwise: Ends) -> Recorded:
        """All together."""
        recorded = cls(run_ids)
        recorded.paused = paused
        recorded.otherwise = otherwise
        return recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class Amendment:
    """A change to a schedule. A field left out of `fields` stays as it is; see `AMENDABLE`.

    `expected_version`: refuse with `VersionConflict` unless the schedule still has this version.
    """

    fields: Mapping[str, Any] = field(default_factory=dict)
    expected_version: int | None = None

    def __post_init__(self) -> None:
        """Refuse names that no caller may change."""
        unknown = set(self.fields) - AMENDABLE
        if unknown:
            raise TypeError(f"not amendable: {', '.join(sorted(unknown))}")


AMENDABLE = frozenset(
    {
        "recurrence",
        "policy",
        "start_at",
        "end_at",
        "args",
        "context",
        "workflow_id",
        "status",
        "status_reason",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualRun:
    """A run somebody asks for now; unique by `request_id`. Where `context` or `priority` is None the schedule's is meant."""

    request_id: str
    context: Mapping[str, Any] | None = None
    priority: int | None = None


class StoreError(Exception):
    """Something a store refuses; the subclasses say what."""


class UnknownSchedule(StoreError, LookupError):
    """No such schedule; `.args[0]` is its id."""


class UnknownRun(StoreError, LookupError):
    """No such run; `.args[0]` is its id."""


class DuplicateKey(StoreError):
    """The community already has a schedule of this key; `.args[0]` is the key."""


class VersionConflict(StoreError):
    """The schedule was changed by somebody else in the meantime."""


class NothingToRun(StoreError):
    """The schedule would be active without any fire time left."""


class ScheduleStore(Protocol):
    """Schedules and the settling of their fire times."""

    @property
    def settles_side_by_side(self) -> bool:
        """Whether two `settle_due` at a time get further than one: not where there is one writer."""

    def now(self) -> datetime:
        """The store's clock: the one by which everything is due."""

    def add_schedule(self, schedule: Schedule) -> Schedule:
        """Insert with watermark = now and `next_execution_at` computed; raises DuplicateKey, NothingToRun."""

    def get_schedule(self, schedule_id: UUID) -> Schedule:
        """The schedule; raises UnknownSchedule."""

    def amend_schedule(self, schedule_id: UUID, amendment: Amendment) -> Schedule:
        """Lock, settle the old rule up to now, then apply; raises UnknownSchedule, VersionConflict, NothingToRun.

        Setting the status REMOVED cancels the runs that have not started.
        """

    def settle_due(self, limit: int, share: Share | None = None) -> Settled:
        """Settle up to `limit` due schedules nobody else is settling: rows and watermarks in one transaction.

        With a `share` its runs are written as running, claimed by the node at the first attempt.
        """


class RunStore(Protocol):
    """Runs: claiming, starting, recording, cancelling."""

    def claim_runs(self, node_id: str, limit: int) -> Claimed:
        """Give the node up to `limit` ready runs, each with its attempt raised by one.

        By priority, highest first; then by `ready_at`, oldest first; then by `run_id`.
        """

    def record_starts(self, starts: Sequence[Start]) -> Collection[UUID]:
        """Note that attempts began (at most once is never unsaid); returns the runs whose fence still held."""

    def record_outcomes(self, outcomes: Sequence[Outcome]) -> Recorded:
        """Record what attempts came to, in one transaction; returns the runs whose fence (run, node, attempt) held.

        A schedule with as many failed runs in a row as `pause_after_failures` says pauses itself in that transaction.
        Only its own fire times count; a success, and any change of the schedule, begins the count anew.

        A retried attempt is kept in the history of attempts and raises `retries`; a run that was asked to stop and
        would retry ends CANCELLED.
        """

    def promote_buffered(self) -> int:
        """Queue buffered runs of schedules with room below `max_instances`, oldest first; returns how many."""

    def trigger_run(self, schedule_id: UUID, run: ManualRun) -> Run:
        """Queue a manual run, or return the one this `request_id` made before; raises UnknownSchedule."""

    def cancel_run(self, run_id: UUID, reason: Reason = Reason.REQUESTED) -> Run:
        """End a run that has not started, ask a running one to stop; final ones stay; raises UnknownRun."""

    def cancelled_runs(self, node_id: str) -> Collection[UUID]:
        """The node's running runs that were asked to stop."""

    def held_runs(self, node_id: str) -> Collection[UUID]:
        """All running runs of the node, also those whose claim it never heard the answer to."""

    def get_run(self, run_id: UUID) -> Run:
        """The run; raises UnknownRun."""

    def runs_of(self, schedule_id: UUID) -> Sequence[Run]:
        """All runs of a schedule in the order of `scheduled_for`."""


class NodeStore(Protocol):
    """Nodes, leases and what happens to the runs of the dead."""

    def register_node(self, node: Node, lease: timedelta) -> None:
        """Insert a node alive for `lease`."""

    def beat(self, node_id: str, lease: timedelta) -> bool:
        """Renew the lease; False when the node has been declared dead (or retired): it must start anew."""

    def take_over(self) -> Sequence[Takeover]:
        """Declare nodes with an expired lease dead; requeue their runs, or lose them (promise 2)."""

    def hand_back(self, node_id: str, run_ids: Collection[UUID]) -> int:
        """Requeue running runs that the node will not finish; an at-most-once run that began is lost instead.

        Neither a retry nor a takeover is counted. Returns how many runs the node let go of.
        """

    def retire_node(self, node_id: str) -> None:
        """Take a node that stops out of the living, after handing back whatever it still holds."""

    def nodes(self) -> Sequence[Node]:
        """All known nodes, newest first."""

    def prune(self, before: datetime, limit: int) -> int:
        """Delete up to `limit` final runs that ended before an instant; returns how many."""


class Store(ScheduleStore, RunStore, NodeStore, Protocol):
    """Everything the engine keeps."""

    def hold(self) -> None:
        """Have the calling thread keep a connection of its own between calls, until it releases it."""

    def release(self) -> None:
        """Let go of what the calling thread holds, such as a connection; for a thread that ends."""


@value
class RunContext:
    """What a handler may ask to be given (annotate a parameter with it).

    `run_id` is the idempotency key: the same in every attempt. Instants are aware UTC. `step`, where a workflow of
    several steps called the function: which of them did; the idempotency key is both together.
    """

    run_id: UUID
    attempt: int
    schedule_id: UUID | None
    scheduled_for: datetime
    triggered_at: datetime
    trigger: str
    community: str
    context: Mapping[str, Any]
    step: str | None = None

    @property
    def trigger_data(self) -> Mapping[str, Any]:
        """The documented `trigger_data` (S4-40): JSON-able; the context cannot hide a system key (C-16)."""
        return {
            **self.context,
            "schedule_id": str(self.schedule_id) if self.schedule_id else None,
            "execution_id": str(self.run_id),
            "triggered_at": self.triggered_at.isoformat(),
            "scheduled_for": self.scheduled_for.isoformat(),
            "attempt": self.attempt,
            "context": dict(self.context),
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessCall:
    """A plain function as a worker process finds it: there is nothing of it but names, which code gave.

    `bootstrap`: `module:function`, called once in a new process; what it returns calls functions by their `key`.
    `module`: what defines the function; it is imported there as well.
    """

    bootstrap: str
    key: str
    module: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Handler:
    """What a workflow id resolves to. `call` takes the RunContext and the stored positional arguments.

    It is a coroutine function, or a plain one that wants a thread (`is_coroutine` tells). It returns JSON, raises
    `InvalidPayload` when the arguments do not fit and `InvalidResult` when the result is not JSON.

    `pass_on`, where its runs are executed by somebody else: gives the claim away, or raises.
    `process`, where it must be stoppable: how a worker process calls it, instead of `call` in this one.
    """

    name: str
    call: Callable[[RunContext, Sequence[Any]], Awaitable[Any] | Any]
    is_coroutine: bool
    timeout: timedelta | None = None
    max_retries: int | None = None
    at_most_once: bool = False
    pass_on: Callable[[Claim], Awaitable[None]] | None = None
    process: ProcessCall | None = None


class WorkflowResolver(Protocol):
    """Filled by `workflows`: what a workflow id means in this process."""

    def resolve(self, workflow_id: UUID) -> Handler | None:
        """The handler, or None when this process does not know the workflow."""


class InvalidPayload(TypeError):
    """The stored arguments do not fit the handler."""


class InvalidResult(TypeError):
    """The handler returned something that is not JSON."""


class DoNotRetry(Exception):
    """Raised by a handler, or from an error of its own: another try cannot mend this, so that none is made."""


class NotRegistered(LookupError):
    """Raised by a handler that looks its workflow up: this process knows none of that id."""


class RunTimedOut(DoNotRetry):
    """Raised by a handler that keeps the time itself: the run took longer than it may in all its attempts."""


class LetGo(BaseException):
    """Raised by a handler that has put its run down, or lost it to another node: there is no outcome to record.

    No Exception, so that what a handler runs through does not take it for a failure.
    """


class Executor(Protocol):
    """Runs one attempt and says what it came to; never raises."""

    async def execute(self, claim: Claim, now: Callable[[], datetime]) -> Outcome | None:
        """Resolve, call under the timeout, judge by the retry policy.

        None when the fence closed before the start, or the claim was passed on.
        """

    def cancel(self, run_id: UUID) -> None:
        """Ask a running attempt to stop."""
