"""A node that settles takes a share of the runs in the same transaction; whatever it does not take is queued."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from clockwright.engine.model import CatchUp, Outcome, Overlap, RunState, Start
from clockwright.engine.ports import Settled, Share, Store
from clockwright.engine.spread import start_offset
from clockwright.recurrence import Once
from clockwright.testing.contract.base import (
    LEASE,
    MINUTE,
    MINUTELY,
    SECOND,
    START,
    UNLIMITED,
    Contract,
    added,
    claimed,
    outcome,
    registered,
)
from clockwright.testing.virtual import VirtualClock


class SharingContract(Contract):
    """`settle_due` with a share."""

    def test_a_share_is_claimed_as_it_is_settled(self, store: Store, clock: VirtualClock) -> None:
        policy = replace(UNLIMITED, max_retries=5, timeout=timedelta(seconds=9))
        schedule = added(
            store, Once(START + SECOND), policy, args=[1, "two"], context={"to": "ops"}
        )
        (claim,) = taken(store, clock).claims
        assert claim.schedule_id == schedule.schedule_id
        assert (claim.attempt, claim.retries, claim.takeovers, claim.node_id) == (1, 0, 0, "n1")
        assert (claim.policy, list(claim.args), claim.context) == (
            policy,
            [1, "two"],
            {"to": "ops"},
        )
        assert (claim.scheduled_for, claim.claimed_at) == (START + SECOND, clock.now())
        run = store.get_run(claim.run_id)
        assert (run.state, run.attempt, run.node_id) == (RunState.RUNNING, 1, "n1")
        assert (run.created_at, run.ready_at) == (clock.now(), clock.now())
        assert (run.started_at, run.finished_at) == (None, None)
        assert store.get_schedule(schedule.schedule_id).last_execution_id == run.run_id

    def test_what_is_in_a_share_is_not_claimed_again(
        self, store: Store, clock: VirtualClock
    ) -> None:
        due(store, 5)
        ours = {claim.run_id for claim in taken(store, clock, room=3).claims}
        assert len(ours) == 3
        theirs = {claim.run_id for claim in claimed(store, "n2")}
        assert len(theirs) == 2
        assert not ours & theirs

    def test_the_longest_due_are_taken_first(self, store: Store, clock: VirtualClock) -> None:
        for seconds in (3, 1, 2):
            added(store, Once(START + seconds * SECOND))
        clock.advance(3 * SECOND)
        claims = store.settle_due(10, Share(node_id="n1", room=2)).claims
        assert [claim.scheduled_for for claim in claims] == [START + SECOND, START + 2 * SECOND]

    def test_the_urgent_are_taken_before_the_longest_due(
        self, store: Store, clock: VirtualClock
    ) -> None:
        for seconds, priority in ((1, 0), (2, 1), (3, 0), (4, 7)):
            policy = replace(UNLIMITED, priority=priority)
            added(store, Once(START + seconds * SECOND), policy)
        clock.advance(4 * SECOND)
        shared = store.settle_due(10, Share(node_id="n1", room=3)).claims
        left = store.claim_runs("n2", 10).claims
        places = [(claim.scheduled_for - START) // SECOND for claim in (*shared, *left)]
        assert places == [4, 2, 1, 3]

    def test_without_a_share_nothing_is_claimed(self, store: Store, clock: VirtualClock) -> None:
        due(store, 2)
        clock.advance(SECOND)
        assert not store.settle_due(10).claims
        assert len(claimed(store)) == 2

    def test_only_what_may_run_is_in_a_share(self, store: Store, clock: VirtualClock) -> None:
        """Overlap and catch-up are judged as without a share; what waits for room is buffered."""
        policy = replace(
            UNLIMITED, catch_up=CatchUp.ALL, overlap=Overlap.BUFFER_ONE, max_instances=1
        )
        schedule = added(store, MINUTELY, policy)
        clock.advance(3 * MINUTE)
        claims = store.settle_due(10, Share(node_id="n1", room=10)).claims
        assert len(claims) == 1
        assert [run.state for run in store.runs_of(schedule.schedule_id)] == [
            RunState.RUNNING,
            RunState.BUFFERED,
            RunState.SKIPPED,
        ]

    def test_a_run_with_jitter_is_claimed_at_its_place_by_whoever_is_free(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """Its fire time stays what it was; the place is the same however often it is asked."""
        policy = replace(UNLIMITED, jitter=timedelta(seconds=50))
        schedule = added(store, MINUTELY, policy)
        at = START + MINUTE / 2
        clock.set(at)
        assert not store.settle_due(10, Share(node_id="n1", room=10)).claims
        (run,) = store.runs_of(schedule.schedule_id)
        place = at + start_offset(schedule.schedule_id, at, policy.jitter)
        assert (run.state, run.scheduled_for, run.ready_at) == (RunState.QUEUED, at, place)
        assert at < place < at + policy.jitter
        waiting = store.claim_runs("n1", 10)
        assert (list(waiting.claims), waiting.next_ready_at) == ([], place)
        clock.set(place)
        (claim,) = claimed(store, "n2")
        assert (claim.run_id, claim.scheduled_for) == (run.run_id, at)

    def test_a_run_that_is_settled_after_its_place_is_ready_at_once(
        self, store: Store, clock: VirtualClock
    ) -> None:
        added(store, MINUTELY, replace(UNLIMITED, jitter=timedelta(seconds=20)))
        clock.set(START + MINUTE)
        assert len(store.settle_due(10, Share(node_id="n1", room=10)).claims) == 1

    def test_a_shared_run_counts_as_active(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store, MINUTELY, replace(UNLIMITED, max_instances=1))
        clock.advance(MINUTE)
        share = Share(node_id="n1", room=10)
        assert len(store.settle_due(10, share).claims) == 1
        clock.advance(MINUTE)
        assert not store.settle_due(10, share).claims
        assert [run.state for run in store.runs_of(schedule.schedule_id)] == [
            RunState.RUNNING,
            RunState.SKIPPED,
        ]

    def test_a_shared_run_is_recorded_behind_its_fence(
        self, store: Store, clock: VirtualClock
    ) -> None:
        due(store, 2)
        first, second = taken(store, clock).claims
        late: Outcome = replace(outcome(second), node_id="n2")
        assert set(store.record_outcomes([outcome(first), late])) == {first.run_id}
        assert store.get_run(first.run_id).state is RunState.SUCCEEDED
        assert store.get_run(second.run_id).state is RunState.RUNNING

    def test_a_shared_run_of_a_node_that_dies_is_taken_over(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        due(store, 1)
        (claim,) = taken(store, clock).claims
        clock.advance(LEASE + SECOND)
        (takeover,) = store.take_over()
        assert list(takeover.runs) == [(claim.run_id, RunState.QUEUED)]
        (again,) = claimed(store, "n2")
        assert (again.attempt, again.takeovers) == (2, 1)

    def test_a_shared_run_that_starts_at_most_once_is_lost_with_its_node(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        due(store, 1)
        (claim,) = taken(store, clock).claims
        start = Start(
            run_id=claim.run_id,
            attempt=1,
            node_id="n1",
            started_at=clock.now(),
            at_most_once=True,
        )
        assert store.record_starts([start]) == {claim.run_id}
        clock.advance(LEASE + SECOND)
        store.take_over()
        assert store.get_run(claim.run_id).state is RunState.LOST

    def test_a_shared_run_is_handed_back(self, store: Store, clock: VirtualClock) -> None:
        due(store, 1)
        (claim,) = taken(store, clock).claims
        assert store.hand_back("n1", [claim.run_id]) == 1
        (again,) = claimed(store, "n2")
        assert (again.run_id, again.attempt, again.takeovers) == (claim.run_id, 2, 0)


def due(store: Store, count: int) -> None:
    """So many one-time schedules, due a second from now."""
    for _ in range(count):
        added(store, Once(store.now() + SECOND))


def taken(store: Store, clock: VirtualClock, room: int = 100) -> Settled:
    """What a node gets that settles a second later."""
    clock.advance(SECOND)
    return store.settle_due(100, Share(node_id="n1", room=room))
