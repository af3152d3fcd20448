"""Cancelling a run in each of its states."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from clockwright.engine.model import Overlap, Reason, RunState
from clockwright.engine.ports import Store, UnknownRun
from clockwright.testing.contract.base import (
    MINUTE,
    SECOND,
    UNLIMITED,
    Contract,
    added,
    claimed,
    fired,
    outcome,
    retrying,
    running,
)
from clockwright.testing.virtual import VirtualClock


class CancellingContract(Contract):
    """`cancel_run` and `cancelled_runs`."""

    def test_a_queued_run_ends_at_once(self, store: Store, clock: VirtualClock) -> None:
        (run,) = fired(store, clock, added(store))
        clock.advance(SECOND)
        cancelled = store.cancel_run(run.run_id)
        assert (cancelled.state, cancelled.reason) == (RunState.CANCELLED, Reason.REQUESTED)
        assert cancelled.finished_at == clock.now()
        assert cancelled == store.get_run(run.run_id)
        assert not claimed(store)

    def test_a_buffered_run_ends_at_once(self, store: Store, clock: VirtualClock) -> None:
        policy = replace(UNLIMITED, max_instances=1, overlap=Overlap.BUFFER_ONE)
        _, waiting = fired(store, clock, added(store, policy=policy), 2)
        assert store.cancel_run(waiting.run_id).state is RunState.CANCELLED
        (claim,) = claimed(store)
        store.record_outcomes([outcome(claim)])
        assert store.promote_buffered() == 0

    def test_a_retrying_run_ends_at_once(self, store: Store, clock: VirtualClock) -> None:
        claim = running(store, clock)
        store.record_outcomes([retrying(claim)])
        assert store.cancel_run(claim.run_id).state is RunState.CANCELLED
        clock.advance(2 * MINUTE)
        assert not claimed(store)

    def test_a_running_run_is_asked_to_stop(self, store: Store, clock: VirtualClock) -> None:
        claim = running(store, clock)
        other = running(store, clock, node_id="n2")
        asked = store.cancel_run(claim.run_id)
        assert (asked.state, asked.cancel_requested) == (RunState.RUNNING, True)
        assert set(store.cancelled_runs("n1")) == {claim.run_id}
        assert not store.cancelled_runs("n2")
        assert not store.get_run(other.run_id).cancel_requested
        stopped = outcome(claim, RunState.CANCELLED, Reason.REQUESTED)
        assert set(store.record_outcomes([stopped])) == {claim.run_id}
        assert store.get_run(claim.run_id).state is RunState.CANCELLED
        assert not store.cancelled_runs("n1")

    def test_a_run_may_end_before_it_hears_of_the_request(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        store.cancel_run(claim.run_id)
        store.record_outcomes([outcome(claim, result="done")])
        run = store.get_run(claim.run_id)
        assert (run.state, run.reason, run.result) == (RunState.SUCCEEDED, None, "done")

    def test_a_run_that_was_asked_to_stop_is_not_tried_again(
        self, store: Store, clock: VirtualClock
    ) -> None:
        claim = running(store, clock)
        store.cancel_run(claim.run_id)
        recorded = store.record_outcomes([retrying(claim)])
        assert set(recorded) == {claim.run_id}
        assert recorded.otherwise == {claim.run_id: (RunState.CANCELLED, Reason.REQUESTED)}
        run = store.get_run(claim.run_id)
        assert (run.state, run.reason) == (RunState.CANCELLED, Reason.REQUESTED)
        assert run.finished_at is not None
        clock.advance(2 * MINUTE)
        assert not claimed(store)

    def test_a_final_run_stays_as_it_is(self, store: Store, clock: VirtualClock) -> None:
        claim = running(store, clock)
        store.record_outcomes([outcome(claim)])
        before = store.get_run(claim.run_id)
        assert store.cancel_run(claim.run_id) == before

    def test_asking_twice_changes_nothing(self, store: Store, clock: VirtualClock) -> None:
        claim = running(store, clock)
        first = store.cancel_run(claim.run_id)
        assert store.cancel_run(claim.run_id) == first

    def test_an_unknown_run_is_refused(self, store: Store) -> None:
        with pytest.raises(UnknownRun):
            store.cancel_run(uuid4())
