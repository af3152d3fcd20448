"""Nodes, leases, and what becomes of the runs of the dead (promise 2)."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from clockwright.engine.model import (
    MAX_TAKEOVERS,
    Claim,
    Reason,
    RunState,
    ScheduleStatus,
    Start,
)
from clockwright.engine.ports import Amendment, Store
from clockwright.recurrence import Once
from clockwright.testing.contract.base import (
    HOUR,
    LEASE,
    MINUTE,
    SECOND,
    START,
    Contract,
    added,
    claimed,
    fired,
    outcome,
    registered,
    retrying,
    running,
)
from clockwright.testing.virtual import VirtualClock

EXPIRED = LEASE + timedelta(microseconds=1)


def begun(store: Store, claim: Claim, *, at_most_once: bool) -> None:
    """Note that the attempt of a claim began."""
    start = Start(
        run_id=claim.run_id,
        attempt=claim.attempt,
        node_id=claim.node_id,
        started_at=store.now(),
        at_most_once=at_most_once,
    )
    store.record_starts([start])


class NodesContract(Contract):
    """`NodeStore`, and the fence after a takeover."""

    def test_nodes_are_listed_newest_first(self, store: Store, clock: VirtualClock) -> None:
        registered(store, "old")
        clock.advance(SECOND)
        registered(store, "new")
        new, old = store.nodes()
        assert (new.node_id, old.node_id) == ("new", "old")
        assert (old.host, old.pid, old.capacity, old.is_alive) == ("host", 1, 10, True)
        assert (old.started_at, old.heartbeat_at) == (START, START)
        assert old.lease_until == START + LEASE

    def test_a_heartbeat_renews_the_lease(self, store: Store, clock: VirtualClock) -> None:
        registered(store)
        clock.advance(LEASE)
        assert store.beat("n1", LEASE) is True
        clock.advance(LEASE)
        assert not store.take_over()
        (node,) = store.nodes()
        assert (node.heartbeat_at, node.lease_until) == (START + LEASE, START + 2 * LEASE)

    def test_a_node_without_a_heartbeat_is_declared_dead_once(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        clock.advance(EXPIRED)
        (takeover,) = store.take_over()
        assert (takeover.node_id, list(takeover.runs)) == ("n1", [])
        assert not store.take_over()
        assert store.nodes()[0].is_alive is False
        assert store.beat("n1", LEASE) is False

    def test_the_runs_of_the_dead_are_queued_again(self, store: Store, clock: VirtualClock) -> None:
        registered(store, "n1")
        registered(store, "n2")
        lost = running(store, clock, "n1")
        kept = running(store, clock, "n2")
        clock.advance(EXPIRED)
        store.beat("n2", LEASE)
        (takeover,) = store.take_over()
        assert (takeover.node_id, list(takeover.runs)) == ("n1", [(lost.run_id, RunState.QUEUED)])
        assert store.get_run(kept.run_id).state is RunState.RUNNING
        run = store.get_run(lost.run_id)
        assert (run.state, run.node_id, run.takeovers) == (RunState.QUEUED, None, 1)
        (again,) = [claim for claim in claimed(store, "n2") if claim.run_id == lost.run_id]
        assert (again.attempt, again.retries, again.takeovers) == (2, 0, 1)

    def test_a_late_outcome_from_a_lost_node_is_refused(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        claim = running(store, clock)
        clock.advance(EXPIRED)
        store.take_over()
        assert not store.record_outcomes([outcome(claim)])
        begun(store, claim, at_most_once=True)
        assert store.hand_back("n1", [claim.run_id]) == 0
        run = store.get_run(claim.run_id)
        assert (run.state, run.started_at) == (RunState.QUEUED, None)

    def test_a_run_that_is_taken_over_goes_before_what_came_later(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        first = running(store, clock)
        clock.advance(EXPIRED)
        registered(store, "n2")
        fired(store, clock, added(store, Once(clock.now() + SECOND)))
        store.take_over()
        again, _ = claimed(store, "n2")
        assert (again.run_id, again.attempt) == (first.run_id, 2)

    def test_a_node_that_reclaims_its_own_run_is_fenced_from_its_earlier_self(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        first = running(store, clock)
        clock.advance(EXPIRED)
        store.take_over()
        (second,) = claimed(store, "n1")
        assert (second.run_id, second.attempt) == (first.run_id, 2)
        assert not store.record_outcomes([outcome(first, result="early")])
        assert set(store.record_outcomes([outcome(second, result="late")])) == {first.run_id}
        assert store.get_run(first.run_id).result == "late"

    def test_a_run_that_kills_its_nodes_is_lost_in_the_end(
        self, store: Store, clock: VirtualClock
    ) -> None:
        fired(store, clock, added(store))
        rescued: list[tuple[UUID, RunState]] = []
        for generation in range(MAX_TAKEOVERS + 1):
            registered(store, f"n{generation}")
            (claim,) = claimed(store, f"n{generation}")
            assert claim.takeovers == generation
            clock.advance(EXPIRED)
            rescued += [entry for takeover in store.take_over() for entry in takeover.runs]
        assert [state for _, state in rescued] == [
            *[RunState.QUEUED] * MAX_TAKEOVERS,
            RunState.LOST,
        ]
        run = store.get_run(rescued[-1][0])
        assert (run.state, run.reason) == (RunState.LOST, Reason.CRASHED_NODE)
        assert (run.attempt, run.finished_at) == (MAX_TAKEOVERS + 1, clock.now())
        assert not claimed(store)

    def test_retries_do_not_count_as_takeovers(self, store: Store, clock: VirtualClock) -> None:
        registered(store)
        claim = running(store, clock)
        for _ in range(MAX_TAKEOVERS + 1):
            store.record_outcomes([retrying(claim, after=SECOND)])
            clock.advance(SECOND)
            (claim,) = claimed(store)
        clock.advance(EXPIRED)
        (takeover,) = store.take_over()
        assert list(takeover.runs) == [(claim.run_id, RunState.QUEUED)]

    def test_at_most_once_is_lost_after_its_start(self, store: Store, clock: VirtualClock) -> None:
        registered(store)
        claim = running(store, clock)
        begun(store, claim, at_most_once=True)
        clock.advance(EXPIRED)
        (takeover,) = store.take_over()
        assert list(takeover.runs) == [(claim.run_id, RunState.LOST)]
        run = store.get_run(claim.run_id)
        assert (run.reason, run.finished_at) == (Reason.AT_MOST_ONCE, clock.now())

    def test_at_most_once_is_queued_again_before_its_start(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        claim = running(store, clock)
        begun(store, claim, at_most_once=True)
        store.record_outcomes([retrying(claim, after=SECOND)])
        clock.advance(SECOND)
        (again,) = claimed(store)
        clock.advance(EXPIRED)
        (takeover,) = store.take_over()
        assert list(takeover.runs) == [(again.run_id, RunState.QUEUED)]

    def test_a_run_that_was_asked_to_stop_is_cancelled_when_its_node_dies(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        claim = running(store, clock)
        store.cancel_run(claim.run_id)
        clock.advance(EXPIRED)
        (takeover,) = store.take_over()
        assert list(takeover.runs) == [(claim.run_id, RunState.CANCELLED)]
        run = store.get_run(claim.run_id)
        assert (run.state, run.reason) == (RunState.CANCELLED, Reason.REQUESTED)

    def test_handing_back_counts_as_neither_retry_nor_takeover(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        begun(store, claim, at_most_once=False)
        clock.advance(SECOND)
        assert store.hand_back("n1", [claim.run_id]) == 1
        run = store.get_run(claim.run_id)
        assert (run.state, run.node_id, run.started_at) == (RunState.QUEUED, None, None)
        assert run.ready_at == clock.now()
        (again,) = claimed(store, "n2")
        assert (again.attempt, again.retries, again.takeovers) == (2, 0, 0)
        assert not store.record_outcomes([outcome(claim)])

    def test_only_ones_own_runs_are_handed_back_and_only_those_named(
        self, store: Store, clock: VirtualClock
    ) -> None:
        mine, kept, others = (running(store, clock, node) for node in ("n1", "n1", "n2"))
        assert store.hand_back("n1", [mine.run_id, others.run_id]) == 1
        assert store.hand_back("n1", []) == 0
        for claim in (kept, others):
            assert store.get_run(claim.run_id).state is RunState.RUNNING

    def test_at_most_once_that_began_is_not_handed_back_but_lost(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        begun(store, claim, at_most_once=True)
        assert store.hand_back("n1", [claim.run_id]) == 1
        run = store.get_run(claim.run_id)
        assert (run.state, run.reason) == (RunState.LOST, Reason.AT_MOST_ONCE)

    def test_a_run_that_was_asked_to_stop_is_not_handed_back_but_cancelled(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        store.cancel_run(claim.run_id)
        assert store.hand_back("n1", [claim.run_id]) == 1
        assert store.get_run(claim.run_id).state is RunState.CANCELLED
        assert not claimed(store)

    def test_a_node_that_retires_lets_go_of_everything(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        claim = running(store, clock)
        store.retire_node("n1")
        assert store.get_run(claim.run_id).state is RunState.QUEUED
        assert store.nodes()[0].is_alive is False
        assert store.beat("n1", LEASE) is False
        clock.advance(EXPIRED)
        assert not store.take_over()

    def test_a_node_is_told_all_that_it_holds(self, store: Store, clock: VirtualClock) -> None:
        mine, also_mine, others = (running(store, clock, node) for node in ("n1", "n1", "n2"))
        assert set(store.held_runs("n1")) == {mine.run_id, also_mine.run_id}
        store.record_outcomes([outcome(mine), retrying(also_mine)])
        assert not store.held_runs("n1")
        assert set(store.held_runs("n2")) == {others.run_id}

    def test_what_a_node_claimed_after_its_death_is_taken_from_it(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        clock.advance(EXPIRED)
        store.take_over()
        claim = running(store, clock)
        (takeover,) = store.take_over()
        assert (takeover.node_id, list(takeover.runs)) == ("n1", [(claim.run_id, RunState.QUEUED)])
        assert not store.take_over()

    def test_nothing_of_a_removed_schedule_is_queued_again(
        self, store: Store, clock: VirtualClock
    ) -> None:
        registered(store)
        schedule = added(store)
        fired(store, clock, schedule, 2)
        first, second = claimed(store)
        store.amend_schedule(
            schedule.schedule_id, Amendment(fields={"status": ScheduleStatus.REMOVED})
        )
        assert store.hand_back("n1", [first.run_id]) == 1
        clock.advance(EXPIRED)
        (takeover,) = store.take_over()
        assert list(takeover.runs) == [(second.run_id, RunState.CANCELLED)]
        ended = [store.get_run(claim.run_id) for claim in (first, second)]
        assert {run.reason for run in ended} == {Reason.SCHEDULE_REMOVED}

    def test_a_thread_that_let_go_may_call_again(self, store: Store) -> None:
        registered(store)
        store.release()
        assert store.beat("n1", LEASE) is True

    def test_pruning_deletes_old_final_runs_and_nothing_else(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store)
        fired(store, clock, schedule, 3)
        first, second, third = claimed(store)
        store.record_outcomes([retrying(first, after=SECOND), outcome(second)])
        clock.advance(SECOND)
        (again,) = claimed(store)
        store.record_outcomes([outcome(again)])
        clock.advance(HOUR)
        fired(store, clock, schedule)
        assert store.prune(clock.now() - 2 * HOUR, 10) == 0
        assert store.prune(clock.now() - 10 * MINUTE, 1) == 1
        assert store.prune(clock.now() - 10 * MINUTE, 10) == 1
        left = [run.run_id for run in store.runs_of(schedule.schedule_id)]
        assert left[0] == third.run_id
        assert first.run_id not in left
        settled_again = fired(store, clock, schedule)
        assert settled_again[0].run_id not in left
