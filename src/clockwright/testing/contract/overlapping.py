"""Fire times that come while `max_instances` runs are active, and runs that wait in a buffer."""

from __future__ import annotations

from dataclasses import replace

from clockwright.engine.model import Overlap, Policy, Reason, RunState
from clockwright.engine.ports import Amendment, Store
from clockwright.testing.contract.base import (
    UNLIMITED,
    Contract,
    added,
    claimed,
    fired,
    outcome,
    states,
    tally,
)
from clockwright.testing.virtual import VirtualClock


def alone(overlap: Overlap, max_instances: int = 1) -> Policy:
    """A policy that lets so many run at a time."""
    return replace(UNLIMITED, max_instances=max_instances, overlap=overlap)


class OverlappingContract(Contract):
    """What `settle_due` sees of the runs there are, and `promote_buffered`."""

    def test_a_run_counts_as_active_until_it_has_ended(
        self, store: Store, clock: VirtualClock
    ) -> None:
        """S2-17, C-05: queued, running and retrying runs take up room."""
        schedule = added(store, policy=alone(Overlap.SKIP))
        fired(store, clock, schedule, 2)
        (claim,) = claimed(store)
        fired(store, clock, schedule)
        store.record_outcomes([outcome(claim)])
        fired(store, clock, schedule)
        assert states(store, schedule) == [
            RunState.SUCCEEDED,
            RunState.SKIPPED,
            RunState.SKIPPED,
            RunState.QUEUED,
        ]
        assert tally(store, schedule)[RunState.SKIPPED, Reason.OVERLAP] == 2

    def test_other_schedules_take_up_no_room(self, store: Store, clock: VirtualClock) -> None:
        first, second = (added(store, policy=alone(Overlap.SKIP)) for _ in range(2))
        fired(store, clock, first)
        assert states(store, first) == states(store, second) == [RunState.QUEUED]

    def test_a_buffered_run_is_not_claimed_until_there_is_room(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, policy=alone(Overlap.BUFFER_ONE))
        fired(store, clock, schedule, 3)
        assert states(store, schedule) == [RunState.QUEUED, RunState.BUFFERED, RunState.SKIPPED]
        assert tally(store, schedule)[RunState.SKIPPED, Reason.BUFFER_FULL] == 1
        (claim,) = claimed(store)
        assert store.promote_buffered() == 0
        assert not claimed(store)
        store.record_outcomes([outcome(claim)])
        assert store.promote_buffered() == 1
        assert store.promote_buffered() == 0
        (later,) = claimed(store)
        assert later.scheduled_for > claim.scheduled_for

    def test_buffered_runs_are_promoted_oldest_first_and_only_into_room(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, policy=alone(Overlap.BUFFER_ALL, max_instances=2))
        fired(store, clock, schedule, 6)
        first, _ = claimed(store)
        store.record_outcomes([outcome(first)])
        assert store.promote_buffered() == 1
        assert states(store, schedule) == [
            RunState.SUCCEEDED,
            RunState.RUNNING,
            RunState.QUEUED,
            *[RunState.BUFFERED] * 3,
        ]

    def test_each_schedule_has_its_own_room(self, store: Store, clock: VirtualClock) -> None:
        schedules = [added(store, policy=alone(Overlap.BUFFER_ALL)) for _ in range(3)]
        fired(store, clock, schedules[0], 2)
        store.record_outcomes([outcome(claim) for claim in claimed(store)[:2]])
        assert store.promote_buffered() == 2

    def test_a_new_fire_time_replaces_what_runs(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store, policy=alone(Overlap.CANCEL_RUNNING))
        fired(store, clock, schedule)
        (claim,) = claimed(store)
        fired(store, clock, schedule)
        assert states(store, schedule) == [RunState.RUNNING, RunState.BUFFERED]
        assert store.cancelled_runs("n1") == {claim.run_id}
        assert store.promote_buffered() == 0
        stopped = outcome(claim, RunState.CANCELLED, Reason.REQUESTED)
        store.record_outcomes([stopped])
        assert store.promote_buffered() == 1
        assert states(store, schedule) == [RunState.CANCELLED, RunState.QUEUED]

    def test_a_new_fire_time_replaces_what_has_not_started(
        self, store: Store, clock: VirtualClock
    ) -> None:
        schedule = added(store, policy=alone(Overlap.CANCEL_RUNNING))
        fired(store, clock, schedule, 2)
        store.promote_buffered()
        assert states(store, schedule) == [RunState.CANCELLED, RunState.QUEUED]
        assert tally(store, schedule)[RunState.CANCELLED, Reason.REPLACED] == 1

    def test_only_the_oldest_are_replaced(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store, policy=alone(Overlap.CANCEL_RUNNING, max_instances=2))
        fired(store, clock, schedule, 2)
        oldest, _ = claimed(store)
        fired(store, clock, schedule)
        assert store.cancelled_runs("n1") == {oldest.run_id}

    def test_a_larger_limit_lets_the_buffer_go(self, store: Store, clock: VirtualClock) -> None:
        schedule = added(store, policy=alone(Overlap.BUFFER_ALL))
        fired(store, clock, schedule, 4)
        wider = alone(Overlap.BUFFER_ALL, max_instances=3)
        store.amend_schedule(schedule.schedule_id, Amendment(fields={"policy": wider}))
        assert store.promote_buffered() == 2
        without = alone(Overlap.ALLOW)
        store.amend_schedule(schedule.schedule_id, Amendment(fields={"policy": without}))
        assert store.promote_buffered() == 1
