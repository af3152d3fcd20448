"""What the parts of the contract share: a store on a virtual clock, and short words for what tests do to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from clockwright.engine.model import (
    Claim,
    Node,
    Outcome,
    Policy,
    Reason,
    Run,
    RunState,
    Schedule,
    Settlement,
)
from clockwright.engine.ports import Clock, Store
from clockwright.recurrence import Interval, Once, Recurrence
from clockwright.testing.virtual import VirtualClock

START = datetime(2026, 3, 1, 0, 0, 30, tzinfo=UTC)
"""Half past a minute: the first fire time of `MINUTELY` comes 30 seconds later."""

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
LEASE = timedelta(seconds=15)
WORKFLOW = UUID("7a6d4f0e-0b51-4c1e-9d0e-6d6a5a3f1c11")
MINUTELY = Interval(minutes=1)
SECONDLY = Interval(seconds=1)
UNLIMITED = Policy(max_instances=1_000_000, grace=None)
"""A policy that hinders nothing."""

MakeStore = Callable[[Clock], Store]


class Contract:
    """Fixtures and words."""

    @pytest.fixture
    def clock(self) -> VirtualClock:
        """Time stands at START until a test moves it."""
        return VirtualClock(START)

    @pytest.fixture
    def store(self, make_store: MakeStore, clock: VirtualClock) -> Store:
        """An empty store on that clock."""
        return make_store(clock)

    def end_of_thread(self) -> None:
        """Called last in every thread that a test started."""


def added(
    store: Store, recurrence: Recurrence = MINUTELY, policy: Policy = UNLIMITED, **fields: Any
) -> Schedule:
    """A schedule, as the store returned it."""
    schedule = Schedule(
        schedule_id=uuid4(),
        workflow_id=WORKFLOW,
        recurrence=recurrence,
        settled_until=store.now(),
        policy=policy,
        **fields,
    )
    return store.add_schedule(schedule)


def settled(store: Store, limit: int = 100) -> list[Settlement]:
    """Everything that is due, settled."""
    settlements: list[Settlement] = []
    while True:
        answer = store.settle_due(limit)
        settlements += answer.settlements
        if not answer.is_backlogged:
            return settlements


def fired(store: Store, clock: VirtualClock, schedule: Schedule, count: int = 1) -> list[Run]:
    """The next `count` fire times of a schedule, each settled when it came; the runs, oldest first."""
    for instant in schedule.recurrence.upcoming(clock.now(), count):
        clock.set(instant)
        settled(store)
    return list(store.runs_of(schedule.schedule_id))[-count:]


def claimed(store: Store, node_id: str = "n1", limit: int = 100) -> Sequence[Claim]:
    """What a node got."""
    return store.claim_runs(node_id, limit).claims


def running(store: Store, clock: VirtualClock, node_id: str = "n1", **fields: Any) -> Claim:
    """The claim of the run of a new one-time schedule, which is due a second from now."""
    fired(store, clock, added(store, Once(clock.now() + SECOND), **fields))
    (claim,) = claimed(store, node_id)
    return claim


def outcome(
    claim: Claim, state: RunState = RunState.SUCCEEDED, reason: Reason | None = None, **fields: Any
) -> Outcome:
    """What a claim came to: begun when it was claimed, ended a second later."""
    made = Outcome(
        run_id=claim.run_id,
        attempt=claim.attempt,
        node_id=claim.node_id,
        state=state,
        reason=reason,
        started_at=claim.claimed_at,
        finished_at=claim.claimed_at + SECOND,
    )
    return replace(made, **fields)


def retrying(claim: Claim, after: timedelta = MINUTE) -> Outcome:
    """A failure that is tried again."""
    ready_at = claim.claimed_at + after
    return outcome(claim, RunState.RETRYING, Reason.ERROR, ready_at=ready_at, error="no luck")


def registered(store: Store, node_id: str = "n1") -> str:
    """A living node."""
    store.register_node(Node(node_id=node_id, host="host", pid=1, capacity=10), LEASE)
    return node_id


def tally(store: Store, schedule: Schedule) -> Counter[tuple[RunState, Reason | None]]:
    """How many fire times of a schedule are in which state for which reason, range rows counted in full."""
    counts: Counter[tuple[RunState, Reason | None]] = Counter()
    for run in store.runs_of(schedule.schedule_id):
        counts[run.state, run.reason] += run.covers_count
    return counts


def states(store: Store, schedule: Schedule) -> list[RunState]:
    """The states of a schedule's runs in the order of their fire times."""
    return [run.state for run in store.runs_of(schedule.schedule_id)]
